//! `isotherm show`: the statistics in all partition files.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::arguments::SettingsArguments;
use super::overview::{self, PartitionOverview};
use super::twins::Twins;
use super::{Outcome, exit_code, output};
use crate::failure::{Failure, Kind};
use crate::partition::StateFiles;
use crate::partition::format::Checkpoint;
use crate::pipeline::state_files;

const EXAMPLES: &str = "\
Examples:
  isotherm show --settings settings/demo.toml
  isotherm show KNYC KSEA --settings settings/demo.toml --json
  isotherm show --csv > stations.csv

It reads the files in state.dir, or the objects of state.url, as they are committed, whether a processor runs or not. Averages of the table are
rounded to two digits; those of --json and --csv are exact. Exit code 65 if a file is damaged or a station unknown; all
others are shown.";

/// Show the statistics of stations and partitions
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Stations to show; else all
    #[arg(value_name = "STATION")]
    stations: Vec<String>,
    #[command(flatten)]
    settings: SettingsArguments,
    /// Stations and partitions as one JSON object
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Stations as CSV
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    station: String,
    count: u64,
    average: f64,
    start: String,
    end: String,
    sum: f64,
    partition: u32,
}

/// The content of all files.
#[derive(Default)]
struct Shown {
    rows: Vec<Row>,
    overviews: Vec<PartitionOverview>,
    damaged: Vec<Failure>,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.effective()?.settings;
    let wanted: BTreeSet<&str> = arguments.stations.iter().map(String::as_str).collect();
    let shown = read(&state_files(&settings.state)?, &wanted)?;
    if arguments.json {
        let damaged = shown.damaged.iter().map(|failure| json!({ "what": failure.what, "advice": failure.advice }));
        let damaged: Vec<_> = damaged.collect();
        let value = json!({ "stations": shown.rows, "partitions": shown.overviews, "damaged": damaged });
        output::print_json(&value)?;
    } else if arguments.csv {
        output::print(&csv(&shown.rows))?;
    } else {
        output::print(&format!("{}\n{}", table(&shown.rows), overview::text(&shown.overviews)))?;
    }
    for failure in &shown.damaged {
        output::tell(failure);
    }
    let mut twins = Twins::default();
    shown.rows.iter().for_each(|row| twins.add(row.partition, &row.station));
    twins.tell();
    let unknown: Vec<&str> =
        wanted.into_iter().filter(|&name| shown.rows.iter().all(|row| row.station != name)).collect();
    if !unknown.is_empty() {
        output::tell(&format_args!("no file has the station {}", unknown.join(", ")));
    }
    Ok(if shown.damaged.is_empty() && unknown.is_empty() { ExitCode::SUCCESS } else { exit_code(Kind::Data) })
}

/// Reads one file after the other and keeps only what is shown.
fn read(state: &StateFiles, wanted: &BTreeSet<&str>) -> Result<Shown, Failure> {
    let mut shown = Shown::default();
    for partition in state.numbers()? {
        // Gone since the files were listed: it is being rebuilt.
        let Some(file) = state.read(partition)? else { continue };
        match file.parse(partition) {
            Ok(checkpoint) => {
                shown.overviews.push(PartitionOverview::of(&file, &checkpoint, state));
                shown.rows.extend(rows(checkpoint, wanted));
            }
            Err(failure) => shown.damaged.push(failure),
        }
    }
    shown.rows.sort_by(|one, other| (&one.station, one.partition).cmp(&(&other.station, other.partition)));
    Ok(shown)
}

fn rows(checkpoint: Checkpoint, wanted: &BTreeSet<&str>) -> impl Iterator<Item = Row> {
    let partition = checkpoint.identity.partition;
    let stations = checkpoint.state.stations.into_iter();
    stations.filter(move |(name, _)| wanted.is_empty() || wanted.contains(name.as_str())).map(
        move |(station, stats)| Row {
            station: station.into(),
            count: stats.count(),
            average: stats.average(),
            start: stats.start.to_string(),
            end: stats.end.to_string(),
            sum: stats.sum,
            partition,
        },
    )
}

fn table(rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            row.station.clone(),
            row.count.to_string(),
            format!("{:.2}", row.average),
            row.start.clone(),
            row.end.clone(),
            rounded(row.sum),
            row.partition.to_string(),
        ]
    });
    output::table(&["station", "count", "average", "start", "end", "sum", "partition"], &[1, 2, 5, 6], cells)
}

/// A sum without the noise of binary fractions, which no thermometer has measured.
fn rounded(sum: f64) -> String {
    let text = format!("{sum:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn csv(rows: &[Row]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).expect("a row is texts and numbers, and memory has room");
    }
    let bytes = writer.into_inner().expect("memory has room");
    String::from_utf8(bytes).expect("texts and numbers are UTF-8")
}
