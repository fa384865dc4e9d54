//! Readings from CSV files of every make: columns by name or number, quoted fields over several lines, dates in one field or
//! three, values that stand for "missing", flags that say what failed.
//!
//! Guarantees: what stands in quotes is no record; what could mean two things is a bad line, or a stop that names both.

mod columns;
mod dates;
mod looks;
mod record;
mod values;

use std::io;
use std::path::Path;

use serde_json::{Map, json};

use super::files::{Format, LineContent, Others};
use super::lines::{LINE_BYTES_MAX, Line, Lines, too_long};
use crate::domain::rules::is_station_id;
use crate::domain::{Day, Reading};
use crate::failure::{Failure, Kind};
use crate::settings::{self, OnMissingColumn};
use columns::{Columns, StationOf};
use dates::DateFormat;
use looks::excerpt;
use record::CsvRecord;
use values::{Value, Values};

/// Endings of names that say nothing of the text within.
const PACKED: [&str; 4] = ["gz", "gzip", "zst", "zstd"];
/// Letters that nobody sees, and the one that stands for all that could not be decoded: two stations' names with them look the same.
const INVISIBLE: [char; 6] = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{fffd}'];

/// The format `csv`.
pub struct Csv {
    settings: settings::Csv,
    dates: Dates,
    /// Column and value of the records that are read; others are passed over.
    only: Option<(String, String)>,
    values: Values,
    record: CsvRecord,
    line: Vec<u8>,
    columns: Columns,
    others: Others,
}

/// How days are written.
enum Dates {
    InOneColumn(DateFormat),
    InThreeColumns { pivot: Option<i32> },
}

/// What a record holds where it holds no reading.
enum Without {
    /// Something else than what is read.
    PassedOver,
    Missing,
    FailedQuality,
}

impl Csv {
    pub fn new(settings: &settings::Csv) -> Result<Self, Failure> {
        let wrong = |key: &str, value: &str, why: &str| {
            Failure::fatal(Kind::Settings, format!("source.csv.{key} is {value:?}: {why}"))
        };
        let pivot = i32::try_from(settings.year_pivot).ok().filter(|pivot| *pivot > 0);
        let dates = if settings.year_column.is_empty() {
            let format = DateFormat::new(&settings.date_format, pivot);
            Dates::InOneColumn(format.ok_or_else(|| {
                wrong("date_format", &settings.date_format, "it is no format of a day")
                    .advice("write it as in %Y-%m-%d; months and days in the files may be unpadded")
            })?)
        } else {
            Dates::InThreeColumns { pivot }
        };
        let only = match settings.only.split_once('=').map(|(column, value)| (column.trim(), value.trim())) {
            _ if settings.only.is_empty() => None,
            Some((column, value)) if !column.is_empty() => Some((column.to_owned(), value.to_owned())),
            _ => {
                return Err(
                    wrong("where", &settings.only, "it is no column and value").advice("write it as in ELEMENT = TMAX")
                );
            }
        };
        let delimiter =
            if settings.delimiter == "tab" { b'\t' } else { settings.delimiter.bytes().next().unwrap_or(b',') };
        let csv = Self {
            settings: settings.clone(),
            dates,
            only,
            values: Values::new(settings),
            record: CsvRecord::new(delimiter),
            line: Vec::new(),
            columns: Columns::default(),
            others: Others::default(),
        };
        if !settings.header {
            // What is no number of a column is told before any file is read.
            csv.places(Vec::new())?;
        }
        Ok(csv)
    }

    /// Where the columns are, by the names in the header; a station's column that is not set is left to the file's name.
    fn places(&self, names: Vec<String>) -> Result<Columns, Failure> {
        let settings = &self.settings;
        let mut columns = Columns { count: names.len(), names, ..Columns::default() };
        let place = |key: &str, wanted: &str| columns.place(settings, key, wanted);
        let dates = match self.dates {
            Dates::InOneColumn(_) => [place("date_column", &settings.date_column)?, 0, 0],
            Dates::InThreeColumns { .. } => [
                place("year_column", &settings.year_column)?,
                place("month_column", &settings.month_column)?,
                place("day_column", &settings.day_column)?,
            ],
        };
        let has_degrees = !settings.header || columns.names.iter().any(|name| name.trim() == settings.degrees_column);
        if !has_degrees && settings.on_missing_degrees_column == OnMissingColumn::PassOver {
            return Ok(Columns { dates, degrees: None, ..columns });
        }
        let degrees = Some(place("degrees_column", &settings.degrees_column)?);
        let only = self.only.as_ref().map(|(column, _)| place("where", column)).transpose()?.unwrap_or_default();
        let where_set = |key: &str, column: &str| (!column.is_empty()).then(|| place(key, column)).transpose();
        let flag = where_set("flag_column", &settings.flag_column)?;
        let station = where_set("station_column", &settings.station_column)?;
        columns.station = station.map_or_else(StationOf::default, StationOf::Column);
        Ok(Columns { dates, degrees, only, flag, ..columns })
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
        let comment = self.settings.comment.as_bytes();
        let is_comment = !comment.is_empty() && self.line.starts_with(comment);
        if self.line.is_empty() || number <= self.settings.skip_lines {
            return Ok(CsvOutcome::Empty);
        }
        if is_comment {
            return Ok(CsvOutcome::Comment);
        }
        let after_first = lines.position();
        self.record.begin(&mut self.line);
        while self.record.is_open() {
            self.line.clear();
            let line = lines.read(&mut self.line)?;
            if line == Line::End {
                lines.leave_open();
                let left = match lines.position().lines {
                    last if last == number => "the line is".to_owned(),
                    last => format!("lines {number} to {last} are"),
                };
                let what = format!("a quote is opened and not closed up to the end: {left} left until there is more");
                return Ok(CsvOutcome::Bad(number, what));
            }
            // The last line's end is not counted.
            if line != Line::Whole || self.record.len() - 1 + self.line.len() > LINE_BYTES_MAX {
                // No record is as long: the quote is a stray one, and the lines behind it are read for themselves.
                lines.go_to(after_first)?;
                return Ok(CsvOutcome::Bad(number, "a quote is opened and not closed".to_owned()));
            }
            self.record.go_on(&mut self.line);
        }
        if self.record.has_rest() {
            let what = format!(
                "line {number} and those before it end in CR alone, and what follows in LF: convert the file to one"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        if self.record.is_malformed() {
            let last = lines.position().lines;
            let what = format!(
                "a quote is opened and closed in line {last}, in the middle of a field: all up to there is left out"
            );
            return Ok(CsvOutcome::Bad(number, what));
        }
        Ok(CsvOutcome::Record(number))
    }

    fn reading(&self) -> Result<Result<Reading<'_>, Without>, String> {
        let (fields, columns) = (self.record.fields(), &self.columns);
        if columns.count > 0 && fields != columns.count {
            let first = if self.settings.header { "header" } else { "first record" };
            let what = format!("it has {fields} fields, the {first} {}", columns.count);
            let is_delimiter_last = fields == columns.count + 1 && self.record.field(fields - 1).is_empty();
            return Err(match is_delimiter_last && self.settings.header {
                true => {
                    format!("{what}, as it ends in the delimiter: skip the header, and give the numbers of columns")
                }
                false => what,
            });
        }
        let field = |at: usize, name: &str| {
            if at >= fields {
                return Err(format!("it has {fields} fields, and {name} is the one of number {}", at + 1));
            }
            let text = std::str::from_utf8(self.record.field(at)).map_err(|_| format!("{name} is not UTF-8"))?;
            Ok(text.trim())
        };
        let needed = |at: usize, name: &str| match field(at, name)? {
            "" => Err(format!("{name} is empty")),
            text => Ok(text),
        };
        let Some(degrees_at) = columns.degrees else { return Ok(Err(Without::PassedOver)) };
        if let Some((name, value)) = &self.only
            && field(columns.only, name)? != value
        {
            return Ok(Err(Without::PassedOver));
        }
        let station_id = match &columns.station {
            StationOf::OfFile(station) => station,
            StationOf::Column(at) => {
                let station = needed(*at, &self.settings.station_column)?;
                if !is_station_id(station) || station.contains(INVISIBLE) {
                    return Err(format!("{} is not a station's name", excerpt(station)));
                }
                station
            }
        };
        let day = self.day(needed)?;
        let degrees = field(degrees_at, &self.settings.degrees_column)?;
        let degrees = match self.values.read(degrees) {
            Value::Degrees(degrees) => degrees,
            Value::Missing => return Ok(Err(Without::Missing)),
            Value::NoNumber => return Err(format!("{} is not a number", excerpt(degrees))),
        };
        if let Some(at) = columns.flag
            && self.values.has_failed(field(at, &self.settings.flag_column)?)?
        {
            return Ok(Err(Without::FailedQuality));
        }
        Ok(Ok(Reading { station_id, day, degrees }))
    }

    fn day<'a>(&'a self, needed: impl Fn(usize, &str) -> Result<&'a str, String>) -> Result<Day, String> {
        let settings = &self.settings;
        let [first, second, third] = self.columns.dates;
        match &self.dates {
            Dates::InOneColumn(format) => {
                let date = needed(first, &settings.date_column)?;
                format.read(date).ok_or_else(|| format!("{} is not a date as {}", excerpt(date), settings.date_format))
            }
            Dates::InThreeColumns { pivot } => {
                let year = needed(first, &settings.year_column)?;
                let (month, day) = (needed(second, &settings.month_column)?, needed(third, &settings.day_column)?);
                let date = dates::of_parts(year, month, day, *pivot);
                date.ok_or_else(|| {
                    format!("{}, {}, {} are no year, month and day", excerpt(year), excerpt(month), excerpt(day))
                })
            }
        }
    }
}

enum CsvOutcome {
    /// By the number of its first line.
    Record(u64),
    Empty,
    Comment,
    Bad(u64, String),
    End,
}

impl Format for Csv {
    fn kind(&self) -> &'static str {
        "csv"
    }

    fn parameters(&self) -> serde_json::Value {
        let csv = &self.settings;
        let mut parameters = Map::new();
        for (key, text) in [
            ("files", &csv.files),
            ("station_column", &csv.station_column),
            ("date_column", &csv.date_column),
            ("degrees_column", &csv.degrees_column),
            ("date_format", &csv.date_format),
        ] {
            parameters.insert(key.to_owned(), json!(text));
        }
        let defaults = settings::load(&settings::Sources::default(), std::iter::empty());
        let defaults = defaults.expect("the defaults are good").settings.source.csv;
        let (now, defaults) = (json!(csv), json!(defaults));
        for (key, value) in
            now.as_object().into_iter().flatten().filter(|(key, value)| defaults[key.as_str()] != **value)
        {
            parameters.entry(key).or_insert_with(|| value.clone());
        }
        serde_json::Value::Object(parameters)
    }

    fn others(&self) -> Option<String> {
        match &self.only {
            Some((column, _)) => self.others.text(&format!("in column {column}"), "source.csv.where"),
            None => self.others.text("the columns", "source.csv.degrees_column"),
        }
    }

    fn begin(&mut self, file: &Path, lines: &mut Lines) -> Result<(), Failure> {
        let wrong = |what: String| Failure::fatal(Kind::Data, format!("{} {what}", file.display()));
        let failed = |error: io::Error| Failure::io("cannot read", file, &error);
        let begin = lines.position();
        let mut names = Vec::new();
        let mut count = 0;
        if self.settings.header {
            names = loop {
                match self.read_record(lines).map_err(failed)? {
                    CsvOutcome::Empty | CsvOutcome::Comment => continue,
                    CsvOutcome::Record(_) => break self.record.texts(),
                    CsvOutcome::End => break Vec::new(),
                    CsvOutcome::Bad(line, reason) => {
                        return Err(wrong(format!("has a bad header in line {line}: {reason}"))
                            .advice("the first line of each file must name its columns"));
                    }
                }
            };
        }
        if !self.settings.header {
            // All records are to have as many fields as the first one, which is read again then.
            count = loop {
                match self.read_record(lines).map_err(failed)? {
                    CsvOutcome::Empty | CsvOutcome::Comment | CsvOutcome::Bad(..) => {}
                    CsvOutcome::Record(_) => break self.record.fields(),
                    CsvOutcome::End => break 0,
                }
            };
            lines.go_to(begin).map_err(failed)?;
        }
        let placed = self.places(names);
        let mut columns =
            placed.map_err(|failure| Failure { what: format!("{} {}", file.display(), failure.what), ..failure })?;
        columns.count = columns.count.max(count);
        if columns.degrees.is_none() {
            columns.names.iter().for_each(|name| self.others.note(name));
        }
        if let StationOf::OfFile(station) = &mut columns.station {
            let is_packed =
                file.extension().is_some_and(|ending| PACKED.iter().any(|packed| ending.eq_ignore_ascii_case(packed)));
            let of_text = if is_packed { file.with_extension("") } else { file.to_owned() };
            let stem = of_text.file_stem().and_then(|stem| stem.to_str()).filter(|stem| is_station_id(stem));
            let stem = stem.ok_or_else(|| {
                wrong("has no name that can be a station's".to_owned())
                    .advice("name the file after its station, or set source.csv.station_column")
            })?;
            stem.clone_into(station);
        }
        self.columns = columns;
        Ok(())
    }

    fn read(&mut self, lines: &mut Lines, found: &mut LineContent) -> io::Result<bool> {
        let number = match self.read_record(lines)? {
            CsvOutcome::End => return Ok(false),
            CsvOutcome::Empty => return Ok(true),
            CsvOutcome::Comment => {
                found.is_passed_over = true;
                return Ok(true);
            }
            CsvOutcome::Bad(line, reason) => {
                found.bad = Some((line, reason));
                return Ok(true);
            }
            CsvOutcome::Record(number) => number,
        };
        match self.reading() {
            Ok(Ok(Reading { station_id, day, degrees })) => {
                station_id.clone_into(&mut found.station_id);
                found.readings.push_back((day, degrees));
            }
            // The day of such a record is a column's name, or was not looked at.
            Err(_) | Ok(Err(Without::PassedOver)) if self.columns.is_header_like(&self.record) => {
                if !self.columns.is_header(&self.record) {
                    let what = format!(
                        "line {number} names columns, and others or in another order than the header: give each a file of its own"
                    );
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
            }
            Ok(Err(Without::PassedOver)) => {
                found.is_passed_over = true;
                if self.columns.degrees.is_some() {
                    self.others.note(&String::from_utf8_lossy(self.record.field(self.columns.only)));
                }
            }
            Ok(Err(Without::Missing)) => found.missing += 1,
            Ok(Err(Without::FailedQuality)) => found.skipped_quality += 1,
            // What stands in quotes is no record of its own.
            Err(reason) => found.bad = Some((number, reason)),
        }
        Ok(true)
    }
}
