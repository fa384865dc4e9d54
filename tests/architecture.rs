//! Imports go down only.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders (or files) of `src` by floor. What is on one floor may use what is on lower ones, and itself.
const FLOORS: [&[&str]; 8] = [
    &["domain", "standard_error"],
    &["settings", "observe", "faults"],
    &["supervision", "log", "checkpoint", "source", "signals"],
    &["actors", "audit", "history", "plot"],
    &["web"],
    &["pipeline"],
    &["chaos"],
    &["cli"],
];

/// What may be used beside: a folder of the same floor, and a reason.
const BESIDE: [(&str, &str, &str); 4] = [
    ("settings", "faults", "its failures, and its plan of faults"),
    ("observe", "faults", "it tells of failures"),
    ("observe", "settings", "how and what it logs"),
    ("plot", "history", "the series that it draws"),
];

fn floor(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&folder))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it is listed").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// The folders of this crate that a source text names, with the number of the line.
fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for rest in code.split("crate::").skip(1) {
            let names = rest.strip_prefix('{').map_or(rest, |group| group.split('}').next().unwrap_or_default());
            for name in names.split(',').take(if rest.starts_with('{') { usize::MAX } else { 1 }) {
                let name: String = name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                found.push((number + 1, name));
            }
        }
    }
    found
}

fn violations(folder: &str, text: &str) -> Vec<String> {
    let own = floor(folder).unwrap_or_else(|| panic!("src/{folder} has no floor: give it one"));
    let allowed = |used: &str| {
        used == folder
            || floor(used).is_none_or(|floor| floor < own)
            || BESIDE.iter().any(|(from, to, _)| (*from, *to) == (folder, used))
    };
    uses(text)
        .into_iter()
        .filter(|(_, used)| !used.is_empty() && !allowed(used))
        .map(|(line, used)| format!("line {line}: {folder} uses {used}"))
        .collect()
}

#[test]
fn imports_go_down_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut read = 0;
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).expect("it is within src");
        let first = inside.components().next().and_then(|first| first.as_os_str().to_str()).expect("ASCII");
        if ["main.rs", "lib.rs"].contains(&first) {
            continue;
        }
        let folder = first.trim_end_matches(".rs");
        read += 1;
        let text = fs::read_to_string(&path).expect("it can be read");
        wrong.extend(violations(folder, &text).into_iter().map(|what| format!("{} {what}", inside.display())));
    }
    assert!(read > 40, "{read} files were read");
    assert!(wrong.is_empty(), "imports that go up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn an_import_that_goes_up_is_noticed() {
    assert_eq!(violations("domain", "use crate::log::Batch;").len(), 1);
    assert_eq!(violations("log", "fn a() { crate::checkpoint::lock() }").len(), 1);
    assert_eq!(violations("log", "use crate::{domain, actors};").len(), 1);
    assert!(violations("actors", "use crate::log::RecordLog; // crate::cli").is_empty());
}

/// The safe functions of a source text that take a raw pointer: whatever they do with it, no caller had to promise that it
/// is good. A closure that is handed one is called by somebody who made it.
fn trusting(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("fn ") {
        let before = text[..at].rsplit('\n').next().unwrap_or_default();
        let is_item =
            before.split_whitespace().all(|word| ["pub", "pub(super)", "pub(crate)", "const"].contains(&word));
        let signature = text[at..].split([';', '{']).next().unwrap_or_default();
        let parameters = signature.split(") ->").next().unwrap_or_default();
        let own = parameters.split("impl Fn").next().unwrap_or_default();
        if is_item && (own.contains("*const ") || own.contains("*mut ")) {
            found.push(signature.trim().to_owned());
        }
    }
    found
}

#[test]
fn a_safe_function_takes_no_raw_pointer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&root) {
        let found = trusting(&fs::read_to_string(&path).expect("it can be read"));
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
    assert_eq!(trusting("    pub fn text(text: *const c_char) -> String {").len(), 1);
    assert_eq!(trusting("fn a(\n    one: u8,\n    two: *mut T,\n) {").len(), 1);
    assert!(trusting("pub unsafe fn a(one: *const T) {}\nfn b(&self) -> *mut T {}").is_empty());
}

#[test]
fn no_file_is_longer_than_one_sitting() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let long: Vec<_> = sources(&root.join("src"))
        .into_iter()
        .chain(sources(&root.join("tests")))
        .map(|path| (fs::read_to_string(&path).expect("it can be read").lines().count(), path))
        .filter(|(lines, _)| *lines > 400)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}
