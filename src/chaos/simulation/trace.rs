//! Every event of a run, with its virtual time.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::mem;

use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::chaos::invariants::{Invariant, Violation};

thread_local! {
    static TRACE: RefCell<Trace> = RefCell::default();
}

/// What was told on this thread.
#[derive(Default)]
pub struct Trace {
    /// When the life began that goes on now.
    begun: Option<Instant>,
    pub text: String,
    /// How long each restart took, in virtual milliseconds.
    pub restarts_ms: Vec<u64>,
    /// Told by the code itself, or a panic that nobody planned.
    violation: Option<Violation>,
}

/// Keeps, for [`take`], what is told on this thread while `work` runs.
pub fn listen<T>(work: impl FnOnce() -> T) -> T {
    // A dispatcher of its own for each run would make all threads of the process wait for each other.
    tracing::subscriber::with_default(Listener, work)
}

/// Time is virtual from now on.
pub fn life_begins(now: Instant) {
    TRACE.with_borrow_mut(|trace| trace.begun = Some(now));
}

pub fn life_ended() {
    TRACE.with_borrow_mut(|trace| trace.begun = None);
}

/// All since the last call.
pub fn take() -> Trace {
    TRACE.take()
}

/// A violation that the code itself told of, or a panic that nobody planned.
pub fn told() -> Result<(), Violation> {
    TRACE.with_borrow_mut(|trace| trace.violation.take()).map_or(Ok(()), Err)
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG && metadata.target().starts_with("isotherm")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        TRACE.with_borrow_mut(|trace| trace.event(event));
    }
}

impl Trace {
    fn event(&mut self, event: &Event<'_>) {
        let start = self.text.len();
        let time = self.begun.map_or(0, |begun| begun.elapsed().as_millis());
        let mut line = Line { text: mem::take(&mut self.text), took_ms: 0, restarted: false };
        // Writing to a string does not fail.
        let _ = write!(line.text, "{time:>6} ms {:>5}", event.metadata().level());
        event.record(&mut line);
        line.text.push('\n');
        if line.restarted {
            self.restarts_ms.push(line.took_ms);
        }
        self.text = line.text;
        if self.violation.is_none() {
            self.violation = violation(self.text[start..].trim());
        }
    }
}

/// What must never be told: that a wrong write was about to be made, and a panic that nobody planned.
fn violation(line: &str) -> Option<Violation> {
    let says = |what: &str| line.contains(what);
    let invariant = if says("panicked") && !says("planned fault") {
        Invariant::I7
    } else if says("would go back") {
        Invariant::I3
    } else if says("would hold") || says("would be counted at") {
        Invariant::I2
    } else if says("would be sent where") {
        Invariant::I6
    } else if says("error in isotherm") {
        Invariant::I1
    } else {
        return None;
    };
    Some(invariant.violated(line))
}

struct Line {
    text: String,
    restarted: bool,
    took_ms: u64,
}

impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "took_ms" {
            self.took_ms = value;
        }
        self.record_debug(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let start = self.text.len();
        let _ = match field.name() {
            "message" => write!(self.text, " {value:?}"),
            name => write!(self.text, " {name}={value:?}"),
        };
        self.restarted |= &self.text[start..] == " restarted";
    }
}
