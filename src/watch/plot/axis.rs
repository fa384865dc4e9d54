//! The two axes of a plot: their ranges, and their ticks with the labels.

use chrono::Month;

/// A range of values and its ticks.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub from: f64,
    pub to: f64,
    /// In order.
    pub ticks: Vec<Tick>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub label: String,
}

/// Labels that fit side by side.
const LABELS_MAX: i32 = 13;

/// The name of a month, 1 to 12.
pub fn month_name(month: u32) -> &'static str {
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
    month.expect("it comes from a date").name()
}

/// The first letters of a month's name, by its place in the year from 0.
fn short(month: i32) -> &'static str {
    &month_name(month as u32 + 1)[..3]
}

impl Axis {
    /// The months from `first` to `last`, each as 12 times its year plus its place in the year from 0: it takes the
    /// values from its number to the next one's.
    pub fn months(first: i32, last: i32) -> Self {
        let months = last - first + 1;
        let ticks = match [1, 2, 3, 6].into_iter().find(|step| months <= step * LABELS_MAX) {
            Some(step) => Self::ticks_of_months(first, last, step),
            None => Self::ticks_of_years(first, last),
        };
        Self { from: f64::from(first), to: f64::from(last + 1), ticks }
    }

    /// Where a value lies between the two ends of the axis on the paper.
    pub fn place(&self, value: f64, (from, to): (f64, f64)) -> f64 {
        from + (value - self.from) / (self.to - self.from) * (to - from)
    }

    /// An axis without a tick, for a plot without readings.
    pub fn empty() -> Self {
        Self { from: 0.0, to: 1.0, ticks: Vec::new() }
    }

    /// A tick in the middle of each month that has one. A January is labelled with its year, the very first tick with both.
    fn ticks_of_months(first: i32, last: i32, step: i32) -> Vec<Tick> {
        let shown = (first..=last).filter(|month| month.rem_euclid(12) % step == 0);
        shown
            .enumerate()
            .map(|(place, month)| {
                let (year, of_year) = (month.div_euclid(12), month.rem_euclid(12));
                let label = match (of_year, place) {
                    (0, _) => year.to_string(),
                    (_, 0) => format!("{} {year}", short(of_year)),
                    _ => short(of_year).to_owned(),
                };
                Tick { at: f64::from(month) + 0.5, label }
            })
            .collect()
    }

    /// A tick where a year begins.
    fn ticks_of_years(first: i32, last: i32) -> Vec<Tick> {
        let (from, to) = ((first + 11).div_euclid(12), last.div_euclid(12));
        let step = (0..).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_i32.pow(power)));
        let step = step.into_iter().find(|step| (to - from) / step < LABELS_MAX).unwrap_or(1);
        let years = (from..=to).filter(|year| year % step == 0);
        years.map(|year| Tick { at: f64::from(year * 12), label: year.to_string() }).collect()
    }

    /// One year, without saying which.
    pub fn year() -> Self {
        let ticks = (0..12).map(|month| Tick { at: f64::from(month) + 0.5, label: short(month).to_owned() });
        Self { from: 0.0, to: 12.0, ticks: ticks.collect() }
    }

    /// Round values from below `low` to above `high`, both finite.
    pub fn degrees(low: f64, high: f64) -> Self {
        const STEPS_MIN: f64 = 4.0;
        let (low, high) = if high - low > 1e-9 * low.abs().max(high.abs()) {
            (low, high)
        } else {
            let around = (low.abs() * 0.01).max(1.0);
            (low - around, high + around)
        };
        let rough = (high - low) / STEPS_MIN;
        let power = rough.log10().floor() as i32;
        let ten = 10_f64.powi(power);
        let factor = [5.0, 2.5, 2.0, 1.0].into_iter().find(|factor| factor * ten <= rough).unwrap_or(1.0);
        let step = factor * ten;
        let decimals = usize::try_from(i32::from(factor == 2.5) - power).unwrap_or(0);
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let places = 0..=(last - first) as u32;
        let ticks = places.map(|place| {
            let at = (first + f64::from(place)) * step;
            Tick { at, label: number(at, decimals) }
        });
        Self { from: first * step, to: last * step, ticks: ticks.collect() }
    }
}

/// A number as it is printed: with a real minus sign, and none before zero.
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    if value < 0.0 && text.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        format!("\u{2212}{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn months_are_named_with_their_years() {
        let july = 2014 * 12 + 6;
        assert_eq!(labels(&Axis::months(july, july)), ["Jul 2014"]);
        assert_eq!(
            labels(&Axis::months(july, july + 7)),
            ["Jul 2014", "Aug", "Sep", "Oct", "Nov", "Dec", "2015", "Feb"]
        );
        assert_eq!(labels(&Axis::months(july, july + 25))[..4], ["Jul 2014", "Sep", "Nov", "2015"]);
        assert_eq!(labels(&Axis::months(july, july + 70))[..3], ["Jul 2014", "2015", "Jul"]);
        assert_eq!(
            labels(&Axis::months(july, july + 119)),
            (2015..=2024).map(|year| year.to_string()).collect::<Vec<_>>()
        );
    }

    #[test]
    fn many_years_have_as_many_labels_as_fit() {
        for years in [7, 30, 100, 9999] {
            let axis = Axis::months(12, 12 + years * 12 - 1);
            assert!((5..=14).contains(&axis.ticks.len()), "{years}: {:?}", labels(&axis));
            assert!(axis.ticks.iter().all(|tick| (axis.from..=axis.to).contains(&tick.at)));
        }
    }

    #[test]
    fn degrees_are_round_and_hold_what_is_shown() {
        assert_eq!(labels(&Axis::degrees(25.8, 76.6)), ["20", "30", "40", "50", "60", "70", "80"]);
        assert_eq!(labels(&Axis::degrees(-1.2, 1.3)), ["−1.5", "−1.0", "−0.5", "0.0", "0.5", "1.0", "1.5"]);
        assert_eq!(labels(&Axis::degrees(5.0, 5.0)), ["4.0", "4.5", "5.0", "5.5", "6.0"]);
        for (low, high) in [(0.0, 0.0), (-1e9, 1e9), (1e9, 1e9), (0.1, 0.1 + 1e-7), (-40.5, -40.4), (3.0, 1003.0)] {
            let axis = Axis::degrees(low, high);
            assert!(axis.from <= low && high <= axis.to && axis.from < axis.to, "{axis:?}");
            assert!((3..=12).contains(&axis.ticks.len()), "{axis:?}");
        }
    }
}
