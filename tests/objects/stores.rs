//! What every place of a partition's state does: a folder, and a store of objects.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use isotherm::domain::Rules;
use isotherm::durable::objects::Objects;
use isotherm::durable::{Disk, Fence, RealDisk};
use isotherm::failure::Kind;
use isotherm::partition::{Identity, PartitionStore, StateFiles, StateStore, WithRejected};
use isotherm::proof::simulated::{SimulatedDisk, SimulatedObjects, TagMode};

use super::life::{Log, fence, identity};

/// `open`: the place as a process finds it that has just started.
pub fn keeps_the_contract(log: &Log, open: &dyn Fn() -> StateStore) {
    let rules = Rules::default();
    let store = open();
    let early = store.commit(1, &identity(), &log.snapshot(0, 3)).expect_err("nothing was recovered");
    assert_eq!(early.kind, Kind::Internal, "{early}");
    assert_eq!(store.recover(1, &identity(), &rules), Ok(None));
    for (from, to) in [(0, 3), (3, 4), (4, 4), (4, 8)] {
        store.commit(1, &identity(), &log.snapshot(from, to)).expect("it goes on from what is there");
    }
    let recovered = |store: &StateStore, epoch| {
        store.recover(epoch, &identity(), &rules).expect("it is whole").expect("it is there")
    };
    assert_eq!(recovered(&store, 2), log.snapshot(0, 8).state);
    let old = store.commit(1, &identity(), &log.snapshot(8, 9)).expect_err("its epoch is over");
    assert!(old.what.contains("replaced by epoch 2"), "{old}");
    let back = store.commit(2, &identity(), &log.snapshot(0, 5)).expect_err("it goes back");
    assert!(back.what.contains("its offset would go back from 8 to 5"), "{back}");

    let store = open();
    assert_eq!(recovered(&store, 1), log.snapshot(0, 8).state);
    store.commit(1, &identity(), &log.snapshot(8, 9)).expect("it goes on from what is there");
    let other_rules = Rules { degrees_max: 60.0, ..rules };
    let others = [
        (Identity { log_id: "other".to_owned(), ..identity() }, rules, "was made from another log"),
        (Identity { partitions: 8, ..identity() }, rules, "had 4 partitions"),
        (identity(), other_rules, "quality.degrees_max was"),
    ];
    for (identity, rules, said) in others {
        let failure = open().recover(1, &identity, &rules).expect_err("it is another one's");
        assert!(!failure.is_retryable() && failure.what.contains(said), "{failure}");
    }
    assert_eq!(recovered(&open(), 1), log.snapshot(0, 9).state, "a refusal changes nothing");
}

/// What anybody reads there.
fn holds(log: &Log, files: &StateFiles, to: u64) {
    let read = files.read_with_rejected(2).expect("it can be read").expect("it is there");
    let WithRejected { file, checkpoint, mut rejected, .. } = read;
    assert_eq!(file.bytes, log.file(to));
    assert_eq!(checkpoint.expect("it is whole").state.next_offset, to);
    let mut lines = Vec::new();
    rejected.read_to_end(&mut lines).expect("they can be read");
    assert_eq!(lines, log.lines(to));
    assert_eq!(files.numbers(), Ok(vec![2]));
    assert_eq!(files.rejected_tail(2, None, 10), Some((lines.len() as u64, lines[lines.len() - 10..].to_vec())));
    assert_eq!(files.rejected_tail(2, Some(lines.len() as u64), 10), None);
    assert!(files.read(3).expect("it can be read").is_none());
}

fn in_folder(disk: Arc<dyn Disk>, folder: &Path) -> StateStore {
    let fence = Arc::new(Fence::new(Duration::from_secs(10), |waited| panic!("hung for {waited:?}")));
    StateStore::Folder(PartitionStore::new(disk, folder.to_owned(), 2, fence))
}

fn in_objects(log: &Log, objects: &Arc<dyn Objects>) -> StateStore {
    // Parts of the real size, as who reads them knows no other.
    let mut log = log.clone();
    log.chunk_bytes = 256 << 10;
    StateStore::Objects(log.store(objects.clone(), fence(Default::default())))
}

pub fn objects_keep_the_contract(objects: &Arc<dyn Objects>) {
    let log = Log::new(9, &[0, 2, 3, 5, 6]);
    keeps_the_contract(&log, &|| in_objects(&log, objects));
    holds(&log, &StateFiles::Objects(objects.clone()), 9);
}

#[test]
fn folders_and_simulated_objects_keep_one_contract() {
    let log = Log::new(9, &[0, 2, 3, 5, 6]);
    let folder = tempfile::tempdir().expect("a folder");
    keeps_the_contract(&log, &|| in_folder(Arc::new(RealDisk), folder.path()));
    holds(&log, &StateFiles::Folder(folder.path().to_owned()), 9);
    let disk = SimulatedDisk::new(64);
    keeps_the_contract(&log, &|| in_folder(Arc::new(disk.clone()), Path::new("/state")));
    for tags in [TagMode::Content, TagMode::Write] {
        objects_keep_the_contract(&(Arc::new(SimulatedObjects::new(tags)) as Arc<dyn Objects>));
    }
}
