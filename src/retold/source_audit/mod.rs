//! Whether the log has what the files of the source say: of each day of each file the last reading that the log has of it
//! is the file's, and no reading is there more often than it was given.
//!
//! Guarantees: nothing is changed and no lock is taken, so that it works beside a producer; what cannot be known is told and
//! not taken for wrong. The files are read by the code that the producer reads them by. Files and log are read in as many
//! passes as the memory for comparing takes, each about the stations of one class. Uses `ingest`, `log`, `source` and below.

mod findings;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use compact_str::CompactString;

use crate::domain::{Day, Record, Rules, Scratch};
use crate::failure::{Failure, Kind};
use crate::ingest::read_source;
use crate::log::partitioner::partition_of;
use crate::log::{Extent, RangePace, RangeReader, RecordLog, failures};
use crate::progress::events;
use crate::settings::Settings;
use crate::source::disk::{Inputs, SourceDisk};
use crate::source::files::questions::{Answer, NoRoom, Questions, Verdict};
use crate::source::files::scan::Scan;
use crate::source::files::survey::records;
use crate::source::files::{FileRecord, StationsOfFile};
use crate::source::{self, Kept};
pub use findings::SourceAudited;
use findings::{Earlier, FileDay, OtherValue, RepeatedDay, StationDay};

/// Days of which more is kept than that they were asked about, at once.
const DAYS_MAX: usize = 1 << 20;
/// Names of stations that no file has, kept at once; further ones are not told apart.
const STRANGERS_MAX: usize = 1 << 20;
/// A producer at work ends its transactions within this time.
const VISIBLE_WAIT_MAX: Duration = Duration::from_secs(15);
const VISIBLE_INTERVAL: Duration = Duration::from_millis(100);

type StationAndDay = (CompactString, Day);

/// Compares the files of the settings' source with the log. Fatal where the source has none.
pub fn audit_source(log: &dyn RecordLog, settings: &Settings, disk: &dyn SourceDisk) -> Result<SourceAudited, Failure> {
    let source = &settings.source;
    let no_files = |what: String| Failure::fatal(Kind::Settings, what).advice("save it to a file, and name that");
    let Some((key, pattern)) = source.files() else {
        return Err(Failure::fatal(
            Kind::Settings,
            "source.kind is \"simulate\": there is no file to compare with the log",
        )
        .advice("give the settings of the run, as with --settings"));
    };
    let names = match disk.find(key, pattern)? {
        Inputs::Files(names) => names,
        Inputs::Stream(name) => return Err(no_files(format!("{key} is {name}, which can be read only once"))),
    };
    let format = source::format(source)?.expect("a source of files has a format");
    let topic = log.topic()?.ok_or_else(|| failures::no_topic(&log.name()))?;
    let known = known(settings, disk, &topic.log_id)?;
    let gone = known.as_ref().map(|known| Gone::of(known, &names)).unwrap_or_default();
    let known = known.map(|known| known.into_iter().map(|record| (record.file.clone(), record)).collect());
    let mut audit = Audit {
        log,
        rules: Rules { format: settings.log.format, ..Rules::ANY_DEGREES },
        partitions: topic.partitions,
        scan: Scan::new(source, disk, format, names),
        questions: Questions::new(usize::try_from(source.compare_bytes_max).unwrap_or(usize::MAX)),
        bytes_max: source.compare_bytes_max,
        known,
        gone,
        doubts: BTreeMap::new(),
        hidden: BTreeSet::new(),
        found: SourceAudited::default(),
    };
    audit.found.files = audit.scan.names().len();
    for pass in 1.. {
        audit.pass(pass)?;
        if !audit.questions.begin_next() {
            break;
        }
    }
    Ok(audit.finish())
}

/// What the producer knows of its files; `None` where there is no `source.json` of this source and topic.
fn known(settings: &Settings, disk: &dyn SourceDisk, log_id: &str) -> Result<Option<Vec<FileRecord>>, Failure> {
    let Some((state, files)) = read_source(&settings.state.dir)? else { return Ok(None) };
    let description = source::describe(&settings.source, disk)?;
    let is_same = (&*state.kind, &state.parameters) == (description.kind, &description.parameters);
    if !is_same || state.log_id != log_id {
        return Ok(None);
    }
    let cursor = Some(state.cursor).filter(|cursor| !cursor.is_null());
    records(&Kept { cursor, files, log_has_records: state.log_had_records }).map(Some)
}

/// Files that were read and are gone: what they said is in the log, and nothing else says so any more.
#[derive(Default)]
struct Gone {
    first: Option<String>,
    stations: HashSet<String>,
    several: bool,
}

impl Gone {
    fn of(known: &[FileRecord], names: &[String]) -> Self {
        let mut gone = Self::default();
        for record in known.iter().filter(|record| names.binary_search(&record.file).is_err()) {
            gone.first.get_or_insert_with(|| record.file.clone());
            match &record.stations {
                StationsOfFile::None => {}
                StationsOfFile::One(station) => drop(gone.stations.insert(station.clone())),
                StationsOfFile::Several => gone.several = true,
            }
        }
        gone
    }

    /// In words, that one of them may have had the station, if one may.
    fn may_have(&self, station: &str) -> Option<String> {
        let first = self.first.as_ref().filter(|_| self.several || self.stations.contains(station))?;
        Some(format!("files are gone whose readings are in the log, as {first}"))
    }
}

struct Audit<'a> {
    log: &'a dyn RecordLog,
    rules: Rules,
    partitions: u32,
    scan: Scan<'a>,
    questions: Questions,
    bytes_max: u64,
    known: Option<HashMap<String, FileRecord>>,
    gone: Gone,
    /// Partitions that do not have all that they had, and why.
    doubts: BTreeMap<u32, String>,
    /// Partitions that have records which no reader sees.
    hidden: BTreeSet<u32>,
    found: SourceAudited,
}

impl Audit<'_> {
    /// The stations of one class.
    fn pass(&mut self, pass: usize) -> Result<(), Failure> {
        let (questions, bytes_max) = (&mut self.questions, self.bytes_max);
        self.scan.read(|file, reading| {
            let added = questions.add(file, reading.station_id, reading.day, reading.degrees);
            added.map_err(|no_room: NoRoom| no_room.failure(bytes_max, reading.station_id))
        })?;
        questions.finish();
        let passes = pass + questions.passes_left();
        if passes > 1 {
            let first = self.scan.names().first().map(String::as_str).unwrap_or_default();
            events::comparing(self.found.files, first, questions.count(), (pass, passes));
        }
        let repeats = self.replay()?;
        self.scan.look_again()?;
        self.judge(repeats);
        Ok(())
    }

    /// Reads the log; how often a reading of each day said what the one before had said, by what that was.
    fn replay(&mut self) -> Result<HashMap<(StationAndDay, u64), Repeated>, Failure> {
        let (log, name) = (self.log, self.log.name());
        let (mut repeats, mut strangers) = (HashMap::new(), HashSet::new());
        if log.topic()?.is_some_and(|topic| topic.compacted) {
            (0..self.partitions)
                .for_each(|partition| drop(self.doubts.insert(partition, failures::is_compacted(&name))));
        }
        let (rules, mut scratch) = (self.rules, Scratch::default());
        for partition in 0..self.partitions {
            let Extent { start, end } = self.visible(partition)?;
            let (mut position, questions, found) = (start, &mut self.questions, &mut self.found);
            if start > 0 {
                self.doubts.insert(partition, failures::begins_late(&name, partition, start));
            }
            let mut take = |record: Record<'_>| {
                let Ok(reading) = rules.check(record, &mut scratch) else { return };
                let station = || CompactString::from(reading.station_id);
                let at = || StationDay { station: reading.station_id.to_owned(), day: reading.day.to_string() };
                match questions.answer(&reading) {
                    Answer::AnotherPass | Answer::First | Answer::NoDay { is_new: false } => {}
                    Answer::NoDay { is_new: true } => found.withdrawn.add(at),
                    Answer::NoStation if strangers.len() >= STRANGERS_MAX => found.strangers.at_least(),
                    Answer::NoStation => {
                        if strangers.insert(station()) {
                            found.strangers.add(|| reading.station_id.to_owned());
                        }
                    }
                    Answer::Change { before } => found.earlier.add(|| Earlier { at: at(), earlier: before }),
                    Answer::Repeat => {
                        let key = ((station(), reading.day), reading.degrees.to_bits());
                        if repeats.len() >= DAYS_MAX && !repeats.contains_key(&key) {
                            found.repeats.add(|| RepeatedDay { at: at(), repeats: 1 });
                        } else {
                            repeats.entry(key).or_insert_with(Repeated::default).in_log += 1;
                        }
                    }
                }
            };
            while let Err(failure) = read(log, partition, &mut position, end, &mut take) {
                // Retention may have taken more since.
                let start = log.extent(partition)?.start;
                if failure.is_retryable() || start <= position {
                    return Err(failure);
                }
                position = start;
                self.doubts.insert(partition, failures::begins_late(&name, partition, start));
            }
        }
        Ok(repeats)
    }

    /// Where a partition begins and ends, once readers see what it has by now; that of a transaction that does not end they
    /// do not.
    fn visible(&mut self, partition: u32) -> Result<Extent, Failure> {
        let began = Instant::now();
        let high_watermark = self.log.high_watermarks(&[partition])?.first().copied().unwrap_or(0);
        loop {
            let extent = self.log.extent(partition)?;
            if extent.end >= high_watermark {
                return Ok(extent);
            }
            if self.hidden.contains(&partition) || began.elapsed() > VISIBLE_WAIT_MAX {
                self.hidden.insert(partition);
                return Ok(extent);
            }
            std::thread::park_timeout(VISIBLE_INTERVAL);
        }
    }

    /// Compares what the log has of each day with what the files say.
    fn judge(&mut self, mut repeats: HashMap<(StationAndDay, u64), Repeated>) {
        let mut others = HashMap::new();
        for place in 0..self.questions.count() {
            let (reading, file, verdict) = self.questions.reading(place);
            let key = || (CompactString::from(reading.station_id), reading.day);
            self.found.readings += 1;
            if !repeats.is_empty()
                && let Some(repeated) = repeats.get_mut(&(key(), reading.degrees.to_bits()))
            {
                repeated.in_files += 1;
            }
            if !self.questions.is_last(place) {
                continue;
            }
            self.found.days += 1;
            let partition = partition_of(reading.station_id.as_bytes(), self.partitions);
            let is_lost = matches!(verdict, Verdict::New { .. }) && self.doubts.contains_key(&partition);
            let is_unknown = is_lost || self.hidden.contains(&partition) || self.scan.unsteady().contains(&file);
            match verdict {
                Verdict::Known => {}
                _ if is_unknown => {
                    self.found.unknown_readings += 1;
                    if let Some(why) = self.doubts.get(&partition).filter(|_| is_lost) {
                        self.found.cannot_know(why.clone());
                    }
                }
                Verdict::New { .. } => {
                    let day = FileDay {
                        at: StationDay { station: reading.station_id.to_owned(), day: reading.day.to_string() },
                        file: self.scan.names()[file as usize].clone(),
                        degrees: reading.degrees,
                    };
                    let is_read = self.is_read(file);
                    let days = if is_read { &mut self.found.missing } else { &mut self.found.unsent };
                    days.add(|| day);
                }
                Verdict::Revised { .. } => {
                    others.insert(key(), Other::default());
                    if others.len() >= DAYS_MAX {
                        self.judge_others(std::mem::take(&mut others));
                    }
                }
            }
        }
        self.judge_others(others);
        let mut repeats: Vec<_> = repeats.into_iter().map(|(key, repeated)| (key, repeated.too_many())).collect();
        repeats.sort_unstable();
        for (((station, day), _), repeats) in repeats.into_iter().filter(|(_, repeats)| *repeats > 0) {
            if let Some(why) = self.gone.may_have(&station) {
                self.found.unknown_readings += 1;
                self.found.cannot_know(why);
                continue;
            }
            let at = StationDay { station: station.to_string(), day: day.to_string() };
            self.found.repeats.add_many(repeats, || RepeatedDay { at, repeats });
        }
    }

    /// Days of which the last file has another value than the log: where several files have the day with different values,
    /// the log's last may be that of any.
    fn judge_others(&mut self, mut others: HashMap<StationAndDay, Other>) {
        if others.is_empty() {
            return;
        }
        for place in 0..self.questions.count() {
            let (reading, file, verdict) = self.questions.reading(place);
            let key = (CompactString::from(reading.station_id), reading.day);
            let Some(other) = others.get_mut(&key) else { continue };
            let logged = self.questions.logged(place);
            if let Some((before, degrees)) = other.says.replace((file, reading.degrees))
                && before != file
            {
                other.is_logged |= Some(degrees) == logged;
            }
            let Verdict::Revised { logged } = verdict else { continue };
            if other.is_logged {
                continue;
            }
            if let Some(why) = self.gone.may_have(reading.station_id) {
                self.found.unknown_readings += 1;
                self.found.cannot_know(why);
                continue;
            }
            let finding = OtherValue {
                at: StationDay { station: reading.station_id.to_owned(), day: reading.day.to_string() },
                file: self.scan.names()[file as usize].clone(),
                degrees: reading.degrees,
                logged,
            };
            if self.is_read(file) {
                self.found.other_values.add(|| finding);
            } else {
                let OtherValue { at, file, degrees, .. } = finding;
                self.found.unsent.add(|| FileDay { at, file, degrees });
            }
        }
    }

    /// Whether the producer has read the file as it is.
    fn is_read(&self, file: u32) -> bool {
        let Some(known) = &self.known else { return true };
        let (record, seen) = (known.get(&self.scan.names()[file as usize]), self.scan.seen(file));
        record
            .zip(seen)
            .is_some_and(|(record, seen)| !record.stale && (record.bytes, record.crc32c) == (seen.bytes, seen.crc32c))
    }

    fn finish(mut self) -> SourceAudited {
        let unsteady = self.scan.unsteady();
        if let Some(&first) = unsteady.first() {
            let (files, first) = (unsteady.len(), &self.scan.names()[first as usize]);
            self.found.cannot_know(format!(
                "{files} files are gone, are being written, or were changed while they were read, as {first}"
            ));
        }
        for partition in &self.hidden {
            let name = self.log.name();
            self.found.cannot_know(format!("an open transaction hides the end of partition {partition} of {name}"));
        }
        self.found.bad_lines = self.scan.bad_lines;
        self.found
    }
}

/// How often a reading came again.
#[derive(Default)]
struct Repeated {
    in_log: u64,
    /// How often the files have it.
    in_files: u64,
}

impl Repeated {
    /// Each that the files have was given once.
    fn too_many(&self) -> u64 {
        self.in_log.saturating_sub(self.in_files.saturating_sub(1))
    }
}

/// What the files say last of a day.
#[derive(Default)]
struct Other {
    /// Of the file that was read last.
    says: Option<(u32, f64)>,
    /// One of those before says what the log has.
    is_logged: bool,
}

/// Hands the records from a position on to `take`; the position moves on with them.
fn read(
    log: &dyn RecordLog,
    partition: u32,
    position: &mut u64,
    end: u64,
    mut take: impl FnMut(Record<'_>),
) -> Result<(), Failure> {
    let mut range = RangeReader::open(log, partition, *position, end, &RangePace::default())?;
    while let Some((records, next)) = range.next_batch()? {
        records.for_each(&mut take);
        *position = next;
    }
    Ok(())
}

#[cfg(test)]
#[path = "source_audit_tests.rs"]
mod tests;
