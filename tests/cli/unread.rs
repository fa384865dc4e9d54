//! A standard error that takes nothing: a container's log that is full, a pager that is paused, a terminal after Ctrl-S.
//! Only telling suffers.

use std::io::{PipeReader, PipeWriter, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::program::{Lines, Running, command, wait_for};
use super::support::{Scene, scene};
use super::terminal::Terminal;

/// More than the second that the last lines may take, on a busy machine, and less than anybody would wait for.
const END_MAX: Duration = Duration::from_secs(20);

/// A pipe of one page that is filled to the brim.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = full_pipe_that_does_not_block();
    // SAFETY: it is open, and takes a number.
    assert_eq!(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, 0) }, 0);
    (reader, writer)
}

/// The same, which refuses what there is no room for.
fn full_pipe_that_does_not_block() -> (PipeReader, PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    // SAFETY: it is open, and takes a number.
    assert!(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) } >= 4096);
    // SAFETY: likewise.
    assert_eq!(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }, 0);
    while (&writer).write(b"\n").is_ok() {}
    (reader, writer)
}

/// Starts a run that goes on for ever, unless these settings end it, and whose standard error takes nothing.
fn start(scene: &Scene, sets: &[&str]) -> (Running, PipeReader) {
    let (reader, writer) = full_pipe();
    (start_with(scene, sets, writer), reader)
}

/// Starts that run with this standard error.
fn start_with(scene: &Scene, sets: &[&str], standard_error: impl Into<Stdio>) -> Running {
    let mut command = command(&scene.path(""), &["run"]);
    command.args(
        [
            "log.partitions=1",
            "source.simulate.days=0",
            "source.simulate.pace_ms=1",
            "consume.commit_interval_ms=1",
            "consume.commit_share_max=1",
            "output.log_level=debug",
        ]
        .iter()
        .chain(sets)
        .map(|set| format!("--set={set}")),
    );
    command.stderr(standard_error);
    Running::start(command)
}

/// The offset that the file of partition 0 goes on from.
fn committed(scene: &Scene) -> u64 {
    let text = std::fs::read_to_string(scene.state().join("partition-0.json")).unwrap_or_default();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    file["offset"].as_u64().unwrap_or_default()
}

/// Waits until more was committed.
fn goes_on(scene: &Scene) {
    let before = committed(scene);
    wait_for("a further commit", || committed(scene) > before);
}

fn ends_with(mut running: Running, code: i32) {
    let begun = Instant::now();
    wait_for("its end", || running.ended().is_some());
    assert_eq!(running.ended().expect("it has ended").code(), Some(code));
    assert!(begun.elapsed() < END_MAX, "it took {:?}", begun.elapsed());
}

#[test]
fn counting_goes_on_and_a_stop_is_in_order() {
    let scene = scene();
    let (running, _reader) = start(&scene, &[]);
    goes_on(&scene);
    goes_on(&scene);
    running.signal(libc::SIGTERM);
    ends_with(running, 0);
    scene.isotherm(&["audit", "--set=log.partitions=1"]).ends_with(0);
}

#[test]
fn a_stop_is_heard_before_the_first_commit_too() {
    let scene = scene();
    let (running, _reader) = start(&scene, &["consume.commit_interval_ms=3600000"]);
    wait_for("the locks", || scene.state().join("partition-0.lock").exists());
    running.signal(libc::SIGTERM);
    ends_with(running, 0);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let scene = scene();
    // What stops in order would take a minute.
    let stuck =
        ["faults.points=aggregator.apply@30=hang", "supervision.heartbeat_ms=60000", "supervision.shutdown_ms=60000"];
    let (running, _reader) = start(&scene, &stuck);
    goes_on(&scene);
    running.signal(libc::SIGTERM);
    running.signal(libc::SIGINT);
    ends_with(running, 75);
}

#[test]
fn a_write_that_hangs_ends_it() {
    let scene = scene();
    let hangs =
        ["faults.points=checkpoint.rename@3=hang", "supervision.heartbeat_ms=2000", "supervision.backoff_min_ms=1"];
    let (running, _reader) = start(&scene, &hangs);
    ends_with(running, 75);
}

#[test]
fn what_fails_ends_with_its_code() {
    let failing: [(&[&str], i32); 4] = [
        (&["faults.points=aggregator.apply@3=fatal"], 70),
        (&["log.partitions=0"], 78),
        (&["log.on_start=recreate", "faults.points=checkpoint.lock@1=panic"], 70),
        (&["no equals sign"], 78),
    ];
    for (sets, code) in failing {
        let scene = scene();
        let (running, _reader) = start(&scene, &[&["supervision.on_branch_failure=exit"], sets].concat());
        ends_with(running, code);
    }
    let (_reader, writer) = full_pipe();
    let mut command = command(Path::new("."), &["run", "--no-such-option"]);
    command.stderr(writer);
    ends_with(Running::start(command), 64);
}

/// As it is inherited from a program that has set it so: what it refuses for the moment is written later, line by line.
#[test]
fn a_pipe_that_does_not_block_loses_no_line() {
    let scene = scene();
    let (reader, writer) = full_pipe_that_does_not_block();
    let running = start_with(&scene, &["output.log_format=json"], writer);
    goes_on(&scene);
    goes_on(&scene);
    let lines = Lines::of(reader);
    running.signal(libc::SIGTERM);
    let told: Vec<String> = std::iter::from_fn(|| lines.next()).filter(|line| !line.is_empty()).collect();
    ends_with(running, 0);
    let mut offsets = told.iter().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        (line["message"] == "committed").then(|| line["next_offset"].as_u64().expect("an offset"))
    });
    assert_eq!(offsets.next_back(), Some(committed(&scene)), "the last line of a commit is that of the file");
    assert!(offsets.count() > 0);
}

#[test]
fn lines_that_cannot_be_written_are_counted() {
    let address = free_address();
    let scene = scene();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("there is one");
    let running = start_with(&scene, &[&format!("web.listen={address}")], full);
    wait_for("the lines that were refused", || lost(&address) > 0);
    goes_on(&scene);
    running.signal(libc::SIGTERM);
    ends_with(running, 0);
}

fn free_address() -> String {
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    address.expect("a free port").to_string()
}

/// Lines that were lost, as the metrics say.
fn lost(address: &str) -> u64 {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(END_MAX)).build().into();
    let answer = agent.get(format!("http://{address}/metrics")).call();
    let text = answer.and_then(|mut answer| answer.body_mut().read_to_string()).unwrap_or_default();
    let lost = text.lines().find_map(|line| line.strip_prefix("isotherm_lost_log_lines_total "));
    lost.map_or(0, |lost| lost.parse().expect("a number"))
}

/// Lines that were lost are a number on the dashboard, and a line once there is room again.
#[test]
fn lost_lines_are_counted_and_told_of_when_somebody_reads_again() {
    let address = free_address();
    let scene = scene();
    // Each question to the dashboard is some thirty lines.
    let sets = ["output.log_level=trace", "output.log_format=json", &format!("web.listen={address}")];
    let (running, reader) = start(&scene, &sets);
    wait_for("more lines than can wait", || lost(&address) > 0);
    let lines = Lines::of(reader);
    let told = std::iter::from_fn(|| lines.next()).find(|line| line.contains("lost_lines")).expect("it is told of");
    let told: serde_json::Value = serde_json::from_str(&told).expect("it is JSON");
    let total = lost(&address);
    assert_eq!(told["lost_lines"], total, "what is read is not lost: {told}");
    assert_eq!(
        told["message"],
        format!("{total} log lines were lost since the start because standard error did not take them")
    );
    running.signal(libc::SIGTERM);
    ends_with(running, 0);
    assert!(std::iter::from_fn(|| lines.next()).any(|line| line.contains("stopping")), "the last lines are read");
}

#[test]
fn a_terminal_that_is_stopped_stops_nothing_else() {
    for level in ["info", "debug"] {
        let scene = scene();
        let arguments = [
            "run",
            "--set=log.partitions=1",
            "--set=source.simulate.days=0",
            "--set=source.simulate.pace_ms=1",
            "--set=consume.commit_interval_ms=1",
            "--set=consume.commit_share_max=1",
            &format!("--set=output.log_level={level}"),
        ];
        let mut terminal = Terminal::start_in(&scene.path(""), &arguments, &[]);
        terminal.wait_for("partition 0 ");
        terminal.stop();
        goes_on(&scene);
        goes_on(&scene);
        terminal.signal(libc::SIGTERM);
        terminal.ends_stopped(|program| ends_with(program, 0));
    }
}

#[test]
fn top_ends_though_its_terminal_is_stopped() {
    let mut terminal = Terminal::start(&["top", "127.0.0.1:1", "--interval-ms=100"], &[]);
    terminal.wait_to_see("AWAY");
    terminal.stop();
    terminal.signal(libc::SIGTERM);
    terminal.ends_stopped(|program| ends_with(program, 0));
}
