//! A file that is too large to be written and synced at once.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;

const PIECE_BYTES: usize = 8 << 20;

/// A life whose first commit is small, and whose others each reject more than two pieces of a file.
fn large() -> Life {
    let mut state = PartitionState::new(Rules::default(), 0);
    let mut life = Life { snapshots: Vec::new(), rejected: Vec::new() };
    for records in [1, 6500, 6500] {
        let mut batch = Batch::default();
        for offset in state.next_offset..state.next_offset + records {
            let bytes = [offset as u8; 1024];
            batch.push(Record { offset, key: Some(&bytes), value: Some(&bytes) });
        }
        state.apply(&batch);
        let snapshot = state.snapshot();
        assert!(records == 1 || snapshot.rejected_lines.len() > 2 * PIECE_BYTES);
        life.rejected.extend_from_slice(&snapshot.rejected_lines);
        life.snapshots.push(snapshot);
    }
    life
}

#[test]
fn after_every_crash_it_is_old_or_new_whole() {
    let life = large();
    let (disk, store) = committed(&life, 1, 1 << 20);
    let states = crash_everywhere(
        &disk,
        3,
        || store.commit(1, &identity(), &life.snapshots[1]).expect("it is committed"),
        |left, done| {
            let recovered = self::store(left, FaultPoints::default()).recover(1, &identity(), &Rules::default());
            let number = life.number(recovered.expect("a crash is no damage").as_ref());
            assert!(number == Some(1) || (number == Some(0) && !done), "{number:?}");
            assert_eq!(left.files(), life.files(number));
        },
    );
    println!("{states} crash states");
    assert_eq!(disk.operations(), 2 * 3 + 5, "three pieces, each synced, and then a small file");
}

/// The supervisor hears of each piece that is written or read, and of each other call on the disk.
#[test]
fn each_piece_is_reported() {
    let life = large();
    let (disk, store) = committed(&life, 1, 1 << 20);
    let reports = Arc::new(AtomicUsize::new(0));
    let counted = reports.clone();
    let store = store.reporting(move || _ = counted.fetch_add(1, SeqCst));
    for number in [1, 2] {
        disk.record();
        reports.store(0, SeqCst);
        store.commit(1, &identity(), &life.snapshots[number]).expect("it is committed");
        assert_eq!(reports.load(SeqCst), 1 + disk.operations(), "and that a file was opened");
    }
    reports.store(0, SeqCst);
    store.recover(2, &identity(), &Rules::default()).expect("it is there").expect("it was committed");
    assert!(reports.load(SeqCst) > life.rejected.len() / PIECE_BYTES, "{reports:?}");
}
