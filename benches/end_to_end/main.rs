//! Whole processes against a real Apache Kafka: isotherm and the bare loops in turn, in the same run.
//!
//!   cargo bench --bench end_to_end -- [MEASUREMENT…] [--pairs N] [--brokers HOST:PORT] [--replication N] [--short] [--write]
//!
//! MEASUREMENT is one of those listed in `MEASUREMENTS`, all but `long` by default. `--short` divides all sizes by ten and makes one
//! round, to see that everything works. `--write` puts the tables into docs/benchmarks.md. Without `--brokers` it starts
//! a broker of its own, which needs what `tests/run` installs; with it, topics that an earlier run filled are used again.

#[path = "../bare_loop/mod.rs"]
mod bare_loop;
mod bench;
#[path = "../../tests/support/broker.rs"]
mod broker;
mod consume;
mod embedded;
mod figures;
mod latency;
mod others;
mod process;
mod produce;
mod recovery;
mod scaling;
mod state;
mod transactions;
mod web;

use std::path::Path;
use std::process::ExitCode;

use bare_loop::produce::Readings;
use bench::Bench;
use broker::{Broker, Options};
use figures::Table;

type Measurement = fn(&Bench) -> Vec<Table>;
const MEASUREMENTS: [(&str, Measurement); 12] = [
    ("consume", consume::run),
    ("produce", produce::run),
    ("transactions", transactions::run),
    ("scaling", scaling::run),
    ("state", state::run),
    ("recovery", recovery::run),
    ("latency", latency::run),
    ("embedded", embedded::run),
    ("others", others::run),
    ("web", web::run),
    ("streams", web::run_streams),
    (LONG, state::run_long),
];
/// Only when it is asked for.
const LONG: &str = "long";

#[derive(clap::Parser)]
struct Arguments {
    measurements: Vec<String>,
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    #[arg(long)]
    brokers: Option<String>,
    /// Of brokers that are started, each with a copy of all topics.
    #[arg(long, default_value_t = 1)]
    replication: u32,
    #[arg(long)]
    short: bool,
    #[arg(long)]
    write: bool,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("bare-consume") => bare_consume(&arguments[2..]),
        Some("bare-produce") => bare_produce(&arguments[2..]),
        Some(process::MEASURED) => return process::run_measured(&arguments[2..]),
        _ => measure(&<Arguments as clap::Parser>::parse()),
    }
    ExitCode::SUCCESS
}

fn measure(arguments: &Arguments) {
    let replication = arguments.replication;
    let brokers = match &arguments.brokers {
        Some(_) => Vec::new(),
        None => match Broker::cluster(replication, &Options { fast: true, ..Options::default() }) {
            Some(brokers) => brokers,
            None => return,
        },
    };
    let started = || brokers.iter().map(Broker::brokers).collect::<Vec<_>>().join(",");
    let bench = Bench {
        brokers: arguments.brokers.clone().unwrap_or_else(started),
        replication,
        data: brokers.iter().map(Broker::data).collect(),
        pairs: if arguments.short { 1 } else { arguments.pairs },
        divisor: if arguments.short { 10 } else { 1 },
        // On a disk: what /tmp is on may cost nothing to sync.
        folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room"),
    };
    for name in &arguments.measurements {
        assert!(MEASUREMENTS.iter().any(|(known, _)| known == name), "{name} is none of the measurements");
    }
    for (name, measurement) in MEASUREMENTS {
        let asked = arguments.measurements.iter().any(|asked| asked == name);
        if !asked && (name == LONG || !arguments.measurements.is_empty()) {
            continue;
        }
        eprintln!("{name}");
        for table in measurement(&bench) {
            println!("{}: {} rounds, median (least to most)\n\n{}", table.name, bench.pairs, table.text());
            if arguments.write {
                table.write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md"));
            }
        }
    }
}

/// Prints how many records were counted.
fn bare_consume(arguments: &[String]) {
    let partitions = arguments[2].parse().expect("a number");
    println!("{}", bare_loop::consume::run(&arguments[0], &arguments[1], partitions));
}

fn bare_produce(arguments: &[String]) {
    let number = |at: usize| arguments[at].parse().expect("a number");
    let readings = Readings { stations: number(4), days: number(5), value_bytes: number(6) as usize };
    bare_loop::produce::run(&arguments[0], &arguments[1], number(2), &arguments[3], readings);
}
