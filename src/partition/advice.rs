//! Advice that several parts give in the same words.

use std::fmt::Display;

/// How to make a partition's file again from what the log holds.
pub fn rebuild(partition: impl Display) -> String {
    format!("count the partition anew with `isotherm rebuild {partition}` and the same settings")
}
