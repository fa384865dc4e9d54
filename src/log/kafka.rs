//! The log `kafka`.
