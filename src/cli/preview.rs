//! `isotherm preview`: what the source would give.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::arguments::SettingsArguments;
use super::{Outcome, output};
use crate::source::disk::MachineDisk;
use crate::source::preview::{Preview, preview};

const EXAMPLES: &str = "\
Examples:
  isotherm preview --settings settings/demo.toml
  isotherm preview --set source.kind=gsod --set source.csv.files='gsod/*.csv.gz'
  head -n 50 FILE.csv | isotherm preview --set source.kind=csv --set source.csv.files=- --set source.csv.station_column=station

It reads up to 100,000 lines of the files from their beginning, in the order in which a run reads them: the first readings, the
first lines that give none and why, and how many there are of each. It knows nothing of what was read before, asks no log, and
writes nothing. The exit code is 65 if there are lines and none gives a reading.";

/// Show the first readings that the source would send, and the first lines that it would not
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
    /// Readings and bad lines that are shown
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.effective()?.settings;
    let (preview, is_good) = preview(&settings.source, &MachineDisk::default(), usize::from(arguments.limit))?;
    if arguments.json {
        output::print_json(&preview)?;
    } else {
        output::print(&text(&preview))?;
    }
    is_good.map(|()| ExitCode::SUCCESS)
}

fn text(preview: &Preview) -> String {
    let readings = preview.readings.iter();
    let rows = readings.map(|reading| vec![reading.station.clone(), reading.date.clone(), reading.degrees.to_string()]);
    let mut text = output::table(&["station", "date", "degrees"], &[2], rows);
    if !preview.others.is_empty() {
        text.push('\n');
        let rows =
            preview.others.iter().map(|line| vec![line.file.clone(), line.line.to_string(), line.reason.clone()]);
        text.push_str(&output::table(&["file", "line", "not sent, as it is"], &[1], rows));
    }
    let Preview { counts, lines, files, files_total, is_all, .. } = preview;
    if *files_total > 0 {
        let extent = if *is_all { "" } else { "the first " };
        let _ = writeln!(
            text,
            "\n{extent}{lines} lines of {files} of {files_total} files: {} readings, {} bad lines, {} values missing, {} of failed quality, \
             {} lines of something else",
            counts.readings, counts.bad_lines, counts.missing, counts.failed_quality, counts.passed_over
        );
    }
    for value in &preview.doubtful_values {
        let _ = writeln!(text, "{value}");
    }
    text
}
