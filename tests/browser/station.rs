//! The page of one station.

use super::driver::{self, Page, WIDE};
use super::program::wait_for;
use super::site::{Site, outgoing};
use super::{YEAR, text_of};

const PLOTS: &str =
    "[...document.querySelectorAll('#station img')].filter((img) => img.complete && img.naturalWidth > 0)";

#[test]
fn a_station_has_its_numbers_plots_and_gaps() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&[]);
    let days = ["2019-12-30", "2019-12-31", "2020-01-01", "2020-01-05", "2020-02-01"];
    site.write(&days.map(|day| ("Oslo/Blindern", day, 1.5)));
    let site = site.start(&["consume"]);
    // By its address, as somebody sends it to a friend.
    let page = Page::open(&site.address("#station/Oslo%2FBlindern"), WIDE, false);
    page.wait_until("document.querySelector('#station [data-fact=Readings] dd')?.textContent === '5'");
    assert_eq!(page.text("document.title"), "Oslo/Blindern · isotherm");
    assert_eq!(page.text(&text_of("#station [data-fact=Sum] small")), "7.5");
    let strip = page.text("document.querySelector('#station .strip').ariaLabel");
    assert_eq!(strip, "Days from 2019-12-30 to 2020-02-01: 29 days missing in 2 gaps");
    assert_eq!(page.number("document.querySelectorAll('#station .strip .gap').length"), 2.0);
    assert_eq!(
        page.text("[...document.querySelectorAll('#station .gaps li')].map((li) => li.textContent).sort().join()"),
        "2020-01-02 to 2020-01-04 3 days,2020-01-06 to 2020-01-31 26 days"
    );
    // The history comes by itself.
    page.wait_until(&format!("{PLOTS}.length === 2"));
    let alt = page.text("document.querySelector('#station img[data-kind=months]').alt");
    assert!(alt.contains("December 2019 to February 2020"), "{alt}");
    let table = page.text("[...document.querySelectorAll('.months tbody tr')].map((tr) => tr.textContent).join()");
    assert_eq!(table, "December 201921.501.501.50,January 202021.501.501.50,February 202011.501.501.50");
    assert!(page.text(&text_of("#station-history")).contains("offsets 0 to 5"));
    // More comes: the numbers follow, and the plots can be made anew.
    site.write(&[("Oslo/Blindern", "2020-02-02", 1.5)]);
    page.wait_until("document.querySelector('#station [data-fact=Readings] dd').textContent === '6'");
    page.wait_until("document.querySelector('#station .again')?.checkVisibility()");
    page.click("#station .again button");
    page.wait_until("document.querySelector('#station-history').textContent.includes('offsets 0 to 6')");
    page.wait_until(&format!("{PLOTS}.length === 2"));
    // In the other theme the same plots in other colours.
    page.dark(true);
    page.wait_until(&format!("{PLOTS}.filter((img) => img.currentSrc.endsWith('theme=dark')).length === 2"));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_replay_that_fails_is_said_beside_what_was_told_before() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&[]);
    let first = ("Oslo", "2020-01-01", 1.0);
    site.write(&[first]);
    let site = site.start(&["consume"]);
    let page = Page::open(&site.address("#station/Oslo"), WIDE, false);
    page.wait_until(&format!("{PLOTS}.length === 2"));
    assert!(page.holds("!document.querySelector('#station .failed').checkVisibility()"));
    site.write(&[("Oslo", "2020-01-02", 1.0)]);
    page.wait_until("document.querySelector('#station .again').checkVisibility()");
    // The test damages the file once the second is in it.
    let path = site.folder().join(format!("state/partition-{}.json", outgoing(first.0, first.1, first.2).partition));
    wait_for("the commit", || std::fs::read_to_string(&path).is_ok_and(|file| file.contains("\"count\": 2")));
    std::fs::write(&path, "damaged").expect("it is written");
    page.click("#station .again button");
    page.wait_until("document.querySelector('#station .failed').checkVisibility()");
    let said = page.text(&text_of("#station .failed"));
    assert!(said.contains("failed, so this is as it was before") && said.contains("is damaged"), "{said}");
    assert!(page.holds(&format!("{PLOTS}.length === 2")), "what was told before stays");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_station_that_is_not_there_is_said_to_be_so_until_it_is() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&[]);
    site.write(&[("Oslo", "2020-01-01", 1.0)]);
    let site = site.start(&["consume"]);
    let page = Page::open(&site.address("#station/Narvik"), WIDE, false);
    page.wait_until(&format!("{}.startsWith('No such station')", text_of("#station-said")));
    site.write(&[("Narvik", "2020-01-01", 1.0)]);
    page.wait_until("document.querySelector('#station [data-fact=Readings] dd')?.textContent === '1'");
    assert_eq!(page.text(&text_of("#station-said")), "");
}

#[test]
fn a_click_anywhere_in_a_row_opens_its_station_and_back_returns_to_the_table() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&YEAR).produce().start(&["consume"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until("document.querySelectorAll('#stations-rows a[href]').length === 10");
    page.click("#stations-rows tr:nth-child(3) td:last-child");
    page.wait_until("document.querySelector('#station h1')?.textContent === 'StationC'");
    page.wait_until(&format!("{PLOTS}.length === 2"));
    page.click("#station .back a");
    page.wait_until("document.querySelectorAll('#stations-rows a[href]').length === 10 && document.getElementById('station').hidden");
    assert_eq!(page.complaints(), [""; 0]);
}
