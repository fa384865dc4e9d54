//! Several processes on one store that loses, delays, repeats and refuses calls, as a seed has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use isotherm::domain::Rules;
use isotherm::durable::objects::{Object, Objects, Report, Tag, Trouble, When};
use isotherm::failure::{Kind, Severity};
use isotherm::partition::OnStore;
use isotherm::partition::PartitionObjects;
use isotherm::proof::simulated::{ObjectCall, ObjectFault, SimulatedObjects, TagMode};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::contract::like_the_one_within;
use super::life::{KEY, Log, fence, identity};

/// One process that counts the partition.
struct Process {
    store: PartitionObjects,
    epoch: u64,
    /// Committed, and on its way; `None` before it has recovered.
    counted: Option<(u64, Option<u64>)>,
}

impl Process {
    fn new(log: &Log, objects: &SimulatedObjects) -> Self {
        let store = log.store(Arc::new(objects.clone()), fence(OnStore::default()));
        Self { store, epoch: 0, counted: None }
    }

    /// One call; what is acknowledged by it. `Err`: the process ends.
    fn step(&mut self, log: &Log, random: &mut ChaCha8Rng) -> Result<Option<u64>, ()> {
        let Some((from, going)) = self.counted else {
            self.epoch += 1;
            return match self.store.recover(self.epoch, &identity(), &Rules::default()) {
                Ok(state) => {
                    self.counted = Some((state.map_or(0, |state| state.next_offset), None));
                    Ok(None)
                }
                Err(failure) if failure.is_retryable() => Ok(None),
                Err(failure) => panic!("{failure}"),
            };
        };
        let to = going.unwrap_or_else(|| random.random_range(from..=log.records));
        match self.store.commit(self.epoch, &identity(), &log.snapshot(from, to)) {
            Ok(()) => {
                self.counted = Some((to, None));
                Ok(Some(to))
            }
            Err(failure) if failure.is_retryable() => {
                self.counted = Some((from, Some(to)));
                Ok(None)
            }
            Err(failure) if failure.severity == Severity::Superseded => {
                self.counted = None;
                Ok(None)
            }
            Err(failure) => {
                assert_eq!(failure.kind, Kind::TryAgain, "{failure}");
                Err(())
            }
        }
    }
}

/// What the store holds is what a single process would have put, and how far.
fn checked(log: &Log, contents: &BTreeMap<String, Vec<u8>>) -> Option<u64> {
    let file = contents.get(KEY)?;
    let to = (0..=log.records).find(|to| log.file(*to) == *file).expect("each state is one of a single process");
    let (lines, mut joined) = (log.lines(to), Vec::new());
    for (key, bytes) in contents.iter().filter(|(key, _)| *key != KEY) {
        let end: usize = key.rsplit_once('-').expect("a range").1.trim_end_matches(".jsonl").parse().expect("a number");
        let is_whole = (end as u64).is_multiple_of(log.chunk_bytes);
        if end == lines.len() || (is_whole && end < lines.len()) {
            joined.extend_from_slice(bytes);
        }
    }
    assert_eq!(joined, lines, "the parts that the state names");
    Some(to)
}

fn one_life(seed: u64) {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let log = Log::new(8, &[0, 2, 3, 5, 6]);
    let objects = SimulatedObjects::new(if random.random() { TagMode::Content } else { TagMode::Write });
    let mut faults = ChaCha8Rng::seed_from_u64(random.random());
    let share = random.random_range(0.0..0.5);
    objects.plan(move |call, key| {
        if !faults.random_bool(share) {
            return None;
        }
        let later = faults.random_range(1..12);
        Some(match (faults.random_range(0..4), call) {
            (0, _) => ObjectFault::NotSent,
            (1, _) => ObjectFault::RequestLost,
            (2, _) => ObjectFault::AnswerLost,
            // Of two equal writes the second one is refused, or is of a part.
            (_, ObjectCall::Put) if key == KEY && faults.random() => ObjectFault::Twice(later),
            _ => ObjectFault::Late(later),
        })
    });
    let mut processes: Vec<Process> = (0..random.random_range(1..4)).map(|_| Process::new(&log, &objects)).collect();
    let (mut before, mut acknowledged) = (None, 0);
    for _ in 0..60 {
        let at = random.random_range(0..processes.len());
        let done = if random.random_bool(0.05) { Err(()) } else { processes[at].step(&log, random) };
        match done {
            Ok(to) => acknowledged = acknowledged.max(to.unwrap_or_default()),
            Err(()) => processes[at] = Process::new(&log, &objects),
        }
        let now = checked(&log, &objects.contents());
        assert!(now >= before, "seed {seed}: the object goes back from {before:?} to {now:?}");
        assert!(now.unwrap_or_default() >= acknowledged, "seed {seed}: {acknowledged} was acknowledged, not {now:?}");
        before = now;
    }
    objects.heal();
    let mut last = Process::new(&log, &objects);
    while last.counted != Some((log.records, None)) {
        last.step(&log, random).expect("nobody else is at work");
    }
    assert_eq!(checked(&log, &objects.contents()), Some(log.records));
    last.store.recover(last.epoch, &identity(), &Rules::default()).expect("nothing goes wrong").expect("it is there");
    let parts = log.lines(log.records).len().div_ceil(log.chunk_bytes as usize);
    assert_eq!(objects.contents().len(), 1 + parts, "seed {seed}: nothing else is left");
}

#[test]
fn an_object_only_goes_forward_in_a_store_that_loses_delays_and_repeats_calls() {
    (0..3_000).for_each(one_life);
}

fn committed(log: &Log, to: u64) -> (SimulatedObjects, PartitionObjects) {
    let objects = SimulatedObjects::new(TagMode::Content);
    let store = log.store(Arc::new(objects.clone()), fence(OnStore::default()));
    assert_eq!(store.recover(1, &identity(), &Rules::default()), Ok(None));
    store.commit(1, &identity(), &log.snapshot(0, to)).expect("nothing goes wrong");
    (objects, store)
}

#[test]
fn another_process_that_commits_is_told_once_and_then_is_a_stop() {
    let log = Log::new(8, &[0, 2]);
    let (objects, store) = committed(&log, 2);
    let other = log.store(Arc::new(objects), fence(OnStore::default()));
    let mut told = Vec::new();
    for (epoch, to) in [(1, 3), (2, 4)] {
        let from = other
            .recover(epoch, &identity(), &Rules::default())
            .expect("it is there")
            .expect("it is there")
            .next_offset;
        other.commit(epoch, &identity(), &log.snapshot(from, to)).expect("nothing goes wrong");
        let failure = store.commit(epoch, &identity(), &log.snapshot(from, 8)).expect_err("another one has committed");
        assert!(failure.what.contains(&format!("committed by another process, up to the offset {to}")), "{failure}");
        told.push((failure.severity, failure.kind));
        let state =
            store.recover(epoch + 1, &identity(), &Rules::default()).expect("it is there").expect("it is there");
        assert_eq!(state.next_offset, to);
    }
    assert_eq!(told, [(Severity::Superseded, Kind::TryAgain), (Severity::Fatal, Kind::TryAgain)]);
}

#[test]
fn an_object_that_was_removed_or_restored_or_is_damaged_is_a_stop() {
    let log = Log::new(8, &[0, 2, 3]);
    let put = |objects: &SimulatedObjects, bytes: &[u8]| objects.put(KEY, bytes, &When::Always).expect("it is put");
    let refused = |change: &dyn Fn(&SimulatedObjects), said: &str| {
        let (objects, store) = committed(&log, 4);
        change(&objects);
        let before = objects.contents();
        let failure = store.commit(1, &identity(), &log.snapshot(4, 6)).expect_err("it is another one");
        assert!(failure.severity == Severity::Fatal && failure.what.contains(said), "{failure}");
        assert_eq!(objects.contents().get(KEY), before.get(KEY), "it is left as it is");
        let failure = store.recover(2, &identity(), &Rules::default()).expect_err("it is another one");
        assert!(failure.severity == Severity::Fatal && failure.what.contains(said), "{failure}");
    };
    refused(&|objects| objects.delete(KEY).expect("it is removed"), "was removed");
    refused(&|objects| drop(put(objects, &log.file(2))), "goes back from the offset 4 to 2");
    refused(&|objects| drop(put(objects, &log.file(4)[..200])), "is damaged");
}

#[test]
fn a_part_that_is_not_there_is_waited_for_and_then_is_damage() {
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    clock.expect("there is memory").block_on(async {
        let log = Log::new(8, &[0, 2, 3]);
        let (objects, store) = committed(&log, 4);
        let part = objects.contents().into_keys().find(|key| key != KEY).expect("there are some");
        let bytes = objects.contents()[&part].clone();
        objects.delete(&part).expect("it is removed");
        let recover = |epoch| store.recover(epoch, &identity(), &Rules::default());
        let failure = recover(2).expect_err("a part is not there");
        assert!(failure.is_retryable() && failure.what.contains(&part), "{failure}");
        tokio::time::advance(std::time::Duration::from_secs(9)).await;
        assert!(recover(3).expect_err("a part is not there").is_retryable());
        objects.put(&part, &bytes, &When::Always).expect("it is put");
        assert!(recover(4).is_ok());
        objects.put(&part, &bytes[1..], &When::Always).expect("it is put");
        let failure = recover(5).expect_err("it is another one");
        assert!(failure.kind == Kind::Data && failure.what.contains("is damaged"), "{failure}");
        objects.delete(&part).expect("it is removed");
        assert!(recover(6).expect_err("a part is not there").is_retryable());
        tokio::time::advance(std::time::Duration::from_secs(11)).await;
        let failure = recover(7).expect_err("a part is not there");
        assert!(failure.kind == Kind::Data && failure.what.contains("is damaged"), "{failure}");
    });
}

#[test]
fn a_store_whose_etags_are_weak_is_told_and_one_that_never_let_us_in() {
    let log = Log::new(8, &[]);
    let (objects, store) = committed(&log, 2);
    // Another tag for the same bytes, as a proxy makes it.
    let refusing = Refusing(objects.clone());
    let refusing = log.store(Arc::new(refusing), fence(OnStore::default()));
    refusing.recover(1, &identity(), &Rules::default()).expect("it is there");
    for _ in 0..2 {
        let failure = refusing.commit(1, &identity(), &log.snapshot(2, 3)).expect_err("it is refused");
        assert!(failure.is_retryable(), "{failure}");
    }
    let failure = refusing.commit(1, &identity(), &log.snapshot(2, 3)).expect_err("it is refused");
    assert!(failure.kind == Kind::Settings && failure.to_string().contains("make ETags weak"), "{failure}");
    objects.plan(|_, _| Some(ObjectFault::Denied));
    let failure = store.commit(1, &identity(), &log.snapshot(2, 3)).expect_err("it is denied");
    assert!(failure.is_retryable() && failure.what.contains("403"), "later it is waited out: {failure}");
    let objects = SimulatedObjects::new(TagMode::Content);
    objects.plan(|_, _| Some(ObjectFault::Denied));
    let store = log.store(Arc::new(objects), fence(OnStore::default()));
    let failure = store.recover(1, &identity(), &Rules::default()).expect_err("it is denied");
    assert!(!failure.is_retryable() && failure.kind == Kind::Settings, "{failure}");
}

/// Refuses every write under a tag.
struct Refusing(SimulatedObjects);

like_the_one_within!(
    Refusing,
    SimulatedObjects::get,
    |objects: &SimulatedObjects, key, bytes, when: &When| match when {
        When::Is(_) => Err(Trouble::Refused),
        _ => objects.put(key, bytes, when),
    }
);
