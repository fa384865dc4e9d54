//! The real program, killed. Not there yet.

use super::Arguments;
use crate::cli::Outcome;
use crate::faults::{Failure, Kind};

pub fn run(_: &Arguments) -> Outcome {
    Err(Failure::fatal(Kind::Usage, "--process is not there yet").advice("leave it out to simulate"))
}
