//! The table of all stations, sorted and filtered as a request asks.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::recent::Recent;
use crate::domain::Day;
use crate::partition::{self, View};
use crate::watch::wire::{Order, Sort, StationRow, Which};

/// Orders of the table that are remembered, and rows in all of them together: about as many as people look at.
const ORDERS_MAX: usize = 16;
const PLACES_MAX: usize = 2_000_000;

/// The newest is first.
pub type Orders = VecDeque<(OrderKey, Arc<Vec<RowIndex>>)>;

/// The stations of all partitions. Never changed: a newer look makes another table.
#[derive(Default)]
pub struct StationTable {
    /// Rises with every look that showed something new.
    pub version: u64,
    pub counted: u64,
    pub stations_total: u64,
    pub looked_at: Option<Instant>,
    pub views: Vec<(u32, Arc<View>)>,
}

/// Where a row is: the view, and the station in it.
pub type RowIndex = (u32, u32);

#[derive(Clone, PartialEq)]
pub struct OrderKey {
    version: u64,
    sort: Sort,
    order: Order,
    filter: String,
}

/// The places of the rows in the order that was asked for: as remembered, or sorted anew.
pub fn order(mut orders: OwnedMutexGuard<Orders>, table: &StationTable, which: &Which) -> Arc<Vec<RowIndex>> {
    let filter = which.filter.to_lowercase();
    let key = OrderKey { version: table.version, sort: which.sort, order: which.order, filter };
    if let Some((_, places)) = orders.iter().find(|(known, _)| *known == key) {
        return places.clone();
    }
    let places = Arc::new(table.places(&key));
    if orders.front().is_none_or(|(known, _)| known.version <= key.version) {
        orders.retain(|(known, _)| known.version == key.version);
        orders.push_front((key, places.clone()));
        let rows = |orders: &Orders| orders.iter().map(|(_, places)| places.len()).sum::<usize>();
        while orders.len() > ORDERS_MAX || (orders.len() > 1 && rows(&orders) > PLACES_MAX) {
            orders.pop_back();
        }
    }
    places
}

impl StationTable {
    /// The rows at these places, with the newest readings of each station.
    pub fn shown<'a>(&self, places: impl Iterator<Item = &'a RowIndex>, recent: &Recent) -> Vec<StationRow> {
        let shown = |&place: &RowIndex| {
            let (partition, row) = self.at(place);
            StationRow {
                station: row.station.to_string(),
                partition,
                count: row.count,
                average: average(row),
                sum: row.sum,
                start: date(row.start),
                end: date(row.end),
                missing_days: missing_days(row),
                recent: recent.of(&row.station),
            }
        };
        places.map(shown).collect()
    }

    fn at(&self, (view, row): RowIndex) -> (u32, &partition::StationRow) {
        let (partition, view) = &self.views[view as usize];
        (*partition, &view.stations[row as usize])
    }

    fn places(&self, key: &OrderKey) -> Vec<RowIndex> {
        let every = (0u32..).zip(&self.views).flat_map(|(index, (_, view))| {
            (0u32..).zip(&view.stations).map(move |(row, station)| ((index, row), station))
        });
        let matches = |name: &str| key.filter.is_empty() || name.to_lowercase().contains(&key.filter);
        let mut places: Vec<RowIndex> =
            every.filter(|(_, row)| matches(&row.station)).map(|(place, _)| place).collect();
        places.sort_unstable_by(|&one, &other| {
            let ordering = self.compare(one, other, key.sort);
            if key.order == Order::Desc { ordering.reverse() } else { ordering }
        });
        places
    }

    fn compare(&self, one: RowIndex, other: RowIndex, sort: Sort) -> Ordering {
        let ((partition, row), (other_partition, other)) = (self.at(one), self.at(other));
        let by = match sort {
            Sort::Station => Ordering::Equal,
            Sort::Count => row.count.cmp(&other.count),
            Sort::Average => average(row).total_cmp(&average(other)),
            Sort::Start => row.start.cmp(&other.start),
            Sort::End => row.end.cmp(&other.end),
            Sort::Missing => missing_days(row).cmp(&missing_days(other)),
            Sort::Partition => partition.cmp(&other_partition),
        };
        by.then_with(|| row.station.cmp(&other.station)).then(partition.cmp(&other_partition))
    }
}

fn average(row: &partition::StationRow) -> f64 {
    row.sum / row.count as f64
}

fn missing_days(row: &partition::StationRow) -> u64 {
    u64::from(row.end - row.start + 1) - row.count
}

/// A day's number as a date.
pub fn date(number: u32) -> String {
    Day::from_number(number).map(|day| day.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(station: &str, count: u64, sum: f64, start: u32, end: u32) -> partition::StationRow {
        partition::StationRow { station: station.into(), count, sum, start, end }
    }

    fn table() -> StationTable {
        let view = |stations| Arc::new(View { next_offset: 0, stations, took: Duration::ZERO });
        let views = vec![
            (0, view(vec![row("Beta", 2, 10.0, 0, 3), row("alpha", 1, -3.0, 5, 5)])),
            (2, view(vec![row("Gamma", 3, 3.0, 1, 9), row("Beta", 2, 10.0, 0, 1)])),
        ];
        StationTable { views, ..StationTable::default() }
    }

    fn names(table: &StationTable, sort: Sort, order: Order, filter: &str) -> Vec<String> {
        let places = table.places(&OrderKey { version: 0, sort, order, filter: filter.to_owned() });
        places.iter().map(|&place| table.at(place)).map(|(number, row)| format!("{}{number}", row.station)).collect()
    }

    #[test]
    fn rows_are_in_the_order_that_was_asked_for_and_a_tie_has_one_too() {
        let table = table();
        assert_eq!(names(&table, Sort::Station, Order::Asc, ""), ["Beta0", "Beta2", "Gamma2", "alpha0"]);
        assert_eq!(names(&table, Sort::Count, Order::Desc, ""), ["Gamma2", "Beta2", "Beta0", "alpha0"]);
        assert_eq!(names(&table, Sort::Average, Order::Asc, ""), ["alpha0", "Gamma2", "Beta0", "Beta2"]);
        assert_eq!(names(&table, Sort::Missing, Order::Asc, ""), ["Beta2", "alpha0", "Beta0", "Gamma2"]);
        assert_eq!(names(&table, Sort::End, Order::Desc, ""), ["Gamma2", "alpha0", "Beta0", "Beta2"]);
        assert_eq!(names(&table, Sort::Partition, Order::Desc, ""), ["Gamma2", "Beta2", "alpha0", "Beta0"]);
    }

    #[test]
    fn a_filter_is_a_part_of_the_name_in_any_case() {
        assert_eq!(names(&table(), Sort::Start, Order::Asc, "a"), ["Beta0", "Beta2", "Gamma2", "alpha0"]);
        assert_eq!(names(&table(), Sort::Station, Order::Asc, "alp"), ["alpha0"]);
        assert!(names(&table(), Sort::Station, Order::Asc, "zeta").is_empty());
    }
}
