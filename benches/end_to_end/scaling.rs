//! The cost of a record over partitions and sizes, and what a process takes for many partitions.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::bare_loop::produce::Readings;
use crate::bench::{Bench, Filled};
use crate::consume::{HEAD, counted, pairs};
use crate::figures::Table;
use crate::process::Killed;

const STATIONS: u32 = 1_000;
const DAYS: u32 = 4_000;
const PARTITIONS: [u32; 6] = [1, 2, 4, 8, 16, 64];
const VALUE_BYTES: [usize; 3] = [0, 200, 1_000];
/// A process that has nothing left to do is there by then.
const IDLE_WITHIN: Duration = Duration::from_secs(60);

pub fn run(bench: &Bench) -> Vec<Table> {
    let of = |partitions, value_bytes| Filled {
        partitions,
        compression: "none",
        readings: Readings { stations: STATIONS, days: DAYS / bench.divisor, value_bytes },
    };
    let mut partitions = Table::new("partitions", HEAD);
    let mut process = Table::new("process", ["partitions", "threads", "of librdkafka", "connections"]);
    for count in PARTITIONS {
        pairs(bench, &format!("{count} partitions"), &of(count, 0), &mut partitions);
        process.add(idle(bench, &of(count, 0)));
    }
    let mut sizes = Table::new("sizes", HEAD);
    for bytes in VALUE_BYTES {
        let what = if bytes == 0 { "as they are, 33 B".to_owned() } else { format!("{bytes} B") };
        pairs(bench, &what, &of(4, bytes), &mut sizes);
    }
    vec![partitions, process, sizes]
}

/// What a process that has counted everything and waits for more has open.
fn idle(bench: &Bench, filled: &Filled) -> [String; 4] {
    let topic = bench.filled(filled);
    bench.forget_state();
    let mut command = bench.isotherm("consume", &topic, filled.partitions);
    let process = Killed(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it is there"));
    let id = process.0.id();
    let deadline = Instant::now() + IDLE_WITHIN;
    let all_there =
        || (0..filled.partitions).all(|number| bench.state().join(format!("partition-{number}.json")).exists());
    while !(all_there() && counted(bench, filled.partitions) == filled.records()) {
        assert!(Instant::now() < deadline, "all is counted and committed in time");
        std::thread::sleep(Duration::from_millis(50));
    }
    let folder = format!("/proc/{id}");
    let tasks: Vec<_> = fs::read_dir(format!("{folder}/task")).expect("it runs").flatten().collect();
    let name = |task: &fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let librdkafka = tasks.iter().filter(|task| name(task).starts_with("rdk:")).count();
    let connections = connections(id);
    [filled.partitions.to_string(), tasks.len().to_string(), librdkafka.to_string(), connections.to_string()]
}

/// Connections over TCP that a process has.
fn connections(id: u32) -> usize {
    let tcp = fs::read_to_string(format!("/proc/{id}/net/tcp")).expect("it runs");
    let inodes: Vec<&str> = tcp.lines().skip(1).filter_map(|line| line.split_whitespace().nth(9)).collect();
    let open = fs::read_dir(format!("/proc/{id}/fd")).expect("it runs").flatten();
    let targets = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.filter(|to| inodes.iter().any(|inode| to.as_os_str() == format!("socket:[{inode}]").as_str())).count()
}
