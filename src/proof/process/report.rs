//! What all lives showed.

use std::path::PathBuf;

use crate::proof::{Tally, Violation};

#[derive(Debug, Default)]
pub struct Report {
    /// Its restarts are starts of the program, and recovered is one that came to its first commit.
    pub tally: Tally,
    /// Records in the logs, at the end of each round.
    pub records: u64,
    pub partitions_audited: u64,
    pub found: Option<Found>,
}

/// A promise that was broken, and how to see it again.
#[derive(Debug)]
pub struct Found {
    pub violation: Violation,
    /// From 1; after the last one: the undisturbed life.
    pub run: u64,
    pub disturbance: String,
    /// Both kept as they were found.
    pub folder: PathBuf,
    pub topic: String,
    /// Does the same again, up to here, with the same settings.
    pub repeat: String,
}
