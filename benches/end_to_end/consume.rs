//! Counting a topic, beside the bare loop on the same topic.

use crate::bare_loop::produce::Readings;
use crate::bench::{Bench, Filled};
use crate::figures::{Rounds, Table, ratios};
use crate::process;

pub const HEAD: [&str; 6] =
    ["topic", "program", "million records/s", "processor s per million", "peak MB", "isotherm / bare loop"];

pub fn run(bench: &Bench) -> Vec<Table> {
    let of = |stations, days, compression| Filled {
        partitions: 4,
        compression,
        readings: Readings { stations, days: days / bench.divisor, value_bytes: 0 },
    };
    let mut table = Table::new("consume", HEAD);
    for (what, filled) in [
        ("1,000 stations, plain", of(1_000, 10_000, "none")),
        ("1,000 stations, lz4", of(1_000, 10_000, "lz4")),
        ("1,000 stations, zstd", of(1_000, 10_000, "zstd")),
        ("100,000 stations", of(100_000, 100, "none")),
        ("10 stations", of(10, 1_000_000, "none")),
    ] {
        pairs(bench, what, &filled, &mut table);
    }
    vec![table]
}

pub fn pairs(bench: &Bench, what: &str, filled: &Filled, table: &mut Table) {
    let topic = bench.filled(filled);
    let records = filled.records();
    let (mut bare, mut ours) = (Rounds::new(records), Rounds::new(records));
    let mut bare_loop = || {
        let (cost, printed) = process::measure(&bench.bare_loop("bare-consume", &topic, filled));
        assert_eq!(printed.stdout.trim(), records.to_string(), "the bare loop counts all");
        bare.costs.push(cost);
    };
    let mut isotherm = || {
        bench.forget_state();
        let mut consume = bench.isotherm("consume", &topic, filled.partitions);
        ours.costs.push(process::measure(consume.arg("--until-caught-up")).0);
        assert_eq!(counted(bench, filled.partitions), records, "isotherm counts all");
    };
    for round in 0..bench.pairs {
        // Who goes first finds the broker colder.
        if round % 2 == 0 {
            bare_loop();
            isotherm();
        } else {
            isotherm();
            bare_loop();
        }
    }
    let [rate, processor, peak] = bare.cells();
    table.add([what.to_owned(), "bare loop".to_owned(), rate, processor, peak, String::new()]);
    let [rate, processor, peak] = ours.cells();
    let ratio = format!(
        "rate {}, processor {}",
        ratios(&ours.rates(), &bare.rates()).text(2),
        ratios(&ours.processor(), &bare.processor()).text(2)
    );
    table.add([String::new(), "isotherm".to_owned(), rate, processor, peak, ratio]);
}

/// Records that the files in the state folder count.
pub fn counted(bench: &Bench, partitions: u32) -> u64 {
    let of_file = |partition: u32| {
        let path = bench.state().join(format!("partition-{partition}.json"));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&bytes).expect("it is JSON");
        file.values().filter_map(|station| station.get("count")).filter_map(serde_json::Value::as_u64).sum::<u64>()
    };
    (0..partitions).map(of_file).sum()
}
