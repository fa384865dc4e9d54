//! The log lines of a child, which are JSON on its standard error: their facts are counted, and the last lines kept.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use serde_json::Value;

use crate::points::registry::FIRED;
use crate::progress::events::target;

/// Last lines that are kept for a report, and bytes of each.
const LINES_KEPT_MAX: usize = 20;
const LINE_SHOWN_BYTES_MAX: usize = 400;

/// A longer line is read as several.
const LINE_BYTES_MAX: u64 = 1 << 16;

/// Lines that may be read ahead.
const LINES_AHEAD_MAX: usize = 1024;

/// The facts of the lines so far.
#[derive(Default)]
pub struct ToldLines {
    pub commits: u64,
    pub first_commit: Option<Instant>,
    /// By partition: the offset that was last said to be on disk.
    pub committed: BTreeMap<u32, u64>,
    /// A partition whose offset went back, in words.
    pub went_back: Option<String>,
    /// Planned faults that happened.
    pub fired: Vec<String>,
    /// A branch was restarted, or an outage has ended.
    pub recovered: bool,
    /// Log lines that never came, by the program's own count: the facts are incomplete then, and prove nothing.
    pub lost_lines: u64,
    /// A branch failed for good.
    pub failed: bool,
    /// The process stops in order.
    pub stopping: bool,
    /// The stream has ended, and so has the process.
    pub over: bool,
    pub last_lines: VecDeque<String>,
}

/// The lines of a stream, which a thread of its own reads to its end.
pub fn lines(stream: impl Read + Send + 'static) -> io::Result<Receiver<String>> {
    let (sender, lines) = mpsc::sync_channel(LINES_AHEAD_MAX);
    std::thread::Builder::new().name("isotherm-child".to_owned()).spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!((&mut stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line), Ok(bytes) if bytes > 0)
            && sender.send(String::from_utf8_lossy(&line).into_owned()).is_ok()
        {
            line.clear();
        }
    })?;
    Ok(lines)
}

impl ToldLines {
    pub fn take(&mut self, line: &str) {
        let fields: Value = serde_json::from_str(line).unwrap_or_default();
        self.lost_lines = self.lost_lines.max(fields["lost_lines"].as_u64().unwrap_or_default());
        match fields["target"].as_str().unwrap_or_default() {
            target::COMMITTED => return self.commit(&fields),
            target::PROGRESS => return,
            FIRED => self.fired.extend(fields["fault"].as_str().map(str::to_owned)),
            target::RESTARTED | target::OUTAGE_ENDED => self.recovered = true,
            target::FAILED => self.failed = true,
            target::DRAINING => self.stopping = true,
            _ => {}
        }
        if self.last_lines.len() == LINES_KEPT_MAX {
            self.last_lines.pop_front();
        }
        let mut shown = line.trim_end().to_owned();
        shown.truncate(shown.floor_char_boundary(LINE_SHOWN_BYTES_MAX));
        self.last_lines.push_back(shown);
    }

    fn commit(&mut self, fields: &Value) {
        self.commits += 1;
        self.first_commit.get_or_insert_with(Instant::now);
        let partition = fields["partition"].as_u64().and_then(|number| u32::try_from(number).ok());
        let Some((partition, offset)) = partition.zip(fields["next_offset"].as_u64()) else { return };
        if let Some(before) = self.committed.insert(partition, offset).filter(|&before| before > offset) {
            let what = format!("partition {partition} was committed up to {offset} after it had been up to {before}");
            self.went_back.get_or_insert(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::logging::capture;
    use crate::failure::{Failure, Kind};
    use crate::points::{Action, FaultPoints, Planned};
    use crate::progress::Branch;
    use crate::progress::Progress;
    use crate::progress::events;

    /// The facts of the lines that the program writes of its own events.
    fn seen(told: impl Fn(&Progress)) -> ToldLines {
        let mut seen = ToldLines::default();
        capture("debug", || told(&Progress::new(&[1]))).lines().for_each(|line| seen.take(line));
        seen
    }

    #[test]
    fn every_event_that_is_listened_for_is_one_that_the_program_tells() {
        let (branch, failure) = (Branch::Partition(1), &Failure::fatal(Kind::Data, "gone"));
        let took = Duration::from_millis(3);
        let committed = seen(|progress| events::committed(progress, 1, 7, took));
        assert_eq!((committed.commits, committed.committed.get(&1)), (1, Some(&7)));
        assert!(committed.first_commit.is_some() && committed.last_lines.is_empty());
        assert!(seen(|progress| events::restarted(progress, branch, None, took)).recovered);
        assert!(seen(|progress| events::outage_ended(progress, branch, took)).recovered);
        assert!(seen(|progress| events::branch_failed(progress, branch, failure)).failed);
        assert!(seen(|_| events::draining("SIGTERM", 1)).stopping);
        let fault = Planned { point: "consumer.read".to_owned(), hit: 1, action: Action::Retryable };
        let faults = FaultPoints::new(vec![fault.clone()]).expect("there is such a point");
        assert_eq!(seen(|_| drop(faults.hit("consumer.read"))).fired, [fault.to_string()]);
    }

    #[test]
    fn a_stream_is_read_to_its_end_and_only_the_last_lines_are_kept() {
        let mut text = String::new();
        for offset in [3, 5, 4] {
            let target = target::COMMITTED;
            text.push_str(&format!("{{\"target\":\"{target}\",\"partition\":1,\"next_offset\":{offset}}}\n"));
        }
        text.push_str(&format!("{{\"target\":\"{FIRED}\",\"fault\":\"aggregator.apply@1=abort\"}}\n"));
        for number in 0..100 {
            let (target, long) = (target::RESTARTED, "é".repeat(1000));
            text.push_str(&format!("{{\"target\":\"{target}\",\"number\":{number}}}\n{long}\n"));
        }
        let mut seen = ToldLines::default();
        lines(io::Cursor::new(text)).expect("a thread").iter().for_each(|line| seen.take(&line));
        assert_eq!((seen.commits, seen.committed.get(&1)), (3, Some(&4)));
        let went_back = seen.went_back.as_deref();
        assert_eq!(went_back, Some("partition 1 was committed up to 4 after it had been up to 5"));
        assert!(seen.recovered && !seen.failed && !seen.stopping);
        assert_eq!(seen.fired, ["aggregator.apply@1=abort"]);
        assert_eq!(seen.last_lines.len(), LINES_KEPT_MAX);
        assert!(seen.last_lines.iter().all(|line| line.len() <= LINE_SHOWN_BYTES_MAX));
        assert!(seen.last_lines[LINES_KEPT_MAX - 2].contains("\"number\":99"));
    }
}
