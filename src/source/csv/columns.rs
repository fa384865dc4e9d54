//! Where the columns are that are read.

use super::looks;
use super::record::CsvRecord;
use crate::failure::{Failure, Kind};
use crate::settings;

/// What the header of the current file says: places of columns.
#[derive(Debug, Default)]
pub struct Columns {
    /// Of the header; 0: the file has no header.
    pub count: usize,
    pub names: Vec<String>,
    pub dates: [usize; 3],
    /// `None`: the file has none, and all of its records are passed over.
    pub degrees: Option<usize>,
    pub station: StationOf,
    pub only: usize,
    pub flag: Option<usize>,
}

#[derive(Debug)]
pub enum StationOf {
    Column(usize),
    OfFile(String),
}

impl Default for StationOf {
    fn default() -> Self {
        Self::OfFile(String::new())
    }
}

impl Columns {
    /// The place of a column: by its number from 1 where there is no header. One that is there twice is as wrong as one that
    /// is not.
    pub fn place(&self, settings: &settings::Csv, key: &str, wanted: &str) -> Result<usize, Failure> {
        let fatal = |what: String| Failure::fatal(Kind::Data, what);
        if !settings.header {
            return match wanted.parse::<usize>() {
                Ok(number @ 1..) => Ok(number - 1),
                _ => Err(Failure::fatal(
                    Kind::Settings,
                    format!("source.csv.header is false, and source.csv.{key} is {wanted:?}"),
                )
                .advice("set it to the number of the column, from 1")),
            };
        }
        let names: Vec<&str> = self.names.iter().map(|name| name.trim()).collect();
        let mut places = names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(at, _)| at);
        match (places.next(), places.next()) {
            (Some(at), None) => Ok(at),
            (Some(first), Some(second)) => Err(fatal(format!(
                "has two columns {wanted:?}, the ones of number {} and {}, and source.csv.{key} means one",
                first + 1,
                second + 1
            ))
            .advice("set source.csv.header = false, skip the header by source.csv.skip_lines, and give the numbers of columns")),
            (None, _) => {
                let advice = looks::advice(&self.names, settings);
                let advice = advice.unwrap_or_else(|| {
                    format!("set source.csv.{key} to one of them; where other lines stand above the header, source.csv.skip_lines")
                });
                Err(fatal(format!("has no column {wanted:?}; {}", looks::columns(&names))).advice(advice))
            }
        }
    }

    /// Whether a record is the header once more: files that were joined have theirs again.
    pub fn is_header(&self, record: &CsvRecord) -> bool {
        let is_named = |at: usize| same_name(record.field(at), &self.names[at]);
        !self.names.is_empty() && self.names.len() == record.fields() && (0..self.names.len()).all(is_named)
    }

    /// Whether a column's name stands where days do: what follows may have its columns in another order, or others.
    pub fn is_header_like(&self, record: &CsvRecord) -> bool {
        let date = self.dates[0];
        date < record.fields() && self.names.iter().any(|name| same_name(record.field(date), name))
    }
}

/// Whether a field is a column's name, as people write that anew.
fn same_name(field: &[u8], name: &str) -> bool {
    field.trim_ascii().eq_ignore_ascii_case(name.trim().as_bytes())
}
