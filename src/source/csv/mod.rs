//! Readings from CSV files: a header per file, columns by name, quoted fields over several lines.

use std::io;
use std::path::Path;

use chrono::NaiveDate;
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use serde_json::{Value, json};

use super::files::{Format, LineContent};
use super::lines::{LINE_BYTES_MAX, Line, Lines, too_long};
use crate::domain::rules::is_station_id;
use crate::domain::{Day, Reading};
use crate::failure::{Failure, Kind};
use crate::settings;

/// What some programs put before the header.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The format `csv`.
pub struct Csv {
    settings: settings::Csv,
    date_format: Vec<Item<'static>>,
    record: CsvRecord,
    line: Vec<u8>,
    columns: Columns,
}

/// What the header of the current file says.
#[derive(Debug, Default)]
struct Columns {
    count: usize,
    date: usize,
    degrees: usize,
    station: StationOf,
}

#[derive(Debug)]
enum StationOf {
    Column(usize),
    OfFile(String),
}

impl Default for StationOf {
    fn default() -> Self {
        Self::OfFile(String::new())
    }
}

impl Csv {
    pub fn new(settings: &settings::Csv) -> Result<Self, Failure> {
        let date_format = StrftimeItems::new(&settings.date_format).parse_to_owned().map_err(|_| {
            Failure::fatal(
                Kind::Settings,
                format!("source.csv.date_format = {:?} is not a format of dates", settings.date_format),
            )
            .advice("write it as in %Y-%m-%d; months and days in the files may be unpadded")
        })?;
        Ok(Self {
            settings: settings.clone(),
            date_format,
            record: CsvRecord::default(),
            line: Vec::new(),
            columns: Columns::default(),
        })
    }

    /// Reads one record that is not empty.
    fn read_record(&mut self, lines: &mut Lines) -> io::Result<CsvOutcome> {
        let number = lines.position().lines + 1;
        self.line.clear();
        match lines.read(&mut self.line)? {
            Line::End => return Ok(CsvOutcome::End),
            Line::TooLong => return Ok(CsvOutcome::Bad(number, too_long())),
            Line::Whole => {}
        }
        if number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        if self.line.is_empty() {
            return Ok(CsvOutcome::Empty);
        }
        let after_first = lines.position();
        self.record.begin(&mut self.line);
        while self.record.is_open {
            self.line.clear();
            let line = lines.read(&mut self.line)?;
            if line == Line::End {
                lines.leave_open();
                let what = "a quote is opened and not closed up to the end: the record is left until there is more";
                return Ok(CsvOutcome::Bad(number, what.to_owned()));
            }
            // The last line's end is not counted.
            if line != Line::Whole || self.record.bytes_used - 1 + self.line.len() > LINE_BYTES_MAX {
                // No record is as long: the quote is a stray one, and the lines behind it are read for themselves.
                lines.go_to(after_first)?;
                return Ok(CsvOutcome::Bad(number, "a quote is opened and not closed".to_owned()));
            }
            self.record.go_on(&mut self.line);
        }
        Ok(CsvOutcome::Record(number))
    }

    fn reading(&self) -> Result<Reading<'_>, String> {
        let fields = self.record.fields;
        if fields != self.columns.count {
            return Err(format!("it has {fields} fields, the header {}", self.columns.count));
        }
        let field = |at: usize, name: &str| {
            let text = std::str::from_utf8(self.record.field(at)).map_err(|_| format!("{name} is not UTF-8"))?.trim();
            if text.is_empty() { Err(format!("{name} is empty")) } else { Ok(text) }
        };
        let station_id = match &self.columns.station {
            StationOf::OfFile(station) => station,
            StationOf::Column(at) => {
                let station = field(*at, &self.settings.station_column)?;
                if !is_station_id(station) {
                    return Err(format!("{} is not a station's name", excerpt(station)));
                }
                station
            }
        };
        let date = field(self.columns.date, &self.settings.date_column)?;
        let day = self.date(date).and_then(Day::from_date);
        let day = day.ok_or_else(|| format!("{} is not a date as {}", excerpt(date), self.settings.date_format))?;
        let degrees = field(self.columns.degrees, &self.settings.degrees_column)?;
        match degrees.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Reading { station_id, day, degrees: number }),
            _ => Err(format!("{} is not a number", excerpt(degrees))),
        }
    }

    fn date(&self, text: &str) -> Option<NaiveDate> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.date_format.iter()).ok()?;
        parsed.to_naive_date().ok()
    }
}

enum CsvOutcome {
    /// By the number of its first line.
    Record(u64),
    Empty,
    Bad(u64, String),
    End,
}

impl Format for Csv {
    fn kind(&self) -> &'static str {
        "csv"
    }

    fn parameters(&self) -> Value {
        json!({
            "files": self.settings.files,
            "station_column": self.settings.station_column,
            "date_column": self.settings.date_column,
            "degrees_column": self.settings.degrees_column,
            "date_format": self.settings.date_format,
        })
    }

    fn begin(&mut self, file: &Path, lines: &mut Lines) -> Result<(), Failure> {
        let wrong = |what: String| Failure::fatal(Kind::Data, format!("{} {what}", file.display()));
        let header = loop {
            match self.read_record(lines).map_err(|error| Failure::io("cannot read", file, &error))? {
                CsvOutcome::Empty => continue,
                CsvOutcome::Record(_) => break self.record.texts(),
                CsvOutcome::End => break Vec::new(),
                CsvOutcome::Bad(line, reason) => {
                    return Err(wrong(format!("has a bad header in line {line}: {reason}"))
                        .advice("the first line of each file must name its columns"));
                }
            }
        };
        let names: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        let column = |key: &str, wanted: &str| {
            names.iter().position(|name| *name == wanted).ok_or_else(|| {
                wrong(format!("has no column {wanted:?}; its columns are {}", shortened(&names)))
                    .advice(format!("set source.csv.{key} to one of them"))
            })
        };
        let date = column("date_column", &self.settings.date_column)?;
        let degrees = column("degrees_column", &self.settings.degrees_column)?;
        let station = if self.settings.station_column.is_empty() {
            let stem = file.file_stem().and_then(|stem| stem.to_str()).filter(|stem| is_station_id(stem));
            let stem = stem.ok_or_else(|| {
                wrong("has no name that can be a station's".to_owned())
                    .advice("name the file after its station, or set source.csv.station_column")
            })?;
            StationOf::OfFile(stem.to_owned())
        } else {
            StationOf::Column(column("station_column", &self.settings.station_column)?)
        };
        self.columns = Columns { count: names.len(), date, degrees, station };
        Ok(())
    }

    fn read(&mut self, lines: &mut Lines, found: &mut LineContent) -> io::Result<bool> {
        let number = match self.read_record(lines)? {
            CsvOutcome::End => return Ok(false),
            CsvOutcome::Empty => return Ok(true),
            CsvOutcome::Bad(line, reason) => {
                found.bad = Some((line, reason));
                return Ok(true);
            }
            CsvOutcome::Record(number) => number,
        };
        match self.reading() {
            Ok(Reading { station_id, day, degrees }) => {
                station_id.clone_into(&mut found.station_id);
                found.readings.push_back((day, degrees));
            }
            // What stands in quotes is no record of its own.
            Err(reason) => found.bad = Some((number, reason)),
        }
        Ok(true)
    }
}

/// A text for a message: in quotes, and no longer than a person reads.
fn excerpt(text: &str) -> String {
    const LETTERS_MAX: usize = 60;
    match text.char_indices().nth(LETTERS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// The columns of a header for a message.
fn shortened(names: &[&str]) -> String {
    const NAMES_SHOWN_MAX: usize = 40;
    let mut text: Vec<String> = names.iter().take(NAMES_SHOWN_MAX).map(|name| excerpt(name)).collect();
    if names.is_empty() {
        return "none, the file is empty".to_owned();
    }
    if names.len() > NAMES_SHOWN_MAX {
        text.push(format!("and {} more", names.len() - NAMES_SHOWN_MAX));
    }
    text.join(", ")
}

/// The fields of one record, split by the crate `csv-core` a line at a time, so that a record which is not closed takes no
/// more than it may, and its first line has its number.
#[derive(Debug)]
struct CsvRecord {
    reader: csv_core::Reader,
    /// The fields' bytes, then room.
    bytes: Vec<u8>,
    bytes_used: usize,
    /// Where each field ends in `bytes`, then room.
    ends: Vec<usize>,
    fields: usize,
    /// The record ends within quotes: the next line belongs to it.
    is_open: bool,
}

impl Default for CsvRecord {
    fn default() -> Self {
        let mut reader = csv_core::ReaderBuilder::new().terminator(csv_core::Terminator::Any(b'\n')).build();
        // What looks like a byte order mark is only one at a file's beginning, where it is taken away: so the reader is
        // past its own beginning.
        reader.read_record(b"\n", &mut [0], &mut [0]);
        Self { reader, bytes: Vec::new(), bytes_used: 0, ends: Vec::new(), fields: 0, is_open: false }
    }
}

impl CsvRecord {
    /// Begins with the first line of a record, which is not empty.
    fn begin(&mut self, line: &mut Vec<u8>) {
        if self.is_open {
            self.go_on(&mut vec![b'"']);
        }
        (self.bytes_used, self.fields) = (0, 0);
        self.go_on(line);
    }

    /// Goes on with a line, to which its end is given back.
    fn go_on(&mut self, line: &mut Vec<u8>) {
        line.push(b'\n');
        // Room for all that can come of it: one byte, and at most one field, for each of the line's.
        self.bytes.resize(self.bytes.len().max(self.bytes_used + line.len()), 0);
        self.ends.resize(self.ends.len().max(self.fields + line.len()), 0);
        let room = (&mut self.bytes[self.bytes_used..], &mut self.ends[self.fields..]);
        let (result, _, bytes, fields) = self.reader.read_record(line, room.0, room.1);
        self.bytes_used += bytes;
        self.fields += fields;
        self.is_open = result == csv_core::ReadRecordResult::InputEmpty;
    }

    fn field(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    fn texts(&self) -> Vec<String> {
        (0..self.fields).map(|at| String::from_utf8_lossy(self.field(at)).into_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        /// The crate `csv` as the reference, but for a record that the text ends in within quotes: that one is refused here.
        #[test]
        fn records_are_split_as_the_crate_csv_splits_them(text in "[a\",\n]{0,24}") {
            let mut reference = ::csv::ReaderBuilder::new();
            reference.has_headers(false).flexible(true).terminator(::csv::Terminator::Any(b'\n'));
            let mut ours = Vec::new();
            let mut record = CsvRecord::default();
            for line in text.split_terminator('\n') {
                if record.is_open {
                    record.go_on(&mut line.as_bytes().to_vec());
                } else if line.is_empty() {
                    continue;
                } else {
                    record.begin(&mut line.as_bytes().to_vec());
                }
                if !record.is_open {
                    ours.push(record.texts());
                }
            }
            let mut theirs: Vec<Vec<String>> = reference
                .from_reader(text.as_bytes())
                .records()
                .map(|record| record.expect("text").iter().map(str::to_owned).collect())
                .collect();
            if record.is_open {
                theirs.pop();
            }
            prop_assert_eq!(ours, theirs);
        }
    }
}
