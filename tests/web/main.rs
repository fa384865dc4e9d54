//! The dashboard's server, asked over HTTP as anybody can: what it answers, whom it refuses, and how many it bears.

#[path = "../support/program.rs"]
mod program;
#[path = "../support/served.rs"]
mod served;

mod api;
mod live;
mod security;
