//! Every way to crash is noticed, told with its cause, and ends in a new life of the whole branch.

use isotherm::supervision::Spawn;

use super::toys::{Act, At, Setup, damaged};
use super::{in_both, threads};

/// Child b crashes by itself in epoch 1, and all live on in epoch 2.
async fn crashes_once(spawn: Spawn, at: At, act: Act, cause: &str) {
    let planned = move |name, epoch| (name == "b" && epoch == 1).then(|| (at, act.clone()));
    let branch = Setup::new(spawn).plan(planned).run();
    branch.log.until("restarted").await;
    assert_restarted(&branch.log.lines(), cause);
    assert_eq!(branch.log.count("a2 ready") + branch.log.count("b2 ready") + branch.log.count("c2 ready"), 3);
    assert_eq!(branch.stopped().await, [""; 0]);
}

/// Child b is told to crash in epoch 1, and all live on in epoch 2.
async fn is_crashed(spawn: Spawn, act: Act, cause: &str) {
    let branch = Setup::new(spawn).ready().await;
    branch.tell("b", act);
    branch.log.until("restarted").await;
    assert_restarted(&branch.log.lines(), cause);
    for name in ["a", "b", "c"] {
        assert_eq!(branch.log.count(&format!("{name}1 dropped")), 1, "all of the old life is gone");
        assert_eq!(branch.log.count(&format!("{name}2 ready")), 1);
    }
    assert_eq!(branch.stopped().await, [""; 0]);
}

fn assert_restarted(lines: &[String], cause: &str) {
    let of = |what: &str| lines.iter().filter(|line| line.starts_with(what)).collect::<Vec<_>>();
    let (died, restarted) = (of("died"), of("restarted"));
    assert!(died.len() == 1 && died[0].starts_with(&format!("died b: {cause}")), "{lines:#?}");
    assert!(restarted.len() == 1 && restarted[0].starts_with("restarted; Some(20); "), "{lines:#?}");
}

#[test]
fn a_panic_in_a_factory() {
    in_both(async |spawn| crashes_once(spawn, At::Factory, Act::Panic, "panicked: b1 panics in Factory (").await);
}

#[test]
fn a_panic_in_build() {
    in_both(async |spawn| crashes_once(spawn, At::Build, Act::Panic, "panicked: b1 panics in Build (").await);
}

#[test]
fn a_panic_in_started() {
    in_both(async |spawn| crashes_once(spawn, At::Started, Act::Panic, "panicked: b1 panics in Started (").await);
}

#[test]
fn a_panic_in_a_handler_says_where() {
    in_both(async |spawn| {
        is_crashed(spawn, Act::Panic, "panicked: b1 panics in a handler (tests/supervision/toys.rs:").await;
    });
}

#[test]
fn a_panic_in_a_future_of_the_context() {
    in_both(async |spawn| is_crashed(spawn, Act::PanicLater, "panicked: b1 panics in a future (").await);
}

#[test]
fn a_panic_while_stopping() {
    in_both(async |spawn| is_crashed(spawn, Act::PanicInStopping, "panicked: b1 panics in stopping (").await);
}

#[test]
fn a_panic_in_the_drop_of_an_actor_that_panicked() {
    // A double panic would abort the process.
    in_both(async |spawn| {
        let planned = |name, epoch| (name == "b" && epoch == 1).then_some((At::Drop, Act::Panic));
        let branch = Setup::new(spawn).plan(planned).ready().await;
        branch.tell("b", Act::Panic);
        branch.log.until("restarted").await;
        assert_eq!((branch.log.count("died b: panicked: b1 panics in a handler"), branch.log.count("died")), (1, 1));
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

#[test]
fn a_crash_that_the_actor_noticed_itself() {
    in_both(async |spawn| is_crashed(spawn, Act::Crash, "b1 saw its worker die;").await);
}

#[test]
fn a_stop_that_nobody_asked_for() {
    in_both(async |spawn| is_crashed(spawn, Act::Stop, "stopped, and nobody asked it to;").await);
}

#[test]
fn nothing_runs_on_an_actor_that_panicked() {
    in_both(async |spawn| {
        let branch = Setup::new(spawn).ready().await;
        branch.tell("b", Act::Panic);
        branch.log.until("restarted").await;
        assert_eq!(branch.log.only(&["b1 stopping", "b1 dropped"]), ["b1 dropped"]);
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

#[test]
fn an_actor_that_said_how_it_ends_ends() {
    // The toy does not stop its context; the first reason stays.
    in_both(async |spawn| {
        let planned = |name, epoch| (name == "b" && epoch == 1).then(|| (At::Build, Act::Fail(damaged())));
        let branch = Setup::new(spawn).plan(planned).run();
        assert_eq!(branch.failure().await, damaged());
    });
}

#[test]
fn one_branchs_panic_leaves_the_others_actors_alone() {
    in_both(async |spawn| {
        let (one, other) = (Setup::new(spawn).ready().await, Setup::new(spawn).ready().await);
        for _ in 0..3 {
            one.tell("b", Act::Panic);
            let restarts = one.log.count("restarted");
            one.log.until_count("restarted", restarts + 1).await;
        }
        assert_eq!(other.log.count("died") + other.log.count("a1 dropped") + other.log.count("b1 dropped"), 0);
        assert_eq!((one.stopped().await, other.log.count("a1 drains")), (vec![], 0));
        assert_eq!(other.stopped().await, [""; 0]);
    });
}

#[test]
fn a_branch_that_is_dropped_ends_its_actors() {
    threads(async {
        let branch = Setup::new(Spawn::Threads).ready().await;
        let log = branch.abort();
        for name in ["a", "b", "c"] {
            log.until(&format!("{name}1 dropped")).await;
        }
    });
}
