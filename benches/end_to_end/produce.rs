//! Writing a topic, beside the bare loop.

use crate::bare_loop::produce::Readings;
use crate::bench::{Bench, Filled};
use crate::figures::{Rounds, Table, ratios};
use crate::process;

const HEAD: [&str; 5] = ["program", "million records/s", "processor s per million", "peak MB", "isotherm / bare loop"];
const STATIONS: u32 = 1_000;
const DAYS: u32 = 2_000;

pub fn run(bench: &Bench) -> Vec<Table> {
    let days = DAYS / bench.divisor;
    let filled =
        Filled { partitions: 4, compression: "none", readings: Readings { stations: STATIONS, days, value_bytes: 0 } };
    let records = filled.records();
    let (mut bare, mut ours) = (Rounds::new(records), Rounds::new(records));
    for round in 0..bench.pairs {
        let topic = format!("bench-produce-{}-{round}", std::process::id());
        bench.create(&topic, filled.partitions);
        bare.costs.push(process::measure(&bench.bare_loop("bare-produce", &topic, &filled)).0);
        delete(bench, &topic, &filled);

        bench.create(&topic, filled.partitions);
        bench.forget_state();
        let mut produce = bench.isotherm("produce", &topic, filled.partitions);
        produce.arg("--set").arg(format!("source.simulate.stations={STATIONS}"));
        produce.arg("--set").arg(format!("source.simulate.days={days}")).arg("--set").arg("source.simulate.pace_ms=0");
        ours.costs.push(process::measure(&produce).0);
        delete(bench, &topic, &filled);
    }
    let mut table = Table::new("produce", HEAD);
    let [rate, processor, peak] = bare.cells();
    table.add(["bare loop".to_owned(), rate, processor, peak, String::new()]);
    let [rate, processor, peak] = ours.cells();
    let ratio = format!(
        "rate {}, processor {}",
        ratios(&ours.rates(), &bare.rates()).text(2),
        ratios(&ours.processor(), &bare.processor()).text(2)
    );
    table.add(["isotherm".to_owned(), rate, processor, peak, ratio]);
    vec![table]
}

/// All records must be there first.
fn delete(bench: &Bench, topic: &str, filled: &Filled) {
    let log = bench.log(topic, filled.partitions);
    let end = |partition| log.extent(partition).unwrap_or_else(|failure| panic!("{failure}")).end;
    assert_eq!((0..filled.partitions).map(end).sum::<u64>(), filled.records(), "all records of {topic} are there");
    log.delete_topic().unwrap_or_else(|failure| panic!("{failure}"));
}
