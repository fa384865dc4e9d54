//! The proof, at the press of a button.

use super::driver::{self, Page, WIDE};
use super::site::{Site, outgoing};
use super::{YEAR, text_of};

const VERDICT: &str = "#proof .verdict";

#[test]
fn an_audit_is_started_by_its_button_and_tells_what_it_verified() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&YEAR).produce().start(&["consume"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until(&format!("{} === '3,660'", text_of("#tiles [data-tile=counted] dd")));
    assert_eq!(page.text(&text_of(VERDICT)), "Not audited yet");
    page.click("#audit-now");
    page.wait_until(&format!("{} === 'Verified'", text_of(VERDICT)));
    let said = page.text(&text_of("#proof .said"));
    assert_eq!(said, "3,660 records replayed, every number of 10 stations right, bit for bit.");
    page.wait_until(&format!("{}.includes('nothing came since')", text_of("#proof")));
    assert!(page.holds("!document.getElementById('audit-now').disabled"), "it can be run again");
    // What a later one found that came to no result: no fault makes one, so the page is given its answer.
    page.script(
        "const failed = { at_ms: Date.now(), why: 'an audit panicked: no' };
         return Promise.all([import('/proof.js'), fetch('/api/audit').then((answer) => answer.json())])
             .then(([proof, audit]) => proof.showAudit({ ...audit, failed }))",
    );
    assert_eq!(page.text(&text_of(VERDICT)), "The last audit failed");
    let said = page.text(&text_of("#proof .said"));
    assert!(
        said.contains("an audit panicked: no. The one before it, at ") && said.ends_with("said: verified."),
        "{said}"
    );
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_file_that_the_log_does_not_bear_out_is_said_to_be_wrong() {
    if !driver::is_there() {
        return;
    }
    let site = Site::new(&[]);
    site.write(&[("Oslo", "2020-01-01", 1.0)]);
    let site = site.start(&["consume"]);
    let page = Page::open(&site.address(""), WIDE, false);
    page.wait_until("document.getElementById('partitions-rows').textContent.includes('1 committed')");
    // Somebody changes what was counted, behind its back.
    let path = site.folder().join(format!("state/partition-{}.json", outgoing("Oslo", "2020-01-01", 1.0).partition));
    let file = std::fs::read_to_string(&path).expect("it is there");
    std::fs::write(&path, file.replace("\"sum\": 1.0", "\"sum\": 1.5")).expect("it is written");
    page.click("#audit-now");
    page.wait_until(&format!("{} === 'A file is wrong'", text_of(VERDICT)));
    assert!(page.holds("document.querySelector('#proof li.wrong').textContent.includes('FILE WRONG')"));
    assert_eq!(page.complaints(), [""; 0]);
}
