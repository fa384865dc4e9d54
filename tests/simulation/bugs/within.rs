//! Bugs within the program: `bugs.patch` puts them into a copy of it, each behind a switch. The copy is built once, and
//! simulates each bug in a process of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// The copy's package and program: by another name than the real ones, beside which they are built. By the same name, cargo
/// takes the copy's library for the real one.
const PROGRAM: &str = "isotherm-with-bugs";

/// What the program is built from.
const SOURCES: [&str; 6] = ["Cargo.lock", "Cargo.toml", "build.rs", "proto", "settings", "src"];

/// Finds a bug of the patch, and gives the number of the invariant that does not hold.
pub fn found(bug: &str) -> String {
    let report = simulated(bug, super::SEEDS_MAX);
    let violation = &report["violation"];
    assert!(violation.is_object(), "{bug} was not found in {} seeds", super::SEEDS_MAX);
    println!("{bug}: seed {}, {}", violation["seed"], violation["what"]);
    println!("  {} faults are enough:\n{}", violation["fewest_faults"], violation["shrunk_plan"]);
    violation["invariant"].as_str().expect("it has a number").to_owned()
}

/// The switches by themselves do nothing.
#[test]
fn without_a_bug_everything_holds() {
    let report = simulated("", 200);
    assert_eq!((&report["runs"], &report["violation"]), (&200.into(), &Value::Null));
}

fn simulated(bug: &str, runs: u64) -> Value {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(build);
    let mut program = Command::new(&*BUILT);
    program.args(["chaos", "--json", "--runs", &runs.to_string()]).env("ISOTHERM_BUG", bug);
    let output = program.output().expect("the program was built");
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{bug}: {}: {told}", output.status))
}

/// Builds the copy with the profile and in the folder of these tests, where all that it depends on is built already.
fn build() -> PathBuf {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("with-bugs");
    patch_into(&copy);
    let this_test = std::env::current_exe().expect("it has a path");
    let built = this_test.ancestors().nth(2).expect("it is in `deps` in the folder of its profile");
    let profile = match built.file_name().expect("profiles have names").to_str().expect("ASCII") {
        "debug" => "dev",
        other => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--offline", "--bin", PROGRAM, "--profile", profile]);
    if cfg!(feature = "tls") {
        cargo.args(["--features", "tls"]);
    }
    cargo.arg("--target-dir").arg(built.parent().expect("profiles are in the target folder"));
    succeed(cargo.current_dir(&copy));
    built.join(PROGRAM)
}

/// Writes the patched source to a folder; a file that is as it should be is not touched, so that it is not built again.
fn patch_into(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files(root) {
        write(&fresh.path().join(path), &bytes);
    }
    let bugs = root.join("tests/simulation/bugs/bugs.patch");
    succeed(Command::new("patch").arg("--strip=1").arg("--input").arg(bugs).current_dir(&fresh));
    let (patched, old) = (files(fresh.path()), files(folder));
    for path in old.keys().filter(|path| !patched.contains_key(*path)) {
        fs::remove_file(folder.join(path)).expect("it was just read");
    }
    for (path, bytes) in patched.iter().filter(|(path, bytes)| old.get(*path) != Some(bytes)) {
        write(&folder.join(path), bytes);
    }
}

/// What of the sources a folder has, by their paths within it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left: Vec<PathBuf> = SOURCES.iter().map(|name| folder.join(name)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).expect("it is a folder").map(|entry| entry.expect("it is listed").path()));
        } else if path.exists() {
            let within = path.strip_prefix(folder).expect("it is within").to_owned();
            found.insert(within, fs::read(&path).expect("it can be read"));
        }
    }
    found
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("created");
    fs::write(path, bytes).expect("written");
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{told}\n{failed}", output.status);
}
