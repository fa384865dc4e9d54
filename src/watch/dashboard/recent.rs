//! The newest readings of each station, for its sparkline: read from the log beside those that count them, at a share of a
//! thread's time, and only while stations are watched.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use compact_str::CompactString;
use parking_lot::Mutex;

use super::priority;
use crate::domain::{Reading, Rules, Scratch};
use crate::failure::Failure;
use crate::log::{RangePace, RangeReader, RecordLog, Throttle, Watch};
use crate::progress::Progress;

/// Readings that are shown of a station.
const READINGS_MAX: usize = 30;
/// Stations that have a sparkline: about 16 MB of them.
const STATIONS_MAX: usize = 33_000;
/// Records of a partition that are read at once: of more, the last.
const RECORDS_MAX: u64 = 5_000;
/// Share of its time in which the thread reads, as long as it reads for no more than a tenth of a second at once.
const SHARE: f64 = 0.1;
/// Readings are wanted for so long after they were asked for.
const WANTED: Duration = Duration::from_secs(2);

/// Has the newest readings read on a thread of its own. Its drop ends that thread.
pub struct Recent {
    readings: Arc<Mutex<Recents>>,
    wanted: SyncSender<()>,
    asked_at: Arc<Mutex<Instant>>,
    watch: Watch,
}

impl Recent {
    /// Starts the thread `isotherm-recent`, which reads when it is asked to.
    pub fn start(log: Arc<dyn RecordLog>, progress: Progress, rules: Rules) -> Result<Self, Failure> {
        let (wanted, asked) = sync_channel(1);
        let reader = RecentReader::new(log, rules);
        let (readings, asked_at, watch) = (reader.readings.clone(), reader.asked_at.clone(), reader.watch.clone());
        let thread = thread::Builder::new().name("isotherm-recent".to_owned());
        let work = move || reader.work(&progress, &asked);
        thread.spawn(work).map_err(|error| Failure::thread("isotherm-recent", &error))?;
        Ok(Self { readings, wanted, asked_at, watch })
    }

    /// Has those readings read that were counted since the last time. One that is asked while it reads reads once more.
    pub fn refresh(&self) {
        *self.asked_at.lock() = Instant::now();
        // Full: the request before this one is still to be answered. Without a thread there are no newer readings.
        let _ = self.wanted.try_send(());
    }

    /// Those of one station, oldest first, to the hundredth of a degree.
    pub fn of(&self, station: &str) -> Vec<f64> {
        self.readings.lock().of(station)
    }
}

impl Drop for Recent {
    fn drop(&mut self) {
        self.watch.cancel();
    }
}

/// Reads what was counted.
struct RecentReader {
    log: Arc<dyn RecordLog>,
    rules: Rules,
    readings: Arc<Mutex<Recents>>,
    /// Up to which offset each partition was read.
    positions: BTreeMap<u32, u64>,
    /// When they were asked for last.
    asked_at: Arc<Mutex<Instant>>,
    watch: Watch,
}

impl RecentReader {
    fn new(log: Arc<dyn RecordLog>, rules: Rules) -> Self {
        let asked_at = Arc::new(Mutex::new(Instant::now()));
        Self { log, rules, readings: Arc::default(), positions: BTreeMap::new(), asked_at, watch: Watch::default() }
    }

    fn work(mut self, progress: &Progress, asked: &Receiver<()>) {
        priority::lower(priority::LOWEST);
        let throttle = Throttle::new(SHARE);
        while asked.recv().is_ok() {
            for (partition, counted) in progress.partitions() {
                let begun = Instant::now();
                if begun.saturating_duration_since(*self.asked_at.lock()) > WANTED {
                    break;
                }
                // A log that is away is told by those who count; a line without readings harms nobody.
                let _ = self.read(partition, counted.position.get());
                if !self.watch.pause(throttle.pause(begun.elapsed())) {
                    return;
                }
            }
        }
    }

    /// Reads on to this offset: the last [`RECORDS_MAX`] before it at most.
    fn read(&mut self, partition: u32, to: u64) -> Result<(), Failure> {
        let position = self.positions.entry(partition).or_default();
        let from = (*position).max(to.saturating_sub(RECORDS_MAX));
        if from >= to {
            return Ok(());
        }
        let from = from.max(self.log.extent(partition)?.start);
        let pace = RangePace::new(Throttle::default(), self.watch.clone());
        let mut range = RangeReader::open(&*self.log, partition, from, to, &pace)?;
        let mut scratch = Scratch::default();
        while let Some((records, next)) = range.next_batch()? {
            let mut readings = self.readings.lock();
            for record in records {
                if let Ok(reading) = self.rules.check(record, &mut scratch) {
                    readings.add(&reading);
                }
            }
            *position = next;
        }
        Ok(())
    }
}

/// The newest readings by station, of a bounded number of them.
#[derive(Default)]
struct Recents(HashMap<CompactString, VecDeque<(u32, f32)>, foldhash::fast::RandomState>);

impl Recents {
    /// Takes readings in the order of the log. A day that is there already came again: whether a reading was counted is not
    /// known here.
    fn add(&mut self, reading: &Reading<'_>) {
        if !self.0.contains_key(reading.station_id) && self.0.len() >= STATIONS_MAX {
            return;
        }
        let readings = self.0.entry(reading.station_id.into()).or_default();
        let day = reading.day.number();
        if readings.iter().any(|(known, _)| *known == day) {
            return;
        }
        if readings.len() >= READINGS_MAX {
            readings.pop_front();
        }
        // Half the memory: nobody sees the difference in a line of 30 points.
        readings.push_back((day, reading.degrees as f32));
    }

    fn of(&self, station: &str) -> Vec<f64> {
        let readings = self.0.get(station).into_iter().flatten();
        readings.map(|(_, degrees)| (f64::from(*degrees) * 100.0).round() / 100.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Day;
    use crate::log::Extent;
    use crate::log::test_log::{KeyValue, TestLog, reading};

    fn reader(log: TestLog) -> RecentReader {
        RecentReader::new(Arc::new(log), Rules::default())
    }

    /// Readings of station A on so many days, of which the degrees are the day's number.
    fn days(days: u32) -> Vec<KeyValue> {
        let day = |number| Day::from_number(730_000 + number).expect("it is a day").to_string();
        (0..days).map(|number| reading("A", &day(number), f64::from(number) / 10.0)).collect()
    }

    #[test]
    fn the_newest_are_kept_once_each() {
        let mut records = days(100);
        records.push(reading("A", "2000-02-30", 7.0));
        records.extend(days(101).split_off(80));
        let mut reader = reader(TestLog::new(records));
        reader.read(0, 122).expect("the log is there");
        let of = reader.readings.lock().of("A");
        assert_eq!((of.len(), of[0], of[29]), (READINGS_MAX, 7.1, 10.0));
        assert!(reader.readings.lock().of("B").is_empty());
    }

    #[test]
    fn a_partition_is_read_on_and_what_was_counted_anew_is_not_read_again() {
        let mut reader = reader(TestLog::new(days(20)));
        let mut shown = |to| {
            reader.read(0, to).expect("the log is there");
            reader.readings.lock().of("A").len()
        };
        assert_eq!([shown(0), shown(5), shown(12), shown(7), shown(12), shown(13)], [0, 5, 12, 12, 12, 13]);
    }

    #[test]
    fn no_more_is_read_than_the_last_records_that_the_log_still_has() {
        let log = TestLog { extent: Extent { start: 15, end: 20 }, ..TestLog::new(days(20)) };
        let mut first = reader(log);
        first.read(0, 20).expect("it begins where the log does");
        assert_eq!(first.readings.lock().of("A"), [1.5, 1.6, 1.7, 1.8, 1.9]);

        let older = (0..RECORDS_MAX).map(|_| reading("B", "2000-01-01", 1.0));
        let mut behind = reader(TestLog::new(days(20).into_iter().chain(older).collect()));
        behind.read(0, RECORDS_MAX + 20).expect("the log is there");
        let readings = behind.readings.lock();
        assert_eq!((readings.of("A").len(), readings.of("B").len()), (0, 1));
    }

    /// One that is not asked for its readings, or whose readings nobody wants any more, reads nothing; one request is one turn.
    #[test]
    fn only_what_was_asked_for_is_read() {
        let progress = Progress::new(&[0]);
        progress.partition(0).position.set(20);
        let read = |requests: usize, asked_before: Duration| {
            let (wanted, asked) = sync_channel(1);
            let reader = reader(TestLog::new(days(20)));
            let readings = reader.readings.clone();
            *reader.asked_at.lock() -= asked_before;
            (0..requests).for_each(|_| wanted.send(()).expect("there is room"));
            drop(wanted);
            reader.work(&progress, &asked);
            readings.lock().of("A").len()
        };
        assert_eq!((read(0, Duration::ZERO), read(1, Duration::ZERO), read(1, 2 * WANTED)), (0, 20, 0));
    }

    #[test]
    fn stations_are_bounded() {
        let mut recents = Recents::default();
        let mut add = |station: &str, number| {
            let day = Day::from_number(number).expect("it is a day");
            recents.add(&Reading { station_id: station, day, degrees: 1.0 });
        };
        (0..STATIONS_MAX + 5).for_each(|number| add(&number.to_string(), 1));
        add("0", 2);
        assert_eq!(recents.0.len(), STATIONS_MAX);
        assert_eq!(recents.of("0").len(), 2, "one that is known goes on");
    }
}
