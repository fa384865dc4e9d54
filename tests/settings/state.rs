//! Where results lie.

use super::{assert_refused, entry, loaded, try_load};

#[test]
fn what_does_not_fit_together_is_said_with_what_is_set() {
    assert_refused(&[
        (
            "[state]\ndir = \"x\"\nurl = \"s3://b/p\"",
            &["state.dir stands at", "line 2", "state.url at", "line 3", "keep one of them"],
        ),
        (
            "[state]\nallow_network_filesystem = true\nurl = \"s3://b/p\"",
            &["state.allow_network_filesystem stands at", "counts for nothing"],
        ),
        ("[state]\nurl = \"/x\"", &["state.url is \"/x\"", "s3://bucket/prefix, or an empty text"]),
        (
            "[state]\ncommit_interval_ms = 9",
            &["state.commit_interval_ms is 9", "counts for nothing", "state.url is \"\""],
        ),
        (
            "[state.s3]\nendpoint = \"http://h:1\"",
            &["state.s3.endpoint is \"http://h:1\"", "without TLS", "allow_http = true"],
        ),
        ("[state.s3]\nsecret_access_key = \"x\"", &["state.s3.access_key_id is \"\"", "set the key with its secret"]),
        ("[state.s3]\naccess_key_id = \"x\"", &["state.s3.access_key_id is \"x\"", "set the key with its secret"]),
        ("[state.s3]\nsession_token = \"x\"", &["state.s3.session_token is ********", "the secret that it belongs to"]),
        (
            "[state.s3]\naccess_key_id = \"x\"\nsecret_access_key = \"y\"\nsecret_access_key_file = \"z\"",
            &["secret_access_key is ********", "secret_access_key_file is \"z\"", "set one of them"],
        ),
        ("[state.s3]\nendpoint = \"h:1\"", &["state.s3.endpoint is \"h:1\"", "http://host:port"]),
    ]);
}

/// Of a folder that a file names and a store that is set above it the store counts; a stronger folder would count for nothing.
#[test]
fn an_object_store_counts_in_place_of_a_folder_that_a_weaker_source_names() {
    let file = "[state]\ndir = \"x\"\n[consume]\ncommit_interval_ms = 7";
    let (url, interval) = ("state.url=s3://b/p", "state.commit_interval_ms=70");
    let settings = loaded(file, &[], &[url, interval]).settings;
    assert_eq!((settings.state.url.as_str(), settings.consume.commit_interval_ms), ("s3://b/p", 70));
    assert_eq!(loaded(file, &[], &[]).settings.consume.commit_interval_ms, 7);
    let effective = loaded(file, &[], &[url]);
    let (in_force, origin) = entry(&effective, "consume.commit_interval_ms");
    assert_eq!((in_force, origin.to_string().as_str()), ("5000", "as state.commit_interval_ms"));
    for (variables, sets) in [(&[("ISOTHERM_STATE__DIR", "y")][..], &[][..]), (&[], &["state.dir=y"])] {
        let failure = try_load("[state]\nurl = \"s3://b/p\"", variables, sets).expect_err("the folder is stronger");
        assert!(failure.contains("state.dir stands at") && failure.contains("counts for nothing"), "{failure}");
    }
    let both = [("ISOTHERM_STATE__DIR", "y"), ("ISOTHERM_STATE__URL", "s3://b/p")];
    assert!(try_load("", &both, &[]).is_err(), "of one layer");
}

/// The token comes from a secret.
#[test]
fn the_settings_of_the_kubernetes_files_are_those_of_a_group() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes/settings.toml");
    let file = std::fs::read_to_string(path).expect("it is there");
    let effective = loaded(&file, &[("ISOTHERM_WEB__TOKEN", "0123456789abcdef")], &[]);
    assert_eq!(effective.settings.consume.assignment, isotherm::settings::Assignment::Group);
}
