//! The table of partitions.

use super::YEAR;
use super::driver::{self, Page, WIDE};
use super::site::Site;

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
