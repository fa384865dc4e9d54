//! Counts the stations that several partitions have: each counts its own readings of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::looks::{LOOK_SHARE, Looks, look};
use crate::partition::View;
use crate::progress::Progress;

/// Least time between two counts.
const AGAIN: Duration = Duration::from_secs(5);

/// Counts anew once there are stations that the last count did not have; a process with one partition has nothing to count.
pub struct InSeveral {
    looks: Arc<Looks>,
    progress: Progress,
    /// The stations of all partitions at the last count.
    of: u64,
    not_before: Option<Instant>,
}

impl InSeveral {
    pub fn new(looks: Arc<Looks>, progress: Progress) -> Self {
        Self { looks, progress, of: 0, not_before: None }
    }

    /// Where a partition does not answer the number stays as it was, and is counted again later.
    pub async fn follow(&mut self) {
        let stations = self.progress.partitions().map(|(_, partition)| partition.stations.get()).sum();
        let begun = Instant::now();
        let windows: Vec<_> = self.looks.windows().collect();
        let is_early = self.not_before.is_some_and(|not_before| begun < not_before);
        if windows.len() < 2 || stations == self.of || is_early {
            return;
        }
        let state = self.looks.state();
        let seen = join_all(windows.into_iter().map(|(partition, window)| look(window, state, partition))).await;
        let wait = seen.iter().map(|(_, wait)| *wait).max().unwrap_or_default();
        if let Some(views) = seen.into_iter().map(|(view, _)| view).collect::<Option<Vec<_>>>() {
            // Very many of them take a while, in which others are to be answered.
            if let Ok(count) = actix_web::web::block(move || count(&views)).await {
                self.looks.set_in_several_partitions(count);
                self.of = stations;
            }
        }
        self.not_before = Some(Instant::now() + wait.max(AGAIN).max(begun.elapsed() * LOOK_SHARE));
    }
}

/// Stations that several of these views have.
fn count(views: &[View]) -> u64 {
    let mut all = Vec::with_capacity(views.iter().map(|view| view.stations.len()).sum());
    all.extend(views.iter().flat_map(|view| view.stations.iter().map(|row| row.station.as_str())));
    all.sort_unstable();
    all.chunk_by(|one, other| one == other).filter(|same| same.len() > 1).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::StationRow;

    #[test]
    fn a_station_of_several_partitions_is_one() {
        let row = |station: &str| StationRow { station: station.into(), count: 1, sum: 0.0, start: 0, end: 0 };
        let view = |names: &[&str]| View {
            next_offset: 0,
            stations: names.iter().map(|name| row(name)).collect(),
            took: Duration::ZERO,
        };
        let views = [view(&["Beta", "alpha"]), view(&["Gamma", "Beta"]), view(&["Beta", "Gamma", "delta"])];
        assert_eq!(count(&views), 2);
        assert_eq!(count(&views[..1]), 0);
    }
}
