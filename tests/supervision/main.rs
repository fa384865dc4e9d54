//! Branches of toy actors that do what a test tells them to: under real threads, and on one thread under paused time.

mod crashes;
mod failures;
mod hangs;
mod replay;
mod restarts;
mod stopping;
mod toys;

use std::time::Duration;

use isotherm::supervision::actor::System;
use isotherm::supervision::{Policy, Spawn};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const INLINE: Spawn = Spawn::Inline { latency: || MS };

/// Long waits where only a broken test waits for them, short ones elsewhere.
fn policy() -> Policy {
    Policy {
        restarts_max: 3,
        window: 30 * SECOND,
        backoff_min: 20 * MS,
        backoff_max: 100 * MS,
        healthy: 120 * SECOND,
        heartbeat: 20 * SECOND,
        shutdown: 20 * SECOND,
    }
}

fn threads<T>(test: impl Future<Output = T>) -> T {
    System::in_real_time().block_on(test)
}

fn paused<T>(test: impl Future<Output = T>) -> T {
    System::in_virtual_time().block_on(test)
}

fn in_both(test: impl AsyncFn(Spawn)) {
    threads(test(Spawn::Threads));
    paused(test(INLINE));
}
