//! Where a file and a replay differ: all are counted, the first ones are kept.

use serde::Serialize;

/// Differences that are listed.
const LISTED_MAX: usize = 20;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs, as in `station KNYC, sum`.
    pub what: String,
    pub file: String,
    pub replay: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Differences {
    pub total: u64,
    pub listed: Vec<Difference>,
}

impl Differences {
    pub fn add(
        &mut self,
        what: impl FnOnce() -> String,
        file: impl FnOnce() -> String,
        replay: impl FnOnce() -> String,
    ) {
        self.total += 1;
        if self.listed.len() < LISTED_MAX {
            self.listed.push(Difference { what: what(), file: file(), replay: replay() });
        }
    }

    /// Adds a difference if there is one.
    pub fn compare<T: PartialEq + std::fmt::Debug>(&mut self, what: impl FnOnce() -> String, file: &T, replay: &T) {
        if file != replay {
            self.add(what, || format!("{file:?}"), || format!("{replay:?}"));
        }
    }
}
