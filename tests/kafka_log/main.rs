//! The log `kafka` against a real broker.

#[path = "../support/broker.rs"]
mod broker;
#[path = "../log_contract/contract/mod.rs"]
mod contract;
#[path = "../support/elsewhere.rs"]
mod elsewhere;

mod in_kafka;
mod outage;
#[path = "../support/owned.rs"]
mod owned;
mod records;
mod sharing;
mod support;
mod tls;
mod topic;
