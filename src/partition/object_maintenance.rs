//! What is done to a partition's objects while nobody counts it: a rebuild keeps them, or a copy arrives.
//!
//! Objects have no lock: that nobody counts is seen by states that stay the same. No promise rests on that: each write is under a
//! condition.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::rejected_parts::{self, RejectedParts};
use super::{BEFORE_REBUILD, format, state_name};
use crate::durable::objects::{Objects, Tag, Trouble, When};
use crate::failure::{Failure, Kind};

/// Looks at the states of partitions again and again, so often behind the first look; their tags then, of those that have one. One
/// that changes meanwhile is a failure: another process counts.
pub fn watch(
    objects: &dyn Objects,
    partitions: &[u32],
    looks: u32,
    wait: Duration,
) -> Result<BTreeMap<u32, Tag>, Failure> {
    let look = || {
        let mut tags = BTreeMap::new();
        for &partition in partitions {
            let key = state_name(partition);
            match objects.get(&key) {
                Ok(Some(object)) => drop(tags.insert(partition, object.tag)),
                Ok(None) => {}
                Err(trouble) => return Err(objects.failure("cannot read", &key, &trouble)),
            }
        }
        Ok(tags)
    };
    let first = look()?;
    for _ in 0..looks {
        thread::sleep(wait);
        let now = look()?;
        if let Some(&changed) = partitions.iter().find(|partition| now.get(partition) != first.get(partition)) {
            return Err(counted(objects, changed));
        }
    }
    Ok(first)
}

fn counted(objects: &dyn Objects, partition: u32) -> Failure {
    let what = format!(
        "{} was committed a moment ago: another process counts the partition",
        objects.path(&state_name(partition))
    );
    Failure::fatal(Kind::TryAgain, what).advice("end that process first")
}

/// Keeps a partition's state and rejected lines under second names, which no earlier rebuild has taken for others. The partition itself
/// is left as it is.
pub fn keep(objects: &dyn Objects, partition: u32, state: &[u8], rejected: &[u8]) -> Result<(), Failure> {
    let refused = |kept: &str| format!("{} is there already, kept by an earlier rebuild", objects.path(kept));
    create(objects, &format!("{}{BEFORE_REBUILD}", state_name(partition)), state, &refused)?;
    if rejected.is_empty() {
        return Ok(());
    }
    create(objects, &format!("partition-{partition}.rejected.jsonl{BEFORE_REBUILD}"), rejected, &refused)
}

/// Puts a copy of a partition's file and of its rejected lines, the lines first. Another file in its place is a failure.
pub fn write_copy(objects: &dyn Objects, partition: u32, bytes: &[u8], rejected: &[u8]) -> Result<(), Failure> {
    let key = state_name(partition);
    let checkpoint = format::parse(&objects.path(&key), bytes)?;
    let parts =
        RejectedParts::of(checkpoint.version, &checkpoint.identity, &checkpoint.state, rejected_parts::CHUNK_BYTES);
    for range in parts.ranges(0, checkpoint.state.rejected_bytes) {
        let part = &rejected[range.start as usize..range.end as usize];
        put(objects, &parts.key(&range), part, &When::Always)?.expect("there is no condition to refuse");
    }
    create(objects, &key, bytes, &|key| format!("{} is another state than the one that is copied", objects.path(key)))
}

/// Puts an object that must not be there, or must be the same; `refused` says of another one what is wrong.
fn create(objects: &dyn Objects, key: &str, bytes: &[u8], refused: &dyn Fn(&str) -> String) -> Result<(), Failure> {
    put(objects, key, bytes, &When::Absent)?.ok_or_else(|| {
        Failure::fatal(Kind::Data, refused(key)).advice("move it elsewhere or remove it, then do it again")
    })
}

/// Puts an object; `None` where the condition does not hold and the object is another one. A doubtful answer is resolved by reading.
fn put(objects: &dyn Objects, key: &str, bytes: &[u8], when: &When) -> Result<Option<()>, Failure> {
    let trouble = match objects.put(key, bytes, when) {
        Ok(_) => return Ok(Some(())),
        Err(trouble) => trouble,
    };
    let failure = |trouble: &Trouble| objects.failure("cannot write", key, trouble);
    if let Trouble::NotDone(_) | Trouble::Denied(_) = trouble {
        return Err(failure(&trouble));
    }
    match objects.get(key).map_err(|trouble| failure(&trouble))? {
        Some(found) if found.bytes == bytes => Ok(Some(())),
        _ if trouble == Trouble::Refused => Ok(None),
        _ => Err(failure(&trouble)),
    }
}
