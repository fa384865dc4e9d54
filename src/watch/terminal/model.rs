//! What the screen shows, and what keys and answers change of it.

use super::answers::Look;
use super::keys::{Action, Filter, Scroll};
use super::text::Text;
use crate::failure::Failure;

/// Letters of a filter: no name of a station is longer.
const FILTER_MAX: usize = 255;

/// Stations that the server answers at once.
const LIMIT_MAX: u64 = 1000;

/// A column of the stations that they can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Station,
    Count,
    Average,
    Start,
    End,
    Missing,
    Partition,
}

impl Sort {
    /// In the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::Station, Self::Count, Self::Average, Self::Start, Self::End, Self::Missing, Self::Partition];

    pub fn name(self) -> &'static str {
        match self {
            Self::Station => "station",
            Self::Count => "count",
            Self::Average => "average",
            Self::Start => "start",
            Self::End => "end",
            Self::Missing => "missing",
            Self::Partition => "partition",
        }
    }

    fn moved_by(self, columns: usize) -> Self {
        let place = Self::ALL.iter().position(|&one| one == self).unwrap_or_default();
        Self::ALL[(place + columns) % Self::ALL.len()]
    }
}

/// Which stations are asked for: those in view, and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub sort: Sort,
    pub descending: bool,
    pub filter: String,
    pub offset: u64,
    /// 1 to [`LIMIT_MAX`].
    pub limit: u64,
}

impl Query {
    pub fn parameters(&self) -> [(&'static str, String); 5] {
        [
            ("sort", self.sort.name().to_owned()),
            ("order", if self.descending { "desc" } else { "asc" }.to_owned()),
            ("filter", self.filter.clone()),
            ("offset", self.offset.to_string()),
            ("limit", self.limit.to_string()),
        ]
    }
}

pub struct Model {
    pub address: String,
    /// The newest one there was, also while nothing answers any more.
    pub look: Option<Look>,
    /// Why there is no newer one.
    pub trouble: Option<Text>,
    /// How long that has been so.
    pub trouble_ms: u64,
    pub query: Query,
    /// Whether keys are letters of the filter.
    pub typing: bool,
    pub all_keys: bool,
    /// What came of the last key.
    pub notice: Option<Text>,
}

impl Model {
    pub fn new(address: String) -> Self {
        let query = Query { sort: Sort::Station, descending: false, filter: String::new(), offset: 0, limit: 1 };
        Self { address, look: None, trouble: None, trouble_ms: 0, query, typing: false, all_keys: false, notice: None }
    }

    pub fn looked(&mut self, outcome: Result<Look, Failure>) {
        match outcome {
            Ok(look) => {
                self.look = Some(look);
                self.trouble = None;
                self.scroll_to(self.query.offset);
            }
            Err(failure) => self.trouble = Some(Text::from(failure.to_string())),
        }
    }

    pub fn audit_asked_for(&mut self, outcome: Result<(), Failure>) {
        let text = outcome.map_or_else(|failure| failure.to_string(), |()| "the audit has begun".to_owned());
        self.notice = Some(Text::from(text));
    }

    /// As many stations as the screen has lines for.
    pub fn fit(&mut self, lines: u16) {
        self.query.limit = u64::from(lines).clamp(1, LIMIT_MAX);
    }

    /// Does what a key is for, except what is done elsewhere (quit, audit).
    pub fn apply(&mut self, action: Action) {
        self.notice = None;
        match action {
            Action::Quit | Action::Audit => {}
            Action::Help => self.all_keys = !self.all_keys,
            Action::SortByNext => self.sort_by(self.query.sort.moved_by(1)),
            Action::SortByPrevious => self.sort_by(self.query.sort.moved_by(Sort::ALL.len() - 1)),
            Action::Reverse => {
                self.query.descending = !self.query.descending;
                self.query.offset = 0;
            }
            Action::Scroll(scroll) => self.scroll(scroll),
            Action::Filter(filter) => self.filter(filter),
        }
    }

    fn sort_by(&mut self, sort: Sort) {
        self.query.sort = sort;
        self.query.offset = 0;
    }

    fn scroll(&mut self, scroll: Scroll) {
        let (offset, page) = (self.query.offset, self.query.limit);
        self.scroll_to(match scroll {
            Scroll::Up => offset.saturating_sub(1),
            Scroll::Down => offset.saturating_add(1),
            Scroll::PageUp => offset.saturating_sub(page),
            Scroll::PageDown => offset.saturating_add(page),
            Scroll::Home => 0,
            Scroll::End => u64::MAX,
        });
    }

    /// No further than that the last page is full.
    fn scroll_to(&mut self, offset: u64) {
        let matching = self.look.as_ref().map_or(0, |look| look.stations.matching);
        self.query.offset = offset.min(matching.saturating_sub(self.query.limit));
    }

    fn filter(&mut self, filter: Filter) {
        let text = &mut self.query.filter;
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
            self.query.offset = 0;
        }
    }
}
