//! Any changes of files, against a model that knows every version.

use isotherm::domain::Day;
use isotherm::proof::simulated::SimulatedSourceDisk;
use proptest::prelude::*;

use super::packed::{Packed, packed, unpack};
use super::readings::OwnedReading;
use super::revise::{Publisher, Row, last_values, owned, text};

/// What a publisher does to a file.
#[derive(Clone, Debug)]
enum Edit {
    Append(Vec<(u32, i32)>),
    Correct(prop::sample::Index, i32),
    Withdraw(prop::sample::Index),
    Insert(prop::sample::Index, (u32, i32)),
    Restore(prop::sample::Index),
    Touch,
    Remove,
}

/// Of which file, whether in its place, and how the file is packed then.
fn edit() -> impl Strategy<Value = (usize, bool, Edit, Packed)> {
    let row = || (1u32..8, 0i32..3);
    let edit = prop_oneof![
        3 => prop::collection::vec(row(), 0..4).prop_map(Edit::Append),
        3 => (any::<prop::sample::Index>(), 0i32..3).prop_map(|(at, degrees)| Edit::Correct(at, degrees)),
        2 => any::<prop::sample::Index>().prop_map(Edit::Withdraw),
        2 => (any::<prop::sample::Index>(), row()).prop_map(|(at, row)| Edit::Insert(at, row)),
        2 => any::<prop::sample::Index>().prop_map(Edit::Restore),
        1 => Just(Edit::Touch),
        1 => Just(Edit::Remove),
    ];
    (0usize..3, any::<bool>(), edit, packed())
}

/// So that the readings of each station have room by themselves.
const ROWS_MAX: usize = 17;
/// Every file has a station of its own.
const FILES: [(&str, char); 3] = [("A.csv", 'A'), ("B.csv", 'B'), ("C.csv", 'C')];

/// The versions of each file so far, and which one was read.
#[derive(Default)]
struct Versions {
    all: Vec<Vec<Row>>,
    read: Option<Vec<Row>>,
    is_there: bool,
}

impl Versions {
    fn edit(&mut self, edit: &Edit, station: char) {
        let mut rows = self.all.last().cloned().unwrap_or_default();
        match edit {
            Edit::Append(more) => rows.extend(more.iter().map(|(day, degrees)| (*day, *degrees, station))),
            Edit::Correct(at, degrees) if !rows.is_empty() => at.get_mut(&mut rows).1 = *degrees,
            Edit::Withdraw(at) if !rows.is_empty() => drop(rows.remove(at.index(rows.len()))),
            Edit::Insert(at, (day, degrees)) => rows.insert(at.index(rows.len() + 1), (*day, *degrees, station)),
            Edit::Restore(at) if !self.all.is_empty() => rows.clone_from(at.get(&self.all)),
            _ => {}
        }
        rows.truncate(ROWS_MAX);
        self.is_there = !matches!(edit, Edit::Remove);
        self.all.push(rows);
    }

    /// What is to be sent of the file as it is now, after what the log has.
    fn expected(&mut self, station_id: char, log: &[OwnedReading]) -> Vec<OwnedReading> {
        let now = self.all.last().cloned().unwrap_or_default();
        let (is_first, read) = (self.read.is_none(), self.read.replace(now.clone()).unwrap_or_default());
        let (logged, days_read) = (last_values(log), last_values(&owned(&read)));
        let is_withdrawn = |(station, day): &(String, Day)| {
            *station == station_id.to_string() && !days_read.contains_key(&(station.clone(), *day))
        };
        if now.starts_with(&read) && (is_first || !logged.keys().any(is_withdrawn)) {
            return owned(&now[read.len()..]);
        }
        let now = owned(&now);
        let wanted = last_values(&now);
        let key = |reading: &OwnedReading| (reading.station_id.clone(), reading.day);
        let is_last = |place: usize| !now[place + 1..].iter().any(|later| key(later) == key(&now[place]));
        let is_sent = |(place, reading): &(usize, &OwnedReading)| match logged.get(&key(reading)) {
            None => true,
            Some(logged) => is_last(*place) && *logged != wanted[&key(reading)],
        };
        now.iter().enumerate().filter(is_sent).map(|(_, reading)| reading.clone()).collect()
    }
}

fn by_station(readings: &[OwnedReading]) -> Vec<OwnedReading> {
    let mut readings = readings.to_vec();
    readings.sort_by(|one, other| one.station_id.cmp(&other.station_id));
    readings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Ten thousand revisions: exactly what is new or different is sent, of each file in its order.
    #[test]
    fn any_revisions_send_what_is_new_or_different_and_nothing_else(
        edits in prop::collection::vec(edit(), 10..30), readings_max in 1usize..6, stations_at_once in 1usize..40,
    ) {
        let mut publisher = Publisher::new();
        (publisher.readings_max, publisher.settings.compare_bytes_max) = (readings_max, 48 * (20 + stations_at_once as u64));
        let mut versions: [Versions; 3] = Default::default();
        for (file, in_place, edit, packed) in edits {
            let (name, station) = FILES[file];
            versions[file].edit(&edit, station);
            let bytes = packed.pack(text(versions[file].all.last().expect("it was edited")).as_bytes());
            if !versions[file].is_there {
                publisher.disk.remove(name);
            } else if in_place && publisher.disk.contents().contains_key(name) {
                publisher.disk.write_over(name, &bytes);
            } else {
                publisher.disk.replace(name, &bytes);
            }
            publisher.disk.pass_ms(10_000);
            if publisher.disk.contents().is_empty() {
                continue;
            }
            let log = publisher.log.clone();
            let there = versions.iter_mut().zip(FILES).filter(|(file, _)| file.is_there);
            let expected: Vec<_> = there.flat_map(|(file, (_, station))| file.expected(station, &log)).collect();
            let sent = publisher.sent();
            prop_assert_eq!(by_station(&sent), by_station(&expected), "{:?}", edit);
        }
    }

    /// Whenever a run is cut short, and however files are changed meanwhile: after the next whole run the log's last reading
    /// of each day is the file's.
    #[test]
    fn no_reading_of_a_changed_file_is_missing_whenever_a_run_is_cut_short(
        edits in prop::collection::vec((edit(), prop::option::of(1usize..20), 0usize..12), 4..16), readings_max in 1usize..6,
    ) {
        let mut publisher = Publisher::new();
        publisher.readings_max = readings_max;
        let mut versions: [Versions; 3] = Default::default();
        let mut edits = edits.into_iter().peekable();
        let mut change = |disk: &SimulatedSourceDisk, (file, in_place, edit, packed): &(usize, bool, Edit, Packed)| {
            let (name, station) = FILES[*file];
            versions[*file].edit(edit, station);
            let bytes = packed.pack(text(versions[*file].all.last().expect("it was edited")).as_bytes());
            if *in_place { disk.write_over(name, &bytes) } else { disk.replace(name, &bytes) }
            disk.pass_ms(10_000);
        };
        change(&publisher.disk, &(0, false, Edit::Append(vec![(1, 1)]), Packed::No));
        while let Some((edit, calls, _)) = edits.next() {
            change(&publisher.disk, &edit);
            let mut while_it_runs = edits.peek().cloned();
            publisher.run_for(calls.unwrap_or(usize::MAX), |disk, call| {
                if let Some((edit, _, _)) = while_it_runs.take_if(|(_, _, at)| *at == call) {
                    change(disk, &edit);
                }
            });
        }
        publisher.run();
        let logged = last_values(&publisher.log);
        for (name, bytes) in publisher.disk.contents() {
            let bytes = unpack(bytes);
            let rows: Vec<_> = bytes.split(|byte| *byte == b'\n').skip(1).filter(|row| !row.is_empty()).collect();
            let read = rows.iter().map(|row| {
                let row = std::str::from_utf8(row).expect("text");
                let parts: Vec<&str> = row.trim_start_matches("2014-7-").split(',').collect();
                (parts[0].parse().expect("a day"), parts[1].parse().expect("degrees"), name.chars().next().expect("a name"))
            });
            for (key, degrees) in last_values(&owned(&read.collect::<Vec<Row>>())) {
                prop_assert_eq!(logged.get(&key), Some(&degrees), "{:?}", key);
            }
        }
    }
}
