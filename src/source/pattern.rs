//! The files that a pattern stands for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::failure::Failure;

/// As a shell does: a hidden file is matched where the pattern has its dot.
pub const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

pub type Paths = Box<dyn Iterator<Item = Result<(PathBuf, InputKind), Failure>>>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    File,
    /// What lies in it can be read once: a pipe, a terminal, a socket.
    Stream,
}

impl InputKind {
    fn of(kind: fs::FileType) -> Option<Self> {
        let stream = if kind.is_file() { Self::File } else { Self::Stream };
        (!kind.is_dir()).then_some(stream)
    }
}

/// What the path leads to; `None` for a folder. Where it leads nowhere, there may be a file later.
fn kind_of(path: &Path) -> Option<InputKind> {
    match fs::metadata(path) {
        Ok(metadata) => InputKind::of(metadata.file_type()),
        Err(_) => Some(InputKind::File),
    }
}

/// The paths that a pattern matches, but for folders; `wrong` makes a failure of what is wrong with it.
pub fn paths(pattern: &str, wrong: &dyn Fn(String) -> Failure) -> Result<Paths, Failure> {
    let not_a_pattern = |error: glob::PatternError| {
        wrong(format!("is not a pattern of file names: {error}")).advice("write it as in data/*.csv")
    };
    let named = Path::new(pattern);
    Ok(match in_one_folder(pattern, &not_a_pattern)? {
        // Brackets may be part of a file's name.
        _ if named.exists() => Box::new(kind_of(named).map(|kind| Ok((named.to_owned(), kind))).into_iter()),
        Some(paths) => paths,
        None => {
            let paths = glob::glob_with(pattern, MATCHING).map_err(not_a_pattern)?;
            let path = |path: glob::GlobResult| {
                let path = path.map_err(|error| Failure::io("cannot look into", error.path(), error.error()));
                path.map(|path| kind_of(&path).map(|kind| (path, kind))).transpose()
            };
            Box::new(paths.filter_map(path))
        }
    })
}

/// Why a pattern matches no file, as people write them; `names` are those of links that lead nowhere.
pub fn why_none(pattern: &str, names: &[String]) -> String {
    let why = match names {
        [name, ..] => return format!("{name} is a link that leads nowhere"),
        [] if pattern.starts_with('~') => {
            "~ is replaced by a shell, and not within quotes or a settings file: write the whole path"
        }
        [] if pattern.contains('$') => {
            "$… is replaced by a shell, and not within quotes or a settings file: write the whole path"
        }
        [] if Path::new(pattern).is_dir() => "it is a folder: name the files in it, as with /*.csv behind it",
        [] if pattern.contains('[') => "[…] stands for one of these characters; for a bracket itself write [[] or []]",
        [] if pattern.contains(['{', ',']) => {
            "{…} and several patterns are not known here: name what the files have in common, with * for the rest"
        }
        [] => {
            "a pattern that does not begin with / starts at the folder in which isotherm was started, and * matches no hidden \
             file"
        }
    };
    why.to_owned()
}

/// The files of a pattern that stands for names within one folder, as most do; else `None`. The folder is listed and no file
/// is looked at, while the crate `glob` looks at each several times, which takes seconds of very many.
fn in_one_folder(
    pattern: &str,
    not_a_pattern: &dyn Fn(glob::PatternError) -> Failure,
) -> Result<Option<Paths>, Failure> {
    let (folder, name) =
        pattern.rsplit_once('/').map_or(("", pattern), |(folder, name)| (&pattern[..=folder.len()], name));
    if folder.contains(['*', '?', '[']) || name.contains("**") || name.is_empty() {
        return Ok(None);
    }
    let wanted = Pattern::new(name).map_err(not_a_pattern)?;
    let folder = PathBuf::from(folder);
    let listed = found(fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { &folder }));
    let Some(entries) = listed.map_err(|error| Failure::io("cannot look into", &folder, &error))? else {
        return Ok(Some(Box::new(std::iter::empty())));
    };
    let path = move |entry: io::Result<fs::DirEntry>| {
        let failed = |error| Failure::io("cannot look into", &folder, &error);
        let entry = match entry.map_err(failed) {
            Ok(entry) => entry,
            Err(failure) => return Some(Err(failure)),
        };
        if !wanted.matches_path_with(Path::new(&entry.file_name()), MATCHING) {
            return None;
        }
        let path = folder.join(entry.file_name());
        let kind = match entry.file_type().map_err(failed) {
            Ok(kind) if kind.is_symlink() => kind_of(&path),
            Ok(kind) => InputKind::of(kind),
            Err(failure) => return Some(Err(failure)),
        };
        kind.map(|kind| Ok((path, kind)))
    };
    Ok(Some(Box::new(entries.filter_map(path))))
}

/// `None` where there is nothing.
pub fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
