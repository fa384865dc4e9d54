//! isotherm: exact, crash-proof statistics per weather station from a partitioned record log.

pub mod cli;
pub mod domain;
pub mod durable;
pub mod failure;
pub mod ingest;
pub mod log;
mod open_files;
pub mod partition;
pub mod pipeline;
pub mod points;
pub mod progress;
pub mod proof;
pub mod retold;
pub mod settings;
pub mod source;
pub mod standard_error;
pub mod supervision;
pub mod watch;
