//! Processes that count together, and what each of them holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isotherm::partition::{StateFiles, WithRejected};
use isotherm::settings::{Sources, load};

use crate::broker::{Broker, Options};
use crate::object_server::{BUCKET, ObjectServer};
use crate::program::{Program, Running, results, wait_for};
use crate::served::Served;

/// Of the fleet's processes, as ISOTHERM_SESSION_MS says; the brokers allow one second.
pub fn session_ms() -> u64 {
    std::env::var("ISOTHERM_SESSION_MS").map_or(2000, |session| session.parse().expect("a number"))
}

/// Longer than this no change may take, even on a busy machine.
const CHANGE_MAX: Duration = Duration::from_secs(30);

/// A topic, a store, and settings for processes over both.
pub struct Scene {
    pub brokers: Vec<Broker>,
    pub partitions: u32,
    pub server: ObjectServer,
    pub folder: tempfile::TempDir,
    prefix: String,
}

impl Scene {
    /// `None`: there is no broker or no store to be had, which was said.
    pub fn new(prefix: &str) -> Option<Self> {
        Self::on(prefix, 1, 8)
    }

    /// On so many brokers, and with so many partitions.
    pub fn on(prefix: &str, brokers: u32, partitions: u32) -> Option<Self> {
        let properties = "group.min.session.timeout.ms=1000".to_owned();
        let brokers = Broker::cluster(brokers, &Options { properties, ..Options::default() })?;
        let server = ObjectServer::start()?;
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { brokers, partitions, server, folder, prefix: prefix.to_owned() })
    }

    pub fn bootstrap(&self) -> String {
        self.brokers.iter().map(Broker::brokers).collect::<Vec<_>>().join(",")
    }

    fn on_log(&self, program: Program) -> Program {
        program
            .set("log.kind=kafka")
            .set(format!("log.kafka.brokers={}", self.bootstrap()))
            .set(format!("log.partitions={}", self.partitions))
            .set(format!("log.replication={}", self.brokers.len()))
    }

    /// Counts alone, or produces, with its state in a folder.
    pub fn alone(&self, name: &str) -> Program {
        self.on_log(Program::new(&self.folder.path().join(name)))
    }

    /// A process of the group.
    pub fn member(&self) -> Program {
        self.in_store()
            .set("consume.assignment=group")
            .set(format!("group.session_ms={}", session_ms()))
            .set("web.listen=127.0.0.1:0")
    }

    /// Whose state is in the store.
    pub fn in_store(&self) -> Program {
        let program = self.on_log(Program::default()).set(format!("state.url=s3://{BUCKET}/{}", self.prefix));
        self.server.sets().into_iter().fold(program, Program::set).set("state.commit_interval_ms=500")
    }

    pub fn create_topic(&self) {
        self.alone("creator").set("source.simulate.days=1").set("source.simulate.stations=1").run_well(&["produce"]);
    }

    /// Readings of so many stations, each each so many milliseconds, until it is dropped.
    pub fn produce(&self, stations: u32, pace_ms: u32) -> Running {
        self.alone("producer")
            .set(format!("source.simulate.pace_ms={pace_ms}"))
            .set(format!("source.simulate.stations={stations}"))
            .set("source.simulate.days=1000000")
            .set("source.simulate.duplicates_share=0.01")
            .set("source.simulate.outliers_share=0.01")
            .start(&["produce"])
    }

    pub fn state(&self) -> StateFiles {
        StateFiles::Objects(Arc::new(self.server.open(&self.prefix)))
    }

    /// Where each partition goes on, by the store.
    pub fn offsets(&self) -> BTreeMap<u32, u64> {
        let state = self.state();
        let offset = |partition| {
            let file = state.read(partition).expect("it answers")?;
            Some((partition, file.parse(partition).expect("it is whole").state.next_offset))
        };
        (0..self.partitions).filter_map(offset).collect()
    }

    /// Where the partitions end.
    pub fn ends(&self) -> BTreeMap<u32, u64> {
        let sets = vec![
            "log.kind=kafka".to_owned(),
            format!("log.kafka.brokers={}", self.bootstrap()),
            format!("log.partitions={}", self.partitions),
        ];
        let settings = load(&Sources { file: None, sets }, std::iter::empty()).expect("they are good").settings;
        let log = isotherm::log::open(&settings).expect("it opens");
        (0..self.partitions).map(|partition| (partition, log.extent(partition).expect("it answers").end)).collect()
    }

    /// What is in the store is what a single process has in a folder, and what the log says.
    pub fn assert_like_a_single_process(&self) {
        self.alone("whole").run_well(&["consume", "--until-caught-up"]);
        let (state, whole) = (self.state(), results(&self.folder.path().join("whole")));
        for partition in 0..self.partitions {
            let read = state.read_with_rejected(partition).expect("it answers").expect("it is there");
            let WithRejected { file, mut rejected, .. } = read;
            assert!(file.bytes == whole[&format!("partition-{partition}.json")], "partition {partition} differs");
            let mut lines = Vec::new();
            rejected.read_to_end(&mut lines).expect("it answers");
            let expected = whole.get(&format!("partition-{partition}.rejected.jsonl")).cloned().unwrap_or_default();
            assert!(lines == expected, "rejected lines of partition {partition} differ");
        }
        assert!(self.in_store().run_well(&["audit"]).lines().all(|line| line.contains(": verified, ")));
    }
}

/// What the processes say of themselves.
pub struct Fleet {
    pub members: Vec<Option<Served>>,
    partitions: u32,
}

impl Fleet {
    pub fn start(scene: &Scene, count: usize) -> Self {
        let members = (0..count).map(|_| Some(Served::start(&scene.member(), &["consume"]))).collect();
        let fleet = Self { members, partitions: scene.partitions };
        wait_for("each partition with one process", || fleet.is_settled());
        fleet
    }

    /// A number of each partition that a process shows.
    pub fn numbers(member: &Served, name: &str) -> BTreeMap<u32, u64> {
        let prefix = format!("{name}{{partition=\"");
        let text = member.get("/metrics").text;
        let number = |line: &str| {
            let (partition, rest) = line.strip_prefix(&prefix)?.split_once('"')?;
            Some((partition.parse().ok()?, rest.rsplit_once(' ')?.1.parse::<f64>().ok()? as u64))
        };
        text.lines().filter_map(number).collect()
    }

    pub fn alive(&self) -> impl Iterator<Item = (usize, &Served)> {
        self.members.iter().enumerate().filter_map(|(index, member)| Some((index, member.as_ref()?)))
    }

    /// Which process holds which partition, of those that are asked.
    pub fn holders(&self, but: Option<usize>) -> BTreeMap<u32, Vec<usize>> {
        let mut holders = BTreeMap::<u32, Vec<usize>>::new();
        for (index, member) in self.alive().filter(|(index, _)| Some(*index) != but) {
            for (partition, held) in Self::numbers(member, "isotherm_assigned") {
                if held == 1 {
                    holders.entry(partition).or_default().push(index);
                }
            }
        }
        holders
    }

    /// Whether each partition has exactly one process, and each process one.
    fn is_settled(&self) -> bool {
        let holders = self.holders(None);
        let is_busy = |index: usize| holders.values().any(|of_partition| of_partition.contains(&index));
        holders.len() == self.partitions as usize
            && holders.values().all(|of_partition| of_partition.len() == 1)
            && self.alive().all(|(index, _)| is_busy(index))
    }

    pub fn settle(&self) {
        wait_for("each partition with one process", || self.is_settled());
    }

    /// How long it takes from `since` until others than this one have counted these partitions past these offsets.
    pub fn taken_over(&self, from: usize, offsets: &BTreeMap<u32, u64>, since: Instant) -> Duration {
        let mut left = offsets.clone();
        while !left.is_empty() {
            assert!(since.elapsed() < CHANGE_MAX, "nobody counts {left:?} on");
            for (_, member) in self.alive().filter(|(index, _)| *index != from) {
                for (partition, position) in Self::numbers(member, "isotherm_position_offset") {
                    if left.get(&partition).is_some_and(|offset| position > *offset) {
                        left.remove(&partition);
                    }
                }
            }
        }
        since.elapsed()
    }

    /// Waits until all that is in the log is committed, which nobody writes to any more.
    pub fn catch_up(&self, scene: &Scene) {
        let ends = scene.ends();
        wait_for("a commit of all", || scene.offsets() == ends);
    }

    /// How often branches of these partitions were started, of those that a process has.
    pub fn starts(member: &Served) -> BTreeMap<String, u64> {
        let branches = member.get_json("/api/supervision")["branches"].as_array().expect("a list").clone();
        let of = |branch: &serde_json::Value| Some((branch["branch"].as_str()?.to_owned(), branch["epoch"].as_u64()?));
        branches.iter().filter_map(of).collect()
    }

    /// Ends all in order; each with exit code 0.
    pub fn stop(self) {
        let members: Vec<Running> = self.members.into_iter().flatten().map(|served| served.running).collect();
        members.iter().for_each(|member| member.signal(libc::SIGTERM));
        for member in members {
            let output = member.output();
            assert!(output.status.success(), "{}", crate::program::told(&output));
        }
    }
}
