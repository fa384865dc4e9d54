//! The order of the folders, and what else holds for every file.
//!
//! Imports go down only, and no circle of files is left. Every path counts that names something of this crate, in `use`
//! lines and anywhere else, by `crate::`, `super::` or `self::`. A name that a folder's `mod.rs` passes on (`pub use`)
//! counts as one of the file that it comes from. The `mod` and `pub use` lines of a `mod.rs` are its table of contents and
//! count for nothing.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sources::{Paths, Sources};
use syn::visit::Visit;

/// Folders (or files) of `src`, from top to bottom: each may use those below it, and itself. Those of one line are beside
/// each other and may not.
const FLOORS: &[&[&str]] = &[
    &["main", "lib"],
    &["cli"],
    &["proof"],
    &["watch"],
    &["retold"],
    &["pipeline"],
    &["partition", "ingest"],
    &["log", "source"],
    &["durable"],
    &["supervision"],
    &["progress"],
    &["settings"],
    &["points", "open_files"],
    &["failure"],
    &["domain", "standard_error"],
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it is listed").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

fn folder_of(file: &str) -> &str {
    file.split('/').next().map_or(file, |first| first.trim_end_matches(".rs"))
}

/// The files that can be reached from one along its uses.
fn reached<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut found, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        next.extend(edges[file].iter().filter(|used| found.insert(**used)));
    }
    found
}

/// The sets of files that use each other, each by its files in order.
fn circles<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<Vec<&'a str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges.keys().map(|file| (*file, reached(edges, file))).collect();
    let circle = |file: &&'a str| -> Vec<&'a str> {
        edges
            .keys()
            .filter(|other| reached[*file].contains(**other) && reached[**other].contains(*file))
            .copied()
            .collect()
    };
    edges.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

fn sources() -> Sources {
    Sources::read(&root().join("src"))
}

#[test]
fn imports_go_down_only() {
    let sources = sources();
    let floor = |folder: &str| {
        FLOORS.iter().position(|floor| floor.contains(&folder)).unwrap_or_else(|| panic!("src/{folder} has no floor"))
    };
    let (mut wrong, mut drawing) = (Vec::new(), BTreeMap::<usize, BTreeMap<&str, BTreeSet<&str>>>::new());
    for (file, used) in sources.edges() {
        let (folder, own) = (folder_of(file), floor(folder_of(file)));
        let below = drawing.entry(own).or_default().entry(folder).or_default();
        for other in used {
            let (other_folder, other_floor) = (folder_of(other), floor(folder_of(other)));
            if other_folder != folder {
                below.insert(other_folder);
                if other_floor <= own {
                    wrong.push(format!("src/{file} uses src/{other}"));
                }
            }
        }
    }
    for (folder, below) in drawing.values().flatten() {
        println!("{folder:>12} ──▶ {}", below.iter().copied().collect::<Vec<_>>().join(", "));
    }
    assert!(wrong.is_empty(), "imports that do not go down:\n{}", wrong.join("\n"));
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let sources = sources();
    let circles = circles(&sources.edges());
    let told: Vec<String> = circles.iter().map(|circle| circle.join(" ↔ ")).collect();
    assert!(circles.is_empty(), "files that use each other:\n{}", told.join("\n"));
}

#[test]
fn a_circle_and_an_arrow_up_would_be_seen() {
    let named = |paths: &[(&'static str, &[&'static str])]| -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        paths.iter().map(|(file, used)| (*file, used.iter().copied().collect())).collect()
    };
    let edges = named(&[("a.rs", &["b.rs"]), ("b.rs", &["c.rs"]), ("c.rs", &["a.rs"]), ("d.rs", &["a.rs"])]);
    assert_eq!(circles(&edges), BTreeSet::from([vec!["a.rs", "b.rs", "c.rs"]]));
    let code = "use super::{disk::Disk, Fence as Gate}; pub use crate::domain::Day; fn f() { crate::log::open(); }";
    let mut paths = Paths::of(&vec!["durable".to_owned(), "store".to_owned()]);
    paths.visit_file(&syn::parse_file(code).expect("it is Rust"));
    let found: Vec<String> = paths.named.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["domain::Day", "durable::Fence", "durable::disk::Disk", "log::open"]);
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
    for path in files(&root().join("src")) {
        let found = trusting(&fs::read_to_string(&path).expect("it can be read"));
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
    assert_eq!(trusting("    pub fn text(text: *const c_char) -> String {").len(), 1);
    assert_eq!(trusting("fn a(\n    one: u8,\n    two: *mut T,\n) {").len(), 1);
    assert!(trusting("pub unsafe fn a(one: *const T) {}\nfn b(&self) -> *mut T {}").is_empty());
}

/// Whether a source text names the crate of the actors, or its runtime; `actix_web` is another.
fn names_actix(text: &str) -> bool {
    ["actix::", "actix_rt::", "use actix;", "use actix as", "use {actix", "extern crate actix"]
        .iter()
        .any(|name| text.contains(name))
}

#[test]
fn actix_is_named_where_crashes_are_handled_and_nowhere_else() {
    let may = [root().join("src/supervision"), root().join("tests/architecture")];
    let all = ["src", "tests", "benches"].into_iter().flat_map(|folder| files(&root().join(folder)));
    let wrong: Vec<_> = all
        .filter(|path| !may.iter().any(|folder| path.starts_with(folder)))
        .filter(|path| names_actix(&fs::read_to_string(path).expect("it can be read")))
        .collect();
    assert!(wrong.is_empty(), "use what src/supervision/actor.rs offers: {wrong:?}");
    assert!(names_actix("use actix::prelude::*;") && names_actix("let system = actix::System::new();"));
    assert!(!names_actix("use actix_web::web; // an actix mailbox"));
}

#[test]
fn no_file_is_longer_than_one_sitting() {
    let long: Vec<_> = files(&root().join("src"))
        .into_iter()
        .chain(files(&root().join("tests")))
        .map(|path| (fs::read_to_string(&path).expect("it can be read").lines().count(), path))
        .filter(|(lines, _)| *lines > 400)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}
