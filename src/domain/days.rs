//! A set of days.

use std::ops::Range;

use roaring::RoaringBitmap;

/// Numbers of days, exact for ever.
///
/// Days mostly come one after the other. So the newest unbroken run of them is kept as its two ends, which takes a new day
/// in a few instructions and no memory; what lies before it is a bitmap.
#[derive(Clone, Debug, Default)]
pub struct Days {
    /// All below `newest`.
    earlier: RoaringBitmap,
    /// Empty only where there is no day at all.
    newest: Range<u32>,
}

impl Days {
    /// Adds a day (its number is below `u32::MAX`); `false` if it is there already, and then nothing changes.
    pub fn insert(&mut self, day: u32) -> bool {
        if day == self.newest.end && !self.newest.is_empty() {
            self.newest.end += 1;
            return true;
        }
        if day < self.newest.start {
            return self.earlier.insert(day);
        }
        if day < self.newest.end {
            return false;
        }
        self.earlier.insert_range(self.newest.clone());
        self.newest = day..day + 1;
        true
    }

    pub fn contains(&self, day: u32) -> bool {
        self.newest.contains(&day) || self.earlier.contains(day)
    }

    pub fn count(&self) -> u64 {
        self.earlier.len() + self.newest.len() as u64
    }

    pub fn min(&self) -> Option<u32> {
        self.earlier.min().or_else(|| self.newest.clone().next())
    }

    pub fn max(&self) -> Option<u32> {
        self.newest.clone().next_back().or_else(|| self.earlier.max())
    }

    /// All of them, rising.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.earlier.iter().chain(self.newest.clone())
    }

    /// All of them.
    pub fn to_bitmap(&self) -> RoaringBitmap {
        let mut bitmap = self.earlier.clone();
        bitmap.insert_range(self.newest.clone());
        bitmap
    }
}

/// Of numbers below `u32::MAX`.
impl From<RoaringBitmap> for Days {
    fn from(mut earlier: RoaringBitmap) -> Self {
        let newest = earlier.iter().next_range_back().map_or(0..0, |run| *run.start()..run.end() + 1);
        earlier.remove_range(newest.clone());
        Self { earlier, newest }
    }
}

/// The same days, however they are kept.
impl PartialEq for Days {
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count() && self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Days as stations send them, and worse: mostly the next one, some again, some late, some after a gap.
    fn days() -> impl Strategy<Value = Vec<u32>> {
        let step = prop_oneof![12 => Just(1i32), 1 => Just(0), 2 => -20..20i32, 1 => -70_000..70_000i32];
        // The ends of the calendar, and where one of the bitmap's containers ends.
        let start = prop::sample::select(vec![0i32, 11 * 65_536 - 20, 730_000, 3_652_000]);
        (start, prop::collection::vec(step, 1..200)).prop_map(|(mut day, steps)| {
            let mut next = |step: i32| {
                day = (day + step).clamp(0, 3_652_058);
                day.unsigned_abs()
            };
            steps.into_iter().map(&mut next).collect()
        })
    }

    fn agree(days: &Days, model: &BTreeSet<u32>) -> Result<(), TestCaseError> {
        prop_assert!(days.iter().eq(model.iter().copied()));
        prop_assert!(days.to_bitmap().iter().eq(model.iter().copied()));
        prop_assert_eq!(days.count(), model.len() as u64);
        prop_assert_eq!(days.min(), model.first().copied());
        prop_assert_eq!(days.max(), model.last().copied());
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn they_are_a_set(before in days(), after in days()) {
            let (mut days, mut model) = (Days::default(), BTreeSet::new());
            for day in before {
                prop_assert_eq!(days.contains(day), model.contains(&day));
                prop_assert_eq!(days.insert(day), model.insert(day));
            }
            agree(&days, &model)?;
            // As after a recovery, which knows nothing of how they came.
            let mut recovered = Days::from(days.to_bitmap());
            prop_assert_eq!(&recovered, &days);
            for day in after {
                prop_assert_eq!(recovered.insert(day), model.insert(day));
                days.insert(day);
            }
            agree(&recovered, &model)?;
            prop_assert_eq!(&recovered, &days);
        }
    }
}
