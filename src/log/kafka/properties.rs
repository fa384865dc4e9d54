//! The properties of the clients: ours, then the person's, except those that the guarantees rest on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::failure::{Failure, Kind};
use crate::log::membership::GroupSpec;
use crate::settings;
use crate::settings::property::{one_name, read};

use super::client::{BROKERS, CALL_MS_MAX, Properties};
use super::pool::CLIENTS_MAX;

/// Memory for what is read ahead, of all partitions' readers together.
const AHEAD_KIB_ALL: u32 = 256 * 1024;

/// How long a broker keeps a request that finds nothing new, where readers share clients. A client asks a broker one thing
/// at a time: a partition whose queue was full waits that long behind those that are at their end.
const SHARED_WAIT_MS: u32 = 50;

/// The largest record that a client takes. Ours is the most that a broker takes unless told otherwise (1,048,588 bytes), less
/// the 61 bytes around a record that is sent alone.
pub const MESSAGE_BYTES_MAX: &str = "message.max.bytes";

/// After so long the cluster itself ends a transaction whose producer is gone. Until then no reader passes its records. With
/// Kafka a heartbeat is no shorter, and a group of records is written and committed in less.
const TRANSACTION_TIMEOUT_MS: &str = "10000";

/// Properties that the person may not set to anything else, and why. Without a value: not at all.
const FIXED: [(&str, Option<&str>, &str); 17] = [
    (BROKERS, None, "the brokers are set by log.kafka.brokers"),
    ("transactional.id", None, "it is made of the topic and the source's id, see produce.transactions"),
    ("transaction.timeout.ms", Some(TRANSACTION_TIMEOUT_MS), "other readers would wait longer after a crash"),
    ("group.protocol", Some("classic"), "it is the one that isotherm joins groups by"),
    ("group.instance.id", None, "a member that is known by a name keeps others waiting when it stops"),
    ("partition.assignment.strategy", Some("cooperative-sticky"), "partitions that stay would be interrupted"),
    ("log.queue", Some("true"), "log lines would be lost"),
    ("delivery.report.only.error", Some("false"), "acknowledgements would be lost"),
    ("enable.idempotence", Some("true"), "records could be doubled or change their order"),
    ("enable.gapless.guarantee", Some("true"), "a failed record could be followed by later ones"),
    ("acks", Some("all"), "acknowledged records could be lost"),
    ("enable.auto.commit", Some("false"), "offsets are told once they are in a partition's file"),
    ("isolation.level", Some("read_committed"), "aborted records would be counted"),
    ("auto.offset.reset", Some("error"), "records would be skipped in silence"),
    ("enable.partition.eof", Some("true"), "the end of a partition could not be seen"),
    ("check.crcs", Some("true"), "damaged records would be counted"),
    ("allow.auto.create.topics", Some("false"), "a deleted topic would come back empty"),
];

/// For a client that reads this partition, perhaps beside others; without one, for the client that asks.
pub fn reading(settings: &settings::Log, group: &str, partition: Option<u32>) -> Result<Properties, Failure> {
    let ahead = Ahead::of_one(settings.partitions);
    let has_it_alone = settings.partitions as usize <= CLIENTS_MAX;
    let mut properties = match partition {
        None => common(settings, "isotherm-admin"),
        Some(partition) if has_it_alone => common(settings, &format!("isotherm-read-{partition}")),
        Some(_) => common(settings, "isotherm-read"),
    };
    properties
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", ahead.records.to_string())
        .set("queued.max.messages.kbytes", ahead.queued_kib.to_string())
        .set("fetch.message.max.bytes", ahead.fetch_bytes.to_string());
    if !has_it_alone {
        properties.set("fetch.wait.max.ms", SHARED_WAIT_MS.to_string());
    }
    with_the_persons(properties, &settings.kafka)
}

/// For the member of a group, which reads nothing.
pub fn membership(settings: &settings::Log, group: &str, spec: &GroupSpec) -> Result<Properties, Failure> {
    let mut properties = with_the_persons(common(settings, "isotherm-group"), &settings.kafka)?;
    let ms = |time: Duration| time.as_millis().to_string();
    // These are settings of our own.
    properties
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", ms(spec.session))
        .set("heartbeat.interval.ms", ms(spec.heartbeat))
        // How long a rebalance waits for a member that hangs.
        .set("max.poll.interval.ms", ms(spec.session + spec.handover));
    Ok(properties)
}

/// What is read ahead of one partition: librdkafka's bounds are for each, whether its client has one or many.
#[derive(Debug, PartialEq, Eq)]
struct Ahead {
    /// Keys and values are not all: a record that waits takes some hundred bytes more.
    records: u32,
    queued_kib: u32,
    /// What one answer of the broker adds to a queue that is not full: as it is sent, maybe compressed, and never less than
    /// one batch of the broker.
    fetch_bytes: u32,
}

impl Ahead {
    /// An equal share of the whole: half of it for keys and values, the other for what a record takes beside.
    fn of_one(partitions: u32) -> Self {
        let share_kib = AHEAD_KIB_ALL / partitions.max(1);
        Self {
            records: share_kib.clamp(1, 10_000),
            queued_kib: (share_kib / 2).clamp(1, 16 * 1024),
            fetch_bytes: (share_kib * 1024 / 16).clamp(1024, 1024 * 1024),
        }
    }
}

/// For a client that writes; in transactions, if an id for them is given.
pub fn writing(settings: &settings::Log, transactional_id: Option<&str>) -> Result<Properties, Failure> {
    let mut properties = common(settings, "isotherm-write");
    properties
        .set("enable.idempotence", "true")
        .set("enable.gapless.guarantee", "true")
        .set("acks", "all")
        .set("retries", "10")
        .set("message.timeout.ms", CALL_MS_MAX.to_string())
        .set("linger.ms", "1")
        .set(MESSAGE_BYTES_MAX, "1048527")
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "65536");
    if let Some(id) = transactional_id {
        // A transaction wants requests to end before it does.
        properties
            .set("transactional.id", id)
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)
            .set("socket.timeout.ms", "9000");
    }
    with_the_persons(properties, &settings.kafka)
}

/// `client_id`: by which a broker's log, metrics and quotas tell this client from others.
fn common(settings: &settings::Log, client_id: &str) -> Properties {
    let mut properties = Properties::default();
    properties
        .set(BROKERS, &settings.kafka.brokers)
        .set("client.id", client_id)
        .set("allow.auto.create.topics", "false")
        .set("socket.timeout.ms", "10000")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000");
    properties
}

fn with_the_persons(mut properties: Properties, kafka: &settings::Kafka) -> Result<Properties, Failure> {
    for (name, value) in &kafka.client {
        check(name, value)?;
        properties.set(name, value);
    }
    if !kafka.password_file.is_empty() {
        properties.set("sasl.password", password(Path::new(&kafka.password_file))?);
    }
    needs_no_more_than(cfg!(feature = "tls"), properties.get("security.protocol"))?;
    Ok(properties)
}

fn check(name: &str, value: &str) -> Result<(), Failure> {
    let Some((_, allowed, why)) = FIXED.iter().find(|(fixed, ..)| *fixed == one_name(name)) else { return Ok(()) };
    let what = match allowed {
        // Either can be written in several ways.
        Some(allowed) if read(name, value).is_ok_and(|value| read(name, allowed) == Ok(value)) => return Ok(()),
        Some(allowed) => format!("log.kafka.client: {name} can only be {allowed}, not {value:?}: {why}"),
        None => format!("log.kafka.client: {name} cannot be set: {why}"),
    };
    Err(Failure::fatal(Kind::Settings, what).advice("take it out of the settings"))
}

fn password(file: &Path) -> Result<String, Failure> {
    let failed = |reason: String| {
        Failure::fatal(Kind::Settings, format!("log.kafka.password_file: {}: {reason}", file.display()))
            .advice("name a readable file whose first line is the password")
    };
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    match text.lines().next() {
        Some(password) if !password.is_empty() => Ok(password.to_owned()),
        _ => Err(failed("its first line is empty".to_owned())),
    }
}

fn needs_no_more_than(tls: bool, protocol: Option<&str>) -> Result<(), Failure> {
    match protocol {
        Some(protocol) if !tls && read("security.protocol", protocol).as_deref() != Ok("plaintext") => Err(Failure::fatal(
            Kind::Settings,
            format!(
                "log.kafka.client: security.protocol is {protocol}, but this isotherm was built without TLS and SASL"
            ),
        )
        .advice("build it with: cargo build --release --features tls")),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "properties_tests.rs"]
mod tests;
