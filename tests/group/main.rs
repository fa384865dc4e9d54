//! A group of processes on a real Kafka and a real S3 server: any may die, another counts on, and none does harm.
#![cfg(feature = "s3")]

#[path = "../support/broker.rs"]
mod broker;
mod brokers;
#[path = "../support/elsewhere.rs"]
mod elsewhere;
mod fleet;
mod many;
#[path = "../support/object_server.rs"]
mod object_server;
#[path = "../support/owned.rs"]
mod owned;
#[path = "../support/program.rs"]
mod program;
mod refused;
mod rounds;
#[path = "../support/served.rs"]
mod served;
