use super::*;
use crate::cli::logging::capture;
use crate::failure::Kind;

#[test]
fn bad_lines_are_all_counted_and_a_bounded_number_is_logged_per_file() {
    let progress = Progress::new(&[]);
    let logged = capture("info", || {
        for line in 1..=1000 {
            BadLine { file: "a.csv", line, reason: "no date" }.emit(&progress);
        }
        BadLine { file: "b.csv", line: 7, reason: "no date" }.emit(&progress);
    });
    assert_eq!(progress.source().bad_lines(), 1001);
    assert_eq!(logged.lines().filter(|line| line.contains("a.csv")).count(), 11, "{logged}");
    assert_eq!(logged.matches("no longer logged").count(), 1);
    assert!(logged.lines().last().is_some_and(|line| line.contains("b.csv") && line.contains("\"line\":7")));
}

#[test]
fn a_crash_is_a_line_when_it_happens_and_so_is_the_recovery() {
    let progress = Progress::new(&[2]);
    let branch = Branch::Partition(2);
    progress.branches().add(branch, 5, ["aggregator"].into_iter());
    let died = Died {
        branch,
        child: "aggregator",
        cause: "panicked: boom",
        backoff: Duration::from_millis(70),
        budget_left: 4,
    };
    let logged = capture("info", || died.emit(&progress));
    assert_eq!((logged.lines().count(), progress.branches().restarts(|_| true)), (1, 1));
    let line: serde_json::Value = serde_json::from_str(&logged).expect("a line is JSON");
    assert_eq!((&line["message"], &line["level"]), (&"died".into(), &"WARN".into()));
    assert_eq!((&line["branch"], &line["child"]), (&"partition 2".into(), &"aggregator".into()));
    assert_eq!((&line["cause"], &line["backoff_ms"]), (&"panicked: boom".into(), &70.into()));
    assert_eq!(line["restarts_left"], 4);
    let restarted = Restarted { branch, resumes_from: Some(41), took_ms: 130 };
    let logged = capture("info", || restarted.emit(&progress));
    assert_eq!((logged.lines().count(), progress.branches().restarts(|_| true)), (1, 1));
    let line: serde_json::Value = serde_json::from_str(&logged).expect("a line is JSON");
    assert_eq!((&line["message"], &line["level"]), (&"restarted".into(), &"INFO".into()));
    assert_eq!((&line["branch"], &line["resumes_from"]), (&"partition 2".into(), &41.into()));
    assert_eq!(line["took_ms"], 130);
}

#[test]
fn a_failure_is_told_with_its_advice() {
    let progress = Progress::new(&[0]);
    let failure = Failure::fatal(Kind::Data, "partition-0.json is damaged").advice("restore a copy");
    let logged = capture("info", || BranchFailed { branch: Branch::Partition(0), failure: &failure }.emit(&progress));
    assert!(logged.contains("partition-0.json is damaged") && logged.contains("restore a copy"), "{logged}");
    assert!(progress.partition(0).failed());
}

#[test]
fn a_commit_is_a_number_and_only_on_demand_a_line() {
    let progress = Progress::new(&[0]);
    let event = Committed { partition: 0, next_offset: 9, took: Duration::from_millis(3) };
    assert_eq!(capture("info", || event.emit(&progress)), "");
    assert!(capture("debug", || event.emit(&progress)).contains("committed"));
    assert_eq!(progress.partition(0).committed(), 9);
}
