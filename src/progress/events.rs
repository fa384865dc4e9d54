//! What is worth telling: each event is one function, which is its one log line and, where there is one, its counter.
//!
//! Messages are constant and facts are fields, so that the same line can be read by a person and searched by a program.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::board::Branch;
use super::gauges::{BAD_LINES_LOGGED_MAX, Progress};
use crate::domain::Invariant;
use crate::failure::{Failure, Origin};
use crate::points::Planned;

/// What a program knows an event by: the target of its line, which JSON shows. What the line says is for people, and may
/// change.
pub mod target {
    pub const COMMITTED: &str = "isotherm::progress::committed";
    pub const DRAINING: &str = "isotherm::progress::draining";
    pub const FAILED: &str = "isotherm::progress::failed";
    pub const OUTAGE_ENDED: &str = "isotherm::progress::outage_ended";
    pub const PROGRESS: &str = "isotherm::progress::progress";
    pub const RESTARTED: &str = "isotherm::progress::restarted";
}

/// An actor died, and will be started again after the backoff. `budget_left` restarts are still granted.
pub fn died(progress: &Progress, branch: Branch, child: &str, cause: &str, backoff: Duration, budget_left: usize) {
    progress.branches().died(branch, child, cause, budget_left, position(progress, branch));
    warn!(%branch, child, cause, backoff_ms = milliseconds(backoff), restarts_left = budget_left, "died");
}

/// Another process has committed what this branch was counting: the branch goes on from there.
pub fn superseded(progress: &Progress, branch: Branch, child: &str, failure: &Failure) {
    progress.branches().superseded(branch, child, &failure.what, position(progress, branch));
    warn!(%branch, child, cause = failure.what, "superseded");
}

/// The offset up to which a partition's branch has applied.
fn position(progress: &Progress, branch: Branch) -> Option<u64> {
    match branch {
        Branch::Partition(number) => Some(progress.partition(number).position.get()),
        Branch::Process | Branch::Ingest | Branch::End => None,
    }
}

/// The group gives these partitions to this process, beside those that it has.
pub fn assigned(partitions: &[u32]) {
    info!(?partitions, "assigned by the group");
}

/// The group wants these partitions for other processes.
pub fn revoked(partitions: &[u32]) {
    info!(?partitions, "handing over to other processes");
}

/// Others commit to the store, and this process cannot reach it.
pub fn stepped_out(store: &str) {
    warn!(store, "only this process cannot reach the object store: it gives its partitions back until it can");
}

/// The store answers this process again.
pub fn stepped_in(store: &str) {
    info!(store, "the object store answers again: this process asks the group for partitions");
}

/// The group takes this process for gone, or cannot be reached.
pub fn lost(partitions: &[u32]) {
    warn!(
        ?partitions,
        "the group cannot be reached, or takes this process for gone: counting goes on until another process has committed"
    );
}

/// A branch works again after actors of it died, once or more often.
///
/// It goes on from an offset (or, on the ingest side, a count of readings), where that is known. It took from the first
/// death, the waits before the new starts included.
pub fn restarted(progress: &Progress, branch: Branch, resumes_from: Option<u64>, took: Duration) {
    progress.branches().restarted(branch, resumes_from);
    info!(target: target::RESTARTED, %branch, resumes_from, took_ms = milliseconds(took), "restarted");
}

/// A branch stopped for good; the others go on, and the exit code will tell.
pub fn branch_failed(progress: &Progress, branch: Branch, failure: &Failure) {
    progress.branches().failed(branch, &failure.to_string());
    let broken = match failure.origin {
        Origin::Check(invariant) => Some(invariant.name()),
        Origin::World | Origin::Replaced | Origin::Planned | Origin::Panic => None,
    };
    error!(
        target: target::FAILED,
        %branch,
        cause = failure.what,
        advice = failure.advice,
        broken,
        "failed for good"
    );
}

/// Something is away and is waited for. The tries until it is back are not said.
pub fn outage_began(progress: &Progress, branch: Branch, failure: &Failure) {
    progress.branches().waits(branch, &failure.to_string());
    warn!(%branch, cause = failure.what, advice = failure.advice, "waiting until it works again");
}

/// It is still away, for this reason.
pub fn outage_lasts(progress: &Progress, branch: Branch, failure: &Failure, lasted: Duration) {
    progress.branches().waits(branch, &failure.to_string());
    warn!(%branch, cause = failure.what, advice = failure.advice, lasted_ms = milliseconds(lasted), "still away");
}

/// What was away is back.
pub fn outage_ended(progress: &Progress, branch: Branch, lasted: Duration) {
    progress.branches().waits_no_more(branch);
    info!(target: target::OUTAGE_ENDED, %branch, lasted_ms = milliseconds(lasted), "works again");
}

/// The settings have things go wrong in this run.
pub fn faults_planned(faults: &[Planned]) {
    let faults: Vec<String> = faults.iter().map(Planned::to_string).collect();
    warn!(faults = faults.join(","), "faults are planned for this run");
}

/// The process stops in order, and by force after the deadline. What asked for it is named as `SIGTERM` is.
pub fn draining(asked_by: &str, deadline_ms: u64) {
    info!(target: target::DRAINING, asked_by, deadline_ms, "stopping; a second signal ends at once");
}

/// An actor that did not stop in time.
pub fn laggard(branch: Branch, child: &str, waited: Duration) {
    error!(%branch, child, waited_ms = milliseconds(waited), "did not stop in time");
}

/// A line of the source, by its number from 1, that is no reading. All are counted, the first few of a file are logged.
pub fn bad_line(progress: &Progress, file: &str, line: u64, reason: &str) {
    let lines = progress.source().add_bad_line(file);
    if lines <= BAD_LINES_LOGGED_MAX {
        warn!(file, line, reason, "bad line skipped");
    } else if lines == BAD_LINES_LOGGED_MAX + 1 {
        warn!(file, line, "further bad lines of this file are counted, but no longer logged");
    }
}

/// Files that were read, or found, are not there any more.
pub fn files_gone(files: usize, first: &str) {
    warn!(
        files,
        first, "files of the source are gone, or are links that lead nowhere: what was read of them stays in the log"
    );
}

/// The last lines of files have no end yet, and are left until they have, or the files are at rest.
pub fn files_half(files: usize, first: &str) {
    info!(files, first, "a last line has no end yet: it is taken once its file was not changed for source.rest_ms");
}

/// Files were changed each time they were looked at, up to the end of the source.
pub fn files_still_changing(files: usize, first: &str) {
    warn!(files, first, "files were changed again and again while they were read: the next run goes on with them");
}

/// The last line of a stream has no end. It may be half of one.
pub fn no_last_end(name: &str) {
    warn!(name, "the last line of the stream has no end: it is taken as it is");
}

/// The stream begins as the one that was read before: so much of it is compared with that, and passed over.
pub fn known_stream(name: &str, bytes: u64) {
    info!(
        name,
        bytes, "the stream begins as the one that was read before: what was read of that is compared and passed over"
    );
}

/// The stream before, of which so much was read, was another one.
pub fn other_stream(name: &str, bytes_before: u64) {
    warn!(name, bytes_before, "the stream does not begin as the one before: it is read from its beginning");
}

/// A pass over the log begins, from 1, in which changed files, or files that may have been sent before, are compared with it.
pub fn comparing(files: usize, first: &str, readings: usize, (pass, passes): (usize, usize)) {
    info!(files, first, readings, pass, passes, "comparing files with the log");
}

/// Files were compared with the log. Readings of new days, and other values of days that the log has, were sent.
pub fn compared(files: usize, (new_days, revised, withdrawn_days): (u64, u64, u64)) {
    info!(files, new_days, revised, withdrawn_days, "files compared with the log");
}

/// Readings were sent that the log may have had before.
pub fn possible_repeats(readings: u64, why: &str) {
    warn!(readings, why, "readings were sent that may be repeats: the log does not go back far enough to tell");
}

/// Readings were sent by an earlier run, which did not hear that they were acknowledged.
pub fn known(readings: usize) {
    info!(readings, "the log has readings already that an earlier run has sent: they are not sent again");
}

/// A source whose readings are not recognised begins on a log that has records.
pub fn not_compared() {
    warn!("the log has records already: readings of this source that are among them come once more");
}

/// A message that would have broken an invariant, as it came out of its order, was refused. Its receiver crashes.
pub fn out_of_order(broken: Invariant, what: &str) {
    error!(broken = broken.name(), what, "a message out of its order was refused");
}

/// A branch has counted its first records since it was started, or started again, and went on from this offset.
pub fn counting(partition: u32, from_offset: u64) {
    debug!(partition, from_offset, "counting");
}

/// A partition's file is safe on disk up to an offset.
pub fn committed(progress: &Progress, partition: u32, next_offset: u64, took: Duration) {
    let gauges = progress.partition(partition);
    gauges.committed.set(next_offset);
    gauges.add_commit(took);
    debug!(target: target::COMMITTED, partition, next_offset, took_ms = milliseconds(took), "committed");
}

/// How often a partition is committed has changed, for commits cost more than their share of the time, or no longer do.
/// Said where it is news, not of each commit. The interval in force from now on is longer than the shortest, which is set,
/// or is it again.
pub fn commits_paced(partition: u32, interval: Duration, interval_min: Duration, cost: Duration, stations: usize) {
    let (interval_ms, cost_ms) = (milliseconds(interval), milliseconds(cost));
    if interval > interval_min {
        warn!(partition, interval_ms, cost_ms, stations, "commits take long, so there are fewer of them");
    } else {
        info!(partition, interval_ms, cost_ms, stations, "commits are as frequent as set again");
    }
}

/// So many rejected records of a batch that was just applied, which can be none, have no line, as the partition's file of them
/// is as large as it may be. Said once by a process of each partition; the records are counted.
pub fn rejected_unkept(progress: &Progress, partition: u32, records: u64, file: &Path, rejected_bytes_max: u64) {
    let before = progress.partition(partition).rejected_unkept.inc_by(records);
    if before == 0 && records > 0 {
        warn!(
            partition,
            file = %file.display(),
            quality.rejected_bytes_max = rejected_bytes_max,
            "the file of rejected records is full: those that do not fit are only counted"
        );
    }
}

/// A partition goes on although the record before its offset is no longer in the log to compare.
pub fn could_not_verify(partition: u32, next_offset: u64, last_record_offset: u64) {
    warn!(
        partition,
        next_offset,
        last_record_offset,
        "resuming unchecked: the log no longer has the last counted record (retention or compaction took it)"
    );
}

/// Records cannot be read for as long as this, as a transaction of a producer is open before them.
pub fn hidden(partition: u32, end_offset: u64, records: u64, since: Duration) {
    warn!(
        partition,
        end_offset,
        records,
        since_ms = milliseconds(since),
        "an open transaction hides records until it ends; kafka-transactions.sh describe-producers names its producer: if that \
         is gone for good, abort it"
    );
}

/// The transaction that began at this offset, of which [`hidden`] told, has ended.
pub fn hidden_no_more(partition: u32, end_offset: u64) {
    info!(partition, end_offset, "the transaction that hid records has ended");
}

/// A topic was made.
pub fn topic_created(log: &str, log_id: &str, partitions: u32) {
    info!(log, log_id, partitions, "topic created");
}

/// The dashboard can be opened.
pub fn serving(address: SocketAddr) {
    info!(address = format!("http://{address}/"), "serving the dashboard");
}

/// What is to be said of how long the log keeps its records.
pub fn retention_warning(log: &str, warning: &str) {
    warn!(log, warning, "check the retention of the log");
}

/// What a store of objects does that costs something.
pub fn store_note(store: &str, note: &str) {
    warn!(store, note, "about the object store");
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
