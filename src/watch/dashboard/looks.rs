//! Looks at the aggregators, for whoever watches their stations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::names::Names;
use super::recent::Recent;
use super::stations::{Orders, StationTable, order};
use crate::domain::{PartitionState, StationStats};
use crate::partition::{Look, LookAt, StateFiles, View, Window, Windows};
use crate::progress::{PartitionProgress, Progress};
use crate::supervision::actor::MailboxError;
use crate::watch::wire::{Stations, Which};

/// Least time between two looks at a partition.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// A look takes a partition at most one part in so many of its time: with very many stations there are fewer looks.
pub const LOOK_SHARE: u32 = 100;
/// A partition that does not answer within this is shown as it was, and asked again after [`AGAIN`].
const LOOK_MAX: Duration = Duration::from_millis(250);
const AGAIN: Duration = Duration::from_secs(2);
/// Reading files takes this thread one part in so many of its time, and a file is looked into again after at most so long.
const READ_SHARE: u32 = 10;
const READ_AGAIN_MAX: Duration = Duration::from_secs(10);
/// A file that takes longer to be read is as good as none.
const READ_MAX: Duration = Duration::from_secs(2);
/// A table that is older than this is made anew before somebody sees it.
const FRESH: Duration = Duration::from_millis(500);
/// Looks go on for this long after the last one who asked.
const WATCHED: Duration = Duration::from_secs(2);

/// The table of stations for whoever asks. One task looks at the aggregators ([`Looker`]); nobody else waits for them.
pub struct Looks {
    windows: Windows,
    state: StateFiles,
    table: watch::Sender<Arc<StationTable>>,
    in_several_partitions: AtomicU64,
    /// When somebody asked last.
    asked: Mutex<Option<Instant>>,
    is_asked: Notify,
    recent: Recent,
    /// Also held while names are read.
    names: Arc<tokio::sync::Mutex<Names>>,
    /// Also held while an order is made: one at a time is enough for a machine.
    orders: Arc<tokio::sync::Mutex<Orders>>,
    /// One question to an aggregator at a time, however many ask.
    questions: Semaphore,
}

/// Looks at the aggregators, seldom enough to cost them next to nothing.
pub struct Looker {
    looks: Arc<Looks>,
    progress: Progress,
    partitions: BTreeMap<u32, Seen>,
}

#[derive(Default)]
struct Seen {
    view: Option<Arc<View>>,
    counted: u64,
    /// Where the partition was when it was looked at last: while it stands still, there is nothing to see.
    position: Option<u64>,
    not_before: Option<Instant>,
}

impl Looks {
    pub fn new(windows: Windows, state: StateFiles, recent: Recent) -> Self {
        Self {
            windows,
            state,
            table: watch::Sender::new(Arc::default()),
            in_several_partitions: AtomicU64::new(0),
            asked: Mutex::default(),
            is_asked: Notify::new(),
            recent,
            names: Arc::default(),
            orders: Arc::default(),
            questions: Semaphore::new(1),
        }
    }

    pub fn windows(&self) -> impl Iterator<Item = (u32, &Arc<Window>)> {
        self.windows.iter()
    }

    pub fn state(&self) -> &StateFiles {
        &self.state
    }

    /// Stations that several partitions have, as they were counted last.
    pub fn in_several_partitions(&self) -> u64 {
        self.in_several_partitions.load(Relaxed)
    }

    pub fn set_in_several_partitions(&self, stations: u64) {
        self.in_several_partitions.store(stations, Relaxed);
    }

    /// Whether somebody asked a moment ago.
    pub fn is_watched(&self) -> bool {
        self.asked.lock().is_some_and(|asked| asked.elapsed() < WATCHED)
    }

    /// Resolves when somebody asks for a table that is too old.
    pub async fn wanted(&self) {
        self.is_asked.notified().await;
    }

    /// The table as it was a moment ago.
    pub async fn table(&self) -> Arc<StationTable> {
        *self.asked.lock() = Some(Instant::now());
        let mut table = self.table.subscribe();
        let is_fresh = |table: &Arc<StationTable>| table.looked_at.is_some_and(|at| at.elapsed() < FRESH);
        if !is_fresh(&table.borrow()) {
            self.is_asked.notify_one();
            // An old one is better than none.
            drop(timeout(FRESH, table.wait_for(is_fresh)).await);
        }
        let table = table.borrow();
        table.clone()
    }

    /// The table as it is, for the task that makes it.
    pub fn newest(&self) -> Arc<StationTable> {
        self.table.borrow().clone()
    }

    /// The rows that were asked for; `None` where they could not be sorted.
    pub async fn rows(&self, which: Which) -> Option<Stations> {
        let table = self.table().await;
        let orders = self.orders.clone().lock_owned().await;
        let (ordered, wish) = (table.clone(), which.clone());
        // Sorting very many stations takes a while, in which others are to be answered. Whoever goes away meanwhile leaves
        // the order to the next.
        let places = actix_web::web::block(move || order(orders, &ordered, &wish)).await.ok()?;
        Some(Stations {
            stations_total: table.stations_total,
            matching: places.len() as u64,
            offset: which.offset as u64,
            stations: table.shown(places.iter().skip(which.offset).take(which.limit), &self.recent),
        })
    }

    /// The partitions that hold a station.
    pub async fn partitions_of(&self, station: &str) -> Vec<u32> {
        let table = self.table().await;
        let mut names = self.names.clone().lock_owned().await;
        if !names.differ_from(&table.views) {
            return names.partitions_of(station);
        }
        // Very many of them take a while, in which others are to be answered.
        let station = station.to_owned();
        let read = move || {
            names.read(&table.views);
            names.partitions_of(&station)
        };
        actix_web::web::block(read).await.unwrap_or_default()
    }

    /// Everything about a station, and the offset up to which it holds; `None` where the partition has none of that name,
    /// or does not answer.
    pub async fn station(&self, partition: u32, station: &str) -> Option<(u64, StationStats)> {
        let _one_at_a_time = self.questions.acquire().await.ok()?;
        let aggregator = self.windows.of(partition)?.aggregator();
        let question = LookAt { station: station.to_owned() };
        let ask = async { timeout(LOOK_MAX, aggregator?.1.send(question)).await.ok()?.ok()? };
        match ask.await {
            Some(found) => Some(found),
            None => {
                let station = station.to_owned();
                let find = move |state: &PartitionState| {
                    state.stations.get(station.as_str()).map(|stats| (state.next_offset, stats.clone()))
                };
                committed(self.state.clone(), partition, find).await.flatten()
            }
        }
    }
}

/// What is told of the state on disk: that of a branch which is over, or has not begun.
async fn committed<R: Send + 'static>(
    state: StateFiles,
    partition: u32,
    told: impl FnOnce(&PartitionState) -> R + Send + 'static,
) -> Option<R> {
    let read = move || {
        let file = state.read(partition).ok()??;
        // A file that is damaged has stopped its branch, which says so.
        let checkpoint = file.parse(partition).ok()?;
        Some(told(&checkpoint.state))
    };
    timeout(READ_MAX, actix_web::web::block(read)).await.ok()?.ok()?
}

impl Looker {
    pub fn new(looks: Arc<Looks>, progress: Progress) -> Self {
        Self { looks, progress, partitions: BTreeMap::new() }
    }

    /// Looks where there is something new, and shows it.
    pub async fn look(&mut self) {
        let looks = &self.looks;
        let now = Instant::now();
        let due: Vec<_> = looks
            .windows
            .iter()
            .map(|(partition, window)| (partition, window, self.progress.partition(partition)))
            .filter(|(number, _, one)| self.partitions.entry(*number).or_default().is_due(now, one))
            .map(|(number, window, one)| (number, window, one.position.get()))
            .collect();
        let seen = join_all(due.into_iter().map(|(partition, window, position)| async move {
            (partition, position, look(window, &looks.state, partition).await)
        }));
        let mut is_new = false;
        for (partition, position, (view, wait)) in seen.await {
            let seen = self.partitions.entry(partition).or_default();
            (seen.position, seen.not_before) = (Some(position), Some(Instant::now() + wait));
            if let Some(view) = view
                && seen.view.as_ref().is_none_or(|before| before.next_offset != view.next_offset)
            {
                seen.counted = view.stations.iter().map(|row| row.count).sum();
                seen.view = Some(Arc::new(view));
                is_new = true;
            }
        }
        looks.recent.refresh();
        let views: Vec<_> =
            self.partitions.iter().filter_map(|(&partition, seen)| Some((partition, seen.view.clone()?))).collect();
        let version = looks.table.borrow().version + u64::from(is_new);
        looks.table.send_replace(Arc::new(StationTable {
            version,
            counted: self.partitions.values().map(|seen| seen.counted).sum(),
            stations_total: views.iter().map(|(_, view)| view.stations.len() as u64).sum(),
            looked_at: Some(Instant::now()),
            views,
        }));
    }
}

impl Seen {
    /// Of a partition that another process counts, nobody here knows whether it stands still.
    fn is_due(&self, now: Instant, partition: &PartitionProgress) -> bool {
        let stands_still = partition.is_held() && self.position == Some(partition.position.get());
        let is_news = self.view.is_none() || !stands_still;
        is_news && self.not_before.is_none_or(|not_before| now >= not_before)
    }
}

/// What the partition holds, if anything can be had, and how long to leave it alone then. An aggregator that is no more is
/// represented by its file.
pub async fn look(window: &Window, state: &StateFiles, partition: u32) -> (Option<View>, Duration) {
    let begun = Instant::now();
    let answer = match window.aggregator() {
        Some((aggregator, _)) => timeout(LOOK_MAX, aggregator.send(Look)).await,
        None => Ok(Err(MailboxError::Closed)),
    };
    match answer {
        Ok(Ok(Some(view))) => {
            let wait = LOOK_INTERVAL.max(view.took * LOOK_SHARE);
            (Some(view), wait)
        }
        Ok(Ok(None) | Err(_)) => {
            let view = committed(state.clone(), partition, View::of).await;
            // To read and parse it is work, too, but not the partition's.
            let least = if state.is_remote() { READ_AGAIN_MAX } else { LOOK_INTERVAL };
            (view, (begun.elapsed() * READ_SHARE).clamp(least, READ_AGAIN_MAX))
        }
        Err(_) => (None, AGAIN),
    }
}
