//! The lowest and the highest values, and how often each came: codes for "no value" within the range of temperatures show as
//! ones that come again and again, far from all others.

use std::fmt;

use serde::Serialize;

/// So often a value has come that is named.
const TIMES_MIN: u64 = 3;
/// How far such values lie from the next one, in parts of how far the others lie apart, and in degrees at least.
const GAP_SHARE: f64 = 0.25;
const GAP_MIN: f64 = 5.0;
/// Values that are known of each side: several codes may stand side by side.
const KNOWN_MAX: usize = 8;

/// A value far from all others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Edge {
    pub degrees: f64,
    pub times: u64,
    /// The value that is next to it and no such one.
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

/// The first values from below, and from above.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edges {
    low: Vec<Counted>,
    high: Vec<Counted>,
}

impl Edges {
    pub fn note(&mut self, degrees: f64) {
        put(&mut self.low, (degrees, 1), |one, other| one < other);
        put(&mut self.high, (degrees, 1), |one, other| one > other);
    }

    /// Adds what was noted elsewhere.
    pub fn add(&mut self, other: &Self) {
        other.low.iter().for_each(|counted| put(&mut self.low, *counted, |one, other| one < other));
        other.high.iter().for_each(|counted| put(&mut self.high, *counted, |one, other| one > other));
    }

    /// The values that came again and again, and lie far from the others: further than these from each other. As many of them
    /// are taken for that as can be.
    pub fn suspicious(&self) -> Vec<Edge> {
        let mut values: Vec<Counted> = self.low.clone();
        let between = values.len();
        let is_whole = self.high.iter().any(|(high, _)| values.iter().any(|(low, _)| low == high));
        let above = self.high.iter().rev().filter(|(high, _)| values.iter().all(|(low, _)| low < high));
        let above: Vec<Counted> = above.copied().collect();
        values.extend(above);
        let is_gap_known = |at: usize| is_whole || at != between;
        let found = (0..KNOWN_MAX.min(values.len())).flat_map(|low| {
            let values = &values;
            (0..KNOWN_MAX.min(values.len() - low)).map(move |high| (low, values.len() - high))
        });
        let is_edge = |values: &[Counted]| values.is_empty() || values.iter().any(|(_, times)| *times >= TIMES_MIN);
        let is_apart = |&(low, high): &(usize, usize)| {
            // Of two values none is an edge.
            let others = &values[low..high];
            let ([(first, _), .., (last, _)], true) = (others, low > 0 || high < values.len()) else { return false };
            let gaps = others.windows(2).enumerate().filter(|(at, _)| is_gap_known(low + at + 1));
            let widest =
                gaps.map(|(_, two)| two[1].0 - two[0].0).fold(GAP_MIN.max(GAP_SHARE * (last - first)), f64::max);
            let is_far = |at: usize| is_gap_known(at) && values[at].0 - values[at - 1].0 > widest;
            let (is_far_below, is_far_above) = (low == 0 || is_far(low), high == values.len() || is_far(high));
            is_far_below && is_far_above && is_edge(&values[..low]) && is_edge(&values[high..])
        };
        let Some((low, high)) = found.filter(is_apart).max_by_key(|(low, high)| values.len() - (high - low)) else {
            return Vec::new();
        };
        let edge =
            |&(degrees, times): &Counted, next: f64| (times >= TIMES_MIN).then_some(Edge { degrees, times, next });
        let below = values[..low].iter().filter_map(|counted| edge(counted, values[low].0));
        below.chain(values[high..].iter().filter_map(|counted| edge(counted, values[high - 1].0))).collect()
    }
}

/// The first of all values, each with its count: one that was displaced never comes back among them.
fn put(side: &mut Vec<Counted>, (degrees, times): Counted, is_before: fn(f64, f64) -> bool) {
    // Most values lie behind those that are known.
    if side.len() == KNOWN_MAX && is_before(side[KNOWN_MAX - 1].0, degrees) {
        return;
    }
    let at = side.iter().position(|(known, _)| !is_before(*known, degrees)).unwrap_or(side.len());
    match side.get_mut(at) {
        Some((known, count)) if *known == degrees => *count += times,
        _ => {
            side.truncate(KNOWN_MAX - 1);
            side.insert(at, (degrees, times));
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
        // Codes of several widths, beside an outlier.
        let several = [&[-888.0, -99.0, -99.9, 80.0], &weather[..]].concat().repeat(3);
        let named: Vec<f64> = edges(&several).suspicious().iter().map(|edge| edge.degrees).collect();
        assert_eq!(named, [-888.0, -99.9, -99.0, 80.0]);
        let near = [&[-99.9; 3][..], &[-99.0; 3], &[80.0], &weather].concat();
        assert_eq!(edges(&near).suspicious().iter().map(|edge| edge.degrees).collect::<Vec<_>>(), [-99.9, -99.0]);
        for few in [
            &[-99.0; 9][..],
            &[0.0, 10.0, 20.0, 30.0, 0.0, 10.0, 20.0, 30.0, 0.0, 30.0, 0.0, 30.0],
            &[20.0, 20.0, 20.0, 30.0, 30.0, 30.0],
            &[0.0, 10.0, 20.0, 0.0, 20.0, 0.0, 20.0],
        ] {
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
