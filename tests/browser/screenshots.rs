//! The pictures of the README: `tests/screenshots`.

use std::path::Path;

use serde_json::json;

use super::driver::{self, PHONE, Page, WIDE};
use super::site::Site;
use super::{number_of, text_of};

/// Twelve stations, a day each 25 ms, some readings that are not counted, and a crash.
const DEMO: [&str; 8] = [
    // It is in the picture.
    "log.sqlite.path=/tmp/isotherm/log.sqlite",
    "source.simulate.stations=12",
    "source.simulate.pace_ms=25",
    "source.simulate.duplicates_share=0.002",
    "source.simulate.outliers_share=0.0005",
    "consume.commit_interval_ms=1000",
    "faults.points=[\"aggregator.apply@700=panic\", \"writer.commit@30=panic\"]",
    "source.simulate.start=2014-01-01",
];

#[test]
#[ignore = "writes the pictures of the README"]
fn screenshots() {
    if !driver::is_there() {
        return;
    }
    let folder = Path::new("/tmp/isotherm");
    drop(std::fs::remove_dir_all(folder));
    let site = Site::new(&DEMO).start(&["run"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until("document.querySelectorAll('#crashes-body li[data-recovered=true]').length >= 2");
    page.wait_until(&format!("{} > 20000", number_of("#tiles [data-tile=counted] dd")));
    // Not by the pointer, which would stay above it.
    page.script("document.getElementById('audit-now').click()");
    page.wait_until(&format!("{} === 'Verified'", text_of("#proof .verdict")));
    page.wait_until("document.getElementById('badge').textContent === 'live'");
    save(&page, "dashboard.png");
    page.dark(true);
    save(&page, "dashboard-dark.png");
    page.dark(false);
    page.go(&site.address("#station/StationC"));
    page.wait_until("[...document.querySelectorAll('#station img')].filter((img) => img.complete && img.naturalWidth > 0).length === 2");
    save(&page, "dashboard-station.png");
    drop(page);
    let page = Page::open(&site.address(""), PHONE, true);
    page.wait_until("document.querySelector('#stations-rows a[href]')");
    save(&page, "dashboard-phone.png");
    drop(std::fs::remove_dir_all(folder));
}

fn save(page: &Page, name: &str) {
    page.devtools("Emulation.setScrollbarsHidden", &json!({ "hidden": true }));
    // Two frames later what was changed last is drawn.
    page.script(
        "window.drawn = false; requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = true; }))",
    );
    page.wait_until("window.drawn");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let picture = page.screenshot();
    println!("{}: {} kB", path.display(), picture.len() / 1000);
    std::fs::write(path, picture).expect("it is written");
}
