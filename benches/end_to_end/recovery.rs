//! How soon a process counts again after `kill -9`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bare_loop::produce::Readings;
use crate::bench::{Bench, Filled};
use crate::figures::{Spread, Table};

const PARTITIONS: u32 = 4;
/// Lives for each of the rounds.
const LIVES: usize = 4;
/// How long a process counts before it is killed, in milliseconds.
const LIFE_MS: u64 = 50;

pub fn run(bench: &Bench) -> Vec<Table> {
    let filled = Filled {
        partitions: PARTITIONS,
        compression: "none",
        readings: Readings { stations: 1_000, days: 10_000 / bench.divisor, value_bytes: 0 },
    };
    let topic = bench.filled(&filled);
    let (mut first, mut all) = (Vec::new(), Vec::new());
    bench.forget_state();
    let mut stored = Vec::new();
    while first.len() < bench.pairs * LIVES {
        if stored.iter().sum::<u64>() == filled.records() {
            bench.forget_state();
            stored.clear();
        }
        let mut life = Life::start(bench, &topic);
        let counting = life.await_counting();
        std::thread::sleep(Duration::from_millis(LIFE_MS));
        life.kill();
        // The first life of a folder recovers nothing.
        if !stored.is_empty() {
            let from: Vec<u64> = counting.iter().map(|counting| counting.from_offset).collect();
            assert_eq!(from, stored, "exactly what was not committed is read again");
            let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
            first.extend(counting.iter().map(|counting| milliseconds(counting.after)).reduce(f64::min));
            all.extend(counting.iter().map(|counting| milliseconds(counting.after)).reduce(f64::max));
        }
        stored = (0..PARTITIONS).map(|partition| offset(bench, partition)).collect();
    }
    let mut table = Table::new("recovery", ["after kill -9, 1,000 stations on 4 partitions", "milliseconds"]);
    table.add(["from exec to the first new record counted".to_owned(), Spread::of(first).text(0)]);
    table.add(["from exec until all 4 partitions count again".to_owned(), Spread::of(all).text(0)]);
    vec![table]
}

/// What a partition's file goes on from; 0 where there is none yet.
fn offset(bench: &Bench, partition: u32) -> u64 {
    let path = bench.state().join(format!("partition-{partition}.json"));
    let Ok(bytes) = fs::read(&path) else { return 0 };
    let file: Value = serde_json::from_slice(&bytes).expect("a checkpoint is JSON");
    file["offset"].as_u64().expect("a checkpoint has an offset")
}

/// That a partition counts.
#[derive(Clone, Copy, Debug, Default)]
struct Counting {
    after: Duration,
    from_offset: u64,
}

struct Life {
    child: Child,
    begun: Instant,
}

impl Life {
    fn start(bench: &Bench, topic: &str) -> Self {
        let mut command = bench.isotherm("consume", topic, PARTITIONS);
        for set in [
            "consume.commit_interval_ms=10",
            "output.log_level=isotherm=debug",
            "output.log_format=json",
            "output.progress_interval_ms=3600000",
        ] {
            command.arg("--set").arg(set);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let begun = Instant::now();
        Self { child: command.spawn().expect("it is there"), begun }
    }

    /// Waits until every partition has counted something.
    fn await_counting(&mut self) -> Vec<Counting> {
        let mut counting = [None; PARTITIONS as usize];
        let lines = BufReader::new(self.child.stderr.take().expect("it is piped"));
        for line in lines.lines().map_while(Result::ok) {
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            if line["message"] == "counting" {
                let number = |key: &str| line[key].as_u64().expect("a number");
                let after = self.begun.elapsed();
                counting[number("partition") as usize] = Some(Counting { after, from_offset: number("from_offset") });
            }
            if counting.iter().all(Option::is_some) {
                break;
            }
        }
        counting.into_iter().map(|counting| counting.expect("every partition counts")).collect()
    }

    fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}
