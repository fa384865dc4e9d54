//! Who is in the group.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::Client;
use crate::failure::{Failure, Kind};
use crate::log::membership::Member;

const WAIT: Duration = Duration::from_secs(5);

/// The members of a group, with what the group has given to each; none of a group that there is not.
pub fn members(client: &Client, group: &str) -> Result<Vec<Member>, Failure> {
    let list = client.native().fetch_group_list(Some(group), WAIT).map_err(|error| {
        let what = format!("{}: the group {group} cannot be described: {error}", client.subject.name);
        match error {
            KafkaError::GroupListFetch(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                Failure::fatal(Kind::Settings, what).advice("give the user Describe on the group")
            }
            _ => Failure::retryable(Kind::Unavailable, what),
        }
    })?;
    let topic = client.subject.topic.as_bytes();
    let members = list.groups().iter().filter(|found| found.name() == group).flat_map(|found| found.members());
    Ok(members
        .map(|member| Member {
            client_id: member.client_id().to_owned(),
            host: member.client_host().trim_start_matches('/').to_owned(),
            partitions: member.assignment().and_then(|bytes| assigned(bytes, topic)).unwrap_or_default(),
        })
        .collect())
}

/// The partitions of a topic in a member's assignment: version, then of each topic its name and its partitions, as
/// `ConsumerProtocolAssignment` of Kafka's protocol has them.
fn assigned(bytes: &[u8], topic: &[u8]) -> Option<Vec<u32>> {
    let (_version, mut rest) = bytes.split_first_chunk::<2>()?;
    let number = |rest: &mut &[u8]| -> Option<i32> {
        let (bytes, behind) = rest.split_first_chunk::<4>()?;
        *rest = behind;
        Some(i32::from_be_bytes(*bytes))
    };
    let mut found = Vec::new();
    for _ in 0..number(&mut rest)? {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let (name, behind) = behind.split_at_checked(usize::try_from(i16::from_be_bytes(*length)).ok()?)?;
        rest = behind;
        for _ in 0..number(&mut rest)? {
            let partition = number(&mut rest)?;
            if name == topic {
                found.push(u32::try_from(partition).ok()?);
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_read_and_a_cut_one_is_none() {
        let mut bytes = vec![0, 1, 0, 0, 0, 2];
        for (name, partitions) in [(&b"other"[..], &[7_i32][..]), (b"t", &[0, 5])] {
            bytes.extend((name.len() as u16).to_be_bytes());
            bytes.extend(name);
            bytes.extend((partitions.len() as u32).to_be_bytes());
            partitions.iter().for_each(|partition| bytes.extend(partition.to_be_bytes()));
        }
        let whole = bytes.len();
        bytes.extend([0, 0, 0, 0]);
        assert_eq!(assigned(&bytes, b"t"), Some(vec![0, 5]));
        assert_eq!(assigned(&bytes, b"none"), Some(vec![]));
        for length in 0..whole {
            assert_eq!(assigned(&bytes[..length], b"t"), None, "{length}");
        }
    }
}
