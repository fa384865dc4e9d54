//! What each setting may be, in one table, and what must hold between settings.

use std::fmt;
use std::net::SocketAddr;

use config::{Value, ValueKind};

use crate::domain::Day;
use crate::failure::{Failure, Kind};

use super::date_format;
use super::fault_plan::fault_points;
use super::model::{LogKind, Partitions, Settings};
use super::{group, property, state};

/// What a key may be.
pub(super) enum Allowed {
    OneOf(&'static [&'static str]),
    /// From the first to the second, both inclusive.
    Whole(i64, i64),
    Number(f64, f64),
    Flag,
    /// A text that passes the check, with the words for it.
    Text(&'static str, fn(&str) -> bool),
    Partitions,
    Points,
}

use Allowed::{Flag, Number, OneOf, Points, Text, Whole};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
const PATH: Allowed = Text("a path", |text| !text.is_empty());
const COLUMN: Allowed = Text("a column's name", |text| !text.is_empty());
/// Far from any weather, and so that no sum of a station, which has at most a few million days, loses its fraction or
/// becomes infinite: a file could not hold that.
const DEGREES: Allowed = Number(-1e9, 1e9);
const ANY: Allowed = Text("a text", |_| true);

/// The waits of a log take a quarter of a heartbeat at most. The rest is for what each step does itself: a batch that is
/// counted, a sync of the disk, a processor that is not free at once.
const HEARTBEAT_MS_MIN: i64 = 50;
/// Only of Kafka's waits: two calls, five seconds each at most, may follow each other within one step.
const KAFKA_HEARTBEAT_MS_MIN: u64 = 10_000;

/// How long a record that is written may wait for its acknowledgement.
const MESSAGE_TIMEOUT_MS: &str = "message.timeout.ms";

/// Properties of librdkafka stand under this key; the rest of the path is one name.
pub(super) const CLIENT: &str = "log.kafka.client";
pub(super) const CLIENT_VALUE: Allowed = Text("a text, a number, true or false", |_| true);

/// Every key. A range stands here, in the key's comment in `settings/default.toml`, and nowhere else.
#[rustfmt::skip]
pub(super) const KEYS: &[(&str, Allowed)] = &[
    ("log.kind", OneOf(&["kafka", "sqlite", "memory"])),
    ("log.topic", Text("1 to 249 letters, digits, \".\", \"_\" and \"-\", but not \".\" or \"..\"", is_topic)),
    ("log.partitions", Whole(1, 10_000)),
    ("log.replication", Whole(1, 32_767)),
    ("log.retention_ms", Whole(-1, i64::MAX)),
    ("log.format", OneOf(&["protobuf", "json", "detect"])),
    ("log.on_start", OneOf(&["reuse", "recreate"])),
    ("log.allow_compaction", Flag),
    ("log.kafka.brokers", Text("host:port, several separated by commas", |text| text.split(',').all(|broker| !broker.trim().is_empty()))),
    ("log.kafka.password_file", ANY),
    ("log.sqlite.path", PATH),
    ("source.kind", OneOf(&["simulate", "csv", "ghcn_daily", "ghcn_by_year", "ghcn_access", "gsod", "meteostat"])),
    ("source.verify", Flag),
    ("source.rest_ms", Whole(0, HOUR_MS)),
    ("source.compare_bytes_max", Whole(1 << 24, 1 << 30)),
    ("source.simulate.stations", Whole(1, 1_000_000)),
    ("source.simulate.days", Whole(0, 3_652_059)),
    ("source.simulate.start", Text("a real day as YYYY-MM-DD, years 0001 to 9999", |text| Day::parse(text).is_some())),
    ("source.simulate.seed", Whole(0, i64::MAX)),
    ("source.simulate.pace_ms", Whole(0, DAY_MS)),
    ("source.simulate.duplicates_share", Number(0.0, 1.0)),
    ("source.simulate.outliers_share", Number(0.0, 1.0)),
    ("source.csv.files", ANY),
    ("source.csv.station_column", ANY),
    ("source.csv.date_column", COLUMN),
    ("source.csv.degrees_column", COLUMN),
    ("source.csv.on_missing_degrees_column", OneOf(&["stop", "pass_over"])),
    ("source.csv.date_format", Text("a format of strftime of which a day comes, as %Y-%m-%d", |text| date_format::items(text).is_some())),
    ("source.csv.encoding", OneOf(&["utf-8", "utf-16", "latin-1"])),
    ("source.csv.delimiter", Text("one letter, or \"tab\"", is_delimiter)),
    ("source.csv.header", Flag),
    ("source.csv.skip_lines", Whole(0, 1_000_000)),
    ("source.csv.comment", ANY),
    ("source.csv.year_column", ANY),
    ("source.csv.month_column", ANY),
    ("source.csv.day_column", ANY),
    ("source.csv.year_pivot", Whole(0, 9899)),
    ("source.csv.decimal", OneOf(&[".", ","])),
    ("source.csv.missing", ANY),
    ("source.csv.degrees_scale", Number(-1e6, 1e6)),
    ("source.csv.degrees_offset", Number(-1e6, 1e6)),
    ("source.csv.where", ANY),
    ("source.csv.flag_column", ANY),
    ("source.csv.flag_part", Whole(0, 100)),
    ("source.csv.flag_failed", ANY),
    ("source.ghcn_daily.files", ANY),
    ("source.ghcn_daily.element", Text("four capital letters or digits, as TAVG", is_element)),
    ("produce.batch_records", Whole(1, 100_000)),
    ("produce.in_flight_max", Whole(1, 1_000)),
    ("produce.transactions", OneOf(&["auto", "on", "off"])),
    ("produce.skip_hidden", Flag),
    ("consume.assignment", OneOf(&["fixed", "group"])),
    ("consume.partitions", Allowed::Partitions),
    ("consume.commit_interval_ms", Whole(1, HOUR_MS)),
    ("consume.commit_share_max", Number(0.001, 1.0)),
    ("consume.batch_records", Whole(1, 100_000)),
    ("group.id", Text("a text of at most 249 letters, or an empty one", |text| text.len() <= 249)),
    ("group.session_ms", Whole(1_000, 1_800_000)),
    ("group.heartbeat_ms", Whole(100, 600_000)),
    ("group.handover_ms", Whole(100, 600_000)),
    ("state.dir", PATH),
    ("state.url", Text("s3://bucket/prefix, or an empty text", is_store)),
    ("state.commit_interval_ms", Whole(1, HOUR_MS)),
    ("state.allow_network_filesystem", Flag),
    ("state.request_timeout_ms", Whole(1, HOUR_MS)),
    ("state.s3.endpoint", Text("http://host:port or https://host:port, or an empty text", is_endpoint)),
    ("state.s3.region", ANY),
    ("state.s3.path_style", Flag),
    ("state.s3.ca_file", ANY),
    ("state.s3.allow_http", Flag),
    ("state.s3.access_key_id", ANY),
    ("state.s3.secret_access_key", ANY),
    ("state.s3.secret_access_key_file", ANY),
    ("state.s3.session_token", ANY),
    ("quality.degrees_min", DEGREES),
    ("quality.degrees_max", DEGREES),
    ("quality.stations_max", Whole(1, 100_000_000)),
    ("quality.rejected_bytes_max", Whole(0, i64::MAX)),
    ("supervision.restarts_max", Whole(0, 1_000)),
    ("supervision.window_ms", Whole(1, DAY_MS)),
    ("supervision.backoff_min_ms", Whole(1, HOUR_MS)),
    ("supervision.backoff_max_ms", Whole(1, HOUR_MS)),
    ("supervision.healthy_ms", Whole(1, DAY_MS)),
    ("supervision.heartbeat_ms", Whole(HEARTBEAT_MS_MIN, HOUR_MS)),
    ("supervision.shutdown_ms", Whole(1, HOUR_MS)),
    ("supervision.on_branch_failure", OneOf(&["continue", "exit"])),
    ("faults.points", Points),
    ("faults.seed", Whole(0, i64::MAX)),
    ("output.log_format", OneOf(&["text", "json"])),
    ("output.log_level", Text("off, error, warn, info, debug or trace, also for a part, as info,isotherm::log=debug", is_level)),
    ("output.progress_interval_ms", Whole(1, HOUR_MS)),
    ("web.listen", Text("an address of this machine and a port, as 127.0.0.1:8470 or [::1]:8470, or an empty text", is_listen)),
    ("web.token", Text("16 to 1024 visible ASCII characters, or an empty text", is_web_token)),
    ("web.connections_max", Whole(1, 100_000)),
    ("web.ready_lag_max", Whole(0, i64::MAX)),
];

/// What the key may be; `None` if there is no such key.
pub(super) fn allowed(key: &str) -> Option<&'static Allowed> {
    if key.strip_prefix(CLIENT).and_then(|rest| rest.strip_prefix('.')).is_some_and(is_property) {
        return Some(&CLIENT_VALUE);
    }
    KEYS.iter().find(|(known, _)| *known == key).map(|(_, allowed)| allowed)
}

impl Allowed {
    /// Whether the value is allowed; a client's number or flag becomes the text that it is passed on as.
    pub(super) fn accept(&self, key: &str, value: ValueKind) -> Result<ValueKind, ValueKind> {
        let value = match value {
            ValueKind::I64(number) if key.starts_with(CLIENT) => ValueKind::String(number.to_string()),
            ValueKind::Float(number) if key.starts_with(CLIENT) => ValueKind::String(number.to_string()),
            ValueKind::Boolean(flag) if key.starts_with(CLIENT) => ValueKind::String(flag.to_string()),
            other => other,
        };
        let fits = match (self, &value) {
            (OneOf(names), ValueKind::String(text)) => names.contains(&text.as_str()),
            (Whole(min, max), ValueKind::I64(number)) => (min..=max).contains(&number),
            (Number(min, max), ValueKind::Float(number)) => (min..=max).contains(&number),
            (Number(min, max), ValueKind::I64(number)) => (*min..=*max).contains(&(*number as f64)),
            (Flag, ValueKind::Boolean(_)) => true,
            (Text(_, check), ValueKind::String(text)) => check(text),
            (Allowed::Partitions, ValueKind::String(text)) => text == "all",
            (Allowed::Partitions, ValueKind::Array(listed)) => {
                !listed.is_empty()
                    && listed
                        .iter()
                        .all(|one| matches!(one.kind, ValueKind::I64(number) if (0..10_000).contains(&number)))
            }
            (Points, ValueKind::Array(listed)) => listed.iter().all(|one| matches!(one.kind, ValueKind::String(_))),
            _ => false,
        };
        if fits { Ok(value) } else { Err(value) }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OneOf(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
                let (last, others) = quoted.split_last().expect("no key has an empty list of names");
                write!(formatter, "{} or {last}", others.join(", "))
            }
            Whole(min, i64::MAX) => write!(formatter, "a whole number, at least {min}"),
            Whole(min, max) => write!(formatter, "a whole number from {min} to {max}"),
            Number(min, max) => write!(formatter, "a number from {min} to {max}"),
            Flag => write!(formatter, "true or false"),
            Text(what, _) => write!(formatter, "{what}"),
            Allowed::Partitions => write!(formatter, "\"all\" or a list of partitions from 0, as [0, 2]"),
            Points => write!(formatter, "a list of faults, as [\"aggregator.apply@3=panic\"]"),
        }
    }
}

/// Checks what must hold between settings. `at` says a key's value and where it came from.
pub(super) fn together(settings: &Settings, at: impl Fn(&str) -> String) -> Result<(), Failure> {
    let refused = |what: String, advice: &str| Err(Failure::fatal(Kind::Settings, what).advice(advice));
    let bounded = [
        ("quality.degrees_min", "quality.degrees_max", settings.quality.degrees_min < settings.quality.degrees_max),
        (
            "supervision.backoff_min_ms",
            "supervision.backoff_max_ms",
            settings.supervision.backoff_min_ms <= settings.supervision.backoff_max_ms,
        ),
    ];
    for (low, high, fits) in bounded {
        if !fits {
            return refused(format!("{} and {}", at(low), at(high)), &format!("set {low} below {high}"));
        }
    }
    patient_with_kafka(settings, &at)?;
    if settings.log.retention_ms == 0 {
        return refused(at("log.retention_ms"), "allowed: -1 (for ever) or at least 1");
    }
    if let Some((key, _)) = settings.source.files().filter(|(_, files)| files.is_empty()) {
        return refused(format!("{} but {}", at("source.kind"), at(key)), &format!("set {key} to the files to read"));
    }
    let csv = &settings.source.csv;
    let has_short_year =
        date_format::items(&csv.date_format).is_some_and(|items| date_format::short_year(&items).is_some());
    if has_short_year && csv.year_pivot == 0 && csv.year_column.is_empty() {
        let what = format!("{}: two digits are no year", at("source.csv.date_format"));
        return refused(
            what,
            "set source.csv.year_pivot to the first year that they may mean, as 1950 for 1950 to 2049",
        );
    }
    let parts = [&csv.year_column, &csv.month_column, &csv.day_column];
    if parts.iter().any(|column| column.is_empty()) && parts.iter().any(|column| !column.is_empty()) {
        let what = format!(
            "{}, {} and {}",
            at("source.csv.year_column"),
            at("source.csv.month_column"),
            at("source.csv.day_column")
        );
        return refused(what, "set all of them, or none");
    }
    if !csv.month_column.is_empty()
        && (csv.month_column == csv.day_column || parts[0] == parts[1] || parts[0] == parts[2])
    {
        let what = format!("{} and {}", at("source.csv.month_column"), at("source.csv.day_column"));
        return refused(what, "year, month and day stand in three columns");
    }
    let is_number = |text: &str| csv.decimal == "," && text.replacen(',', ".", 1).parse::<f64>().is_ok();
    let is_several = |text: &&str| text.contains([',', ';']) && !is_number(text);
    for (key, list) in [("source.csv.missing", &csv.missing), ("source.csv.flag_failed", &csv.flag_failed)] {
        if let Some(several) = list.split_whitespace().find(is_several) {
            return refused(
                format!("{}: {several:?} is not one of them", at(key)),
                "what stands in the list is apart by spaces",
            );
        }
    }
    if csv.only.split_once('=').is_some_and(|(_, value)| value.trim_start().starts_with(['=', '"', '\''])) {
        return refused(at("source.csv.where"), "write it as in ELEMENT = TMAX, with one = and no quotes");
    }
    if csv.degrees_scale == 0.0 {
        return refused(at("source.csv.degrees_scale"), "all degrees would be the same: set another");
    }
    state::check(&settings.state, &at)?;
    group::check(settings, &at)?;
    if let Partitions::Listed(listed) = &settings.consume.partitions {
        let count = settings.log.partitions;
        if let Some(beyond) = listed.iter().find(|&&partition| partition >= count) {
            let what =
                format!("{}: there is no partition {beyond}; {}", at("consume.partitions"), at("log.partitions"));
            return refused(what, &format!("allowed: 0 to {}", count - 1));
        }
        let twice = listed.iter().enumerate().find(|(index, partition)| listed[..*index].contains(partition));
        if let Some((_, twice)) = twice {
            return refused(format!("{}: {twice} stands twice", at("consume.partitions")), "name each partition once");
        }
    }
    if let Some(address) = settings.web.address()
        && !address.ip().is_loopback()
        && settings.web.token.is_empty()
    {
        let what = format!("{}: other machines could watch and start audits, and web.token is empty", at("web.listen"));
        return refused(
            what,
            "set web.token to a secret (in the environment: ISOTHERM_WEB__TOKEN), or listen on 127.0.0.1",
        );
    }
    fault_points(settings)
        .map(drop)
        .map_err(|failure| Failure { what: format!("{}: {}", at("faults.points"), failure.what), ..failure })
}

/// A broker that is away must not look like an actor that hangs: that would cost restarts, or end the process.
fn patient_with_kafka(settings: &Settings, at: &impl Fn(&str) -> String) -> Result<(), Failure> {
    if settings.log.kind != LogKind::Kafka {
        return Ok(());
    }
    let heartbeat = "supervision.heartbeat_ms";
    let heartbeat_ms = settings.supervision.heartbeat_ms;
    if heartbeat_ms < KAFKA_HEARTBEAT_MS_MIN {
        let what = format!("{}: a call on Kafka that takes its time would count as hung", at(heartbeat));
        let advice = format!("set it to at least {KAFKA_HEARTBEAT_MS_MIN} where log.kind is \"kafka\"");
        return Err(Failure::fatal(Kind::Settings, what).advice(advice));
    }
    let client = &settings.log.kafka.client;
    let Some((name, value)) = client.iter().find(|(name, _)| property::one_name(name) == MESSAGE_TIMEOUT_MS) else {
        return Ok(());
    };
    let timeout = at(&format!("{CLIENT}.{name}"));
    let advice = format!("set it to half of {heartbeat} at most, that is {}, and to 1 at least", heartbeat_ms / 2);
    let refused = |why: &str| Err(Failure::fatal(Kind::Settings, format!("{timeout}: {why}")).advice(advice));
    match property::read_number(name, value) {
        // For ever is 0.
        Ok(timeout_ms) if (1..=heartbeat_ms as i64 / 2).contains(&timeout_ms) => Ok(()),
        Ok(_) => refused("a write that waits that long would count as hung"),
        Err(reason) => refused(&reason),
    }
}

/// A list of texts or whole numbers, as a setting's value.
pub(super) fn list<T: Into<ValueKind>>(values: impl Iterator<Item = T>) -> ValueKind {
    ValueKind::Array(values.map(|value| Value::new(None, value)).collect())
}

fn is_endpoint(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.is_empty() || host.is_some_and(|host| !host.is_empty())
}

fn is_store(text: &str) -> bool {
    text.is_empty() || state::bucket_and_prefix(text).is_some()
}

fn is_topic(text: &str) -> bool {
    (1..=249).contains(&text.len())
        && text != "."
        && text != ".."
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_property(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_delimiter(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0);
    text == "tab" || (text.len() == 1 && text.bytes().all(is_letter))
}

fn is_element(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// A bare word other than a level would name a part of the program, so that a typing error would silence the log.
fn is_level(text: &str) -> bool {
    let is_word = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
    text.split(',').map(str::trim).all(|directive| match directive.split_once('=') {
        None => is_word(directive),
        Some((part, level)) => {
            is_word(level)
                && !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":_-".contains(&byte))
        }
    })
}

fn is_listen(text: &str) -> bool {
    text.is_empty() || text.parse::<SocketAddr>().is_ok()
}

fn is_web_token(text: &str) -> bool {
    text.is_empty() || ((16..=1024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()))
}
