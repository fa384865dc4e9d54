//! A calendar day as a number.

use std::fmt;

use chrono::{Datelike, NaiveDate};

/// A day of the proleptic Gregorian calendar, as days since 0001-01-01 (which is day 0), years 0001 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The day of a date, or `None` outside the years 0001 to 9999.
    pub fn from_date(date: NaiveDate) -> Option<Self> {
        if !(1..=9999).contains(&date.year()) {
            return None;
        }
        u32::try_from(date.num_days_from_ce() - 1).ok().map(Self)
    }

    /// The day with this number, or `None` past 9999-12-31.
    pub fn from_number(number: u32) -> Option<Self> {
        let days = i32::try_from(number).ok()?.checked_add(1)?;
        Self::from_date(NaiveDate::from_num_days_from_ce_opt(days)?)
    }

    /// Days since 0001-01-01.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The same day as a date.
    pub fn date(self) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(self.0 as i32 + 1).expect("a Day is within the years 0001 to 9999")
    }

    /// Reads exactly `YYYY-MM-DD`; anything else, and any day that the calendar does not have, is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
        let number = |range: std::ops::Range<usize>| {
            bytes[range]
                .iter()
                .try_fold(0u32, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
        };
        if bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let year = i32::try_from(number(0..4)?).ok()?;
        Self::from_date(NaiveDate::from_ymd_opt(year, number(5..7)?, number(8..10)?)?)
    }
}

/// Reads dates as [`Day::parse`] does, and remembers the last one: neighbouring records mostly are of the same day.
#[derive(Debug, Default)]
pub struct DateReader {
    last: Option<([u8; 10], Day)>,
}

impl DateReader {
    pub fn read(&mut self, text: &str) -> Option<Day> {
        match &self.last {
            Some((last, day)) if last == text.as_bytes() => Some(*day),
            _ => {
                let day = Day::parse(text)?;
                self.last = text.as_bytes().try_into().ok().map(|text| (text, day));
                Some(day)
            }
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(formatter, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_and_last_days_have_their_numbers() {
        assert_eq!(Day::parse("0001-01-01").map(Day::number), Some(0));
        let last = Day::parse("9999-12-31").expect("a day");
        assert_eq!(Day::from_number(last.number() + 1), None);
    }

    #[test]
    fn what_is_not_a_day_is_refused() {
        for text in
            ["2024-02-30", "0000-01-01", "2014-7-1", "2014-07-01 ", "2014/07/01", "", "+014-07-01", "２014-0-01"]
        {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_day_reads_back_as_itself(number in 0u32..3_652_059) {
            let day = Day::from_number(number).expect("in range");
            prop_assert_eq!(day.number(), number);
            prop_assert_eq!(Day::parse(&day.to_string()), Some(day));
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,12}") {
            if let Some(day) = Day::parse(&text) {
                prop_assert_eq!(day.to_string(), text);
            }
        }
    }
}
