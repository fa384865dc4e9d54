//! Which lines of the screen each part has.

use ratatui::layout::Rect;

use super::keys::{KEYS, KEYS_SHORT};
use super::model::TopModel;

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

pub fn areas(area: Rect, model: &TopModel) -> Areas {
    let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    let keys = count(key_lines(area.width, model.all_keys).len());
    let free = area.height.saturating_sub(3 + keys);
    // The rows with a line of headings; without a row the part has no line at all.
    let part = |rows: usize, height_max: u16| if rows == 0 { 0 } else { count(rows + 1).min(height_max) };
    let (partitions, branches, crashes) = model.answers.as_ref().map_or((0, 0, 0), |answers| {
        (answers.partitions.len(), answers.supervision.branches.len(), answers.supervision.crashes.len())
    });
    let gap = u16::from(area.height >= ROOMY);
    let lines = |y: u16, height: u16| Rect { y, height, ..area }.intersection(area);
    let below = |above: Rect| if above.height > 0 { above.bottom() + gap } else { above.y };
    let header = lines(area.y, 2);
    let partitions = lines(below(header), part(partitions, free / 3));
    let supervision = lines(below(partitions), part(branches, free / 4));
    let crashes = lines(below(supervision), part(crashes, free / 6));
    let top = below(crashes);
    let stations = lines(top, area.bottom().saturating_sub(top + gap + 1 + keys));
    let proof = lines(stations.bottom() + gap, 1);
    let keys = lines(proof.bottom(), keys);
    Areas { header, partitions, supervision, crashes, stations, proof, keys }
}

/// Stations that are in view: the first two lines of their part are its title and the headings.
pub fn station_rows(area: Rect, model: &TopModel) -> u16 {
    areas(area, model).stations.height.saturating_sub(2)
}

/// The keys, as many in a line as fit into its width; only one line of the most important ones, unless all are wanted.
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
