//! Whether the log has what the files of the source say: of each day of each file the last reading that the log has of it
//! is the file's, and no reading is there more often than it was given.
//!
//! Files and log are read in as many passes as the memory for comparing takes, each about the stations of one class.

use std::collections::{BTreeSet, HashMap, HashSet};

use compact_str::CompactString;

use super::ranges::read;
use super::source_findings::{Earlier, FileDay, OtherValue, RepeatedDay, SourceAudited, StationDay};
use crate::domain::{DateReader, Day, Rules};
use crate::failure::{Failure, Kind};
use crate::log::partitioner::partition_of;
use crate::log::{Extent, RangePace, RecordLog, failures};
use crate::settings::Settings;
use crate::source;
use crate::source::disk::{Inputs, SourceDisk};
use crate::source::files::questions::{Answer, NoRoom, Questions, Verdict};
use crate::source::files::scan::Scan;

/// Names of stations that no file has; in a log that has more of them in one class than this the rest are not told apart.
const STRANGERS_MAX: usize = 1 << 20;

/// Compares the files of the settings' source with the log. Fatal where the source has none.
pub fn audit_source(log: &dyn RecordLog, settings: &Settings, disk: &dyn SourceDisk) -> Result<SourceAudited, Failure> {
    let source = &settings.source;
    let no_files =
        |what: String| Failure::fatal(Kind::Settings, what).advice("only files can be compared with the log");
    let Some((key, pattern)) = source.files() else {
        return Err(no_files("source.kind is \"simulate\": there is no file".to_owned()));
    };
    let names = match disk.find(key, pattern)? {
        Inputs::Files(names) => names,
        Inputs::Stream(name) => return Err(no_files(format!("{key} is {name}, which can be read only once"))),
    };
    let format = source::format(source)?.expect("a source of files has a format");
    let mut audit = Audit {
        log,
        partitions: log.topic()?.ok_or_else(|| failures::no_topic(&log.name()))?.partitions,
        scan: Scan::new(source, disk, format, names),
        questions: Questions::new(usize::try_from(source.compare_bytes_max).unwrap_or(usize::MAX)),
        hidden: BTreeSet::new(),
        found: SourceAudited::default(),
    };
    audit.found.files = audit.scan.names().len();
    loop {
        audit.pass()?;
        if !audit.questions.begin_next() {
            break;
        }
    }
    if let Some(name) = audit.scan.unsteady() {
        audit.found.doubt(format!("{name} was changed while the files were read, or is being written"));
    }
    Ok(audit.found)
}

struct Audit<'a> {
    log: &'a dyn RecordLog,
    partitions: u32,
    scan: Scan<'a>,
    questions: Questions,
    /// Partitions that have records which no reader sees.
    hidden: BTreeSet<u32>,
    found: SourceAudited,
}

impl Audit<'_> {
    /// The stations of one class.
    fn pass(&mut self) -> Result<(), Failure> {
        let questions = &mut self.questions;
        self.scan.read(|file, reading| {
            let added = questions.add(file, reading.station_id, reading.day, reading.degrees);
            added.map_err(|NoRoom| {
                let what = format!("there is no memory for the readings of station {:?} alone", reading.station_id);
                Failure::fatal(Kind::Settings, what).advice("raise source.compare_bytes_max")
            })
        })?;
        questions.finish();
        let repeats = self.replay()?;
        self.judge(repeats);
        Ok(())
    }

    /// Reads the log; how often a reading of each day said what the one before had said.
    fn replay(&mut self) -> Result<HashMap<(CompactString, Day), i64>, Failure> {
        let Self { log, partitions, questions, hidden, found, .. } = self;
        let (mut repeats, mut strangers) = (HashMap::new(), HashSet::new());
        if log.topic()?.is_some_and(|topic| topic.compacted) {
            questions.doubt(|_| true, format!("{} is compacted", log.name()));
        }
        let every: Vec<u32> = (0..*partitions).collect();
        let mut dates = DateReader::default();
        for (partition, high_watermark) in every.iter().copied().zip(log.high_watermarks(&every)?) {
            let Extent { start, end } = log.extent(partition)?;
            let is_of = |station: &str| partition_of(station.as_bytes(), *partitions) == partition;
            if start > 0 {
                questions.doubt(is_of, format!("partition {partition} of {} begins at offset {start}", log.name()));
            }
            if high_watermark > end && hidden.insert(partition) {
                let name = log.name();
                found.doubt(format!(
                    "an open transaction hides what partition {partition} of {name} has behind offset {end}"
                ));
            }
            read(*log, &RangePace::default(), partition, (start, end), |record| {
                let Ok(reading) = Rules::ANY_DEGREES.check(record, &mut dates) else { return Ok(()) };
                let station = || CompactString::from(reading.station_id);
                let at = || StationDay { station: reading.station_id.to_owned(), day: reading.day.to_string() };
                match questions.answer(&reading) {
                    Answer::AnotherPass | Answer::First => {}
                    Answer::NoStation => {
                        if strangers.len() < STRANGERS_MAX && strangers.insert(station()) {
                            found.strangers.add(|| reading.station_id.to_owned());
                        }
                    }
                    Answer::NoDay { is_new: true } => found.withdrawn.add(at),
                    Answer::NoDay { is_new: false } => {}
                    Answer::Repeat => *repeats.entry((station(), reading.day)).or_default() += 1,
                    Answer::Change { before } => found.earlier.add(|| Earlier { at: at(), earlier: before }),
                }
                Ok(())
            })?;
        }
        Ok(repeats)
    }

    /// Compares what the log has of each day with what the files say.
    fn judge(&mut self, mut repeats: HashMap<(CompactString, Day), i64>) {
        let Self { questions, found, hidden, partitions, scan, .. } = self;
        // Days of which the last file has another value than the log, by what each file says last.
        let mut others: HashMap<(CompactString, Day), HashMap<u32, f64>> = HashMap::new();
        let is_hidden = |station: &str| hidden.contains(&partition_of(station.as_bytes(), *partitions));
        for place in 0..questions.count() {
            let (reading, file, verdict) = questions.reading(place);
            let day = || (CompactString::from(reading.station_id), reading.day);
            found.readings += 1;
            if !repeats.is_empty()
                && let Some(repeats) = repeats.get_mut(&day())
            {
                *repeats -= 1;
            }
            if !questions.is_last(place) {
                continue;
            }
            found.days += 1;
            match verdict {
                Verdict::Known => {}
                Verdict::New { doubtful } if doubtful || is_hidden(reading.station_id) => found.unknown_days += 1,
                Verdict::Revised if is_hidden(reading.station_id) => found.unknown_days += 1,
                Verdict::New { .. } => found.missing.add(|| FileDay {
                    at: StationDay { station: reading.station_id.to_owned(), day: reading.day.to_string() },
                    file: scan.names()[file as usize].clone(),
                    degrees: reading.degrees,
                }),
                Verdict::Revised => drop(others.insert(day(), HashMap::new())),
            }
        }
        if let Some(why) = questions.why_doubtful().filter(|_| found.unknown_days > 0) {
            found.doubt(why.to_owned());
        }
        let mut repeats: Vec<_> = repeats.into_iter().collect();
        repeats.sort_unstable();
        for ((station, day), repeats) in repeats {
            // A file may have a reading more often, too: each of them was given.
            let repeats = repeats + 1;
            if repeats > 0 {
                let at = StationDay { station: station.to_string(), day: day.to_string() };
                found.repeats.add_many(repeats as u64, || RepeatedDay { at, repeats: repeats as u64 });
            }
        }
        if !others.is_empty() {
            self.judge_others(others);
        }
    }

    /// Where several files have a day with different values, the log's last may be that of any.
    fn judge_others(&mut self, mut others: HashMap<(CompactString, Day), HashMap<u32, f64>>) {
        let Self { questions, found, scan, .. } = self;
        for place in 0..questions.count() {
            let (reading, file, _) = questions.reading(place);
            let Some(says) = others.get_mut(&(CompactString::from(reading.station_id), reading.day)) else { continue };
            says.insert(file, reading.degrees);
            let logged = questions.logged(place).unwrap_or(f64::NAN);
            if questions.is_last(place) && says.values().all(|degrees| *degrees != logged) {
                found.others.add(|| OtherValue {
                    at: StationDay { station: reading.station_id.to_owned(), day: reading.day.to_string() },
                    file: scan.names()[file as usize].clone(),
                    degrees: reading.degrees,
                    logged,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::log::test_log::{TestLog, reading};
    use crate::settings::{Sources, load};
    use crate::source::disk::MachineDisk;

    const DAYS: u32 = 300;

    fn station(number: u32) -> String {
        format!("S{}", number % 3)
    }

    fn date(number: u32) -> String {
        Day::from_number(730_000 + number / 3).expect("a day").to_string()
    }

    /// The log has what the file of three stations has, and something after it.
    fn audited(change: impl FnOnce(&mut TestLog), bytes_max: u64) -> (&'static str, Value) {
        let folder = tempfile::tempdir().expect("a folder");
        let rows = (0..DAYS).map(|number| format!("{},{},{number}\n", station(number), date(number)));
        std::fs::write(folder.path().join("a.csv"), "station,date,degrees\n".to_owned() + &rows.collect::<String>())
            .expect("written");
        let set = |set: &str| set.replace("FILES", &folder.path().join("*.csv").display().to_string());
        let sets =
            ["source.kind=csv", "source.csv.files=FILES", "source.csv.degrees_column=degrees", "source.rest_ms=0"];
        let sources = Sources { file: None, sets: sets.iter().map(|text| set(text)).collect() };
        let mut settings = load(&sources, std::iter::empty()).expect("the settings are good").settings;
        "station".clone_into(&mut settings.source.csv.station_column);
        settings.source.compare_bytes_max = bytes_max;
        let records = (0..DAYS).map(|number| reading(&station(number), &date(number), f64::from(number)));
        let mut log = TestLog::new(records.collect());
        change(&mut log);
        let found = audit_source(&log, &settings, &MachineDisk::default()).expect("it is audited");
        (found.name(), json!(found))
    }

    /// Adds a record.
    fn add(log: &mut TestLog, station: &str, date: &str, degrees: f64) {
        let (key, value) = reading(station, date, degrees);
        log.records.push((log.extent.end, key, value));
        log.extent.end += 1;
    }

    #[test]
    fn in_as_many_passes_as_memory_needs_the_same_is_found() {
        let change = |log: &mut TestLog| {
            log.records.remove(7);
            for number in [10, 11, 12, 12] {
                add(log, &station(number), &date(number), f64::from(number));
            }
            add(log, &station(20), &date(20), -5.0);
            for stranger in ["X", "Y", "Z"] {
                add(log, stranger, "2000-01-01", 1.0);
            }
            add(log, "S1", "1970-01-01", 1.0);
        };
        let (name, found) = audited(change, 1 << 20);
        assert_eq!(name, "log_wrong");
        let total = |kind: &str| found[kind]["total"].clone();
        let totals = ["missing", "others", "repeats", "earlier", "withdrawn", "strangers"].map(total);
        assert_eq!(totals, [1, 1, 4, 1, 1, 3].map(Value::from));
        assert_eq!((&found["readings"], &found["days"]), (&json!(DAYS), &json!(DAYS)));
        // So little that each station has a pass of its own.
        let (_, in_passes) = audited(change, 48 * 110);
        for kind in ["missing", "others", "repeats", "earlier", "withdrawn", "strangers"] {
            assert_eq!(in_passes[kind]["total"], found[kind]["total"], "{kind}");
        }
        assert_eq!((&in_passes["readings"], &in_passes["days"]), (&found["readings"], &found["days"]));
    }

    #[test]
    fn a_log_that_lost_its_beginning_or_hides_its_end_cannot_say_what_is_missing() {
        let lost = |log: &mut TestLog| {
            log.records.drain(..10);
            log.extent.start = 10;
        };
        let (name, found) = audited(lost, 1 << 20);
        assert_eq!(
            (name, &found["unknown_days"], &found["missing"]["total"]),
            ("log_incomplete", &json!(10), &json!(0))
        );
        assert!(found["unknown"][0].as_str().is_some_and(|why| why.contains("begins at offset 10")), "{found}");
        let hidden = |log: &mut TestLog| {
            log.records.truncate(290);
            (log.extent.end, log.hidden) = (290, 10);
        };
        let (name, found) = audited(hidden, 1 << 20);
        assert_eq!(
            (name, &found["unknown_days"], &found["missing"]["total"]),
            ("log_incomplete", &json!(10), &json!(0))
        );
        assert!(found["unknown"][0].as_str().is_some_and(|why| why.contains("behind offset 290")), "{found}");
        // What is there twice is wrong whatever else cannot be known.
        let both = |log: &mut TestLog| {
            lost(log);
            add(log, &station(50), &date(50), 50.0);
        };
        assert_eq!(audited(both, 1 << 20).0, "log_wrong");
    }
}
