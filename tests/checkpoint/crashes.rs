//! A power cut anywhere in a commit or in a recovery leaves the old checkpoint or the new one.

use std::cell::Cell;

use super::*;

/// Recovers from what a crash left, with a crash anywhere in that too, and goes on to the newest snapshot. Returns how
/// many states were looked at.
fn recovers(
    left: &SimulatedDisk,
    life: &Life,
    old: Option<usize>,
    new: Option<usize>,
    must_be: Option<usize>,
) -> usize {
    let rules = Rules::default();
    let recovered = store(left, FaultPoints::default());
    let found = Cell::new(None);
    let look = |disk: &SimulatedDisk, state: Option<PartitionState>| {
        let number = life.number(state.as_ref());
        assert!(number == old || number == new, "{number:?} is neither {old:?} nor {new:?}");
        assert_eq!(disk.files(), life.files(number), "and nothing else is there");
        number
    };
    let states = crash_everywhere(
        left,
        64,
        || {
            let state = recovered.recover(1, &identity(), &rules).expect("a crash is no damage");
            found.set(look(left, state));
        },
        |left_again, done| {
            let again = store(left_again, FaultPoints::default());
            let state = again.recover(1, &identity(), &rules).expect("two crashes are no damage");
            let number = look(left_again, state);
            assert!(!done || number == found.get(), "what was recovered stays");
        },
    );
    if must_be.is_some() {
        assert_eq!(found.get(), must_be, "what was acknowledged stays");
    }
    let next = found.get().map_or(0, |number| number + 1);
    for snapshot in &life.snapshots[next..] {
        recovered.commit(1, &identity(), snapshot).expect("it goes on");
    }
    assert_eq!(left.files(), life.files(Some(life.snapshots.len() - 1)));
    states
}

#[test]
fn a_crash_in_a_commit_leaves_the_old_or_the_new_checkpoint() {
    let life = Life::usual();
    // Pages so large that every state is looked at, and small ones, of whose states some are drawn.
    for (page_bytes, states_max) in [(1024, 1 << 12), (64, 300)] {
        for number in 0..life.snapshots.len() {
            let old = number.checked_sub(1);
            let (disk, store) = committed(&life, number, page_bytes);
            let mut recoveries = 0;
            let states = crash_everywhere(
                &disk,
                states_max,
                || store.commit(1, &identity(), &life.snapshots[number]).expect("it is committed"),
                |left, done| recoveries += recovers(left, &life, old, Some(number), done.then_some(number)),
            );
            println!("commit {number}, pages of {page_bytes}: {states} states, {recoveries} while they recovered");
            assert!(states > 10);
        }
    }
}

#[test]
fn a_crash_in_a_recovery_that_has_much_to_do_loses_nothing() {
    let life = Life::usual();
    // Lines appended, a temporary file left: a crash just before the rename of commit 2.
    let (disk, store) = committed(&life, 2, 1024);
    disk.record();
    store.commit(1, &identity(), &life.snapshots[2]).expect("it is committed");
    let mut states = 0;
    for done in 0..=disk.operations() {
        let unlucky = crash_states(&disk, done, 1 << 10, 0);
        states += unlucky.iter().map(|left| recovers(left, &life, Some(1), Some(2), None)).sum::<usize>();
    }
    println!("recovery: {states} states");
    assert!(states > 50);
}

#[test]
fn rejected_records_without_a_checkpoint_are_removed_only_once_the_checkpoint_is_surely_gone() {
    let life = Life::usual();
    let (disk, store) = committed(&life, 3, 1024);
    // Someone removes the checkpoint to start over, and the removal has not reached the disk when it is recovered.
    disk.remove(store.path()).expect("it is there");
    let states = crash_everywhere(
        &disk,
        1 << 12,
        || assert_eq!(store.recover(2, &identity(), &Rules::default()), Ok(None)),
        |left, done| {
            assert!(!done || left.files().is_empty());
            recovers(left, &life, None, Some(2), None);
        },
    );
    println!("orphan: {states} states");
    assert_eq!(disk.files(), BTreeMap::new());
}

#[test]
fn without_power_nothing_works_until_the_disk_is_new() {
    let life = Life::usual();
    let (disk, store) = committed(&life, 1, 1024);
    disk.crash();
    store.commit(1, &identity(), &life.snapshots[1]).expect_err("the power is off");
    store.recover(2, &identity(), &Rules::default()).expect_err("the power is off");
    recovers(&disk.after_power_cut(7), &life, Some(0), None, Some(0));
}
