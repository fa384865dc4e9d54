//! `isotherm source`: what was read of each file of the source, and how the files stand to it now.

use std::fmt::Write as _;
use std::process::ExitCode;

use chrono::DateTime;
use clap::Args;
use serde_json::json;

use super::arguments::SettingsArguments;
use super::{Outcome, exit_code, output};
use crate::failure::{Failure, Kind};
use crate::ingest::read_source;
use crate::settings::Settings;
use crate::source::Kept;
use crate::source::disk::{Inputs, MachineDisk, SourceDisk as _};
use crate::source::files::survey::{FileStanding, Standing, survey, survey_stream};

const EXAMPLES: &str = "\
Examples:
  isotherm source --settings settings/demo.toml
  isotherm source --verify --set source.kind=ghcn_daily --set source.ghcn_daily.files='data/*.dly'
  isotherm source --json

It reads source.json and the lines beside it in state.dir, whether a producer runs or not, and looks at the files that the
settings name: read, reading (not to its end yet), changed, gone or new; of a stream it shows what was read. --verify reads
all that was read of the files once more: a file of the same size, times and inode can have another content. Then the exit
code is 65 if a file is changed.";

/// Show what was read of each file of the source
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
    /// Read what was read of the files, and compare
    #[arg(long)]
    verify: bool,
    /// Source and files as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.effective()?.settings;
    let Some((key, pattern)) = settings.source.files() else {
        let what = "source.kind is \"simulate\": a source of files is shown, this one has none";
        return Err(Failure::fatal(Kind::Settings, what).advice("give the settings of the run, as with --settings"));
    };
    let Some((state, files)) = read_source(&settings.state.dir)? else { return Err(nothing_read(&settings)) };
    let disk = MachineDisk::default();
    let cursor = Some(&state.cursor).filter(|cursor| !cursor.is_null()).cloned();
    let kept = Kept { cursor, files, log_has_records: state.log_had_records };
    let is_of_stream = kept.cursor.as_ref().is_some_and(|cursor| cursor.get("stream").is_some());
    let verify = arguments.verify.then(|| settings.source.encoding());
    let files = match disk.find(key, pattern) {
        _ if is_of_stream && arguments.verify => {
            let what = "the source is a stream, which can be read once: there is nothing to read again";
            return Err(Failure::fatal(Kind::Settings, what).advice("leave --verify out"));
        }
        // Its name may lead nowhere by now.
        _ if is_of_stream => survey_stream(&kept)?,
        Ok(Inputs::Stream(_)) => Vec::new(),
        Ok(Inputs::Files(names)) => survey(&disk, &names, &kept, verify)?,
        Err(failure) if kept.files.is_empty() => return Err(failure),
        // Where all files are gone, that is told of each.
        Err(_) => survey(&disk, &[], &kept, verify)?,
    };
    if arguments.json {
        let source = json!({
            "kind": state.kind, "topic": state.topic, "readings": state.readings, "log_had_records": state.log_had_records,
        });
        output::print_json(&json!({ "source": source, "files": files }))?;
    } else {
        output::print(&(table(&files) + &totals(&files, state.readings)))?;
    }
    let is_changed = files.iter().any(|file| file.standing == Standing::Changed);
    Ok(if arguments.verify && is_changed { exit_code(Kind::Data) } else { ExitCode::SUCCESS })
}

fn nothing_read(settings: &Settings) -> Failure {
    let what = format!("there is no source.json in {}: nothing was read there yet", settings.state.dir.display());
    Failure::fatal(Kind::Data, what).advice("the folder is the setting state.dir: give the settings of the run")
}

fn table(files: &[FileStanding]) -> String {
    let rows = files.iter().map(|FileStanding { standing, record }| {
        let read_at = i64::try_from(record.read_at_ms).ok().and_then(DateTime::from_timestamp_millis);
        let read_at = read_at.filter(|_| *standing != Standing::New);
        let counts = [
            record.bytes,
            record.readings,
            record.missing,
            record.bad_lines,
            record.skipped_quality,
            record.revised,
            record.withdrawn,
        ];
        let mut row = vec![record.file.clone(), standing.name().to_owned()];
        row.push(read_at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S").to_string()));
        row.extend(counts.map(|count| count.to_string()));
        row
    });
    let header = [
        "file",
        "state",
        "read at (UTC)",
        "bytes",
        "readings",
        "missing",
        "bad lines",
        "failed quality",
        "revised",
        "withdrawn",
    ];
    output::table(&header, &[3, 4, 5, 6, 7, 8, 9], rows)
}

fn totals(files: &[FileStanding], readings: u64) -> String {
    let mut text = format!("{} files", files.len());
    for standing in [Standing::Reading, Standing::Changed, Standing::Gone, Standing::New] {
        let count = files.iter().filter(|file| file.standing == standing).count();
        if count > 0 {
            write!(text, ", {count} {}", standing.name()).expect("memory has room");
        }
    }
    format!("{text}; {readings} readings acknowledged since the first run\n")
}
