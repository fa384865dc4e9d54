//! What must hold, also after any crash at any moment.

/// Each has its checkers in `proof::invariants`. Some of them the program checks itself, before it would break them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// A partition's files equal a replay of the log from `first_offset` to `offset`, bit for bit.
    FilesEqualReplay,
    /// Counted and rejected records add up to the records of that range.
    RecordsAddUp,
    /// What was told to be committed or acknowledged does not go back.
    CommitsStay,
    /// A file is the old or the new one, whole, and no temporary file is left by a start.
    FilesAreWhole,
    /// When nothing is wrong any more, everything is counted and committed, and a process that is asked to stop stops.
    WorkIsFinished,
    /// Every reading of the source is counted, no offset is passed over, a branch that stops says why, and a topic that
    /// is gone is noticed.
    NothingSkipped,
    /// One panic touches one branch, once, and only planned ones happen.
    PanicsAreIsolated,
    /// No writer writes that was replaced or does not hold the lock.
    OnlyOwnersWrite,
    /// The same seed gives the same events and the same bytes.
    SeedsRepeat,
    /// Over many seeds, every point goes wrong in every way that is drawn.
    EveryFaultIsTried,
    /// What is queued, in flight or left behind is bounded; that the memory of a process does not grow is for a test of
    /// a process to see.
    EverythingIsBounded,
    /// What was acknowledged to the producer is in the log.
    AcknowledgedIsInLog,
    /// Each reading that the source has sent is in the log once, however often its sender was ended.
    EachReadingIsOnce,
    /// Of every day that a file of the source has, the last reading that the log has is the file's.
    RevisionsAreInLog,
}

/// Each with its name in log lines, and in a few words; in the order of their numbers.
const INVARIANTS: [(Invariant, &str, &str); 14] = [
    (Invariant::FilesEqualReplay, "files_equal_replay", "the files equal a replay of the log"),
    (Invariant::RecordsAddUp, "records_add_up", "counted and rejected records add up to those of the log"),
    (Invariant::CommitsStay, "commits_stay", "what was acknowledged does not go back"),
    (Invariant::FilesAreWhole, "files_are_whole", "a file is an old or a new one, whole"),
    (
        Invariant::WorkIsFinished,
        "work_is_finished",
        "when nothing is wrong any more, everything is counted, and a stop stops",
    ),
    (Invariant::NothingSkipped, "nothing_skipped", "nothing is skipped in silence"),
    (Invariant::PanicsAreIsolated, "panics_are_isolated", "one panic touches one branch"),
    (Invariant::OnlyOwnersWrite, "only_owners_write", "nobody writes who was replaced or does not hold the lock"),
    (Invariant::SeedsRepeat, "seeds_repeat", "the same seed gives the same events and bytes"),
    (Invariant::EveryFaultIsTried, "every_fault_is_tried", "every fault that was planned is tried"),
    (Invariant::EverythingIsBounded, "everything_is_bounded", "what is queued or left behind is bounded"),
    (Invariant::AcknowledgedIsInLog, "acknowledged_is_in_log", "what was acknowledged to the producer is in the log"),
    (Invariant::EachReadingIsOnce, "each_reading_is_once", "each reading that was sent is in the log once"),
    (
        Invariant::RevisionsAreInLog,
        "revisions_are_in_log",
        "of each day of a file the log's last reading is the file's",
    ),
];

impl Invariant {
    /// The one that log lines name like this.
    pub fn named(name: &str) -> Option<Self> {
        INVARIANTS.iter().find(|(_, other, _)| *other == name).map(|(invariant, ..)| *invariant)
    }

    /// As log lines name it.
    pub fn name(self) -> &'static str {
        INVARIANTS[self as usize].1
    }

    /// As documents and reports number it, as in `I3`.
    pub fn number(self) -> String {
        format!("I{}", self as usize + 1)
    }

    /// In a few words.
    pub fn promise(self) -> &'static str {
        INVARIANTS[self as usize].2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_in_its_place_and_found_by_its_name() {
        for (number, (invariant, name, promise)) in INVARIANTS.into_iter().enumerate() {
            assert_eq!(
                (Invariant::named(name), invariant.name(), invariant.promise()),
                (Some(invariant), name, promise)
            );
            assert_eq!(invariant.number(), format!("I{}", number + 1));
        }
        assert_eq!(Invariant::named("I1"), None);
    }
}
