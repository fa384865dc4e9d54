//! What it costs to be watched: counting with an open page beside counting without a dashboard, and counting under very
//! many event streams beside counting under none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::bare_loop::produce::Readings;
use crate::bench::{Bench, Filled};
use crate::consume::counted;
use crate::figures::{Rounds, Spread, Table, ratios};
use crate::process::{self, Killed};

/// How often an open page asks for the rows that it shows.
const PAGE_INTERVAL: Duration = Duration::from_millis(500);
/// What a thread needs that only reads.
const STACK_BYTES: usize = 128 << 10;
const DEADLINE: Duration = Duration::from_secs(60);

pub fn run(bench: &Bench) -> Vec<Table> {
    let head = ["program", "million records/s", "processor s per million", "peak MB", "watched / not watched"];
    let mut table = Table::new("web", head);
    let readings = Readings { stations: 10_000, days: 1_000 / bench.divisor, value_bytes: 0 };
    let filled = Filled { partitions: 4, compression: "none", readings };
    let topic = bench.filled(&filled);
    let records = filled.records();
    let (mut alone, mut watched) = (Rounds::new(records), Rounds::new(records));
    let mut looks = 0;
    let mut consume = |rounds: &mut Rounds, address: Option<&str>| {
        bench.forget_state();
        let mut command = bench.isotherm("consume", &topic, filled.partitions);
        command.arg("--until-caught-up").arg("--set").arg(format!("web.listen={}", address.unwrap_or_default()));
        let page = address.map(Page::open);
        rounds.costs.push(process::measure(&command).0);
        looks += page.map_or(0, Page::close);
        assert_eq!(counted(bench, filled.partitions), records, "it counts all");
    };
    for round in 0..bench.pairs {
        let address = free_address();
        if round % 2 == 0 {
            consume(&mut alone, None);
            consume(&mut watched, Some(&address));
        } else {
            consume(&mut watched, Some(&address));
            consume(&mut alone, None);
        }
    }
    assert!(looks > 0, "a page saw something");
    let [rate, processor, peak] = alone.cells();
    table.add(["no dashboard".to_owned(), rate, processor, peak, String::new()]);
    let [rate, processor, peak] = watched.cells();
    let ratio = format!(
        "rate {}, processor {}",
        ratios(&watched.rates(), &alone.rates()).text(2),
        ratios(&watched.processor(), &alone.processor()).text(2)
    );
    table.add([format!("an open page ({} answers in all rounds)", looks), rate, processor, peak, ratio]);
    vec![table]
}

/// One process that produces and counts over the embedded log, under no and under very many event streams in turn.
pub fn run_streams(bench: &Bench) -> Vec<Table> {
    let (streams, watched_s, alone_s) = if bench.divisor == 1 { (1_000, 60, 15) } else { (50, 3, 2) };
    let head =
        ["event streams", "held for", "million records/s", "memory MB", "events to each", "watched / not watched"];
    let mut table = Table::new("streams", head);
    let (mut alone, mut watched, mut before, mut after, mut events) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..bench.pairs {
        bench.forget_state();
        let address = free_address();
        let _process = Killed(start(bench, &address));
        wait_for(&address);
        rate(&address, Duration::from_secs(3));
        let first = rate(&address, Duration::from_secs(alone_s));
        before.push(metric(&address, "process_resident_memory_bytes") / 1e6);
        let all: Vec<Stream> = (0..streams).map(|_| Stream::open(&address)).collect();
        watched.push(rate(&address, Duration::from_secs(watched_s)));
        assert_eq!(metric(&address, "isotherm_web_clients"), f64::from(streams), "nobody was dropped");
        after.push(metric(&address, "process_resident_memory_bytes") / 1e6);
        events.extend(all.into_iter().map(|stream| stream.close() as f64));
        let last = rate(&address, Duration::from_secs(alone_s));
        // What grows with time, as the log does, is on both sides.
        alone.push(f64::midpoint(first, last));
    }
    let text = |figures: &[f64], digits| Spread::of(figures.iter().copied()).text(digits);
    table.add([
        "none".to_owned(),
        format!("2 x {alone_s} s"),
        text(&alone, 2),
        text(&before, 0),
        String::new(),
        String::new(),
    ]);
    table.add([
        streams.to_string(),
        format!("{watched_s} s"),
        text(&watched, 2),
        text(&after, 0),
        text(&events, 0),
        format!("rate {}", ratios(&watched, &alone).text(2)),
    ]);
    vec![table]
}

fn start(bench: &Bench, address: &str) -> std::process::Child {
    let state = bench.state();
    let mut command = Command::new(env!("CARGO_BIN_EXE_isotherm"));
    command.arg("run").stdout(Stdio::null()).stderr(Stdio::null());
    for set in [
        format!("log.sqlite.path={}", state.join("log.sqlite").display()),
        format!("state.dir={}", state.display()),
        "source.simulate.stations=10000".to_owned(),
        "source.simulate.pace_ms=0".to_owned(),
        format!("web.listen={address}"),
    ] {
        command.arg("--set").arg(set);
    }
    command.spawn().expect("it starts")
}

/// An address that nobody listens on.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").to_string()
}

fn connect(address: &str, path: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    Ok(stream)
}

fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    connect(address, path)?.read_to_string(&mut text)?;
    Ok(text)
}

fn wait_for(address: &str) {
    let begun = Instant::now();
    while get(address, "/healthz").is_err() {
        assert!(begun.elapsed() < DEADLINE, "nothing listens on {address}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sum of a metric over its labels.
fn metric(address: &str, name: &str) -> f64 {
    let text = get(address, "/metrics").expect("it answers");
    let of_line = |line: &str| {
        let (metric, number) = line.rsplit_once(' ')?;
        let is_it = metric == name || metric.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'));
        if is_it { number.parse::<f64>().ok() } else { None }
    };
    text.lines().filter_map(of_line).sum()
}

/// Million records a second over this time.
fn rate(address: &str, time: Duration) -> f64 {
    let (begun, before) = (Instant::now(), metric(address, "isotherm_records_total"));
    thread::sleep(time);
    let records = metric(address, "isotherm_records_total") - before;
    records / begun.elapsed().as_secs_f64() / 1e6
}

/// What an open page does: it holds an event stream, and asks for the rows that it shows.
struct Page {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Page {
    /// Opened as soon as the address answers.
    fn open(address: &str) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let events = {
            let (stop, address) = (stop.clone(), address.to_owned());
            move || {
                let mut seen = 0;
                while !stop.load(Relaxed) {
                    match connect(&address, "/api/events") {
                        // It ends with the process.
                        Ok(stream) => seen += BufReader::new(stream).lines().map_while(Result::ok).count() as u64,
                        Err(_) => thread::sleep(Duration::from_millis(5)),
                    }
                }
                seen
            }
        };
        let rows = {
            let (stop, address) = (stop.clone(), address.to_owned());
            move || {
                let mut seen = 0;
                while !stop.load(Relaxed) {
                    match get(&address, "/api/stations?sort=count&order=desc&limit=60") {
                        Ok(rows) => {
                            seen += u64::from(rows.contains("\"station\":"));
                            thread::sleep(PAGE_INTERVAL);
                        }
                        Err(_) => thread::sleep(Duration::from_millis(5)),
                    }
                }
                seen
            }
        };
        Self { stop, threads: vec![thread::spawn(events), thread::spawn(rows)] }
    }

    /// How much it has seen.
    fn close(self) -> u64 {
        self.stop.store(true, Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("it only reads")).sum()
    }
}

/// An event stream that is read as it comes.
struct Stream {
    socket: TcpStream,
    events: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Stream {
    fn open(address: &str) -> Self {
        let socket = connect(address, "/api/events").expect("it listens");
        let events = Arc::<AtomicU64>::default();
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn({
            let (socket, events) = (socket.try_clone().expect("it is open"), events.clone());
            move || {
                for line in BufReader::new(socket).lines().map_while(Result::ok) {
                    events.fetch_add(u64::from(line.starts_with("event: ")), Relaxed);
                }
            }
        });
        Self { socket, events, thread: thread.expect("it starts") }
    }

    /// Events that came.
    fn close(self) -> u64 {
        // Its reader ends with the socket.
        drop(self.socket.shutdown(std::net::Shutdown::Both));
        self.thread.join().expect("it only reads");
        self.events.load(Relaxed)
    }
}
