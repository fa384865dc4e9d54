//! What stations measured month by month and year by year, told from the log when somebody asks.
//!
//! Guarantees: what counts here is what the processor counts, by the rules of the domain; nothing of it is kept in a
//! checkpoint; what the log no longer has is said. Calls block. Uses `partition`, `log`, `domain` and `failure`.

mod replay;
mod series;

pub use replay::{CountedLog, Replay};
pub use series::{Month, Series, Year};
