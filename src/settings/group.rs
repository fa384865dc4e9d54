//! The group of processes that count together.

use super::model::{Assignment, Group, LogKind, OnBranchFailure, OnStart, Partitions, Settings};
use crate::failure::{Failure, Kind};

/// Checks what must hold between settings. `at` says a key's value and where it came from.
pub(super) fn check(settings: &Settings, at: impl Fn(&str) -> String) -> Result<(), Failure> {
    let refused = |what: String, advice: &str| Err(Failure::fatal(Kind::Settings, what).advice(advice));
    let Group { session_ms, heartbeat_ms, .. } = settings.group;
    if heartbeat_ms * 3 > session_ms {
        let what = format!("{} and {}", at("group.heartbeat_ms"), at("group.session_ms"));
        return refused(what, "set the heartbeat to a third of the session at most");
    }
    if settings.consume.assignment == Assignment::Fixed {
        return Ok(());
    }
    let in_group = at("consume.assignment");
    for (fits, key, why) in [
        (settings.log.kind == LogKind::Kafka, "log.kind", "only Kafka has groups"),
        (!settings.state.url.is_empty(), "state.url", "what one process has counted, others go on from: set it"),
        (settings.consume.partitions.are_all(), "consume.partitions", "the group says which partitions are counted"),
        (settings.log.on_start == OnStart::Reuse, "log.on_start", "others may be counting the topic"),
        (
            settings.supervision.on_branch_failure == OnBranchFailure::Continue,
            "supervision.on_branch_failure",
            "a partition that fails would take each process along that it is given to",
        ),
    ] {
        if !fits {
            return refused(format!("{in_group}, and {}", at(key)), why);
        }
    }
    Ok(())
}

impl Partitions {
    /// Whether no partition is left out.
    fn are_all(&self) -> bool {
        matches!(self, Self::All(_))
    }
}
