//! The log `kafka` against a real broker.

#[path = "../support/broker.rs"]
mod broker;

mod outage;
mod records;
mod support;
mod tls;
mod topic;
