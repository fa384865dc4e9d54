//! The source's cursor: old or new, whole, like a checkpoint, with what is known of each file.

use std::io::ErrorKind;

use isotherm::failure::{Failure, Kind};
use isotherm::ingest::{CursorStore, SourceState};
use isotherm::proof::simulated::DiskFault;
use isotherm::source::disk::Stamp;
use isotherm::source::files::{FileRecord, StationsOfFile};
use serde_json::json;

use super::damage::{put, reseal};
use super::*;

pub fn source_state(readings: u64) -> SourceState {
    SourceState {
        id: "7d0c5e1a-58c6-4c0e-9b1c-1f6c1f0a2b3c".to_owned(),
        kind: "csv".to_owned(),
        parameters: json!({ "date_format": "%Y-%m-%d", "share": 0.1 }),
        topic: "temperatures".to_owned(),
        log_id: identity().log_id,
        partitions: 4,
        cursor: json!({ "compare": true }),
        readings,
        acknowledged: BTreeMap::from([(0, readings), (2, 7), (10, u64::MAX)]),
        log_had_records: false,
        files: None,
    }
}

/// A file of which so much was read.
pub fn record(file: &str, bytes: u64) -> FileRecord {
    FileRecord {
        file: file.to_owned(),
        stamp: Stamp { size_bytes: bytes, modified_ns: 1_700_000_000_000_000_001, changed_ns: -1, inode: u64::MAX },
        read_at_ms: 1_700_000_009_000,
        bytes,
        lines: 3,
        crc32c: u32::MAX,
        readings: 2,
        stations: StationsOfFile::One("Zürich \"Fluntern\"".to_owned()),
        ..FileRecord::default()
    }
}

pub fn cursor_store(disk: &SimulatedDisk) -> CursorStore {
    let fence = Fence::new(Duration::from_secs(10), |waited| panic!("hung for {waited:?}"));
    CursorStore::new(Arc::new(disk.clone()), folder().to_owned(), Arc::new(fence))
}

/// What is kept, but for which lines of which file count.
type Kept = (SourceState, Vec<FileRecord>);

pub fn recover(store: &CursorStore, epoch: u64) -> Result<Option<Kept>, Failure> {
    let kept = store.recover(&store.enter(epoch)?)?;
    Ok(kept.map(|(state, records)| (SourceState { files: None, ..state }, records)))
}

/// Commits what is kept to a folder in which `before` is kept.
pub fn commit(store: &CursorStore, epoch: u64, state: &SourceState, records: &[FileRecord]) -> Result<(), Failure> {
    let inside = store.enter(epoch)?;
    let files = store.recover(&inside)?.and_then(|(state, _)| state.files);
    store.commit(&inside, &mut SourceState { files, ..state.clone() }, records)
}

fn path() -> PathBuf {
    folder().join("source.json")
}

fn lines_path(number: u64) -> PathBuf {
    folder().join(format!("source.files-{number}.jsonl"))
}

#[test]
fn a_cursor_has_exactly_these_bytes() {
    let disk = SimulatedDisk::new(64);
    let store = cursor_store(&disk);
    assert_eq!(recover(&store, 1), Ok(None));
    let all = FileRecord {
        bad_lines: 1,
        missing: 2,
        skipped_quality: 3,
        revised: 4,
        withdrawn: 5,
        stations: StationsOfFile::Several,
        stale: true,
        ..record("data/KSEA.csv", 7)
    };
    commit(&store, 1, &source_state(41), &[record("data/KNYC.csv", 123)]).expect("it is committed");
    commit(&store, 1, &source_state(42), std::slice::from_ref(&all)).expect("it is committed");
    assert_eq!(String::from_utf8_lossy(&disk.files()[&path()]), include_str!("../golden/source.json"));
    assert_eq!(String::from_utf8_lossy(&disk.files()[&lines_path(0)]), include_str!("../golden/source.files-0.jsonl"));
    let kept = (source_state(42), vec![record("data/KNYC.csv", 123), all]);
    assert_eq!(recover(&cursor_store(&disk), 1), Ok(Some(kept)));
}

#[test]
fn a_cursor_of_version_1_is_read_and_goes_on_in_the_next() {
    let disk = SimulatedDisk::new(64);
    put(&disk, &path(), include_bytes!("../golden/version-1-source.json"));
    let cursor = json!({ "files": { "data/KNYC.csv": { "bytes": 123, "lines": 42 } } });
    let (state, records) = recover(&cursor_store(&disk), 1).expect("it is read").expect("it is there");
    assert_eq!((&state, records.len()), (&SourceState { id: String::new(), cursor, ..source_state(42) }, 0));
    commit(&cursor_store(&disk), 1, &state, &[]).expect("it is committed");
    let now = String::from_utf8(disk.files()[&path()].clone()).expect("text");
    assert!(now.contains("\"version\": 2"), "{now}");
}

#[test]
fn a_crash_or_a_failure_anywhere_leaves_the_old_or_the_new_cursor() {
    let old = (source_state(1), vec![record("a", 1), record("b", 2)]);
    let new = (source_state(2), vec![record("a", 1), record("b", 3), record("c", 4)]);
    let mut states = 0;
    let faults = [ErrorKind::StorageFull, ErrorKind::Other].map(DiskFault::Error).into_iter().chain([DiskFault::Short]);
    for (fault, first) in faults.flat_map(|fault| (0..12).map(move |first| (fault, first))) {
        for before in [None, Some(&old)] {
            let disk = SimulatedDisk::new(128);
            let store = cursor_store(&disk);
            recover(&store, 1).expect("nothing is there");
            if let Some((state, records)) = before {
                commit(&store, 1, state, records).expect("it is committed");
            }
            let new_records = if before.is_some() { &new.1[1..] } else { &new.1 };
            let act = || {
                disk.fail(first..first + 2, fault);
                for epoch in 2.. {
                    match commit(&store, epoch, &new.0, new_records) {
                        Ok(()) => break,
                        Err(failure) if failure.is_retryable() => {}
                        Err(_) => while recover(&store, epoch).is_err() {},
                    }
                }
            };
            states += crash_everywhere(&disk, 256, act, |left, done| {
                let found = recover(&cursor_store(left), 1).expect("a crash is no damage");
                assert!(found.as_ref() == Some(&new) || (!done && found.as_ref() == before));
                assert_eq!(left.files().len(), 2 * usize::from(found.is_some()), "nothing is left beside");
                assert_eq!(recover(&cursor_store(&left.after_power_cut(3)), 1), Ok(found));
            });
        }
    }
    println!("cursor: {states} states");
}

#[test]
fn lines_that_were_overtaken_go_at_a_start_and_a_crash_meanwhile_loses_nothing() {
    let kept = (source_state(3), vec![record("b", 5), record("a", 6)]);
    let prepare = || {
        let disk = SimulatedDisk::new(128);
        let store = cursor_store(&disk);
        recover(&store, 1).expect("nothing is there");
        commit(&store, 1, &source_state(1), &[record("a", 1), record("b", 2), record("a", 3)]).expect("committed");
        commit(&store, 1, &kept.0, &[record("b", 5), record("a", 6)]).expect("committed");
        disk
    };
    let disk = prepare();
    let act = || drop(recover(&cursor_store(&disk), 1).expect("it is whole"));
    crash_everywhere(&disk, 256, act, |left, _| {
        assert_eq!(recover(&cursor_store(left), 1), Ok(Some(kept.clone())));
        assert_eq!(left.files().keys().collect::<Vec<_>>(), [&lines_path(1), &path()]);
    });
    let lines = |disk: &SimulatedDisk, number| disk.files().get(&lines_path(number)).map(|lines| lines.len());
    let disk = prepare();
    let (before, _) = (lines(&disk, 0).expect("they are there"), recover(&cursor_store(&disk), 1));
    assert!(lines(&disk, 1).is_some_and(|lines| lines < before / 2) && lines(&disk, 0).is_none());
}

#[test]
fn a_commit_costs_the_same_whether_ten_files_are_known_or_ten_thousand() {
    let cost = |files: usize| {
        let disk = SimulatedDisk::new(4096);
        let store = cursor_store(&disk);
        let known: Vec<FileRecord> = (0..files).map(|number| record(&format!("{number:06}"), 1)).collect();
        let inside = store.enter(1).expect("it is free");
        assert_eq!(store.recover(&inside), Ok(None));
        let mut state = source_state(1);
        store.commit(&inside, &mut state, &known).expect("it is committed");
        let lines_before = disk.files()[&lines_path(0)].len();
        let operations_before = disk.operations();
        for commit in 0..5 {
            store.commit(&inside, &mut state, &[record(&format!("{commit:06}"), 2)]).expect("it is committed");
            store.commit(&inside, &mut state, &[]).expect("it is committed");
        }
        let files = disk.files();
        (disk.operations() - operations_before, files[&lines_path(0)].len() - lines_before, files[&path()].len())
    };
    let ((few, few_bytes, few_cursor), (many, many_bytes, many_cursor)) = (cost(10), cost(10_000));
    assert_eq!((few, few_bytes), (many, many_bytes));
    // The length of the lines, in its digits.
    assert!(many_cursor - few_cursor < 8, "{few_cursor} {many_cursor}");
}

#[test]
fn lines_that_are_gone_too_few_or_others_are_damage_and_too_many_are_cut() {
    let prepare = || {
        let disk = SimulatedDisk::new(1024);
        commit(&cursor_store(&disk), 1, &source_state(1), &[record("a", 1)]).expect("it is committed");
        let mut lines = disk.files()[&lines_path(0)].clone();
        disk.remove(&lines_path(0)).expect("it is there");
        lines.push(b'{');
        (disk, lines)
    };
    let (disk, lines) = prepare();
    put(&disk, &lines_path(0), &lines);
    recover(&cursor_store(&disk), 1).expect("what follows does not count");
    assert_eq!(disk.files()[&lines_path(0)], lines[..lines.len() - 1]);
    let mut others = lines.clone();
    others[7] ^= 1;
    for (content, reason) in [
        (None, "it is gone"),
        (Some(lines[..9].to_vec()), "it has 9 bytes and should have"),
        (Some(others), "not those"),
    ] {
        let (disk, _) = prepare();
        if let Some(content) = &content {
            put(&disk, &lines_path(0), content);
        }
        let before = disk.files();
        let failure = recover(&cursor_store(&disk), 1).expect_err("it is refused");
        assert!(failure.kind == Kind::Data && failure.what.contains(reason), "{failure}");
        assert!(failure.what.contains("source.files-0.jsonl is damaged"), "{failure}");
        assert_eq!(disk.files(), before, "nothing is changed");
    }
}

#[test]
fn a_damaged_or_newer_cursor_is_refused_and_left_as_it_was() {
    let disk = SimulatedDisk::new(64);
    recover(&cursor_store(&disk), 1).expect("nothing is there");
    commit(&cursor_store(&disk), 1, &source_state(42), &[]).expect("it is committed");
    let text = String::from_utf8(disk.files()[&path()].clone()).expect("text");
    let mut bad: Vec<(Vec<u8>, &str)> = (0..text.len()).map(|cut| (text.as_bytes()[..cut].to_vec(), "")).collect();
    bad.extend((0..text.len()).map(|position| {
        let mut bytes = text.clone().into_bytes();
        bytes[position] ^= 1;
        (bytes, "is damaged")
    }));
    bad.push((reseal(&text.replace("\"version\": 2", "\"version\": 9")).into_bytes(), "made by a newer isotherm"));
    bad.push((reseal(&text.replace("\"kind\"", "\"kinds\"")).into_bytes(), "is damaged"));
    bad.push((Vec::new(), "is empty"));
    for (bytes, reason) in bad {
        let disk = SimulatedDisk::new(1024);
        disk.create_folder(folder()).expect("created");
        disk.create_new(&path()).and_then(|mut file| file.append(&bytes)).expect("written");
        let failure = recover(&cursor_store(&disk), 1).expect_err("it is refused");
        assert!(failure.what.contains(reason) && failure.advice.is_some() && failure.kind == Kind::Data, "{failure}");
        assert_eq!(disk.files(), BTreeMap::from([(path(), bytes)]));
    }
}

#[test]
fn an_old_epoch_does_not_write_the_cursor() {
    let disk = SimulatedDisk::new(64);
    let store = cursor_store(&disk);
    recover(&store, 1).expect("nothing is there");
    commit(&store.clone(), 2, &source_state(2), &[]).expect("it is committed");
    assert_eq!(commit(&store, 1, &source_state(1), &[]).expect_err("it is refused").kind, Kind::Internal);
    assert_eq!(recover(&store, 2), Ok(Some((source_state(2), Vec::new()))));
}
