//! The source's cursor: old or new, whole, like a checkpoint.

use std::io::ErrorKind;

use isotherm::failure::{Failure, Kind};
use isotherm::ingest::{CursorStore, SourceState};
use isotherm::proof::simulated::DiskFault;
use serde_json::json;

use super::damage::reseal;
use super::*;

pub fn source_state(readings: u64) -> SourceState {
    SourceState {
        kind: "csv".to_owned(),
        parameters: json!({ "date_format": "%Y-%m-%d", "share": 0.1 }),
        topic: "temperatures".to_owned(),
        log_id: identity().log_id,
        partitions: 4,
        cursor: json!({ "files": { "data/KNYC.csv": { "bytes": 123, "lines": readings } } }),
        readings,
        acknowledged: BTreeMap::from([(0, readings), (2, 7), (10, u64::MAX)]),
    }
}

pub fn cursor_store(disk: &SimulatedDisk) -> CursorStore {
    let fence = Fence::new(Duration::from_secs(10), |waited| panic!("hung for {waited:?}"));
    CursorStore::new(Arc::new(disk.clone()), folder().to_owned(), Arc::new(fence))
}

pub fn recover(store: &CursorStore, epoch: u64) -> Result<Option<SourceState>, Failure> {
    store.recover(&store.enter(epoch)?)
}

pub fn commit(store: &CursorStore, epoch: u64, state: &SourceState) -> Result<(), Failure> {
    store.commit(&store.enter(epoch)?, state)
}

fn path() -> PathBuf {
    folder().join("source.json")
}

#[test]
fn a_cursor_has_exactly_these_bytes() {
    let disk = SimulatedDisk::new(64);
    let store = cursor_store(&disk);
    assert_eq!(recover(&store, 1), Ok(None));
    commit(&store, 1, &source_state(42)).expect("it is committed");
    assert_eq!(String::from_utf8_lossy(&disk.files()[&path()]), include_str!("../golden/source.json"));
    assert_eq!(recover(&cursor_store(&disk), 1), Ok(Some(source_state(42))));
}

#[test]
fn a_crash_or_a_failure_anywhere_leaves_the_old_or_the_new_cursor() {
    let (old, new) = (source_state(1), source_state(2));
    let mut states = 0;
    let faults = [ErrorKind::StorageFull, ErrorKind::Other].map(DiskFault::Error).into_iter().chain([DiskFault::Short]);
    for (fault, first) in faults.flat_map(|fault| (0..6).map(move |first| (fault, first))) {
        for before in [None, Some(&old)] {
            let disk = SimulatedDisk::new(128);
            let store = cursor_store(&disk);
            recover(&store, 1).expect("nothing is there");
            if let Some(before) = before {
                commit(&store, 1, before).expect("it is committed");
            }
            let act = || {
                disk.fail(first..first + 2, fault);
                for epoch in 1.. {
                    match commit(&store, epoch, &new) {
                        Ok(()) => break,
                        Err(failure) if failure.is_retryable() => {}
                        Err(_) => while recover(&store, epoch).is_err() {},
                    }
                }
            };
            states += crash_everywhere(&disk, 256, act, |left, done| {
                let found = recover(&cursor_store(left), 1).expect("a crash is no damage");
                assert!(found.as_ref() == Some(&new) || (!done && found.as_ref() == before));
                assert_eq!(left.files().len(), usize::from(found.is_some()), "nothing is left beside");
                assert_eq!(recover(&cursor_store(&left.after_power_cut(3)), 1), Ok(found));
            });
        }
    }
    println!("cursor: {states} states");
}

#[test]
fn a_damaged_or_newer_cursor_is_refused_and_left_as_it_was() {
    let disk = SimulatedDisk::new(64);
    recover(&cursor_store(&disk), 1).expect("nothing is there");
    commit(&cursor_store(&disk), 1, &source_state(42)).expect("it is committed");
    let text = String::from_utf8(disk.files()[&path()].clone()).expect("text");
    let mut bad: Vec<(Vec<u8>, &str)> = (0..text.len()).map(|cut| (text.as_bytes()[..cut].to_vec(), "")).collect();
    bad.extend((0..text.len()).map(|position| {
        let mut bytes = text.clone().into_bytes();
        bytes[position] ^= 1;
        (bytes, "is damaged")
    }));
    bad.push((reseal(&text.replace("\"version\": 1", "\"version\": 9")).into_bytes(), "made by a newer isotherm"));
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
    commit(&store.clone(), 2, &source_state(2)).expect("it is committed");
    assert_eq!(commit(&store, 1, &source_state(1)).expect_err("it is refused").kind, Kind::Internal);
    assert_eq!(recover(&store, 2), Ok(Some(source_state(2))));
}
