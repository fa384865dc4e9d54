//! Every way in which two writers and a store can get into each other's way.
//!
//! The real code of commit and recovery is run one call at a time: an operation is run anew with one answer more for each step, and
//! each such run is kept. Between any two calls the other writer may make one, a write that was under way may arrive, or a process may
//! die.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use foldhash::fast::RandomState;
use isotherm::domain::Rules;
use isotherm::durable::objects::{Object, Tag, Trouble, When};
use isotherm::partition::OnStore;
use isotherm::proof::simulated::{SimulatedObjects, TagMode};

use super::life::{KEY, Log, fence, identity};
use super::process::{Answer, Doing, Local, Ran, Request, run};
use super::world::{Flying, World};

/// The same, with the process by its number.
enum Next {
    Asks(Request),
    Ends(usize),
    Acknowledged(usize, u64),
    Stops,
}
/// A bug of the store, or of what cleans it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    ConditionIgnored,
    /// A write that was doubtful is made again without its condition.
    AgainWithoutCondition,
    /// A part is acknowledged and comes later.
    PartsLate,
    /// What the state does not name is removed.
    UnnamedRemoved,
    /// A rebuild puts the state of which nothing is counted in place of what is there, while no write is under way.
    RebuildGoesBack,
}
/// An answer by a number, so that what follows from it is found quickly.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Told {
    /// The state of so many records.
    State(Option<u64>),
    /// This part, or none.
    Part(Option<usize>),
    Put(u64),
    PutPart,
    Refused,
    Lost,
    Deleted,
    /// Bits of the parts.
    Keys(u64),
}
/// The number of a process that was just started, and of one that rebuilds.
const BORN: usize = 0;
const REBUILDS: usize = 1;

/// What was met so far of processes and parts, by numbers.
struct Search {
    log: Log,
    bug: Bug,
    flying_max: usize,
    files: Vec<Vec<u8>>,
    parts: Vec<(String, Vec<u8>)>,
    /// The parts of each file, as bits.
    named: Vec<u64>,
    locals: Vec<Local>,
    numbers: HashMap<Local, usize>,
    ran: HashMap<usize, Rc<Next>, RandomState>,
    told: HashMap<(usize, Told), usize, RandomState>,
    commits: HashMap<(usize, u64), usize, RandomState>,
}

impl Search {
    fn new(log: Log, bug: Bug, flying_max: usize) -> Self {
        let files = (0..=log.records).map(|to| log.file(to)).collect();
        let (parts, named) = (Vec::new(), Vec::new());
        let mut search = Self {
            log,
            bug,
            flying_max,
            files,
            parts,
            named,
            locals: Vec::new(),
            numbers: HashMap::new(),
            ran: HashMap::default(),
            told: HashMap::default(),
            commits: HashMap::default(),
        };
        for to in 0..=search.log.records {
            let parts = search.parts_of(to);
            search.named.push(parts);
        }
        search
    }

    /// As a single process puts them, from nothing to there.
    fn parts_of(&mut self, to: u64) -> u64 {
        let objects = SimulatedObjects::new(TagMode::Content);
        let store = self.log.store(Arc::new(objects.clone()), fence(OnStore::default()));
        store.recover(1, &identity(), &Rules::default()).expect("there is nothing");
        store.commit(1, &identity(), &self.log.snapshot(0, to)).expect("nothing goes wrong");
        let contents = objects.contents();
        assert_eq!(contents[KEY], self.files[to as usize]);
        let parts: Vec<_> = contents.into_iter().filter(|(key, _)| key != KEY).collect();
        let joined: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        assert_eq!(joined, self.log.lines(to), "the parts are the file of a folder");
        parts.into_iter().map(|(key, bytes)| 1 << self.part(key, bytes)).sum()
    }

    fn part(&mut self, key: String, bytes: Vec<u8>) -> usize {
        match self.parts.iter().position(|(known, _)| *known == key) {
            Some(at) => {
                assert_eq!(self.parts[at].1, bytes, "{key} has one content ever");
                at
            }
            None => {
                self.parts.push((key, bytes));
                self.parts.len() - 1
            }
        }
    }

    fn number(&mut self, local: Local) -> usize {
        let next = self.locals.len();
        match self.numbers.get(&local) {
            Some(number) => *number,
            None => {
                self.numbers.insert(local.clone(), next);
                self.locals.push(local);
                next
            }
        }
    }

    fn begun(&mut self, memory: OnStore, is_anew: bool, doing: Doing) -> usize {
        self.number(Local { memory, is_anew, doing, answers: Vec::new() })
    }

    /// The process once it was told this.
    fn told(&mut self, writer: usize, told: Told) -> usize {
        if let Some(known) = self.told.get(&(writer, told)) {
            return *known;
        }
        let nameless = || Tag { e_tag: None, version: None };
        let object = |bytes, tag| Object { bytes, tag, modified: None };
        let answer = match told {
            Told::State(to) => Answer::Object(to.map(|to| object(self.files[to as usize].clone(), self.tag(to)))),
            Told::Part(part) => Answer::Object(part.map(|part| object(self.parts[part].1.clone(), nameless()))),
            Told::Put(to) => Answer::Put(self.tag(to)),
            Told::PutPart => Answer::Put(nameless()),
            Told::Refused => Answer::Trouble(Trouble::Refused),
            Told::Lost => Answer::Trouble(Trouble::Unsure("lost".to_owned())),
            Told::Deleted => Answer::Deleted,
            Told::Keys(parts) => {
                let keys = (0..self.parts.len()).filter(|part| parts >> part & 1 == 1);
                Answer::Keys(keys.map(|part| self.parts[part].0.clone()).collect())
            }
        };
        let mut local = self.locals[writer].clone();
        local.answers.push(answer);
        let number = self.number(local);
        self.told.insert((writer, told), number);
        number
    }

    /// The process once it commits up to there.
    fn commits(&mut self, writer: usize, to: u64) -> usize {
        if let Some(known) = self.commits.get(&(writer, to)) {
            return *known;
        }
        let Local { memory, is_anew, doing, .. } = self.locals[writer].clone();
        let doing = match doing {
            Doing::Counting(from) => Doing::Commit { from, to, is_again: false },
            Doing::Again { from, .. } => Doing::Commit { from, to, is_again: true },
            doing => panic!("{doing:?} commits nothing"),
        };
        let number = self.begun(memory, is_anew, doing);
        self.commits.insert((writer, to), number);
        number
    }

    fn next(&mut self, writer: usize) -> Rc<Next> {
        if let Some(next) = self.ran.get(&writer) {
            return next.clone();
        }
        let next = match run(&self.log, &self.locals[writer]) {
            Ran::Asks(request) => Next::Asks(request),
            Ran::Ends(local) => Next::Ends(self.number(local)),
            Ran::Acknowledged(local, to) => Next::Acknowledged(self.number(local), to),
            Ran::Stops => Next::Stops,
        };
        let next = Rc::new(next);
        self.ran.insert(writer, next.clone());
        next
    }

    fn tag(&self, to: u64) -> Tag {
        Tag { e_tag: Some(format!("{:08x}", crc32c::crc32c(&self.files[to as usize]))), version: None }
    }

    /// Every world that may follow.
    fn follow(&mut self, world: &World) -> Vec<World> {
        let mut worlds = Vec::new();
        for at in 0..world.writers.len() {
            self.step(world, at, &mut worlds);
        }
        for at in 0..world.flying.len() {
            let mut next = world.clone();
            let flying = next.flying.remove(at);
            next.arrive(&flying);
            worlds.push(next);
        }
        if self.bug == Bug::RebuildGoesBack && world.rebuilds > 0 && world.flying.is_empty() && world.object.is_some() {
            worlds.push(World { object: Some(0), acknowledged: 0, rebuilds: world.rebuilds - 1, ..world.clone() });
        }
        if let (Bug::UnnamedRemoved, Some(to)) = (self.bug, world.object) {
            worlds.push(World { parts: world.parts & self.named[to as usize], ..world.clone() });
        }
        worlds
    }

    fn step(&mut self, world: &World, at: usize, worlds: &mut Vec<World>) {
        let writer = world.writers[at];
        let with = |world: &World, writer: usize| {
            let mut next = world.clone();
            next.writers[at] = writer;
            next
        };
        if writer != BORN {
            worlds.push(with(world, BORN));
        }
        if self.bug == Bug::None && world.rebuilds > 0 {
            worlds.push(World { rebuilds: world.rebuilds - 1, ..with(world, REBUILDS) });
        }
        match self.locals[writer].doing {
            Doing::Counting(from) => {
                for to in from + u64::from(world.object.is_some())..=self.log.records {
                    let commits = self.commits(writer, to);
                    worlds.push(with(world, commits));
                }
                return;
            }
            Doing::Again { to, .. } => {
                let commits = self.commits(writer, to);
                worlds.push(with(world, commits));
                return;
            }
            Doing::Recovery | Doing::Commit { .. } => {}
        }
        match &*self.next(writer) {
            Next::Ends(ended) => worlds.push(with(world, *ended)),
            Next::Acknowledged(ended, to) => {
                let acknowledged = world.acknowledged.max(*to);
                worlds.push(World { acknowledged, ..with(world, *ended) });
            }
            Next::Stops => worlds.push(with(world, BORN)),
            Next::Asks(request) => self.answer(world, writer, request, worlds, with),
        }
    }

    /// Each answer that a request may have.
    fn answer(
        &mut self,
        world: &World,
        writer: usize,
        request: &Request,
        worlds: &mut Vec<World>,
        with: impl Fn(&World, usize) -> World,
    ) {
        let lost = self.told(writer, Told::Lost);
        let has_room = world.flying.len() < self.flying_max;
        let flies = |flying: Flying| {
            let mut next = with(world, lost);
            next.flying.push(flying);
            next.flying.sort_unstable();
            next
        };
        match request {
            Request::List(_) => {
                let told = self.told(writer, Told::Keys(world.parts));
                worlds.push(with(world, told));
            }
            Request::Get(key) if key == KEY => {
                let told = self.told(writer, Told::State(world.object));
                worlds.extend([with(world, told), with(world, lost)]);
            }
            Request::Get(key) => {
                let part = self.parts.iter().position(|(known, _)| known == key);
                let told = self.told(writer, Told::Part(part.filter(|part| world.parts >> part & 1 == 1)));
                worlds.push(with(world, told));
            }
            Request::Delete(key) => {
                let part = self.parts.iter().position(|(known, _)| known == key).expect("it was named");
                let told = self.told(writer, Told::Deleted);
                let next = with(world, told);
                worlds.push(World { parts: next.parts & !(1 << part), ..next });
                if has_room {
                    worlds.push(flies(Flying::Removal(part)));
                }
            }
            Request::Put(key, bytes, when) if key == KEY => {
                let to = self.files.iter().position(|file| file == bytes).expect("only what is counted is put") as u64;
                let of = match when {
                    When::Is(tag) => (0..=self.log.records).find(|of| self.tag(*of) == *tag),
                    When::Absent => None,
                    When::Always => panic!("a state is put under a condition"),
                };
                let is_again = matches!(self.locals[writer].doing, Doing::Commit { is_again: true, .. });
                let always = self.bug == Bug::ConditionIgnored || (self.bug == Bug::AgainWithoutCondition && is_again);
                let flying = Flying::State { to, of, always };
                let mut next = world.clone();
                let told = if next.arrive(&flying) { Told::Put(to) } else { Told::Refused };
                let told = self.told(writer, told);
                worlds.push(with(&next, told));
                if has_room {
                    worlds.push(flies(flying));
                }
            }
            Request::Put(key, bytes, _) => {
                let part = self.part(key.clone(), bytes.clone());
                let told = self.told(writer, Told::PutPart);
                let mut next = with(world, told);
                if self.bug == Bug::PartsLate {
                    next.flying.push(Flying::Part(part));
                    next.flying.sort_unstable();
                    worlds.extend(has_room.then_some(next));
                } else {
                    next.parts |= 1 << part;
                    worlds.push(next);
                }
                worlds.push(with(world, lost));
            }
        }
    }

    /// All worlds that can be; how many they are, and the steps between them.
    fn all(&mut self, rebuilds: u8) -> Result<(usize, usize), String> {
        assert_eq!(self.begun(OnStore::default(), false, Doing::Recovery), BORN);
        assert_eq!(self.begun(OnStore::default(), true, Doing::Recovery), REBUILDS);
        let (object, flying) = (None, Vec::new());
        let first = World { object, parts: 0, flying, writers: [BORN; 2], acknowledged: 0, rebuilds };
        let mut seen: HashSet<World, RandomState> = HashSet::from_iter([first.clone()]);
        let (mut next, mut steps) = (vec![first], 0);
        while let Some(world) = next.pop() {
            for mut follows in self.follow(&world) {
                steps += 1;
                if let Some(violation) = follows.violation(&world, &self.named) {
                    return Err(violation);
                }
                // Which of the two is which makes no difference.
                follows.writers.sort_unstable();
                if !seen.contains(&follows) {
                    seen.insert(follows.clone());
                    next.push(follows);
                }
            }
        }
        Ok((seen.len(), steps))
    }
}

/// With a clock that stands still.
fn search(log: Log, flying_max: usize, rebuilds: u8, bug: Bug) -> Result<(usize, usize), String> {
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    clock.expect("there is memory").block_on(async { Search::new(log, bug, flying_max).all(rebuilds) })
}

/// ISOTHERM_SEARCH=wide takes minutes.
#[test]
fn no_order_of_calls_takes_a_commit_back_or_leaves_a_state_without_its_lines() {
    let is_wide = std::env::var("ISOTHERM_SEARCH").as_deref() == Ok("wide");
    let narrow = [((3, &[0, 2][..], 1), 0), ((1, &[0], 2), 1)];
    let wide = [((3, &[0, 2][..], 2), 0), ((2, &[0, 1], 2), 1)];
    let begun = std::time::Instant::now();
    for &((records, rejected, flying_max), rebuilds) in if is_wide { &wide[..] } else { &narrow } {
        let found = search(Log::new(records, rejected), flying_max, rebuilds, Bug::None);
        let (worlds, steps) = found.unwrap_or_else(|why| panic!("{why}"));
        assert!(worlds > 10_000, "{worlds}");
        let took = begun.elapsed();
        println!(
            "{records} records, {flying_max} writes under way, {rebuilds} rebuilds: {worlds} worlds, {steps} steps, {took:.1?}"
        );
    }
}

#[test]
fn each_bug_that_is_planted_is_found() {
    use Bug::{AgainWithoutCondition, ConditionIgnored, PartsLate, RebuildGoesBack, UnnamedRemoved};
    for bug in [ConditionIgnored, AgainWithoutCondition, PartsLate, UnnamedRemoved, RebuildGoesBack] {
        let found = search(Log::new(3, &[0, 2]), 1, 1, bug);
        println!("{bug:?}: {found:?}");
        assert!(found.is_err(), "{bug:?}");
    }
}
