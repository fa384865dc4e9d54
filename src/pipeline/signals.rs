//! SIGINT and SIGTERM.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::faults::{Failure, Kind};
use crate::observe::events::Draining;

/// Becomes true at the first signal, or when a tree asks for it. The second signal ends the process at once.
pub(super) fn stop_signal(deadline_ms: u64) -> Result<Arc<watch::Sender<bool>>, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::fatal(Kind::Internal, format!("signals cannot be listened to: {error}")))
    };
    let (mut interrupts, mut terminations) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let stop = Arc::new(watch::Sender::new(false));
    let stopping = stop.clone();
    actix::spawn(async move {
        let mut asked = false;
        loop {
            let asked_by = tokio::select! {
                _ = interrupts.recv() => "SIGINT",
                _ = terminations.recv() => "SIGTERM",
            };
            if asked {
                tracing::error!("a second signal: ended at once; the files hold what was committed last");
                // SAFETY: `_exit` takes a number and does not return.
                unsafe { libc::_exit(i32::from(Kind::TryAgain.exit_code())) }
            }
            asked = true;
            Draining { asked_by, deadline_ms }.emit();
            stopping.send_replace(true);
        }
    });
    Ok(stop)
}
