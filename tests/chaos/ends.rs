//! However the command ends, no process of its own is left.

use std::fs;
use std::path::Path;

use super::names;
use super::program::{Program, Running, told, wait_for};

/// Starts the command, and waits until it has started the program.
fn started(folder: &Path) -> Running {
    let running = Program::new(folder).start(&super::with(&["--runs", "1000", "--seed", "2"]));
    wait_for("a process of the program", || !children(folder).is_empty());
    running
}

/// The processes that have something to do with a folder below this one.
fn children(folder: &Path) -> Vec<String> {
    let below = format!("{}/chaos-", folder.display());
    let is_below = |id: &String| {
        // Of one that has ended, and only waits for being noticed, the arguments are gone.
        fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|told| String::from_utf8_lossy(&told).contains(&below))
    };
    names(Path::new("/proc")).into_iter().filter(is_below).collect()
}

#[test]
fn a_command_that_is_killed_leaves_no_process() {
    let folder = tempfile::tempdir().expect("a folder");
    started(folder.path()).kill();
    wait_for("the child's end", || children(folder.path()).is_empty());
}

#[test]
fn a_command_that_is_interrupted_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let running = started(folder.path());
        running.signal(signal);
        let output = running.output();
        assert_eq!(output.status.code(), Some(75), "{}", told(&output));
        assert!(told(&output).contains("isotherm: interrupted"), "{}", told(&output));
        assert_eq!(children(folder.path()), [""; 0]);
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
