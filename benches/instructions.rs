//! How many instructions the parts take: nearly the same in every run, also on a machine that is busy with other things,
//! so a change of a percent shows. Says nothing of waiting, for memory or for a disk; that is what `parts` is for.
//!
//! `cargo bench --bench instructions`. Without what it needs it says so and measures nothing.

mod material;

use std::process::{Command, Stdio};

/// What must be installed, and how. The runner is of the same version as the library, which `Cargo.toml` pins.
const NEEDED: [(&str, &str); 2] = [
    ("valgrind", "apt-get install valgrind"),
    ("gungraun-runner", "cargo install --locked gungraun-runner --version 0.20.0"),
];

fn main() {
    // The runner starts this program again, under Valgrind, for each measurement.
    let started_by_runner = std::env::args().nth(1).is_some_and(|argument| argument == "--gungraun-run");
    if !started_by_runner && let Some((program, how)) = NEEDED.iter().find(|(program, _)| !is_there(program)) {
        println!("instructions: nothing was measured, {program} is not installed: {how}");
        return;
    }
    counted::start();
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Each takes what it works on and hands it back: making and dropping it is not counted.
mod counted {
    use std::hint::black_box;

    use gungraun::prelude::*;
    use isotherm::domain::wire::BorrowedReport;
    use isotherm::domain::{Batch, PartitionState, Rules, Scratch, Snapshot};
    use isotherm::partition::format::{self, Checkpoint};

    use super::material::{BATCH_RECORDS, batch, batches, identity, state};

    pub fn start() {
        main();
    }

    #[library_benchmark]
    #[bench::batch(batch())]
    fn decode(batch: Batch) -> Batch {
        for record in batch.records() {
            let _ = black_box(BorrowedReport::decode(record.value.unwrap_or_default()));
        }
        batch
    }

    #[library_benchmark]
    #[bench::batch(batch())]
    fn check(batch: Batch) -> Batch {
        let (rules, mut scratch) = (Rules::default(), Scratch::default());
        for record in batch.records() {
            let _ = black_box(rules.check(record, &mut scratch));
        }
        batch
    }

    /// The batch behind this many of 1,000 stations, of which each has one reading a batch.
    fn state_and_next(days: u32) -> (PartitionState, Batch) {
        let next = batches(BATCH_RECORDS, days + 1).last().expect("there is a day");
        (state(BATCH_RECORDS, days), next)
    }

    #[library_benchmark]
    #[bench::new_stations(state_and_next(0))]
    #[bench::known_stations(state_and_next(100))]
    fn apply((mut state, batch): (PartitionState, Batch)) -> (PartitionState, Batch) {
        state.apply(&batch);
        (state, batch)
    }

    #[library_benchmark]
    #[bench::long(state(100, 1_000))]
    #[bench::wide(state(1_000, 100))]
    fn snapshot(mut state: PartitionState) -> (PartitionState, Snapshot) {
        let snapshot = state.snapshot();
        (state, snapshot)
    }

    #[library_benchmark]
    #[bench::long(state(100, 1_000))]
    #[bench::wide(state(1_000, 100))]
    fn serialize(state: PartitionState) -> (PartitionState, Vec<u8>) {
        let bytes = format::serialize(format::VERSION, &identity(), &state);
        (state, bytes)
    }

    #[library_benchmark]
    #[bench::long(format::serialize(format::VERSION, &identity(), &state(100, 1_000)))]
    #[bench::wide(format::serialize(format::VERSION, &identity(), &state(1_000, 100)))]
    fn parse(bytes: Vec<u8>) -> (Vec<u8>, Checkpoint) {
        let checkpoint = format::parse("it", &bytes).expect("it was just made");
        (bytes, checkpoint)
    }

    library_benchmark_group!(name = parts, benchmarks = [decode, check, apply, snapshot, serialize, parse]);
    gungraun::main!(library_benchmark_groups = parts);
}
