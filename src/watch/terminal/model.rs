//! What the screen shows, and what keys and answers change of it.

use super::keys::{Action, Filter, Scroll};
use super::text::{age, plain};
use crate::failure::Failure;
use crate::watch::wire::{Audit, Order, Partition, Sort, Stations, Supervision, Which};

/// Letters of a filter: no name of a station is longer.
const FILTER_MAX: usize = 255;

/// Stations that the server answers at once.
const LIMIT_MAX: usize = 1000;

/// What the server answered, one question after the other: all that a screen shows of it.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Unix milliseconds by the server's clock, which is the one that all its times are of.
    pub now_ms: u64,
    pub partitions: Vec<Partition>,
    pub supervision: Supervision,
    pub audit: Audit,
    pub stations: Stations,
}

impl Answers {
    /// How long ago that was.
    pub fn age(&self, at_ms: u64) -> String {
        age(self.now_ms.saturating_sub(at_ms))
    }
}

#[derive(Default)]
pub struct Model {
    pub address: String,
    /// The newest ones, also while nothing answers any more.
    pub answers: Option<Answers>,
    /// Why there are no newer ones.
    pub trouble: Option<String>,
    /// How long that has been so.
    pub trouble_ms: u64,
    /// The stations that are asked for: those in view, and no others.
    pub which: Which,
    /// Whether keys are letters of the filter.
    pub typing: bool,
    pub all_keys: bool,
    /// What came of the last key.
    pub notice: Option<String>,
}

impl Model {
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

    /// Does what a key is for, except what is done elsewhere (quit, audit).
    pub fn apply(&mut self, action: Action) {
        self.notice = None;
        match action {
            Action::Quit | Action::Audit => {}
            Action::Help => self.all_keys = !self.all_keys,
            Action::SortByNext => self.sort_by_next(1),
            Action::SortByPrevious => self.sort_by_next(Sort::ALL.len() - 1),
            Action::Reverse => {
                self.which.order = match self.which.order {
                    Order::Asc => Order::Desc,
                    Order::Desc => Order::Asc,
                };
                self.which.offset = 0;
            }
            Action::Scroll(scroll) => self.scroll(scroll),
            Action::Filter(filter) => self.filter(filter),
        }
    }

    /// By the column that is so many columns to the right, beyond the last one from the first on.
    fn sort_by_next(&mut self, columns: usize) {
        let place = Sort::ALL.iter().position(|&one| one == self.which.sort).unwrap_or_default();
        self.which.sort = Sort::ALL[(place + columns) % Sort::ALL.len()];
        self.which.offset = 0;
    }

    fn scroll(&mut self, scroll: Scroll) {
        let (offset, page) = (self.which.offset, self.which.limit);
        self.scroll_to(match scroll {
            Scroll::Up => offset.saturating_sub(1),
            Scroll::Down => offset.saturating_add(1),
            Scroll::PageUp => offset.saturating_sub(page),
            Scroll::PageDown => offset.saturating_add(page),
            Scroll::Home => 0,
            Scroll::End => usize::MAX,
        });
    }

    /// No further than that the last page is full.
    fn scroll_to(&mut self, offset: usize) {
        let matching = self.answers.as_ref().map_or(0, |answers| answers.stations.matching as usize);
        self.which.offset = offset.min(matching.saturating_sub(self.which.limit));
    }

    fn filter(&mut self, filter: Filter) {
        let text = &mut self.which.filter;
        match filter {
            Filter::Letter(letter) if text.len() + letter.len_utf8() <= FILTER_MAX && !letter.is_control() => {
                text.push(letter);
            }
            Filter::Letter(_) | Filter::Begin | Filter::Keep => {}
            Filter::Erase => drop(text.pop()),
            Filter::Drop => text.clear(),
        }
        self.typing = !matches!(filter, Filter::Keep | Filter::Drop);
        if !matches!(filter, Filter::Begin | Filter::Keep) {
            self.which.offset = 0;
        }
    }
}
