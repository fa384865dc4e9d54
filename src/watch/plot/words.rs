//! The texts on a plot, and its description in words.

use std::collections::BTreeSet;
use std::fmt::Display;

use indicatif::HumanCount;

use super::axis::{month_name, number};
use super::{Drawn, PlotKind};
use crate::retold::history::Month;

/// Stations that a title names.
const NAMED_MAX: usize = 3;

pub fn title(kind: PlotKind, drawn: &[Drawn<'_>]) -> String {
    match (kind, drawn) {
        (PlotKind::Years, [one]) => format!("Monthly averages of {}, year by year", one.station),
        _ if drawn.len() <= NAMED_MAX => {
            let names: Vec<String> = (0..drawn.len()).map(|place| name(drawn, place)).collect();
            format!("Monthly averages of {}", listed(&names))
        }
        _ => format!("Monthly averages of {} stations", drawn.len()),
    }
}

/// The name of a station: with its partition where several partitions have a station of that name.
pub fn name(drawn: &[Drawn<'_>], place: usize) -> String {
    let Drawn { station, partition, .. } = drawn[place];
    if drawn.iter().filter(|other| other.station == station).count() > 1 {
        format!("{station} (partition {partition})")
    } else {
        station.to_owned()
    }
}

/// From when to when, how many readings, and up to which record of the log.
pub fn subtitle(drawn: &[Drawn<'_>]) -> String {
    let readings: u64 = drawn.iter().map(|one| one.series.count()).sum();
    let months: Vec<Month> = drawn.iter().flat_map(|one| one.series.months()).collect();
    let up_to: BTreeSet<(u32, u64)> = drawn.iter().map(|one| (one.partition, one.offset)).collect();
    let plural = if up_to.len() == 1 { "" } else { "s" };
    let texts = up_to.iter().map(|(partition, offset)| (partition.to_string(), offset.to_string()));
    let (partitions, offsets): (Vec<_>, Vec<_>) = texts.unzip();
    let up_to = format!("offset{plural} {} of partition{plural} {}", listed(&offsets), listed(&partitions));
    let readings = match readings {
        1 => "1 reading".to_owned(),
        readings => format!("{} readings", HumanCount(readings)),
    };
    match period(&months) {
        Some(period) => format!("{period}, {readings} up to {up_to}"),
        None => format!("No readings up to {up_to}"),
    }
}

pub fn description(kind: PlotKind, drawn: &[Drawn<'_>]) -> String {
    let what = match (kind, drawn) {
        (PlotKind::Months, [_]) => {
            "The averages of months as a line over time, with the range of their readings as a band."
        }
        (PlotKind::Years, [_]) => "The averages of months, each year a line from January to December.",
        _ => "The averages of months as lines over time, one for each station.",
    };
    let mut said = format!("{what} {}.", subtitle(drawn));
    for (place, one) in drawn.iter().enumerate() {
        if let Some(extremes) = extremes(&one.series.months()) {
            said.push_str(&format!(" {}: {extremes}", name(drawn, place)));
        }
    }
    for note in drawn.iter().filter_map(note) {
        said.push_str(&format!(" {note}."));
    }
    said
}

/// The lowest and the highest average of all months, as a sentence.
fn extremes(months: &[Month]) -> Option<String> {
    let low = months.iter().min_by(|one, other| one.average.total_cmp(&other.average))?;
    let high = months.iter().max_by(|one, other| one.average.total_cmp(&other.average))?;
    let said = |month: &Month| format!("{} in {} {}", number(month.average, 1), month_name(month.month), month.year);
    Some(format!("The lowest average of a month is {}, the highest {}.", said(low), said(high)))
}

/// A line on what the log no longer has of a station.
pub fn note(one: &Drawn<'_>) -> Option<String> {
    Some(format!("{}: {}", one.station, one.missing.as_ref()?))
}

/// "January 2014 to May 2016"; `None` without any month.
fn period(months: &[Month]) -> Option<String> {
    let date = |month: &Month| (month.year, month.month);
    let (first, last) = (months.iter().map(date).min()?, months.iter().map(date).max()?);
    let said = |(year, month): (i32, u32)| format!("{} {year}", month_name(month));
    Some(span(said(first), said(last)))
}

/// "a to b"; "a" where both are the same.
pub fn span<T: Display + PartialEq>(first: T, last: T) -> String {
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}

/// "a, b and c".
fn listed(all: &[String]) -> String {
    match all {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => all.concat(),
    }
}
