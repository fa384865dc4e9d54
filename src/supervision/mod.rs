//! How crashes are handled: children in a branch, restarted within a budget, each life with an epoch of its own.
//!
//! Guarantees: every death of a child is noticed (panic, error, missed heartbeat, a stop nobody asked for); a restart is
//! always a new actor, a new mailbox and a new epoch; restarts are bounded by a budget; outages are waited out without one;
//! a drain has a deadline and names who did not meet it. Knows no weather. Uses `faults`.

pub mod branch;
pub mod child;
pub mod outage;
pub mod supervisor;
pub mod worker;

pub use branch::{BranchSpec, ChildSpec, Policy, Strategy};
pub use child::{Child, Drain, Guard, Heartbeat, Life, Pulse};
pub use outage::Outage;
pub use supervisor::{Event, Outcome, supervise};
pub use worker::{Gone, Spawn, Worker};
