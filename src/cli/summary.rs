//! The summary of a run: the content of the files now, and the branches that failed.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::arguments::WatchArguments;
use super::engine::{self, Ran};
use super::overview::{self, PartitionOverview};
use super::twins::Twins;
use super::{Outcome, exit_code, output};
use crate::domain::RecordFormat;
use crate::failure::{Failure, Kind};
use crate::ingest::read_source;
use crate::partition::PartitionFile;
use crate::pipeline::{Job, Summary, state_files};
use crate::settings::{LogKind, Settings};
use crate::standard_error::FLUSH_MAX;

/// Runs the job, prints its partitions' files as they are on disk then, tells what failed, and says the exit code.
///
/// `watched`: over the dashboard of the settings, where they have an address for it.
pub fn run(job: Job, settings: &Settings, json: bool, watched: Option<&WatchArguments>) -> Outcome {
    if settings.log.kind == LogKind::Memory && (!job.ingest || job.partitions.is_empty()) {
        // It would wait for ever, or take readings as acknowledged that nobody can ever count.
        let what = "log.kind is \"memory\": what is produced can only be counted within the same process";
        return Err(Failure::fatal(Kind::Settings, what).advice("use isotherm run, or another log"));
    }
    if job.ingest && settings.log.format == RecordFormat::Json {
        let what = "log.format is \"json\", and isotherm writes protobuf: none of its records would count";
        return Err(Failure::fatal(Kind::Settings, what).advice("set log.format to \"detect\", or to \"protobuf\""));
    }
    if job.ingest && !settings.state.url.is_empty() {
        let what = "state.url is set, and the source's cursor is not kept in an object store yet";
        return Err(Failure::fatal(Kind::Settings, what)
            .advice("give isotherm produce settings with a state.dir, and isotherm consume these"));
    }
    let (ingested, partitions) = (job.ingest, job.partitions.clone());
    let Ran { summary, stay, log } = engine::run(job, settings.clone(), watched)?;
    let state = state_files(&settings.state)?;
    let mut overviews = Vec::new();
    let (mut unreadable, mut twins): (Option<Failure>, _) = (None, Twins::default());
    for &partition in &partitions {
        let read = state.read(partition).and_then(|file| {
            let overview = |file: PartitionFile| {
                let checkpoint = file.parse(partition)?;
                checkpoint.state.stations.keys().for_each(|station| twins.add(partition, station));
                Ok(PartitionOverview::of(&file, &checkpoint, &state))
            };
            file.map(overview).transpose()
        });
        match read {
            Ok(found) => overviews.extend(found),
            Err(failure) => drop(unreadable.get_or_insert(failure)),
        }
    }
    let mut text = String::new();
    if json {
        text = output::json_text(&as_json(&summary, ingested, &partitions, &overviews));
    } else {
        if ingested {
            text.push_str(&produced(&summary));
        }
        if !partitions.is_empty() {
            text.push_str(&overview::text(&overviews));
            if summary.hidden > 0 {
                let _ = writeln!(text, "{} records are not counted: an open transaction hides them", summary.hidden);
            }
        }
    }
    if !output::print_unless_asked_to_end(move || output::print(&text), FLUSH_MAX)? {
        output::tell(&"the summary is not printed: nobody reads the standard output");
    }
    twins.tell();
    for (branch, failure) in &summary.failures {
        output::tell(&format_args!("{branch}: {failure}"));
    }
    if !summary.laggards.is_empty() {
        output::tell(&format_args!(
            "did not stop in time: {} (nothing is lost: the next start goes on from what was committed)",
            summary.laggards.join(", ")
        ));
    }
    // A stream that is refused says itself what to give.
    let received_bytes = summary.received_bytes.filter(|_| summary.failures.is_empty());
    if let Some(bytes) = received_bytes.and_then(|received| not_in_log(received, settings)) {
        output::tell(&format_args!(
            "{bytes} bytes of the stream were received, and what they hold is not in the log: give the stream again from its beginning"
        ));
    }
    // Last of all: this end of the client may hang, or worse.
    log.leave();
    if let Some(stay) = stay {
        stay();
    }
    if let Some((_, failure)) = summary.failures.first() {
        return Ok(exit_code(failure.kind));
    }
    if let Some(failure) = unreadable {
        return Err(failure);
    }
    if !summary.laggards.is_empty() {
        return Ok(exit_code(Kind::TryAgain));
    }
    Ok(ExitCode::SUCCESS)
}

/// How many bytes of a stream, of which so many came, `source.json` does not account for.
fn not_in_log(received_bytes: u64, settings: &Settings) -> Option<u64> {
    let source = read_source(&settings.state.dir).ok()?;
    let read = source.and_then(|(state, _)| state.cursor["stream"]["bytes"].as_u64()).unwrap_or(0);
    received_bytes.checked_sub(read).filter(|bytes| *bytes > 0)
}

/// The numbers of the source; what is out of the ordinary is named only where there was any.
fn produced(summary: &Summary) -> String {
    let mut text = format!("{} readings produced", summary.readings);
    for (count, what) in [
        (summary.revised, "of them revise what the log has"),
        (summary.possible_repeats, "of them may be repeats"),
        (summary.withdrawn, "days withdrawn"),
        (summary.bad_lines, "bad lines passed over"),
        (summary.skipped_quality, "values of failed quality skipped since the first run"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text.push('\n');
    for value in &summary.doubtful_values {
        text.push_str(&format!("{value}\n"));
    }
    text
}

fn as_json(summary: &Summary, ingested: bool, partitions: &[u32], overviews: &[PartitionOverview]) -> Value {
    let failures: Vec<Value> = summary
        .failures
        .iter()
        .map(|(branch, failure)| json!({ "branch": branch, "what": failure.what, "advice": failure.advice }))
        .collect();
    let mut value = json!({ "failures": failures, "laggards": summary.laggards });
    if ingested {
        value["readings"] = summary.readings.into();
        value["bad_lines"] = summary.bad_lines.into();
        value["skipped_quality"] = summary.skipped_quality.into();
        value["revised"] = summary.revised.into();
        value["withdrawn"] = summary.withdrawn.into();
        value["possible_repeats"] = summary.possible_repeats.into();
        value["doubtful_values"] = json!(summary.doubtful_values);
    }
    if !partitions.is_empty() {
        value["hidden"] = summary.hidden.into();
        value["partitions"] = json!(overviews);
    }
    value
}
