//! The table of stations.

use fantoccini::key::Key;

use super::driver::{self, Page, WIDE};
use super::site::Site;
use super::{YEAR, text_of};

/// The names on the screen, in their order.
const NAMES: &str = "[...document.querySelectorAll('#stations-rows a.station')].map((a) => a.textContent).join(' ')";

/// Names that would be markup, addresses or commands if anything took them for that.
const HOSTILE: [&str; 7] = [
    "<img src=x onerror=document.title='owned'>",
    "\"><script>document.title='owned'</script>",
    "a/b c?d=e&f#g",
    "%2e%2e%2f",
    "../../etc/passwd",
    "\u{202e}drawkcab",
    "javascript:alert(1)",
];

fn names_are(names: &str) -> String {
    format!("{NAMES} === {names:?}")
}

#[test]
fn stations_are_sorted_and_filtered() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&[]);
    site.write(&[("Oslo", "2020-01-01", 1.0), ("Bergen", "2020-01-01", 9.0), ("Narvik", "2020-01-01", -9.0)]);
    site.write(&[("Oslo", "2020-01-05", 3.0), ("Bodo", "2019-12-31", 4.0)]);
    let site = site.start(&["consume"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until(&names_are("Bergen Bodo Narvik Oslo"));
    let sort = |name: &str| page.click(&format!("#stations-table [data-sort={name}] button"));
    let sorted = |name: &str| page.text(&format!("document.querySelector('[data-sort={name}]').ariaSort"));
    assert_eq!(sorted("station"), "ascending");
    sort("station");
    page.wait_until(&names_are("Oslo Narvik Bodo Bergen"));
    assert_eq!(sorted("station"), "descending");
    sort("average");
    page.wait_until(&names_are("Bergen Bodo Oslo Narvik"));
    sort("average");
    page.wait_until(&names_are("Narvik Oslo Bodo Bergen"));
    assert_eq!((sorted("average").as_str(), sorted("station").as_str()), ("ascending", "null"));
    sort("missing");
    page.wait_until(&format!("{NAMES}.startsWith('Oslo ')"));
    page.write("#filter", "bO");
    page.wait_until(&names_are("Bodo"));
    assert_eq!(page.text(&text_of("#stations-count")), "1 of 4");
    assert_eq!(page.text("document.getElementById('stations-table').ariaRowCount"), "2");
    page.write("#filter", "x");
    page.wait_until(&format!("{}.includes('No station')", text_of("#stations-empty")));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_station_is_reached_and_left_by_the_keyboard_alone() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&YEAR).produce().start(&["consume"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until(&format!("{NAMES}.startsWith('StationA StationB ')"));
    // The first stop leads past the header.
    page.press(Key::Tab);
    assert!(page.holds("document.activeElement.matches('a.skip') && document.activeElement.checkVisibility()"));
    let mut stops = 0;
    while !page.holds("document.activeElement.matches('a.station')") {
        page.press(Key::Tab);
        stops += 1;
        assert!(stops < 60, "the table is never reached");
        assert!(
            page.holds("getComputedStyle(document.activeElement).outlineStyle !== 'none'"),
            "the focus is not seen"
        );
    }
    page.press(Key::Down);
    page.press(Key::Down);
    assert_eq!(page.text("document.activeElement.textContent"), "StationC");
    page.press(Key::Enter);
    page.wait_until("document.querySelector('#station h1')?.textContent === 'StationC'");
    assert_eq!(page.text("document.activeElement.id"), "station-title", "a reader goes on from the title");
    page.back();
    page.wait_until(
        "document.activeElement.textContent === 'StationC' && !document.getElementById('dashboard').hidden",
    );
    // One stop for the whole table: the next is beyond it.
    page.press(Key::Tab);
    assert!(!page.holds("document.activeElement.matches('a.station')"));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn hostile_names_are_text() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&[]);
    site.write(&HOSTILE.map(|name| (name, "2020-01-01", 1.0)));
    let site = site.start(&["consume"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until(&format!("document.querySelectorAll('#stations-rows tr').length === {}", HOSTILE.len()));
    for name in HOSTILE {
        page.wait_until(&format!(
            "[...document.querySelectorAll('a.station')].some((a) => a.textContent === {name:?})"
        ));
        page.script(&format!(
            "[...document.querySelectorAll('a.station')].find((a) => a.textContent === {name:?}).click()"
        ));
        page.wait_until(&format!("document.querySelector('#station h1')?.textContent === {name:?}"));
        page.wait_until("document.querySelector('#station [data-fact=Readings] dd')?.textContent === '1'");
        page.wait_until("[...document.querySelectorAll('#station img')].filter((img) => img.complete && img.naturalWidth > 0).length === 2");
        page.back();
        page.wait_until("!document.getElementById('dashboard').hidden");
    }
    assert!(page.holds("document.title === 'isotherm'"));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn ten_thousand_stations_are_no_burden() {
    if !driver::is_there() {
        return;
    }
    let sets = ["source.simulate.stations=10000", "source.simulate.pace_ms=1000"];
    let site = Site::new(&sets).start(&["run"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until(&format!("{} === '10,000'", text_of("#stations-count")));
    // Opened again, with everything there.
    page.go(&site.address("?again"));
    page.wait_until("document.querySelector('#stations-rows a[href]')");
    let first_paint = page.number("performance.getEntriesByName('first-contentful-paint')[0].startTime");
    let rows_at = page.number("performance.now()");
    // Through the table as a person does it, and in leaps; every frame is noted.
    page.script(
        "window.gaps = []; window.long = [];
         new PerformanceObserver((list) => list.getEntries().forEach((task) => window.long.push(task.duration))).observe({ type: 'longtask' });
         const scroller = document.getElementById('stations-scroller');
         scroller.scrollIntoView();
         let [last, frame] = [performance.now(), 0];
         const step = (now) => {
           window.gaps.push(now - last);
           last = now;
           frame += 1;
           scroller.scrollTop += frame <= 240 ? 90 : scroller.scrollHeight / 60;
           if (frame < 300) requestAnimationFrame(step);
           else window.scrolled = true;
         };
         requestAnimationFrame(step);",
    );
    page.wait_until("window.scrolled");
    let longest_frame = page.number("Math.max(...window.gaps)");
    let longest_task = page.number("Math.max(0, ...window.long)");
    println!(
        "10,000 stations on 4 partitions: first paint after {first_paint:.0} ms, rows within {rows_at:.0} ms; scrolling: longest frame {longest_frame:.0} ms, longest task {longest_task:.0} ms",
    );
    // The last one is there, and what is on the page is a screenful.
    page.script("document.getElementById('stations-scroller').scrollTop = 1e9");
    page.wait_until("document.querySelector('#stations-rows tr:last-child').ariaRowIndex === '10001'");
    page.wait_until("document.querySelector('#stations-rows tr:last-child a').textContent === 'StationZZ'");
    assert!(page.number("document.querySelectorAll('#stations-rows tr').length") < 100.0);
    assert_eq!(page.complaints(), [""; 0]);
}
