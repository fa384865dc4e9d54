//! What is the SQLite log's alone: its file, and the processes that share it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use isotherm::domain::Batch;
use isotherm::failure::{Failure, Kind, Severity};
use isotherm::log::sqlite::SqliteLog;
use isotherm::log::{Extent, RecordLog, TopicSpec};
use rusqlite::Connection;

use crate::InSqlite;
use crate::contract::{Fixture, parts};
use crate::owned::{OwnedRecord, WriteOwned as _};

fn spec() -> TopicSpec {
    TopicSpec { partitions: 2, replication: 1, retention_ms: -1 }
}

fn open(path: &Path, topic: &str) -> SqliteLog {
    SqliteLog::open(path, topic, Duration::from_secs(2)).expect("nothing is opened yet")
}

fn records(count: usize, bytes: usize) -> Vec<OwnedRecord> {
    let value = |number: usize| Some(vec![number as u8; bytes]);
    (0..count).map(|number| OwnedRecord { partition: 0, key: None, value: value(number) }).collect()
}

fn write(log: &dyn RecordLog, records: &[OwnedRecord]) -> Result<u64, Failure> {
    Ok(log.open_writer("a test")?.write_owned(records)?[&0])
}

fn assert_fatal(failure: &Failure, path: &Path) {
    assert_eq!(failure.severity, Severity::Fatal, "{failure}");
    assert!(failure.what.contains(&path.display().to_string()) && failure.advice.is_some(), "{failure:?}");
}

#[test]
fn looking_for_a_topic_creates_no_file() {
    let fixture = InSqlite::new();
    let log = fixture.open();
    assert_eq!(log.topic(), Ok(None));
    log.delete_topic().expect("no file is no failure");
    assert!(log.open_writer("a test").is_err());
    assert_eq!(fs::read_dir(fixture.folder.path()).expect("it is there").count(), 0);
}

#[test]
fn topics_of_one_file_know_nothing_of_each_other() {
    let fixture = InSqlite::new();
    let logs = ["one", "two"].map(|topic| open(&fixture.path(), topic));
    let ids = logs.each_ref().map(|log| log.create_topic(&spec()).expect("it can be created").log_id);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(write(&logs[0], &records(3, 10)), Ok(3));
    assert_eq!(write(&logs[1], &records(1, 10)), Ok(1));
    logs[0].delete_topic().expect("it can be deleted");
    assert_eq!(logs[0].topic(), Ok(None));
    assert_eq!(logs[1].extent(0), Ok(Extent { start: 0, end: 1 }));
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let fixture = InSqlite::new();
    let path = fixture.folder.path().join("file");
    let refused = |kind| {
        let before = fs::read(&path).expect("it is there");
        let log = open(&path, "temperatures");
        for failure in [
            log.topic().expect_err("it is no log"),
            log.create_topic(&spec()).expect_err("it is no log"),
            log.delete_topic().expect_err("it is no log"),
            log.open_reader(0, 0).err().expect("it is no log"),
        ] {
            assert_fatal(&failure, &path);
            assert_eq!(failure.kind, kind, "{failure}");
        }
        assert!(fs::read(&path).expect("it is there") == before);
    };
    fs::write(&path, "readings\n".repeat(1000)).expect("there is room");
    refused(Kind::Data);
    fs::remove_file(&path).expect("it is there");
    let connection = Connection::open(&path).expect("it can be created");
    connection.execute_batch("CREATE TABLE topics (name)").expect("it is good SQL");
    drop(connection);
    refused(Kind::Data);
    fs::remove_file(&path).expect("it is there");
    open(&path, "temperatures").create_topic(&spec()).expect("it can be created");
    Connection::open(&path).and_then(|file| file.pragma_update(None, "user_version", 2)).expect("it is a database");
    refused(Kind::Data);
}

#[test]
fn an_empty_file_is_one_that_was_begun() {
    let fixture = InSqlite::new();
    let path = fixture.folder.path().join("file");
    fs::write(&path, "").expect("there is room");
    let log = open(&path, "temperatures");
    assert_eq!(log.topic(), Ok(None));
    log.create_topic(&spec()).expect("it can be created");
    assert_eq!(write(&log, &records(1, 1)), Ok(1));
}

#[test]
fn damage_is_noticed_and_told() {
    let fixture = InSqlite::new();
    let log = fixture.open();
    log.create_topic(&spec()).expect("it can be created");
    for _ in 0..3 {
        write(&*log, &records(10, 100)).expect("the log works");
    }
    // A bit of the second row's records; then the row's place.
    for (damage, repair) in [
        ("records = CAST(substr(records, 1, 500) || x'aa' || substr(records, 502) AS BLOB)", "records = kept"),
        ("first_offset = 11", "first_offset = 10"),
        ("last_offset = 18", "last_offset = 19"),
    ] {
        fixture.execute(&format!(
            "CREATE TABLE keep AS SELECT records AS kept FROM runs WHERE first_offset = 10;
             UPDATE runs SET {damage} WHERE first_offset = 10"
        ));
        let mut reader = log.open_reader(0, 0).expect("the log works");
        let mut batch = Batch::default();
        reader.read(&mut batch, 11, Duration::ZERO).expect_err("it is damaged");
        assert!(batch.is_empty(), "a call that fails gives nothing");
        assert_eq!(reader.read(&mut batch, 10, Duration::ZERO), Ok(10), "what is before it is whole");
        for _ in 0..2 {
            batch.clear();
            let failure = reader.read(&mut batch, 10, Duration::ZERO).expect_err("it is damaged");
            assert_fatal(&failure, &fixture.path());
            assert!(failure.what.contains("partition 0") && batch.is_empty(), "{failure}");
        }
        fixture.execute(&format!("UPDATE runs SET {repair} FROM keep WHERE first_offset IN (10, 11); DROP TABLE keep"));
        assert_eq!(reader.read(&mut batch, 100, Duration::ZERO), Ok(30));
    }
    // Pages of zeros in the middle of the file.
    drop(log);
    let path = fixture.path();
    let mut bytes = fs::read(&path).expect("it is there");
    let (start, end) = (bytes.len() / 3, bytes.len());
    bytes[start..end].fill(0);
    fs::write(&path, bytes).expect("there is room");
    let log = fixture.open();
    let read = log.open_reader(0, 0).and_then(|mut reader| reader.read(&mut Batch::default(), 10, Duration::ZERO));
    assert_fatal(&read.and_then(|_| write(&*log, &records(1, 1))).expect_err("it is damaged"), &path);
}

#[test]
fn records_that_vanished_between_others_are_not_passed_over() {
    let fixture = InSqlite::new();
    let log = fixture.open();
    log.create_topic(&spec()).expect("it can be created");
    for _ in 0..3 {
        write(&*log, &records(10, 10)).expect("the log works");
    }
    fixture.execute("DELETE FROM runs WHERE first_offset = 10");
    let mut reader = log.open_reader(0, 0).expect("the log works");
    let mut batch = Batch::default();
    let first = reader.read(&mut batch, 100, Duration::ZERO);
    let failure = first.and_then(|_| reader.read(&mut batch, 100, Duration::ZERO)).expect_err("ten are gone");
    assert_fatal(&failure, &fixture.path());
}

#[test]
fn a_file_in_place_of_another_is_noticed() {
    let fixture = InSqlite::new();
    let log = fixture.open();
    let before = log.create_topic(&spec()).expect("it can be created");
    write(&*log, &records(10, 10)).expect("the log works");
    let mut reader = log.open_reader(0, 0).expect("the log works");
    let mut writer = log.open_writer("a test").expect("the log works");
    assert_eq!(log.log_id(), Ok(Some(before.log_id.clone())));
    let folder = fixture.path().parent().expect("it is in a folder").to_owned();
    fs::rename(&folder, folder.with_extension("away")).expect("it is there");
    assert_eq!(log.log_id(), Ok(None), "no file");
    let after = fixture.open().create_topic(&spec()).expect("it can be created");
    assert_eq!(log.log_id(), Ok(Some(after.log_id.clone())));
    assert_ne!(before.log_id, after.log_id);
    let read = reader.read(&mut Batch::default(), 10, Duration::ZERO);
    assert_fatal(&read.expect_err("it is another file"), &fixture.path());
    assert_fatal(&writer.write_owned(&records(1, 1)).expect_err("it is another file"), &fixture.path());
    assert_eq!(log.extent(0), Ok(Extent { start: 0, end: 0 }));
}

#[test]
fn what_is_not_committed_is_not_seen_and_holds_up_writers_only() {
    let fixture = InSqlite::new();
    let log = fixture.open();
    log.create_topic(&spec()).expect("it can be created");
    write(&*log, &records(5, 10)).expect("the log works");
    let other = Connection::open(fixture.path()).expect("it is a database");
    other
        .execute_batch(
            "BEGIN IMMEDIATE;
             INSERT INTO runs SELECT topic, partition, 5, 9, crc32c, records FROM runs",
        )
        .expect("it is good SQL");
    assert_eq!(log.extent(0), Ok(Extent { start: 0, end: 5 }));
    let mut reader = log.open_reader(0, 0).expect("the log works");
    let mut batch = Batch::default();
    assert_eq!(reader.read(&mut batch, 100, Duration::from_millis(20)), Ok(5));
    let failure = write(&*log, &records(1, 1)).expect_err("the file is locked");
    assert!(failure.is_retryable() && failure.what.contains("log.sqlite"), "{failure:?}");
    drop(other);
    assert_eq!(write(&*log, &records(1, 1)), Ok(6));
    batch.clear();
    assert_eq!(reader.read(&mut batch, 100, Duration::ZERO), Ok(6));
}

#[test]
fn the_write_ahead_log_is_bounded_although_somebody_reads_all_the_time() {
    const MIB: u64 = 1 << 20;
    let fixture = InSqlite::new();
    let log = fixture.open();
    log.create_topic(&spec()).expect("it can be created");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Each read overlaps with the next of the others: there is no moment without one.
        for _ in 0..3 {
            let reader = Connection::open(fixture.path()).expect("it is a database");
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    reader.execute_batch("BEGIN; SELECT count(*) FROM topics").expect("it is good SQL");
                    thread::sleep(Duration::from_millis(5));
                    reader.execute_batch("COMMIT").expect("it is good SQL");
                }
            });
        }
        let mut writer = log.open_writer("a test").expect("the log works");
        let batch = records(8, MIB as usize);
        let mut largest = 0;
        for _ in 0..25 {
            writer.write_owned(&batch).expect("the log works");
            let wal = fs::metadata(fixture.path().with_extension("sqlite-wal")).expect("somebody has it open");
            largest = largest.max(wal.len());
        }
        done.store(true, Ordering::Relaxed);
        // SQLite by itself moves what it can each 16 MiB, which is never all.
        assert!((32 * MIB..100 * MIB).contains(&largest), "{largest}");
    });
}

/// Starts this test program again to do nothing but one of the two tests below.
fn start(role: &str, path: &Path) -> Child {
    let program = std::env::current_exe().expect("it runs");
    let test = format!("sqlite_file::{role}");
    Command::new(program)
        .args([&test, "--exact", "--nocapture", "--test-threads=1"])
        .env("LOG_CONTRACT_FILE", path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be started")
}

fn file_of_parent() -> Option<PathBuf> {
    std::env::var_os("LOG_CONTRACT_FILE").map(PathBuf::from)
}

const WRITES: usize = 50;
const RECORDS: usize = 100;

/// The other process of the test below; without a file to write to, nothing.
#[test]
fn other_process_writes() {
    let Some(path) = file_of_parent() else { return };
    let log = open(&path, "temperatures");
    let mut writer = log.open_writer("a test").expect("the log works");
    let key = Some(std::process::id().to_string().into_bytes());
    for number in 0..WRITES {
        let value = Some(number.to_string().into_bytes());
        let record = OwnedRecord { partition: 0, key: key.clone(), value };
        while let Err(failure) = writer.write_owned(&vec![record.clone(); RECORDS]) {
            assert!(failure.is_retryable(), "{failure}");
        }
    }
}

#[test]
fn two_processes_write_while_a_third_reads() {
    let fixture = InSqlite::new();
    let log = fixture.open();
    log.create_topic(&spec()).expect("it can be created");
    let children = [(); 2].map(|()| start("other_process_writes", &fixture.path()));
    let mut reader = log.open_reader(0, 0).expect("the log works");
    let (mut batch, mut read) = (Batch::default(), Vec::new());
    let end = 2 * WRITES * RECORDS;
    while read.len() < end {
        batch.clear();
        let position = reader.read(&mut batch, 333, Duration::from_secs(20)).expect("the log works");
        assert!(!batch.is_empty(), "nothing came after {position}");
        read.extend(parts(&batch));
    }
    let ids = children.map(|mut child| {
        assert!(child.wait().expect("it ends").success());
        child.id().to_string().into_bytes()
    });
    assert!(read.iter().map(|(offset, ..)| *offset).eq(0..end as u64));
    // Each write is in one piece, and each process's are in order.
    for id in ids {
        let of_process = read.iter().filter(|(_, key, _)| key.as_ref() == Some(&id));
        let values: Vec<Vec<u8>> = of_process.filter_map(|(.., value)| value.clone()).collect();
        let written = (0..WRITES).flat_map(|number| vec![number.to_string().into_bytes(); RECORDS]);
        assert!(values == written.collect::<Vec<_>>());
    }
    assert!(read.chunks(RECORDS).all(|write| write.iter().all(|record| record.1 == write[0].1)));
    assert_eq!(log.extent(0), Ok(Extent { start: 0, end: end as u64 }));
}

/// The other process of the test below: says each acknowledged end, until it is killed.
#[test]
fn other_process_writes_for_ever() {
    let Some(path) = file_of_parent() else { return };
    let log = open(&path, "temperatures");
    let mut writer = log.open_writer("a test").expect("the log works");
    loop {
        let ends = writer.write_owned(&records(RECORDS, 1000)).expect("the log works");
        println!("acknowledged {}", ends[&0]);
    }
}

#[test]
fn a_writer_that_is_killed_leaves_all_that_it_acknowledged_and_no_half_write() {
    let fixture = InSqlite::new();
    let log = fixture.open();
    log.create_topic(&spec()).expect("it can be created");
    let mut acknowledged = 0;
    for round in 1..=5 {
        let mut child = start("other_process_writes_for_ever", &fixture.path());
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut ends = lines.filter_map(|line| line.ok()?.split_once("acknowledged ")?.1.parse::<u64>().ok());
        let first = ends.nth(3 * round).expect("it writes until it is killed");
        child.kill().expect("it still runs");
        acknowledged = ends.last().unwrap_or(first);
        child.wait().expect("it was killed");
        let end = fixture.open().extent(0).expect("the log works").end;
        assert!(
            end >= acknowledged && end.is_multiple_of(RECORDS as u64),
            "{end}, of which {acknowledged} were acknowledged"
        );
    }
    let mut reader = log.open_reader(0, 0).expect("the log works");
    let (mut batch, mut position) = (Batch::default(), 0);
    while position < acknowledged {
        batch.clear();
        position = reader.read(&mut batch, 1000, Duration::ZERO).expect("the log works");
        for (offset, _, value) in parts(&batch) {
            assert!(value == Some(vec![(offset % RECORDS as u64) as u8; 1000]), "record {offset}");
        }
    }
}
