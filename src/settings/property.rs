//! Properties of librdkafka: each has one name here, and its value is what librdkafka reads in it.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

/// Another name of a property, and the name that stands for both here.
const ALIASES: [(&str, &str); 13] = [
    ("metadata.broker.list", "bootstrap.servers"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
    ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("message.send.max.retries", "retries"),
    ("compression.codec", "compression.type"),
    ("request.required.acks", "acks"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("topic.compression.codec", "topic.compression.type"),
    ("topic.enable.auto.commit", "auto.commit.enable"),
];

/// Properties of a topic alone, which may be written with `topic.` before them. Where a client has one of that name as
/// well, `topic.` makes it another property.
const OF_TOPICS: [&str; 14] = [
    "acks",
    "request.required.acks",
    "request.timeout.ms",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "queuing.strategy",
    "produce.offset.report",
    "partitioner",
    "compression.level",
    "auto.commit.enable",
    "auto.offset.reset",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    "consume.callback.max.messages",
];

/// The one name of the property that is given by any of its names.
pub fn one_name(name: &str) -> &str {
    let name = name.strip_prefix("topic.").filter(|rest| OF_TOPICS.contains(rest)).unwrap_or(name);
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, one)| one)
}

/// The value as librdkafka reads and prints it: numbers in decimal, one word for each choice. The failure is its own reason.
///
/// It is asked, since its reading is its own: `0x10` is 16, `010` is 8, and `5s` is 5.
pub fn read(name: &str, value: &str) -> Result<String, String> {
    let config = ClientConfig::new().set(name, value).create_native_config();
    config.and_then(|config| config.get(one_name(name))).map_err(|error| match error {
        KafkaError::ClientConfig(_, reason, ..) => reason.trim().to_owned(),
        other => other.to_string(),
    })
}

/// The value of a property that is a number.
pub fn read_number(name: &str, value: &str) -> Result<i64, String> {
    read(name, value)?.parse().map_err(|_| format!("{name} is not a number"))
}

#[cfg(test)]
#[path = "property_tests.rs"]
mod tests;
