//! Stations that several partitions have: nobody is to add them up, as their days may be the same.

use std::collections::BTreeMap;

use super::output;
use crate::partition::StateFiles;

const TOLD_MAX: usize = 10;

/// The partitions of each station.
#[derive(Default)]
pub struct Twins(BTreeMap<String, Vec<u32>>);

impl Twins {
    /// Of the files of these partitions, as far as they can be read.
    pub fn of(state: &StateFiles, partitions: &[u32]) -> Self {
        let mut twins = Self::default();
        for &partition in partitions.iter().filter(|_| partitions.len() > 1) {
            let file = state.read(partition);
            let checkpoint = file.ok().flatten().and_then(|file| file.parse(partition).ok());
            for station in checkpoint.iter().flat_map(|checkpoint| checkpoint.state.stations.keys()) {
                twins.add(partition, station);
            }
        }
        twins
    }

    pub fn add(&mut self, partition: u32, station: &str) {
        match self.0.get_mut(station) {
            Some(partitions) => partitions.push(partition),
            None => drop(self.0.insert(station.to_owned(), vec![partition])),
        }
    }

    /// Warns of the first ones.
    pub fn tell(&self) {
        let twins: Vec<_> = self.0.iter().filter(|(_, partitions)| partitions.len() > 1).collect();
        for (station, partitions) in twins.iter().take(TOLD_MAX) {
            let partitions: Vec<String> = partitions.iter().map(u32::to_string).collect();
            output::tell(&format_args!(
                "warning: station {station} is in the partitions {}, each is counted by itself: a producer had another partition \
                 count or another partitioner",
                partitions.join(" and ")
            ));
        }
        if let more @ 1.. = twins.len().saturating_sub(TOLD_MAX) {
            output::tell(&format_args!("warning: {more} more stations are in several partitions"));
        }
    }
}
