//! Readable by everybody: on a phone, in the dark, by a screen reader.

use serde_json::json;

use super::driver::{self, PHONE, Page, WIDE};
use super::site::Site;

/// Rejected records and a crash, so that everything that can be on the page is.
const EVERYTHING: [&str; 5] = [
    "source.simulate.stations=30",
    "source.simulate.pace_ms=50",
    "source.simulate.duplicates_share=0.05",
    "source.simulate.outliers_share=0.01",
    "faults.points=[\"aggregator.apply@60=panic\"]",
];

/// Opens all that can be opened, once everything is there.
fn unfold(page: &Page) {
    page.wait_until("document.querySelector('#crashes-body li[data-recovered=true]')");
    page.wait_until("[...document.querySelectorAll('#partitions-rows summary')].some((one) => one.checkVisibility())");
    page.script("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
}

fn open_station(page: &Page, site: &Site) {
    page.go(&site.address("#station/StationB"));
    page.wait_until("[...document.querySelectorAll('#station img')].filter((img) => img.complete && img.naturalWidth > 0).length === 2");
    page.script("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
}

#[test]
fn nothing_is_wider_than_the_screen_and_all_text_has_contrast() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&EVERYTHING).start(&["run"]);
    for (size, dark) in [(WIDE, false), (WIDE, true), (PHONE, false), (PHONE, true)] {
        let page = Page::open(&site.address(""), size, dark);
        unfold(&page);
        assert_readable(&page, &format!("dashboard, {size:?}, dark: {dark}"));
        open_station(&page, &site);
        assert_readable(&page, &format!("station, {size:?}, dark: {dark}"));
        assert_eq!(page.complaints(), [""; 0]);
    }
}

fn assert_readable(page: &Page, case: &str) {
    assert!(page.holds("document.documentElement.scrollWidth <= innerWidth"), "{case}: it is wider than the screen");
    let faint = page.text(include_str!("contrast.js"));
    assert_eq!(faint, "", "{case}: text with too little contrast");
}

#[test]
fn everything_has_a_name_and_comes_from_here() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&EVERYTHING).start(&["run"]);
    let page = Page::open(&site.address(""), WIDE, false);
    unfold(&page);
    assert_named(&page, 40);
    assert_eq!(page.number("document.querySelectorAll('main').length"), 1.0);
    assert!(page.holds("[...document.querySelectorAll('section')].every((section) => document.getElementById(section.getAttribute('aria-labelledby')).matches('h2'))"));
    open_station(&page, &site);
    assert_named(&page, 6);
    let foreign = page.text("performance.getEntriesByType('resource').map((one) => one.name).filter((name) => !name.startsWith(location.origin + '/')).join()");
    assert_eq!(foreign, "", "asked of another host");
    assert!(page.number("performance.getEntriesByType('resource').length") > 10.0, "nothing was asked of anybody");
    assert_eq!(page.complaints(), [""; 0]);
}

/// Whatever can be worked with or is a picture has a name, as the browser tells it to a screen reader.
fn assert_named(page: &Page, least: usize) {
    let tree = page.devtools("Accessibility.getFullAXTree", &json!({}));
    let nodes = tree["nodes"].as_array().expect("a list");
    let shown = nodes.iter().filter(|node| node["ignored"] == false);
    let roles =
        ["button", "link", "image", "searchbox", "textbox", "table", "progressbar", "heading", "DisclosureTriangle"];
    let named: Vec<_> = shown.filter(|node| roles.iter().any(|role| node["role"]["value"] == *role)).collect();
    let nameless = named.iter().filter(|node| node["name"]["value"].as_str().unwrap_or("").is_empty());
    let nameless: Vec<_> = nameless.map(|node| node["role"]["value"].to_string()).collect();
    assert_eq!(nameless, [""; 0], "these have no name");
    assert!(named.len() >= least, "{} have one", named.len());
}
