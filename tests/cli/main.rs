//! The command line as a person or a script sees it: output, exit codes, and what a failure says.

mod chaos;
mod formats;
mod log_verbs;
mod many_files;
mod plot;
mod presets;
mod preview;
#[path = "../support/program.rs"]
mod program;
mod revisions;
mod show;
mod source_audit;
mod streams;
mod support;
mod terminal;
mod told;
mod top;
mod unread;

use support::{Run, isotherm, scene, text};

const VERBS: [&str; 11] =
    ["run", "produce", "consume", "debug", "show", "plot", "audit", "top", "chaos", "rebuild", "config"];

#[test]
fn the_help_of_every_verb_has_examples_and_the_settings() {
    for verb in VERBS {
        let run = isotherm(&[verb, "--help"]);
        run.ends_with(0);
        assert!(run.stdout.contains(&format!("Examples:\n  isotherm {verb}")), "{verb}: {}", run.stdout);
        for part in ["--settings <FILE>", "--set <KEY=VALUE>"] {
            assert!(run.stdout.contains(part), "{verb} has no {part}");
        }
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn the_help_of_the_program_names_every_verb_and_exit_code() {
    let run = isotherm(&["--help"]);
    run.ends_with(0);
    for verb in VERBS {
        assert!(run.stdout.contains(&format!("\n  {verb} ")), "{verb}");
    }
    for code in ["\n   0 ", "\n   1 ", "\n  64 ", "\n  65 ", "\n  69 ", "\n  70 ", "\n  74 ", "\n  75 ", "\n  78 "] {
        assert!(run.stdout.contains(code), "{code:?}");
    }
}

/// Every line of the examples is a command line that is understood.
#[test]
fn the_examples_are_real() {
    for verb in VERBS {
        for line in isotherm(&[verb, "--help"]).stdout.lines() {
            let Some((_, example)) = line.split_once("isotherm ").filter(|_| line.starts_with("  ")) else { continue };
            let words: Vec<&str> = example.split(['|', '>']).next().unwrap_or_default().split_whitespace().collect();
            let run = isotherm(&[words.as_slice(), &["--no-such-option"]].concat());
            run.ends_with(64);
            assert!(run.stderr.contains("'--no-such-option'"), "{example}: {}", run.stderr);
        }
    }
}

#[test]
fn a_wrong_command_line_ends_with_64_and_prints_no_data() {
    for arguments in [
        &[][..],
        &["explode"],
        &["show", "--no-such-option"],
        &["show", "--json", "--csv"],
        &["run", "a.toml", "--settings", "b.toml"],
        &["consume", "two"],
        &["consume", "4"],
        &["rebuild"],
        &["plot"],
        &["rebuild", "4"],
        &["audit", "0", "4"],
        &["debug", "--limit", "0"],
        &["chaos", "--set", "log.partitions=8"],
    ] {
        let run = isotherm(arguments);
        run.ends_with(64);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    let run = isotherm(&["consume", "4"]);
    run.fails_in_one_line(64, &["there is no partition 4", "0 to 3"]);
}

#[test]
fn wrong_settings_end_with_78_whatever_the_verb() {
    for verb in VERBS {
        let mut arguments = vec![verb, "--set", "log.partition=8"];
        arguments.extend(match verb {
            "rebuild" => Some("0"),
            "plot" => Some("KNYC"),
            "chaos" => Some("--process"),
            _ => None,
        });
        isotherm(&arguments).fails_in_one_line(78, &["log.partition", "did you mean log.partitions?"]);
    }
    let run = isotherm(&["run", "missing.toml"]);
    run.fails_in_one_line(78, &["missing.toml"]);
}

#[test]
fn a_log_in_memory_is_for_one_process_alone() {
    for verb in ["produce", "consume"] {
        isotherm(&[verb, "--set", "log.kind=memory"]).fails_in_one_line(78, &["log.kind", "isotherm run"]);
    }
}

#[test]
fn the_variable_for_the_settings_file_counts_unless_it_is_empty() {
    let run = |value| {
        let mut command = program::command(std::path::Path::new("."), &["config", "--check"]);
        command.env("ISOTHERM_SETTINGS", value);
        program::Running::start(command).output().status.code()
    };
    assert_eq!((run(""), run("missing.toml")), (Some(0), Some(78)));
}

#[test]
fn config_shows_each_value_with_its_origin() {
    let scene = scene();
    std::fs::write(scene.path("s.toml"), "[log]\npartitions = 8\n").expect("written");
    let settings = text(&scene.path("s.toml"));
    let arguments =
        ["config", "--settings", &settings, "--set", "log.topic=t", "--set", "log.kafka.client.sasl.password=hunter2"];
    let run = scene.isotherm(&arguments);
    run.ends_with(0);
    let line = |key: &str| {
        let line = run.stdout.lines().find(|line| line.starts_with(&format!("{key} "))).expect("the key has a line");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("log.partitions"), format!("log.partitions 8 {settings}"));
    assert_eq!(line("log.topic"), "log.topic \"t\" --set");
    assert_eq!(line("quality.degrees_max"), "quality.degrees_max 150.0 default");
    assert!(!run.stdout.contains("hunter2") && run.stdout.contains("********"));
    let json = scene.isotherm(&[&arguments[..], &["--json"]].concat()).json();
    assert_eq!(json["log.topic"]["origin"], "--set");
    assert_eq!(json["log.partitions"]["value"], 8);
    assert_eq!(json["log.kafka.client.sasl.password"]["value"], "********");
    assert_eq!(json.as_object().map(|all| all.len() > 40), Some(true));
}

#[test]
fn config_check_says_only_what_is_wrong() {
    let run = isotherm(&["config", "--check"]);
    run.ends_with(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    isotherm(&["config", "--check", "--set", "log.partitions=0"]).fails_in_one_line(78, &["1 to 10000"]);
}

#[test]
fn an_output_that_nobody_reads_is_no_failure() {
    for arguments in [&["config"][..], &["config", "--json"], &["--help"], &["--version"]] {
        let run = Run::with_closed_output(arguments);
        run.ends_with(0);
        assert_eq!(run.stderr, "");
    }
}
