//! Readings from NOAA's GHCN-Daily station files (`.dly`): fixed width, a line per station, month and element.
//!
//! Columns from 1: station 1-11, year 12-15, month 16-17, element 18-21, then for each of 31 days the value (5), a
//! measurement flag, a quality flag and a source flag. Values are tenths of a degree Celsius; -9999 is missing; a quality
//! flag that is not blank means that the value failed NOAA's checks. A line is read whole or, if anything in it is
//! wrong, not at all.

use std::io;
use std::path::Path;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::files::{Format, LineContent, Others};
use super::lines::{Line, Lines, too_long};
use crate::domain::Day;
use crate::domain::rules::is_station_id;
use crate::failure::Failure;
use crate::settings;

const DAYS: usize = 31;
const HEAD_BYTES: usize = 21;
const DAY_BYTES: usize = 8;
const LINE_BYTES: usize = HEAD_BYTES + DAYS * DAY_BYTES;
/// Of the last day, behind its value.
const FLAGS_BYTES: usize = 3;
const MISSING: i32 = -9999;

/// The format `ghcn_daily`.
pub struct GhcnDaily {
    settings: settings::GhcnDaily,
    line: Vec<u8>,
    others: Others,
}

impl GhcnDaily {
    pub fn new(settings: &settings::GhcnDaily) -> Self {
        Self { settings: settings.clone(), line: Vec::new(), others: Others::default() }
    }

    fn read_line(&mut self, found: &mut LineContent) -> Result<(), String> {
        let line = self.line.trim_ascii_end();
        if line.is_empty() {
            return Ok(());
        }
        let head = self.line.first_chunk::<HEAD_BYTES>().ok_or_else(|| self.short())?;
        let (year, month) = match (digits(&head[11..15]), digits(&head[15..17])) {
            (Some(year), Some(month @ 1..=12)) if year > 0 => (year, month),
            _ => return Err(format!("{:?} is not a year and month", text(&head[11..17]))),
        };
        let element = &head[17..21];
        if !element[0].is_ascii_uppercase()
            || !element.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        {
            return Err(format!("{:?} is no element", text(element)));
        }
        if element != self.settings.element.as_bytes() {
            found.is_passed_over = true;
            self.others.note(&text(element));
            return Ok(());
        }
        if self.line.len() < LINE_BYTES {
            return Err(self.short());
        }
        if line.len() > LINE_BYTES {
            return Err(format!("it goes on after column {LINE_BYTES}"));
        }
        let station = std::str::from_utf8(&head[..11]).ok().map(str::trim_end).filter(|station| is_station_id(station));
        let station = station.ok_or_else(|| format!("{:?} is not a station's name", text(&head[..11])))?;
        let (mut missing, mut skipped_quality) = (0, 0);
        for (at, field) in self.line[HEAD_BYTES..LINE_BYTES].chunks_exact(DAY_BYTES).enumerate() {
            let day = at as u32 + 1;
            let value = number(&field[..5])
                .ok_or_else(|| format!("the value of day {day}, {:?}, is not a number", text(&field[..5])))?;
            let date = NaiveDate::from_ymd_opt(year as i32, month, day).and_then(Day::from_date);
            if value == MISSING {
                missing += u64::from(date.is_some());
                continue;
            }
            let date =
                date.ok_or_else(|| format!("it has a value for {year:04}-{month:02}-{day:02}, which is no day"))?;
            if field[6] != b' ' {
                skipped_quality += 1;
                continue;
            }
            let degrees = f64::from(value) / 10.0;
            found.readings.push_back((date, degrees));
        }
        station.clone_into(&mut found.station_id);
        found.missing += missing;
        found.skipped_quality += skipped_quality;
        Ok(())
    }

    fn short(&self) -> String {
        format!("it has {} columns and not {LINE_BYTES}", self.line.len())
    }
}

impl Format for GhcnDaily {
    fn kind(&self) -> &'static str {
        "ghcn_daily"
    }

    fn parameters(&self) -> Value {
        json!({ "files": self.settings.files, "element": self.settings.element })
    }

    fn others(&self) -> Option<String> {
        self.others.text("the elements", "source.ghcn_daily.element")
    }

    fn begin(&mut self, _file: &Path, _lines: &mut Lines) -> Result<(), Failure> {
        Ok(())
    }

    fn read(&mut self, lines: &mut Lines, found: &mut LineContent) -> io::Result<bool> {
        let number = lines.position().lines + 1;
        self.line.clear();
        let outcome = match lines.read(&mut self.line)? {
            Line::End => return Ok(false),
            Line::TooLong => Err(too_long()),
            Line::Whole => {
                // Blanks at the end of a line are lost on the way through many programs. A line without its end may lack more.
                if !lines.is_cut() && (LINE_BYTES - FLAGS_BYTES..LINE_BYTES).contains(&self.line.len()) {
                    self.line.resize(LINE_BYTES, b' ');
                }
                self.read_line(found)
            }
        };
        if let Err(reason) = outcome {
            found.readings.clear();
            found.bad = Some((number, reason));
        }
        Ok(true)
    }
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

/// A right-aligned number with an optional minus sign.
fn number(bytes: &[u8]) -> Option<i32> {
    let bytes = bytes.trim_ascii_start();
    let (sign, bytes) = match bytes.strip_prefix(b"-") {
        Some(rest) => (-1, rest),
        None => (1, bytes),
    };
    if bytes.is_empty() { None } else { Some(sign * digits(bytes)? as i32) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
