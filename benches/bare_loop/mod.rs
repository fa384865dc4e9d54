//! What a careful person writes by hand where nothing has to be exact after a crash: the raw client's speed.
//!
//! Kept honest: whatever makes one of these loops faster (a property of the client, a larger batch, a better map) belongs
//! into it. Nothing of what isotherm is for is in here: no checks, no days, nothing on disk.

pub mod consume;
pub mod produce;
