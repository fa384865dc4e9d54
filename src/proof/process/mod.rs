//! The real program, killed and disturbed, and audited after each of its lives.
//!
//! A round is a topic and a state folder of its own, up to [`ROUND_LIVES`] disturbed lives in them, and at last an
//! undisturbed one that must come to the end of the source with everything counted once. So neither the log nor the
//! time of an audit grows with the number of runs. A round is drawn from a seed: the first from the one that was given,
//! each further one from the next number, so that a round can be repeated alone.
//!
//! Guarantees: nothing that was there before is touched; no child outlives its life, and no life its deadline; what
//! showed a violation stays as it was found, all else is removed. The moments are drawn from the seed too, but processes
//! race: a seed repeats what is done, not what comes of it.

mod child;
mod disturb;
mod inspect;
mod life;
mod scratch;
mod told;

pub use disturb::{Disturbance, PlannedDisturbance};
pub use scratch::Open;

use std::path::PathBuf;

use child::CutShort;
use inspect::Inspector;
use life::ObservedLife;
use scratch::Scratch;

use crate::failure::Failure;
use crate::pipeline::signals::{self, SIGINT, SIGTERM};
use crate::proof::{Tally, Violation};
use crate::settings::Sources;

/// Disturbed lives on one topic.
const ROUND_LIVES: u64 = 50;

/// Days that the undisturbed life sends beyond the acknowledged ones: more than can be in the log already.
const LAST_DAYS: u32 = 100;

/// The results of all lives.
#[derive(Debug, Default)]
pub struct LivesReport {
    /// Its restarts are starts of the program; a start that came to its first commit has recovered.
    pub tally: Tally,
    /// Records in the logs, at the end of each round.
    pub records: u64,
    pub partitions_audited: u64,
    pub found: Option<FailedLife>,
}

/// An invariant that did not hold, and how to see it again.
#[derive(Debug)]
pub struct FailedLife {
    pub violation: Violation,
    /// From 1; after the last one: the undisturbed life.
    pub run: u64,
    pub disturbance: String,
    /// Both kept as they were found.
    pub folder: PathBuf,
    pub topic: String,
    /// Does the same again, up to here, with the same settings.
    pub repeat: String,
}

/// Runs that many disturbed lives, up to the first violation. `begin` is called with the plan of each.
pub fn run(
    sources: &Sources,
    open: Open,
    runs: u64,
    seed: u64,
    mut begin: impl FnMut(&PlannedDisturbance),
) -> Result<LivesReport, Failure> {
    // The first signal is noted, so that the child and the scratch files go before the command does.
    signals::listen(&[SIGINT, SIGTERM], |_| {}, signals::end_by)?;
    let mut report = LivesReport::default();
    let mut round_seed = seed;
    while report.tally.lives < runs && report.found.is_none() {
        let lives = (runs - report.tally.lives).min(ROUND_LIVES);
        let scratch = Scratch::create(sources, open, round_seed)?;
        round(scratch, round_seed, lives, &mut report, &mut begin)?;
        round_seed = round_seed.wrapping_add(1);
    }
    Ok(report)
}

fn round(
    scratch: Scratch,
    seed: u64,
    lives: u64,
    report: &mut LivesReport,
    begin: &mut impl FnMut(&PlannedDisturbance),
) -> Result<(), Failure> {
    let mut inspector = Inspector::new(&scratch);
    let mut disturbance = String::new();
    let before = report.tally.lives;
    let lived = (1..=lives).try_for_each(|number| {
        let plan = PlannedDisturbance::draw(seed, number);
        disturbance = plan.to_string();
        begin(&plan);
        live(&scratch, &mut inspector, &plan, report)
    });
    let lived = lived.and_then(|()| {
        disturbance = "nothing, to the end of the source".to_owned();
        finish(&scratch, &mut inspector, report)
    });
    report.partitions_audited += inspector.audited;
    report.records += inspector.records();
    let lived = lived.map_err(|cut_short| match (cut_short, scratch.log.topic()) {
        // With a log that is away nothing is shown, neither way.
        (CutShort::Violation(_), Err(failure)) if failure.is_retryable() => CutShort::Failure(failure),
        (cut_short, _) => cut_short,
    });
    match lived {
        Ok(()) => scratch.remove(),
        Err(CutShort::Violation(violation)) => {
            // The undisturbed life follows the last of the round.
            let repeated = (report.tally.lives - before + 1).min(lives);
            report.found = Some(FailedLife {
                violation,
                run: report.tally.lives + 1,
                disturbance,
                folder: scratch.folder,
                topic: scratch.settings.log.topic,
                repeat: format!("isotherm chaos --process --runs {repeated} --seed {seed}"),
            });
            Ok(())
        }
        Err(CutShort::Failure(failure)) => {
            if let Err(failure) = scratch.remove() {
                tracing::warn!(cause = %failure, "what this run used could not be removed");
            }
            Err(failure)
        }
    }
}

fn live(
    scratch: &Scratch,
    inspector: &mut Inspector<'_>,
    plan: &PlannedDisturbance,
    report: &mut LivesReport,
) -> Result<(), CutShort> {
    let counts = report.tally.faults.entry(plan.disturbance.names()).or_default();
    counts.planned += 1;
    let lived = life::disturbed(&scratch.program, plan)?;
    counts.fired += u64::from(lived.fired);
    inspector.after(&lived)?;
    counts.survived += u64::from(lived.fired);
    count(report, &lived);
    report.tally.killed += u64::from(plan.disturbance == Disturbance::Kill);
    report.tally.lives += 1;
    Ok(())
}

/// Without a disturbance, everything of the source is counted.
fn finish(scratch: &Scratch, inspector: &mut Inspector<'_>, report: &mut LivesReport) -> Result<(), CutShort> {
    let days = inspector.days_acknowledged()? + LAST_DAYS;
    let sets = [format!("source.simulate.days={days}"), "source.simulate.pace_ms=0".to_owned()];
    let lived = life::undisturbed(&scratch.program, &sets)?;
    inspector.after(&lived)?;
    inspector.at_the_end(days)?;
    count(report, &lived);
    Ok(())
}

fn count(report: &mut LivesReport, lived: &ObservedLife) {
    report.tally.restarts += 1;
    if let Some(time) = lived.recovery {
        report.tally.recovered(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }
}
