//! What the screen shows, and what keys and answers change of it.

use super::text::{age, plain};
use crate::failure::Failure;
use crate::watch::wire::{Audit, Order, Partition, Sort, Stations, Supervision, Which};

/// Stations that the server answers at once.
const LIMIT_MAX: usize = 1000;

/// What the server answered, one question after the other: all that a screen shows of it.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Unix milliseconds by the server's clock, by which it tells all its times.
    pub now_ms: u64,
    pub partitions: Vec<Partition>,
    pub supervision: Supervision,
    pub audit: Audit,
    pub stations: Stations,
}

impl Answers {
    /// How long ago a moment of the server's clock was.
    pub fn age(&self, at_ms: u64) -> String {
        age(self.now_ms.saturating_sub(at_ms))
    }
}

#[derive(Default)]
pub struct TopModel {
    pub address: String,
    /// The newest answers, also while nothing answers any more.
    pub answers: Option<Answers>,
    /// Why there are no newer answers.
    pub trouble: Option<String>,
    /// How long there have been none.
    pub trouble_ms: u64,
    /// The stations that are asked for: those in view, and no others.
    pub which: Which,
    /// Whether keys are letters of the filter.
    pub typing: bool,
    pub all_keys: bool,
    /// What came of the last key.
    pub notice: Option<String>,
}

impl TopModel {
    pub fn new(address: String) -> Self {
        let which = Which { limit: 1, ..Which::default() };
        Self { address, which, ..Self::default() }
    }

    pub fn answered(&mut self, outcome: Result<Answers, Failure>) {
        match outcome {
            Ok(answers) => {
                self.answers = Some(answers);
                self.trouble = None;
                self.scroll_to(self.which.offset);
            }
            Err(failure) => self.trouble = Some(plain(&failure.to_string())),
        }
    }

    pub fn audit_asked_for(&mut self, outcome: Result<(), Failure>) {
        let text = outcome.map_or_else(|failure| failure.to_string(), |()| "the audit has begun".to_owned());
        self.notice = Some(plain(&text));
    }

    /// As many stations as the screen has lines for.
    pub fn fit(&mut self, lines: u16) {
        self.which.limit = usize::from(lines).clamp(1, LIMIT_MAX);
    }

    /// Sorts by the column that is so many columns to the right; the first one follows the last.
    pub fn sort_by_next(&mut self, columns: usize) {
        self.which.sort = Sort::ALL[(self.which.sort as usize + columns) % Sort::ALL.len()];
        self.which.offset = 0;
    }

    pub fn reverse(&mut self) {
        self.which.order = match self.which.order {
            Order::Asc => Order::Desc,
            Order::Desc => Order::Asc,
        };
        self.which.offset = 0;
    }

    /// Shows the stations from this one on, but goes no further than that the last page is full.
    pub fn scroll_to(&mut self, offset: usize) {
        let matching = self.answers.as_ref().map_or(0, |answers| answers.stations.matching as usize);
        self.which.offset = offset.min(matching.saturating_sub(self.which.limit));
    }
}
