//! The page shows what happens without being loaded again.

use std::time::{Duration, SystemTime};

use super::driver::{self, Page, WIDE};
use super::owned::WriteOwned as _;
use super::program::wait_for;
use super::site::Site;
use super::{PACED, YEAR, number_of, text_of};

const COUNTED: &str = "#tiles [data-tile=counted] dd";
const BADGE: &str = "#badge";

fn is_live() -> String {
    format!("{} === 'live'", text_of(BADGE))
}

#[test]
fn what_is_counted_shows_without_a_reload() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&PACED).start(&["run"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.script("window.sameDocument = true");
    page.wait_until(&is_live());
    page.wait_until(&format!("{} > 0", number_of(COUNTED)));
    let seen = page.number(&number_of(COUNTED));
    page.wait_until(&format!("{} > {seen}", number_of(COUNTED)));
    // A row of the table too, and the last commit of a partition.
    let count = number_of("#stations-rows tr td");
    page.wait_until(&format!("document.querySelector('#stations-rows tr td') && {count} > 0"));
    let seen = page.number(&count);
    page.wait_until(&format!("{count} > {seen}"));
    page.wait_until("document.querySelector('#partitions-rows time')");
    assert!(page.holds("window.sameDocument"), "the page was loaded again");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_record_shows_within_a_moment_of_being_written() {
    const RECORDS: u32 = 25;
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&[]);
    site.write(&[("Oslo", "2020-01-01", -4.0)]);
    let site = site.start(&["consume"]);
    let page = Page::open(&site.address(""), WIDE, false);
    let shown = |count: u32| format!("window.shown?.[{count}]");
    // When the row came to show each count, by the clock that this process has too.
    page.script(
        "window.shown = {}; const rows = document.getElementById('stations-rows');
         const look = () => { const cell = rows.querySelector('tr td'); if (cell) window.shown[cell.textContent] ??= Date.now(); };
         new MutationObserver(look).observe(rows, { subtree: true, childList: true, characterData: true }); look();",
    );
    page.wait_until(&shown(1));
    let log = site.log();
    let mut writer = log.open_writer("a test").expect("it opens");
    let mut took_ms: Vec<u64> = Vec::new();
    for day in 2..=RECORDS + 1 {
        // Not in step with the page, which has just shown the one before.
        std::thread::park_timeout(Duration::from_millis(u64::from(day) * 173 % 600));
        let record = super::site::outgoing("Oslo", &format!("2020-01-{day:02}"), f64::from(day));
        let begun = now_ms();
        writer.write_owned(&[record]).expect("it is written");
        page.wait_until(&shown(day));
        took_ms.push(page.number(&shown(day)) as u64 - begun);
    }
    took_ms.sort_unstable();
    println!(
        "record to page: median {} ms, longest {} ms of {RECORDS}",
        took_ms[took_ms.len() / 2],
        took_ms[took_ms.len() - 1]
    );
    assert_eq!(page.complaints(), [""; 0]);
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    since.as_millis().try_into().expect("it fits")
}

#[test]
fn a_crash_shows_on_the_timeline_while_the_page_is_open() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&["faults.points=[\"writer.commit@12=panic\"]"]);
    site.write(&[("Oslo", "2020-01-01", -4.0)]);
    let site = site.start(&["consume"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.script("window.sameDocument = true");
    page.wait_until("document.querySelector('#crashes-body .calm')?.checkVisibility()");
    page.wait_until("document.querySelector('#stations-rows a[href]')");
    // A commit each or so, and far more than it takes.
    for day in 2..=31 {
        site.write(&[("Oslo", &format!("2020-01-{day:02}"), -5.0)]);
        page.wait_until(&format!("{} === '{day}'", text_of(COUNTED)));
    }
    page.wait_until("document.querySelector('#crashes-body li[data-recovered=true]')");
    let crash = page.text(&text_of("#crashes-body li"));
    for part in ["checkpoint writer of partition ", "panicked", "back in ", "resumed from offset ", " replayed"] {
        assert!(crash.contains(part), "{part:?} is not in {crash:?}");
    }
    assert!(page.holds("document.querySelector('#crashes .axis').ariaLabel.startsWith('1 crash in ')"));
    // The tree and the totals say the same.
    let restarted =
        "[...document.querySelectorAll('#tree > li')].find((li) => li.textContent.includes('4 of 5 restarts left'))";
    page.wait_until(&format!("{restarted}?.textContent.includes('epoch 2')"));
    page.wait_until(&format!("{} === '1'", text_of("#tiles [data-tile=restarts] dd")));
    assert!(page.holds("window.sameDocument"));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_run_that_is_over_stays_to_be_looked_at() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&YEAR).start(&["run", "--open"]);
    // Everything is done before anybody looks.
    wait_for("the end of the run", || site.told().contains("PARTITION"));
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until("document.getElementById('ended').checkVisibility()");
    page.wait_until(&format!("{} === '3,660'", text_of(COUNTED)));
    page.wait_until("document.querySelectorAll('#stations-rows a[href]').length === 10");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn the_page_says_that_it_is_stale_and_goes_on_with_the_next_process() {
    if !driver::is_there() {
        return;
    }
    let mut site = Site::new(&PACED).start(&["run"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.script("window.sameDocument = true");
    page.wait_until(&is_live());
    page.wait_until(&format!("{} > 100", number_of(COUNTED)));
    site.kill();
    page.wait_until(&format!("{}.startsWith('stale since ')", text_of(BADGE)));
    let seen = page.number(&number_of(COUNTED));
    site.start_again(&["run"]);
    page.wait_until(&is_live());
    page.wait_until(&format!("{} > {seen}", number_of(COUNTED)));
    page.wait_until("document.getElementById('restarted').checkVisibility()");
    let count = page.number(&number_of("#stations-rows tr td"));
    page.wait_until(&format!("{} > {count}", number_of("#stations-rows tr td")));
    assert!(page.holds("window.sameDocument"));
    // The browser itself tells of each connection that failed; the page adds nothing.
    let others: Vec<_> = page.complaints().into_iter().filter(|one| !one.contains("/api/")).collect();
    assert_eq!(others, [""; 0]);
}
