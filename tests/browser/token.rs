//! With a token set, the page asks for it.

use fantoccini::key::Key;

use super::driver::{self, Page, WIDE};
use super::site::Site;
use super::{YEAR, text_of};

#[test]
fn a_token_opens_the_dashboard_and_a_wrong_one_does_not() {
    const TOKEN: &str = "only-for-those-who-know-it";
    if !driver::is_there() {
        return;
    }
    let token = format!("web.token={TOKEN}");
    let site = Site::new(&[&YEAR[..], &[&token]].concat()).produce().start(&["consume"]);
    let page = Page::open(&site.address("#station/StationB"), WIDE, false);
    page.wait_until("document.getElementById('login').checkVisibility()");
    page.write("#token", "something-else-altogether");
    page.press(Key::Enter);
    page.wait_until(&format!("{} === 'This is not the token.'", text_of("#login-wrong")));
    page.script("document.getElementById('token').value = ''");
    page.write("#token", TOKEN);
    page.click("#login button");
    // It goes on where it was wanted.
    page.wait_until("document.querySelector('#station [data-fact=Readings] dd')?.textContent === '366'");
    assert!(page.holds("document.getElementById('login').hidden"));
    page.wait_until(&format!("{} === 'live'", text_of("#badge")));
    assert!(page.holds("!document.cookie.includes('isotherm')"), "no script can read the cookie");
    page.go(&site.address("?again"));
    page.wait_until("document.querySelectorAll('#stations-rows a[href]').length === 10");
    let others: Vec<_> = page.complaints().into_iter().filter(|one| !one.contains("401")).collect();
    assert_eq!(others, [""; 0]);
}
