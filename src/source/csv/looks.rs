//! What a file looks like whose header is not as it should be, and which setting reads it.

use crate::settings::{self, Encoding};

const NAMES_SHOWN_MAX: usize = 40;

/// The columns of a header for a message.
pub fn columns(names: &[&str]) -> String {
    let mut text: Vec<String> = names.iter().take(NAMES_SHOWN_MAX).map(|name| excerpt(name)).collect();
    if names.is_empty() {
        return "no line of it is a header".to_owned();
    }
    if names.len() > NAMES_SHOWN_MAX {
        text.push(format!("and {} more", names.len() - NAMES_SHOWN_MAX));
    }
    format!("its columns are {}", text.join(", "))
}

/// The way to read a file of this header, where that looks like something else than was set.
pub fn advice(names: &[String], settings: &settings::Csv) -> Option<String> {
    let first = names.first().map_or("", |name| name.trim_start());
    if names.is_empty() {
        let why = match (settings.skip_lines, settings.comment.as_str()) {
            (0, "") => "a file without a line is no CSV file: give one that has a header".to_owned(),
            (lines, comment) => format!(
                "all of its lines are empty, among the {lines} of source.csv.skip_lines, or begin with \
                 source.csv.comment = {comment:?}: give a file that has a header, or change these"
            ),
        };
        return Some(why);
    }
    no_text(first, &names.concat(), settings.encoding)
        .or_else(|| no_csv(first))
        .or_else(|| of_publisher(names))
        .or_else(|| above_header(names, first, settings))
        .or_else(|| other_separator(names, settings))
        .or_else(|| dates_in_parts(names, settings))
}

fn no_text(first: &str, all: &str, encoding: Encoding) -> Option<String> {
    let is_ascii = |letter: char| letter.is_ascii() && letter != '\0';
    let is_control =
        |letter: char| letter.is_control() && !matches!(letter, '\0' | '\t' | '\u{1f}' | '\u{80}'..='\u{9f}');
    let encoding = match encoding {
        _ if all.contains(is_control) => {
            return Some("it is no text, but a file of some program, which is not read: give a CSV file".to_owned());
        }
        _ if first.starts_with('\u{1f}') => {
            return Some(
                "it looks like it is packed twice, or cut within its first bytes: give it whole, and packed once"
                    .to_owned(),
            );
        }
        Encoding::Utf16 if all.contains('\0') => {
            return Some("its text looks like UTF-32, which is not read: convert it to UTF-8".to_owned());
        }
        _ if all.contains('\0') => "utf-16",
        Encoding::Utf8 if all.contains('\u{fffd}') => "latin-1",
        Encoding::Latin1 if first.starts_with("\u{ef}\u{bb}\u{bf}") => "utf-8",
        Encoding::Utf16 if !all.contains(is_ascii) => "utf-8",
        _ => return None,
    };
    Some(format!("its text looks like it is encoded otherwise: set source.csv.encoding = {encoding:?}"))
}

fn no_csv(first: &str) -> Option<String> {
    if first.starts_with(['<', '{', '[']) || first.starts_with("%PDF") {
        return Some("it looks like a web page, JSON or PDF, maybe in place of a download: give a CSV file".to_owned());
    }
    let is_digits = |text: Option<&str>| text.is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    (first.len() > 200 && is_digits(first.get(11..17)))
        .then(|| "it looks like a file of GHCN-Daily: set source.kind = \"ghcn_daily\"".to_owned())
}

/// A file in the layout of one who publishes many, by what only that one has.
fn of_publisher(names: &[String]) -> Option<String> {
    let has = |wanted: &str| names.iter().any(|name| name.trim() == wanted);
    let at = |at: usize| names.get(at).map_or("", |name| name.trim());
    let is_day = at(1).len() == 8 && at(1).bytes().all(|byte| byte.is_ascii_digit());
    let preset = match () {
        () if names.len() == 8 && at(0).len() == 11 && is_day && at(2).len() == 4 => "ghcn_by_year",
        () if has("STATION") && has("DATE") && has("FRSHTT") => "gsod",
        () if has("STATION") && has("DATE") && names.iter().any(|name| name.trim().ends_with("_ATTRIBUTES")) => {
            "ghcn_access"
        }
        () if ["year", "month", "day", "temp", "tmin", "tmax"].into_iter().all(has) => "meteostat",
        () => return None,
    };
    Some(format!("its columns are those that source.kind = {preset:?} reads: set that"))
}

fn above_header(names: &[String], first: &str, settings: &settings::Csv) -> Option<String> {
    let wanted = [&settings.date_column, &settings.station_column, &settings.degrees_column];
    for mark in ["#", "//", "%", "!"] {
        let unmarked = first.strip_prefix(mark).map(str::trim);
        if let Some(name) = unmarked.filter(|name| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))) {
            return Some(format!(
                "the name of its first column is {:?}: write {name:?} so in the settings",
                names[0].trim()
            ));
        }
        if first.starts_with(mark) && settings.comment != mark {
            return Some(format!("lines above the header begin with {mark:?}: set source.csv.comment to that"));
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
    first
        .starts_with("sep=")
        .then(|| "its first line only names the separator: set source.csv.skip_lines = 1".to_owned())
}

fn other_separator(names: &[String], settings: &settings::Csv) -> Option<String> {
    let separators = [(';', ";"), ('\t', "tab"), ('|', "|"), (',', ",")];
    for (letter, name) in separators.into_iter().filter(|(_, name)| *name != settings.delimiter) {
        let letters: usize = names.iter().map(|name| name.matches(letter).count()).sum();
        if letters >= names.len() {
            return Some(format!(
                "its columns look like they are separated by {name:?}: set source.csv.delimiter to that"
            ));
        }
    }
    let [_] = names else { return None };
    Some(
        "its first line names no columns: where lines stand above the header, set source.csv.skip_lines to how many; columns that \
         are separated by runs of blanks are not read"
            .to_owned(),
    )
}

fn dates_in_parts(names: &[String], settings: &settings::Csv) -> Option<String> {
    let find = |wanted: &[&str]| {
        let is_wanted = |name: &&str| wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
        names.iter().map(|name| name.trim()).find(is_wanted)
    };
    if !settings.year_column.is_empty() || find(&[&settings.date_column]).is_some() {
        return None;
    }
    let year = find(&["year", "yr", "yyyy", "yy"])?;
    if let (Some(month), Some(day)) = (find(&["month", "mon", "mo", "mm"]), find(&["day", "dy", "dd"])) {
        return Some(format!(
            "set source.csv.year_column = {year:?}, month_column = {month:?} and day_column = {day:?}"
        ));
    }
    let of_year = find(&["doy", "jday", "yday", "day_of_year", "dayofyear"])?;
    Some(format!(
        "a year and the day of it in columns of their own ({year:?}, {of_year:?}) are not read: put them into one, as %Y-%j"
    ))
}

/// A text for a message: in quotes, and no longer than a person reads.
pub fn excerpt(text: &str) -> String {
    const LETTERS_MAX: usize = 60;
    match text.char_indices().nth(LETTERS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}
