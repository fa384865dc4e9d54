use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::domain::{Batch, PartitionState, Record};
use crate::failure::Kind;
use crate::log::test_log::{TestLog, reading};
use crate::log::{Extent, RecordReader, RecordWriter, Topic, TopicSpec};
use crate::partition::{Identity, StateFiles, format, partition_path};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Works,
    Fails,
    Panics,
}

/// A log that is well or not, as a test wishes.
struct Moody {
    log: TestLog,
    mood: Mutex<Mood>,
}

impl Moody {
    fn hit(&self) -> Result<(), Failure> {
        let mood = *self.mood.lock();
        match mood {
            Mood::Works => Ok(()),
            Mood::Fails => Err(Failure::retryable(Kind::Unavailable, "the broker is away")),
            Mood::Panics => panic!("a bug in the log"),
        }
    }
}

impl RecordLog for Moody {
    fn name(&self) -> String {
        self.log.name()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        self.hit()?;
        self.log.topic()
    }

    fn create_topic(&self, _: &TopicSpec) -> Result<Topic, Failure> {
        unreachable!("nothing here creates topics")
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        unreachable!("nothing here deletes topics")
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        self.hit()?;
        self.log.extent(partition)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        self.hit()?;
        self.log.open_reader(partition, from)
    }

    fn open_writer(&self, _: &str) -> Result<Box<dyn RecordWriter>, Failure> {
        unreachable!("nothing here writes")
    }
}

/// A process that has counted two days of one station, and the log that it has them from.
struct Counted {
    folder: tempfile::TempDir,
    log: Arc<Moody>,
    progress: Progress,
    replays: Replays,
}

impl Counted {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFiles::Folder(folder.path().to_owned());
        let days = vec![reading("A", "2000-01-01", 1.0), reading("A", "2000-01-02", 2.0)];
        let log = Arc::new(Moody { log: TestLog::new(days), mood: Mutex::new(Mood::Works) });
        let progress = Progress::new(&[0]);
        let replays = Replays::start("temperatures".to_owned(), state, log.clone(), progress.clone());
        Self { folder, log, progress, replays: replays.expect("its thread starts") }
    }

    /// The file as it is after so many records.
    fn commit(&self, records: usize) {
        let mut batch = Batch::default();
        for (offset, key, value) in &self.log.log.records[..records] {
            batch.push(Record { offset: *offset, key: key.as_deref(), value: value.as_deref() });
        }
        let mut state = PartitionState::new(crate::domain::Rules::default(), 0);
        state.apply(&batch);
        let (topic, log_id) = ("temperatures".to_owned(), "id".to_owned());
        let identity = Identity { topic, log_id, partition: 0, partitions: 1 };
        write(&partition_path(self.folder.path(), 0), &format::serialize(format::VERSION, &identity, &state));
        self.progress.partition(0).committed.set(state.next_offset);
    }

    fn audited(&self, mood: Mood) -> Audit {
        *self.log.mood.lock() = mood;
        assert!(self.replays.start_audit().is_ok());
        wait_for(|| Some(self.replays.audit(1)).filter(|audit| audit.running.is_none()))
    }

    fn told(&self, mood: Mood) -> History {
        *self.log.mood.lock() = mood;
        assert!(self.replays.start_history("A", 0).is_ok());
        wait_for(|| {
            self.replays
                .history("A", 0)
                .filter(|history| !matches!(history, History::Running { .. } | History::Ready { refreshing: true, .. }))
        })
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("it is written");
}

fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match found() {
            Some(found) => return found,
            None => assert!(Instant::now() < deadline, "it took too long"),
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn an_audit_that_panicked_is_told_until_one_comes_to_a_result() {
    let counted = Counted::new();
    counted.commit(2);
    let audit = counted.audited(Mood::Works);
    assert_eq!((audit.last.expect("it came to one").result.as_str(), audit.failed), ("verified", None));

    let begun = now_ms();
    let audit = counted.audited(Mood::Panics);
    let failed = audit.failed.expect("it came to none");
    assert!(failed.at_ms >= begun && failed.why.starts_with("an audit panicked: a bug in the log"), "{failed:?}");
    assert_eq!(audit.last.expect("it is kept").result, "verified", "the older one is told beside it");

    assert_eq!(counted.audited(Mood::Works).failed, None);
}

#[test]
fn a_history_that_could_not_be_brought_up_to_date_says_so() {
    let counted = Counted::new();
    for (mood, why) in [(Mood::Fails, "the broker is away"), (Mood::Panics, "panicked: a bug in the log")] {
        counted.commit(1);
        match counted.told(mood) {
            History::Failed { at_ms, why: told } => assert!(at_ms > 0 && told.contains(why), "{told}"),
            other => panic!("nothing could be told: {other:?}"),
        }
    }
    let History::Ready { offset: 1, failed: None, .. } = counted.told(Mood::Works) else { panic!("it could be told") };
    counted.commit(2);
    for (mood, why) in [(Mood::Fails, "the broker is away"), (Mood::Panics, "panicked: a bug in the log")] {
        let begun = now_ms();
        match counted.told(mood) {
            History::Ready { offset: 1, failed: Some(failed), months, .. } => {
                assert!(failed.at_ms >= begun && failed.why.contains(why), "{failed:?}");
                assert_eq!(months.len(), 1, "what was told before stays");
            }
            other => panic!("the older one is there, and the try failed: {other:?}"),
        }
    }
    let History::Ready { offset: 2, failed: None, .. } = counted.told(Mood::Works) else { panic!("it could be told") };
}
