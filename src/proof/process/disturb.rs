//! The disturbances of a process and their moments: drawn from a seed, so that a number says all of them.

use std::fmt;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

use crate::points::registry::POINTS;
use crate::points::{Action, Planned};

/// Longest time that a process is frozen: longer than its heartbeat.
const FROZEN_MS_MAX: u64 = 3000;

/// Only passed where a topic or a partition is begun anew, which no life of these does.
const NEVER_PASSED: &str = "checkpoint.link";

/// One life's disturbance, and its moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDisturbance {
    pub disturbance: Disturbance,
    /// It comes this long after that many commits, or after the start.
    pub commits: u64,
    pub delay: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// `kill -9`.
    Kill,
    /// SIGSTOP, and SIGCONT after a while.
    Freeze(Duration),
    Terminate,
    /// The second SIGINT comes while the first one's order is carried out.
    InterruptTwice,
    Fault(Planned),
}

impl PlannedDisturbance {
    /// The plan of a life; depends on nothing but the seed and the life's number.
    pub fn draw(seed: u64, life: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(life);
        let disturbance = match random.random_range(0..20) {
            0..7 => Disturbance::Kill,
            7..9 => Disturbance::Freeze(Duration::from_millis(random.random_range(50..=FROZEN_MS_MAX))),
            9..11 => Disturbance::Terminate,
            11..13 => Disturbance::InterruptTwice,
            _ => Disturbance::Fault(fault(&mut random)),
        };
        // Half of the kills come at any moment from the start on; all else is for a process that has begun to work.
        let any_moment = disturbance == Disturbance::Kill && random.random();
        let (commits, delay_ms) = if any_moment {
            (0, random.random_range(0..300))
        } else {
            (random.random_range(1..=12), random.random_range(0..30))
        };
        Self { disturbance, commits, delay: Duration::from_millis(delay_ms) }
    }
}

fn fault(random: &mut ChaCha8Rng) -> Planned {
    let points: Vec<_> = POINTS.into_iter().filter(|(point, _)| *point != NEVER_PASSED).collect();
    let &(point, kind) = points.choose(random).expect("there are points");
    let actions: Vec<Action> = kind.actions().collect();
    let &action = actions.choose(random).expect("each point has some");
    let hit = random.random_range(1..=passings(point));
    Planned { point: point.to_owned(), hit, action }
}

/// A fault as `faults.points` takes it, with what brings the process to the point.
pub fn setting(fault: &Planned) -> String {
    let before = if fault.point == "supervisor.restart" { "aggregator.apply@3=panic," } else { "" };
    format!("{before}{fault}")
}

/// How often a short life passes the point, as far as that is known: a later hit would hardly come.
fn passings(point: &str) -> u64 {
    match point {
        "generator.start" | "producer.start" | "supervisor.restart" | "checkpoint.filesystem" => 1,
        "checkpoint.fsync_found" | "checkpoint.truncate" | "checkpoint.remove" => 2,
        "consumer.start" | "writer.recover" | "aggregator.load" => 4,
        "checkpoint.create_folder" | "checkpoint.lock" | "checkpoint.read" | "checkpoint.list" => 4,
        _ => 12,
    }
}

impl Disturbance {
    /// The names it is counted by: its point, or `process`, and the action there.
    pub fn names(&self) -> (String, String) {
        let process = |action: &str| ("process".to_owned(), action.to_owned());
        match self {
            Self::Kill => process("SIGKILL"),
            Self::Freeze(_) => process("SIGSTOP, SIGCONT"),
            Self::Terminate => process("SIGTERM"),
            Self::InterruptTwice => process("SIGINT twice"),
            Self::Fault(fault) => (fault.point.clone(), fault.action.name().to_owned()),
        }
    }
}

impl fmt::Display for PlannedDisturbance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (commits, delay_ms) = (self.commits, self.delay.as_millis());
        match &self.disturbance {
            Disturbance::Fault(fault) => write!(formatter, "fault {fault}"),
            Disturbance::Freeze(time) => {
                write!(formatter, "SIGSTOP for {} ms, {delay_ms} ms after {commits} commits", time.as_millis())
            }
            other if commits == 0 => write!(formatter, "{} {delay_ms} ms after the start", other.names().1),
            other => write!(formatter, "{} {delay_ms} ms after {commits} commits", other.names().1),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settings::{Sources, load};

    #[test]
    fn a_seed_says_it_all_and_every_pair_is_drawn() {
        let mut drawn = BTreeSet::new();
        for life in 0..20_000 {
            let plan = PlannedDisturbance::draw(7, life);
            assert_eq!(plan, PlannedDisturbance::draw(7, life));
            drawn.insert(plan.disturbance.names());
        }
        let points = POINTS.into_iter().filter(|(point, _)| *point != NEVER_PASSED);
        assert_eq!(drawn.len(), 4 + points.map(|(_, kind)| kind.actions().count()).sum::<usize>(), "{drawn:?}");
        let first_plans =
            |seed| (0..5).map(|life| PlannedDisturbance::draw(seed, life).to_string()).collect::<Vec<_>>();
        assert_ne!(first_plans(7), first_plans(8));
    }

    #[test]
    fn every_fault_is_one_that_the_settings_take() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..2000 {
            let set = format!("faults.points={}", setting(&fault(&mut random)));
            load(&Sources { file: None, sets: vec![set] }, std::iter::empty()).expect("it can happen there");
        }
    }
}
