//! Deliberate bugs, planted one at a time. A simulation that does not find one proves nothing about what it is for.
//!
//! None of them is in the program. What it stands on (disk, log, environment) can be exchanged, so most bugs are
//! decorators of that: [`beneath`]. The rest are edits of a copy of the source, which is built once: [`within`].

mod beneath;
mod within;

use isotherm::domain::Invariant;
use isotherm::pipeline::Environment;
use isotherm::proof::simulation::{self, Plan};

/// A bug must be found within so many seeds.
const SEEDS_MAX: u64 = 6000;

/// Finds a bug of the environment, and gives the number of the invariant that does not hold.
fn found_beneath(environment: fn(Environment) -> Environment) -> String {
    let draw = |seed| Plan { environment, ..Plan::draw(seed) };
    let report = simulation::run_seeds(0..SEEDS_MAX, 1, draw, || {});
    let found = report.found.unwrap_or_else(|| panic!("it was not found in {SEEDS_MAX} seeds"));
    println!("seed {}: {}", found.seed, found.violation);
    println!("  {} faults are enough:\n{}", found.shrunk.faults(), found.shrunk);
    found.violation.invariant.number()
}

/// A test for each, so that they run side by side.
macro_rules! bugs {
    ($($name:ident: $find:expr => [$($invariant:ident),+];)+) => {
        $(
            #[test]
            fn $name() {
                let found: String = $find;
                assert!([$(Invariant::$invariant.number()),+].contains(&found), "it was found as another: {found}");
            }
        )+
    };
}

bugs! {
    a_rename_before_the_content_is_on_disk: found_beneath(beneath::new_files_not_synced) => [CommitsStay, FilesAreWhole];
    a_commit_acknowledged_before_its_name_is_on_disk: found_beneath(beneath::folders_not_synced) => [CommitsStay];
    an_offset_committed_before_the_state: within::found("OffsetBeforeState") => [FilesEqualReplay, RecordsAddUp];
    rejected_lines_written_after_the_rename: within::found("RejectedAfterRename") => [FilesEqualReplay, NothingSkipped];
    rejected_lines_left_behind_the_end: found_beneath(beneath::rejected_lines_left) => [FilesEqualReplay, FilesAreWhole, NothingSkipped];
    an_epoch_that_is_not_checked: within::found("EpochNotChecked") => [FilesEqualReplay, RecordsAddUp, CommitsStay, OnlyOwnersWrite];
    a_restart_that_reuses_the_old_state: within::found("AggregatorStateReused") => [FilesEqualReplay, RecordsAddUp];
    a_duplicate_check_off_by_one_day: within::found("DuplicateDayOffByOne") => [FilesEqualReplay];
    a_resume_at_the_last_record: found_beneath(beneath::one_record_early) => [FilesEqualReplay, RecordsAddUp];
    a_topic_that_is_not_recognised: found_beneath(beneath::always_the_same_topic) => [FilesEqualReplay, RecordsAddUp, NothingSkipped];
    a_cursor_committed_before_the_acknowledgement: within::found("CursorBeforeAcknowledgement") => [AcknowledgedIsInLog];
    a_batch_that_overtakes_another: within::found("BatchOvertakes") => [FilesEqualReplay, RecordsAddUp, CommitsStay];
    a_batch_that_comes_again: within::found("BatchComesAgain") => [RecordsAddUp];
    a_message_of_the_source_that_overtakes_another: within::found("MessageOvertakes") => [NothingSkipped, AcknowledgedIsInLog, EachReadingIsOnce, RevisionsAreInLog];
    temporary_files_that_are_left: found_beneath(beneath::temporaries_left) => [FilesAreWhole];
    a_lock_that_is_not_held: found_beneath(beneath::locks_not_held) => [OnlyOwnersWrite];
    a_drain_without_the_last_commit: within::found("LastCommitSkipped") => [WorkIsFinished];
    a_panic_that_stops_the_others: within::found("PanicStopsAll") => [PanicsAreIsolated];
    a_changed_file_that_is_not_noticed: found_beneath(beneath::stamps_of_the_first_look) => [RevisionsAreInLog];
    a_revision_that_is_not_kept_before_it_is_sent: within::found("RevisionNotKept") => [RevisionsAreInLog];
    a_log_that_is_asked_before_it_has_what_was_sent: within::found("AskedTooEarly") => [RevisionsAreInLog];
    a_writer_that_is_not_replaced: found_beneath(beneath::writers_not_replaced) => [EachReadingIsOnce];
    what_was_sent_and_is_not_read_back: within::found("NotReadBack") => [EachReadingIsOnce];
    a_search_that_ends_too_early: within::found("SearchEndsEarly") => [EachReadingIsOnce];
    a_new_file_before_one_that_was_begun: within::found("FilesInOrderOfNames") => [EachReadingIsOnce];
    a_revision_that_is_taken_for_sent: within::found("ComparedIsKnown") => [RevisionsAreInLog];
    a_stream_that_is_not_passed_over: within::found("StreamReadAnew") => [EachReadingIsOnce];
    a_stream_of_which_more_is_dropped_than_is_kept: within::found("StreamPassedTooEarly") => [NothingSkipped, WorkIsFinished, PanicsAreIsolated];
    in_flight_without_a_bound: found_beneath(beneath::in_flight_not_bounded) => [EverythingIsBounded];
    a_jitter_that_no_seed_decides: found_beneath(beneath::jitter_not_seeded) => [SeedsRepeat];
}
