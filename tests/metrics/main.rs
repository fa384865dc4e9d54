//! The metrics, and what is made of them: the dashboard, the alerts and the docs name what the program serves, and
//! Prometheus's own tool likes all of it.

#[path = "../support/broker.rs"]
mod broker;
mod files;
#[path = "../support/program.rs"]
mod program;
mod promtool;
mod served;
