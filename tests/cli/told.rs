//! What a person is told of crashes and outages: each once, in one line.

use super::support::{Run, scene};

/// A short run of everything, of one partition, with these faults.
fn run(points: &str) -> Run {
    let points = format!("faults.points={points}");
    scene().isotherm(&[
        "run",
        "--set=log.partitions=1",
        "--set=source.simulate.days=20",
        "--set=source.simulate.pace_ms=0",
        "--set=consume.commit_interval_ms=1",
        "--set=consume.commit_share_max=1",
        "--set",
        &points,
    ])
}

/// The rest of the run's lines are of other things.
fn lines<'a>(run: &'a Run, said: &str) -> Vec<&'a str> {
    run.stderr.lines().filter(|line| line.contains(said)).collect()
}

#[test]
fn a_panic_is_one_line_also_where_backtraces_are_wanted() {
    for point in ["aggregator.apply", "writer.commit", "generator.next"] {
        let run = run(&format!("{point}@1=panic"));
        run.ends_with(0);
        let told = lines(&run, point);
        assert_eq!(told.len(), 2, "{}", run.stderr);
        assert!(told[0].contains("faults are planned"), "{}", told[0]);
        let told = &told[1..];
        assert!(told[0].contains("WARN died") && told[0].contains("src/points/registry.rs"), "{}", told[0]);
        assert_eq!(lines(&run, "INFO restarted").len(), 1, "{}", run.stderr);
        assert!(run.stderr.lines().count() <= 5 && !run.stderr.contains("backtrace"), "{}", run.stderr);
    }
}

/// The second life does not come to work, so there is nothing yet to be said of a recovery.
#[test]
fn each_of_two_crashes_in_a_row_is_told_and_the_recovery_once() {
    let run = run("aggregator.apply@1=panic,supervisor.restart@1=panic");
    run.ends_with(0);
    let told = [lines(&run, "WARN died"), lines(&run, "INFO restarted")];
    assert_eq!(told.each_ref().map(Vec::len), [2, 1], "{}", run.stderr);
    let [died, restarted] = told;
    for (line, child, cause, restarts_left) in
        [(died[0], "aggregator", "aggregator.apply", 4), (died[1], "checkpoint writer", "supervisor.restart", 3)]
    {
        let facts = [
            "branch=partition 0".to_owned(),
            format!("child=\"{child}\""),
            format!("planned fault at {cause}, hit 1"),
            "backoff_ms=".to_owned(),
            format!("restarts_left={restarts_left}"),
        ];
        assert!(facts.iter().all(|fact| line.contains(fact)), "{facts:?} are not in {line}");
    }
    assert!(restarted[0].contains("branch=partition 0 resumes_from=0 took_ms="), "{}", restarted[0]);
}

/// While a file cannot be written, the log can be read: that does not end the outage.
#[test]
fn a_file_that_cannot_be_written_for_a_while_is_said_once() {
    let run = run("writer.commit@1=retryable,writer.commit@2=retryable,writer.commit@3=retryable");
    run.ends_with(0);
    let told = [lines(&run, "waiting until it works again").len(), lines(&run, "INFO works again").len()];
    assert_eq!(told, [1, 1], "{}", run.stderr);
}

/// While the log takes no records, the producer can be opened anew: that does not end the outage either.
#[test]
fn a_log_that_cannot_be_written_for_a_while_is_said_once() {
    let run = run("producer.send@1=retryable,producer.send@2=retryable,producer.send@3=retryable");
    run.ends_with(0);
    let told = [lines(&run, "waiting until it works again").len(), lines(&run, "INFO works again").len()];
    assert_eq!(told, [1, 1], "{}", run.stderr);
}

#[test]
fn too_few_files_that_may_be_open_are_told_before_anything_begins() {
    for arguments in [&["run"][..], &["produce"], &["consume"], &["rebuild", "0"], &["audit"], &["debug"]] {
        let scene = scene();
        for files in [10, 20, 60] {
            let run = scene.isotherm_limited(libc::RLIMIT_NOFILE, files, arguments);
            run.fails_in_one_line(78, &[&format!("may have {files} files open, and needs 68 at least"), "ulimit -n"]);
        }
        assert!(!scene.state().exists(), "{arguments:?}");
    }
}
