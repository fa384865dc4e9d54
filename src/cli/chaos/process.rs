//! Lives of real processes, one after the other, and what came of them.

use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressStyle;
use serde_json::{Value, json};

use super::simulation::{faults, faults_as_json};
use super::{Arguments, tell};
use crate::cli::Outcome;
use crate::cli::display::Display;
use crate::cli::patient_log::PatientLog;
use crate::log;
use crate::proof::process::{self, Found, Report};

/// How long a log that is away is waited for.
const LOG_AWAY_MAX: Duration = Duration::from_secs(60);

pub fn run(arguments: &Arguments) -> Outcome {
    arguments.settings.start()?;
    let (bar, display) = Display::bar(style())?;
    bar.set_length(arguments.runs);
    let open: process::Open =
        |settings| Ok(Arc::new(PatientLog::new(log::open(settings, &settings.state.dir)?, LOG_AWAY_MAX)));
    let report = process::run(&arguments.settings.sources(), open, arguments.runs, arguments.seed, |plan| {
        bar.set_message(plan.to_string());
        bar.inc(1);
    });
    display.finish();
    let report = report?;
    tell(arguments, report.found.is_some(), || as_json(&report, arguments.seed), || text(&report))
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len} runs, {eta} left; {msg:50!}");
    style.expect("the template is good")
}

fn text(report: &Report) -> String {
    let Report { tally, records, partitions_audited, found } = report;
    let mut text = format!(
        "{}\n{} runs, {} of them ended by SIGKILL; {records} records in the logs, {partitions_audited} audits of a partition\n",
        faults(tally),
        tally.lives,
        tally.killed
    );
    if let Some(recovery) = tally.recovery() {
        let (min, median, max) = (recovery.min_ms, recovery.median_ms, recovery.max_ms);
        text.push_str(&format!(
            "from a start to its first commit: {min} to {max} ms, the median {median}, over {} starts\n",
            tally.recoveries_ms.values().sum::<u64>()
        ));
    }
    match found {
        None => text.push_str("everything held\n"),
        Some(Found { violation, run, disturbance, folder, topic, repeat }) => text.push_str(&format!(
            "\nrun {run} ({disturbance}): {violation}\n\
             kept as they were found: {} and the topic {topic}\n\
             to do the same again, with the same settings: {repeat}\n",
            folder.display()
        )),
    }
    text
}

fn as_json(report: &Report, seed: u64) -> Value {
    let Report { tally, records, partitions_audited, found } = report;
    let violation = found.as_ref().map(|Found { violation, run, disturbance, folder, topic, repeat }| {
        json!({
            "run": run,
            "disturbance": disturbance,
            "invariant": violation.invariant.number(),
            "promise": violation.invariant.promise(),
            "what": violation.what,
            "folder": folder,
            "topic": topic,
            "repeat": repeat,
        })
    });
    json!({
        "seed": seed,
        "runs": tally.lives,
        "killed": tally.killed,
        "records": records,
        "partitions_audited": partitions_audited,
        "starts": tally.restarts,
        "recovery": tally.recovery(),
        "faults": faults_as_json(tally),
        "violation": violation,
    })
}
