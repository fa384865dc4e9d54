//! Runs the program, and makes state folders for it.

use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use isotherm::domain::{Batch, Day, PartitionState, Reading, Record, Rules};
use isotherm::log::{self, Outgoing, RecordLog, TopicSpec};
use isotherm::partition::{Identity, format, partition_path, rejected_path};
use isotherm::settings::{Sources, load};

use crate::program::{Running, command};

/// What a run of the program left.
pub struct Run {
    arguments: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn of(arguments: &[&str], output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("what is printed is UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Self { arguments: arguments.join(" "), code: output.status.code(), stdout, stderr }
    }

    /// Runs with a standard output whose other end is closed from the beginning.
    pub fn with_closed_output(arguments: &[&str]) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = command(Path::new("."), arguments);
        command.stdout(writer);
        Self::of(arguments, Running::start(command).output())
    }

    pub fn ends_with(&self, code: i32) {
        assert_eq!(self.code, Some(code), "isotherm {}\n{}\n{}", self.arguments, self.stdout, self.stderr);
    }

    /// One line that begins with the program's name and says these things.
    pub fn fails_in_one_line(&self, code: i32, says: &[&str]) {
        self.ends_with(code);
        assert!(self.stderr.starts_with("isotherm: ") && self.stderr.lines().count() == 1, "{}", self.stderr);
        for part in says {
            assert!(self.stderr.contains(part), "{part:?} is not in {}", self.stderr);
        }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The cells of each line of a table.
    pub fn cells(&self) -> Vec<Vec<&str>> {
        self.stdout.lines().map(|line| line.split_whitespace().collect()).collect()
    }
}

/// Runs the program where there is nothing.
pub fn isotherm(arguments: &[&str]) -> Run {
    scene().isotherm(arguments)
}

pub fn text(path: &Path) -> String {
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// A folder in which the program runs with its default settings.
pub struct Scene(tempfile::TempDir);

pub fn scene() -> Scene {
    Scene(tempfile::tempdir().expect("a folder"))
}

impl Scene {
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.path("isotherm-data/state")
    }

    pub fn isotherm(&self, arguments: &[&str]) -> Run {
        Run::of(arguments, self.start(arguments).output())
    }

    /// Runs it with this on its standard input, through a pipe.
    pub fn isotherm_fed(&self, arguments: &[&str], content: impl AsRef<[u8]>) -> Run {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let mut command = command(self.0.path(), arguments);
        command.stdin(reader);
        let running = Running::start(command);
        let content = content.as_ref().to_vec();
        // A program that ends before it has read all closes the pipe.
        let feeds = std::thread::spawn(move || drop(writer.write_all(&content)));
        let run = Run::of(arguments, running.output());
        feeds.join().expect("it only writes");
        run
    }

    /// Runs it where it gets no more of a resource than this.
    pub fn isotherm_limited(&self, resource: libc::__rlimit_resource_t, most: u64, arguments: &[&str]) -> Run {
        let mut command = command(self.0.path(), arguments);
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        let set = move || match unsafe { libc::setrlimit(resource, &raw const limit) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        };
        // SAFETY: setting a limit is all that is done in the child before the program begins.
        unsafe { command.pre_exec(set) };
        Run::of(arguments, Running::start(command).output())
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(command(self.0.path(), arguments))
    }

    /// Writes the files of a partition of which these records were read.
    pub fn write_partition(&self, partition: u32, log_id: &str, batch: &Batch) {
        let mut state = PartitionState::new(Rules::default(), 0);
        state.apply(batch);
        let rejected = std::mem::take(&mut state.pending_rejected);
        let topic = "temperatures".to_owned();
        let identity = Identity { topic, log_id: log_id.to_owned(), partition, partitions: 4 };
        std::fs::create_dir_all(self.state()).expect("the folder is created");
        std::fs::write(partition_path(&self.state(), partition), format::serialize(format::VERSION, &identity, &state))
            .expect("written");
        if !rejected.is_empty() {
            std::fs::write(rejected_path(&self.state(), partition), rejected).expect("written");
        }
    }

    /// The log of the default settings.
    pub fn log(&self) -> Arc<dyn RecordLog> {
        let mut settings = load(&Sources::default(), std::iter::empty()).expect("the defaults are good").settings;
        settings.log.sqlite.path = self.path("isotherm-data/log.sqlite");
        log::open(&settings).expect("the log opens")
    }
}

/// Creates the topic of the default settings and says its id.
pub fn create_topic(log: &dyn RecordLog) -> String {
    let spec = TopicSpec { partitions: 4, replication: 1, retention_ms: -1 };
    log.create_topic(&spec).expect("the topic is created").log_id
}

/// Writes a batch to a partition of the log.
pub fn write(log: &dyn RecordLog, partition: u32, batch: &Batch) {
    let outgoing = batch.records().map(|Record { key, value, .. }| Outgoing { partition, key, value });
    let records: Vec<_> = outgoing.collect();
    log.open_writer("a test").expect("a writer").write(&records).expect("it writes");
}

/// Records from offset 0: readings of (station, date, degrees), and what is no reading for an empty station.
pub fn batch(readings: &[(&str, &str, f64)]) -> Batch {
    let mut batch = Batch::default();
    for (offset, &(station, date, degrees)) in (0..).zip(readings) {
        let mut value = Vec::new();
        if station.is_empty() {
            value.extend(b"\xff\xff");
        } else {
            let day = Day::parse(date).expect("a day");
            Reading { station_id: station, day, degrees }.encode(&mut value);
        }
        batch.push(Record { offset, key: Some(station.as_bytes()), value: Some(&value) });
    }
    batch
}
