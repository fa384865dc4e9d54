//! What values and flags mean.

use super::looks::excerpt;
use crate::settings;

/// A flag of any value.
const ANY_FLAG: &str = "*";

/// What a value means: degrees = value × scale + offset, or nothing.
pub struct Values {
    missing: Vec<Missing>,
    comma: bool,
    /// A tenth is divided by ten, as nothing else gives the number that is written.
    divisor: f64,
    factor: f64,
    offset: f64,
    failed: Vec<String>,
    flag_part: usize,
}

/// What a field says.
#[derive(Debug, PartialEq)]
pub enum Value {
    Degrees(f64),
    Missing,
    NoNumber,
}

/// A text that stands for no value.
struct Missing {
    text: String,
    number: Option<f64>,
}

impl Values {
    pub fn new(settings: &settings::Csv) -> Self {
        let (scale, inverse) = (settings.degrees_scale, 1.0 / settings.degrees_scale);
        let is_fraction = inverse.abs() > 1.0 && (inverse.round() - inverse).abs() < 1e-6;
        let (divisor, factor) = if is_fraction { (inverse.round(), 1.0) } else { (1.0, scale) };
        let comma = settings.decimal == ",";
        let missing = settings.missing.split_whitespace().map(|text| {
            let number = text.parse().ok().or_else(|| as_written(text, comma));
            Missing { text: text.to_owned(), number }
        });
        Self {
            missing: missing.collect(),
            comma,
            divisor,
            factor,
            offset: settings.degrees_offset,
            failed: settings.flag_failed.split_whitespace().map(str::to_owned).collect(),
            flag_part: usize::try_from(settings.flag_part).unwrap_or_default(),
        }
    }

    /// What a field says. Numbers are compared with those that stand for no value as numbers.
    pub fn read(&self, text: &str) -> Value {
        match as_written(text, self.comma) {
            Some(number) if self.missing.iter().any(|missing| missing.number == Some(number)) => Value::Missing,
            Some(number) => {
                let degrees = number / self.divisor * self.factor + self.offset;
                if degrees.is_finite() { Value::Degrees(degrees) } else { Value::NoNumber }
            }
            None if text.is_empty() => Value::Missing,
            None if self.missing.iter().any(|missing| missing.text.eq_ignore_ascii_case(text)) => Value::Missing,
            None => Value::NoNumber,
        }
    }

    /// Whether a flag says that the value failed. `Err`: it has fewer parts than the one that says so.
    pub fn has_failed(&self, flag: &str) -> Result<bool, String> {
        let flag = match self.flag_part {
            part if part == 0 || flag.is_empty() => flag,
            part => match flag.split(',').nth(part - 1) {
                Some(flag) => flag.trim(),
                None => return Err(format!("{} has no part {part}", excerpt(flag))),
            },
        };
        Ok(self.failed.iter().any(|failed| failed == flag || (failed == ANY_FLAG && !flag.is_empty())))
    }
}

/// A number whose fraction stands behind a comma, or behind a point.
fn as_written(text: &str, comma: bool) -> Option<f64> {
    let number: f64 = match text.contains(',') {
        false if comma && text.contains('.') => return None,
        false => text.parse().ok()?,
        true if comma && !text.contains('.') => text.replacen(',', ".", 1).parse().ok()?,
        true => return None,
    };
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(change: impl FnOnce(&mut settings::Csv)) -> Values {
        let settings = settings::load(&settings::Sources::default(), std::iter::empty());
        let mut csv = settings.expect("the defaults are good").settings.source.csv;
        change(&mut csv);
        Values::new(&csv)
    }

    #[test]
    fn what_stands_for_nothing_is_compared_as_a_number_where_it_is_one() {
        let by_default = values(|_| ());
        for text in ["", "NA", "nan", "m", "-9999", "-9999.0", "-999.00", "9999"] {
            assert!(by_default.read(text) == Value::Missing, "{text}");
        }
        for text in ["-99", "99.9", "0", "-", "9999.9"] {
            assert!(by_default.read(text) != Value::Missing, "{text}");
        }
        let of_uscrn = values(|csv| "-99 99.9".clone_into(&mut csv.missing));
        assert!(["-99.000", "99.90"].map(|text| of_uscrn.read(text)) == [Value::Missing, Value::Missing]);
        assert_eq!(of_uscrn.read("NA"), Value::NoNumber);
        for code in ["-99.9", "-99,9"] {
            let in_europe = values(|csv| (csv.decimal, csv.missing) = (",".to_owned(), code.to_owned()));
            assert_eq!(in_europe.read("-99,9"), Value::Missing, "{code}");
        }
    }

    #[test]
    fn degrees_are_as_written_scaled_and_moved() {
        fn degrees(text: &str, change: fn(&mut settings::Csv)) -> Option<f64> {
            let values = values(|csv| {
                csv.missing.clear();
                change(csv);
            });
            match values.read(text) {
                Value::Degrees(degrees) => Some(degrees),
                Value::Missing | Value::NoNumber => None,
            }
        }
        assert_eq!(degrees("-3e0", |_| ()), Some(-3.0));
        assert_eq!(degrees("21,5", |_| ()), None);
        assert_eq!(degrees("21,5", |csv| csv.decimal = ",".to_owned()), Some(21.5));
        assert_eq!(degrees("-7", |csv| csv.decimal = ",".to_owned()), Some(-7.0));
        for both in ["21.5", "1.021,5", "1,021,5"] {
            assert_eq!(degrees(both, |csv| csv.decimal = ",".to_owned()), None, "{both}");
        }
        // As the number would be written.
        for tenths in -1000..1000 {
            let written: f64 = format!("{}.{}", tenths / 10, (tenths % 10_i32).abs()).parse().expect("a number");
            let written = if tenths < 0 && tenths > -10 { -written } else { written };
            assert_eq!(degrees(&tenths.to_string(), |csv| csv.degrees_scale = 0.1), Some(written), "{tenths}");
        }
        let fahrenheit = |csv: &mut settings::Csv| (csv.degrees_scale, csv.degrees_offset) = (1.8, 32.0);
        assert_eq!(degrees("100", fahrenheit), Some(212.0));
        for none in ["", "x", "inf", "NaN", "1e999", "1 2"] {
            assert_eq!(degrees(none, |_| ()), None, "{none}");
        }
    }

    #[test]
    fn a_flag_fails_by_its_part_and_by_its_value() {
        let any = values(|_| ());
        assert_eq!(["X", ""].map(|flag| any.has_failed(flag)), [Ok(true), Ok(false)]);
        let second = values(|csv| csv.flag_part = 2);
        assert_eq!([",I,W,2400", ",,W,2400", ""].map(|flag| second.has_failed(flag)), [Ok(true), Ok(false), Ok(false)]);
        assert_eq!(second.has_failed("X"), Err("\"X\" has no part 2".to_owned()));
        let some = values(|csv| csv.flag_failed = "2 3".to_owned());
        assert_eq!(["3", "0", "23"].map(|flag| some.has_failed(flag)), [Ok(true), Ok(false), Ok(false)]);
    }
}
