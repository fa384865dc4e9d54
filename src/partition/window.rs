//! What an observer may ask an aggregator, and what it is shown of passing readings: nothing of it is needed to count.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::{Batch, DateReader, PartitionState, Reading, Record, Rules, StationStats};
use crate::supervision::actor::{Actor, Addr, Context, Handler, Message, Recipient};

/// Readings a second that one partition copies for observers at most: a thousandth of what it can count.
const RECENT_PER_SECOND: f64 = 10_000.0;
/// Such readings that wait for an observer, in the whole process; older ones give way.
const RECENT_MAX: usize = 65_536;

/// Observer → aggregator: what do you hold? Costs the partition about 50 ns a station; the observer bounds how often.
#[derive(Debug, Message)]
#[rtype(result = "Option<View>")]
pub struct Look;

/// Observer → aggregator: everything about one station, and the offset up to which it holds.
#[derive(Debug, Message)]
#[rtype(result = "Option<(u64, StationStats)>")]
pub struct LookAt {
    pub station: String,
}

/// The stations of a partition at one offset, counted but not necessarily committed.
#[derive(Debug)]
pub struct View {
    pub next_offset: u64,
    pub stations: Vec<StationRow>,
    /// How long the aggregator counted nothing because of it.
    pub took: Duration,
}

/// One station without its days.
#[derive(Clone, Debug)]
pub struct StationRow {
    pub station: CompactString,
    pub count: u64,
    pub sum: f64,
    /// Numbers of the first and the last day.
    pub start: u32,
    pub end: u32,
}

impl View {
    pub fn of(state: &PartitionState) -> Self {
        let begun = Instant::now();
        let row = |(station, stats): (&CompactString, &StationStats)| StationRow {
            station: station.clone(),
            count: stats.count(),
            sum: stats.sum,
            start: stats.start.number(),
            end: stats.end.number(),
        };
        let stations = state.stations.iter().map(row).collect();
        Self { next_offset: state.next_offset, stations, took: begun.elapsed() }
    }
}

/// A reading that passed by. Whether it was counted or was there before is not known.
#[derive(Clone, Debug)]
pub struct Passed {
    pub station: CompactString,
    pub day: u32,
    pub degrees: f64,
}

impl Passed {
    /// The readings among these records, in their order.
    pub fn among<'a>(records: impl Iterator<Item = Record<'a>>, rules: &Rules) -> Vec<Self> {
        let mut dates = DateReader::default();
        records.filter_map(|record| rules.check(record, &mut dates).ok().map(|reading| Self::of(&reading))).collect()
    }

    fn of(reading: &Reading<'_>) -> Self {
        Self { station: reading.station_id.into(), day: reading.day.number(), degrees: reading.degrees }
    }
}

/// The windows into all partitions of a process; none where nobody can watch. Clones share them.
#[derive(Clone, Default)]
pub struct Windows(Arc<BTreeMap<u32, Arc<Window>>>);

/// The window into one partition, over all its epochs.
#[derive(Default)]
pub struct Window {
    aggregator: Mutex<Option<(Recipient<Look>, Recipient<LookAt>)>>,
    recent: Mutex<Recent>,
}

struct Recent {
    passed: VecDeque<Passed>,
    /// From before this process, newest first.
    earlier: Vec<Passed>,
    passed_max: usize,
    /// Readings that may be copied now.
    allowance: f64,
    refilled: Instant,
    dates: DateReader,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            passed: VecDeque::new(),
            earlier: Vec::new(),
            passed_max: RECENT_MAX,
            allowance: RECENT_PER_SECOND,
            refilled: Instant::now(),
            dates: DateReader::default(),
        }
    }
}

impl Windows {
    pub fn new(partitions: &[u32]) -> Self {
        let passed_max = (RECENT_MAX / partitions.len().max(1)).max(1);
        let window = || {
            let window = Window::default();
            window.recent.lock().passed_max = passed_max;
            Arc::new(window)
        };
        Self(Arc::new(partitions.iter().map(|&partition| (partition, window())).collect()))
    }

    pub fn of(&self, partition: u32) -> Option<Arc<Window>> {
        self.0.get(&partition).cloned()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &Arc<Window>)> {
        self.0.iter().map(|(&partition, window)| (partition, window))
    }
}

impl Window {
    /// Another life of the aggregator.
    pub fn set_aggregator<A>(&self, aggregator: &Addr<A>)
    where
        A: Actor<Context = Context<A>> + Handler<Look> + Handler<LookAt>,
    {
        *self.aggregator.lock() = Some((aggregator.clone().recipient(), aggregator.clone().recipient()));
    }

    /// The aggregator of the present life, or of the last; `None` before the first.
    pub fn aggregator(&self) -> Option<(Recipient<Look>, Recipient<LookAt>)> {
        self.aggregator.lock().clone()
    }

    /// Keeps the newest readings of a batch, as many as the time since the last one allows.
    pub fn keep(&self, now: Instant, batch: &Batch, rules: &Rules) {
        // An observer that is just taking what there is must not hold up the partition.
        let Some(mut recent) = self.recent.try_lock() else { return };
        let recent = &mut *recent;
        let refill = now.saturating_duration_since(recent.refilled).as_secs_f64() * RECENT_PER_SECOND;
        recent.refilled = now;
        recent.allowance = (recent.allowance + refill).min(RECENT_PER_SECOND);
        let taken = batch.len().min(recent.allowance as usize).min(recent.passed_max);
        recent.allowance -= taken as f64;
        for record in batch.records().skip(batch.len() - taken) {
            let Ok(reading) = rules.check(record, &mut recent.dates) else { continue };
            if recent.passed.len() >= recent.passed_max {
                recent.passed.pop_front();
            }
            recent.passed.push_back(Passed::of(&reading));
        }
    }

    /// The readings that were kept since the last call, oldest first.
    pub fn take_recent(&self) -> VecDeque<Passed> {
        std::mem::take(&mut self.recent.lock().passed)
    }

    /// Leaves readings from before this process, newest first.
    pub fn set_earlier(&self, earlier: Vec<Passed>) {
        self.recent.lock().earlier = earlier;
    }

    /// The readings from before this process, newest first, once.
    pub fn take_earlier(&self) -> Vec<Passed> {
        std::mem::take(&mut self.recent.lock().earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::test_log::{TestLog, reading};

    #[test]
    fn the_newest_readings_are_kept_and_no_more_than_there_is_room_for() {
        let readings = (1..=28).map(|day| reading("A", &format!("2000-01-{day:02}"), f64::from(day)));
        let bad = std::iter::once(reading("A", "2000-02-30", 0.0));
        let batch = TestLog::new(bad.chain(readings).collect()).batch();
        let windows = Windows::new(&[0]);
        let window = windows.of(0).expect("it was named");
        window.recent.lock().passed_max = 3;
        window.keep(Instant::now(), &batch, &Rules::default());
        let degrees = |passed: VecDeque<Passed>| passed.iter().map(|one| one.degrees).collect::<Vec<_>>();
        assert_eq!(degrees(window.take_recent()), [26.0, 27.0, 28.0]);
        assert!(window.take_recent().is_empty());
        window.recent.lock().passed_max = 100;
        window.keep(Instant::now(), &batch, &Rules::default());
        assert_eq!(window.take_recent().len(), 28, "what is no reading is not kept");
    }

    #[test]
    fn copying_is_bounded_by_time() {
        let batch = TestLog::new(vec![reading("A", "2000-01-01", 1.0)]).batch();
        let window = Window::default();
        let start = Instant::now();
        *window.recent.lock() = Recent { allowance: 2.0, refilled: start, ..Recent::default() };
        for _ in 0..10 {
            window.keep(start, &batch, &Rules::default());
        }
        assert_eq!(window.take_recent().len(), 2);
        for _ in 0..10 {
            window.keep(start + Duration::from_micros(500), &batch, &Rules::default());
        }
        assert_eq!(window.take_recent().len(), 5);
    }

    #[test]
    fn nobody_can_watch_where_there_is_no_window() {
        assert!(Windows::default().of(0).is_none());
    }
}
