//! Which partitions hold a station, without looking through all that they hold.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use compact_str::CompactString;

use crate::partition::View;

/// The names of each partition's stations, as far as they were read.
///
/// A partition's first n stations are the same n in every life of it, in whatever order: so of a larger view only those
/// rows are read that the one before did not have. A smaller one, of a life that has yet to count again what was not
/// committed, is read anew.
#[derive(Default)]
pub struct Names(BTreeMap<u32, HashSet<CompactString, foldhash::fast::RandomState>>);

impl Names {
    /// Whether the names are others than those of these views.
    pub fn differ_from(&self, views: &[(u32, Arc<View>)]) -> bool {
        views.iter().any(|(partition, view)| self.0.get(partition).map_or(0, HashSet::len) != view.stations.len())
    }

    pub fn read(&mut self, views: &[(u32, Arc<View>)]) {
        for (partition, view) in views {
            let names = self.0.entry(*partition).or_default();
            if names.len() > view.stations.len() {
                names.clear();
            }
            names.extend(view.stations.iter().skip(names.len()).map(|row| row.station.clone()));
        }
    }

    pub fn partitions_of(&self, station: &str) -> Vec<u32> {
        self.0.iter().filter(|(_, names)| names.contains(station)).map(|(partition, _)| *partition).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::partition::StationRow;

    fn views(partitions: &[(u32, &[&str])]) -> Vec<(u32, Arc<View>)> {
        let row = |station: &&str| StationRow { station: (*station).into(), count: 1, sum: 0.0, start: 0, end: 0 };
        let view =
            |names: &[&str]| View { next_offset: 0, stations: names.iter().map(row).collect(), took: Duration::ZERO };
        partitions.iter().map(|&(partition, names)| (partition, Arc::new(view(names)))).collect()
    }

    #[test]
    fn a_station_is_found_in_every_partition_that_holds_it() {
        let mut names = Names::default();
        let first = views(&[(0, &["A", "B"]), (3, &["B"])]);
        assert!(names.differ_from(&first) && names.partitions_of("B").is_empty());
        names.read(&first);
        assert!(!names.differ_from(&first));
        assert_eq!((names.partitions_of("A"), names.partitions_of("B")), (vec![0], vec![0, 3]));
        assert!(names.partitions_of("C").is_empty());
    }

    #[test]
    fn of_a_newer_view_only_what_is_new_is_read() {
        let mut names = Names::default();
        names.read(&views(&[(0, &["A", "B"])]));
        // The next life read its file, in which they lie in another order; then came a third.
        let newer = views(&[(0, &["B", "A", "C"])]);
        assert!(names.differ_from(&newer));
        names.read(&newer);
        assert_eq!(names.partitions_of("C"), [0]);
        assert!(!names.differ_from(&newer));
        // A life that has yet to count again what was not committed.
        let older = views(&[(0, &["A"])]);
        assert!(names.differ_from(&older));
        names.read(&older);
        assert_eq!((names.partitions_of("A"), names.partitions_of("C")), (vec![0], vec![]));
    }
}
