//! Every event of a run, with its virtual time.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write as _};
use std::panic;
use std::sync::{LazyLock, Once};

use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::failure::PlannedFault;
use crate::progress::events::target;
use crate::proof::invariants::{Invariant, Violation};

thread_local! {
    static TRACE: RefCell<Trace> = RefCell::default();
    /// The first panic on this thread that no plan names, also one that was caught.
    static PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

/// The events of this thread.
#[derive(Default)]
pub struct Trace {
    /// When the life began that goes on now.
    begun: Option<Instant>,
    pub text: String,
    /// How long each restart took, in virtual milliseconds.
    pub restarts_ms: Vec<u64>,
    /// A check within the program that failed.
    violation: Option<Violation>,
    /// The fields of the line that is being written: how long a restart took, and which check within the program failed.
    took_ms: u64,
    broken: Option<Invariant>,
}

/// Keeps, for [`take`], the events of this thread while `work` runs.
pub fn listen<T>(work: impl FnOnce() -> T) -> T {
    hear_panics();
    dispatcher::with_default(&LISTENER, work)
}

/// One for all threads: making one makes all threads of the process wait for each other.
static LISTENER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry().with(Listener)));

/// The events that follow have the virtual time since a life began; between two lives it is zero.
pub fn life_began(at: Option<Instant>) {
    TRACE.with_borrow_mut(|trace| trace.begun = at);
}

/// All events since the last call.
pub fn take() -> Trace {
    PANIC.take();
    TRACE.take()
}

/// Fails if a check within the program failed, or at a panic that was not planned.
pub fn told() -> Result<(), Violation> {
    let panic = PANIC.take().map(|panic| Invariant::PanicsAreIsolated.violated(panic));
    panic.or_else(|| TRACE.with_borrow_mut(|trace| trace.violation.take())).map_or(Ok(()), Err)
}

/// Panics are heard where they happen: one that is caught and kept is heard, too.
fn hear_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<PlannedFault>() {
                // A thread that ends may have dropped this already.
                let _ = PANIC
                    .try_with(|first| first.set(first.take().or_else(|| Some(info.to_string().replace('\n', " ")))));
            }
            report(info);
        }));
    });
}

struct Listener;

impl<S: Subscriber> Layer<S> for Listener {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= Level::DEBUG && metadata.target().starts_with("isotherm")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        TRACE.with_borrow_mut(|trace| trace.event(event));
    }
}

impl Trace {
    fn event(&mut self, event: &Event<'_>) {
        let start = self.text.len();
        let time = self.begun.map_or(0, |begun| begun.elapsed().as_millis());
        // Writing to a string does not fail.
        let _ = write!(self.text, "{time:>6} ms {:>5}", event.metadata().level());
        event.record(self);
        self.text.push('\n');
        if event.metadata().target() == target::RESTARTED {
            self.restarts_ms.push(self.took_ms);
        }
        if let Some(invariant) = self.broken.take() {
            self.violation.get_or_insert_with(|| invariant.violated(self.text[start..].trim()));
        }
    }
}

impl Visit for Trace {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "took_ms" {
            self.took_ms = value;
        }
        self.record_debug(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "broken" {
            self.broken = Invariant::named(value);
        }
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.text, " {value:?}"),
            name => write!(self.text, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::domain::{PartitionState, Rules};
    use crate::durable::Fence;
    use crate::failure::{Failure, Kind, Origin};
    use crate::partition::{Identity, PartitionStore};
    use crate::points::{Action, FaultPoints, Planned};
    use crate::progress::Branch;
    use crate::progress::Progress;
    use crate::progress::events;
    use crate::proof::simulated::SimulatedDisk;
    use crate::supervision::panic::{catch, install_hook};

    /// What is heard while this is done.
    fn heard(work: impl FnOnce()) -> Option<Invariant> {
        drop(take());
        listen(work);
        told().err().map(|violation| violation.invariant)
    }

    fn heard_of(failure: &Failure) -> Option<Invariant> {
        heard(|| events::branch_failed(&Progress::new(&[0]), Branch::Partition(0), failure))
    }

    #[test]
    fn every_invariant_that_the_program_checks_is_heard_in_whatever_words() {
        let failed = |origin| heard_of(&Failure::fatal(Kind::Internal, "in other words").origin(origin));
        let checked =
            [Invariant::FilesEqualReplay, Invariant::RecordsAddUp, Invariant::CommitsStay, Invariant::NothingSkipped];
        assert_eq!(checked.map(|invariant| failed(Origin::Check(invariant))), checked.map(Some));
        assert_eq!([Origin::World, Origin::Planned, Origin::Panic].map(failed), [None; 3]);
    }

    #[test]
    fn a_commit_that_is_refused_is_heard() {
        let fence = Arc::new(Fence::new(Duration::from_secs(1), |_| ()));
        let store = PartitionStore::new(Arc::new(SimulatedDisk::new(64)), PathBuf::from("/state"), 0, fence);
        let identity = Identity { topic: "t".to_owned(), log_id: "l".to_owned(), partition: 0, partitions: 1 };
        let state = |offset| PartitionState { next_offset: offset, ..PartitionState::new(Rules::default(), 0) };
        let commit = |offset| store.commit(1, &identity, &state(offset).snapshot());
        let early = commit(5).expect_err("nothing was recovered");
        assert_eq!(heard_of(&early), Some(Invariant::FilesEqualReplay));
        store.recover(1, &identity, &Rules::default()).expect("there is nothing yet");
        let back = commit(5).and_then(|()| commit(3)).expect_err("it goes back");
        assert_eq!(heard_of(&back), Some(Invariant::CommitsStay));
    }

    #[test]
    fn a_panic_is_heard_whoever_catches_it_unless_it_is_planned() {
        install_hook();
        let caught = || drop(catch(|| panic!("a planned fault, it says")));
        assert_eq!(heard(caught), Some(Invariant::PanicsAreIsolated));
        let planned = Planned { point: "aggregator.apply".to_owned(), hit: 1, action: Action::Panic };
        let faults = FaultPoints::new(vec![planned]).expect("there is such a point");
        let mut cause = String::new();
        let planned = || cause = catch(|| faults.hit("aggregator.apply")).expect_err("it panics");
        assert_eq!(heard(planned), None);
        assert!(cause.starts_with("planned fault at aggregator.apply, hit 1 (src/points/registry.rs:"), "{cause}");
    }
}
