//! Settings from their four sources: who wins, what is refused and in which words, and that no secret is shown.

mod source;
mod state;

use std::path::PathBuf;

use isotherm::domain::Rules;
use isotherm::failure::Kind;
use isotherm::points::Action;
use isotherm::settings::{Effective, LogKind, Partitions, SettingOrigin, SourceKind, Sources, fault_points, load};

/// Loads a file's text, variables and sets; the file is called `x.toml` in a folder of its own.
fn try_load(file: &str, variables: &[(&str, &str)], sets: &[&str]) -> Result<Effective, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.toml");
    std::fs::write(&path, file).expect("the file is written");
    let sources = Sources { file: Some(path), sets: sets.iter().map(|set| (*set).to_owned()).collect() };
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(&sources, variables).map_err(|failure| {
        assert_eq!(failure.kind, Kind::Settings, "{failure}");
        failure.to_string()
    })
}

fn loaded(file: &str, variables: &[(&str, &str)], sets: &[&str]) -> Effective {
    try_load(file, variables, sets).expect("the settings are good")
}

fn entry<'a>(effective: &'a Effective, key: &str) -> (&'a str, &'a SettingOrigin) {
    let entry = effective.entries.iter().find(|entry| entry.key == key).expect("the key has an entry");
    (&entry.value, &entry.origin)
}

#[test]
fn the_stronger_source_wins_and_is_named() {
    let file = "[quality]\ndegrees_min = -1\ndegrees_max = 1\n[log]\ntopic = \"file\"\n";
    let variables = [("ISOTHERM_QUALITY__DEGREES_MIN", "-2.5"), ("ISOTHERM_LOG__TOPIC", "environment"), ("HOME", "/")];
    let effective = loaded(file, &variables, &["log.topic=first", "log.topic=set"]);
    assert_eq!(effective.settings.log.topic, "set");
    assert_eq!(entry(&effective, "log.topic"), ("\"set\"", &SettingOrigin::Set));
    assert_eq!(effective.settings.quality.degrees_min.to_bits(), (-2.5f64).to_bits());
    let variable = SettingOrigin::Environment("ISOTHERM_QUALITY__DEGREES_MIN".to_owned());
    assert_eq!(entry(&effective, "quality.degrees_min"), ("-2.5", &variable));
    assert_eq!(effective.settings.quality.degrees_max.to_bits(), 1f64.to_bits());
    let (value, origin) = entry(&effective, "quality.degrees_max");
    assert_eq!(value, "1");
    assert!(matches!(origin, SettingOrigin::File(path) if path.ends_with("x.toml")), "{origin}");
    assert_eq!(entry(&effective, "log.partitions"), ("4", &SettingOrigin::Default));
}

#[test]
fn texts_are_read_as_what_their_key_is() {
    let variables = [("ISOTHERM_LOG__TOPIC", "2024"), ("ISOTHERM_CONSUME__PARTITIONS", "0,2")];
    let sets = [
        "log.sqlite.path=a=b \"c\"",
        "source.kind=csv",
        "source.csv.files='x,*.csv'",
        "state.allow_network_filesystem=true",
        "log.partitions=1_000",
        "faults.points=writer.commit@2=delay:5,aggregator.apply@1=panic",
        "source.simulate.start=2001-02-03",
    ];
    let settings = loaded("", &variables, &sets).settings;
    assert_eq!(settings.log.topic, "2024");
    assert_eq!(settings.consume.partitions, Partitions::Listed(vec![0, 2]));
    assert_eq!(settings.log.sqlite.path, PathBuf::from("a=b \"c\""));
    assert_eq!(settings.source.csv.files, "x,*.csv");
    assert!(settings.state.allow_network_filesystem);
    assert_eq!(settings.log.partitions, 1000);
    assert_eq!(settings.faults.points, ["writer.commit@2=delay:5", "aggregator.apply@1=panic"]);
    assert_eq!(settings.source.simulate.start, "2001-02-03");
    assert_eq!(loaded("", &[], &["consume.partitions=3"]).settings.consume.partitions, Partitions::Listed(vec![3]));
    let dated = loaded("[source.simulate]\nstart = 2001-02-03", &[], &[]).settings;
    assert_eq!(dated.source.simulate.start, "2001-02-03");
}

#[test]
fn a_property_of_the_client_is_one_key_however_it_is_written() {
    let files = [
        "[log.kafka.client]\n\"socket.timeout.ms\" = 7000\n\"sasl.username\" = \"x\"\n\"check.crcs\" = true\n",
        "[log.kafka.client]\nsocket.timeout.ms = 7000\nsasl.username = \"x\"\ncheck.crcs = true\n",
        "[log.kafka.client.sasl]\nusername = \"x\"\n[log.kafka.client]\nsocket = { timeout.ms = 7000 }\ncheck.crcs = true\n",
    ];
    let variables = [
        ("ISOTHERM_LOG__KAFKA__CLIENT__SASL_USERNAME", "x"),
        ("ISOTHERM_LOG__KAFKA__CLIENT__SOCKET_TIMEOUT_MS", "7000"),
        ("ISOTHERM_LOG__KAFKA__CLIENT__CHECK_CRCS", "true"),
    ];
    let sets = [
        "log.kafka.client.sasl.username=x",
        "log.kafka.client.socket.timeout.ms=7000",
        "log.kafka.client.check.crcs=true",
    ];
    let all = files.map(|file| loaded(file, &[], &[])).into_iter().chain([
        loaded("", &variables, &[]),
        loaded("", &[], &sets),
        loaded(files[0].replace('x', "y").as_str(), &[], &sets),
    ]);
    for effective in all {
        let client: Vec<_> =
            effective.settings.log.kafka.client.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(client, [("check.crcs", "true"), ("sasl.username", "x"), ("socket.timeout.ms", "7000")]);
        assert_eq!(entry(&effective, "log.kafka.client.sasl.username").0, "\"x\"");
    }
}

#[test]
fn no_secret_is_shown() {
    let secret = "hunter\"2";
    let names =
        ["sasl.password", "ssl.key.password", "sasl.oauthbearer.client.secret", "ssl.key.pem", "some.token", "a.jaas"];
    for name in names {
        let set = format!("log.kafka.client.{name}={secret}");
        let effective = loaded("[log.kafka]\npassword_file = \"/run/pw\"", &[], &[&set]);
        assert_eq!(effective.settings.log.kafka.client[name], secret, "the value itself is whole");
        assert_eq!(entry(&effective, &format!("log.kafka.client.{name}")).0, "********");
        assert_eq!(entry(&effective, "log.kafka.password_file").0, "\"/run/pw\"");
        let shown = format!("{effective:?}{:?}", effective.entries);
        assert!(shown.contains(name) && !shown.contains("hunter"), "{shown}");
    }
    let sets = ["state.s3.access_key_id=me", "state.s3.secret_access_key=hunter2", "state.s3.session_token=hunter3"];
    let effective = loaded("", &[], &sets);
    assert_eq!(effective.settings.state.s3.secret_access_key, "hunter2", "the value itself is whole");
    let shown = format!("{effective:?}{:?}", effective.entries);
    assert!(shown.contains("\"me\"") && !shown.contains("hunter"), "{shown}");
    let variable = ("ISOTHERM_LOG__KAFKA__CLIENT__SASL_PASSWORD", "\"quoted\"");
    assert_eq!(loaded("", &[variable], &[]).settings.log.kafka.client["sasl.password"], "\"quoted\"");
    for (file, set) in [
        ("[log.kafka.client]\n\"sasl.password\" = \"hunter2\" x", "log.partitions=4"),
        ("[log.kafka.client]\n\"sasl.password\" = [\"hunter2\"]", "log.partitions=4"),
        ("", "log.kafka.client.sasl.password hunter2"),
        ("", "log.kafka.clinet.sasl.password=hunter2"),
    ] {
        let failure = try_load(file, &[], &[set]).expect_err("it is refused");
        assert!(!failure.contains("hunter"), "{failure}");
    }
}

/// A file's text, and what the failure must say.
const BAD_FILES: &[(&str, &[&str])] = &[
    (
        "[log]\nkind = \"sqlite\"\npartitons = 3",
        &["x.toml line 3", "unknown key log.partitons", "did you mean log.partitions?"],
    ),
    ("[qualty]\n", &["x.toml line 1", "unknown key qualty", "did you mean quality?"]),
    ("degrees_min = 3", &["line 1", "unknown key degrees_min", "did you mean quality.degrees_min?"]),
    ("[log]\nentirely_unheard_of = 3", &["unknown key log.entirely_unheard_of", "isotherm config"]),
    ("log = 3", &["line 1", "log is a section"]),
    ("[log.kind]\na = 1", &["log.kind is a section", "allowed: \"kafka\", \"sqlite\" or \"memory\""]),
    ("[log]\nkind = \"redis\"", &["line 2", "log.kind is \"redis\"", "allowed: \"kafka\", \"sqlite\" or \"memory\""]),
    ("[log]\npartitions = \"4\"", &["log.partitions is \"4\"", "allowed: a whole number from 1 to 10000"]),
    ("[log]\npartitions = 4.7", &["log.partitions is 4.7", "from 1 to 10000"]),
    ("[log]\npartitions = 0", &["log.partitions is 0", "from 1 to 10000"]),
    ("[log]\npartitions = 10001", &["log.partitions is 10001"]),
    ("[log]\npartitions = 99999999999999999999", &["log.partitions is 1e20", "from 1 to 10000"]),
    ("[log]\ntopic = \"a b\"", &["log.topic is \"a b\"", "1 to 249 letters"]),
    ("[log]\ntopic = \"..\"", &["log.topic is \"..\""]),
    ("[log]\ntopic = 7", &["log.topic is 7"]),
    ("[log]\nallow_compaction = 1", &["log.allow_compaction is 1", "allowed: true or false"]),
    ("[log]\nretention_ms = 0", &["log.retention_ms is 0", "x.toml line 2", "at least 1"]),
    ("[log]\nretention_ms = -2", &["log.retention_ms is -2", "at least -1"]),
    ("[log.kafka]\nbrokers = \"a:1,,b:2\"", &["log.kafka.brokers is", "host:port"]),
    ("[log.kafka.client]\nx = [1]", &["log.kafka.client.x is [1]", "allowed: a text, a number"]),
    ("[log.kafka]\nclient = 3", &["log.kafka.client is a section"]),
    ("[log.kafka.client]\n\"a.b\" = 1\n[log.kafka.client.a]\nb = 2", &["log.kafka.client.a.b stands twice", "line"]),
    ("[log.sqlite]\npath = \"\"", &["log.sqlite.path is \"\"", "allowed: a path"]),
    (
        "[source]\nkind = \"csv\"",
        &["source.kind is \"csv\"", "line 2", "source.csv.files is \"\" (default)", "set source.csv.files"],
    ),
    ("[source]\nkind = \"ghcn_daily\"", &["source.ghcn_daily.files"]),
    ("[source.csv]\ndate_format = \"\"", &["source.csv.date_format", "strftime"]),
    ("[source.csv]\ndate_format = \"%Q\"", &["source.csv.date_format is \"%Q\""]),
    ("[source.ghcn_daily]\nelement = \"tavg\"", &["source.ghcn_daily.element", "TAVG"]),
    ("[source.simulate]\nstart = \"2001-02-29\"", &["source.simulate.start is \"2001-02-29\"", "a real day"]),
    ("[source.simulate]\nduplicates_share = 1.5", &["source.simulate.duplicates_share is 1.5", "a number from 0 to 1"]),
    ("[source.simulate]\nseed = -1", &["source.simulate.seed is -1", "at least 0"]),
    (
        "[consume]\npartitions = [0, 4]",
        &["consume.partitions is [0, 4]", "no partition 4", "log.partitions is 4 (default)", "allowed: 0 to 3"],
    ),
    ("[consume]\npartitions = [1, 2, 1]", &["consume.partitions", "1 stands twice"]),
    ("[consume]\npartitions = []", &["consume.partitions is []", "\"all\" or a list"]),
    ("[consume]\npartitions = \"some\"", &["consume.partitions is \"some\""]),
    ("[consume]\npartitions = [-1]", &["consume.partitions is [-1]"]),
    ("[quality]\ndegrees_min = nan", &["quality.degrees_min is NaN", "a number from -1000000000 to 1000000000"]),
    ("[quality]\ndegrees_max = inf", &["quality.degrees_max is inf", "from -1000000000"]),
    ("[quality]\ndegrees_min = -1000000001", &["quality.degrees_min is -1000000001", "from -1000000000"]),
    ("[quality]\ndegrees_max = 1e308", &["quality.degrees_max is 1e308", "to 1000000000"]),
    (
        "[quality]\ndegrees_min = 150",
        &["quality.degrees_min is 150", "quality.degrees_max is 150.0 (default)", "set quality.degrees_min below"],
    ),
    (
        "[supervision]\nbackoff_min_ms = 20000",
        &["supervision.backoff_min_ms is 20000", "supervision.backoff_max_ms is 10000"],
    ),
    ("[supervision]\nheartbeat_ms = 49", &["supervision.heartbeat_ms is 49", "from 50 to 3600000"]),
    (
        "[log]\nkind = \"kafka\"\n[supervision]\nheartbeat_ms = 9999",
        &["supervision.heartbeat_ms is 9999", "hung", "at least 10000"],
    ),
    (
        "[log]\nkind = \"kafka\"\n[log.kafka.client]\n\"message.timeout.ms\" = 60000",
        &["log.kafka.client.message.timeout.ms is", "60000", "hung", "5000"],
    ),
    ("[log]\nkind = \"kafka\"\n[log.kafka.client]\n\"delivery.timeout.ms\" = 0", &["delivery.timeout.ms"]),
    ("[faults]\npoints = [\"aggregator.apply\"]", &["faults.points", "line 2", "POINT@HIT=ACTION"]),
    ("[faults]\npoints = [\"nowhere@1=panic\"]", &["unknown point \"nowhere\"", "aggregator.apply"]),
    ("[faults]\npoints = [1]", &["faults.points is [1]"]),
    (
        "[faults]\npoints = [\"aggregator.apply@1=short\"]",
        &["line 2", "\"short\" at aggregator.apply", "panic, fatal, retryable, abort, hang, delay"],
    ),
    ("[faults]\npoints = [\"checkpoint.lock@1=hang\"]", &["\"hang\" at checkpoint.lock", "storage_full"]),
    ("[faults]\npoints = [\"consumer.read@2=panic\", \"consumer.read@2=abort\"]", &["hit 2 of consumer.read twice"]),
    ("[faults]\nseed = -1", &["faults.seed is -1", "at least 0"]),
    ("[output]\nlog_level = \"verbose\"", &["output.log_level is \"verbose\"", "debug"]),
    ("[log]\nkind = sqlite", &["x.toml line 2"]),
    ("[log]\nkind = \"kafka\"\nkind = \"sqlite\"", &["x.toml line 3", "duplicate key"]),
];

pub fn assert_refused(files: &[(&str, &[&str])]) {
    for (file, said) in files {
        let failure = try_load(file, &[], &[]).expect_err(file);
        for words in *said {
            assert!(failure.contains(words), "{file:?}\nsays: {failure}\nlacks: {words}");
        }
    }
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_line_key_and_what_is_allowed() {
    assert_refused(BAD_FILES);
}

#[test]
fn what_is_wrong_elsewhere_is_said_with_its_name() {
    let variables = [
        ("ISOTHERM_LOG__KIND", "redis", "environment variable ISOTHERM_LOG__KIND: log.kind is \"redis\""),
        ("ISOTHERM_LOG__KIN", "kafka", "unknown key log.kin (did you mean log.kind?)"),
        ("ISOTHERM_LOG_KIND", "kafka", "ISOTHERM_LOG__KIND"),
        ("ISOTHERM_LOG_KAFKA_CLIENT_SASL_PASSWORD", "x", "ISOTHERM_LOG__KAFKA__CLIENT__SASL_PASSWORD"),
        ("ISOTHERM_LOG__PARTITIONS", "", "log.partitions is \"\" (allowed: a whole number"),
    ];
    for (name, value, said) in variables {
        let failure = try_load("", &[(name, value)], &[]).expect_err(name);
        assert!(failure.contains(said), "{name}={value} says: {failure}");
    }
    for (set, said) in [
        ("log.partitions", "--set: \"log.partitions\" has no \"=\""),
        ("log.partitions=four", "--set: log.partitions is \"four\""),
        ("=4", "--set: unknown key"),
        ("log.kafka.client.=4", "--set: unknown key log.kafka.client."),
        ("log.kafka.client=4", "--set: log.kafka.client is a section"),
    ] {
        let failure = try_load("", &[], &[set]).expect_err(set);
        assert!(failure.contains(said), "{set} says: {failure}");
    }
    let kubernetes = [("ISOTHERM_SERVICE_HOST", "10.0.0.1"), ("ISOTHERM_PORT", "tcp://10.0.0.1:80")];
    assert!(try_load("", &kubernetes, &[]).is_ok(), "another's variables are left alone");
}

#[test]
fn a_settings_file_that_cannot_be_read_is_named() {
    let sources = Sources { file: Some(PathBuf::from("no/such.toml")), sets: Vec::new() };
    let failure = load(&sources, std::iter::empty()).expect_err("there is none");
    assert_eq!(failure.kind, Kind::Settings);
    assert!(failure.what.contains("no/such.toml"), "{failure}");
}

#[test]
fn every_file_in_the_settings_folder_loads() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("settings");
    let load = |name: &str| {
        let sources = Sources { file: Some(folder.join(name)), sets: Vec::new() };
        load(&sources, std::iter::empty()).unwrap_or_else(|failure| panic!("{name}: {failure}")).settings
    };
    let files = std::fs::read_dir(&folder).expect("the folder is there");
    let mut names: Vec<String> =
        files.map(|file| file.expect("it is listed").file_name().into_string().expect("ASCII")).collect();
    names.sort();
    assert_eq!(names, ["default.toml", "demo.toml", "docker.toml", "kafka.toml", "presets"]);
    for preset in std::fs::read_dir(folder.join("presets")).expect("the folder is there") {
        let path = preset.expect("it is listed").path();
        let kind = path.file_stem().and_then(|name| name.to_str()).expect("ASCII");
        let sets = vec![format!("source.kind={kind}"), "source.csv.files=x".to_owned()];
        let effective = isotherm::settings::load(&Sources { file: None, sets }, std::iter::empty()).expect("it loads");
        let of_preset = effective.entries.iter().filter(|entry| matches!(entry.origin, SettingOrigin::Preset(_)));
        assert!(of_preset.count() >= 3, "{kind}");
        assert_eq!(effective.settings.source.kind, SourceKind::Csv, "{kind}");
    }
    let demo = load("demo.toml");
    assert_eq!((demo.log.kind, demo.source.kind, demo.log.partitions), (LogKind::Sqlite, SourceKind::Csv, 4));
    let docker = load("docker.toml");
    assert_eq!((docker.log.kafka.brokers.as_str(), docker.state.dir), ("kafka:9092", PathBuf::from("/state")));
    let kafka = load("kafka.toml");
    assert_eq!(
        (kafka.log.kind, kafka.source.simulate.stations, kafka.source.simulate.pace_ms),
        (LogKind::Kafka, 10, 100)
    );
    assert_eq!(load("default.toml"), loaded("", &[], &[]).settings);
}

#[test]
fn the_defaults_are_complete_and_each_has_its_comment() {
    let effective = load(&Sources::default(), std::iter::empty()).expect("the defaults are good");
    assert!(effective.entries.iter().all(|entry| entry.origin == SettingOrigin::Default));
    assert_eq!(effective.settings.rules(), Rules::default());
    let model = serde_json::to_value(&effective.settings).expect("settings are JSON");
    let mut in_model = Vec::new();
    keys_of(&model, "", &mut in_model);
    in_model.sort();
    let in_file: Vec<String> = effective.entries.into_iter().map(|entry| entry.key).collect();
    assert_eq!(in_file, in_model);

    let text = include_str!("../../settings/default.toml");
    let mut before = "";
    for line in text.lines() {
        let is_key = !line.starts_with(['#', '[']) && line.contains('=');
        assert!(!is_key || before.starts_with("# "), "no comment above: {line}");
        before = line;
    }
}

fn keys_of(value: &serde_json::Value, path: &str, keys: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                keys_of(value, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, keys);
            }
        }
        _ => keys.push(path.to_owned()),
    }
}

#[test]
fn the_range_in_the_comment_is_the_range_that_is_checked() {
    let text = include_str!("../../settings/default.toml");
    let (mut section, mut comment, mut checked) = (String::new(), String::new(), 0);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if line.starts_with('#') {
            comment.push_str(line);
        } else if let Some((name, _)) = line.split_once(" = ") {
            let key = format!("{section}.{name}");
            // A value of the wrong type makes the program say what is allowed.
            let failure = try_load("", &[], &[&format!("{key}={{}}")]).err().unwrap_or_default();
            if let Some((_, range)) = failure.split_once("number from ") {
                let range = range.trim_end_matches(')');
                assert!(comment.contains(range), "{key} takes {range}, its comment says: {comment}");
                checked += 1;
            }
            comment.clear();
        } else {
            comment.clear();
        }
    }
    assert!(checked >= 18, "{checked} ranges were compared");
}

#[test]
fn planned_faults_become_fault_points() {
    let settings = loaded("[faults]\npoints = [\"writer.commit@1=retryable\"]", &[], &[]).settings;
    let points = fault_points(&settings).expect("the plan is good");
    let failure = points.hit("writer.commit").expect_err("it was planned");
    assert!(failure.is_retryable());
    assert_eq!(points.fired()[0].action, Action::Retryable);
}
