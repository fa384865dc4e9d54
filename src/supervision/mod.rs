//! How crashes are handled: children in a branch, restarted within a budget, each life with an epoch of its own.
//!
//! Guarantees: every death of a child is noticed (panic, error, missed heartbeat, a stop nobody asked for); a restart is
//! always a new actor, a new mailbox and a new epoch; restarts are bounded by a budget; outages are waited out without one;
//! a drain has a deadline and names who did not meet it. Knows no weather. Uses `failure` and `standard_error`, and alone
//! of all folders actix, of which it offers to the others what they need (`actor`).
//!
//! A child's factory calls [`Life::start`], or [`Life::start_task`] for an actor whose whole work is one task. The actor runs
//! in a wrapper (`running`) that catches its panics and reports its death. [`supervise`] hears the reports, asks for
//! heartbeats (`heartbeat`), decides with the `budget`, and has children started and ended (`lives`) or drained (`drain`).

pub mod actor;
mod backoff;
pub mod branch;
mod budget;
pub mod child;
mod drain;
mod ending;
mod heartbeat;
mod lives;
pub mod outage;
pub mod panic;
mod running;
pub mod supervisor;
mod task;
pub mod worker;

pub use branch::{BranchSpec, ChildSpec, Policy};
pub use child::{Child, Drain, Heartbeat, Life};
pub use ending::{Ending, Refused};
pub use outage::Outage;
pub use running::Guard;
pub use supervisor::{Event, Outcome, supervise};
pub use worker::{Busy, Gone, Spawn, Steps, Worker};
