//! A log that is away is waited for: said once when that begins and once when it ends, however many threads wait.

use std::time::Duration;

use super::output;
use crate::failure::Failure;
use crate::log::{self, PatientLog};
use crate::settings::Settings;
use crate::supervision::Outage;
use crate::supervision::outage::OutageEvent;

/// How long the log is waited for by a verb that reads from beginning to end.
const LOG_AWAY_MAX: Duration = Duration::from_secs(60);

/// The first and the longest wait between two tries.
const WAITS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// The log of the settings, for verbs that read from beginning to end.
pub fn patient_log(settings: &Settings) -> Result<PatientLog, Failure> {
    Ok(PatientLog::new(log::open(settings)?, outage(), |waited| waited >= LOG_AWAY_MAX))
}

/// One that is told on the standard error.
pub fn outage() -> Outage {
    Outage::new(WAITS[0], WAITS[1], |event| match event {
        OutageEvent::Began(failure) => output::tell(&format_args!("waiting: {failure}")),
        OutageEvent::Lasts(failure, lasted) => {
            output::tell(&format_args!("waiting for {} s: {failure}", lasted.as_secs()));
        }
        OutageEvent::Ended { lasted } => {
            output::tell(&format_args!("going on after {:.1} s", lasted.as_secs_f64()));
        }
    })
}
