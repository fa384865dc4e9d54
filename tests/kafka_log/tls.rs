//! A cluster that is reached by TLS and a password.

#![cfg(feature = "tls")]

use std::fs;
use std::path::Path;
use std::process::Command;

use isotherm::failure::{Kind, Severity};
use isotherm::log::RecordLog;
use isotherm::log::kafka::KafkaLog;
use isotherm::settings::Transactions;

use crate::broker::{Broker, Options, free_ports};
use crate::support::*;

/// A key and a certificate that it signed itself, for localhost.
fn certificate(folder: &Path, name: &str) -> (String, String) {
    let [key, certificate] = ["key", "certificate"].map(|part| folder.join(format!("{name}-{part}.pem")));
    let openssl = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("the test needs openssl");
    assert!(openssl.status.success(), "{}", String::from_utf8_lossy(&openssl.stderr));
    (key.display().to_string(), certificate.display().to_string())
}

#[test]
fn records_go_by_tls_with_a_password_and_a_wrong_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate_file) = certificate(folder.path(), "broker");
    let store = folder.path().join("store.pem");
    fs::write(&store, [fs::read(key).unwrap(), fs::read(&certificate_file).unwrap()].concat()).unwrap();
    let [port] = free_ports();
    let options = Options {
        properties: format!(
            "ssl.keystore.type=PEM\n\
             ssl.keystore.location={}\n\
             sasl.enabled.mechanisms=SCRAM-SHA-256\n\
             listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;",
            store.display()
        ),
        listeners: vec![format!("SASL_SSL://localhost:{port}")],
        scram: Some(("reader".to_owned(), "right password".to_owned())),
        ..Options::default()
    };
    let Some(broker) = Broker::start_with(&options) else { return };
    let name = broker.fresh_topic();
    let log = |password: &str, authority: &str| {
        let file = folder.path().join("password");
        fs::write(&file, format!("{password}\n")).unwrap();
        let properties = [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", "SCRAM-SHA-256"),
            ("sasl.username", "reader"),
            ("ssl.ca.location", authority),
        ];
        let mut settings = settings(&format!("localhost:{port}"), &name, &properties);
        settings.kafka.password_file = file.display().to_string();
        KafkaLog::open(&settings, "group", Transactions::Off).expect("the settings are good")
    };

    let right = log("right password", &certificate_file);
    right.create_topic(&spec(1)).unwrap();
    assert_eq!(write(&right, &[record(0, 0)])[&0], 1);
    assert_eq!(read_to(&mut *right.open_reader(0, 0).unwrap(), 1).0.len(), 1);

    let failure = log("wrong password", &certificate_file).topic().unwrap_err();
    assert_eq!((failure.severity, failure.kind), (Severity::Fatal, Kind::Settings), "{failure}");
    assert!(failure.what.contains("uthentication") && failure.to_string().contains("sasl.username"), "{failure}");
    assert!(!failure.to_string().contains("wrong password"), "{failure}");

    let (_, foreign) = certificate(folder.path(), "foreign");
    let failure = log("right password", &foreign).topic().unwrap_err();
    assert_eq!((failure.severity, failure.kind), (Severity::Fatal, Kind::Settings), "{failure}");
    assert!(
        failure.to_string().contains("certificate") && failure.to_string().contains("ssl.ca.location"),
        "{failure}"
    );
}
