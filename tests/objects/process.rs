//! A process that recovers and commits, one call of its store at a time: an operation is a function of what the process remembers
//! and of the answers that it has had.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use isotherm::domain::Rules;
use isotherm::durable::objects::{Object, Objects, Report, Tag, Trouble, When};
use isotherm::failure::{Failure, Kind, Severity};
use isotherm::partition::OnStore;
use parking_lot::Mutex;

use super::life::{Log, fence, identity};

/// Of a process: what it does now, and what it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Local {
    pub memory: OnStore,
    /// It rebuilds: what is there is passed over.
    pub is_anew: bool,
    pub doing: Doing,
    pub answers: Vec<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doing {
    Recovery,
    /// It has recovered or committed up to there.
    Counting(u64),
    Commit {
        from: u64,
        to: u64,
        is_again: bool,
    },
    /// A commit that is to be tried again.
    Again {
        from: u64,
        to: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Object(Option<Object>),
    Put(Tag),
    Deleted,
    Keys(Vec<String>),
    Trouble(Trouble),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    Get(String),
    Put(String, Vec<u8>, When),
    Delete(String),
    List(String),
}

/// What comes of running an operation as far as its answers go.
pub enum Ran {
    Asks(Request),
    Ends(Local),
    /// It has committed up to there.
    Acknowledged(Local, u64),
    /// The process ends.
    Stops,
}

/// Answers as it was told, then asks.
struct Script(Mutex<(VecDeque<Answer>, Option<Request>)>);

struct Asked;

impl Script {
    fn ask(&self, request: Request) -> Answer {
        let mut script = self.0.lock();
        match script.0.pop_front() {
            Some(answer) => answer,
            None => {
                script.1 = Some(request);
                drop(script);
                resume_unwind(Box::new(Asked));
            }
        }
    }
}

impl Objects for Script {
    fn name(&self) -> String {
        "script://".to_owned()
    }

    fn get(&self, key: &str) -> Result<Option<Object>, Trouble> {
        match self.ask(Request::Get(key.to_owned())) {
            Answer::Object(object) => Ok(object),
            Answer::Trouble(trouble) => Err(trouble),
            other => panic!("{other:?}"),
        }
    }

    fn put(&self, key: &str, bytes: &[u8], when: &When) -> Result<Tag, Trouble> {
        match self.ask(Request::Put(key.to_owned(), bytes.to_vec(), when.clone())) {
            Answer::Put(tag) => Ok(tag),
            Answer::Trouble(trouble) => Err(trouble),
            other => panic!("{other:?}"),
        }
    }

    fn delete(&self, key: &str) -> Result<(), Trouble> {
        match self.ask(Request::Delete(key.to_owned())) {
            Answer::Deleted => Ok(()),
            Answer::Trouble(trouble) => Err(trouble),
            other => panic!("{other:?}"),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Trouble> {
        match self.ask(Request::List(prefix.to_owned())) {
            Answer::Keys(keys) => Ok(keys),
            Answer::Trouble(trouble) => Err(trouble),
            other => panic!("{other:?}"),
        }
    }

    fn list_top(&self) -> Result<Vec<String>, Trouble> {
        panic!("neither a recovery nor a commit asks for it")
    }

    fn reporting(&self, _: Report) -> Arc<dyn Objects> {
        panic!("nobody asks whether it gets on")
    }

    fn has_answered(&self) -> bool {
        true
    }
}

/// Runs an operation as far as its answers go.
pub fn run(log: &Log, local: &Local) -> Ran {
    let script = Arc::new(Script(Mutex::new((local.answers.iter().cloned().collect(), None))));
    let fence = fence(local.memory.clone());
    let store = log.store(script.clone(), fence.clone());
    let is_anew = local.is_anew;
    let store = if is_anew { store.anew(log.records) } else { store };
    let ran = catch_unwind(AssertUnwindSafe(|| match local.doing {
        Doing::Recovery => {
            let recovered = store.recover(1, &identity(), &Rules::default());
            recovered.map(|state| (Doing::Counting(state.map_or(0, |state| state.next_offset)), None))
        }
        Doing::Commit { from, to, .. } => {
            let committed = store.commit(1, &identity(), &log.snapshot(from, to));
            // A rebuild keeps back what was not counted far enough: it promises nothing.
            committed.map(|()| (Doing::Counting(to), (!is_anew).then_some(to)))
        }
        doing => panic!("{doing:?} asks for nothing"),
    }));
    let ran = match ran {
        Ok(ran) => ran,
        Err(payload) if payload.is::<Asked>() => {
            return Ran::Asks(script.0.lock().1.take().expect("it has asked"));
        }
        Err(payload) => resume_unwind(payload),
    };
    let memory = fence.enter(1).expect("nobody is inside").left.clone();
    let goes_on = |doing| Local { memory: memory.clone(), is_anew, doing, answers: Vec::new() };
    match (ran, local.doing) {
        (Ok((doing, None)), _) => Ran::Ends(goes_on(doing)),
        (Ok((doing, Some(to))), _) => Ran::Acknowledged(goes_on(doing), to),
        (Err(failure), Doing::Commit { from, to, .. }) if failure.is_retryable() => {
            Ran::Ends(goes_on(Doing::Again { from, to }))
        }
        (Err(failure), _) if failure.is_retryable() || failure.severity == Severity::Superseded => {
            Ran::Ends(goes_on(Doing::Recovery))
        }
        (Err(Failure { kind: Kind::TryAgain, .. }), _) => Ran::Stops,
        (Err(failure), doing) => panic!("{doing:?} fails: {failure}"),
    }
}
