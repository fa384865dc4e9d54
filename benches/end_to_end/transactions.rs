//! What writing in transactions costs: rate, time until readers see a reading, and bytes of the log.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use isotherm::domain::{Record, Rules, Scratch};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use crate::bench::Bench;
use crate::figures::{Spread, Table};
use crate::process::Killed;

const PARTITIONS: u32 = 4;
const SECONDS: u32 = 20;
const HEAD: [&str; 6] = [
    "readings/s asked for",
    "transactions",
    "readings/s",
    "ms until a reader has a reading, median",
    "99 of 100",
    "bytes of the log per reading",
];
/// Stations, and milliseconds from one day of them to the next; 0: as fast as it goes.
const PACES: [(&str, u32, u32); 3] = [("1", 1, 1_000), ("10,000", 100, 10), ("as many as it goes", 1_000, 0)];
/// Days as fast as it goes.
const DAYS: u32 = 3_000;

pub fn run(bench: &Bench) -> Vec<Table> {
    let name = if bench.replication > 1 { "transactions-replicated" } else { "transactions" };
    let mut table = Table::new(name, HEAD);
    for (asked, stations, pace_ms) in PACES {
        let mut seen: HashMap<&str, Vec<Seen>> = HashMap::new();
        for round in 0..bench.pairs {
            for transactions in ["off", "on"] {
                let days = if pace_ms == 0 { DAYS } else { SECONDS * 1_000 / pace_ms } / bench.divisor;
                let topic = format!("bench-transactions-{}-{stations}-{transactions}-{round}", std::process::id());
                seen.entry(transactions).or_default().push(watch(
                    bench,
                    &topic,
                    transactions,
                    (stations, pace_ms, days),
                ));
            }
        }
        for transactions in ["off", "on"] {
            let of = |figure: fn(&Seen) -> f64| Spread::of(seen[transactions].iter().map(figure));
            table.add([
                asked.to_owned(),
                transactions.to_owned(),
                of(|seen| seen.rate).text(0),
                of(|seen| seen.median_ms).text(1),
                of(|seen| seen.late_ms).text(1),
                of(|seen| seen.bytes).text(1),
            ]);
        }
    }
    vec![table]
}

struct Seen {
    rate: f64,
    median_ms: f64,
    late_ms: f64,
    bytes: f64,
}

/// Reads a topic with another client while a producer writes it. When a reading was read from its source follows from its day
/// and the pace, counted from the day that was handed to the client the soonest after its turn; as fast as it goes, a reading is
/// counted from when it was handed to the client.
fn watch(bench: &Bench, topic: &str, transactions: &str, (stations, pace_ms, days): (u32, u32, u32)) -> Seen {
    bench.create(topic, PARTITIONS);
    bench.forget_state();
    let reader = reader(bench, topic);
    let mut produce = bench.isotherm("produce", topic, PARTITIONS);
    for set in [
        format!("source.simulate.stations={stations}"),
        format!("source.simulate.days={days}"),
        format!("source.simulate.pace_ms={pace_ms}"),
        format!("produce.transactions={transactions}"),
    ] {
        produce.arg("--set").arg(set);
    }
    let mut producer = Killed(produce.spawn().expect("it starts"));
    let wanted = u64::from(stations) * u64::from(days);
    let began = Instant::now();
    let (mut read, mut first, mut scratch) = (0, None, Scratch::default());
    // Of each reading its day, and when it was handed over and read, in milliseconds since 1970.
    let mut times: Vec<(u32, f64, f64)> = Vec::new();
    while read < wanted {
        // It can also come back because of something else.
        let Some(message) = reader.poll(Duration::from_secs(1)) else {
            assert!(began.elapsed() < Duration::from_secs(120), "only {read} of {wanted} came");
            continue;
        };
        let message = message.expect("it is read");
        let _ = first.get_or_insert_with(Instant::now);
        read += 1;
        let record = Record { offset: 0, key: message.key(), value: message.payload() };
        let day = Rules::ANY_DEGREES.check(record, &mut scratch).expect("it is a reading").day.number();
        let given_ms = message.timestamp().to_millis().expect("a producer says when") as f64;
        times.push((day, given_ms, now_ms()));
    }
    let took = first.expect("something was read").elapsed();
    assert!(producer.0.wait().expect("it was started").success(), "it ended well");
    let turn_ms = |day: u32| f64::from(day) * f64::from(pace_ms);
    let soonest = times.iter().map(|(day, given_ms, _)| given_ms - turn_ms(*day)).fold(f64::INFINITY, f64::min);
    let late = |(day, given_ms, read_ms): &(u32, f64, f64)| {
        read_ms - if pace_ms > 0 { turn_ms(*day) + soonest } else { *given_ms }
    };
    // At first both clients get to know the cluster.
    let mut late: Vec<f64> = times[times.len() / 10..].iter().map(late).collect();
    late.sort_by(f64::total_cmp);
    let at = |share: f64| late[(late.len() as f64 * share) as usize];
    let bytes = bench.log_bytes(topic) / wanted as f64;
    bench.log(topic, PARTITIONS).delete_topic().expect("it can be deleted");
    Seen { rate: wanted as f64 / took.as_secs_f64(), median_ms: at(0.5), late_ms: at(0.99), bytes }
}

/// Of committed records, from the beginning.
fn reader(bench: &Bench, topic: &str) -> BaseConsumer {
    let reader: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &bench.brokers)
        .set("group.id", "bench")
        .set("isolation.level", "read_committed")
        .set("fetch.queue.backoff.ms", "5")
        .create()
        .expect("it needs no broker");
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let partition = partition.cast_signed();
        partitions.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    }
    reader.assign(&partitions).expect("they are there");
    reader
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_secs_f64() * 1e3
}
