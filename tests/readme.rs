//! The README's commands do what it says they do: each `$ …` line of a `console` block is run, in order, in one folder,
//! and what stands under it must be what it prints.

#[path = "support/program.rs"]
mod program;

use std::path::Path;
use std::process::{Command, Stdio};

use program::{Running, told};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Example {
    command: String,
    output: Vec<String>,
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut within = false;
    for line in text.lines() {
        match (line, line.strip_prefix("$ ")) {
            ("```console", _) => within = true,
            ("```", _) => within = false,
            (_, Some(command)) if within => {
                examples.push(Example { command: command.to_owned(), output: Vec::new() });
            }
            _ if within => examples.last_mut().expect("a command comes first").output.push(line.to_owned()),
            _ => {}
        }
    }
    examples
}

/// Whether the lines are the pattern, in which a line `…` stands for any lines, and `…` within a line for any text.
fn fits(pattern: &[String], lines: &[&str]) -> bool {
    match pattern {
        [] => lines.is_empty(),
        [first, rest @ ..] if first == "…" => (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..])),
        [first, rest @ ..] => lines.first().is_some_and(|line| line_fits(first, line)) && fits(rest, &lines[1..]),
    }
}

/// How old a file is when it is shown depends on the machine.
fn line_fits(pattern: &str, line: &str) -> bool {
    let without_age = |text: &str| -> String {
        let words = text.split_whitespace().map(|word| if word == "second" { "seconds" } else { word });
        let words: Vec<&str> = words.collect();
        let age = words.iter().position(|word| *word == "seconds").and_then(|seconds| seconds.checked_sub(1));
        words.iter().enumerate().filter(|(at, _)| Some(*at) != age).map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
    };
    let (pattern, line) = (without_age(pattern), without_age(line));
    match pattern.split_once('…') {
        Some((start, end)) => line.starts_with(start) && line.ends_with(end),
        None => line == pattern,
    }
}

/// A line of the log without its figures, which are those of one run on one machine.
fn without_figures(line: &str) -> String {
    line.split(|letter: char| letter.is_ascii_digit()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("#")
}

/// The lines that the README says are on the standard error of the run that is crashed on purpose.
fn crash_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("WARN ") || line.starts_with("INFO ")).collect()
}

#[test]
fn every_command_of_the_readme_prints_what_stands_under_it() {
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).expect("there is one");
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["data", "settings"] {
        std::os::unix::fs::symlink(Path::new(ROOT).join(name), folder.path().join(name)).expect("linked");
    }
    let (mut run, mut told_of_crashes) = (0, 0);
    for example in examples(&readme) {
        let program = format!("{} ", env!("CARGO_BIN_EXE_isotherm"));
        let command = match example.command.strip_prefix("cargo run --release -- ") {
            Some(arguments) => format!("{program}{arguments}"),
            None if example.command.starts_with("isotherm ") => example.command.replacen("isotherm ", &program, 1),
            None if example.command.starts_with("cmp ") => example.command.clone(),
            // Those of Docker and of the tests themselves.
            None => continue,
        };
        let mut shell = Command::new("bash");
        shell.args(["-c", &command]).current_dir(folder.path());
        // Somebody may be watching a process of their own on the usual port.
        shell.env("ISOTHERM_WEB__LISTEN", "127.0.0.1:0");
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = Running::start(shell).output();
        assert!(output.status.success(), "{}: {}", example.command, told(&output));
        let text = String::from_utf8(output.stdout.clone()).expect("output is UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            fits(&example.output, &lines),
            "{} should print\n{}\nbut: {}",
            example.command,
            example.output.join("\n"),
            told(&output)
        );
        if example.command.contains("faults.points=") {
            let stderr = String::from_utf8(output.stderr.clone()).expect("lines are UTF-8");
            let lines: Vec<String> = stderr.lines().map(without_figures).collect();
            for line in crash_lines(&readme) {
                let shown = |told: &String| told.ends_with(&without_figures(line));
                assert!(lines.iter().any(shown), "{line} should be in: {}", told(&output));
                told_of_crashes += 1;
            }
        }
        run += 1;
    }
    assert!(run >= 7, "{run} commands were run");
    assert!(told_of_crashes >= 2, "a crash and a recovery");
}

/// What a `[text](path)` of a document points to, but for other sites and places within the same document.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}

#[test]
fn every_link_of_the_documents_points_to_something() {
    let docs = std::fs::read_dir(Path::new(ROOT).join("docs")).expect("it is there");
    let docs = docs.map(|entry| entry.expect("it is listed").path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let mut found = 0;
    for document in docs.into_iter().chain([Path::new(ROOT).join("README.md")]) {
        let text = std::fs::read_to_string(&document).expect("it is text");
        for link in links(&text) {
            let target = document.parent().expect("it is in a folder").join(link);
            assert!(target.exists(), "{} links to {link}, which is not there", document.display());
            found += 1;
        }
    }
    assert!(found > 5, "{found} links");
}
