//! The embedded log, fully durable: source, log and counting in one process.

use std::process::Command;

use crate::bench::Bench;
use crate::consume::counted;
use crate::figures::{Rounds, Table};
use crate::process;

const STATIONS: u32 = 1_000;
const DAYS: u32 = 5_000;

pub fn run(bench: &Bench) -> Vec<Table> {
    let days = DAYS / bench.divisor;
    let records = u64::from(STATIONS) * u64::from(days);
    let mut ours = Rounds::new(records);
    let file = bench.folder.path().join("log.sqlite");
    for _ in 0..bench.pairs {
        bench.forget_state();
        for end in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(format!("{}{end}", file.display())));
        }
        let mut run = Command::new(env!("CARGO_BIN_EXE_isotherm"));
        run.arg("run");
        for set in [
            "log.kind=sqlite".to_owned(),
            format!("log.sqlite.path={}", file.display()),
            format!("state.dir={}", bench.state().display()),
            format!("source.simulate.stations={STATIONS}"),
            format!("source.simulate.days={days}"),
            "source.simulate.pace_ms=0".to_owned(),
            "output.log_level=warn".to_owned(),
        ] {
            run.arg("--set").arg(set);
        }
        ours.costs.push(process::measure(&run).0);
        assert_eq!(counted(bench, 4), records, "isotherm counts all");
    }
    let mut table = Table::new("embedded", ["program", "million records/s", "processor s per million", "peak MB"]);
    let [rate, processor, peak] = ours.cells();
    table.add(["isotherm run, produced and counted".to_owned(), rate, processor, peak]);
    vec![table]
}
