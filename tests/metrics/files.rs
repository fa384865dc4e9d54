//! The dashboard, the alerts, and the docs beside what the program serves.

use std::collections::BTreeSet;
use std::path::Path;

use super::promtool;
use super::served::{exported, recovered};

const DASHBOARD: &str = "docs/grafana-dashboard.json";
const ALERTS: &str = "docs/alerts.yml";
const ALERTS_TEST: &str = "docs/alerts.test.yml";
const OPERATIONS: &str = "docs/operations.md";

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("it is there")
}

/// All words that begin so, and go on with letters, digits and underscores.
fn words<'a>(text: &'a str, beginning: &str) -> BTreeSet<&'a str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with(beginning)).collect()
}

/// The names of alerts in a file of rules, or in a test of them.
fn alerts<'a>(text: &'a str, key: &str) -> BTreeSet<&'a str> {
    text.lines()
        .filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix(key))
        .map(str::trim)
        .collect()
}

/// A heading as the end of a link to it.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
    let letters = |heading: &str| -> String {
        let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || [' ', '-'].contains(letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
    };
    headings.map(letters).collect()
}

#[test]
fn the_dashboard_and_the_alerts_name_only_what_is_served() {
    let exported = exported(&recovered().metrics);
    for file in [DASHBOARD, ALERTS, ALERTS_TEST] {
        let text = read(file);
        let named: BTreeSet<&str> = words(&text, "isotherm_").union(&words(&text, "process_")).copied().collect();
        assert!(named.len() > 5, "{file} names {named:?}");
        let unknown: Vec<&&str> = named.iter().filter(|name| !exported.contains(**name)).collect();
        assert!(unknown.is_empty(), "{file} names what is not served: {unknown:?}");
    }
}

/// Every metric has its line in the docs and its place on the dashboard.
#[test]
fn what_is_served_is_described_and_drawn() {
    let metrics = &recovered().metrics;
    let families = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let served: BTreeSet<&str> = families.filter(|name| name.starts_with("isotherm_")).collect();
    let (docs, dashboard) = (read(OPERATIONS), read(DASHBOARD));
    let described = words(&docs, "isotherm_");
    assert_eq!(described, served, "{OPERATIONS} (left) describes what is served (right)");
    let drawn = words(&dashboard, "isotherm_");
    let missing: Vec<_> = served.iter().filter(|name| !drawn.iter().any(|word| word.starts_with(**name))).collect();
    assert!(missing.is_empty(), "{DASHBOARD} does not draw {missing:?}");
}

#[test]
fn the_dashboard_can_be_imported() {
    let dashboard: serde_json::Value = serde_json::from_str(&read(DASHBOARD)).expect("it is JSON");
    assert_eq!((&dashboard["uid"], &dashboard["title"]), (&"isotherm".into(), &"isotherm".into()));
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().expect("a number")).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(
            panel["datasource"]["uid"], "${datasource}",
            "{}: whoever imports it chooses the source",
            panel["title"]
        );
        assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{}", panel["title"]);
    }
}

#[test]
fn every_alert_is_proven_to_fire_and_says_where_to_read_on() {
    let (rules, tests) = (read(ALERTS), read(ALERTS_TEST));
    let ruled = alerts(&rules, "alert:");
    assert_eq!(ruled, alerts(&tests, "alertname:"));
    let anchors = anchors(&read(OPERATIONS));
    let links = alerts(&rules, "runbook_url:");
    assert!(!links.is_empty());
    for link in links {
        let anchor = link.strip_prefix("docs/operations.md#").expect("it is in that file");
        assert!(anchors.contains(anchor), "{link} is not among {anchors:?}");
    }
    for part in ["severity:", "summary:", "description:", "runbook_url:"] {
        assert_eq!(rules.matches(part).count(), ruled.len(), "each alert has its {part}");
    }
}

#[test]
fn prometheus_takes_the_rules_and_they_fire() {
    if promtool::is_content(&["check", "rules", ALERTS], "") {
        promtool::is_content(&["test", "rules", ALERTS_TEST], "");
    }
}
