//! The broker is away for a while under both sides at once, each in a process of its own: it is waited for, that is said
//! once, and nothing is lost or counted twice.

use super::Fixture;
use super::broker::Broker;
use super::program::{results, wait_for};
use super::topics::with_results;
use super::watched::{PARTITION_BRANCHES, Watched, are_over, assert_told, outages};

const DAYS: u32 = 250;
const STATIONS: u32 = 100;

#[test]
fn a_broker_that_dies_or_hangs_is_waited_for_by_both_sides() {
    // Its own broker, which other tests do not need.
    let Some(broker) = Broker::start() else { return };
    let kill = ("killed and started again", Broker::kill as fn(&Broker), Broker::restart as fn(&Broker));
    let hang = ("hung for longer than the timeouts", Broker::stop_answering as fn(&_), Broker::answer_again as fn(&_));
    for (case, away, back) in [kill, hang] {
        let fixture = Fixture::new(&broker)
            .set(&format!("source.simulate.stations={STATIONS}"))
            .set(&format!("source.simulate.days={DAYS}"))
            .set("source.simulate.pace_ms=2")
            .set("log.kafka.client.message.timeout.ms=2000")
            .set("log.kafka.client.socket.timeout.ms=2000");
        fixture.create_topic();
        let late = fixture.beside();
        let mut producer = Watched::start(&fixture.program(), &["produce"]);
        let mut consumer = Watched::start(&fixture.program(), &["consume"]);
        consumer.wait_for("some days of each partition", |_| {
            let offsets = fixture.offsets();
            offsets.len() == 4 && offsets.values().all(|offset| *offset > 200)
        });
        away(&broker);
        // One that starts meanwhile waits as well.
        let mut late_consumer = Watched::start(&late.program(), &["consume", "--until-caught-up"]);
        // Each has run into its timeout then: the broker was away for longer.
        for (running, branches) in [(&mut producer, 1), (&mut consumer, 4), (&mut late_consumer, 1)] {
            running.wait_for("each branch says it", |it| outages(&it.told()) >= branches);
        }
        back(&broker);
        assert_told(&producer.end(0), &["ingest"], &fixture.topic);
        let ends = fixture.ends();
        consumer.wait_for(&format!("{ends:?}, all that is counted by branches that all work,"), |it| {
            let offsets = fixture.offsets();
            ends.iter().all(|(number, end)| offsets[number] >= *end) && are_over(&it.told())
        });
        consumer.signal(libc::SIGTERM);
        assert_told(&consumer.end(0), &PARTITION_BRANCHES, &fixture.topic);
        assert_told(&late_consumer.end(0), &["start"], &fixture.topic);
        late.program().run_well(&["audit"]);
        // What a broker that hung had got before may come into the log later than what was sent again.
        fixture.program().run_well(&["consume", "--until-caught-up"]);
        println!("{case}: {} records in the log, {} counted", ends.values().sum::<u64>(), fixture.counted());

        let stations = fixture.stations();
        assert_eq!(stations.len(), STATIONS as usize, "{case}");
        assert!(stations.values().all(|station| station["count"] == DAYS), "{case}: each of {DAYS} days once");
        fixture.assert_undisturbed(case);
    }
}

#[test]
fn a_broker_that_lost_acknowledged_records_is_a_stop_on_both_sides() {
    let Some(broker) = Broker::start() else { return };
    let fixture = with_results(&broker);
    let (before, ends) = (results(fixture.folder.path()), fixture.ends());
    broker.kill();
    broker.lose_the_end(&fixture.topic, 0, 1_000);
    broker.restart();
    wait_for("its leader", || fixture.log().extent(0).is_ok());
    let now = fixture.ends();
    assert!(now[&0] < ends[&0] && (1..4).all(|number| now[&number] == ends[&number]), "{now:?}");
    let consume = Watched::start(&fixture.program(), &["consume", "--until-caught-up"]);
    let said = fixture.program().set("source.simulate.days=2000").run_failing(&["produce"], 65);
    assert!(said.contains(&format!("{} are gone", ends[&0] - now[&0])), "{said}");
    // Believed only after some time: a new leader may briefly say less than it has.
    let told = consume.end(65);
    assert!(told.contains(&format!("ends at offset {}, before our offset {}", now[&0], ends[&0])), "{told}");
    assert!(results(fixture.folder.path()) == before, "nothing was written");
    fixture.program().run_failing(&["audit", "0"], 65);
    assert_eq!(fixture.ends(), now, "nothing was sent");
}
