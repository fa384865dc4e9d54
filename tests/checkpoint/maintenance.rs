//! Rebuild and recreate keep the old state whole at every moment, and go on after a crash.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::ErrorKind;

use isotherm::durable::{Lock, RealDisk};
use isotherm::partition::maintenance::{begin_rebuild, set_aside};
use isotherm::proof::simulated::DiskFault;

use super::source::{commit, cursor_store, record, recover, source_state};
use super::*;

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn without_locks(disk: &SimulatedDisk) -> Files {
    disk.files().into_iter().filter(|(path, _)| path.extension().is_some_and(|end| end != "lock")).collect()
}

fn rebuild(disk: &SimulatedDisk) -> Result<(), isotherm::failure::Failure> {
    let lock = Lock::partition(disk, folder(), 2)?;
    begin_rebuild(disk, folder(), 2, &lock)
}

/// The files under the names that a rebuild gives them.
fn before_rebuild(files: &Files) -> Files {
    files.iter().map(|(path, bytes)| (format!("{}.before-rebuild", path.display()).into(), bytes.clone())).collect()
}

#[test]
fn a_rebuild_goes_on_after_a_crash_anywhere_and_keeps_the_old_files() {
    let life = Life::usual();
    for (kept, damaged) in [(1, false), (3, false), (3, true)] {
        let (disk, store) = committed(&life, kept, 1024);
        if damaged {
            disk.open_append(store.path()).and_then(|mut file| file.append(b"junk")).expect("damaged");
            disk.sync_file(store.path()).expect("damaged for good");
        }
        let old = disk.files();
        let states = crash_everywhere(
            &disk,
            1 << 12,
            || rebuild(&disk).expect("nothing is in its way"),
            |left, done| {
                let now = without_locks(left);
                for (path, bytes) in &old {
                    let second = PathBuf::from(format!("{}.before-rebuild", path.display()));
                    assert!(now.get(path) == Some(bytes) || now.get(&second) == Some(bytes), "{path:?} is kept");
                }
                let found = self::store(left, FaultPoints::default()).recover(1, &identity(), &Rules::default());
                match found {
                    Ok(state) => assert!(state.is_none() || (!done && life.number(state.as_ref()) == Some(kept - 1))),
                    Err(failure) => assert!(damaged && !done, "{failure}"),
                }
                rebuild(left).expect("it goes on");
                assert_eq!(without_locks(left), before_rebuild(&old));
                let store = self::store(left, FaultPoints::default());
                assert_eq!(store.recover(1, &identity(), &Rules::default()), Ok(None));
                for snapshot in &life.snapshots {
                    store.commit(1, &identity(), snapshot).expect("it is counted anew");
                }
                let mut expected = life.files(Some(life.snapshots.len() - 1));
                expected.extend(before_rebuild(&old));
                assert_eq!(without_locks(left), expected);
            },
        );
        println!("rebuild: {states} states");
    }
}

#[test]
fn a_rebuild_does_not_write_over_what_an_earlier_one_kept() {
    let life = Life::usual();
    let (disk, _) = committed(&life, 2, 1024);
    rebuild(&disk).expect("nothing is in its way");
    let store = store(&disk, FaultPoints::default());
    store.recover(1, &identity(), &Rules::default()).expect("nothing is there");
    store.commit(1, &identity(), &life.snapshots[0]).expect("it is committed");
    let before = disk.files();
    let failure = rebuild(&disk).expect_err("it is refused");
    assert!(failure.what.contains("partition-2.json.before-rebuild is there already"), "{failure}");
    assert_eq!(disk.files(), before);
    let nothing = SimulatedDisk::new(64);
    rebuild(&nothing).expect("nothing is to be moved");
    assert_eq!(without_locks(&nothing), Files::new());
}

/// A folder with the state of a topic; `readings` tells one topic from another.
fn state_folder(disk: &SimulatedDisk, life: &Life, readings: u64) -> BTreeSet<Vec<u8>> {
    let store = store(disk, FaultPoints::default());
    store.recover(1, &identity(), &Rules::default()).expect("nothing is there");
    for snapshot in &life.snapshots {
        store.commit(1, &identity(), snapshot).expect("it is committed");
    }
    let cursors = cursor_store(disk);
    recover(&cursors, 1).expect("nothing is there");
    commit(&cursors, 1, &source_state(readings), &[record("a", readings)]).expect("it is committed");
    disk.list(folder())
        .expect("a folder")
        .iter()
        .filter_map(|name| disk.read(&folder().join(name)).expect("read"))
        .collect()
}

fn contents(disk: &SimulatedDisk, folder: &Path) -> BTreeSet<Vec<u8>> {
    without_locks(disk).into_iter().filter(|(path, _)| path.parent() == Some(folder)).map(|(_, bytes)| bytes).collect()
}

#[test]
fn setting_aside_goes_on_after_a_crash_or_a_failure_anywhere() {
    let life = Life::usual();
    let (first, second) = (folder().join("before-recreate-1"), folder().join("before-recreate-2"));
    let mut states = 0;
    for failing in 0..24 {
        let disk = SimulatedDisk::new(1024);
        // Another topic's state lies aside already.
        let earlier = state_folder(&disk, &Life::new(Rules::default(), &[vec![("StationC", 9, 1.0)]]), 1);
        set_aside(&disk, folder()).expect("moved");
        assert_eq!((contents(&disk, &first), contents(&disk, folder())), (earlier.clone(), BTreeSet::new()));
        let old = state_folder(&disk, &life, 2);
        assert_eq!(old.len(), 4);
        let lock = Lock::source(&disk, folder()).unwrap_or_else(|failure| panic!("{failure}"));
        let failed = Cell::new(false);
        let act = || {
            disk.fail(failing..failing + 1, DiskFault::Error(ErrorKind::Other));
            if set_aside(&disk, folder()).is_err() {
                failed.set(true);
                set_aside(&disk, folder()).expect("it goes on");
            }
        };
        states += crash_everywhere(&disk, 1 << 9, act, |left, done| {
            let (here, aside) = (contents(left, folder()), contents(left, &second));
            assert!(here == old || aside == old, "whole in one place, operation {failing} failed");
            // After a sync of the folder that failed, the old names may come back with a crash, as foreign files.
            assert!(!done || here.is_empty() || failed.get());
            set_aside(left, folder()).expect("it goes on");
            set_aside(left, folder()).expect("nothing is left to do");
            assert_eq!(contents(left, &first), earlier);
            assert_eq!((contents(left, &second), contents(left, folder())), (old.clone(), BTreeSet::new()));
            assert!(left.files().contains_key(&folder().join("source.lock")), "locks stay");
            assert!(left.list(&folder().join("before-recreate-3")).is_err());
        });
        drop(lock);
    }
    println!("recreate: {states} states");
}

#[test]
fn without_state_nothing_is_set_aside() {
    let disk = SimulatedDisk::new(64);
    set_aside(&disk, folder()).expect("no folder");
    disk.create_folder(folder()).expect("created");
    let _lock = Lock::partition(&disk, folder(), 0).unwrap_or_else(|failure| panic!("{failure}"));
    set_aside(&disk, folder()).expect("no state");
    assert_eq!(disk.list(folder()).expect("a folder"), ["partition-0.lock"]);
}

#[test]
fn a_state_folder_that_cannot_be_listed_is_no_folder_without_state() {
    let root = tempfile::tempdir().expect("a folder");
    let file = root.path().join("file");
    std::fs::write(&file, "").expect("it is written");
    assert_eq!(set_aside(&RealDisk, &root.path().join("none")), Ok(()));
    let failure = set_aside(&RealDisk, &file).expect_err("a file has no files");
    assert!(failure.what.starts_with("cannot list"), "{failure}");
}
