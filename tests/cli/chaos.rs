//! `isotherm chaos` on the simulation.

use super::support::scene;

#[test]
fn it_says_what_went_wrong_and_that_everything_held_the_same_every_time() {
    let scene = scene();
    let arguments = ["chaos", "--runs=60", "--seed=7"];
    let run = scene.isotherm(&arguments);
    run.ends_with(0);
    assert!(run.stdout.starts_with("POINT ") && run.stdout.ends_with("everything held\n"), "{}", run.stdout);
    assert!(run.stdout.contains("60 runs: "), "{}", run.stdout);
    assert_eq!(run.stderr, "");
    assert_eq!(scene.isotherm(&arguments).stdout, run.stdout);

    let run = scene.isotherm(&["chaos", "--runs=60", "--seed=7", "--json"]);
    run.ends_with(0);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!((&report["runs"], &report["violation"]), (&60.into(), &serde_json::Value::Null));
    assert!(report["recovery"]["median_ms"].as_u64() > Some(0), "{}", run.stdout);
}

#[test]
fn a_trace_shows_the_plan_and_every_event() {
    let run = scene().isotherm(&["chaos", "--runs=1", "--seed=3", "--trace"]);
    run.ends_with(0);
    assert!(run.stdout.starts_with("plan of seed 3\n") && run.stdout.contains(" ms DEBUG "), "{}", run.stdout);
}
