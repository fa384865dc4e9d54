//! Formats of dates, as strftime has them.

use chrono::NaiveDate;
use chrono::format::{Item, Numeric, Parsed, StrftimeItems, parse};

/// The parts of a format; `None` if strftime has no such format, or no day can come of it.
pub fn items(format: &str) -> Option<Vec<Item<'static>>> {
    let items = StrftimeItems::new(format).parse_to_owned().ok()?;
    let some = NaiveDate::from_ymd_opt(2004, 2, 29).and_then(|day| day.and_hms_opt(12, 34, 56)).expect("a day");
    let text = some.and_utc().format_with_items(items.iter()).to_string();
    let mut parsed = Parsed::new();
    parse(&mut parsed, &text, items.iter()).ok()?;
    parsed.to_naive_date().ok().map(|_| items)
}

/// The place of a year of two digits.
pub fn short_year(items: &[Item<'_>]) -> Option<usize> {
    items.iter().position(|item| matches!(item, Item::Numeric(Numeric::YearMod100 | Numeric::IsoYearMod100, _)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_of_which_no_day_can_come_is_none() {
        for format in ["%H:%M", "%d", "%Y", "%s", "%m/%d", "%Y-%m", "no date", "%A", "%Q", ""] {
            assert!(items(format).is_none(), "{format}");
        }
        for format in ["%Y-%m-%d", "%F", "%D", "%d.%m.%Y", "%G-W%V-%u", "%Y %j", "%c", "%m/%d/%y", "%Y%m%d%H"] {
            assert!(items(format).is_some(), "{format}");
        }
        let short = |format| short_year(&items(format).expect("a format")).is_some();
        assert_eq!(["%F", "%D", "%d.%m.%y", "%c"].map(short), [false, true, true, false]);
    }
}
