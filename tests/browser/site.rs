//! A process that serves the dashboard, over a log and a state folder of its own.

use std::fs::File;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use isotherm::domain::{Day, Reading};
use isotherm::log::partitioner::partition_of;
use isotherm::log::{RecordLog, TopicSpec};
use isotherm::settings::{Sources, load};
use tempfile::TempDir;

use super::broker::free_ports;
use super::owned::{OwnedRecord, WriteOwned as _};
use super::program::{Program, Running, wait_for};

pub const PARTITIONS: u32 = 4;

pub struct Site {
    folder: TempDir,
    port: u16,
    sets: Vec<String>,
    running: Option<Running>,
}

impl Site {
    /// With these settings; nothing runs yet. The port stays the same over restarts.
    pub fn new(sets: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let [port] = free_ports();
        let usual = [
            format!("log.sqlite.path={}/log.sqlite", folder.path().display()),
            format!("web.listen=127.0.0.1:{port}"),
            "consume.commit_interval_ms=200".to_owned(),
            "supervision.backoff_min_ms=50".to_owned(),
        ];
        let sets = usual.into_iter().chain(sets.iter().map(|set| (*set).to_owned())).collect();
        Self { folder, port, sets, running: None }
    }

    /// Writes all of its source to the log first.
    pub fn produce(self) -> Self {
        self.program().set("web.listen=").run_well(&["produce"]);
        self
    }

    /// Starts it, and returns once it serves.
    pub fn start(mut self, arguments: &[&str]) -> Self {
        self.start_again(arguments);
        self
    }

    pub fn start_again(&mut self, arguments: &[&str]) {
        let mut command = self.program().command(arguments);
        let told =
            File::options().create(true).append(true).open(self.folder.path().join("told")).expect("there is room");
        command.stdout(told.try_clone().expect("it is open")).stderr(told);
        let mut running = Running::start(command);
        wait_for("the dashboard", || {
            assert!(running.ended().is_none(), "it ended: {}", self.told());
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
        self.running = Some(running);
    }

    pub fn program(&self) -> Program {
        self.sets.iter().fold(Program::new(&self.folder.path().join("state")), |program, set| program.set(set))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// All that it told so far.
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("told")).unwrap_or_default()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The log, with its topic.
    pub fn log(&self) -> Arc<dyn RecordLog> {
        let sources = Sources { file: None, sets: self.sets.clone() };
        let settings = load(&sources, std::iter::empty()).expect("they are good").settings;
        let log = isotherm::log::open(&settings).expect("it opens");
        if log.topic().expect("it is there").is_none() {
            let spec = TopicSpec { partitions: PARTITIONS, replication: 1, retention_ms: -1 };
            log.create_topic(&spec).expect("it is new");
        }
        log
    }

    pub fn write(&self, readings: &[(&str, &str, f64)]) {
        let records: Vec<_> =
            readings.iter().map(|(station, date, degrees)| outgoing(station, date, *degrees)).collect();
        self.log().open_writer("a test").expect("it opens").write_owned(&records).expect("it is written");
    }
}

/// A reading as it is sent.
pub fn outgoing(station: &str, date: &str, degrees: f64) -> OwnedRecord {
    let day = Day::parse(date).expect("a day");
    let mut value = Vec::new();
    Reading { station_id: station, day, degrees }.encode(&mut value);
    OwnedRecord {
        partition: partition_of(station.as_bytes(), PARTITIONS),
        key: Some(station.into()),
        value: Some(value),
    }
}
