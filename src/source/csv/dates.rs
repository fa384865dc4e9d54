//! Days as files write them, none of which is guessed: a year has four digits, or two and a pivot; where nothing separates the
//! numbers each has all its digits; what follows a date is a time.

use chrono::format::{Item, Parsed, parse_and_remainder};

use chrono::{Datelike as _, NaiveDate};

use crate::domain::Day;
use crate::settings::date_format;

/// How a day is written in one field.
#[derive(Debug)]
pub struct DateFormat {
    items: Vec<Item<'static>>,
    /// Where numbers follow each other with nothing in between: how long a text is in which each has all its digits.
    packed_bytes: Option<usize>,
    /// Texts between blanks: a blank of the format is one of the date, too.
    parts: usize,
    /// The first of the hundred years that two digits stand for.
    pivot: Option<i32>,
    /// The place of a year of two digits.
    short_year: Option<usize>,
}

impl DateFormat {
    /// As strftime has it; `None` if no day can come of it. `pivot`: the first of the hundred years that two digits stand for.
    pub fn new(format: &str, pivot: Option<i32>) -> Option<Self> {
        let items = date_format::items(format)?;
        let number = |item: &Item<'_>| matches!(item, Item::Numeric(..));
        let is_packed = items.windows(2).any(|two| two.iter().all(number));
        let some = NaiveDate::from_ymd_opt(2004, 12, 29).and_then(|day| day.and_hms_opt(12, 34, 56)).expect("a day");
        let some = some.and_utc().format_with_items(items.iter()).to_string();
        let packed_bytes = is_packed.then_some(some.len());
        let parts = some.split_ascii_whitespace().count();
        let short_year = date_format::short_year(&items);
        Some(Self { items, packed_bytes, parts, pivot, short_year }).filter(|_| short_year.is_none() || pivot.is_some())
    }

    pub fn read(&self, text: &str) -> Option<Day> {
        self.date(text).and_then(Day::from_date)
    }

    fn date(&self, text: &str) -> Option<NaiveDate> {
        let mut parsed = Parsed::new();
        let (before, from_year) = self.items.split_at(self.short_year.unwrap_or_default());
        let rest = parse_and_remainder(&mut parsed, text, before.iter()).ok()?;
        let two_digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count() >= 2;
        if self.short_year.is_some() && !two_digits(rest.trim_start()) {
            return None;
        }
        let rest = parse_and_remainder(&mut parsed, rest, from_year.iter()).ok()?;
        if !rest.is_empty() && !is_time(rest) {
            return None;
        }
        if let (Some(short), Some(pivot)) = (parsed.year_mod_100(), self.pivot)
            && self.short_year.is_some()
        {
            parsed.set_year_div_100(i64::from(of_pivot(short, pivot) / 100)).ok()?;
        }
        let date = parsed.to_naive_date().ok()?;
        let read = &text[..text.len() - rest.len()];
        // A year of less than four digits is one of a few digits too few.
        let year = date.year();
        let has_year = self.short_year.is_some() || year >= 1000 || read.contains(&format!("{year:04}"));
        let is_whole = self.packed_bytes.is_none_or(|bytes| bytes == read.len());
        let has_blanks = self.parts == read.split_ascii_whitespace().count();
        (has_year && is_whole && has_blanks).then_some(date)
    }
}

/// The year of two digits that is one of the hundred from a pivot on.
pub fn of_pivot(short: i32, pivot: i32) -> i32 {
    let year = pivot - pivot.rem_euclid(100) + short;
    if year < pivot { year + 100 } else { year }
}

/// Whether a text that follows a date is a time of that day, as in `T12:00:00Z`, ` 0:00`, ` 0000` or ` 12:00 AM`.
fn is_time(text: &str) -> bool {
    let Some(time) = text.strip_prefix(['T', 't', ' ', '_']).map(str::trim) else { return false };
    let clock_ends = time.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, ':' | '.' | ','));
    let (clock, zone) = time.split_at(clock_ends.unwrap_or(time.len()));
    is_clock(clock) && is_zone(zone.trim())
}

/// Hours, and minutes and seconds behind colons or with nothing in between.
fn is_clock(text: &str) -> bool {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let parts: Vec<&str> = match clock.len() {
        4 | 6 if !clock.contains(':') => (0..clock.len()).step_by(2).map(|at| &clock[at..at + 2]).collect(),
        _ => clock.split(':').collect(),
    };
    let number =
        |text: &str| text.parse().ok().filter(|_: &u32| text.len() <= 2 && text.bytes().all(|it| it.is_ascii_digit()));
    let numbers: Option<Vec<u32>> = parts.iter().map(|part| number(part)).collect();
    let is_within = numbers.is_some_and(|numbers| match numbers[..] {
        [hours] => hours <= 24,
        [hours, minutes] => hours <= 24 && minutes < 60,
        [hours, minutes, seconds] => hours <= 24 && minutes < 60 && seconds <= 60,
        _ => false,
    });
    is_within && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// Nothing, a half of the day, UTC, or what is ahead of that.
fn is_zone(text: &str) -> bool {
    let ahead = text.strip_prefix(['+', '-']).is_some_and(|ahead| matches!(ahead.len(), 2 | 4 | 5) && is_clock(ahead));
    ahead || ["", "z", "utc", "gmt", "am", "pm"].iter().any(|zone| text.eq_ignore_ascii_case(zone))
}

/// A day whose year, month and day stand in fields of their own.
pub fn of_parts(year: &str, month: &str, day: &str, pivot: Option<i32>) -> Option<Day> {
    fn number(text: &str, digits: usize) -> Option<&str> {
        let whole = text.trim();
        let whole = whole.strip_suffix(".0").unwrap_or(whole);
        let is_number = (1..=digits).contains(&whole.len()) && whole.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(whole)
    }
    let year_text = number(year, 4)?;
    let year: i32 = match (year_text.len(), pivot) {
        (4, _) => year_text.parse().ok()?,
        (2, Some(pivot)) => of_pivot(year_text.parse().ok()?, pivot),
        _ => return None,
    };
    let (month, day) = (number(month, 2)?.parse().ok()?, number(day, 2)?.parse().ok()?);
    NaiveDate::from_ymd_opt(year, month, day).and_then(Day::from_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, pivot: Option<i32>, text: &str) -> Option<String> {
        DateFormat::new(format, pivot).expect("a format").read(text).map(|day| day.to_string())
    }

    #[test]
    fn what_may_be_two_days_is_none() {
        for (format, text, expected) in [
            ("%Y-%m-%d", "2014-07-01", Some("2014-07-01")),
            ("%Y-%m-%d", "2014-7-1", Some("2014-07-01")),
            ("%Y-%m-%d", "14-07-01", None),
            ("%Y-%m-%d", "0014-07-01", Some("0014-07-01")),
            ("%Y-%m-%d", "2014-02-30", None),
            ("%m/%d/%Y", "7/1/2014", Some("2014-07-01")),
            ("%m/%d/%Y", "7/2/14", None),
            ("%m/%d/%Y", "7/3/114", None),
            ("%Y%m%d", "20140701", Some("2014-07-01")),
            ("%Y%m%d", "2014111", None),
            ("%Y%m%d", "201411", None),
            ("%d%m%Y", "1112014", None),
            ("%Y%j", "2014182", Some("2014-07-01")),
            ("%Y%j", "201482", None),
            ("%Y %b %d", "2014 Jul 1", Some("2014-07-01")),
            ("%Y %b %e", "2014 Jul  1", Some("2014-07-01")),
            ("%Y %m %d", "2014 7 1", Some("2014-07-01")),
            ("%Y %m %d", "2014111", None),
            ("%d %m %Y", "111 2014", None),
            ("%Y%m%d", "2014 111", None),
            ("%Y%m%e", "2014 111", None),
            ("%Y %j", "201411", None),
            ("%b %d %Y", "Jan112014", None),
        ] {
            assert_eq!(read(format, None, text).as_deref(), expected, "{text} as {format}");
        }
    }

    #[test]
    fn two_digits_are_a_year_of_the_hundred_from_the_pivot_on() {
        assert!(DateFormat::new("%m/%d/%y", None).is_none());
        for (pivot, text, expected) in [
            (1950, "7/1/14", Some("2014-07-01")),
            (1950, "7/1/50", Some("1950-07-01")),
            (1950, "7/1/49", Some("2049-07-01")),
            (1900, "7/1/14", Some("1914-07-01")),
            (1950, "7/1/1914", None),
            (1950, "7/1/4", None),
            (1950, "04/1/4", None),
            (1950, "7/1/ 04", None),
        ] {
            assert_eq!(read("%m/%d/%y", Some(pivot), text).as_deref(), expected, "{text} from {pivot} on");
        }
    }

    #[test]
    fn a_time_may_follow_and_nothing_else() {
        for (text, is_read) in [
            ("2014-07-01T00:00:00", true),
            ("2014-07-01 12:30", true),
            ("2014-07-01T12:30:00.000+02:00", true),
            ("2014-07-01 0000", true),
            ("2014-07-01 24:00", true),
            ("2014-07-01 5", true),
            ("2014-07-01 12:00 AM", true),
            ("2014-07-01 00:00 UTC", true),
            ("2014-07-01T00:00:00+0530", true),
            ("2014-07-01T00:00:00-08", true),
            ("2014-07-01 2014-07-02", false),
            ("2014-07-01 12:00 - 13:00", false),
            ("2014-07-01 25:00", false),
            ("2014-07-01 12:61", false),
            ("2014-07-01 99", false),
            ("2014-07-01 12:", false),
            ("2014-07-01 12:00.", false),
            ("2014-07-01Z", false),
            ("2014-07-01 noon", false),
            ("2014-07-011", false),
            ("2014-07-01 T", false),
        ] {
            assert_eq!(read("%Y-%m-%d", None, text).is_some(), is_read, "{text}");
        }
        assert_eq!(read("%Y-%m-%dT%H:%M:%S", None, "2014-07-01T10:00:00").as_deref(), Some("2014-07-01"));
        assert_eq!(read("%Y%m%d%H%M", None, "201407011000").as_deref(), Some("2014-07-01"));
    }

    #[test]
    fn a_day_in_three_fields() {
        let day = |year, month, day, pivot| of_parts(year, month, day, pivot).map(|day| day.to_string());
        assert_eq!(day("2014", "7", "01", None).as_deref(), Some("2014-07-01"));
        assert_eq!(day(" 2014 ", "07.0", "1", None).as_deref(), Some("2014-07-01"));
        assert_eq!(day("14", "7", "1", None), None);
        assert_eq!(day("14", "7", "1", Some(1950)).as_deref(), Some("2014-07-01"));
        assert_eq!(day("2014", "2", "30", None), None);
        assert_eq!(day("2014", "", "1", None), None);
        assert_eq!(day("114", "7", "1", Some(1950)), None);
    }
}
