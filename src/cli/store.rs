//! `isotherm store`: whether an object store can be trusted, and copies of what it holds.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::arguments::SettingsArguments;
use super::{Outcome, copy, output};
use crate::durable::conditions::{Conditions, ROUNDS, check};
use crate::durable::open_objects;

const EXAMPLES: &str = "\
Examples:
  isotherm store check s3://bucket/prefix --set state.s3.region=eu-central-1
  isotherm store check s3://bucket --set state.s3.endpoint=http://localhost:7070 --set state.s3.allow_http=true

Credentials are those of [state.s3], else of the environment (AWS_ACCESS_KEY_ID, …), a web identity, the container or the machine.
It takes some thousands of requests, and removes what it has written. The exit code is 1 if the store cannot be trusted.";

/// See whether an object store can be trusted, and copy states from and to it
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(CheckArguments),
    Copy(copy::Arguments),
}

/// Race 16 writers through the conditions of writes, and measure the store
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct CheckArguments {
    /// The store, as s3://bucket/prefix
    url: String,
    #[command(flatten)]
    settings: SettingsArguments,
    /// Races under each condition; where writers wait for each other, each takes seconds
    #[arg(long, value_name = "COUNT", default_value_t = ROUNDS as u16, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    rounds: u16,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.verb {
        Verb::Check(arguments) => run_check(arguments),
        Verb::Copy(arguments) => copy::run(arguments),
    }
}

fn run_check(arguments: &CheckArguments) -> Outcome {
    let settings = arguments.settings.effective()?.settings;
    let found = check(&*open_objects(&arguments.url, &settings.state)?, usize::from(arguments.rounds))?;
    if arguments.json {
        output::print_json(&found)?;
    } else {
        output::print(&text(&found))?;
    }
    Ok(if found.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(found: &Conditions) -> String {
    let mut text = format!(
        "{}: {} of {} races for an object that is not there had one winner, {} of {} for one of a tag; {} increments were \
         acknowledged, and {} counted\n10 kB are written in {} ms ({} at most), and read in {} ms ({} at most)\n",
        found.store,
        found.absent_right,
        found.absent_rounds,
        found.tag_right,
        found.tag_rounds,
        found.increments,
        found.counted,
        found.put_ms.median,
        found.put_ms.max,
        found.get_ms.median,
        found.get_ms.max
    );
    for note in &found.notes {
        let _ = writeln!(text, "note: {note}");
    }
    for wrong in &found.wrong {
        let _ = writeln!(text, "wrong: {wrong}");
    }
    text.push_str(if found.wrong.is_empty() {
        "The store keeps its conditions, as far as was tried.\n"
    } else {
        "The store cannot be trusted: partitions that several processes count would lose commits.\n"
    });
    text
}
