//! Event streams: what they bring, and how many there may be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::SockRef;

use super::program::wait_for;
use super::served::{Served, program};

/// No frame takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

struct Stream(BufReader<TcpStream>);

fn connect(served: &Served, receive_bytes: Option<usize>) -> TcpStream {
    let mut stream = TcpStream::connect(served.authority()).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("it is set");
    if let Some(bytes) = receive_bytes {
        SockRef::from(&stream).set_recv_buffer_size(bytes).expect("it is set");
    }
    let request = format!("GET /api/events HTTP/1.1\r\nhost: {}\r\n\r\n", served.authority());
    stream.write_all(request.as_bytes()).expect("it is sent");
    stream
}

impl Stream {
    fn open(served: &Served) -> Self {
        Self(BufReader::new(connect(served, None)))
    }

    /// The next event's name and data.
    fn next(&mut self) -> (String, Value) {
        let mut name = None;
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < DEADLINE, "no event comes");
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("a line comes in time") > 0, "the stream ended");
            if let Some(event) = line.strip_prefix("event: ") {
                name = Some(event.trim().to_owned());
            } else if let (Some(data), Some(name)) = (line.strip_prefix("data: "), &name) {
                return (name.clone(), serde_json::from_str(data.trim()).expect("it is JSON"));
            }
        }
    }

    fn next_of(&mut self, name: &str) -> Value {
        loop {
            let (event, data) = self.next();
            if event == name {
                return data;
            }
        }
    }
}

#[test]
fn everything_comes_at_once_and_then_what_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let program =
        program(folder.path()).set("faults.points=aggregator.apply@30=panic").set("source.simulate.pace_ms=20");
    let served = Served::start(&program, &["run"]);
    let mut stream = Stream::open(&served);
    let mut first: Vec<String> = (0..4).map(|_| stream.next().0).collect();
    first.sort();
    assert_eq!(first, ["audit", "overview", "partitions", "supervision"]);
    let version = |overview: Value| overview["stations_version"].as_u64().expect("a number");
    let before = version(stream.next_of("overview"));
    while version(stream.next_of("overview")) <= before + 2 {}
    let crash = loop {
        let crash = stream.next_of("supervision")["crashes"][0].clone();
        if crash["took_ms"].is_number() {
            break crash;
        }
    };
    assert_eq!(crash["actor"], "aggregator");
    assert_eq!(served.post("/api/audit").status, 202);
    while stream.next_of("audit")["last"].is_null() {}
}

#[test]
fn a_new_process_shows_the_last_readings_from_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path()).set("source.simulate.days=40").set("source.simulate.pace_ms=0");
    program.run_well(&["run"]);
    let served = Served::start(&program, &["run", "--open"]);
    let _stream = Stream::open(&served);
    let stations = served.wait_for("/api/stations", "the readings", |stations| {
        let rows = stations["stations"].as_array().expect("a list");
        rows.len() == 10 && rows.iter().all(|row| row["recent"].as_array().is_some_and(|recent| recent.len() == 30))
    });
    assert_eq!(stations["stations_total"], 10);
}

#[test]
fn a_process_that_is_watched_stops_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&program(folder.path()), &["run"]);
    let mut stream = Stream::open(&served);
    stream.next_of("overview");
    served.running.signal(libc::SIGTERM);
    let output = served.running.output();
    assert!(output.status.success(), "{}", super::program::told(&output));
}

fn memory_bytes(served: &Served) -> f64 {
    metric(served, "process_resident_memory_bytes")
}

fn metric(served: &Served, name: &str) -> f64 {
    let metrics = served.get("/metrics").text;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.expect("the metric is there").parse().expect("a number")
}

/// Fifty for some seconds, or as many as ISOTHERM_WEB_CLIENTS says for ISOTHERM_WEB_SECONDS.
#[test]
fn very_many_clients_are_served_within_bounded_memory() {
    let number = |name, usual| std::env::var(name).map_or(usual, |text| text.parse().expect("a number"));
    let (clients, seconds) = (number("ISOTHERM_WEB_CLIENTS", 50), number("ISOTHERM_WEB_SECONDS", 3));
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path()).set("source.simulate.pace_ms=10").set("source.simulate.stations=100");
    let served = Served::start(&program, &["run"]);
    let before = memory_bytes(&served);
    let begun = Instant::now();
    let frames: Vec<u64> = std::thread::scope(|scope| {
        let one = |_| {
            let mut stream = Stream::open(&served);
            move || {
                let (mut frames, mut newest) = (0, Duration::ZERO);
                while begun.elapsed() < Duration::from_secs(seconds) {
                    if stream.next().0 == "overview" {
                        newest = begun.elapsed();
                    }
                    frames += 1;
                }
                assert!(newest > Duration::from_secs(seconds) / 2, "it was left alone after {newest:?}");
                (frames, stream)
            }
        };
        let all: Vec<_> = (0..clients).map(one).map(|client| scope.spawn(client)).collect();
        wait_for("all clients", || metric(&served, "isotherm_web_clients") == clients as f64);
        let ended: Vec<_> = all.into_iter().map(|client| client.join().expect("it is served")).collect();
        ended.into_iter().map(|(frames, _)| frames).collect()
    });
    let grown = (memory_bytes(&served) - before) / 1e6;
    let least = frames.iter().min().expect("there are clients");
    println!("{clients} event streams for {seconds} s: {least} frames at least, memory {grown:+.1} MB");
    assert!(*least >= 4, "everybody has at least seen everything once");
    assert!(grown < 20.0 + 0.1 * clients as f64, "{grown} MB for {clients} clients");
    wait_for("the end of all streams", || metric(&served, "isotherm_web_clients") == 0.0);
}

#[test]
fn a_client_that_does_not_read_is_dropped_and_nobody_else_notices() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path()).set("source.simulate.pace_ms=10").set("log.partitions=64");
    let served = Served::start(&program, &["run"]);
    let mut slow = connect(&served, Some(4096));
    wait_for("the slow client", || metric(&served, "isotherm_web_clients") == 1.0);
    let mut other = Stream::open(&served);
    wait_for("its end", || {
        other.next();
        metric(&served, "isotherm_web_clients") == 1.0
    });
    // What was under way is all there is.
    let mut rest = Vec::new();
    drop(slow.read_to_end(&mut rest));
    assert!(rest.len() < 1 << 20, "{} bytes lay unread", rest.len());
    other.next();
}
