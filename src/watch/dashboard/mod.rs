//! The dashboard: a page, an API and metrics over HTTP.
//!
//! Guarantees: it only reads, and what it asks of a partition costs that at most a hundredth of its time, however many
//! watch; everything is bounded (connections, requests, frames, replays that wait); nothing is read from disk but the
//! state folder, nothing is asked of another host; a client that may not ask is told so.
//! The command line starts it, beside the trees.

mod app_state;
mod assets;
mod clock;
mod ends;
mod gauges;
mod guard;
mod in_several;
mod live;
mod looks;
mod metrics;
mod names;
mod priority;
mod process;
mod quarantine;
mod recent;
mod replays;
mod routes;
mod server;
mod stations;
mod ticks;

pub use app_state::Observed;
pub use routes::openapi;
pub use server::Server;
