//! isotherm: exact, crash-proof statistics per weather station from a partitioned record log.

pub mod actors;
pub mod audit;
pub mod chaos;
pub mod checkpoint;
pub mod cli;
pub mod domain;
pub mod faults;
pub mod history;
pub mod log;
pub mod observe;
pub mod pipeline;
pub mod plot;
pub mod settings;
pub mod signals;
pub mod source;
pub mod standard_error;
pub mod supervision;
pub mod web;
