//! What an observer may ask an aggregator: nothing of it is needed to count.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::{PartitionState, StationStats};
use crate::supervision::actor::{Actor, Addr, Context, Handler, Message, Recipient};

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

/// The windows into all partitions of a process; none where nobody can watch. Clones share them.
#[derive(Clone, Default)]
pub struct Windows(Arc<BTreeMap<u32, Arc<Window>>>);

/// The window into one partition, over all its epochs.
#[derive(Default)]
pub struct Window {
    aggregator: Mutex<Option<(Recipient<Look>, Recipient<LookAt>)>>,
}

impl Windows {
    pub fn new(partitions: &[u32]) -> Self {
        Self(Arc::new(partitions.iter().map(|&partition| (partition, Arc::default())).collect()))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Rules;
    use crate::supervision::actor::System;

    /// An aggregator that begins at this offset.
    struct Begun(u64);

    impl Actor for Begun {
        type Context = Context<Self>;
    }

    impl Handler<Look> for Begun {
        type Result = Option<View>;

        fn handle(&mut self, _: Look, _: &mut Self::Context) -> Self::Result {
            Some(View::of(&PartitionState::new(Rules::default(), self.0)))
        }
    }

    impl Handler<LookAt> for Begun {
        type Result = Option<(u64, StationStats)>;

        fn handle(&mut self, _: LookAt, _: &mut Self::Context) -> Self::Result {
            None
        }
    }

    #[test]
    fn a_window_shows_the_aggregator_of_the_newest_life() {
        System::in_real_time().block_on(async {
            let windows = Windows::new(&[3]);
            let window = windows.of(3).expect("it has a window");
            assert!(windows.of(0).is_none() && window.aggregator().is_none());
            for offset in [5, 7] {
                window.set_aggregator(&Begun(offset).start());
                let seen = windows.iter().find_map(|(partition, window)| (partition == 3).then(|| window.aggregator()));
                let (look, look_at) = seen.flatten().expect("an aggregator lives");
                let view = look.send(Look).await.expect("it answers").expect("it is loaded");
                assert_eq!((view.next_offset, view.stations.len()), (offset, 0));
                let station = look_at.send(LookAt { station: "A".to_owned() }).await.expect("it answers");
                assert!(station.is_none());
            }
        });
    }
}
