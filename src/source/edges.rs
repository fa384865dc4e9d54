//! The lowest and the highest value, and how often each came: a code for "no value" within the range of temperatures shows as
//! one that comes again and again, far from all others.

use std::cmp::Ordering;
use std::fmt;

use serde::Serialize;

/// So often a value has come that is named.
const TIMES_MIN: u64 = 3;
/// How far it lies from the next value then, in parts of how far the others lie apart, and in degrees at least.
const GAP_SHARE: f64 = 0.25;
const GAP_MIN: f64 = 5.0;

/// A value far from all others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Edge {
    pub degrees: f64,
    pub times: u64,
    /// The value that is next to it.
    pub next: f64,
}

impl fmt::Display for Edge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { degrees, times, next } = self;
        write!(
            formatter,
            "{degrees} degrees came {times} times, and the next value is {next}: if that stands for no value, add "
        )?;
        formatter.write_str("what the files have for it to source.csv.missing (files of another kind: take it out)")
    }
}

/// A value, and how often it came.
type Counted = (f64, u64);

/// The first and the second value from below, and from above.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Edges {
    low: [Option<Counted>; 2],
    high: [Option<Counted>; 2],
}

impl Edges {
    pub fn note(&mut self, degrees: f64) {
        put(&mut self.low, (degrees, 1), |one, other| one < other);
        put(&mut self.high, (degrees, 1), |one, other| one > other);
    }

    /// Adds what was noted elsewhere.
    pub fn add(&mut self, other: &Self) {
        other.low.iter().flatten().for_each(|counted| put(&mut self.low, *counted, |one, other| one < other));
        other.high.iter().flatten().for_each(|counted| put(&mut self.high, *counted, |one, other| one > other));
    }

    /// The lowest and the highest value, where they came again and again, and far from all others.
    pub fn suspicious(&self) -> Vec<Edge> {
        let ([Some((low, _)), Some((second_low, _))], [Some((high, _)), Some((second_high, _))]) =
            (self.low, self.high)
        else {
            return Vec::new();
        };
        // Of two values none is an edge, and of three the one that is further from the other two than these are from each other.
        let apart = match second_high.total_cmp(&second_low) {
            Ordering::Less => return Vec::new(),
            Ordering::Equal => (high - second_high).min(second_low - low),
            Ordering::Greater => GAP_SHARE * (second_high - second_low),
        };
        let gap_min = GAP_MIN.max(apart);
        let of = |side: &[Option<Counted>; 2]| match *side {
            [Some((degrees, times)), Some((next, _))] if times >= TIMES_MIN && (degrees - next).abs() > gap_min => {
                Some(Edge { degrees, times, next })
            }
            _ => None,
        };
        [of(&self.low), of(&self.high)].into_iter().flatten().collect()
    }
}

/// The first two of all values, each with its count: one that was displaced never comes back among them.
fn put(side: &mut [Option<Counted>; 2], (degrees, times): Counted, is_before: fn(f64, f64) -> bool) {
    match side {
        [Some((first, count)), _] if *first == degrees => *count += times,
        [Some((first, _)), second] if !is_before(degrees, *first) => match second {
            Some((second, count)) if *second == degrees => *count += times,
            Some((second, _)) if !is_before(degrees, *second) => {}
            _ => *second = Some((degrees, times)),
        },
        [first, second] => {
            *second = *first;
            *first = Some((degrees, times));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(values: &[f64]) -> Edges {
        let mut edges = Edges::default();
        values.iter().for_each(|value| edges.note(*value));
        edges
    }

    #[test]
    fn a_code_for_no_value_is_named_and_weather_is_not() {
        let weather: Vec<f64> = (-200..350).map(|tenths| f64::from(tenths) / 10.0).collect();
        assert_eq!(edges(&weather).suspicious(), []);
        let hot = [&weather[..], &[34.9, 34.9, 34.9, 35.0, 35.0, 35.0]].concat();
        assert_eq!(edges(&hot).suspicious(), [], "the highest value may come often");
        let once = [&weather[..], &[-99.0, 99.9]].concat();
        assert_eq!(edges(&once).suspicious(), [], "an outlier");
        let coded = [&[-99.0, 99.9, 99.9], &weather[..], &[-99.0, -99.0, 99.9, -99.0]].concat();
        let named = [Edge { degrees: -99.0, times: 4, next: -20.0 }, Edge { degrees: 99.9, times: 3, next: 34.9 }];
        assert_eq!(edges(&coded).suspicious(), named);
        for few in [&[-99.0; 9][..], &[20.0, 20.0, 20.0, 30.0, 30.0, 30.0], &[0.0, 10.0, 20.0, 0.0, 20.0, 0.0, 20.0]] {
            assert_eq!(edges(few).suspicious(), [], "{few:?}");
        }
        assert_eq!(edges(&[-99.0, 18.0, -99.0, 21.0, -99.0]).suspicious().len(), 1);
    }

    #[test]
    fn what_was_noted_in_parts_is_as_what_was_noted_at_once() {
        let values: Vec<f64> = (0..600).map(|at| f64::from(at * at % 23 - at % 7)).collect();
        for at in [0, 1, 7, 300, 599] {
            let mut parts = edges(&values[..at]);
            parts.add(&edges(&values[at..]));
            assert_eq!(parts, edges(&values), "{at}");
        }
    }
}
