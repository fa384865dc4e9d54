//! `isotherm plot`: what stations measured, as a picture.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use clap::{Args, ValueEnum};
use indexmap::IndexSet;

use super::arguments::SettingsArguments;
use super::display::Display;
use super::waiting::patient_log;
use super::{Outcome, output};
use crate::durable::RealDisk;
use crate::durable::replace::replace;
use crate::failure::{Failure, Kind};
use crate::log::{RangePace, RecordLog};
use crate::partition::StateFiles;
use crate::partition::format::Checkpoint;
use crate::pipeline::state_files;
use crate::retold::history::Replay;
use crate::watch::plot::{self, Appearance, Drawn, PlotKind, STATIONS_MAX, Theme};

const EXAMPLES: &str = "\
Examples:
  isotherm plot KNYC --settings settings/demo.toml
  isotherm plot KNYC --settings settings/demo.toml -o new-york.png --kind years --dark
  isotherm plot KNYC KPHX KSEA --settings settings/demo.toml -o three.svg --size 1200x600

It reads the log again, up to the offsets that the states are committed at, whether a processor runs or not,
and prints the path of what it wrote. A file that is there already is replaced. What the log no longer has is said on the
plot. Exit code 65 if a station is unknown.";

/// Smallest and largest width and height.
const SIZES_PIXELS: std::ops::RangeInclusive<u32> = 200..=4000;

/// Draw what stations measured, as SVG or PNG
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Stations to draw; several are compared
    #[arg(value_name = "STATION", required = true)]
    stations: Vec<String>,
    /// File to write, ending in .svg or .png; else the names of the stations with .svg, in the current folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What is drawn of a single station
    #[arg(long, value_enum, default_value = "months")]
    kind: PlotKind,
    /// Light lines on a dark ground
    #[arg(long)]
    dark: bool,
    /// Width and height in pixels [default: 800x450, PNG 2400x1350]
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    size: Option<(u32, u32)>,
    #[command(flatten)]
    settings: SettingsArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ImageFormat {
    Svg,
    Png,
}

/// A station in the partition that counted it.
struct FoundStation<'a> {
    station: &'a str,
    checkpoint: usize,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let path = arguments.output.clone().unwrap_or_else(|| default_path(&arguments.stations));
    let format = format(&path)?;
    let kind = arguments.kind;
    let stations: IndexSet<&str> = arguments.stations.iter().map(String::as_str).collect();
    let settings = arguments.settings.start()?;
    let (checkpoints, found) = find(&state_files(&settings.state)?, &stations)?;
    if found.len() > STATIONS_MAX || (kind == PlotKind::Years && found.len() > 1) {
        let what = if found.len() > STATIONS_MAX {
            format!("a plot can show {STATIONS_MAX} stations, not {}", found.len())
        } else {
            "years can be drawn of one station only".to_owned()
        };
        return Err(Failure::fatal(Kind::Usage, what).advice("draw several plots"));
    }
    let log = patient_log(&settings)?;
    let mut replays = Vec::new();
    for (place, checkpoint) in checkpoints.iter().enumerate() {
        let of_partition = found.iter().filter(|found| found.checkpoint == place);
        let mut replay = Replay::new(checkpoint.into(), of_partition.map(|found| found.station.to_owned()));
        read(&mut replay, &log, checkpoint.state.next_offset)?;
        replays.push(replay);
    }
    let drawn: Vec<Drawn<'_>> =
        found.iter().map(|found| drawn(found, &checkpoints[found.checkpoint], &replays[found.checkpoint])).collect();
    let (width_pixels, height_pixels) = arguments.size.unwrap_or(match format {
        ImageFormat::Svg => (800, 450),
        ImageFormat::Png => (2400, 1350),
    });
    let theme = if arguments.dark { Theme::Dark } else { Theme::Light };
    let appearance = Appearance { theme, width_pixels, height_pixels };
    let bytes = match format {
        ImageFormat::Svg => plot::svg(kind, &drawn, appearance)?.into_bytes(),
        ImageFormat::Png => plot::png(kind, &drawn, appearance)?,
    };
    replace(&RealDisk, &path, process::id().into(), &bytes)?;
    for note in drawn.iter().filter_map(|one| Some((one.station, one.missing.as_ref()?))) {
        output::tell(&format_args!("warning: station {}: {}", note.0, note.1));
    }
    output::print(&format!("{}\n", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The files of the partitions that have one of the stations, and where each station is, in the order of the arguments.
fn find<'a>(
    state: &StateFiles,
    stations: &IndexSet<&'a str>,
) -> Result<(Vec<Checkpoint>, Vec<FoundStation<'a>>), Failure> {
    let (mut checkpoints, mut damaged) = (Vec::new(), Vec::new());
    for partition in state.numbers()? {
        // Gone since the files were listed: it is being rebuilt.
        let Some(file) = state.read(partition)? else { continue };
        match file.parse(partition) {
            Ok(checkpoint) if stations.iter().any(|&name| checkpoint.state.stations.contains_key(name)) => {
                checkpoints.push(checkpoint);
            }
            Ok(_) => {}
            Err(failure) => damaged.push(failure),
        }
    }
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for &station in stations {
        let holders = checkpoints.iter().enumerate().filter(|(_, one)| one.state.stations.contains_key(station));
        let before = found.len();
        found.extend(holders.map(|(checkpoint, _)| FoundStation { station, checkpoint }));
        match found.len() - before {
            0 => unknown.push(station),
            1 => {}
            _ => output::tell(&format_args!(
                "warning: station {station} is in several partitions, each is drawn by itself"
            )),
        }
    }
    for failure in &damaged {
        output::tell(failure);
    }
    if unknown.is_empty() {
        return Ok((checkpoints, found));
    }
    let what = format!("no file has the station {}", unknown.join(", "));
    Err(Failure::fatal(Kind::Data, what).advice("isotherm show lists them; nothing was drawn"))
}

/// Reads the log again, with a bar where a person watches.
fn read(replay: &mut Replay, log: &dyn RecordLog, to: u64) -> Result<(), Failure> {
    let (bar, display) = Display::bar("reading partition {msg}: {bar:32} {human_pos} of {human_len} records")?;
    bar.set_message(replay.partition().to_string());
    let done = replay.advance(log, &RangePace::default(), to, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        ControlFlow::Continue(())
    });
    display.finish();
    done.map(|_| ())
}

fn drawn<'a>(found: &FoundStation<'a>, checkpoint: &Checkpoint, replay: &'a Replay) -> Drawn<'a> {
    let series = replay.series(found.station).expect("it was asked for");
    let counted = checkpoint.state.stations[found.station].count();
    let missing = (series.count() != counted).then(|| {
        let why = replay.lost_reason().unwrap_or_else(|| "isotherm audit says more".to_owned());
        format!("the log has {} of the {counted} readings that were counted ({why})", series.count())
    });
    Drawn { station: found.station, partition: replay.partition(), offset: replay.offset(), series, missing }
}

fn format(path: &Path) -> Result<ImageFormat, Failure> {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ImageFormat::from_str(ending, true).map_err(|_| {
        let what = format!("{} ends neither in .svg nor in .png", path.display());
        Failure::fatal(Kind::Usage, what).advice("the ending says what is written")
    })
}

/// The names of the stations, as far as they can be the name of a file.
fn default_path(stations: &[String]) -> PathBuf {
    const CHARACTERS_MAX: usize = 80;
    let plain = |letter: char| if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    let name: String = stations.join("-").chars().map(plain).take(CHARACTERS_MAX).collect();
    let name = name.trim_start_matches('.');
    PathBuf::from(format!("{}.svg", if name.is_empty() { "plot" } else { name }))
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match sides {
        Some((width, height)) if SIZES_PIXELS.contains(&width) && SIZES_PIXELS.contains(&height) => Ok((width, height)),
        _ => Err(format!(
            "allowed: WIDTHxHEIGHT as in 1200x600, each {} to {} pixels",
            SIZES_PIXELS.start(),
            SIZES_PIXELS.end()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_its_stations() {
        let path = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            default_path(&names).display().to_string()
        };
        assert_eq!(path(&["KNYC"]), "KNYC.svg");
        assert_eq!(path(&["KNYC", "KPHX"]), "KNYC-KPHX.svg");
        assert_eq!(path(&["../a b/<c>"]), "_a_b__c_.svg");
        assert_eq!(path(&["Ås"]), "Ås.svg");
        assert_eq!(path(&["..."]), "plot.svg");
        assert!(path(&["a"; 100]).len() < 100);
    }

    #[test]
    fn the_ending_says_the_format() {
        assert_eq!(format(Path::new("a/b.PNG")), Ok(ImageFormat::Png));
        assert_eq!(format(Path::new("b.svg")), Ok(ImageFormat::Svg));
        for other in ["b", "b.pdf", "svg", ".svg"] {
            assert_eq!(format(Path::new(other)).expect_err("it is no format").kind, Kind::Usage, "{other}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(size("1200x600"), Ok((1200, 600)));
        for wrong in ["1200", "1200x", "199x600", "600x4001", "-1x600", "1200X600"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
