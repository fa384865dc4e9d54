//! `isotherm chaos`: makes things go wrong, and says whether everything that was promised held.

mod process;
mod simulation;

use clap::Args;

use super::Outcome;

const EXAMPLES: &str = "\
Examples:
  isotherm chaos
  isotherm chaos --runs 1000000 --seed 1 --json
  isotherm chaos --runs 1 --seed 17 --trace

Each run draws from its seed: records, settings and a few lives of the real code on a simulated log, disk and clock, with
panics and failures at every step, power cuts, kills, stalls and hangs. After each life the files are compared with the
log. The same seeds always give the same output. Exit code 1 at the first seed in which something did not hold, with the
command that replays it and the fewest faults that do the same.";

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
    #[arg(long)]
    process: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    if arguments.process { process::run(arguments) } else { simulation::run(arguments) }
}
