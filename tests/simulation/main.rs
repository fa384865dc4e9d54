//! The simulation over many seeds; and deliberate bugs, each of which it must find.

mod bugs;
#[path = "../support/over.rs"]
mod over;

use std::thread;
use std::time::Instant;

use isotherm::proof::simulation;

/// `ISOTHERM_SEEDS` gives another number.
const SEEDS: u64 = 10_000;

#[test]
fn whatever_happens_the_files_are_those_of_an_undisturbed_run() {
    let number = |text: String| text.parse().expect("ISOTHERM_SEEDS is a number");
    let seeds = std::env::var("ISOTHERM_SEEDS").map_or(SEEDS, number);
    let begun = Instant::now();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let report = simulation::run_seeds(0..seeds, threads, simulation::Plan::draw, || {});
    let tally = &report.tally;
    for ((point, action), of) in &tally.faults {
        println!(
            "{point:<28} {action:<10} {:>6} planned {:>6} fired {:>6} survived",
            of.planned, of.fired, of.survived
        );
    }
    let (lives, restarts, power_cuts, killed) = (tally.lives, tally.restarts, tally.power_cuts, tally.killed);
    println!("{} runs in {:.1} s: {lives} lives", report.runs, begun.elapsed().as_secs_f64());
    println!("{restarts} restarts, {power_cuts} power cuts, {killed} killed, recovery {:?}", tally.recovery());
    if let Some(found) = report.found {
        panic!("seed {}: {}\nthe fewest faults:\n{}", found.seed, found.violation, found.shrunk);
    }
    // In few seeds not everything need happen.
    if seeds >= SEEDS {
        assert_eq!(tally.never_fired(simulation::every_fault()), Vec::<String>::new(), "I10: never seen to fire");
    }
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in 0..20 {
        let plan = simulation::Plan::draw(seed);
        let (one, other) = (simulation::run(&plan), simulation::run(&plan));
        assert!(one.events.lines().count() > 1 || plan.lives.is_empty(), "{plan}");
        assert_eq!(one.events, other.events);
        assert_eq!(one.tally, other.tally);
    }
}
