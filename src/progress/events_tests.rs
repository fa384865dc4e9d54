use super::*;
use crate::cli::logging::capture;
use crate::failure::Kind;

#[test]
fn bad_lines_are_all_counted_and_a_bounded_number_is_logged_per_file() {
    let progress = Progress::new(&[]);
    let logged = capture("info", || {
        for line in 1..=1000 {
            bad_line(&progress, "a.csv", line, "no date");
        }
        bad_line(&progress, "b.csv", 7, "no date");
    });
    assert_eq!(progress.source().bad_lines.get(), 1001);
    assert_eq!(logged.lines().filter(|line| line.contains("a.csv")).count(), 11, "{logged}");
    assert_eq!(logged.matches("no longer logged").count(), 1);
    assert!(logged.lines().last().is_some_and(|line| line.contains("b.csv") && line.contains("\"line\":7")));
}

#[test]
fn a_crash_is_a_line_when_it_happens_and_so_is_the_recovery() {
    let progress = Progress::new(&[2]);
    let branch = Branch::Partition(2);
    progress.branches().add(branch, 5, ["aggregator"].into_iter());
    let backoff = Duration::from_millis(70);
    let logged = capture("info", || died(&progress, branch, "aggregator", "panicked: boom", backoff, 4));
    assert_eq!((logged.lines().count(), progress.branches().restarts(|_| true)), (1, 1));
    let line: serde_json::Value = serde_json::from_str(&logged).expect("a line is JSON");
    assert_eq!((&line["message"], &line["level"]), (&"died".into(), &"WARN".into()));
    assert_eq!((&line["branch"], &line["child"]), (&"partition 2".into(), &"aggregator".into()));
    assert_eq!((&line["cause"], &line["backoff_ms"]), (&"panicked: boom".into(), &70.into()));
    assert_eq!(line["restarts_left"], 4);
    let logged = capture("info", || restarted(&progress, branch, Some(41), Duration::from_millis(130)));
    assert_eq!((logged.lines().count(), progress.branches().restarts(|_| true)), (1, 1));
    let line: serde_json::Value = serde_json::from_str(&logged).expect("a line is JSON");
    assert_eq!((&line["message"], &line["level"]), (&"restarted".into(), &"INFO".into()));
    assert_eq!((&line["branch"], &line["resumes_from"]), (&"partition 2".into(), &41.into()));
    assert_eq!(line["took_ms"], 130);
}

#[test]
fn a_failure_is_told_with_its_advice() {
    let progress = Progress::new(&[0]);
    progress.branches().add(Branch::Partition(0), 5, std::iter::empty());
    let failure = Failure::fatal(Kind::Data, "partition-0.json is damaged").advice("restore a copy");
    let logged = capture("info", || branch_failed(&progress, Branch::Partition(0), &failure));
    assert!(logged.contains("partition-0.json is damaged") && logged.contains("restore a copy"), "{logged}");
    assert_eq!(progress.branches().failures(|branch| branch == Branch::Partition(0)), 1);
}

#[test]
fn a_commit_is_a_number_and_only_on_demand_a_line() {
    let progress = Progress::new(&[0]);
    let commit = || committed(&progress, 0, 9, Duration::from_millis(3));
    assert_eq!(capture("info", commit), "");
    assert!(capture("debug", commit).contains("committed"));
    assert_eq!(progress.partition(0).committed.get(), 9);
}

#[test]
fn a_full_file_of_rejected_records_is_told_once_of_each_partition_and_counted_always() {
    let progress = Progress::new(&[0, 1]);
    let logged = capture("info", || {
        for (partition, records) in [(0, 0), (0, 2), (0, 3), (1, 1), (0, 1), (1, 1), (1, 0)] {
            rejected_unkept(&progress, partition, records, Path::new("f.jsonl"), 99);
        }
    });
    let lines: Vec<serde_json::Value> =
        logged.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let said: Vec<_> = lines.iter().map(|line| (line["level"].as_str(), line["partition"].as_u64())).collect();
    assert_eq!(said, [(Some("WARN"), Some(0)), (Some("WARN"), Some(1))]);
    assert_eq!((&lines[0]["file"], &lines[0]["quality.rejected_bytes_max"]), (&"f.jsonl".into(), &99.into()));
    assert_eq!([0, 1].map(|partition| progress.partition(partition).rejected_unkept.get()), [6, 2]);
}
