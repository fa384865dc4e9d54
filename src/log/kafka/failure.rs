//! What an error of Kafka means: whether waiting helps, and what the person can do.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka_sys::rd_kafka_resp_err_t as Code;

use crate::failure::{Failure, Kind};

/// Rights on a topic.
pub const READ: &str = "Read on the topic";
pub const WRITE: &str = "Write on the topic";
pub const CREATE: &str = "Create on the topic";
pub const DELETE: &str = "Delete on the topic";
pub const DESCRIBE: &str = "Describe on the topic, which Read and Write contain";

/// An error as librdkafka tells it.
#[derive(Clone, Debug)]
pub struct ClientError {
    pub code: Code,
    pub reason: String,
}

/// A call on the cluster, for messages about its failure.
pub struct Call {
    /// With its topic, as in "topic t cannot be read".
    pub what: String,
    /// As Kafka names it, and on which resource: "Read on the topic".
    pub right: &'static str,
}

impl Call {
    pub fn new(right: &'static str, what: impl Into<String>) -> Self {
        Self { what: what.into(), right }
    }
}

/// The text of a code.
pub fn describe(code: Code) -> String {
    RDKafkaErrorCode::from(code).to_string()
}

/// A property that librdkafka refuses. The value is not told: it can be a secret.
pub fn property(name: &str, reason: &str) -> Failure {
    settings(format!("log.kafka.client: {name} is refused: {reason}"))
}

/// Properties that librdkafka makes no client of.
pub fn properties(error: &KafkaError) -> Failure {
    settings(match error {
        KafkaError::ClientCreation(reason) => format!("log.kafka.client is refused: {reason}"),
        other => format!("log.kafka.client is refused: {other}"),
    })
}

fn settings(what: String) -> Failure {
    Failure::fatal(Kind::Settings, what)
        .advice("librdkafka's CONFIGURATION.md lists its properties and what each may be")
}

/// A failed call, with the error that the call saw and the last one that it did not see.
pub fn of(call: &Call, error: &ClientError, background: Option<&ClientError>) -> Failure {
    let Call { what, right } = call;
    let refused =
        [Some(error), background].into_iter().flatten().find_map(|trouble| Some((trouble, refusal(trouble, right)?)));
    if let Some((trouble, advice)) = refused {
        return Failure::fatal(Kind::Settings, format!("{what}: {}", trouble.reason)).advice(advice);
    }
    if is_transient(error.code) {
        let reason = background.map_or(&error.reason, |trouble| &trouble.reason);
        return Failure::retryable(Kind::Unavailable, format!("{what}: {reason}"));
    }
    let failure = Failure::fatal(kind(error.code), format!("{what}: {}", error.reason));
    match error.code {
        Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE => failure.advice(
            "the topic takes smaller batches only: raise its max.message.bytes (Kafka's default is 1048588), or set batch.size in \
             log.kafka.client below it",
        ),
        _ => failure,
    }
}

/// A cluster that will not let us in, with what to do about it. A connection that broke while logging in is none: the
/// client's own words for that start with `Local:`.
fn refusal(trouble: &ClientError, right: &str) -> Option<String> {
    let advice = match trouble.code {
        Code::RD_KAFKA_RESP_ERR__AUTHENTICATION | Code::RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED
            if !trouble.reason.contains("Local:") =>
        {
            "check sasl.username, sasl.mechanism and the password in the settings log.kafka".to_owned()
        }
        Code::RD_KAFKA_RESP_ERR__SSL if trouble.reason.contains("certificate") => {
            "check ssl.ca.location and the names in the brokers' certificate".to_owned()
        }
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
        | Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
        | Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED => format!("give the user {right}"),
        Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED => {
            "give the user Write on the transactional ids that begin with isotherm-, or set produce.transactions to \"off\"".to_owned()
        }
        _ => return None,
    };
    Some(advice)
}

/// Whether transactions are not to be had, however long they are waited for.
pub fn refuses_transactions(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION
            | Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT
            | Code::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE
    )
}

/// Whether another producer with the same transactional id took over. A transaction that took too long looks the same.
pub fn is_replaced(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR__FENCED
            | Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED
            | Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH
    )
}

/// Whether the topic or the partition is said not to be there. That is also said for a moment where it is. `NOENT`: no
/// partition has a leader that could be asked.
pub fn is_missing(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR__NOENT
            | Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
            | Code::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
            | Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID
    )
}

/// Whether it gets better by itself: a broker is away, starts, stops, or hands over.
fn is_transient(code: Code) -> bool {
    is_missing(code)
        || matches!(
            code,
            Code::RD_KAFKA_RESP_ERR__TRANSPORT
                | Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
                | Code::RD_KAFKA_RESP_ERR__AUTHENTICATION
                | Code::RD_KAFKA_RESP_ERR__SSL
                | Code::RD_KAFKA_RESP_ERR__RESOLVE
                | Code::RD_KAFKA_RESP_ERR__TIMED_OUT
                | Code::RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE
                | Code::RD_KAFKA_RESP_ERR__MSG_TIMED_OUT
                | Code::RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE
                | Code::RD_KAFKA_RESP_ERR__FATAL
                | Code::RD_KAFKA_RESP_ERR__RETRY
                | Code::RD_KAFKA_RESP_ERR__WAIT_CACHE
                | Code::RD_KAFKA_RESP_ERR__WAIT_COORD
                | Code::RD_KAFKA_RESP_ERR__IN_PROGRESS
                | Code::RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS
                | Code::RD_KAFKA_RESP_ERR__STATE
                | Code::RD_KAFKA_RESP_ERR__DESTROY
                | Code::RD_KAFKA_RESP_ERR__DESTROY_BROKER
                | Code::RD_KAFKA_RESP_ERR_REBOOTSTRAP_REQUIRED
                | Code::RD_KAFKA_RESP_ERR__PURGE_QUEUE
                | Code::RD_KAFKA_RESP_ERR__PURGE_INFLIGHT
                | Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                | Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
                | Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
                | Code::RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE
                | Code::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE
                | Code::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION
                | Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
                | Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE
                | Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR
                | Code::RD_KAFKA_RESP_ERR_NOT_CONTROLLER
                | Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS
                | Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND
                | Code::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR
                | Code::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH
                | Code::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH
                | Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE
                | Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER
                | Code::RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID
                | Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH
                | Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS
                | Code::RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED
        )
}

fn kind(code: Code) -> Kind {
    match code {
        Code::RD_KAFKA_RESP_ERR__BAD_MSG
        | Code::RD_KAFKA_RESP_ERR__BAD_COMPRESSION
        | Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET
        | Code::RD_KAFKA_RESP_ERR__LOG_TRUNCATION
        | Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE
        | Code::RD_KAFKA_RESP_ERR_INVALID_MSG
        | Code::RD_KAFKA_RESP_ERR_INVALID_RECORD
        | Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE => Kind::Data,
        Code::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION
        | Code::RD_KAFKA_RESP_ERR_INVALID_PARTITIONS
        | Code::RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR
        | Code::RD_KAFKA_RESP_ERR_INVALID_CONFIG
        | Code::RD_KAFKA_RESP_ERR_POLICY_VIOLATION
        | Code::RD_KAFKA_RESP_ERR_TOPIC_DELETION_DISABLED
        | Code::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE
        | Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION => Kind::Settings,
        _ => Kind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_the_topic_does_not_take_says_what_to_set() {
        let error = ClientError { code: Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, reason: "too large".to_owned() };
        let failure = of(&Call::new(WRITE, "it cannot be written"), &error, None);
        assert!(
            !failure.is_retryable() && failure.to_string().contains("set batch.size in log.kafka.client"),
            "{failure}"
        );
    }

    #[test]
    fn whatever_a_lost_connection_makes_of_a_call_is_waited_out() {
        for code in [
            Code::RD_KAFKA_RESP_ERR__TRANSPORT,
            Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
            Code::RD_KAFKA_RESP_ERR__TIMED_OUT,
            // The client took the broker out of its list while the request was under way.
            Code::RD_KAFKA_RESP_ERR__DESTROY_BROKER,
            Code::RD_KAFKA_RESP_ERR_REBOOTSTRAP_REQUIRED,
        ] {
            let failure =
                of(&Call::new(READ, "it cannot be read"), &ClientError { code, reason: describe(code) }, None);
            assert!(failure.is_retryable() && failure.kind == Kind::Unavailable, "{failure}");
        }
    }
}
