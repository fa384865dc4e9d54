//! An operation that fails anywhere is made good by trying again or by recovering, and leaves no trace in the files.

use std::io::ErrorKind;

use isotherm::points::registry::kind;
use isotherm::points::{Action, Planned};
use isotherm::proof::simulated::DiskFault;
use proptest::prelude::*;

use super::*;

const FAULTS: [DiskFault; 3] =
    [DiskFault::Error(ErrorKind::StorageFull), DiskFault::Error(ErrorKind::Other), DiskFault::Short];

/// Commits a snapshot whatever it takes: a retryable failure is tried again (or recovered from, if asked to), any other is
/// recovered from in a new epoch.
fn commit_somehow(store: &PartitionStore, epoch: &mut u64, life: &Life, number: usize, recover_always: bool) {
    for _ in 0..20 {
        let Err(failure) = store.commit(*epoch, &identity(), &life.snapshots[number]) else { return };
        if failure.is_retryable() && !recover_always {
            continue;
        }
        loop {
            *epoch += 1;
            if let Ok(state) = store.recover(*epoch, &identity(), &Rules::default()) {
                let found = life.number(state.as_ref());
                if found == Some(number) {
                    return;
                }
                assert_eq!(found, number.checked_sub(1));
                break;
            }
            assert!(*epoch < 20, "recovery does not come through");
        }
    }
    panic!("snapshot {number} does not come through");
}

#[test]
fn a_failure_at_any_operation_is_made_good_and_no_crash_after_it_loses_anything() {
    let life = Life::usual();
    let mut states = 0;
    for number in 0..life.snapshots.len() {
        let (disk, store) = committed(&life, number, 1024);
        disk.record();
        store.commit(1, &identity(), &life.snapshots[number]).expect("it is committed");
        let operations = disk.operations();
        for (first, fault) in (0..operations).flat_map(|first| FAULTS.map(|fault| (first, fault))) {
            for (times, recover_always) in [(1, false), (1, true), (2, false), (3, true), (7, false)] {
                let (disk, store) = committed(&life, number, 1024);
                let mut epoch = 1;
                let act = || {
                    disk.fail(first..first + times, fault);
                    commit_somehow(&store, &mut epoch, &life, number, recover_always);
                    assert_eq!(disk.files(), life.files(Some(number)), "{fault:?} at {first}");
                };
                states += crash_everywhere(&disk, 128, act, |left, done| {
                    let state = self::store(left, FaultPoints::default()).recover(1, &identity(), &Rules::default());
                    let state = state.unwrap_or_else(|failure| panic!("{fault:?} at {first}, {times}: {failure}"));
                    let found = life.number(state.as_ref());
                    assert!(found == Some(number) || (!done && found == number.checked_sub(1)), "{fault:?} at {first}");
                    assert_eq!(left.files(), life.files(found));
                });
            }
        }
    }
    println!("after failures: {states} states");
    assert!(states > 1000);
}

#[test]
fn a_planned_fault_at_any_point_is_made_good() {
    let life = Life::usual();
    let often = ["create_folder", "read", "list", "create", "write", "fsync", "rename", "fsync_folder"];
    let once = ["open", "append", "fsync_appended"];
    let hits = often.into_iter().flat_map(|point| [(point, 1), (point, 2)]).chain(once.map(|point| (point, 1)));
    for (point, hit) in hits {
        let point = format!("checkpoint.{point}");
        let kind = kind(&point).expect("the point is known");
        let actions = [Action::StorageFull, Action::IoError, Action::Panic, Action::Short];
        for action in actions.into_iter().filter(|action| kind.allows(*action)) {
            let planned = Planned { point: point.clone(), hit, action };
            let faults = FaultPoints::new(vec![planned.clone()]).expect("the point is known");
            let disk = SimulatedDisk::new(1024);
            let store = store(&disk, faults.clone());
            let mut epoch = 0;
            let mut next = 0;
            let mut alive = false;
            while next < life.snapshots.len() || faults.fired().is_empty() {
                assert!(epoch < 20, "{planned:?} does not come through");
                let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    if !alive || next == life.snapshots.len() {
                        epoch += 1;
                        let state = store.recover(epoch, &identity(), &Rules::default()).ok()?;
                        return Some(life.number(state.as_ref()).map_or(0, |number| number + 1));
                    }
                    store.commit(epoch, &identity(), &life.snapshots[next]).ok().map(|()| next + 1)
                }));
                alive = matches!(attempt, Ok(Some(_)));
                next = attempt.ok().flatten().unwrap_or(next);
            }
            assert_eq!(faults.fired(), std::slice::from_ref(&planned));
            assert_eq!(disk.files(), life.files(Some(life.snapshots.len() - 1)), "{planned:?}");
        }
    }
}

#[test]
fn a_sync_that_failed_in_an_earlier_process_is_not_trusted_to_have_worked_in_this_one() {
    let life = Life::usual();
    let (disk, store) = committed(&life, 1, 1024);
    disk.record();
    store.commit(1, &identity(), &life.snapshots[1]).expect("it is committed");
    let last = disk.operations() - 1;
    let (disk, store) = committed(&life, 1, 1024);
    disk.record();
    disk.fail(last..last + 1, DiskFault::Error(ErrorKind::Other));
    store.commit(1, &identity(), &life.snapshots[1]).expect_err("the folder is not synced");

    let disk = disk.after_process();
    let next = self::store(&disk, FaultPoints::default());
    let recovered = next.recover(1, &identity(), &Rules::default()).expect("it can be read");
    let number = life.number(recovered.as_ref());
    for seed in 0..32 {
        assert_eq!(disk.after_power_cut(seed).files(), life.files(number), "what was recovered is on disk");
    }
}

#[test]
fn a_full_disk_is_waited_for_and_any_other_error_is_fatal() {
    let life = Life::usual();
    for (kind, retryable) in
        [(ErrorKind::StorageFull, true), (ErrorKind::QuotaExceeded, true), (ErrorKind::Other, false)]
    {
        let (disk, store) = committed(&life, 2, 1024);
        disk.record();
        disk.fail(0..1000, DiskFault::Error(kind));
        let failure = store.commit(1, &identity(), &life.snapshots[2]).expect_err("the disk fails");
        assert_eq!(failure.is_retryable(), retryable, "{failure}");
        assert!(failure.what.contains("partition-2.rejected.jsonl"), "{failure}");
    }
}

#[test]
fn a_commit_needs_a_recovery_in_its_epoch_and_never_goes_back() {
    let life = Life::usual();
    let (disk, store) = committed(&life, 2, 1024);
    let refused = |epoch: u64, snapshot: &Snapshot, reason: &str| {
        let failure = store.commit(epoch, &identity(), snapshot).expect_err("it is refused");
        assert!(failure.what.contains(reason) && !failure.is_retryable(), "{failure}");
        assert_eq!(disk.files(), life.files(Some(1)));
    };
    refused(1, &life.snapshots[0], "would go back");
    refused(1, &life.snapshots[3], "rejected records do not go on");
    let mut wrong = life.snapshots[2].clone();
    wrong.state.next_offset = 5;
    refused(1, &wrong, "records counted");
    refused(2, &life.snapshots[2], "was not recovered in this epoch");
    store.recover(2, &identity(), &Rules::default()).expect("it is there");
    refused(1, &life.snapshots[2], "was replaced by epoch 2");
    store.commit(2, &identity(), &life.snapshots[2]).expect("it is committed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever failed and whenever the power was cut, the files at the end are those of an undisturbed life.
    #[test]
    fn the_files_do_not_tell_what_happened(
        readings in prop::collection::vec(prop::collection::vec((0usize..3, 0u32..6, -200i32..200), 1..8), 1..8),
        trouble in prop::collection::vec((0usize..25, 0usize..3, 1usize..4, any::<bool>(), any::<u64>()), 0..8),
    ) {
        let names = ["A", "B\"\\", "Ø"];
        let batches: Vec<Vec<_>> = readings.iter()
            .map(|batch| batch.iter().map(|(s, day, tenths)| (names[*s], *day, f64::from(*tenths) / 10.0)).collect())
            .collect();
        let life = Life::new(Rules { rejected_bytes_max: 1000, ..Rules::default() }, &batches);
        let rules = life.snapshots[0].state.rules;
        let (mut disk, mut trouble) = (SimulatedDisk::new(64), trouble.into_iter());
        let (mut next, mut epoch) = (0, 0);
        while next < life.snapshots.len() {
            // A new process.
            let store = store(&disk, FaultPoints::default());
            let mut recovered = false;
            while next < life.snapshots.len() {
                disk.record();
                let (mut power_cut, mut seed) = (false, 0);
                if let Some((first, fault, times, cut, number)) = trouble.next() {
                    disk.fail(first..first + times, FAULTS[fault]);
                    (power_cut, seed) = (cut, number);
                } else {
                    disk.fail(0..0, DiskFault::Short);
                }
                if !recovered {
                    epoch += 1;
                    match store.recover(epoch, &identity(), &rules) {
                        Ok(state) => {
                            let found = life.number(state.as_ref()).map_or(0, |number| number + 1);
                            prop_assert!(found == next || found == next + 1, "nothing is lost: {} {}", found, next);
                            (next, recovered) = (found, true);
                        }
                        Err(failure) => prop_assert!(failure.kind == isotherm::failure::Kind::Io, "{}", failure),
                    }
                }
                if recovered && next < life.snapshots.len() {
                    match store.commit(epoch, &identity(), &life.snapshots[next]) {
                        Ok(()) => next += 1,
                        Err(failure) => recovered = failure.is_retryable(),
                    }
                }
                if power_cut {
                    disk.crash();
                    disk = disk.after_power_cut(seed);
                    break;
                }
            }
        }
        disk.fail(0..0, DiskFault::Short);
        let recovered = store(&disk, FaultPoints::default()).recover(1, &identity(), &rules);
        prop_assert_eq!(life.number(recovered.expect("it is there").as_ref()), Some(life.snapshots.len() - 1));
        prop_assert_eq!(disk.files(), life.files(Some(life.snapshots.len() - 1)));
    }
}
