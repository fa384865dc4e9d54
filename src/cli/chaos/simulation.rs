//! Runs seeds of the simulation, and tells the results.

use std::process::ExitCode;
use std::thread;

use serde_json::json;

use super::{Arguments, Results, VIOLATED};
use crate::cli::display::Display;
use crate::cli::{Outcome, output};
use crate::proof::simulation::{self, FailedSeed, Plan, SeedsReport};
use crate::proof::tally::{Recovery, Tally};

pub fn run(arguments: &Arguments) -> Outcome {
    let seeds = arguments.seed..arguments.seed.saturating_add(arguments.runs);
    if arguments.trace {
        return trace(seeds);
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (bar, display) = Display::bar("{wide_bar} {human_pos} of {human_len} runs, {per_sec}, {eta} left")?;
    bar.set_length(arguments.runs);
    let report = simulation::run_seeds(seeds, threads, Plan::draw, || bar.inc(1));
    display.finish();
    results(&report, arguments.seed).tell(arguments)
}

/// One run after the other, with all that happens.
fn trace(seeds: std::ops::Range<u64>) -> Outcome {
    let mut code = ExitCode::SUCCESS;
    for seed in seeds {
        let plan = Plan::draw(seed);
        let run = simulation::check(&plan);
        output::print(&format!("{plan}\n{}", run.events))?;
        if let Some(violation) = run.violation {
            output::print(&format!("seed {seed}: {violation}\n"))?;
            code = ExitCode::from(VIOLATED);
        }
    }
    Ok(code)
}

fn results(report: &SeedsReport, seed: u64) -> Results {
    let SeedsReport { runs, tally, found } = report;
    let Tally { lives, killed, power_cuts, with_failed_branch, restarts, virtual_ms, .. } = tally;
    let mut summary = format!(
        "{runs} runs: {lives} lives of {} virtual seconds, {killed} killed, {power_cuts} power cuts, {restarts} restarts, {with_failed_branch} with a branch that had to fail",
        virtual_ms / 1000
    );
    if let Some(Recovery { min_ms, median_ms, max_ms }) = tally.recovery() {
        summary.push_str(&format!("; recovered within {min_ms} to {max_ms} virtual ms, the median {median_ms}"));
    }
    let mut counts = json!(tally);
    counts["seed"] = seed.into();
    counts["runs"] = (*runs).into();
    let results = Results::new(tally, counts, &(summary + "\n"));
    let Some(FailedSeed { seed, violation, shrunk }) = found else { return results };
    let replay = format!("isotherm chaos --runs 1 --seed {seed} --trace");
    let advice = format!(
        "to see what happened: {replay}\n\nthe fewest faults that do the same, where the seed decides only the timing:\n{shrunk}"
    );
    let (fewest_faults, shrunk_plan) = (shrunk.faults(), shrunk.to_string());
    let fields = json!({ "seed": seed, "replay": replay, "fewest_faults": fewest_faults, "shrunk_plan": shrunk_plan });
    results.violated(violation, &format!("seed {seed}"), fields, &advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Invariant;

    #[test]
    fn what_does_not_hold_is_told_with_its_seed_and_how_to_see_it() {
        let seed = 17;
        let violation = Invariant::CommitsStay.violated("partition 0 was committed up to 9, and is at 5");
        let found = Some(FailedSeed { seed, violation, shrunk: Plan::draw(seed) });
        let report = SeedsReport { runs: seed + 1, found, ..SeedsReport::default() };
        let command = format!("isotherm chaos --runs 1 --seed {seed} --trace");
        let Results { text, json, .. } = results(&report, 0);
        assert!(text.contains("I3 does not hold") && text.contains(&command), "{text}");
        assert!(text.contains("decides only the timing:\nplan of seed "), "{text}");
        let violation = &json["violation"];
        assert_eq!((&violation["seed"], &violation["invariant"]), (&seed.into(), &"I3".into()));
        assert_eq!(violation["replay"], command.as_str());
    }
}
