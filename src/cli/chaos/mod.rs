//! `isotherm chaos`: makes things go wrong, and says whether everything that was promised held.

mod process;
mod simulation;

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::arguments::SettingsArguments;
use super::{Outcome, output};
use crate::failure::{Failure, Kind};
use crate::proof::{Tally, Violation};

const EXAMPLES: &str = "\
Examples:
  isotherm chaos
  isotherm chaos --runs 1000000 --seed 1 --json
  isotherm chaos --runs 1 --seed 17 --trace
  isotherm chaos --process --runs 200
  isotherm chaos --process --settings settings/kafka.toml

Each run draws from its seed: records, settings and a few lives of the real code on a simulated log, disk and clock, with
panics and failures at every step, power cuts, kills, stalls and hangs. After each life the files are compared with the
log. The same seeds always give the same output. Exit code 1 at the first seed in which something did not hold, with the
command that replays it and the fewest faults that do the same.

With --process each run is a life of the real program on the log of the settings, in a topic and a state folder of their
own, which are made and removed: it is killed with SIGKILL, frozen, stopped with SIGTERM or two SIGINT, or fails at a named
point. After each life the files are compared with the log; after 50, an undisturbed one must count the rest. What showed
a violation is kept.";

/// Something did not hold.
const VIOLATED: u8 = 1;

/// Prove on a simulation that no crash loses or repeats a reading
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Runs, one a seed
    #[arg(long, value_name = "N", default_value_t = 1000)]
    runs: u64,
    /// Seed of the first run
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Print the plan of each run and everything that happens in it
    #[arg(long)]
    trace: bool,
    /// The results as one JSON object
    #[arg(long, conflicts_with = "trace")]
    json: bool,
    /// Run and kill the real program instead of simulating it
    #[arg(long, conflicts_with = "trace")]
    process: bool,
    #[command(flatten)]
    settings: SettingsArguments,
}

pub fn run(arguments: &Arguments) -> Outcome {
    if arguments.process {
        return process::run(arguments);
    }
    if arguments.settings.settings.is_some() || !arguments.settings.sets.is_empty() {
        let what = "a simulation draws its settings from the seed; --settings and --set are for --process";
        return Err(Failure::fatal(Kind::Usage, what).advice("leave them out, or add --process"));
    }
    simulation::run(arguments)
}

/// The results of all runs.
struct Results {
    json: Value,
    text: String,
}

impl Results {
    /// Of runs in which everything held. `json` and `summary`, which is whole lines, have the numbers of runs of one kind.
    fn new(tally: &Tally, mut json: Value, summary: &str) -> Self {
        let faults = tally.faults.iter().map(|((point, action), of)| {
            vec![point.clone(), action.clone(), of.planned.to_string(), of.fired.to_string(), of.survived.to_string()]
        });
        let table = output::table(&["point", "action", "planned", "fired", "survived"], &[2, 3, 4], faults);
        json["faults"] = tally.faults.iter().map(|((point, action), of)| {
            json!({ "point": point, "action": action, "planned": of.planned, "fired": of.fired, "survived": of.survived })
        }).collect();
        json["recovery"] = json!(tally.recovery());
        json["violation"] = Value::Null;
        Self { json, text: format!("{table}\n{summary}") }
    }

    /// Adds an invariant that did not hold in a run, and how to see it again: as fields and in words.
    fn violated(mut self, violation: &Violation, run: &str, mut fields: Value, advice: &str) -> Self {
        fields["invariant"] = violation.invariant.number().into();
        fields["promise"] = violation.invariant.promise().into();
        fields["what"] = violation.what.as_str().into();
        self.json["violation"] = fields;
        self.text.push_str(&format!("\n{run}: {violation}\n{advice}"));
        self
    }

    /// Prints them in the form that was asked for, and says the exit code.
    fn tell(&self, arguments: &Arguments) -> Outcome {
        let held = self.json["violation"].is_null();
        if arguments.json {
            output::print_json(&self.json)?;
        } else {
            output::print(&format!("{}{}", self.text, if held { "everything held\n" } else { "" }))?;
        }
        Ok(if held { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
    }
}
