//! Where a partition ends, for people: how far its consumer is behind, and the records that no reader sees yet.

use std::time::Duration;

use tokio::time::Instant;

use super::job::PartitionJob;
use crate::progress::events;
use crate::supervision::Steps;

/// How often the log is asked where readers' view ends, to show the lag.
const END_INTERVAL: Duration = Duration::from_secs(1);
/// How often the log is asked for the records behind that.
const HIDDEN_INTERVAL: Duration = Duration::from_secs(5);
/// Records are hidden behind every transaction for a moment; for so long they are not.
const HIDDEN_MAX: Duration = Duration::from_secs(60);

/// The end of one partition, as it was when the log was asked last.
#[derive(Default)]
pub struct PartitionEnd {
    asked_at: Option<Instant>,
    hidden_asked_at: Option<Instant>,
    hidden: Option<Hidden>,
}

/// Records behind an open transaction.
struct Hidden {
    /// Where readers' view ends: as long as that is the same, so is the transaction.
    from: u64,
    since: Instant,
    is_told: bool,
}

impl PartitionEnd {
    /// Asks the log, where that is due. One that is away is noticed by the reads.
    pub fn look(&mut self, job: &PartitionJob, steps: &Steps) {
        let now = Instant::now();
        let is_due = |at: Option<Instant>, interval| at.is_none_or(|at| now - at >= interval);
        if !is_due(self.asked_at, END_INTERVAL) {
            return;
        }
        self.asked_at = Some(now);
        steps.begin("asking the log where the partition ends");
        // Before the end that readers see, which may pass it meanwhile.
        let mut high_watermark = None;
        if is_due(self.hidden_asked_at, HIDDEN_INTERVAL) {
            self.hidden_asked_at = Some(now);
            high_watermark = job.log.high_watermarks(&[job.partition]).ok().and_then(|all| all.first().copied());
            steps.got_on();
        }
        let Ok(extent) = job.log.extent(job.partition) else { return };
        job.gauges().end.set(extent.end);
        if let Some(high_watermark) = high_watermark {
            self.note(job, extent.end, high_watermark, now);
        }
    }

    /// All before this position was read.
    pub fn passed(&mut self, job: &PartitionJob, position: u64) {
        let gauges = job.gauges();
        gauges.end.set(gauges.end.get().max(position));
        if self.hidden.as_ref().is_some_and(|hidden| position > hidden.from) {
            self.over(job);
        }
    }

    fn note(&mut self, job: &PartitionJob, end: u64, high_watermark: u64, now: Instant) {
        if self.hidden.as_ref().is_some_and(|hidden| hidden.from != end) || high_watermark <= end {
            self.over(job);
        }
        if high_watermark <= end {
            return;
        }
        let records = high_watermark - end;
        job.gauges().hidden.set(records);
        let hidden = self.hidden.get_or_insert(Hidden { from: end, since: now, is_told: false });
        if now - hidden.since >= HIDDEN_MAX && !hidden.is_told {
            hidden.is_told = true;
            events::hidden(job.partition, end, records, now - hidden.since);
        }
    }

    fn over(&mut self, job: &PartitionJob) {
        job.gauges().hidden.set(0);
        if let Some(Hidden { from, is_told: true, .. }) = self.hidden.take() {
            events::hidden_no_more(job.partition, from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::logging::capture;
    use crate::log::test_log::TestLog;
    use crate::partition::reader::tests::job;

    #[test]
    fn hidden_records_are_a_gauge_and_told_once_after_a_minute_and_when_they_are_over() {
        let job = job(TestLog::new(Vec::new()), false);
        let (mut end, began) = (PartitionEnd::default(), Instant::now());
        let seconds = Duration::from_secs;
        let mut note = |from, high_watermark, after| {
            let logged = capture("info", || end.note(&job, from, high_watermark, began + seconds(after)));
            (job.gauges().hidden.get(), logged.lines().count())
        };
        assert_eq!(note(3, 8, 0), (5, 0));
        assert_eq!(note(3, 9, 59), (6, 0));
        // Another transaction: this is a writer at work.
        assert_eq!(note(8, 9, 60), (1, 0));
        assert_eq!(note(8, 12, 120), (4, 1));
        assert_eq!(note(8, 13, 180), (5, 0));
        assert_eq!(note(13, 13, 181), (0, 1));
        assert_eq!(note(13, 14, 182), (1, 0));
        end.passed(&job, 13);
        assert_eq!(job.gauges().hidden.get(), 1);
        end.passed(&job, 14);
        assert_eq!((job.gauges().hidden.get(), job.gauges().end.get()), (0, 14));
    }
}
