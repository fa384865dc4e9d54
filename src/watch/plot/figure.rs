//! What a plot shows, the same for every format.

use super::axis::Axis;
use super::{Drawn, PlotKind, words};
use crate::retold::history::{Month, Series, Year};

/// Years that have a colour and a name; earlier ones are grey.
const YEARS_NAMED_MAX: usize = 12;

/// Years up to which each month has a dot where years are compared.
const YEARS_DOTTED_MAX: usize = 3;

/// Months from which on a line is too dense for the eye, and the averages of the years are drawn over it.
const DENSE_MONTHS: i32 = 96;

/// Months up to which each has a dot.
const DOTS_MONTHS_MAX: i32 = 36;

/// A point: place on the x axis, degrees.
pub type Point = (f64, f64);

/// A range: place on the x axis, lowest and highest degrees.
pub type Range = (f64, f64, f64);

pub struct Figure {
    pub title: String,
    pub subtitle: String,
    /// For people who do not see the plot.
    pub description: String,
    pub x: Axis,
    pub y: Axis,
    /// From the lowest to the highest reading, for unbroken runs of months; empty where it is not drawn.
    pub band: Vec<Vec<Range>>,
    /// In the order in which they are drawn; the legend has the reverse order.
    pub lines: Vec<PlotLine>,
    /// What of the stations is missing, a line each.
    pub notes: Vec<String>,
}

pub struct PlotLine {
    /// In the legend.
    pub name: Option<String>,
    pub ink: Ink,
    pub width: f64,
    /// Whether each point is marked; one without neighbours always is.
    pub dots: bool,
    /// Unbroken runs: between them nothing was measured, and nothing is drawn.
    pub runs: Vec<Vec<Point>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Place in the palette; after its end the colours begin again, dashed.
    Color(usize),
    Grey,
}

impl Figure {
    pub fn new(kind: PlotKind, drawn: &[Drawn<'_>]) -> Self {
        let (x, band, lines) = match (kind, drawn) {
            (PlotKind::Months, [one]) => one_station(one.series),
            (PlotKind::Years, [one]) => years(one.series),
            (_, several) => compared(several),
        };
        let values = lines.iter().flat_map(|line| line.runs.iter().flatten()).map(|&(_, degrees)| degrees);
        let ends = band.iter().flatten().flat_map(|&(_, min, max)| [min, max]);
        let (low, high) = values
            .chain(ends)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), degrees| (low.min(degrees), high.max(degrees)));
        let y = if low <= high { Axis::degrees(low, high) } else { Axis::empty() };
        Self {
            title: words::title(kind, drawn),
            subtitle: words::subtitle(drawn),
            description: words::description(kind, drawn),
            x,
            y,
            band,
            lines,
            notes: drawn.iter().filter_map(words::note).collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.runs.is_empty())
    }
}

/// A month by its number: 12 times its year, and its place in it from 0.
fn number_of(month: &Month) -> i32 {
    month.year * 12 + month.month as i32 - 1
}

/// Where a month's point lies on the axis: in the middle of the month.
fn middle(month: &Month) -> f64 {
    f64::from(number_of(month)) + 0.5
}

/// Cuts months (or years) into runs without a hole, as their numbers follow each other, and makes points of them.
fn runs<T, P>(all: &[T], number: impl Fn(&T) -> i32, point: impl Fn(&T) -> P) -> Vec<Vec<P>> {
    let runs = all.chunk_by(|one, next| number(next) == number(one) + 1);
    runs.map(|run| run.iter().map(&point).collect()).collect()
}

fn averages(months: &[Month]) -> Vec<Vec<Point>> {
    runs(months, number_of, |month| (middle(month), month.average))
}

/// The axis from the first to the last of these months.
fn axis<'a>(months: impl Iterator<Item = &'a Month> + Clone) -> Axis {
    let numbers = months.map(number_of);
    match (numbers.clone().min(), numbers.max()) {
        (Some(first), Some(last)) => Axis::months(first, last),
        _ => Axis::empty(),
    }
}

fn one_station(series: &Series) -> (Axis, Vec<Vec<Range>>, Vec<PlotLine>) {
    let months = series.months();
    let x = axis(months.iter());
    let span = (x.to - x.from) as i32;
    let band = runs(&months, number_of, |month| (middle(month), month.min, month.max));
    let dense = span > DENSE_MONTHS;
    let mut lines = vec![PlotLine {
        name: Some("average of the month".to_owned()),
        ink: Ink::Color(0),
        width: if dense { 1.0 } else { 2.0 },
        dots: span <= DOTS_MONTHS_MAX,
        runs: averages(&months),
    }];
    let yearly = if dense { whole_years(series, &months) } else { Vec::new() };
    if !yearly.is_empty() {
        let name = Some("average of the year".to_owned());
        lines.push(PlotLine { name, ink: Ink::Color(1), width: 2.5, dots: false, runs: yearly });
    }
    (x, band, lines)
}

/// The months of each year.
fn by_year(months: &[Month]) -> Vec<&[Month]> {
    months.chunk_by(|one, next| one.year == next.year).collect()
}

/// The averages of the years that have readings in every month: of others they would tell of the season.
fn whole_years(series: &Series, months: &[Month]) -> Vec<Vec<Point>> {
    let whole = series.years().into_iter().zip(by_year(months)).filter(|(_, months)| months.len() == 12);
    let years: Vec<Year> = whole.map(|(year, _)| year).collect();
    runs(&years, |year| year.year, |year| (f64::from(year.year * 12 + 6), year.average))
}

fn years(series: &Series) -> (Axis, Vec<Vec<Range>>, Vec<PlotLine>) {
    let months = series.months();
    let years = by_year(&months);
    let (earlier, named) = years.split_at(years.len().saturating_sub(YEARS_NAMED_MAX));
    let dots = years.len() <= YEARS_DOTTED_MAX;
    let line = |name: Option<String>, ink: Ink, width: f64, year: &[Month]| {
        let runs = runs(year, number_of, |month| (f64::from(month.month) - 0.5, month.average));
        PlotLine { name, ink, width, dots, runs }
    };
    let mut lines: Vec<PlotLine> = earlier.iter().map(|year| line(None, Ink::Grey, 1.0, year)).collect();
    if let (Some(line), [first, ..], [.., last]) = (lines.first_mut(), earlier, earlier) {
        // In the legend the first of the grey lines stands for all.
        line.name = Some(words::span(first[0].year, last[0].year));
    }
    for (age, year) in named.iter().enumerate().map(|(place, year)| (named.len() - 1 - place, year)) {
        // The newest has the first colour, and the widest line.
        let width = if age == 0 { 2.75 } else { 1.5 };
        lines.push(line(Some(year[0].year.to_string()), Ink::Color(age), width, year));
    }
    (Axis::year(), Vec::new(), lines)
}

fn compared(drawn: &[Drawn<'_>]) -> (Axis, Vec<Vec<Range>>, Vec<PlotLine>) {
    let months: Vec<Vec<Month>> = drawn.iter().map(|one| one.series.months()).collect();
    let x = axis(months.iter().flatten());
    let span = (x.to - x.from) as i32;
    let lines = months.iter().enumerate().map(|(place, months)| PlotLine {
        name: Some(words::name(drawn, place)),
        ink: Ink::Color(place),
        width: if span > DENSE_MONTHS { 1.25 } else { 2.0 },
        dots: span <= DOTS_MONTHS_MAX && drawn.len() <= 3,
        runs: averages(months),
    });
    // The first is drawn last, above the others.
    (x, Vec::new(), lines.rev().collect())
}
