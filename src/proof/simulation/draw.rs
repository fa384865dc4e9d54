//! The plan that a seed draws.

use std::convert;
use std::io::ErrorKind;
use std::sync::LazyLock;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::plan::{EndsBy, FOLDER, Foreign, Plan, PlannedLife, PlannedTrouble};
use super::versions::Versions;
use crate::domain::{Day, Reading};
use crate::pipeline::{End, Job};
use crate::points::registry::POINTS;
use crate::points::{Action, Planned};
use crate::proof::simulated::{DiskFault, STREAM, Unheard};
use crate::settings::{self, LogKind, Settings, SourceKind, Sources};

/// Points that a life here passes seldom or, as it never recreates a topic, not at all.
const SELDOM: [&str; 2] = ["checkpoint.link", "checkpoint.truncate"];
pub const HEARTBEAT_MS: u64 = 1000;
/// When a life is ended that may go on for ever.
const GIVEN_UP_MS: u64 = 20_000;

impl Plan {
    pub fn draw(seed: u64) -> Self {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let ingests = random.random_bool(0.6);
        let mut settings = settings(random);
        let mut files = if ingests && random.random_bool(0.4) {
            Versions::draw(random, &mut settings)
        } else {
            Versions::default()
        };
        let streams = ingests && !files.are_read() && seed.is_multiple_of(4);
        if streams {
            settings.source.kind = SourceKind::Csv;
            STREAM.clone_into(&mut settings.source.csv.files);
            "station".clone_into(&mut settings.source.csv.station_column);
            "degrees".clone_into(&mut settings.source.csv.degrees_column);
        }
        let (settings, first_files) = (settings, files.first());
        let partitions = settings.log.partitions;
        // Files are compared where there are records already.
        let topic_exists = !ingests || random.random_bool(if files.are_read() { 0.3 } else { 0.7 });
        let latency_ms = pick(random, [1, 5, 20, 80]);
        let latency_ms = latency_ms..latency_ms + random.random_range(1..60);
        let written = if topic_exists { foreign(random, partitions, 120) } else { Vec::new() };
        let mut lives: Vec<PlannedLife> = (0..random.random_range(1..=4))
            .map(|_| PlannedLife::draw(random, ingests, &settings, &mut files))
            .collect();
        if random.random_bool(0.08) {
            let last = lives.last_mut().expect("there is one");
            last.troubles.push((random.random_range(0..800), PlannedTrouble::Recreated));
            // A goal that was an offset of the old topic may never be reached in the new one.
            last.troubles.push((GIVEN_UP_MS, PlannedTrouble::Killed));
            last.troubles.sort_by_key(|(at_ms, _)| *at_ms);
        }
        Self {
            seed,
            ingests,
            topic_exists,
            page_bytes: pick(random, [64, 512, 4096]),
            latency_ms,
            environment: convert::identity,
            streams,
            files: first_files,
            written,
            lives,
            settings,
        }
    }
}

fn settings(random: &mut ChaCha8Rng) -> Settings {
    static DEFAULTS: LazyLock<Settings> = LazyLock::new(|| {
        settings::load(&Sources::default(), std::iter::empty()).expect("the defaults are good").settings
    });
    let mut settings = DEFAULTS.clone();
    settings.log.kind = LogKind::Memory;
    settings.log.partitions = random.random_range(1..=3);
    settings.state.dir = FOLDER.into();
    // The clock of its source's disk does not go on by itself.
    settings.source.rest_ms = 0;
    let simulate = &mut settings.source.simulate;
    simulate.stations = random.random_range(1..=6);
    simulate.days = random.random_range(1..=30);
    simulate.seed = random.random();
    simulate.pace_ms = pick(random, [0, 0, 10, 50]);
    simulate.duplicates_share = pick(random, [0.0, 0.1]);
    simulate.outliers_share = pick(random, [0.0, 0.05]);
    settings.produce.batch_records = random.random_range(1..=25);
    settings.produce.in_flight_max = random.random_range(1..=4);
    settings.consume.batch_records = random.random_range(1..=40);
    settings.consume.commit_interval_ms = pick(random, [1, 50, 200, 5000]);
    settings.consume.commit_share_max = pick(random, [0.1, 1.0]);
    settings.quality.rejected_bytes_max = pick(random, [0, 500, 64 << 20, 64 << 20]);
    settings.quality.stations_max = pick(random, [2, 1_000_000, 1_000_000]);
    let supervision = &mut settings.supervision;
    supervision.restarts_max = pick(random, [1, 5, 20]);
    supervision.backoff_min_ms = pick(random, [1, 20, 100]);
    supervision.backoff_max_ms = 400;
    supervision.heartbeat_ms = HEARTBEAT_MS;
    settings
}

fn pick<T: Clone, const N: usize>(random: &mut ChaCha8Rng, from: [T; N]) -> T {
    from[random.random_range(0..N)].clone()
}

impl PlannedLife {
    fn draw(random: &mut ChaCha8Rng, ingests: bool, settings: &Settings, files: &mut Versions) -> Self {
        let partitions = 0..settings.log.partitions;
        let job = Job {
            ingest: ingests && random.random_bool(0.9),
            partitions: partitions.clone().filter(|_| random.random_bool(0.9)).collect(),
            end: End::AtSignal,
            anew: None,
            accept_gap: false,
        };
        let mut life = Self::undisturbed(job);
        if random.random_bool(0.6) {
            life.faults = (0..random.random_range(1..=5)).map(|_| fault(random)).collect();
        }
        if random.random_bool(0.3) {
            let kind = pick(random, [ErrorKind::StorageFull, ErrorKind::Other]);
            let fault = pick(random, [DiskFault::Error(kind), DiskFault::Short]);
            let first = random.random_range(0..60);
            life.disk_fault = Some((first..first + random.random_range(1..10), fault));
        }
        life.ends_by = match random.random_range(0..10) {
            0..3 => Some(EndsBy::PowerCut(operation(random))),
            3..5 => Some(EndsBy::Killed(operation(random))),
            _ => None,
        };
        if random.random_bool(0.15) {
            life.slow_call_of = random.random_range(3..40);
        }
        let at_ms = |random: &mut ChaCha8Rng| random.random_range(0..1000);
        let troubles = &mut life.troubles;
        if random.random_bool(0.3) {
            troubles.push((at_ms(random), PlannedTrouble::Written(foreign(random, settings.log.partitions, 40))));
        }
        if random.random_bool(0.2) {
            let at_ms = at_ms(random);
            troubles.push((at_ms, PlannedTrouble::LogStalls));
            troubles.push((at_ms + random.random_range(1..1500), PlannedTrouble::LogFlows));
        }
        let changes = if files.are_read() { random.random_range(0..6) } else { 0 };
        // Often while no life goes on.
        let changed_ms = |random: &mut ChaCha8Rng| if random.random_bool(0.4) { 0 } else { at_ms(random) };
        let mut changed_ms: Vec<u64> = (0..changes).map(|_| changed_ms(random)).collect();
        changed_ms.sort_unstable();
        troubles.extend(changed_ms.into_iter().map(|at_ms| (at_ms, PlannedTrouble::Changed(files.change(random)))));
        if life.job.ingest && random.random_bool(0.5) {
            let count = random.random_range(1..40);
            let unheard = pick(random, [Unheard::Part(count), Unheard::Late(count)]);
            troubles.push((random.random_range(0..400), PlannedTrouble::Unheard(unheard)));
        }
        for _ in 0..random.random_range(0..3) {
            troubles.push((at_ms(random), PlannedTrouble::LogFails(random.random_range(1..6))));
        }
        match random.random_range(0..10) {
            0..4 => troubles.push((random.random_range(0..1500), PlannedTrouble::Signal)),
            4 => troubles.push((random.random_range(0..1500), PlannedTrouble::Killed)),
            _ if life.job.ingest => life.job.end = End::WhenSourceEnds,
            _ => life.job.end = End::WhenCaughtUp,
        }
        if life.slow_call_of > 0 {
            // Hangs that come more often than commits are due let nobody get on, and need not spend the budget.
            troubles.push((GIVEN_UP_MS, PlannedTrouble::Killed));
        }
        troubles.sort_by_key(|(at_ms, _)| *at_ms);
        life
    }
}

/// Early ones more often than late ones.
fn operation(random: &mut ChaCha8Rng) -> usize {
    let end = random.random_range(1..200);
    random.random_range(0..end)
}

/// Faults that are waited out, and faults of which a branch fails. Ends of the process are drawn as the end of a life.
const WAITED_OUT: [Action; 3] = [Action::Retryable, Action::StorageFull, Action::Short];
const FATAL: [Action; 3] = [Action::Fatal, Action::IoError, Action::PermissionDenied];

/// Each point with each of its actions that must come up over many seeds.
pub fn every_fault() -> impl Iterator<Item = (&'static str, Action)> {
    let often = POINTS.into_iter().filter(|(point, _)| !SELDOM.contains(point));
    let is_drawn = |action: &Action| *action == Action::Panic || WAITED_OUT.contains(action) || FATAL.contains(action);
    often.flat_map(move |(point, kind)| kind.actions().filter(is_drawn).map(move |action| (point, action)))
}

fn fault(random: &mut ChaCha8Rng) -> Planned {
    let (point, kind) = pick(random, POINTS);
    let actions = match random.random_range(0..20) {
        0..9 => [Action::Panic; 3],
        9..16 => WAITED_OUT,
        _ => FATAL,
    };
    let allowed: Vec<Action> = actions.into_iter().filter(|action| kind.allows(*action)).collect();
    let action = allowed[random.random_range(0..allowed.len())];
    let hit_max = pick(random, [1, 4, 20]);
    let hit = random.random_range(1..=hit_max);
    Planned { point: point.to_owned(), hit, action }
}

/// Good and late days, duplicates, poison and gaps.
fn foreign(random: &mut ChaCha8Rng, partitions: u32, records_max: usize) -> Vec<Foreign> {
    let mut written = Vec::new();
    let poison_of = pick(random, [8, 30]);
    for _ in 0..random.random_range(0..=records_max) {
        let partition = random.random_range(0..partitions);
        if random.random_bool(0.05) {
            written.push(Foreign::Gap { partition, offsets: random.random_range(1..4) });
            continue;
        }
        // A station is in one partition, as a partitioner sees to it.
        let station_id = format!("Foreign{partition}{}", pick(random, ["A", "B", "Ü"]));
        let day = Day::from_number(730_000 + random.random_range(0..60)).expect("a day");
        let degrees = f64::from(random.random_range(-900..1100)) / 10.0;
        let mut value = Vec::new();
        Reading { station_id: &station_id, day, degrees }.encode(&mut value);
        let (mut key, mut value) = (Some(station_id.into_bytes()), Some(value));
        match random.random_range(0..poison_of) {
            0 => value = None,
            1 => value = Some(Vec::new()),
            2 => value.as_mut().expect("it has one").truncate(7),
            3 => value = Some((0..random.random_range(1..2000)).map(|_| random.random()).collect()),
            4 => key = None,
            5 => key = Some(b"StationA".to_vec()),
            _ => {}
        }
        written.push(Foreign::Record { partition, key, value });
    }
    written
}
