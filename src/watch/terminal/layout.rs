//! Which lines of the screen are for what.

use ratatui::layout::Rect;

use super::keys::{KEYS, KEYS_SHORT};
use super::model::Model;

/// From this height on there is an empty line between two parts.
const ROOMY: u16 = 36;

/// The parts of the screen from above; one without a line is not shown.
pub struct Areas {
    pub header: Rect,
    pub partitions: Rect,
    pub supervision: Rect,
    pub crashes: Rect,
    pub stations: Rect,
    pub proof: Rect,
    pub keys: Rect,
}

pub fn areas(area: Rect, model: &Model) -> Areas {
    let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    let keys = count(key_lines(area.width, model.all_keys).len());
    let free = area.height.saturating_sub(3 + keys);
    // With its line of headings; nothing where there is nothing.
    let part =
        |rows: usize, height_max: u16| if rows == 0 { 0 } else { (count(rows).saturating_add(1)).min(height_max) };
    let (partitions, branches, crashes) = model.answers.as_ref().map_or((0, 0, 0), |answers| {
        (answers.partitions.len(), answers.supervision.branches.len(), answers.supervision.crashes.len())
    });
    let gap = u16::from(area.height >= ROOMY);
    let mut rest = area;
    let mut take = |height: u16, gap: u16| {
        let height = height.min(rest.height);
        let taken = Rect { height, ..rest };
        let below = height.saturating_add(if height > 0 { gap } else { 0 }).min(rest.height);
        rest = Rect { y: rest.y + below, height: rest.height - below, ..rest };
        taken
    };
    let header = take(2, gap);
    let partitions = take(part(partitions, free / 3), gap);
    let supervision = take(part(branches, free / 4), gap);
    let crashes = take(part(crashes, free / 6), gap);
    let stations = Rect { height: rest.height.saturating_sub(1 + gap + keys), ..rest };
    let proof = Rect { y: stations.bottom() + gap, height: 1, ..rest }.intersection(area);
    let keys = Rect { y: proof.bottom(), height: keys, ..rest }.intersection(area);
    Areas { header, partitions, supervision, crashes, stations, proof, keys }
}

/// Stations that are in view: the rest of their part are a line on them and the headings.
pub fn station_rows(area: Rect, model: &Model) -> u16 {
    areas(area, model).stations.height.saturating_sub(2)
}

/// The keys, as many a line as it holds; in one line the most important ones, unless all are wanted.
pub fn key_lines(width: u16, all: bool) -> Vec<String> {
    let keys = if all { &KEYS[..] } else { &KEYS[..KEYS_SHORT] };
    let mut lines: Vec<String> = Vec::new();
    for key in keys {
        match lines.last_mut() {
            Some(line) if line.len() + 3 + key.len() <= usize::from(width) => {
                line.push_str("   ");
                line.push_str(key);
            }
            Some(_) if !all => break,
            _ => lines.push((*key).to_owned()),
        }
    }
    lines
}
