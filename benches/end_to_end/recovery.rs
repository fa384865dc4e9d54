//! How soon a process counts again after `kill -9`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bare_loop::produce::Readings;
use crate::bench::{Bench, Filled};
use crate::figures::{Spread, Table};
use crate::process::Killed;

const PARTITIONS: u32 = 4;
/// Lives for each of the rounds.
const LIVES: usize = 4;
/// How long a process counts before it is killed, in milliseconds.
const LIFE_MS: u64 = 50;
/// A process says something of use within this.
const COUNTING_WITHIN: Duration = Duration::from_secs(30);

pub fn run(bench: &Bench) -> Vec<Table> {
    let filled = Filled {
        partitions: PARTITIONS,
        compression: "none",
        readings: Readings { stations: 1_000, days: 10_000 / bench.divisor, value_bytes: 0 },
    };
    let topic = bench.filled(&filled);
    let log = bench.log(&topic, PARTITIONS);
    let end = |partition| log.extent(partition).unwrap_or_else(|failure| panic!("{failure}")).end;
    let ends: Vec<u64> = (0..PARTITIONS).map(end).collect();
    let (mut first, mut all, mut stored) = (Vec::new(), Vec::new(), Vec::new());
    bench.forget_state();
    while first.len() < bench.pairs * LIVES {
        let mut life = Life::start(bench, &topic);
        let counting = life.await_counting();
        std::thread::sleep(Duration::from_millis(LIFE_MS));
        drop(life);
        // A life that found nothing to recover is none of those that are measured.
        if !stored.is_empty() {
            let from: Vec<u64> = counting.iter().map(|counting| counting.from_offset).collect();
            assert_eq!(from, stored, "exactly what was not committed is read again");
            let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
            first.extend(counting.iter().map(|counting| milliseconds(counting.after)).reduce(f64::min));
            all.extend(counting.iter().map(|counting| milliseconds(counting.after)).reduce(f64::max));
        }
        stored = (0..PARTITIONS).map(|partition| offset(bench, partition)).collect();
        // Every partition must have something left to count, and something to recover.
        if stored.iter().zip(&ends).any(|(stored, end)| *stored == 0 || stored == end) {
            bench.forget_state();
            stored.clear();
        }
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
    process: Killed,
    begun: Instant,
    lines: mpsc::Receiver<(Instant, String)>,
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
        let mut process = Killed(command.spawn().expect("it is there"));
        let stderr = BufReader::new(process.0.stderr.take().expect("it is piped"));
        let (send, lines) = mpsc::channel();
        // Ends with the process, whose pipe it reads.
        std::thread::spawn(move || {
            let read = stderr.lines().map_while(Result::ok);
            read.map(|line| (Instant::now(), line)).try_for_each(|line| send.send(line))
        });
        Self { process, begun, lines }
    }

    /// Waits until every partition has counted something.
    fn await_counting(&mut self) -> Vec<Counting> {
        let mut counting = [None; PARTITIONS as usize];
        while counting.iter().any(Option::is_none) {
            let said = self.lines.recv_timeout(COUNTING_WITHIN);
            let (at, line) = said.unwrap_or_else(|_| panic!("{} does not count: {counting:?}", self.process.0.id()));
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            if line["message"] == "counting" {
                let number = |key: &str| line[key].as_u64().expect("a number");
                let (after, from_offset) = (at - self.begun, number("from_offset"));
                counting[number("partition") as usize] = Some(Counting { after, from_offset });
            }
        }
        counting.into_iter().map(|counting| counting.expect("every partition counts")).collect()
    }
}
