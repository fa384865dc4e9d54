//! The few calls on a store of objects that a commit is made of.
//!
//! Guarantees asked of a store: an object is an old or a new one, whole; once a write is acknowledged each reader sees it; and of
//! writes under a condition at most one is made where the condition held. Nothing is asked of a listing, and no decision rests on
//! one. Calls block, and each is made once: a call that is made again by itself would take its own first try for that of another.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::failure::{Failure, Kind};

/// Says which content an object has, as its store numbers them. Some compare the one, some the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    pub e_tag: Option<String>,
    pub version: Option<String>,
}

/// What must hold for a write to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum When {
    Always,
    /// There is no such object.
    Absent,
    /// The object is the one of this tag.
    Is(Tag),
}

/// Why a call has not come to a result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The condition did not hold, as the store saw it; or it held for an earlier try of the same write.
    Refused,
    /// The call was sent, and whether it was made is not known. It may still be under way.
    Unsure(String),
    /// The call was certainly not made.
    NotDone(String),
    /// The store knows who asks, and does not allow it; or it does not know who asks, or the bucket.
    Denied(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => formatter.write_str("the object is another one by now"),
            Self::Unsure(why) | Self::NotDone(why) | Self::Denied(why) => formatter.write_str(why),
        }
    }
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    pub bytes: Vec<u8>,
    pub tag: Tag,
    /// By the store's clock; `None` where it does not say.
    pub modified: Option<SystemTime>,
}

/// Is called whenever work on a store gets on.
pub type Report = Arc<dyn Fn() + Send + Sync>;

/// Objects below one prefix of one bucket, by their keys behind it.
pub trait Objects: Send + Sync {
    /// As `s3://bucket/prefix`.
    fn name(&self) -> String;
    /// Whole content, or `None` where there is no such object.
    fn get(&self, key: &str) -> Result<Option<Object>, Trouble>;
    /// Creates or replaces an object, if the condition holds.
    fn put(&self, key: &str, bytes: &[u8], when: &When) -> Result<Tag, Trouble>;
    /// Removes an object; one that is not there is removed already.
    fn delete(&self, key: &str) -> Result<(), Trouble>;
    /// Keys that begin with the prefix, in any order. May lack what was written just now, and have what was removed.
    fn list(&self, prefix: &str) -> Result<Vec<String>, Trouble>;
    /// Keys directly below the store's prefix, in any order, under the same reservation.
    fn list_top(&self) -> Result<Vec<String>, Trouble>;
    /// The same store for work that must be known to get on: `report` is called after each call, and again and again while one
    /// waits for its answer, which no call does for longer than its own deadline.
    fn reporting(&self, report: Report) -> Arc<dyn Objects>;
    /// Whether the store has answered anything well: one that never did may be one that is set wrongly.
    fn has_answered(&self) -> bool;

    /// Since when no call has come to a result; `None` while the store answers.
    fn away_since(&self) -> Option<Instant> {
        None
    }

    /// The object's name for a message.
    fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.name())
    }

    /// The failure of a call that may work when it is made again.
    fn failure(&self, doing: &str, key: &str, trouble: &Trouble) -> Failure {
        let what = format!("{doing} {}: {trouble}", self.path(key));
        match trouble {
            Trouble::Denied(_) if !self.has_answered() => Failure::fatal(Kind::Settings, what)
                .advice("set state.url and the credentials right, and give the user the rights that the docs list"),
            _ => Failure::retryable(Kind::Unavailable, what),
        }
    }
}
