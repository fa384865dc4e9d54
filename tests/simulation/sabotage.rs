//! Deliberate bugs, planted one at a time. A simulation that does not find one proves nothing about what it is for.

#![cfg(debug_assertions)]

use isotherm::chaos::Invariant;
use isotherm::chaos::simulation;
use isotherm::sabotage::{self, Bug};

/// A bug must be found within so many seeds.
const SEEDS_MAX: u64 = 3000;

/// Finds the bug, and gives the invariant that does not hold.
fn found(bug: Bug) -> Invariant {
    sabotage::plant(Some(bug));
    let report = simulation::run_seeds(0..SEEDS_MAX, 1, simulation::Plan::draw, || {});
    sabotage::plant(None);
    let found = report.found.unwrap_or_else(|| panic!("{bug:?} was not found in {SEEDS_MAX} seeds"));
    println!("{bug:?}: seed {}, {}", found.seed, found.violation);
    println!("  {} faults are enough:\n{}", found.shrunk.faults(), found.shrunk);
    found.violation.invariant
}

/// A test for each, so that they run side by side.
macro_rules! bugs {
    ($($name:ident: $bug:ident => [$($invariant:ident),+];)+) => {
        $(
            #[test]
            fn $name() {
                let found = found(Bug::$bug);
                assert!([$(Invariant::$invariant),+].contains(&found), "it was found as another: {found:?}");
            }
        )+
    };
}

bugs! {
    a_rename_before_the_content_is_on_disk: FsyncSkippedBeforeRename => [I3, I4];
    a_commit_acknowledged_before_its_name_is_on_disk: FolderFsyncSkipped => [I3];
    an_offset_committed_before_the_state: OffsetBeforeState => [I1, I2];
    rejected_lines_written_after_the_rename: RejectedAfterRename => [I1, I6];
    rejected_lines_left_behind_the_end: RejectedNotTruncated => [I1, I4, I6];
    an_epoch_that_is_not_checked: EpochNotChecked => [I1, I2, I3, I8];
    a_restart_that_reuses_the_old_state: AggregatorStateReused => [I1, I2];
    a_duplicate_check_off_by_one_day: DuplicateDayOffByOne => [I1];
    a_resume_at_the_last_record: ResumedAtLastRecord => [I1, I2];
    a_topic_that_is_not_recognised: LogIdNotCompared => [I1, I2, I6];
    a_cursor_committed_before_the_acknowledgement: CursorBeforeAcknowledgement => [I12];
    temporary_files_that_are_left: TemporariesLeft => [I4];
    a_lock_that_is_not_held: LockNotHeld => [I8];
    a_drain_without_the_last_commit: LastCommitSkipped => [I5];
    a_panic_that_stops_the_others: PanicStopsAll => [I7];
    in_flight_without_a_bound: InFlightNotBounded => [I11];
    a_jitter_that_no_seed_decides: JitterNotSeeded => [I9];
}
