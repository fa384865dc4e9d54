//! What a file looks like whose header is not as it should be, and which setting reads it.

use crate::settings::{self, Encoding};

const NAMES_SHOWN_MAX: usize = 40;

/// The columns of a header for a message.
pub fn columns(names: &[&str]) -> String {
    let mut text: Vec<String> = names.iter().take(NAMES_SHOWN_MAX).map(|name| excerpt(name)).collect();
    if names.is_empty() {
        return "the file is empty".to_owned();
    }
    if names.len() > NAMES_SHOWN_MAX {
        text.push(format!("and {} more", names.len() - NAMES_SHOWN_MAX));
    }
    format!("its columns are {}", text.join(", "))
}

/// The way to read a file of this header, where that looks like something else than was set.
pub fn advice(names: &[String], settings: &settings::Csv) -> Option<String> {
    let first = names.first().map_or("", |name| name.trim_start());
    let all = names.concat();
    let encoding = match settings.encoding {
        _ if all.contains('\0') => Some("utf-16"),
        Encoding::Utf8 if all.contains('\u{fffd}') => Some("latin-1"),
        _ => None,
    };
    if let Some(encoding) = encoding {
        return Some(format!("its text looks like it is encoded otherwise: set source.csv.encoding = {encoding:?}"));
    }
    if names.is_empty() {
        return Some("a file without a line is no CSV file: give one that has a header".to_owned());
    }
    for mark in ["#", "//", "%", "!"] {
        if first.starts_with(mark) && settings.comment != mark {
            return Some(format!("lines above the header begin with {mark:?}: set source.csv.comment to that"));
        }
    }
    let separators = [(';', ";"), ('\t', "tab"), ('|', "|"), (',', ",")];
    for (letter, name) in separators.into_iter().filter(|(_, name)| *name != settings.delimiter) {
        if names.len() == 1 && all.contains(letter) {
            return Some(format!(
                "its columns look like they are separated by {name:?}: set source.csv.delimiter to that"
            ));
        }
    }
    let is_number = |name: &String| name.trim().parse::<f64>().is_ok();
    if names.iter().any(is_number) {
        return Some(
            "the first line looks like a record: set source.csv.header = false and give the numbers of columns; or where \
             other lines stand above the header, source.csv.skip_lines or source.csv.comment"
                .to_owned(),
        );
    }
    None
}

/// A text for a message: in quotes, and no longer than a person reads.
pub fn excerpt(text: &str) -> String {
    const LETTERS_MAX: usize = 60;
    match text.char_indices().nth(LETTERS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}
