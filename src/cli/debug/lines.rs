//! One record as a line.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message;
use serde::Serialize;
use serde_json::Value;

use super::python;
use crate::domain::wire::{BorrowedReport, Report};
use crate::domain::{Record, RecordFormat, RejectReason};

/// Bytes of an undecodable record's key, and of its value, that are shown.
const HEAD_BYTES: usize = 48;
const NO_JSON: &str = "no JSON object with station_id, date and degrees";

/// What a record says in the topic's format.
pub struct Said<'a> {
    pub format: RecordFormat,
    /// `None`: nothing that can be read.
    pub report: Option<BorrowedReport<'a>>,
    /// Why the record does not count, if it does not.
    pub rejected: Option<RejectReason>,
}

/// As Python prints a dict, as users of the original know it.
pub fn python(line: &mut String, partition: u32, record: Record<'_>, said: &Said<'_>) {
    let text = |text: Option<String>| text.map_or_else(|| "None".to_owned(), |text| python::text(&text));
    let length = |bytes: Option<&[u8]>| bytes.map_or_else(|| "None".to_owned(), |bytes| bytes.len().to_string());
    let written = match said.report {
        Some(report) => {
            let why = said.rejected.map(|reason| {
                let (reason, key) = (python::text(reason.name()), text(key(record)));
                format!(", 'offset': {}, 'rejected': {reason}, 'key': {key}", record.offset)
            });
            write!(
                line,
                "{{'station_id': {}, 'date': {}, 'degrees': {}, 'partition': {partition}{}}}",
                python::text(report.station_id),
                python::text(report.date),
                python::float(report.degrees),
                why.unwrap_or_default(),
            )
        }
        None => write!(
            line,
            "{{'undecodable': {}, 'partition': {partition}, 'offset': {}, 'key_bytes': {}, 'key': {}, \
             'value_bytes': {}, 'value': {}}}",
            python::text(&undecodable(record, said.format)),
            record.offset,
            length(record.key),
            text(head(record.key)),
            length(record.value),
            text(head(record.value)),
        ),
    };
    written.expect("a String has room");
}

#[derive(Serialize)]
struct Decoded<'a> {
    partition: u32,
    offset: u64,
    station_id: &'a str,
    date: &'a str,
    /// JSON has no number for degrees that are not finite: they are a text.
    degrees: Value,
    #[serde(flatten)]
    why: Option<Rejected>,
}

/// Why a record does not count, and its key, which may be the reason.
#[derive(Serialize)]
struct Rejected {
    rejected: &'static str,
    key: Option<String>,
}

#[derive(Serialize)]
struct Undecodable<'a> {
    partition: u32,
    offset: u64,
    undecodable: &'a str,
    key_bytes: Option<usize>,
    key: Option<String>,
    value_bytes: Option<usize>,
    value: Option<String>,
}

/// As a JSON object.
pub fn json(line: &mut String, partition: u32, record: Record<'_>, said: &Said<'_>) {
    let offset = record.offset;
    let object = match said.report {
        Some(BorrowedReport { date, degrees, station_id }) => {
            let degrees: Value = if degrees.is_finite() { degrees.into() } else { python::float(degrees).into() };
            let why = said.rejected.map(|reason| Rejected { rejected: reason.name(), key: key(record) });
            serde_json::to_string(&Decoded { partition, offset, station_id, date, degrees, why })
        }
        None => serde_json::to_string(&Undecodable {
            partition,
            offset,
            undecodable: &undecodable(record, said.format),
            key_bytes: record.key.map(<[u8]>::len),
            key: head(record.key),
            value_bytes: record.value.map(<[u8]>::len),
            value: head(record.value),
        }),
    };
    line.push_str(&object.expect("texts and finite numbers always serialize"));
}

/// Why a record cannot be read.
fn undecodable(record: Record<'_>, format: RecordFormat) -> String {
    let Some(value) = record.value else { return "it has no value (a tombstone)".to_owned() };
    match (RejectReason::Undecodable.detail(record), format) {
        (Some(detail), _) => detail.to_owned(),
        (None, RecordFormat::Json) => NO_JSON.to_owned(),
        (None, RecordFormat::Detect) if value.starts_with(b"{") => NO_JSON.to_owned(),
        (None, _) => Report::decode(value).map_or_else(|error| error.to_string(), |_| "no reading".to_owned()),
    }
}

/// The beginning of a record's key as text, as far as it is text.
fn key(record: Record<'_>) -> Option<String> {
    record.key.map(|key| String::from_utf8_lossy(&key[..key.len().min(HEAD_BYTES)]).into_owned())
}

fn head(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| BASE64.encode(&bytes[..bytes.len().min(HEAD_BYTES)]))
}
