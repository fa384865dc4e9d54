//! Very many stations in one partition, and very many records.

use crate::bare_loop::produce::Readings;
use crate::bench::{Bench, Filled};
use crate::consume::{HEAD, pairs};
use crate::figures::Table;

pub fn run(bench: &Bench) -> Vec<Table> {
    let one = Filled {
        partitions: 1,
        compression: "none",
        readings: Readings { stations: 1_000_000 / bench.divisor, days: 10, value_bytes: 0 },
    };
    let mut table = Table::new("state", HEAD);
    pairs(bench, "1,000,000 stations in one partition", &one, &mut table);
    vec![table]
}

/// Takes minutes, and 5 GB for the broker: only when it is asked for.
pub fn run_long(bench: &Bench) -> Vec<Table> {
    let long = Filled {
        partitions: 4,
        compression: "none",
        readings: Readings { stations: 1_000, days: 100_000 / bench.divisor, value_bytes: 0 },
    };
    let mut table = Table::new("long", HEAD);
    pairs(bench, "100,000,000 records", &long, &mut table);
    vec![table]
}
