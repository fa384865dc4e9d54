//! Who is in the group.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::Client;
use crate::failure::{Failure, Kind};

const WAIT: Duration = Duration::from_secs(5);

/// How many members a group has; 0 of a group that there is not.
pub fn members_total(client: &Client, group: &str) -> Result<usize, Failure> {
    let list = client.native().fetch_group_list(Some(group), WAIT).map_err(|error| {
        let what = format!("{}: the group {group} cannot be described: {error}", client.subject.name);
        match error {
            KafkaError::GroupListFetch(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                Failure::fatal(Kind::Settings, what).advice("give the user Describe on the group")
            }
            _ => Failure::retryable(Kind::Unavailable, what),
        }
    })?;
    Ok(list.groups().iter().filter(|found| found.name() == group).map(|found| found.members().len()).sum())
}
