//! The log `memory`.
