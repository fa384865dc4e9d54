//! Streams: what can be read once is read whole, in pieces of any size, and over crashes at any moment.

use std::fs;
use std::sync::Arc;

use isotherm::domain::Readings;
use isotherm::failure::Failure;
use isotherm::settings::Source as Settings;
use isotherm::source::csv::Csv;
use isotherm::source::stream::StreamSource;
use isotherm::source::stream::input::{Bounds, Input};
use isotherm::source::{FileNews, Kept, Progressed, Source};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::readings::{OwnedReading, next, open, owned};
use super::{csv_in, drain, reading};

const NOW_MS: u64 = 1_700_000_000_000;

/// A stream that is given by and by.
struct Given {
    input: Arc<Input>,
    left: Vec<u8>,
}

impl Given {
    /// Of whose beginning little more is kept than the header.
    fn new(text: &str, kept_max: usize) -> Self {
        let bounds = Bounds { head_max: 64, kept_max, ahead_max: kept_max };
        Self { input: Arc::new(Input::new(bounds)), left: text.as_bytes().to_vec() }
    }

    /// Gives so many bytes more, if there is room; the last, and the end with them.
    fn give(&mut self, bytes: usize) {
        if self.input.is_full() {
            return;
        }
        let piece: Vec<u8> = self.left.drain(..bytes.min(self.left.len())).collect();
        self.input.push(&piece);
        if self.left.is_empty() {
            self.input.end(Ok(()));
        }
    }

    fn open(&self, settings: &Settings, kept: &Kept) -> Result<Box<dyn Source>, Failure> {
        let format = Csv::new(&settings.csv)?;
        Ok(Box::new(StreamSource::open(format, "the stream", self.input.clone(), NOW_MS, kept)?))
    }
}

fn csv() -> Settings {
    let mut settings = csv_in(std::path::Path::new("unused"));
    "station".clone_into(&mut settings.csv.station_column);
    settings
}

/// What has come of a stream, as the log and `source.json` have it.
#[derive(Clone, Default)]
struct Acknowledged {
    readings: Vec<OwnedReading>,
    kept: Kept,
}

/// Reads a stream that is there to its end, and keeps all of it.
fn read(text: &str, acknowledged: &mut Acknowledged) -> Result<Vec<FileNews>, Failure> {
    let mut given = Given::new(text, 1 << 20);
    given.give(usize::MAX);
    let mut source = given.open(&csv(), &acknowledged.kept)?;
    while next(&mut *source, &mut acknowledged.readings, 3)? != Progressed::Ended {}
    acknowledged.kept.cursor = Some(source.cursor());
    Ok(source.take_news())
}

fn line() -> impl Strategy<Value = String> {
    let good = (0..3, 1..29, -9..9).prop_map(|(station, day, degrees)| format!("{station},2020-01-{day:02},{degrees}"));
    prop_oneof![
        12 => good,
        1 => Just("0,2020-01-01".to_owned()),
        1 => Just(String::new()),
        1 => Just("0,2020-02-30,é".to_owned()),
    ]
}

fn quoted_line() -> impl Strategy<Value = String> {
    let quoted = (0..3, 1..29).prop_map(|(station, day)| format!("{station},\"2020-01-{day:02}\",\"\n7\""));
    prop_oneof![6 => line(), 1 => quoted, 1 => Just("\"".to_owned())]
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    Comes(usize),
    Read(usize),
    /// What was read is acknowledged.
    Acknowledged,
    ActorCrash,
    ProcessCrash,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_usize..60).prop_map(Event::Comes),
        6 => (1_usize..9).prop_map(Event::Read),
        3 => Just(Event::Acknowledged),
        2 => Just(Event::ActorCrash),
        1 => Just(Event::ProcessCrash),
    ]
}

/// Reads what comes of these lines. A file of the same bytes is the reference.
fn is_read_once(lines: &[String], ending: &str, is_cut: bool, events: Vec<Event>, kept_max: usize) -> TestCaseResult {
    let mut text = format!("station,date,degrees{ending}{}", lines.join(ending));
    if !is_cut {
        text += ending;
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.csv"), &text).expect("written");
    let (mut of_file, of_stream) = (csv_in(folder.path()), csv());
    of_file.csv.station_column.clone_from(&of_stream.csv.station_column);
    let expected = drain(&mut *open(&of_file, None).expect("opens"), 1000);

    let mut given = Given::new(&text, kept_max);
    let (mut acknowledged, mut read) = (Acknowledged::default(), Vec::new());
    let mut source = given.open(&of_stream, &acknowledged.kept).expect("opens");
    let to_the_end = std::iter::repeat([Event::Comes(500), Event::Read(100), Event::Acknowledged]).flatten();
    for event in events.into_iter().chain(to_the_end.take(3000)) {
        let mut settles = false;
        match event {
            Event::Comes(bytes) => given.give(bytes),
            Event::Read(readings_max) => {
                let mut readings = Readings::default();
                let progressed = source.next(&mut readings, readings_max).expect("it goes on");
                read.extend(readings.iter().map(owned));
                settles = progressed == Progressed::Settle;
                if progressed == Progressed::Ended {
                    acknowledged.readings.append(&mut read);
                    break;
                }
            }
            Event::Acknowledged => {
                acknowledged.readings.append(&mut read);
                acknowledged.kept.cursor = Some(source.cursor()).filter(|cursor| !cursor.is_null());
            }
            Event::ActorCrash => {
                read.clear();
                source = given.open(&of_stream, &acknowledged.kept).expect("opens");
            }
            Event::ProcessCrash => {
                read.clear();
                given = Given::new(&text, kept_max);
                source = given.open(&of_stream, &acknowledged.kept).expect("opens");
            }
        }
        if settles {
            acknowledged.readings.append(&mut read);
            acknowledged.kept.cursor = Some(source.cursor()).filter(|cursor| !cursor.is_null());
            source.settled();
        }
    }
    prop_assert_eq!(acknowledged.readings, expected);
    prop_assert_eq!(source.next(&mut Readings::default(), 1), Ok(Progressed::Ended));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Far longer than what is kept of it.
    #[test]
    fn all_of_a_stream_is_read_once(
        lines in prop::collection::vec(line(), 0..200),
        ending in prop::sample::select(vec!["\n", "\r\n"]),
        is_cut in any::<bool>(),
        events in prop::collection::vec(event(), 0..400),
        kept_max in 200_usize..2000,
    ) {
        is_read_once(&lines, ending, is_cut, events, kept_max)?;
    }

    /// A quote that is not closed is one of a record of LINE_BYTES_MAX bytes, for all that is known.
    #[test]
    fn all_of_a_stream_with_quotes_is_read_once(
        lines in prop::collection::vec(quoted_line(), 0..60),
        is_cut in any::<bool>(),
        events in prop::collection::vec(event(), 0..200),
    ) {
        is_read_once(&lines, "\n", is_cut, events, 200_000)?;
    }
}

#[test]
fn a_stream_is_known_by_its_beginning_and_compared_as_far_as_it_was_read() {
    const FIRST: &str = "station,date,degrees\nA,2020-01-01,1\nA,2020-01-02,2\n";
    let mut before = Acknowledged::default();
    assert_eq!(read(FIRST, &mut before), Ok(vec![]));
    assert_eq!(before.readings, [reading("A", "2020-01-01", 1.0), reading("A", "2020-01-02", 2.0)]);
    let bytes = FIRST.len() as u64;
    let name = || "the stream".to_owned();

    // The same, and longer: the rest of it.
    let mut longer = before.clone();
    let told = read(&format!("{FIRST}B,2020-01-01,3\n"), &mut longer);
    assert_eq!(told, Ok(vec![FileNews::KnownStream { name: name(), bytes }]));
    assert_eq!(longer.readings[2..], [reading("B", "2020-01-01", 3.0)]);

    // Another beginning, longer or shorter: all of it.
    for other in ["station,date,degrees\nA,2020-01-01,5\nA,2020-01-02,2\n", "station,date,degrees\nB,2020-01-01,1\n"] {
        let mut next = before.clone();
        assert_eq!(read(other, &mut next), Ok(vec![FileNews::OtherStream { name: name(), bytes }]));
        assert_eq!(next.readings.len() - before.readings.len(), other.lines().count() - 1);
    }
}

const AS_BEFORE: &str = "the stream begins as the stream that was read before, but";

#[test]
fn a_stream_that_begins_as_before_and_is_another_is_refused_in_words() {
    let line =
        |day: usize| format!("A,{},1\n", isotherm::domain::Day::from_number(730_000 + day as u32).expect("a day"));
    let lines: String = (0..1000).map(line).collect();
    let text = format!("station,date,degrees\n{lines}");
    let mut before = Acknowledged::default();
    read(&text, &mut before).expect("it is read");
    let refused = |text: &str| {
        let failure = read(text, &mut before.clone()).expect_err("it is another one");
        assert!(!failure.is_retryable() && failure.to_string().contains("remove source.json"), "{failure}");
        failure.what
    };
    let bytes = text.len();
    let another = text.replacen(&line(900), &line(2000), 1);
    assert_eq!(
        refused(&another),
        format!("{AS_BEFORE} is another one within the {bytes} bytes that were read of that")
    );
    // What failed on its way here is not a new one: nothing came, or only the header, or less than was read.
    for cut in [0, 21, 40, 300, 8000] {
        let said = format!("{AS_BEFORE} it ends after {cut} bytes, and {bytes} were read before");
        assert_eq!(refused(&text[..cut]), said);
    }

    // Its last line had no end, and was taken as it was: by now it is another.
    let mut cut = Acknowledged::default();
    read(&text[..text.len() - 1], &mut cut).expect("it is read");
    let failure = read(&format!("{}0\n", &text[..text.len() - 1]), &mut cut).expect_err("it is another line");
    assert!(failure.what.contains("goes on in line 1001, with which that ended"), "{failure}");
}

#[test]
fn a_line_without_an_end_is_no_line_and_a_stream_that_cannot_be_read_says_why() {
    let mut given = Given::new(&"x".repeat(5000), 1000);
    given.give(1000);
    let mut source = given.open(&csv(), &Kept::default()).expect("opens");
    let failure = next(&mut *source, &mut Vec::new(), 10).expect_err("there is no room for more of it");
    assert_eq!(failure.what, "the stream has a line that does not end within 500 bytes");

    let text = "station,date,degrees\nA,2020-01-01,1\n";
    let mut before = Acknowledged::default();
    read(text, &mut before).expect("it is read");
    // Of a stream that fails at once it is not known whether it is the same.
    for (bytes, kept, read) in [(text.len(), Kept::default(), 1), (10, before.kept, 0)] {
        let given = Given::new("", 1000);
        given.input.push(&text.as_bytes()[..bytes]);
        given.input.end(Err(std::io::Error::other("the cable is out")));
        let mut source = given.open(&csv(), &kept).expect("opens");
        let mut readings = Vec::new();
        let failure = next(&mut *source, &mut readings, 10).expect_err("it cannot be read on");
        assert_eq!(failure.what, "cannot read the stream: the cable is out");
        assert_eq!((readings.len(), source.take_news()), (read, vec![]));
    }
}
