//! What a person may do instead, and the proof: a loop over another client library, and `isotherm audit`.

use std::path::Path;
use std::process::Command;

use crate::bare_loop::produce::Readings;
use crate::bench::{Bench, Filled};
use crate::figures::{Rounds, Table};
use crate::process;

pub fn run(bench: &Bench) -> Vec<Table> {
    let readings = Readings { stations: 1_000, days: 1_000 / bench.divisor, value_bytes: 0 };
    let filled = Filled { partitions: 4, compression: "none", readings };
    let topic = bench.filled(&filled);
    let records = filled.records();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut python, mut consume, mut audit) = (Rounds::new(records), Rounds::new(records), Rounds::new(records));
    for _ in 0..bench.pairs {
        let mut other = Command::new(root.join("target/python/bin/python"));
        other.arg(root.join("tests/kafka/other_client.py")).args(["consume", &bench.brokers, &topic]);
        let (cost, printed) = process::measure(&other);
        let counts = printed.stdout.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok());
        assert_eq!(counts.sum::<u64>(), records, "the other loop counts all");
        python.costs.push(cost);
        bench.forget_state();
        let mut ours = bench.isotherm("consume", &topic, filled.partitions);
        consume.costs.push(process::measure(ours.arg("--until-caught-up")).0);
        let (cost, printed) = process::measure(&bench.isotherm("audit", &topic, filled.partitions));
        assert_eq!(printed.stdout.matches("verified").count(), 4, "{}", printed.stdout);
        audit.costs.push(cost);
    }
    let mut table = Table::new("others", ["program", "million records/s", "processor s per million", "peak MB"]);
    for (program, rounds) in [
        ("loop over kafka-python: count and sum in memory", python),
        ("isotherm consume", consume),
        ("isotherm audit: replayed by other code, compared bit for bit", audit),
    ] {
        let [rate, processor, peak] = rounds.cells();
        table.add([program.to_owned(), rate, processor, peak]);
    }
    vec![table]
}
