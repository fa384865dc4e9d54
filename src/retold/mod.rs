//! The log told again by other code than the one that counts: audits of the files, and histories of stations.

pub mod audit;
pub mod history;
pub mod source_audit;
