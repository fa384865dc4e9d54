//! What ends a run early.

use crate::failure::Failure;
use crate::proof::Violation;

/// Why a run does not go on.
#[derive(Debug)]
pub enum Trouble {
    /// The program broke a promise.
    Violation(Violation),
    /// Nothing was shown, neither way.
    Failure(Failure),
}

impl From<Violation> for Trouble {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
