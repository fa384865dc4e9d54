//! The partitions that the group gives to this process, as it gives and takes them.
//!
//! Guarantees: branches of partitions that stay are not touched; a partition that goes to another member is given back only when
//! its branch has committed and ended, or had its time for that; one that is lost is counted on, as a second owner does no harm, until
//! the state in the store is another one's, or the group has given it away; a group that cannot be reached stops nobody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Environment;
use super::running::Running;
use super::store_away::{Step, StoreAway};
use crate::failure::{Failure, Kind, Origin};
use crate::log::membership::{Change, GroupSpec, Membership};
use crate::log::topic::PARTITIONS_ADDED;
use crate::partition::StateFiles;
use crate::progress::{Progress, events};
use crate::supervision::{Outcome, Worker};

const THREAD: &str = "isotherm-group";
/// Longest wait for a word of the group in one call.
const WAIT: Duration = Duration::from_millis(100);

/// This process's seat, and what it holds.
pub struct Seat {
    member: Arc<Worker<Box<dyn Membership>>>,
    progress: Progress,
    /// By the settings.
    partitions: u32,
    state: StateFiles,
    store_away: StoreAway,
    held: BTreeSet<u32>,
    /// Of these, those that others may hold as well.
    unconfirmed: BTreeSet<u32>,
}

impl Seat {
    /// Joins the group of the log; blocks shortly.
    pub fn take(environment: &Environment) -> Result<Self, Failure> {
        let group = &environment.settings.group;
        let spec = GroupSpec {
            session: Duration::from_millis(group.session_ms),
            heartbeat: Duration::from_millis(group.heartbeat_ms),
            handover: Duration::from_millis(group.handover_ms),
        };
        let member = Arc::new(Worker::new(environment.spawn, THREAD, environment.log.join(&spec)?)?);
        let (held, unconfirmed) = Default::default();
        let (progress, partitions) = (environment.progress.clone(), environment.settings.log.partitions);
        let state = environment.state.clone();
        let store_away = StoreAway::new(state.clone());
        Ok(Self { member, progress, partitions, state, store_away, held, unconfirmed })
    }

    /// Runs what the group says until the flag is true; then all branches have ended in order. A failure is the member's own.
    pub async fn run(mut self, running: &mut Running<'_>, stop: &watch::Sender<bool>) -> Result<(), Failure> {
        let result = loop {
            let change = self.next(running, stop).await;
            // Between two calls, so that none is given up under way.
            if *stop.borrow() {
                break Ok(());
            }
            if let Err(failure) = self.mind_store().await {
                break Err(failure);
            }
            match change {
                Ok(Some(change)) => {
                    if let Err(failure) = self.change(change, running).await {
                        break Err(failure);
                    }
                }
                Ok(None) => {}
                Err(failure) => break Err(failure),
            }
        };
        running.stop_all().await;
        result
    }

    /// Gives all partitions back where this process alone cannot reach the store, and asks for some again once it can.
    async fn mind_store(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        match self.store_away.step(now) {
            Step::Nothing => Ok(()),
            Step::Ask => {
                // What this process has told itself does not say that others can commit.
                let others: Vec<u32> = (0..self.partitions).filter(|one| !self.held.contains(one)).collect();
                let told =
                    self.ask("asking the group what it was told", move |member| Ok(member.told(&others))).await?;
                if !self.store_away.told(told, now) {
                    return Ok(());
                }
                events::stepped_out(&self.state.name());
                self.ask("giving all partitions back", |member| member.step_out()).await
            }
            Step::Look => {
                let state = self.state.clone();
                let answers = self.ask("looking at the store", move |_| Ok(state.read(0).is_ok())).await?;
                if !answers {
                    return Ok(());
                }
                self.store_away.answered();
                events::stepped_in(&self.state.name());
                self.ask("asking for partitions again", |member| member.step_in()).await
            }
        }
    }

    /// What the group says next; branches end meanwhile.
    async fn next(&self, running: &mut Running<'_>, stop: &watch::Sender<bool>) -> Result<Option<Change>, Failure> {
        let next = self.ask("waiting for the group", |member| member.next(WAIT));
        tokio::pin!(next);
        loop {
            tokio::select! {
                biased;
                change = &mut next => return change,
                // One that failed keeps its partition, and is told; one that fails for the process's settings would fail for each.
                Some(partition) = running.next() => {
                    if let Some(Outcome::Failed(Failure { kind: Kind::Settings, .. })) = running.outcome(partition) {
                        stop.send_replace(true);
                    }
                }
            }
        }
    }

    async fn ask<R: Send + 'static>(
        &self,
        call: &'static str,
        ask: impl FnOnce(&mut dyn Membership) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let asked = self.member.call(call, move |member| ask(&mut **member)).await;
        asked.unwrap_or_else(|gone| Err(Failure::fatal(Kind::Internal, gone.to_string()).origin(Origin::Panic)))
    }

    async fn change(&mut self, change: Change, running: &mut Running<'_>) -> Result<(), Failure> {
        match change {
            Change::Assigned(partitions) => {
                if let Some(beyond) = partitions.iter().find(|&&partition| partition >= self.partitions) {
                    let what =
                        format!("the group gives out partition {beyond}, and log.partitions is {}", self.partitions);
                    return Err(Failure::fatal(Kind::Settings, what).advice(PARTITIONS_ADDED));
                }
                // Behind a loss the group says anew all that this member has.
                let confirmed = partitions.iter().copied().collect();
                for partition in std::mem::take(&mut self.unconfirmed).difference(&confirmed) {
                    self.let_go(*partition, running);
                    running.stop(*partition);
                }
                events::assigned(&partitions);
                for partition in partitions {
                    self.held.insert(partition);
                    self.progress.set_held(partition, true);
                    running.start(partition);
                }
            }
            Change::Revoked(partitions) => {
                events::revoked(&partitions);
                running.stop_and_wait(&partitions).await;
                for &partition in &partitions {
                    self.let_go(partition, running);
                }
                self.ask("giving partitions back", move |member| member.released(&partitions)).await?;
            }
            Change::Lost(partitions) => {
                events::lost(&partitions);
                self.unconfirmed.extend(partitions.iter().filter(|partition| self.held.contains(partition)));
            }
        }
        Ok(())
    }

    fn let_go(&mut self, partition: u32, running: &mut Running<'_>) {
        self.held.remove(&partition);
        self.unconfirmed.remove(&partition);
        self.progress.set_held(partition, false);
        running.forget(partition);
    }
}
