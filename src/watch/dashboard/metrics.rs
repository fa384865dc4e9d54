//! `GET /metrics`: the same numbers for Prometheus.

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};

use super::clock::Clock;
use crate::failure::{Failure, Kind};
use crate::progress::{Condition, Progress};
use crate::standard_error;

/// The numbers of this moment in Prometheus' text format.
///
/// Other folders count, and their numbers are taken over: so every metric but the histograms is made anew for each scrape.
pub fn text(progress: &Progress, clock: Clock, clients: usize) -> Result<String, Failure> {
    gather(progress, clock, clients)
        .map_err(|error| Failure::fatal(Kind::Internal, format!("the metrics could not be written: {error}")))
}

/// [`TextEncoder`]'s media type.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

struct Metrics(Registry);

impl Metrics {
    fn add(&self, collector: impl Collector + 'static) -> prometheus::Result<()> {
        self.0.register(Box::new(collector))
    }

    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.add(counter.clone())?;
        Ok(counter)
    }

    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
        let gauge = GaugeVec::new(Opts::new(name, help), labels)?;
        self.add(gauge.clone())?;
        Ok(gauge)
    }
}

fn gather(progress: &Progress, clock: Clock, clients: usize) -> prometheus::Result<String> {
    let metrics = Metrics(Registry::new());
    let info = metrics.gauge("isotherm_build_info", "This program", &["version"])?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
    partitions(&metrics, progress, clock)?;
    branches(&metrics, progress)?;
    let source = progress.source();
    let lost_lines = standard_error::lost_lines() as u64;
    for (name, help, number) in [
        ("isotherm_readings_total", "Readings acknowledged by the log", source.readings()),
        ("isotherm_bad_lines_total", "Lines of the source's files that are no readings", source.bad_lines()),
        ("isotherm_lost_log_lines_total", "Log lines lost because standard error was not read", lost_lines),
    ] {
        metrics.counter(name, help, &[])?.with_label_values::<&str>(&[]).inc_by(number);
    }
    let web_clients = metrics.gauge("isotherm_web_clients", "Event streams that are open", &[])?;
    web_clients.with_label_values::<&str>(&[]).set(clients as f64);
    metrics.add(ProcessCollector::for_self())?;
    TextEncoder::new().encode_to_string(&metrics.0.gather())
}

fn partitions(metrics: &Metrics, progress: &Progress, clock: Clock) -> prometheus::Result<()> {
    let by_partition = ["partition"];
    let gauge = |name, help| metrics.gauge(name, help, &by_partition);
    let records = metrics.counter(
        "isotherm_records_total",
        "Records read, counted or rejected; again after a crash",
        &by_partition,
    )?;
    let rejected = metrics.counter(
        "isotherm_rejected_total",
        "Records rejected; again after a crash",
        &["partition", "reason"],
    )?;
    let unkept = metrics.counter(
        "isotherm_rejected_unkept_total",
        "Records rejected and only counted, as the file of them is full; again after a crash",
        &by_partition,
    )?;
    let position = gauge("isotherm_position_offset", "Offset of the next record to count")?;
    let committed = gauge("isotherm_committed_offset", "Offset that the file on disk goes on from")?;
    let end = gauge("isotherm_end_offset", "One past the last record of the log")?;
    let lag = gauge("isotherm_lag_records", "Records that are in the log and not committed yet")?;
    let interval = gauge("isotherm_commit_interval_seconds", "Time between two commits that is in force")?;
    let committed_at =
        gauge("isotherm_last_commit_timestamp_seconds", "When the last commit was done; 0 before the first")?;
    let stations = gauge("isotherm_stations", "Stations that the partition holds")?;
    for (number, partition) in progress.partitions() {
        let number = number.to_string();
        let label = [number.as_str()];
        records.with_label_values(&label).inc_by(partition.records_total());
        for (reason, records) in partition.rejected_by_reason() {
            rejected.with_label_values(&[number.as_str(), reason.name()]).inc_by(records);
        }
        unkept.with_label_values(&label).inc_by(partition.rejected_unkept());
        position.with_label_values(&label).set(partition.position() as f64);
        committed.with_label_values(&label).set(partition.committed() as f64);
        end.with_label_values(&label).set(partition.end() as f64);
        lag.with_label_values(&label).set(partition.uncommitted() as f64);
        interval.with_label_values(&label).set(partition.commit_interval().as_secs_f64());
        let at = partition.last_commit().map_or(0.0, |(at, _)| clock.unix_ms(at) as f64 / 1000.0);
        committed_at.with_label_values(&label).set(at);
        stations.with_label_values(&label).set(partition.stations() as f64);
        metrics.add(partition.commit_seconds().clone())?;
        metrics.add(partition.batch_records().clone())?;
    }
    Ok(())
}

fn branches(metrics: &Metrics, progress: &Progress) -> prometheus::Result<()> {
    let restarts = metrics.counter(
        "isotherm_restarts_total",
        "Crashes that a restart was granted after, counted when they happen",
        &["branch"],
    )?;
    let up = metrics.gauge("isotherm_branch_up", "1 where the branch works or has ended well", &["branch"])?;
    for (branch, status) in progress.branches().statuses() {
        let branch = branch.to_string();
        restarts.with_label_values(&[&branch]).inc_by(status.restarts);
        let is_up = matches!(status.condition, Condition::Running | Condition::Finished | Condition::Stopped);
        up.with_label_values(&[&branch]).set(f64::from(u8::from(is_up)));
        metrics.add(status.recovery_seconds.clone())?;
    }
    Ok(())
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
        let text = text(&progress, Clock::start(), 0).expect("it is written");
        for line in
            ["isotherm_restarts_total{branch=\"partition 2\"} 3", "isotherm_branch_up{branch=\"partition 2\"} 0"]
        {
            assert!(text.lines().any(|told| told == line), "{line} is not in {text}");
        }
    }
}
