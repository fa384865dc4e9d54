//! Finds what an earlier life of the source has sent without hearing that it was acknowledged: it is not sent again.
//!
//! A source that goes on from a cursor gives the same readings in the same order, and a partition keeps the order of its
//! writer. So the records in question are, in each partition, the first ones that the source gives for it, in their order,
//! with records of others in between. A reading that is not found up to the end was never sent, and so none behind it was:
//! the search is over. Each record that was found is passed, so one that was sent for the same reading once more is not
//! taken for it. Nothing is kept in memory but a batch.

use std::collections::BTreeMap;

use super::look_up::{BATCH_RECORDS_MAX, READ_WAIT, SILENT_READS_MAX};
use crate::domain::Batch;
use crate::failure::Failure;
use crate::log::{Extent, Outgoing, RecordLog, failures};

/// What is still to be searched.
#[derive(Default)]
pub struct ReadBack {
    /// By partition, from behind the last record that is known to be acknowledged to where the partition ended when the writer
    /// was opened.
    left: BTreeMap<u32, Extent>,
}

impl ReadBack {
    /// What lies behind the ends that are known to be acknowledged. To be asked once no earlier writer can append any more.
    ///
    /// A Retryable failure as long as records are not visible that may be ours, unless `skip_hidden`.
    pub fn find(
        log: &dyn RecordLog,
        partitions: u32,
        acknowledged: &BTreeMap<u32, u64>,
        skip_hidden: bool,
        got_on: impl Fn(),
    ) -> Result<Self, Failure> {
        let every: Vec<u32> = (0..partitions).collect();
        let mut left = BTreeMap::new();
        for (&partition, high_watermark) in every.iter().zip(log.high_watermarks(&every)?) {
            let from = acknowledged.get(&partition).copied().unwrap_or_default();
            if high_watermark <= from {
                continue;
            }
            got_on();
            let Extent { start, end } = log.extent(partition)?;
            if end < high_watermark && !skip_hidden {
                return Err(failures::hidden(&log.name(), partition, end, high_watermark));
            }
            left.insert(partition, Extent { start: from.max(start), end });
        }
        Ok(Self { left })
    }

    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Takes out the records that are there; gives by partition the end of what is accounted for by now.
    pub fn take_known(
        &mut self,
        log: &dyn RecordLog,
        records: &mut Vec<Outgoing<'_>>,
        got_on: impl Fn(),
    ) -> Result<BTreeMap<u32, u64>, Failure> {
        let mut wanted: BTreeMap<u32, Vec<Outgoing<'_>>> = BTreeMap::new();
        for record in records.iter().filter(|record| self.left.contains_key(&record.partition)) {
            wanted.entry(record.partition).or_default().push(*record);
        }
        let (mut known, mut accounted) = (BTreeMap::new(), BTreeMap::new());
        for (partition, wanted) in wanted {
            let left = self.left.get_mut(&partition).expect("only those of these partitions are wanted");
            let found = search(log, partition, left, &wanted, &got_on)?;
            // Behind the first that is missing nothing is ours.
            let at = if found < wanted.len() { left.end } else { left.start };
            accounted.insert(partition, at);
            if at >= left.end {
                self.left.remove(&partition);
            }
            known.insert(partition, found);
        }
        records.retain(|record| match known.get_mut(&record.partition) {
            Some(found) if *found > 0 => {
                *found -= 1;
                false
            }
            _ => true,
        });
        Ok(accounted)
    }

    /// Ends the search; gives by partition the end of what is accounted for.
    pub fn end(&mut self) -> BTreeMap<u32, u64> {
        std::mem::take(&mut self.left).into_iter().map(|(partition, left)| (partition, left.end)).collect()
    }
}

/// How many of these records, from the first on, are found in their order; passes those.
fn search(
    log: &dyn RecordLog,
    partition: u32,
    left: &mut Extent,
    wanted: &[Outgoing<'_>],
    got_on: impl Fn(),
) -> Result<usize, Failure> {
    let (mut found, mut silent_reads, mut batch) = (0, 0, Batch::default());
    // Retention may have taken more since.
    let mut position = left.start.max(log.extent(partition)?.start);
    let mut reader = log.open_reader(partition, position)?;
    while found < wanted.len() && position < left.end {
        got_on();
        batch.clear();
        let next = match reader.read(&mut batch, BATCH_RECORDS_MAX, READ_WAIT) {
            Err(failure) if !failure.is_retryable() && log.extent(partition)?.start > position => {
                position = log.extent(partition)?.start;
                reader = log.open_reader(partition, position)?;
                continue;
            }
            read => read?,
        };
        if next == position {
            silent_reads += 1;
            if silent_reads > SILENT_READS_MAX {
                return Err(failures::silent(&log.name(), partition, position, READ_WAIT * SILENT_READS_MAX));
            }
            continue;
        }
        if batch.is_disordered() {
            return Err(failures::disordered(&log.name(), position));
        }
        (position, silent_reads) = (next, 0);
        for record in batch.records().take_while(|record| record.offset < left.end) {
            let Some(wanted) = wanted.get(found) else { break };
            if (record.key, record.value) == (wanted.key, wanted.value) {
                found += 1;
                left.start = record.offset + 1;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::TopicSpec;
    use crate::log::memory::MemoryLog;

    fn outgoing<'a>((partition, value): &(u32, &'a str)) -> Outgoing<'a> {
        Outgoing { partition: *partition, key: None, value: Some(value.as_bytes()) }
    }

    /// A log of two partitions with these records.
    fn log(records: &[(u32, &str)]) -> MemoryLog {
        let log = MemoryLog::new("t");
        log.create_topic(&TopicSpec { partitions: 2, replication: 1, retention_ms: -1 }).expect("it is created");
        let records: Vec<_> = records.iter().map(outgoing).collect();
        log.open_writer("a source").and_then(|mut writer| writer.write(&records)).expect("it is written");
        log
    }

    fn find(log: &MemoryLog, acknowledged: &[(u32, u64)]) -> ReadBack {
        ReadBack::find(log, 2, &acknowledged.iter().copied().collect(), false, || ()).expect("the log works")
    }

    /// What is still to be sent of these, and what is accounted for.
    fn left<'a>(
        read_back: &mut ReadBack,
        log: &MemoryLog,
        given: &[(u32, &'a str)],
    ) -> (Vec<&'a str>, Vec<(u32, u64)>) {
        let mut records: Vec<_> = given.iter().map(outgoing).collect();
        let accounted = read_back.take_known(log, &mut records, || ()).expect("the log works");
        let values =
            records.iter().map(|record| std::str::from_utf8(record.value.expect("it has one")).expect("UTF-8"));
        (values.collect(), accounted.into_iter().collect())
    }

    #[test]
    fn what_was_sent_is_found_among_the_records_of_others_and_the_rest_is_left() {
        let log = log(&[(0, "before"), (0, "x"), (0, "a"), (1, "b"), (0, "y"), (0, "c"), (0, "z")]);
        let mut read_back = find(&log, &[(0, 1), (1, 0)]);
        let given = [(0, "a"), (1, "b"), (0, "c"), (1, "d"), (0, "e"), (0, "a")];
        assert_eq!(left(&mut read_back, &log, &given), (vec!["d", "e", "a"], vec![(0, 6), (1, 1)]));
        assert!(read_back.is_empty());
    }

    #[test]
    fn a_search_goes_on_from_group_to_group_behind_what_it_has_found() {
        let log = log(&[(0, "a"), (0, "a"), (0, "b"), (1, "x"), (0, "c")]);
        let mut read_back = find(&log, &[]);
        assert_eq!(left(&mut read_back, &log, &[(0, "a")]), (vec![], vec![(0, 1)]));
        // The same once more, as a source can have it: another record.
        assert_eq!(left(&mut read_back, &log, &[(0, "a"), (0, "b")]), (vec![], vec![(0, 3)]));
        // From here on another life would find none of those again.
        let mut next_life = find(&log, &[(0, 3), (1, 0)]);
        assert_eq!(left(&mut next_life, &log, &[(0, "a"), (0, "c")]), (vec!["a", "c"], vec![(0, 4)]));
        assert_eq!(left(&mut read_back, &log, &[(0, "c"), (0, "d")]), (vec!["d"], vec![(0, 4)]));
        assert_eq!(read_back.end(), BTreeMap::from([(1, 1)]));
    }

    #[test]
    fn where_all_is_acknowledged_nothing_is_searched() {
        let log = log(&[(0, "a"), (1, "b")]);
        assert!(find(&log, &[(0, 1), (1, 1)]).is_empty());
    }
}
