//! Files of the sources: every reading that is given is one, a cursor goes on wherever it was taken, and no file makes a
//! source hold more than a bounded part of it in memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use isotherm::domain::rules::is_station_id;
use isotherm::domain::{Day, Readings};
use isotherm::durable::{Fence, RealDisk};
use isotherm::ingest::messages::Produce;
use isotherm::ingest::{CursorStore, IngestJob, SourceWriter};
use isotherm::log::sqlite::SqliteLog;
use isotherm::log::{RecordLog, TopicSpec};
use isotherm::points::FaultPoints;
use isotherm::settings::{Source as Settings, SourceKind, Sources, load};
use isotherm::source::{BAD_LINES_NAMED_MAX, Kept, Progressed, Source};
use isotherm::supervision::{Spawn, Steps, Worker};
use proptest::prelude::*;

use super::readings::{OwnedReading, keep, next, open, read_on};
use super::{arbitrary, check, spoiled};

const CSV: &[u8] = b"date,degrees,station\n2014-7-1,81,A\n2014-07-02,\"8.5\",\"B\"\"b\"\n\n2014-7-3,-0,\"two\nlines\"\r\n2014-7-4,1e2,C";

const WORDS: &[&str] = &[
    "\"",
    "\"\"",
    ",",
    "\n",
    "\r\n",
    "\n\n",
    "date,degrees,station\n",
    "2014-02-30",
    "NaN",
    "inf",
    "1e999",
    "-9999",
    "\u{feff}",
    "offset",
    "_x",
    "\0",
    "ü",
    "USC00305816201402TMAX",
    "9999999999",
    "     ",
    "-",
];

/// The settings of a source that reads this one file.
fn settings(kind: SourceKind, file: &Path) -> Settings {
    let path = file.display();
    let sets = vec![
        "source.kind=csv".to_owned(),
        format!("source.csv.files={path}"),
        format!("source.ghcn_daily.files={path}"),
        "source.ghcn_daily.element=TMAX".to_owned(),
        "source.csv.station_column=station".to_owned(),
    ];
    let settings = load(&Sources { file: None, sets }, std::iter::empty()).expect("the settings are good").settings;
    Settings { kind, ..settings.source }
}

/// Reads on to the end; `None` if the file is refused.
fn rest(source: &mut dyn Source, readings_max: usize) -> Option<Vec<OwnedReading>> {
    let mut readings = Vec::new();
    while next(source, &mut readings, readings_max).ok()? != Progressed::Ended {}
    Some(readings)
}

/// Whether there were any.
fn gives_readings_only(settings: &Settings, reads: usize) -> Result<bool, TestCaseError> {
    let mut source = open(settings, None).expect("the file is there");
    let Some(all) = rest(&mut *source, 7) else { return Ok(false) };
    for OwnedReading { station_id, day, degrees } in &all {
        prop_assert!(is_station_id(station_id) && degrees.is_finite() && Day::from_number(day.number()) == Some(*day));
    }
    prop_assert!(source.take_bad_lines().1.len() <= BAD_LINES_NAMED_MAX);
    let (mut source, mut first) = (open(settings, None).expect("the file is there"), Vec::new());
    for _ in 0..reads {
        prop_assert!(next(&mut *source, &mut first, 2).is_ok());
    }
    let mut kept = Kept::default();
    keep(&mut *source, &mut kept);
    let mut resumed = open(settings, Some(&kept)).expect("the cursor is its own");
    first.extend(rest(&mut *resumed, 3).expect("it was read before"));
    prop_assert_eq!(&first, &all, "a cursor goes on where it was taken");
    Ok(!all.is_empty())
}

#[test]
fn a_file_of_a_source_gives_readings_or_bad_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let ghcn = include_bytes!("../data/USC00305816.dly");
    let lines = ghcn.split_inclusive(|byte| *byte == b'\n').filter(|line| line.windows(4).any(|part| part == b"TMAX"));
    let ghcn: Vec<u8> = lines.take(3).flatten().copied().collect();
    let formats = [("csv", SourceKind::Csv, CSV.to_vec()), ("ghcn_daily", SourceKind::GhcnDaily, ghcn)];
    for (name, kind, good) in formats {
        let file = folder.path().join(name);
        let settings = settings(kind, &file);
        let header = b"date,degrees,station\n".as_slice();
        let behind_header = arbitrary(600).prop_map(move |bytes| [header, &bytes].concat());
        let bytes = prop_oneof![8 => spoiled(vec![good], WORDS), 1 => arbitrary(600), 1 => behind_header];
        check(&format!("files of {name}"), 12_000, (bytes, 0usize..6), |(bytes, reads)| {
            fs::write(&file, bytes).expect("written");
            gives_readings_only(&settings, reads)
        });
    }
}

/// Counts what this thread holds, and how often it asked for memory.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let held = HELD.get() + bytes;
    HELD.set(held);
    MOST.set(MOST.get().max(held));
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn no_file_is_held_in_memory() {
    const FILE_BYTES: usize = 3 << 20;
    const HELD_BYTES_MAX: isize = 1 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large");
    let header = "date,degrees,station\n";
    let mut held = 0;
    for (number, piece) in
        ["x", "\"", "\"\n", ",", ",\n", "\"x\n", "\0", "2014-7-1,1,A\n", "\n"].into_iter().enumerate()
    {
        for header in [header, ""] {
            fs::write(&path, [header, &piece.repeat(FILE_BYTES / piece.len())].concat()).expect("written");
            for kind in [SourceKind::Csv, SourceKind::GhcnDaily] {
                let settings = settings(kind, &path);
                MOST.set(HELD.get());
                let before = HELD.get();
                let mut source = open(&settings, None).expect("the file is there");
                let mut readings = Readings::default();
                while let Ok(Progressed::More) = read_on(&mut *source, &mut readings, 100) {
                    readings.clear();
                    source.take_bad_lines();
                }
                let most = MOST.get() - before;
                assert!(most < HELD_BYTES_MAX, "{kind:?}, piece {number}: {most} bytes are held");
                held = held.max(most);
            }
        }
    }
    println!("of files of {FILE_BYTES} bytes, {held} are held at most");
}

/// From a source into the log, a message at a time, as generator and producer do it.
#[test]
fn no_reading_costs_an_allocation() {
    const READINGS: usize = 5_000;
    const ALLOCATIONS_MAX: usize = READINGS / 20;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("readings");
    let name = "a station whose name is too long to lie within a few words";
    let csv = |day: usize| format!("20{:02}-{}-{},{day},{name}\n", day / 336, day / 28 % 12 + 1, day % 28 + 1);
    let csv: String = (0..3 * READINGS).map(csv).collect();
    let line = |month: usize| {
        format!(
            "USC00305816{:04}{:02}TMAX{}\n",
            2000 + month / 12,
            month % 12 + 1,
            "   10  Z".repeat(28) + &"-9999   ".repeat(3)
        )
    };
    let ghcn: String = (0..3 * READINGS / 28).map(line).collect();
    let log = SqliteLog::open(&folder.path().join("log"), "t", Duration::from_secs(2)).expect("nothing is opened yet");
    let log: Arc<dyn RecordLog> = Arc::new(log);
    log.create_topic(&TopicSpec { partitions: 4, replication: 1, retention_ms: -1 }).expect("it is created");
    for (kind, text) in [
        (SourceKind::Simulate, String::new()),
        (SourceKind::Csv, format!("date,degrees,station\n{csv}")),
        (SourceKind::GhcnDaily, ghcn),
    ] {
        fs::write(&path, text).expect("written");
        let mut source = open(&settings(kind, &path), None).expect("the file is there");
        let (mut writer, steps) = source_writer(&folder.path().join(format!("{kind:?}")), &log);
        let mut readings = Readings::default();
        for number in 1..=2 {
            let before = ALLOCATIONS.get();
            readings.clear();
            while readings.len() < READINGS {
                read_on(&mut *source, &mut readings, READINGS).expect("the source goes on");
            }
            let produce = Produce {
                epoch: 1,
                number,
                readings,
                compared: false,
                cursor: source.cursor(),
                files: source.take_files(),
            };
            let mut written = writer.write(1, vec![produce], &steps).expect("the log works");
            readings = written.pop().expect("it was one message");
            assert_eq!(readings.len(), READINGS);
            let allocations = ALLOCATIONS.get() - before;
            // The first message finds no memory that could be used again.
            assert!(number == 1 || allocations < ALLOCATIONS_MAX, "{kind:?}: {allocations} for {READINGS} readings");
        }
    }
}

fn source_writer(state: &Path, log: &Arc<dyn RecordLog>) -> (SourceWriter, Steps) {
    let fence = Arc::new(Fence::new(Duration::from_secs(60), |waited| panic!("a write hangs for {waited:?}")));
    let job = IngestJob {
        log: log.clone(),
        cursor_store: CursorStore::new(Arc::new(RealDisk), state.to_owned(), fence),
        topic: "t".to_owned(),
        partitions: 4,
        allow_compaction: false,
        kind: "any".to_owned(),
        parameters: serde_json::Value::Null,
        new_source_id: || "a test".to_owned(),
        skip_hidden: false,
        was_replaced: Arc::default(),
        faults: FaultPoints::default(),
    };
    let mut writer = SourceWriter::new(job);
    let steps = Worker::new(Spawn::Threads, "steps", ()).expect("a thread").steps();
    writer.open(1, &steps).expect("the log is there");
    (writer, steps)
}
