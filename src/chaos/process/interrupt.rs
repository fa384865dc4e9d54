//! SIGINT and SIGTERM to the command itself: noted, so that the child and the scratch files go before it does.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::faults::{Failure, Kind};

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on the first of either signal is noted; a second one of a kind ends the process as ever.
pub fn listen() -> Result<(), Failure> {
    extern "C" fn note(_: libc::c_int) {
        ASKED.store(true, Relaxed);
    }
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler only stores to an atomic; all other fields may be zero.
        let listening = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = note as extern "C" fn(libc::c_int) as libc::sighandler_t;
            action.sa_flags = libc::SA_RESETHAND | libc::SA_RESTART;
            libc::sigaction(signal, &action, std::ptr::null_mut())
        };
        if listening != 0 {
            let error = io::Error::last_os_error();
            return Err(Failure::fatal(Kind::Internal, format!("signals cannot be listened to: {error}")));
        }
    }
    Ok(())
}

/// A failure once the person wants it to end.
pub fn check() -> Result<(), Failure> {
    if ASKED.load(Relaxed) {
        Err(Failure::fatal(Kind::TryAgain, "interrupted before all runs were done"))
    } else {
        Ok(())
    }
}
