//! The table of partitions.

use super::driver::{self, Page, WIDE};
use super::owned::WriteOwned as _;
use super::program::wait_for;
use super::site::{PARTITIONS, Site, outgoing};
use super::{YEAR, text_of};

#[test]
fn rejected_records_that_are_only_counted_are_said_beside_the_others() {
    if !driver::is_there() {
        return;
    }
    let twice = ["source.simulate.duplicates_share=1.0", "log.partitions=1"];
    let sets = [&YEAR[..], &twice, &["quality.rejected_bytes_max=1000"]].concat();
    let site = Site::new(&sets).produce().start(&["consume"]);
    let page = Page::open(&site.address(""), WIDE, false);
    let rejected = "document.querySelector('#partitions-rows [data-label=Rejected]')";
    page.wait_until(&format!("{rejected}?.querySelector('summary').textContent === '3,660'"));
    page.wait_until(&format!("{rejected}.querySelector('.unkept').checkVisibility()"));
    let said = page.text(&format!("{rejected}.querySelector('.unkept').textContent"));
    assert!(said.starts_with("the file of them is full: 3,65") && said.ends_with(" only counted"), "{said}");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn stations_of_several_partitions_are_told_by_metrics_and_page() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&[]);
    let mut elsewhere = outgoing("Oslo", "2020-01-02", 2.0);
    elsewhere.partition = (elsewhere.partition + 1) % PARTITIONS;
    let records = [outgoing("Oslo", "2020-01-01", 1.0), elsewhere, outgoing("Rome", "2020-01-01", 15.0)];
    site.log().open_writer("a test").expect("it opens").write_owned(&records).expect("it is written");
    let site = site.start(&["consume"]);
    // Nobody looks at the stations yet.
    wait_for("the metric", || {
        let mut answer = ureq::get(site.address("metrics")).call().expect("it answers");
        let metrics = answer.body_mut().read_to_string().expect("it is text");
        metrics.lines().any(|line| line == "isotherm_stations_in_several_partitions 1")
    });
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until(&format!("{}.startsWith('1 station in several partitions, each counted')", text_of("#in-several")));
    page.wait_until("document.querySelectorAll('#stations-rows a[href]').length === 3");
    assert_eq!(page.complaints(), [""; 0]);
}
