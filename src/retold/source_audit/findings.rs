//! What an audit of a source found, in words and as JSON.

use std::fmt;

use serde::Serialize;

use crate::failure::Kind;

/// Findings of a kind that are listed; all are counted.
const LISTED_MAX: usize = 10;
/// Exit code where the log is wrong.
const WRONG: u8 = 1;

/// Findings of one kind: how many, and the first of them.
#[derive(Debug, Serialize)]
pub struct Listed<T> {
    pub total: u64,
    pub first: Vec<T>,
    /// There are more than `first`.
    #[serde(skip)]
    is_cut: bool,
    /// There are more than `total`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    at_least: bool,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { total: 0, first: Vec::new(), is_cut: false, at_least: false }
    }
}

impl<T> Listed<T> {
    pub fn add(&mut self, finding: impl FnOnce() -> T) {
        self.add_many(1, finding);
    }

    /// There may be more that were not counted.
    pub fn at_least(&mut self) {
        (self.at_least, self.is_cut) = (true, true);
    }

    /// One that counts as several.
    pub fn add_many(&mut self, count: u64, finding: impl FnOnce() -> T) {
        self.total += count;
        if self.first.len() < LISTED_MAX {
            self.first.push(finding());
        } else {
            self.is_cut = true;
        }
    }
}

#[derive(Debug, PartialEq, Serialize)]
pub struct StationDay {
    pub station: String,
    pub day: String,
}

/// A day that a file has.
#[derive(Debug, PartialEq, Serialize)]
pub struct FileDay {
    #[serde(flatten)]
    pub at: StationDay,
    pub file: String,
    pub degrees: f64,
}

/// A day of which the log's last reading says something else.
#[derive(Debug, PartialEq, Serialize)]
pub struct OtherValue {
    #[serde(flatten)]
    pub at: StationDay,
    pub file: String,
    pub degrees: f64,
    pub logged: f64,
}

/// A day whose reading came so many times more than the files have it, with no other value in between.
#[derive(Debug, PartialEq, Serialize)]
pub struct RepeatedDay {
    #[serde(flatten)]
    pub at: StationDay,
    pub repeats: u64,
}

/// A value that the log had before another one of the same day.
#[derive(Debug, PartialEq, Serialize)]
pub struct Earlier {
    #[serde(flatten)]
    pub at: StationDay,
    pub earlier: f64,
}

/// A source's files against the log.
#[derive(Debug, Default, Serialize)]
pub struct SourceAudited {
    pub files: usize,
    /// Of the files.
    pub readings: u64,
    /// Lines of the files that are no readings, which are not compared.
    pub bad_lines: u64,
    /// Days of stations that the files have.
    pub days: u64,
    /// Wrong: the log has no reading of them.
    pub missing: Listed<FileDay>,
    /// Wrong: the log's last reading of them is that of no file.
    pub other_values: Listed<OtherValue>,
    /// Wrong: readings that came again.
    pub repeats: Listed<RepeatedDay>,
    /// Days that the log has not as the file says, of files that the producer has not read as they are.
    pub unsent: Listed<FileDay>,
    /// Readings that may be missing, others, or repeats, or not.
    pub unknown_readings: u64,
    /// Why something could not be verified.
    pub unknown: Vec<String>,
    /// Not wrong, and none of the next two: values that the log had before.
    pub earlier: Listed<Earlier>,
    /// Days that the log has of the files' stations, and no file.
    pub withdrawn: Listed<StationDay>,
    /// Stations that the log has, and no file.
    pub strangers: Listed<String>,
}

/// What came of an audit of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceResult {
    Verified,
    /// Something cannot be known.
    NotVerified,
    LogWrong,
}

impl SourceResult {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::NotVerified => Kind::Data.exit_code(),
            Self::LogWrong => WRONG,
        }
    }
}

impl SourceAudited {
    /// Why something cannot be known; each reason once, and the first ones.
    pub fn cannot_know(&mut self, why: String) {
        if self.unknown.len() < LISTED_MAX && !self.unknown.contains(&why) {
            self.unknown.push(why);
        }
    }

    pub fn result(&self) -> SourceResult {
        if self.missing.total + self.other_values.total + self.repeats.total > 0 {
            SourceResult::LogWrong
        } else if self.unknown_readings + self.unsent.total > 0 || !self.unknown.is_empty() || self.readings == 0 {
            SourceResult::NotVerified
        } else {
            SourceResult::Verified
        }
    }

    /// In words; a line for each finding that is listed.
    pub fn text(&self) -> String {
        let Self { files, readings, bad_lines, days, missing, other_values, repeats, unsent, unknown_readings, .. } =
            self;
        let mut text = match self.result() {
            SourceResult::Verified => "verified".to_owned(),
            SourceResult::NotVerified if *unknown_readings > 0 => {
                format!("NOT VERIFIED, of {unknown_readings} readings it cannot be known")
            }
            SourceResult::NotVerified if unsent.total > 0 => {
                format!("NOT VERIFIED, {} days are not sent yet", unsent.total)
            }
            SourceResult::NotVerified if *readings == 0 => "NOT VERIFIED, the files have no reading".to_owned(),
            SourceResult::NotVerified => "NOT VERIFIED".to_owned(),
            SourceResult::LogWrong => format!(
                "LOG WRONG, {} days are missing, {} have another value, {} readings came again",
                missing.total, other_values.total, repeats.total
            ),
        };
        text += &format!(
            ", {readings} readings of {days} days in {files} files compared with the last of each day in the log"
        );
        if *bad_lines > 0 {
            text += &format!("; {bad_lines} lines are no readings");
        }
        for why in &self.unknown {
            text += &format!("\n  {why}");
        }
        let day = |one: &FileDay| format!("{}: {} says {}", one.at, one.file, one.degrees);
        list(&mut text, "missing", missing, day);
        list(&mut text, "another value", other_values, |one| {
            format!("{}: {} says {}, the log {}", one.at, one.file, one.degrees, one.logged)
        });
        list(&mut text, "came again", repeats, |one| format!("{}: {} times", one.at, one.repeats));
        list(&mut text, "not sent yet: run isotherm produce", unsent, day);
        list(&mut text, "earlier values, not wrong", &self.earlier, |one| format!("{}: {}", one.at, one.earlier));
        list(&mut text, "days that no file has, not wrong", &self.withdrawn, ToString::to_string);
        list(&mut text, "stations that no file has, not wrong", &self.strangers, Clone::clone);
        text
    }
}

/// A line for a kind of which there are some, and one for each that is listed.
fn list<T>(text: &mut String, kind: &str, listed: &Listed<T>, of: impl Fn(&T) -> String) {
    if listed.total == 0 {
        return;
    }
    let at_least = if listed.at_least { "at least " } else { "" };
    *text += &format!("\n  {at_least}{} {kind}", listed.total);
    for one in &listed.first {
        *text += &format!("\n    {}", of(one));
    }
    if listed.is_cut {
        *text += "\n    …";
    }
}

impl fmt::Display for StationDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "station {}, {}", self.station, self.day)
    }
}
