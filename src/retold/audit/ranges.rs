//! The records that a file must have read, from the log.

use crate::domain::Record;
use crate::domain::state::Gap;
use crate::failure::Failure;
use crate::log::{RangePace, RangeReader, RecordLog};

/// The offsets that a file with these gaps must have read: ranges [from, to), in order.
pub fn ranges(first_offset: u64, next_offset: u64, gaps: &[Gap]) -> Vec<(u64, u64)> {
    let mut ranges = Vec::new();
    let mut from = first_offset;
    for gap in gaps {
        ranges.push((from, gap.from.min(next_offset)));
        from = from.max(gap.to);
    }
    ranges.push((from, next_offset));
    ranges.retain(|(from, to)| from < to);
    ranges
}

/// Hands every record in [from, to) to `each`, in order.
pub fn read(
    log: &dyn RecordLog,
    pace: &RangePace,
    partition: u32,
    (from, to): (u64, u64),
    mut each: impl FnMut(Record<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut range = RangeReader::open(log, partition, from, to, pace)?;
    while let Some((mut records, _)) = range.next_batch()? {
        records.try_for_each(&mut each)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_left_out_of_what_must_be_read() {
        let gap = |from, to| Gap { from, to };
        assert_eq!(ranges(0, 10, &[]), [(0, 10)]);
        assert_eq!(ranges(3, 3, &[]), []);
        assert_eq!(ranges(0, 10, &[gap(4, 6), gap(7, 8)]), [(0, 4), (6, 7), (8, 10)]);
        assert_eq!(ranges(4, 10, &[gap(4, 6)]), [(6, 10)]);
        assert_eq!(ranges(0, 6, &[gap(4, 6)]), [(0, 4)]);
    }
}
