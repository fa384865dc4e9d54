//! What a person can choose. Every key, its default, unit and range stand in `settings/default.toml`.
//!
//! Guarantees: an unknown key, a wrong type or a value out of its range is a failure that names file and key; each
//! effective value knows where it came from. Uses `domain` and `faults`.

pub mod model;

pub use model::*;
