//! What the lines hold that are passed over, for a person who wonders why nothing is read.

use std::collections::BTreeSet;

/// Names that are kept.
const NAMES_MAX: usize = 10;
const NAME_BYTES_MAX: usize = 40;

/// Some names of what was passed over.
#[derive(Debug, Default)]
pub struct Others(BTreeSet<String>);

impl Others {
    pub fn note(&mut self, name: &str) {
        let name = name.trim();
        if self.0.len() < NAMES_MAX && name.len() <= NAME_BYTES_MAX && !self.0.contains(name) {
            self.0.insert(name.to_owned());
        }
    }

    /// `what`, the names, and the setting that names one.
    pub fn text(&self, what: &str, key: &str) -> Option<String> {
        let names: Vec<&str> = self.0.iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("the source has {what} {}: set {key} to one of them", names.join(", ")))
    }
}
