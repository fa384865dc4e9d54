//! Each point with each action that can happen there, on its first and on its second passing; how each gets there, and
//! what must follow.

use isotherm::points::registry::POINTS;
use isotherm::points::{Action, Planned, PointKind};

pub struct Case {
    pub fault: Planned,
    place: PointKind,
}

/// A run that passes a point twice at least, whatever the threads do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Counts on from a folder as a crash may leave it.
    Counts,
    /// The same, where the crash came before the last commit's rename.
    CountsOn,
    /// Reads the source to its end, writes the log and counts.
    Ingests,
    /// Reads files of which one grew and another was changed since they were read.
    Compares,
    /// Once more, with a topic that is made again.
    Recreates,
}

/// How the run ends that meets the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Well: what died was restarted, what failed for a while was waited out.
    Well,
    /// With a failure that says what happened. The next run goes on.
    Failed,
    /// The process is gone at once. The next run goes on.
    Aborted,
    /// The process ends because a write hangs, exit code 75. The next run goes on.
    GaveUp,
}

pub fn all() -> Vec<Case> {
    let of_point = |(point, place): (_, PointKind)| place.actions().map(move |action| (point, place, action));
    let pairs = POINTS.into_iter().flat_map(of_point);
    let case = |(point, place, action): (&str, PointKind, Action), hit| Case {
        fault: Planned { point: point.to_owned(), hit, action },
        place,
    };
    pairs.flat_map(|pair| [1, 2].map(|hit| case(pair, hit))).collect()
}

impl Case {
    pub fn way(&self) -> Way {
        match self.fault.point.as_str() {
            "checkpoint.truncate" => Way::CountsOn,
            "checkpoint.link" => Way::Recreates,
            "generator.ask" => Way::Compares,
            point if point.starts_with("generator.") || point.starts_with("producer.") => Way::Ingests,
            _ => Way::Counts,
        }
    }

    /// The plan: the fault, and before it what brings the run to its point.
    pub fn plan(&self) -> String {
        let before = match (self.fault.point.as_str(), self.fault.hit) {
            ("generator.start", 2) => "generator.next@1=panic,",
            ("producer.start", 2) => "producer.send@1=panic,",
            ("producer.read_back", 1) => "producer.acknowledge@1=panic,",
            ("producer.read_back", 2) => "producer.acknowledge@1=panic,producer.acknowledge@2=panic,",
            ("checkpoint.filesystem", 2) => "checkpoint.lock@1=storage_full,",
            ("supervisor.restart", _) => "aggregator.apply@1=panic,",
            _ => "",
        };
        format!("{before}{}", self.fault)
    }

    pub fn ending(&self) -> Ending {
        match self.fault.action {
            // Nobody restarts what is done before there are supervisors.
            Action::Panic if self.place == PointKind::Start => Ending::Failed,
            Action::Panic | Action::Retryable | Action::StorageFull | Action::Short | Action::Delay(_) => Ending::Well,
            Action::Fatal | Action::IoError | Action::PermissionDenied => Ending::Failed,
            Action::Abort | Action::Torn => Ending::Aborted,
            // The producer works within the source's fence, as every call on the disk is made within some fence.
            Action::Hang if self.place == PointKind::Step && !self.fault.point.starts_with("producer.") => Ending::Well,
            Action::Hang => Ending::GaveUp,
        }
    }
}
