//! Every fault that can be planned is made to happen once, and survived: the files are those of a run that nothing
//! disturbed, at the end of the same run or of the next one.
//!
//! ```text
//! cargo test --test faults -- --nocapture                                     all, and the table
//! ISOTHERM_FAULT=checkpoint.append@1=short cargo test --test faults           one of them
//! ```

mod base;
mod cases;
#[path = "../support/owned.rs"]
mod owned;
#[path = "../support/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use base::Base;
use cases::{Case, Ending};
use isotherm::points::registry::POINTS;
use isotherm::points::{ACTIONS, Action};
use isotherm::supervision::panic::install_hook;
use parking_lot::Mutex;

/// More than there are cores: a run that waits for a hang to show does nothing else.
const AT_ONCE: usize = 4;

/// Meets the fault, goes on after it, and compares.
fn survives(case: &Case, base: &Base, fired: &AtomicUsize) {
    let started = base.start(case.way());
    let mut more = vec![format!("faults.points={}", case.plan())];
    if case.fault.action == Action::Hang {
        more.push("supervision.heartbeat_ms=400".to_owned());
    }
    let ending = case.ending();
    match ending {
        Ending::Well | Ending::Failed => {
            let (summary, happened) = started.run(&more);
            assert!(happened.contains(&case.fault), "it did not happen: {summary:?}");
            fired.fetch_add(1, Relaxed);
            let failures = summary.map_or_else(
                |failure| vec![failure.to_string()],
                |summary| summary.failures.into_iter().map(|(_, failure)| failure.to_string()).collect(),
            );
            if ending == Ending::Well {
                assert!(failures.is_empty(), "{failures:?}");
            } else {
                let said = format!("planned fault at {}, hit {}", case.fault.point, case.fault.hit);
                assert!(failures.iter().any(|failure| failure.contains(&said)), "{failures:?}");
            }
        }
        Ending::Aborted | Ending::GaveUp => {
            let output = started.run_apart(&more);
            let status = output.status;
            let told = program::told(&output);
            let as_planned = if ending == Ending::Aborted {
                // An abort is no panic; one that was planned before it is told.
                let panics = case.plan().matches("=panic").count();
                status.signal() == Some(libc::SIGABRT) && told.matches("panicked").count() == panics
            } else {
                let says = |words| told.contains(words);
                status.code() == Some(75) && says("a write hangs") && says("raise supervision.heartbeat_ms")
            };
            assert!(as_planned, "{told}");
            fired.fetch_add(1, Relaxed);
        }
    }
    if ending != Ending::Well {
        started.run_well();
    }
    started.check();
}

#[derive(Default)]
struct Count {
    planned: usize,
    fired: usize,
    survived: usize,
}

#[test]
fn every_fault_that_can_be_planned_is_survived() {
    install_hook();
    let only = std::env::var("ISOTHERM_FAULT").ok();
    let cases: Vec<Case> = cases::all()
        .into_iter()
        .filter(|case| only.as_ref().is_none_or(|only| *only == case.fault.to_string()))
        .collect();
    assert!(!cases.is_empty(), "there is no fault {only:?}");
    let begun = Instant::now();
    let base = Base::new();
    let (next, fired) = (AtomicUsize::new(0), cases.iter().map(|_| AtomicUsize::new(0)).collect::<Vec<_>>());
    let failed = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((number, case)) = Some(next.fetch_add(1, Relaxed)).and_then(|n| Some((n, cases.get(n)?)))
                {
                    let survived = catch_unwind(AssertUnwindSafe(|| survives(case, &base, &fired[number])));
                    if survived.is_err() {
                        println!("{} was not survived", case.fault);
                        failed.lock().insert(number, case.fault.to_string());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    let mut table: BTreeMap<(usize, usize), Count> = BTreeMap::new();
    for (number, case) in cases.iter().enumerate() {
        let point = POINTS.iter().position(|(name, _)| *name == case.fault.point).expect("it is known");
        let action = ACTIONS.iter().position(|(action, ..)| *action == case.fault.action).expect("it is known");
        let count = table.entry((point, action)).or_default();
        count.planned += 1;
        count.fired += fired[number].load(Relaxed);
        count.survived += usize::from(!failed.contains_key(&number));
    }
    println!("{:<26} {:<18} planned fired survived", "point", "action");
    for ((point, action), Count { planned, fired, survived }) in &table {
        println!("{:<26} {:<18} {planned:>7} {fired:>5} {survived:>8}", POINTS[*point].0, ACTIONS[*action].1);
    }
    let sum = |of: fn(&Count) -> usize| table.values().map(of).sum::<usize>();
    println!(
        "{} pairs in {:.1} s: {} planned, {} fired, {} survived",
        table.len(),
        begun.elapsed().as_secs_f64(),
        sum(|count| count.planned),
        sum(|count| count.fired),
        sum(|count| count.survived)
    );
    assert!(failed.is_empty(), "not survived: {:?}", failed.values());
}
