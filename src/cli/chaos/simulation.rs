//! Runs seeds of the simulation, and tells what came of them.

use std::process::ExitCode;
use std::thread;

use indicatif::ProgressStyle;
use serde_json::{Value, json};

use super::{Arguments, VIOLATED, tell};
use crate::cli::display::Display;
use crate::cli::{Outcome, output};
use crate::proof::Tally;
use crate::proof::simulation::{self, Found, Plan, Report};

pub fn run(arguments: &Arguments) -> Outcome {
    let seeds = arguments.seed..arguments.seed.saturating_add(arguments.runs);
    if arguments.trace {
        return trace(seeds);
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (bar, display) = Display::bar(style())?;
    bar.set_length(arguments.runs);
    let report = simulation::run_seeds(seeds, threads, Plan::draw, || bar.inc(1));
    display.finish();
    tell(arguments, report.found.is_some(), || as_json(&report, arguments.seed), || text(&report))
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len} runs, {per_sec}, {eta} left");
    style.expect("the template is good")
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

fn text(report: &Report) -> String {
    let Report { runs, tally, found } = report;
    let mut text = format!("{}\n{runs} runs: {}\n", faults(tally), summary(tally));
    match found {
        None => text.push_str("everything held\n"),
        Some(Found { seed, violation, shrunk }) => text.push_str(&format!(
            "\nseed {seed}: {violation}\nto see what happened: {}\n\nthe fewest faults that do the same, where the seed decides only the timing:\n{shrunk}",
            replay(*seed)
        )),
    }
    text
}

fn replay(seed: u64) -> String {
    format!("isotherm chaos --runs 1 --seed {seed} --trace")
}

/// A table of what went wrong on purpose.
pub(super) fn faults(tally: &Tally) -> String {
    let rows = tally.faults.iter().map(|((point, action), of)| {
        vec![point.clone(), action.clone(), of.planned.to_string(), of.fired.to_string(), of.survived.to_string()]
    });
    output::table(&["point", "action", "planned", "fired", "survived"], &[2, 3, 4], rows)
}

fn summary(tally: &Tally) -> String {
    let Tally { lives, killed, power_cuts, with_failed_branch, restarts, virtual_ms, .. } = tally;
    let mut text = format!(
        "{lives} lives of {} virtual seconds, {killed} killed, {power_cuts} power cuts, {restarts} restarts, {with_failed_branch} with a branch that had to fail",
        virtual_ms / 1000
    );
    if let Some(recovery) = tally.recovery() {
        let (min, median, max) = (recovery.min_ms, recovery.median_ms, recovery.max_ms);
        text.push_str(&format!("; recovered within {min} to {max} virtual ms, the median {median}"));
    }
    text
}

fn as_json(report: &Report, seed: u64) -> Value {
    let Report { runs, tally, found } = report;
    let violation = found.as_ref().map(|Found { seed, violation, shrunk }| {
        json!({
            "seed": seed,
            "invariant": violation.invariant.number(),
            "promise": violation.invariant.promise(),
            "what": violation.what,
            "replay": replay(*seed),
            "fewest_faults": shrunk.faults(),
            "shrunk_plan": shrunk.to_string(),
        })
    });
    json!({
        "seed": seed,
        "runs": runs,
        "lives": tally.lives,
        "killed": tally.killed,
        "power_cuts": tally.power_cuts,
        "restarts": tally.restarts,
        "with_failed_branch": tally.with_failed_branch,
        "virtual_ms": tally.virtual_ms,
        "recovery": tally.recovery(),
        "faults": faults_as_json(tally),
        "violation": violation,
    })
}

/// The same table.
pub(super) fn faults_as_json(tally: &Tally) -> Value {
    let rows = tally.faults.iter().map(|((point, action), of)| {
        json!({ "point": point, "action": action, "planned": of.planned, "fired": of.fired, "survived": of.survived })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Invariant;

    #[test]
    fn what_does_not_hold_is_told_with_its_seed_and_how_to_see_it() {
        let seed = 17;
        let violation = Invariant::CommitsStay.violated("partition 0 was committed up to 9, and is at 5");
        let found = Some(Found { seed, violation, shrunk: Plan::draw(seed) });
        let report = Report { runs: seed + 1, found, ..Report::default() };
        let command = format!("isotherm chaos --runs 1 --seed {seed} --trace");
        let text = text(&report);
        assert!(text.contains("I3 does not hold") && text.contains(&command), "{text}");
        assert!(text.contains("decides only the timing:\nplan of seed "), "{text}");
        let violation = &as_json(&report, 0)["violation"];
        assert_eq!((&violation["seed"], &violation["invariant"]), (&seed.into(), &"I3".into()));
        assert_eq!(violation["replay"], command.as_str());
    }
}
