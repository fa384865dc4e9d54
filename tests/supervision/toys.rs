//! Toy children, and a log of what happens to them.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use isotherm::failure::{Failure, Kind};
use isotherm::supervision::actor::{self, Actor, ActorContext, Addr, Context, Handler, Message, Running};
use isotherm::supervision::outage::OutageEvent;
use isotherm::supervision::{
    BranchSpec, Busy, Child, ChildSpec, Drain, Ending, Event, Guard, Heartbeat, Life, Outage, Outcome, Policy, Spawn,
    Worker, supervise,
};
use parking_lot::Mutex;
use tokio::sync::watch;

/// Only a broken test waits this long.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a toy does.
#[derive(Clone, Debug)]
pub enum Act {
    Panic,
    Fail(Failure),
    Crash,
    Finish,
    /// Stops without a reason.
    Stop,
    /// Stops, and panics on the way.
    PanicInStopping,
    /// Panics in a future of the context.
    PanicLater,
    /// Blocks its thread until it is let go.
    Hang,
    /// Waits for a blocking call; answers heartbeats.
    Busy(Duration),
    /// The same, where its worker really makes one: until it is let go, in paused time as long as `Spawn` says.
    Call,
}

/// Where it does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Factory,
    Build,
    Started,
    Drain,
    Drop,
}

/// What each child does in which epoch.
pub type Plan = Rc<dyn Fn(&'static str, u64) -> Option<(At, Act)>>;

/// The log of one test: `a1 ready` is what child a did in epoch 1; what the supervisor and the outage say is there, too.
#[derive(Clone)]
pub struct Log(Arc<watch::Sender<Vec<String>>>);

impl Log {
    pub fn say(&self, line: impl Into<String>) {
        self.0.send_modify(|lines| lines.push(line.into()));
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    pub fn count(&self, start: &str) -> usize {
        self.0.borrow().iter().filter(|line| line.starts_with(start)).count()
    }

    /// The lines that start with one of these, in order.
    pub fn only(&self, starts: &[&str]) -> Vec<String> {
        self.lines().into_iter().filter(|line| starts.iter().any(|start| line.starts_with(start))).collect()
    }

    /// Waits for a line that starts like this.
    pub async fn until(&self, start: &str) {
        self.until_count(start, 1).await;
    }

    /// Waits for so many lines that start like this.
    pub async fn until_count(&self, start: &str, count: usize) {
        let mut lines = self.0.subscribe();
        let seen = lines.wait_for(|lines| lines.iter().filter(|line| line.starts_with(start)).count() >= count);
        let late = tokio::time::timeout(DEADLINE, seen).await.is_err();
        assert!(!late, "no {start:?} in {:#?}", self.lines());
    }
}

/// A branch under test.
pub struct Branch {
    pub log: Log,
    pub outage: Outage,
    addresses: Arc<Mutex<BTreeMap<&'static str, Addr<Toy>>>>,
    stop: watch::Sender<bool>,
    outcome: tokio::task::JoinHandle<Outcome>,
    /// Lets hanging toys go when it is dropped.
    gate: Option<SyncSender<()>>,
}

pub struct Setup {
    pub children: &'static [&'static str],
    pub policy: Policy,
    pub spawn: Spawn,
    pub seed: u64,
    pub plan: Plan,
    /// The listener panics when it has noted a line that starts with one of these.
    pub listener_panics_at: &'static [&'static str],
}

impl Setup {
    /// Children a, b and c that do nothing by themselves.
    pub fn new(spawn: Spawn) -> Self {
        Self {
            children: &["a", "b", "c"],
            policy: super::policy(),
            spawn,
            seed: 1,
            plan: Rc::new(|_, _| None),
            listener_panics_at: &[],
        }
    }

    pub fn plan(self, plan: impl Fn(&'static str, u64) -> Option<(At, Act)> + 'static) -> Self {
        Self { plan: Rc::new(plan), ..self }
    }

    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    /// Runs the branch and waits until all children are ready.
    pub async fn ready(self) -> Branch {
        let last = *self.children.last().expect("there are children");
        let branch = self.run();
        branch.log.until(&format!("{last}1 ready")).await;
        branch
    }

    pub fn run(self) -> Branch {
        let log = Log(Arc::new(watch::Sender::new(Vec::new())));
        let addresses = Arc::new(Mutex::new(BTreeMap::new()));
        let (gate, passes) = sync_channel(0);
        let passes = Arc::new(Mutex::new(passes));
        let children = self.children.iter().map(|&name| {
            let (log, addresses, plan, passes) = (log.clone(), addresses.clone(), self.plan.clone(), passes.clone());
            let blocks = matches!(self.spawn, Spawn::Threads);
            let start = move |life: &Life| start(name, life, &plan, &log, &addresses, &passes, blocks);
            ChildSpec { name, start: Box::new(start) }
        });
        let spec = BranchSpec { name: "toys".to_owned(), children: children.collect() };
        let outage = Outage::new(self.policy.backoff_min, self.policy.backoff_max, {
            let log = log.clone();
            move |event| match event {
                OutageEvent::Began(failure) => log.say(format!("outage began: {failure}")),
                OutageEvent::Lasts(failure, lasted) => log.say(format!("outage lasts: {failure}, {lasted:?}")),
                OutageEvent::Ended { lasted } => log.say(format!("outage ended: {lasted:?}")),
            }
        });
        let (stop, asked) = watch::channel(false);
        let (listener, shared) = (log.clone(), outage.clone());
        let outcome = tokio::task::spawn_local(async move {
            let tell = |event: Event<'_>| {
                let Some(line) = told(&event) else { return };
                listener.say(&line);
                let panics = self.listener_panics_at.iter().any(|start| line.starts_with(start));
                assert!(!panics, "the listener panics");
            };
            supervise(spec, self.policy, self.spawn, self.seed, shared, asked, tell).await
        });
        Branch { log, outage, addresses, stop, outcome, gate: Some(gate) }
    }
}

/// What a person is told; what only moves gauges is not.
fn told(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Started { .. } | Event::Ready { .. } | Event::Pulse { .. } => return None,
        Event::Died { child, cause, backoff, .. } => format!("died {child}: {cause}; {backoff:?}"),
        Event::Superseded { child, failure } => format!("superseded {child}: {failure}"),
        Event::Restarted { resumes_from, took } => format!("restarted; {resumes_from:?}; {took:?}"),
        Event::Failed { failure } => format!("failed: {failure}"),
        Event::Laggard { child, waited } => format!("laggard {child}: {waited:?}"),
    })
}

impl Branch {
    /// Has a child do something, in its present life.
    pub fn tell(&self, child: &str, act: Act) {
        self.addresses.lock()[child].do_send(Do(act));
    }

    /// Lets hanging toys go.
    pub fn let_go(&mut self) {
        self.gate = None;
    }

    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Drops the supervisor.
    pub fn abort(self) -> Log {
        self.outcome.abort();
        self.log
    }

    /// How it ended.
    pub async fn outcome(self) -> Outcome {
        let outcome = tokio::time::timeout(DEADLINE, self.outcome).await;
        outcome.unwrap_or_else(|_| panic!("it does not end: {:#?}", self.log.lines())).expect("no panic")
    }

    /// Stops it and returns the laggards.
    pub async fn stopped(self) -> Vec<&'static str> {
        self.stop();
        match self.outcome().await {
            Outcome::Stopped { laggards } => laggards,
            other => panic!("{other:?}"),
        }
    }

    /// How it failed.
    pub async fn failure(self) -> Failure {
        match self.outcome().await {
            Outcome::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }
}

fn start(
    name: &'static str,
    life: &Life,
    plan: &Plan,
    log: &Log,
    addresses: &Mutex<BTreeMap<&'static str, Addr<Toy>>>,
    passes: &Arc<Mutex<Receiver<()>>>,
    blocks: bool,
) -> Result<Child, Failure> {
    let planned = plan(name, life.epoch);
    let who = format!("{name}{}", life.epoch);
    if let Some((At::Factory, act)) = &planned {
        match act {
            Act::Fail(failure) => return Err(failure.clone()),
            _ => panic!("{who} panics in Factory"),
        }
    }
    let (log, passes, worker) = (log.clone(), passes.clone(), life.worker("toys", ())?);
    let address = life.start(move |guard, context| {
        assert_eq!(format!("{name}{}", guard.epoch()), who);
        let mut toy = Toy { who, guard, log, passes, blocks, worker, planned, busy: None, panic_in_stopping: false };
        toy.act_at(At::Build, context);
        toy
    });
    addresses.lock().insert(name, address.clone());
    Ok(Child::of(address))
}

pub fn away() -> Failure {
    Failure::retryable(Kind::Unavailable, "no broker")
}

pub fn damaged() -> Failure {
    Failure::fatal(Kind::Data, "a damaged file")
}

pub struct Toy {
    who: String,
    guard: Guard,
    log: Log,
    passes: Arc<Mutex<Receiver<()>>>,
    /// Whether a call blocks its worker's thread.
    blocks: bool,
    worker: Worker<()>,
    planned: Option<(At, Act)>,
    busy: Option<Duration>,
    panic_in_stopping: bool,
}

impl Toy {
    fn act_at(&mut self, place: At, context: &mut Context<Self>) {
        if let Some((at, act)) = self.planned.clone()
            && at == place
        {
            self.act(act, &format!("{at:?}"), context);
        }
    }

    fn act(&mut self, act: Act, place: &str, context: &mut Context<Self>) {
        match act {
            Act::Panic => panic!("{} panics in {place}", self.who),
            Act::Fail(failure) => self.guard.end(failure, context),
            Act::Crash => self.guard.end(Ending::Crashed(format!("{} saw its worker die", self.who)), context),
            Act::Finish => self.guard.end(Ending::Finished, context),
            Act::Stop => context.stop(),
            Act::PanicInStopping => {
                self.panic_in_stopping = true;
                context.stop();
            }
            Act::PanicLater => {
                let later = tokio::time::sleep(Duration::from_millis(1));
                actor::spawn(context, later, |(), toy: &mut Self, _| panic!("{} panics in a future", toy.who));
            }
            Act::Hang => self.hang(),
            Act::Busy(time) => self.busy = Some(time),
            Act::Call => {
                let (passes, blocks) = (self.passes.clone(), self.blocks);
                let call = move |(): &mut ()| {
                    if blocks {
                        let _ = passes.lock().recv();
                    }
                };
                drop(self.worker.call("a toy call", call));
            }
        }
    }
}

impl Toy {
    fn hang(&self) {
        self.log.say(format!("{} hangs", self.who));
        let _ = self.passes.lock().recv();
    }
}

impl Actor for Toy {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.log.say(format!("{} started", self.who));
        self.act_at(At::Started, context);
        self.log.say(format!("{} ready", self.who));
        self.guard.ready(Some(10 * self.guard.epoch()));
    }

    fn stopping(&mut self, _: &mut Context<Self>) -> Running {
        self.log.say(format!("{} stopping", self.who));
        assert!(!self.panic_in_stopping, "{} panics in stopping", self.who);
        Running::Stop
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.log.say(format!("{} dropped", self.who));
        match self.planned {
            Some((At::Drop, Act::Hang)) => self.hang(),
            Some((At::Drop, _)) => panic!("{} panics in its drop", self.who),
            _ => {}
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Do(Act);

impl Handler<Do> for Toy {
    type Result = ();

    fn handle(&mut self, Do(act): Do, context: &mut Context<Self>) {
        self.act(act, "a handler", context);
    }
}

impl Handler<Heartbeat> for Toy {
    type Result = Option<Busy>;

    fn handle(&mut self, _: Heartbeat, _: &mut Context<Self>) -> Option<Busy> {
        self.log.say(format!("{} answers", self.who));
        let busy = |time| Busy { call: "a toy call", thread: "toys".into(), time };
        self.busy.map(busy).or_else(|| self.worker.busy())
    }
}

impl Handler<Drain> for Toy {
    type Result = ();

    fn handle(&mut self, _: Drain, context: &mut Context<Self>) {
        self.log.say(format!("{} drains", self.who));
        self.guard.drained();
        self.act_at(At::Drain, context);
    }
}
