//! The partitions' branches that run: a set that may change while they do.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use crate::progress::Branch;
use crate::supervision::Outcome;

/// Starts a partition's branch, which ends in order once its flag is true.
pub type Start<'a> = dyn Fn(u32, watch::Receiver<bool>) -> LocalBoxFuture<'a, Outcome> + 'a;

/// Branches by their partitions, each at most once at a time.
pub struct Running<'a> {
    start: Box<Start<'a>>,
    branches: FuturesUnordered<LocalBoxFuture<'a, (u32, Outcome)>>,
    /// Of those that run: what tells each to stop.
    stops: BTreeMap<u32, watch::Sender<bool>>,
    /// Those that are to be started again once they have stopped.
    again: BTreeSet<u32>,
    ended: BTreeMap<u32, Outcome>,
}

impl<'a> Running<'a> {
    pub fn new(start: Box<Start<'a>>) -> Self {
        let (stops, again, ended) = Default::default();
        Self { start, branches: FuturesUnordered::new(), stops, again, ended }
    }

    /// Starts a branch; one that is just stopping is started when it has, and one that runs is left alone.
    pub fn start(&mut self, partition: u32) {
        match self.stops.get(&partition) {
            Some(stop) if *stop.borrow() => drop(self.again.insert(partition)),
            Some(_) => {}
            None => {
                let stop = watch::Sender::new(false);
                let branch = (self.start)(partition, stop.subscribe());
                self.branches.push(Box::pin(async move { (partition, branch.await) }));
                self.stops.insert(partition, stop);
                self.ended.remove(&partition);
            }
        }
    }

    /// Tells a branch to stop, if it runs.
    pub fn stop(&mut self, partition: u32) {
        self.again.remove(&partition);
        if let Some(stop) = self.stops.get(&partition) {
            stop.send_replace(true);
        }
    }

    /// The next branch that ends, unless it starts again at once; `None` where none runs.
    pub async fn next(&mut self) -> Option<u32> {
        loop {
            let (partition, outcome) = self.branches.next().await?;
            self.stops.remove(&partition);
            self.ended.insert(partition, outcome);
            if !self.again.remove(&partition) {
                return Some(partition);
            }
            self.start(partition);
        }
    }

    /// Tells these to stop, and waits until they have.
    pub async fn stop_and_wait(&mut self, partitions: &[u32]) {
        partitions.iter().for_each(|&partition| self.stop(partition));
        while partitions.iter().any(|partition| self.stops.contains_key(partition)) {
            self.next().await;
        }
    }

    /// Tells all to stop, and waits until they have.
    pub async fn stop_all(&mut self) {
        let all: Vec<u32> = self.stops.keys().copied().collect();
        self.stop_and_wait(&all).await;
    }

    /// How a branch ended; `None` while it runs.
    pub fn outcome(&self, partition: u32) -> Option<&Outcome> {
        self.ended.get(&partition)
    }

    /// Forgets how a branch ended: the partition is another process's.
    pub fn forget(&mut self, partition: u32) {
        self.ended.remove(&partition);
    }

    /// How those ended that do not run, by partition.
    pub fn ended(self) -> impl Iterator<Item = (Branch, Outcome)> {
        self.ended.into_iter().map(|(partition, outcome)| (Branch::Partition(partition), outcome))
    }
}
