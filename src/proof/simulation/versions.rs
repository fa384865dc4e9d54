//! The files of a planned source: versions of each, as publishers make them.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::plan::{FILES, FileChange};
use crate::settings::{Settings, SourceKind};

const DAYS: u32 = 9;

/// Every version of every file so far, of which some are not there at first; no files at all: the source reads none.
#[derive(Default)]
pub struct Versions(Vec<Vec<Vec<Row>>>);

/// Station, day and degrees.
type Row = (u32, u32, u32);

impl Versions {
    /// Some files, and settings that read them.
    pub fn draw(random: &mut ChaCha8Rng, settings: &mut Settings) -> Self {
        let source = &mut settings.source;
        source.kind = SourceKind::Csv;
        "*.csv".clone_into(&mut source.csv.files);
        "station".clone_into(&mut source.csv.station_column);
        // So little that it takes several passes, or enough.
        source.compare_bytes_max = if random.random_bool(0.5) { 48 * 40 } else { 1 << 20 };
        let files = random.random_range(1..=FILES.len());
        let is_later: Vec<bool> = (0..files).map(|_| random.random_bool(0.4)).collect();
        let mut first = || vec![(0..random.random_range(0..12)).map(|_| row(random)).collect()];
        let versions = is_later.iter().map(|is_later| if *is_later { Vec::new() } else { first() });
        let mut versions: Vec<_> = versions.collect();
        if versions.iter().all(Vec::is_empty) {
            versions[0] = first();
        }
        Self(versions)
    }

    pub fn are_read(&self) -> bool {
        !self.0.is_empty()
    }

    /// The first version of each.
    pub fn first(&self) -> Vec<FileChange> {
        let first = |(file, versions): (usize, &Vec<Vec<Row>>)| {
            let text = text(file, versions.first()?);
            Some(FileChange { name: FILES[file].to_owned(), text, over: false, passes_ms: 10 })
        };
        self.0.iter().enumerate().filter_map(first).collect()
    }

    /// Another version of one of them.
    pub fn change(&mut self, random: &mut ChaCha8Rng) -> FileChange {
        let file = random.random_range(0..self.0.len());
        let versions = &mut self.0[file];
        let mut rows = versions.last().cloned().unwrap_or_default();
        match random.random_range(0..8) {
            0..2 => rows.extend((0..random.random_range(1..6)).map(|_| row(random))),
            2 if !rows.is_empty() => {
                let at = random.random_range(0..rows.len());
                rows[at].2 = random.random_range(0..4);
            }
            3 if !rows.is_empty() => drop(rows.remove(random.random_range(0..rows.len()))),
            4 => rows.insert(random.random_range(0..=rows.len()), row(random)),
            _ if versions.is_empty() => rows.push(row(random)),
            // As it was before the last change.
            5 if versions.len() > 1 => rows.clone_from(&versions[versions.len() - 2]),
            // As it was at some time, or only touched.
            _ => rows.clone_from(&versions[random.random_range(0..versions.len())]),
        }
        versions.push(rows);
        FileChange {
            name: FILES[file].to_owned(),
            text: text(file, &versions[versions.len() - 1]),
            over: random.random_bool(0.3),
            // Within the same moment, or long after.
            passes_ms: random.random_range(1..3000),
        }
    }
}

fn row(random: &mut ChaCha8Rng) -> Row {
    (random.random_range(0..2), random.random_range(1..=DAYS), random.random_range(0..4))
}

/// Stations of a file are in no other.
fn text(file: usize, rows: &[Row]) -> String {
    let row = |(station, day, degrees): &Row| format!("2001-02-0{day},{degrees},File{file}{station}\n");
    "date,degrees,station\n".to_owned() + &rows.iter().map(row).collect::<String>()
}
