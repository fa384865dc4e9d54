//! Every event of a run, with its virtual time.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

thread_local! {
    static TELLING: Cell<bool> = const { Cell::new(false) };
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Time is virtual from now on.
pub fn life_begins(now: Instant) {
    BEGUN.set(Some(now));
}

pub fn life_ended() {
    BEGUN.set(None);
}

/// From now on every event is printed, too.
pub fn tell() {
    TELLING.set(true);
}

#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Vec<u8>>>);

impl Trace {
    /// Keeps the events of what `run` does.
    pub fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        let lines = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::DEBUG)
            .with_ansi(false)
            .with_target(false)
            .with_timer(VirtualTime)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::with_default(lines, run)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }

    /// What must never be told: a panic that nobody planned, and what only an error in the program explains.
    pub fn check(&self) {
        for line in self.text().lines() {
            assert!(!line.contains("panicked") || line.contains("planned fault"), "{line}");
            for never in ["error in isotherm", "would go back", "would hold"] {
                assert!(!line.contains(never), "{line}");
            }
        }
    }
}

struct VirtualTime;

impl FormatTime for VirtualTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let time = BEGUN.get().map_or(0, |begun| begun.elapsed().as_millis());
        write!(writer, "{time:>6} ms")
    }
}

impl io::Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if TELLING.get() {
            print!("{}", String::from_utf8_lossy(bytes));
        }
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Trace {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
