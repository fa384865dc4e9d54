//! Settings as one source gives them: a file, the environment, or `--set`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use config::{Map, Value, ValueKind};
use serde::Serialize;
use strsim::levenshtein;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::failure::{Failure, Kind};

use super::property::one_name;
use super::secret::{MASK, is_secret};
use super::validate::{Allowed, CLIENT, KEYS, allowed, list};

/// Where a value comes from, weakest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingOrigin {
    Default,
    /// Of this value of `source.kind`.
    Preset(&'static str),
    File(PathBuf),
    /// The variable's name.
    Environment(String),
    Set,
    /// Of this key, which counts in place of the other one.
    Key(&'static str),
}

impl SettingOrigin {
    /// Which layer that is: a value of a higher one counts.
    pub(super) fn layer(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Preset(_) => 1,
            Self::File(_) => 2,
            Self::Environment(_) => 3,
            Self::Set => 4,
            Self::Key(_) => 5,
        }
    }
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(formatter, "default"),
            Self::Preset(name) => write!(formatter, "preset {name}"),
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::Set => write!(formatter, "--set"),
            Self::Key(key) => write!(formatter, "as {key}"),
        }
    }
}

impl Serialize for SettingOrigin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a value stands.
#[derive(Clone, Debug)]
pub(super) struct SettingPlace {
    pub origin: SettingOrigin,
    pub line: Option<usize>,
}

/// One key with its value, both checked.
pub(super) struct Leaf {
    pub key: String,
    pub value: ValueKind,
    pub place: SettingPlace,
}

/// What one source gives. A later layer is stronger.
pub(super) struct Layer(pub Vec<Leaf>);

impl SettingPlace {
    fn refuses(&self, what: impl fmt::Display, advice: String) -> Failure {
        Failure::fatal(Kind::Settings, format!("{self}: {what}")).advice(advice)
    }
}

impl fmt::Display for SettingPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.origin)?;
        self.line.map_or(Ok(()), |line| write!(formatter, " line {line}"))
    }
}

impl Layer {
    /// The settings that stand in a TOML text.
    pub fn from_toml(text: &str, origin: &SettingOrigin) -> Result<Self, Failure> {
        let place = |at: Option<usize>| SettingPlace {
            origin: origin.clone(),
            line: at
                .filter(|_| matches!(origin, SettingOrigin::File(_)))
                .map(|at| text.as_bytes()[..at.min(text.len())].iter().filter(|&&byte| byte == b'\n').count() + 1),
        };
        // The parser's own rendering quotes the line, which may hold a password: only its message is passed on.
        let table = DeTable::parse(text).map_err(|error| {
            place(error.span().map(|span| span.start))
                .refuses(error.message(), "the file must be TOML; texts stand in quotes".to_owned())
        })?;
        let mut layer = Self(Vec::new());
        layer.walk("", table.get_ref(), &place)?;
        layer.each_once()
    }

    /// Refuses a source that sets one key twice, be it by two names of one property.
    fn each_once(self) -> Result<Self, Failure> {
        let mut seen: BTreeMap<String, &Leaf> = BTreeMap::new();
        for leaf in &self.0 {
            if let Some(first) = seen.insert(one_key(&leaf.key), leaf) {
                let (key, other, place) = (&leaf.key, &first.key, &first.place);
                let what = match key == other {
                    true => format!("{key} stands twice, also at {place}"),
                    false => format!("{key} is another name of {other}, which stands at {place}"),
                };
                return Err(leaf.place.refuses(what, "keep one".to_owned()));
            }
        }
        Ok(self)
    }

    fn walk(
        &mut self,
        path: &str,
        table: &DeTable,
        place: &dyn Fn(Option<usize>) -> SettingPlace,
    ) -> Result<(), Failure> {
        for (name, value) in table {
            let key = if path.is_empty() { name.get_ref().to_string() } else { format!("{path}.{}", name.get_ref()) };
            let place_here = place(Some(name.span().start));
            match value.get_ref() {
                DeValue::Table(inner) if is_section(&key) || key.starts_with(&format!("{CLIENT}.")) => {
                    self.walk(&key, inner, place)?;
                }
                value => self.push(key, from_toml(value), place_here)?,
            }
        }
        Ok(())
    }

    /// The settings among the environment's variables: `ISOTHERM_`, then the key with `__` between its parts.
    pub fn from_environment(variables: impl Iterator<Item = (String, String)>) -> Result<Self, Failure> {
        let mut layer = Self(Vec::new());
        let mut variables: Vec<_> = variables.filter(|(name, _)| name.starts_with("ISOTHERM_")).collect();
        variables.sort();
        for (name, text) in variables {
            let path = name["ISOTHERM_".len()..].to_ascii_lowercase();
            let place = SettingPlace { origin: SettingOrigin::Environment(name), line: None };
            if !path.contains("__") {
                // Others may use the prefix too (Kubernetes sets ISOTHERM_SERVICE_HOST): only what looks like a key is refused.
                refuse_single_underscores(&path, &place)?;
                continue;
            }
            let path = path.replace("__", ".");
            let key = match path.strip_prefix("log.kafka.client.") {
                Some(property) => format!("{CLIENT}.{}", property.replace('_', ".")),
                None => path,
            };
            // A text is taken as it is: a password may well start with a quote.
            let value = from_text(&key, &text, false);
            layer.push(key, value, place)?;
        }
        layer.each_once()
    }

    /// The settings of `--set KEY=VALUE`, in their order.
    pub fn from_sets(sets: &[String]) -> Result<Self, Failure> {
        let mut layer = Self(Vec::new());
        for set in sets {
            let place = SettingPlace { origin: SettingOrigin::Set, line: None };
            let Some((key, text)) = set.split_once('=') else {
                let shown = if is_secret(set) { MASK } else { set };
                return Err(place.refuses(
                    format!("{shown:?} has no \"=\""),
                    "write --set KEY=VALUE, as in --set log.partitions=8".to_owned(),
                ));
            };
            let key = key.trim();
            layer.push(key.to_owned(), from_text(key, text, true), place)?;
        }
        let mut last_first: Vec<Leaf> = Vec::new();
        for leaf in layer.0.into_iter().rev() {
            if last_first.iter().all(|later| one_key(&later.key) != one_key(&leaf.key)) {
                last_first.push(leaf);
            }
        }
        Ok(Self(last_first))
    }

    /// Takes a value if there is such a key and it may have it.
    fn push(&mut self, key: String, value: ValueKind, place: SettingPlace) -> Result<(), Failure> {
        let Some(allowed) = allowed(&key) else {
            if is_section(&key) {
                return Err(place.refuses(
                    format!("{key} is a section, not a value"),
                    format!("its keys stand under [{key}]; `isotherm config` lists them"),
                ));
            }
            return Err(place.refuses(format!("unknown key {key}"), suggestion(&key)));
        };
        let value = allowed.accept(&key, value).map_err(|value| {
            place.refuses(format!("{key} is {}", shown(&key, &value)), format!("allowed: {allowed}"))
        })?;
        self.0.push(Leaf { key, value, place });
        Ok(())
    }
}

/// Settings as one tree, in which a property of the client is one name below its section.
pub(super) fn tree<'a>(leaves: impl Iterator<Item = &'a Leaf>) -> Value {
    let mut root = Map::new();
    // The section of the client's properties is there even if it is empty.
    insert(&mut root, &CLIENT.split('.').collect::<Vec<_>>(), Value::new(None, Map::<String, Value>::new()));
    for leaf in leaves {
        let parts: Vec<&str> = match leaf.key.strip_prefix(CLIENT) {
            Some(property) => CLIENT.split('.').chain([&property[1..]]).collect(),
            None => leaf.key.split('.').collect(),
        };
        insert(&mut root, &parts, Value::new(None, leaf.value.clone()));
    }
    Value::new(None, root)
}

fn insert(table: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => drop(table.insert((*name).to_owned(), value)),
        [name, rest @ ..] => {
            let child =
                table.entry((*name).to_owned()).or_insert_with(|| Value::new(None, Map::<String, Value>::new()));
            if let ValueKind::Table(inner) = &mut child.kind {
                insert(inner, rest, value);
            }
        }
    }
}

/// The key by its one name: properties of the client may have several.
pub(super) fn one_key(key: &str) -> String {
    match key.strip_prefix(CLIENT).and_then(|rest| rest.strip_prefix('.')) {
        Some(property) => format!("{CLIENT}.{}", one_name(property)),
        None => key.to_owned(),
    }
}

/// A value as a person reads it, in the notation of TOML; a secret is masked.
pub(super) fn shown(key: &str, value: &ValueKind) -> String {
    if is_secret(key) && *value != ValueKind::String(String::new()) {
        return MASK.to_owned();
    }
    match value {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Float(number) => format!("{number:?}"),
        ValueKind::Array(values) => {
            format!("[{}]", values.iter().map(|value| shown(key, &value.kind)).collect::<Vec<_>>().join(", "))
        }
        ValueKind::Table(_) => "a section".to_owned(),
        other => other.to_string(),
    }
}

fn is_section(path: &str) -> bool {
    path == CLIENT || KEYS.iter().any(|(key, _)| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn from_toml(value: &DeValue) -> ValueKind {
    match value {
        DeValue::String(text) => ValueKind::String(text.to_string()),
        DeValue::Integer(number) => whole(number),
        DeValue::Float(number) => number.as_str().parse().map_or(ValueKind::Nil, ValueKind::Float),
        DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
        // A day need not stand in quotes.
        DeValue::Datetime(moment) => ValueKind::String(moment.to_string()),
        DeValue::Array(values) => list(values.iter().map(|value| from_toml(value.get_ref()))),
        DeValue::Table(_) => ValueKind::Table(Map::new()),
    }
}

fn whole(number: &DeInteger) -> ValueKind {
    match i64::from_str_radix(number.as_str(), number.radix()) {
        Ok(number) => ValueKind::I64(number),
        // Too large for any range there is; kept as a number so that the failure can show it.
        Err(_) => number.as_str().parse().map_or(ValueKind::Nil, ValueKind::Float),
    }
}

/// A value from the command line or the environment: what TOML reads in it, else the text itself.
fn from_text(key: &str, text: &str, unquote: bool) -> ValueKind {
    let parsed = DeValue::parse(text.trim()).ok().map(|value| from_toml(value.get_ref()));
    let raw = || ValueKind::String(text.to_owned());
    match (allowed(key), parsed) {
        (Some(Allowed::Text(..) | Allowed::OneOf(_)), Some(ValueKind::String(quoted))) if unquote => {
            ValueKind::String(quoted)
        }
        (Some(Allowed::Text(..) | Allowed::OneOf(_)), _) => raw(),
        (Some(Allowed::Partitions), Some(ValueKind::I64(one))) => list([one].into_iter()),
        (Some(Allowed::Partitions), None) => {
            let listed: Result<Vec<i64>, _> = text.split(',').map(|one| one.trim().parse()).collect();
            listed.map_or_else(|_| raw(), |listed| list(listed.into_iter()))
        }
        (Some(Allowed::Points), None) => {
            list(text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned))
        }
        (_, parsed) => parsed.unwrap_or_else(raw),
    }
}

fn refuse_single_underscores(path: &str, place: &SettingPlace) -> Result<(), Failure> {
    let meant = match path.strip_prefix("log_kafka_client_") {
        Some(property) => Some(format!("LOG__KAFKA__CLIENT__{property}")),
        None => KEYS
            .iter()
            .find(|(key, _)| levenshtein(&key.replace('.', "_"), path) <= 1)
            .map(|(key, _)| key.replace('.', "__")),
    };
    meant.map_or(Ok(()), |meant| {
        let advice = format!("the parts of a key are separated by two: ISOTHERM_{}", meant.to_ascii_uppercase());
        Err(place.refuses("no setting has this name", advice))
    })
}

/// Advice for a key that there is not.
fn suggestion(key: &str) -> String {
    let ending = format!(".{key}");
    let sections = KEYS.iter().filter_map(|(key, _)| key.rsplit_once('.')).map(|(section, _)| section);
    let nearest = KEYS
        .iter()
        .map(|(known, _)| *known)
        .chain(sections)
        .map(|known| (if known.ends_with(&ending) { 0 } else { levenshtein(known, key) }, known))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match nearest {
        Some((_, known)) => format!("did you mean {known}?"),
        None => "`isotherm config` lists every key".to_owned(),
    }
}

/// Reads a settings file of at most 1 MiB.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    use std::io::Read;
    const BYTES_MAX: u64 = 1 << 20;
    let refused = |what: String| {
        Failure::fatal(Kind::Settings, format!("the settings file {} {what}", path.display()))
            .advice("give the path of a readable TOML file of at most 1 MiB")
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| refused(format!("could not be opened: {error}")))?;
    let read = file.take(BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| refused(format!("could not be read: {error}")))?;
    if text.len() as u64 > BYTES_MAX { Err(refused("is too large".to_owned())) } else { Ok(text) }
}
