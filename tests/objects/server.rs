//! On a real S3 server.

use std::sync::Arc;

use isotherm::durable::objects::{Objects, Trouble, When};

use super::contract::keeps_the_contract;
use super::object_server::{BUCKET, ObjectServer};
use super::program::Program;
use super::stores::objects_keep_the_contract;

#[test]
fn a_real_server_keeps_the_contract_and_partitions() {
    let Some(server) = ObjectServer::start() else { return };
    let objects = server.open("contract");
    keeps_the_contract(&objects);
    // Another prefix of the same bucket is another store.
    server.open("other").put("x", b"x", &When::Absent).expect("the key is free");
    assert_eq!(objects.list(""), Ok(Vec::new()));

    objects_keep_the_contract(&(Arc::new(server.open("partitions")) as Arc<dyn Objects>));

    let wrong = [("state.s3.secret_access_key=wrong", BUCKET), ("state.s3.region=us-east-1", "no-such-bucket-here")];
    for (set, bucket) in wrong {
        let objects = server.open_with(&format!("s3://{bucket}"), &[set]);
        match objects.put("x", b"x", &When::Absent) {
            Err(Trouble::Denied(why)) => assert!(!why.contains('\n') && !objects.has_answered(), "{why}"),
            other => assert_eq!(bucket, "no-such-bucket-here", "a server may make a bucket: {other:?}"),
        }
    }
    drop(server);
    assert!(matches!(objects.get("x"), Err(Trouble::NotDone(_))), "there is no connection");
}

#[test]
fn the_verb_says_whether_a_server_can_be_trusted() {
    let Some(server) = ObjectServer::start() else { return };
    let url = format!("s3://{BUCKET}/check");
    let folder = tempfile::tempdir().expect("a folder");
    let program = server.sets().into_iter().fold(Program::new(folder.path()), Program::set);
    // In a race, SeaweedFS lets the losers wait.
    let told = program.run_well(&["store", "check", &url, "--rounds", "1"]);
    println!("{told}");
    assert!(told.contains("1 of 1 races for an object that is not there had one winner, 1 of 1"), "{told}");
    assert!(told.contains("16 increments were acknowledged, and 16 counted"), "{told}");
    assert_eq!(server.open("check").list(""), Ok(Vec::new()), "what was written is removed");
    let wrong = program.set("state.s3.secret_access_key=wrong").run_failing(&["store", "check", &url], 78);
    assert!(wrong.contains("cannot be written") && wrong.contains("credentials"), "{wrong}");
    assert!(!wrong.contains("isotherm-secret"), "{wrong}");
}
