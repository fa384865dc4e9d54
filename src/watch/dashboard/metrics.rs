//! `GET /metrics`: the same numbers for Prometheus.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, prometheus_text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::clock::Clock;
use super::process;
use crate::progress::{Condition, PartitionProgress, Progress};
use crate::standard_error;

pub use prometheus_text::CONTENT_TYPE;

/// A gauge that each partition has: its name, its help, and its number for a partition.
type OfPartition = (&'static str, &'static str, fn(&PartitionProgress) -> u64);

const PARTITION_GAUGES: [OfPartition; 8] = [
    ("isotherm_position_offset", "Offset of the next record to count", |one| one.position.get()),
    ("isotherm_committed_offset", "Offset that the file on disk goes on from", |one| one.committed.get()),
    ("isotherm_end_offset", "One past the last record of the log", |one| one.end.get()),
    ("isotherm_lag_records", "Records that are in the log and not committed yet", PartitionProgress::uncommitted),
    ("isotherm_hidden_records", "Records behind an open transaction, which no reader sees yet", |one| one.hidden.get()),
    ("isotherm_stations", "Stations that the partition holds", |one| one.stations.get()),
    ("isotherm_audited_repeats_same", "Repeats of the counted value, by the last audit", |one| {
        one.audited_repeats_same.get()
    }),
    ("isotherm_audited_repeats_other", "Repeats of another value, by the last audit", |one| {
        one.audited_repeats_other.get()
    }),
];

const NO_LABEL: [(&str, &str); 0] = [];

/// The numbers of this moment in Prometheus' text format.
pub fn text(progress: &Progress, clock: Clock, clients: usize, in_several_partitions: u64) -> String {
    let mut registry = Registry::default();
    let numbers = Numbers { progress: progress.clone(), clock, clients, in_several_partitions };
    registry.register_collector(Box::new(numbers));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).expect("a text takes all that is written to it");
    text
}

/// The numbers that other folders count, taken over at each scrape.
#[derive(Debug)]
struct Numbers {
    progress: Progress,
    clock: Clock,
    clients: usize,
    in_several_partitions: u64,
}

/// The metrics as they are written.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    /// A metric with these samples, each by its labels; nothing where there are none. The name of a counter is given without
    /// the `_total` that it is told with.
    fn add<L: EncodeLabelSet, M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, M)>,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        let Some((_, first)) = samples.peek() else { return Ok(()) };
        let mut family = self.0.encode_descriptor(name, help, None, first.metric_type())?;
        for (labels, metric) in samples {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        families.add("isotherm_build_info", "This program", [(version, ConstGauge::new(1_u64))])?;
        self.add_partitions(&mut families)?;
        self.add_branches(&mut families)?;
        let source = self.progress.source();
        let lost_lines = standard_error::lost_lines() as u64;
        for (name, help, number) in [
            ("isotherm_readings", "Readings acknowledged by the log", source.readings.get()),
            ("isotherm_bad_lines", "Lines of the source's files that are no readings", source.bad_lines.get()),
            ("isotherm_revised_readings", "Readings sent with another value than the log had", source.revised.get()),
            (
                "isotherm_withdrawn_readings",
                "Days of the log that changed files no longer have",
                source.withdrawn.get(),
            ),
            (
                "isotherm_possible_repeats",
                "Readings sent though the log may have had them",
                source.possible_repeats.get(),
            ),
            ("isotherm_lost_log_lines", "Log lines lost because standard error did not take them", lost_lines),
        ] {
            families.add(name, help, [(NO_LABEL, ConstCounter::new(number))])?;
        }
        let clients = ConstGauge::new(self.clients as u64);
        families.add("isotherm_web_clients", "Event streams that are open", [(NO_LABEL, clients)])?;
        let help = "Stations that several partitions of this process hold";
        let in_several = ConstGauge::new(self.in_several_partitions);
        families.add("isotherm_stations_in_several_partitions", help, [(NO_LABEL, in_several)])?;
        self.add_process(&mut families)
    }
}

impl Numbers {
    fn add_partitions(&self, families: &mut Families<'_>) -> fmt::Result {
        let all = || self.progress.partitions().map(|(number, one)| ([("partition", number)], one));
        let every = self.progress.every_partition();
        let assigned = every.map(|(number, one)| ([("partition", number)], ConstGauge::new(u64::from(one.is_held()))));
        families.add("isotherm_assigned", "1 where this process counts the partition", assigned)?;
        let help = "Records read, counted or rejected; again after a crash";
        let records = all().map(|(label, one)| (label, one.records.clone()));
        families.add("isotherm_records", help, records)?;
        let help = "Records rejected and only counted, as the file of them is full; again after a crash";
        let unkept = all().map(|(label, one)| (label, one.rejected_unkept.clone()));
        families.add("isotherm_rejected_unkept", help, unkept)?;
        let rejected = all().flat_map(|(label, one)| {
            let by_reason = one.rejected();
            by_reason.map(move |(reason, records)| ((label, [("reason", reason.name())]), ConstCounter::new(records)))
        });
        families.add("isotherm_rejected", "Records rejected; again after a crash", rejected)?;
        for (name, help, number) in PARTITION_GAUGES {
            families.add(name, help, all().map(|(label, one)| (label, ConstGauge::new(number(one)))))?;
        }
        let help = "Time between two commits that is in force";
        let intervals =
            all().map(|(label, one)| (label, ConstGauge::new(one.commit_interval_ms.get() as f64 / 1000.0)));
        families.add("isotherm_commit_interval_seconds", help, intervals)?;
        let help = "When the last commit was done; 0 before the first";
        let committed_at = all().map(|(label, one)| {
            let at_ms = one.last_commit().map_or(0, |(at, _)| self.clock.unix_ms(at));
            (label, ConstGauge::new(at_ms as f64 / 1000.0))
        });
        families.add("isotherm_last_commit_timestamp_seconds", help, committed_at)?;
        let help = "Time from the snapshot to the file that is safe on disk";
        let commits = all().map(|(label, one)| (label, one.commit_seconds.clone()));
        families.add("isotherm_commit_duration_seconds", help, commits)?;
        let batches = all().map(|(label, one)| (label, one.batch_records.clone()));
        families.add("isotherm_batch_records", "Records that were applied as one step", batches)
    }

    fn add_branches(&self, families: &mut Families<'_>) -> fmt::Result {
        let statuses = self.progress.branches().statuses();
        let all = || statuses.iter().map(|(branch, status)| ([("branch", branch.to_string())], status));
        let help = "Crashes that a restart was granted after, counted when they happen";
        let restarts = all().map(|(label, status)| (label, ConstCounter::new(status.restarts)));
        families.add("isotherm_restarts", help, restarts)?;
        let help = "Lives that ended because another process had committed";
        let superseded = all().map(|(label, status)| (label, ConstCounter::new(status.superseded)));
        families.add("isotherm_superseded", help, superseded)?;
        let up = all().map(|(label, status)| {
            let is_up = matches!(status.condition, Condition::Running | Condition::Finished | Condition::Stopped);
            (label, ConstGauge::new(u64::from(is_up)))
        });
        families.add("isotherm_branch_up", "1 where the branch works or has ended well", up)?;
        let help = "Time from a death until the branch works again";
        let recoveries = all().map(|(label, status)| (label, status.recovery_seconds.clone()));
        families.add("isotherm_recovery_duration_seconds", help, recoveries)
    }

    fn add_process(&self, families: &mut Families<'_>) -> fmt::Result {
        let cpu_seconds = ConstCounter::new(process::cpu_seconds());
        families.add(
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds.",
            [(NO_LABEL, cpu_seconds)],
        )?;
        let started_ms = self.clock.unix_ms(self.progress.started());
        let started =
            ("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", started_ms / 1000);
        for (name, help, number) in process::gauges().chain([started]) {
            families.add(name, help, [(NO_LABEL, ConstGauge::new(number))])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Branch;

    /// What an alert goes by: it rises although the branch was never ready.
    #[test]
    fn a_branch_that_crashes_again_and_again_and_never_works_is_not_up_and_its_crashes_are_counted() {
        let progress = Progress::new(&[2]);
        let (board, branch) = (progress.branches(), Branch::Partition(2));
        board.add(branch, 5, ["aggregator"].into_iter());
        for epoch in 1..=3 {
            board.started(branch, epoch);
            board.died(branch, "aggregator", "panicked: boom", 4, None);
        }
        let text = text(&progress, Clock::start(), 0, 0);
        for line in
            ["isotherm_restarts_total{branch=\"partition 2\"} 3", "isotherm_branch_up{branch=\"partition 2\"} 0"]
        {
            assert!(text.lines().any(|told| told == line), "{line} is not in {text}");
        }
    }
}
