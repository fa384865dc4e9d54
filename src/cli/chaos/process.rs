//! Runs lives of real processes, one after the other, and tells the results.

use std::sync::Arc;

use serde_json::json;

use super::{Arguments, Results};
use crate::cli::Outcome;
use crate::cli::display::Display;
use crate::cli::waiting::patient_log;
use crate::proof::process::{self, FailedLife, LivesReport};
use crate::proof::tally::Recovery;

pub fn run(arguments: &Arguments) -> Outcome {
    arguments.settings.start()?;
    let (bar, display) = Display::bar("{wide_bar} {human_pos} of {human_len} runs, {eta} left; {msg:50!}")?;
    bar.set_length(arguments.runs);
    let open: process::Open = |settings| Ok(Arc::new(patient_log(settings)?));
    let report = process::run(&arguments.settings.sources(), open, arguments.runs, arguments.seed, |plan| {
        bar.set_message(plan.to_string());
        bar.inc(1);
    });
    display.finish();
    results(&report?, arguments.seed).tell(arguments)
}

fn results(report: &LivesReport, seed: u64) -> Results {
    let LivesReport { tally, records, partitions_audited, found } = report;
    let (runs, killed) = (tally.lives, tally.killed);
    let mut summary = format!(
        "{runs} runs, {killed} of them ended by SIGKILL; {records} records in the logs, {partitions_audited} audits of a partition\n"
    );
    if let Some(Recovery { min_ms, median_ms, max_ms }) = tally.recovery() {
        summary.push_str(&format!(
            "from a start to its first commit: {min_ms} to {max_ms} ms, the median {median_ms}, over {} starts\n",
            tally.recoveries_ms.values().sum::<u64>()
        ));
    }
    let counts = json!({
        "seed": seed,
        "runs": runs,
        "killed": killed,
        "records": records,
        "partitions_audited": partitions_audited,
        "starts": tally.restarts,
    });
    let results = Results::new(tally, counts, &summary);
    let Some(FailedLife { violation, run, disturbance, folder, topic, repeat }) = found else { return results };
    let fields = json!({ "run": run, "disturbance": disturbance, "folder": folder, "topic": topic, "repeat": repeat });
    let advice = format!(
        "kept as they were found: {} and the topic {topic}\nto do the same again, with the same settings: {repeat}\n",
        folder.display()
    );
    results.violated(violation, &format!("run {run} ({disturbance})"), fields, &advice)
}
