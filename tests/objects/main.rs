//! Partitions in a store of objects: what two writers may do to each other, and what a store may do to both.

#[cfg(feature = "s3")]
#[path = "../support/broker.rs"]
mod broker;
#[cfg(feature = "s3")]
#[path = "../support/object_server.rs"]
mod object_server;
#[cfg(feature = "s3")]
#[path = "../support/program.rs"]
mod program;

mod contract;
mod faults;
mod life;
mod process;
#[cfg(feature = "s3")]
mod processes;
mod search;
#[cfg(feature = "s3")]
#[path = "../support/served.rs"]
mod served;
#[cfg(feature = "s3")]
mod server;
mod stores;
mod world;
