//! Partitions that come and go while the process runs, as a group says.

use std::sync::Arc;

use isotherm::durable::objects::Objects;
use isotherm::failure::Kind;
use isotherm::log::membership::{Change, Standing};
use isotherm::partition::{StateFiles, WithRejected};
use isotherm::pipeline::{End, Environment, Job};
use isotherm::progress::{Branch, Condition};
use isotherm::proof::simulated::{ObjectFault, SimulatedObjects, SimulatedSeat, TagMode};
use isotherm::settings::Assignment;

use super::support::{Fixture, PARTITIONS, Running, consume};

const ALL: [u32; PARTITIONS as usize] = [0, 1, 2, 3];

/// One process of a group.
struct Member {
    seat: SimulatedSeat,
    running: Running,
}

impl Member {
    fn start(fixture: &Fixture, objects: &SimulatedObjects) -> Self {
        Self::start_as(fixture, objects, |_| {})
    }

    fn start_as(fixture: &Fixture, objects: &SimulatedObjects, change: impl FnOnce(&mut Environment)) -> Self {
        let seat = SimulatedSeat::default();
        let environment = fixture.environment();
        let mut settings = (*environment.settings).clone();
        settings.consume.assignment = Assignment::Group;
        settings.state.commit_interval_ms = 20;
        ALL.iter().for_each(|&partition| environment.progress.set_held(partition, false));
        let mut environment = Environment {
            log: Arc::new(fixture.log.for_member(&seat)),
            state: state(objects),
            settings: Arc::new(settings),
            ..environment
        };
        change(&mut environment);
        let running = Running::start(Job { end: End::AtSignal, ..consume() }, environment);
        Self { seat, running }
    }

    fn assign(&self, partitions: &[u32]) {
        self.seat.say(Change::Assigned(partitions.to_vec()));
    }

    /// Waits until it has counted these to their ends.
    fn wait_for_ends(&self, partitions: &[u32]) {
        self.running.wait_for("every record", |environment| {
            let ends_at = |partition| environment.log.extent(partition).expect("it is there").end;
            partitions
                .iter()
                .all(|&partition| environment.progress.partition(partition).position.get() == ends_at(partition))
        });
    }

    fn held(&self) -> Vec<u32> {
        self.running.environment.progress.partitions().map(|(partition, _)| partition).collect()
    }

    /// Branches of these were started once and never again.
    fn assert_untouched(&self, partitions: &[u32]) {
        for &partition in partitions {
            let board = self.running.environment.progress.branches();
            let status = board.status(Branch::Partition(partition)).expect("it runs");
            assert_eq!((status.epoch, status.restarts, status.condition), (1, 0, Condition::Running), "{partition}");
        }
    }

    fn stop(self) {
        self.running.stop.send_replace(true);
        let summary = self.running.end().expect("it ran");
        assert!(summary.failures.is_empty() && summary.laggards.is_empty(), "{summary:?}");
    }
}

fn state(objects: &SimulatedObjects) -> StateFiles {
    StateFiles::Objects(Arc::new(objects.clone()) as Arc<dyn Objects>)
}

fn committed(objects: &SimulatedObjects, partition: u32) -> u64 {
    let read = state(objects).read(partition).expect("it answers");
    read.map_or(0, |file| file.parse(partition).expect("it is whole").state.next_offset)
}

/// What is in the store is what a single process has in a folder.
fn assert_like_a_single_process(fixture: &Fixture, objects: &SimulatedObjects) {
    let whole = fixture.beside();
    whole.run_well(consume());
    for partition in ALL {
        let read = state(objects).read_with_rejected(partition).expect("it answers").expect("it is there");
        let WithRejected { file, mut rejected, .. } = read;
        let mut lines = Vec::new();
        rejected.read_to_end(&mut lines).expect("they are there");
        let results = whole.results();
        assert!(file.bytes == results[&format!("partition-{partition}.json")], "partition {partition}");
        assert!(lines == results[&format!("partition-{partition}.rejected.jsonl")], "partition {partition}");
    }
}

#[test]
fn partitions_come_and_go_and_those_that_stay_are_not_touched() {
    // No commit but that of a handover.
    let fixture = Fixture::with_records(60).set("consume.commit_interval_ms=3600000");
    let objects = SimulatedObjects::new(TagMode::Content);
    let member = Member::start(&fixture, &objects);
    member.assign(&ALL);
    member.wait_for_ends(&ALL);
    assert_eq!((member.held(), committed(&objects, 1)), (ALL.to_vec(), 0));

    member.seat.say(Change::Revoked(vec![1, 3]));
    member.running.wait_for("the handover", |_| member.seat.released() == [1, 3]);
    for partition in [1, 3] {
        let end = member.running.environment.progress.partition(partition).position.get();
        assert_eq!(committed(&objects, partition), end, "it was committed before it was given back");
    }
    assert_eq!(member.held(), [0, 2]);
    fixture.write(60..90);
    member.wait_for_ends(&[0, 2]);
    member.assert_untouched(&[0, 2]);

    let other = Member::start(&fixture, &objects);
    other.assign(&[1]);
    other.wait_for_ends(&[1]);
    member.assign(&[3]);
    member.wait_for_ends(&[3]);
    member.assert_untouched(&[0, 2, 3]);
    assert_eq!((member.held(), other.held()), (vec![0, 2, 3], vec![1]));
    member.stop();
    other.stop();
    assert_like_a_single_process(&fixture, &objects);
}

#[test]
fn a_group_that_cannot_be_reached_stops_nobody_and_those_that_it_gave_away_end() {
    let fixture = Fixture::with_records(30);
    let objects = SimulatedObjects::new(TagMode::Write);
    let member = Member::start(&fixture, &objects);
    member.assign(&ALL);
    member.wait_for_ends(&ALL);
    member.seat.say(Change::Lost(ALL.to_vec()));
    fixture.write(30..60);
    member.wait_for_ends(&ALL);
    member.running.wait_for("commits", |environment| {
        ALL.iter().all(|&number| committed(&objects, number) == environment.progress.partition(number).position.get())
    });
    member.assert_untouched(&ALL);
    assert_eq!(member.held(), ALL);

    // It has been given to others meanwhile, but for two partitions.
    member.assign(&[0, 1]);
    member.running.wait_for("the end of two branches", |_| member.held() == [0, 1]);
    let other = Member::start(&fixture, &objects);
    other.assign(&[2, 3]);
    fixture.write(60..90);
    member.wait_for_ends(&[0, 1]);
    other.wait_for_ends(&[2, 3]);
    member.assert_untouched(&[0, 1]);
    assert!(member.seat.released().is_empty(), "the group has taken them");
    member.stop();
    other.stop();
    assert_like_a_single_process(&fixture, &objects);
}

#[test]
fn of_two_that_count_one_partition_the_one_that_was_superseded_asks_the_group_first() {
    let fixture = Fixture::with_records(10).set("consume.batch_records=1");
    let objects = SimulatedObjects::new(TagMode::Content);
    let members = [Member::start(&fixture, &objects), Member::start(&fixture, &objects)];
    for member in &members {
        // Both are told that it is theirs; asked, the group says that it is changing.
        member.seat.set_standing(Standing::Outside);
        member.assign(&[2]);
    }
    let status = |member: &Member| member.running.environment.progress.branches().status(Branch::Partition(2));
    let is_superseded = |member: &Member| status(member).is_some_and(|status| status.superseded > 0);
    let mut days = 10;
    members[0].running.wait_for("a commit in between", |_| {
        fixture.write(days..days + 1);
        days += 1;
        members.iter().any(is_superseded)
    });
    let [one, other] = members;
    let (loser, winner) = if is_superseded(&one) { (one, other) } else { (other, one) };
    winner.seat.set_standing(Standing::Member);
    let waits_for = || status(&loser).and_then(|status| status.waiting_for.clone());
    loser.running.wait_for("the question", |_| waits_for().is_some());
    let told = waits_for().expect("it waits");
    assert!(told.contains("is counted by another process, up to the offset"), "{told}");
    assert!(told.contains("gives out its partitions anew"), "{told}");
    let position = || loser.running.environment.progress.partition(2).position.get();
    let stands_at = position();
    fixture.write(days..days + 5);
    winner.wait_for_ends(&[2]);
    assert_eq!(position(), stands_at, "it waits for the group's word");

    // Nobody can be asked, and nobody carries the state on.
    loser.seat.set_standing(Standing::Unknown);
    winner.stop();
    fixture.write(days + 5..days + 10);
    loser.wait_for_ends(&[2]);
    loser.stop();
    let rest = Member::start(&fixture, &objects);
    rest.assign(&ALL);
    rest.wait_for_ends(&ALL);
    rest.stop();
    assert_like_a_single_process(&fixture, &objects);
}

#[test]
fn a_process_with_other_rules_does_not_join() {
    let fixture = Fixture::with_records(10);
    let objects = SimulatedObjects::new(TagMode::Content);
    let member = Member::start(&fixture, &objects);
    member.assign(&ALL);
    member.wait_for_ends(&ALL);
    member.stop();
    let before = objects.contents();
    let differs = Member::start(&fixture.beside().set("quality.degrees_max=60"), &objects);
    let (seat, ended) = (differs.seat.clone(), differs.running.end());
    let failure = ended.expect_err("it would fail each partition that it is given");
    assert!(failure.what.contains("quality.degrees_max was 150 and is 60"), "{failure}");
    assert!(!seat.is_joined());
    assert_eq!(objects.contents(), before);
}

#[test]
fn a_partition_that_was_added_stops_the_process_and_those_that_it_has_are_committed() {
    let fixture = Fixture::with_records(10).set("consume.commit_interval_ms=3600000");
    let objects = SimulatedObjects::new(TagMode::Content);
    let member = Member::start(&fixture, &objects);
    member.assign(&[0]);
    member.wait_for_ends(&[0]);
    member.assign(&[PARTITIONS]);
    let position = member.running.environment.progress.partition(0).position.get();
    let summary = member.running.end().expect("it ran");
    let [(branch, failure)] = &summary.failures[..] else { panic!("{summary:?}") };
    assert_eq!((branch.as_str(), failure.kind), ("group", Kind::Settings));
    assert!(failure.what.contains("gives out partition 4, and log.partitions is 4"), "{failure}");
    assert_eq!(committed(&objects, 0), position);
}

/// It takes the half minute that a store may be away for.
#[test]
fn a_process_that_alone_cannot_reach_the_store_gives_its_partitions_back_until_it_can() {
    let fixture = Fixture::with_records(10);
    let objects = SimulatedObjects::new(TagMode::Content);
    let member = Member::start(&fixture, &objects);
    member.assign(&[0, 1]);
    member.wait_for_ends(&[0, 1]);
    objects.plan(|_, _| Some(ObjectFault::NotSent));
    fixture.write(10..20);
    // It is away for all: others tell nothing, and nothing moves.
    member.wait_for_ends(&[0, 1]);
    let begun = std::time::Instant::now();
    member.running.wait_for("more than half a minute", |_| begun.elapsed().as_secs() >= 33);
    assert!(!member.seat.is_out());
    member.seat.told_by_another(2, 7);
    member.running.wait_for("the step out", |_| member.seat.is_out());
    member.seat.say(Change::Revoked(vec![0, 1]));
    member.running.wait_for("the handover", |_| member.seat.released() == [0, 1]);
    assert!(member.held().is_empty());
    objects.heal();
    member.running.wait_for("the step in", |_| !member.seat.is_out());
    member.assign(&ALL);
    member.wait_for_ends(&ALL);
    member.stop();
    assert_like_a_single_process(&fixture, &objects);
}
