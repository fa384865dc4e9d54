//! Figures of several rounds, and the tables they are shown in.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::process::Cost;

/// Least, median and most of one figure.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    /// Of at least one figure.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let median =
            if figures.len() % 2 == 1 { figures[middle] } else { f64::midpoint(figures[middle - 1], figures[middle]) };
        Self { least: figures[0], median, most: figures[figures.len() - 1] }
    }

    /// `median (least to most)`, with so many digits after the point.
    pub fn text(self, digits: usize) -> String {
        format!("{:.digits$} ({:.digits$} to {:.digits$})", self.median, self.least, self.most)
    }
}

/// The costs of several rounds of the same work.
pub struct Rounds {
    pub records: u64,
    pub costs: Vec<Cost>,
}

impl Rounds {
    pub fn new(records: u64) -> Self {
        Self { records, costs: Vec::new() }
    }

    /// Millions of records in a second of the whole process.
    pub fn rates(&self) -> Vec<f64> {
        self.costs.iter().map(|cost| self.records as f64 / cost.wall.as_secs_f64() / 1e6).collect()
    }

    /// Processor seconds for a million records.
    pub fn processor(&self) -> Vec<f64> {
        self.costs.iter().map(|cost| cost.processor.as_secs_f64() / (self.records as f64 / 1e6)).collect()
    }

    pub fn peak_megabytes(&self) -> Vec<f64> {
        self.costs.iter().map(|cost| cost.peak_bytes as f64 / 1e6).collect()
    }

    /// Rate, processor time and memory as cells.
    pub fn cells(&self) -> [String; 3] {
        [
            Spread::of(self.rates()).text(2),
            Spread::of(self.processor()).text(3),
            Spread::of(self.peak_megabytes()).text(0),
        ]
    }
}

/// Ratio of figures of the same round.
pub fn ratios(ours: &[f64], theirs: &[f64]) -> Spread {
    Spread::of(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
}

/// A table under a name, by which the docs have a place for it.
pub struct Table {
    pub name: &'static str,
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(name: &'static str, head: impl Into<Vec<&'static str>>) -> Self {
        Self { name, head: head.into(), rows: Vec::new() }
    }

    pub fn add(&mut self, row: impl IntoIterator<Item = String>) {
        let row: Vec<String> = row.into_iter().collect();
        eprintln!("  {}", row.join(" | "));
        self.rows.push(row);
    }

    /// As Markdown.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: &[&str]| writeln!(text, "| {} |", cells.join(" | ")).expect("a String has room");
        line(&self.head);
        line(&vec!["---"; self.head.len()]);
        for row in &self.rows {
            line(&row.iter().map(String::as_str).collect::<Vec<_>>());
        }
        text
    }

    /// Puts the table into its place in a file: between `<!-- NAME -->` and `<!-- end -->`.
    pub fn write(&self, path: &Path) {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mark = format!("<!-- {} -->\n", self.name);
        let (before, rest) = text.split_once(&mark).unwrap_or_else(|| panic!("{}: no place {mark:?}", path.display()));
        let (_, after) = rest.split_once("<!-- end -->").unwrap_or_else(|| panic!("{}: no end", path.display()));
        let text = format!("{before}{mark}\n{}\n<!-- end -->{after}", self.text());
        fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
