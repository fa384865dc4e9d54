//! The log `sqlite`.
