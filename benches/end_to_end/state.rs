//! Very many stations in one partition, and very many records.

use crate::bare_loop::produce::Readings;
use crate::bench::{Bench, Filled};
use crate::consume::{HEAD, pairs};
use crate::figures::{Spread, Table};
use crate::process;

pub fn run(bench: &Bench) -> Vec<Table> {
    let one = Filled {
        partitions: 1,
        compression: "none",
        readings: Readings { stations: 1_000_000 / bench.divisor, days: 10, value_bytes: 0 },
    };
    let mut table = Table::new("state", HEAD);
    pairs(bench, "1,000,000 stations in one partition", &one, &mut table);
    vec![table, file(bench, &one)]
}

/// What the large file costs: each commit, and each start.
fn file(bench: &Bench, one: &Filled) -> Table {
    let topic = bench.filled(one);
    let (mut commits_ms, mut starts_ms) = (Vec::new(), Vec::new());
    bench.forget_state();
    for _ in 0..bench.pairs {
        bench.forget_state();
        let consume = || {
            let mut consume = bench.isotherm("consume", &topic, 1);
            consume.args([
                "--until-caught-up",
                "--set",
                "output.log_format=json",
                "--set",
                "output.log_level=isotherm=debug",
            ]);
            consume
        };
        let (_, printed) = process::measure(&consume());
        let lines = printed.stderr.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let committed = lines.filter(|line| line["message"] == "committed");
        let took_ms: Vec<f64> = committed.filter_map(|line| line["took_ms"].as_f64()).collect();
        commits_ms.push(*took_ms.last().expect("a run ends with a commit"));
        // With nothing new, a start is all that is left.
        starts_ms.push(process::measure(&consume()).0.wall.as_secs_f64() * 1e3);
    }
    let bytes = std::fs::metadata(bench.state().join("partition-0.json")).expect("it was committed").len();
    let mut table =
        Table::new("file", ["the partition's file", "its last commit, ms", "start and end with nothing new, ms"]);
    let megabytes = format!("{} MB", bytes / 1_000_000);
    table.add([megabytes, Spread::of(commits_ms).text(0), Spread::of(starts_ms).text(0)]);
    table
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
