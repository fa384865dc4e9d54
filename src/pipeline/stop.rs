//! How a run is stopped: in order, or at once.

use std::sync::Arc;

use tokio::sync::watch;

use super::signals::{self, SIGINT, SIGTERM};
use crate::failure::{Failure, Kind};
use crate::progress::events;
use crate::standard_error;

/// Becomes true at the first SIGINT or SIGTERM, or when a tree asks for it. A second signal ends the process at once.
pub fn stop_signal(deadline_ms: u64) -> Result<Arc<watch::Sender<bool>>, Failure> {
    let stop = Arc::new(watch::Sender::new(false));
    let stopping = stop.clone();
    let first = move |asked_by| {
        stopping.send_replace(true);
        events::draining(asked_by, deadline_ms);
    };
    signals::listen(&[SIGINT, SIGTERM], first, |_| {
        tracing::error!("a second signal: ended at once; the files hold what was committed last");
        end_now()
    })?;
    Ok(stop)
}

/// Ends the process once the last lines are written. Nothing else runs, no exit handler and no destructor.
pub(super) fn end_now() -> ! {
    standard_error::flush();
    // SAFETY: `_exit` takes a number and does not return.
    unsafe { libc::_exit(i32::from(Kind::TryAgain.exit_code())) }
}
