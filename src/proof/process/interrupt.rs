//! SIGINT and SIGTERM to the command itself: noted, so that the child and the scratch files go before it does.

use crate::failure::{Failure, Kind};
use crate::pipeline::signals::{self, SIGINT, SIGTERM};

/// From now on the first signal is noted; a second one ends the process as ever.
pub fn listen() -> Result<(), Failure> {
    signals::listen(&[SIGINT, SIGTERM], |_| {}, signals::end_by)
}

/// A failure once the person wants it to end.
pub fn check() -> Result<(), Failure> {
    if signals::asked() { Err(Failure::fatal(Kind::TryAgain, "interrupted before all runs were done")) } else { Ok(()) }
}
