//! The dashboard behind a real nginx: as it passes on by itself, with TLS before it, and below a path.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::driver::{self, Page, WIDE};
use super::program::wait_for;
use super::site::Site;
use super::{YEAR, broker, text_of};

const TOKEN: &str = "only-for-those-who-know-it";

const AUDITED_AT: &str =
    "return fetch('api/audit').then((answer) => answer.json()).then((audit) => audit.last?.finished_at_ms ?? 0)";

/// Ends with its test.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Before the dashboard of this port.
fn nginx(folder: &Path, [plain, tls, below]: [u16; 3], dashboard: u16) -> Nginx {
    let certificate = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .expect("the test needs openssl");
    assert!(certificate.status.success(), "{}", String::from_utf8_lossy(&certificate.stderr));
    let mut configuration =
        String::from("daemon off; master_process off; pid nginx.pid; error_log nginx.log; events {}\nhttp {\n");
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(configuration, "{kind}_temp_path {kind};").expect("memory is there");
    }
    write!(
        configuration,
        "access_log off;
         server {{
             listen 127.0.0.1:{plain};
             location / {{ proxy_pass http://127.0.0.1:{dashboard}; }}
         }}
         server {{
             listen 127.0.0.1:{below};
             location /weather/ {{ proxy_pass http://127.0.0.1:{dashboard}/; proxy_set_header Host $http_host; }}
         }}
         server {{
             listen 127.0.0.1:{tls} ssl;
             ssl_certificate certificate.pem;
             ssl_certificate_key key.pem;
             location / {{ proxy_pass http://127.0.0.1:{dashboard}; }}
         }}
         }}"
    )
    .expect("memory is there");
    fs::write(folder.join("nginx.conf"), configuration).expect("there is room");
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "nginx.log"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut nginx = Nginx(broker::spawn_to_die_with_us(command));
    wait_for("nginx", || {
        let ended = nginx.0.try_wait().expect("it is ours");
        assert!(ended.is_none(), "nginx ended: {}", fs::read_to_string(folder.join("nginx.log")).unwrap_or_default());
        [plain, tls, below].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
    });
    nginx
}

#[test]
fn behind_a_proxy_one_logs_in_sees_it_live_and_audits() {
    if !driver::is_there() {
        return;
    }
    let token = format!("web.token={TOKEN}");
    let site = Site::new(&[&YEAR[..], &[&token]].concat()).produce().start(&["consume"]);
    let ports @ [plain, tls, below] = broker::free_ports();
    let folder = tempfile::tempdir().expect("a folder");
    let _nginx = nginx(folder.path(), ports, site.port());
    for address in [
        format!("http://127.0.0.1:{plain}/"),
        format!("https://127.0.0.1:{tls}/"),
        format!("http://127.0.0.1:{below}/weather/"),
    ] {
        let page = Page::open(&format!("{address}#station/StationB"), WIDE, false);
        page.wait_until("document.getElementById('login').checkVisibility()");
        page.write("#token", TOKEN);
        page.click("#login button");
        page.wait_until("document.querySelector('#station [data-fact=Readings] dd')?.textContent === '366'");
        page.wait_until(&format!("{} === 'live'", text_of("#badge")));
        page.go(&format!("{address}?again"));
        page.wait_until(&format!("{} === 'live'", text_of("#badge")));
        let audited_at = || page.script(AUDITED_AT).as_u64().expect("a time");
        let before = audited_at();
        page.click("#audit-now");
        wait_for("the audit", || audited_at() > before);
        page.wait_until(&format!("{} === 'Verified'", text_of("#proof .verdict")));
        let others: Vec<_> = page.complaints().into_iter().filter(|one| !one.contains("401")).collect();
        assert_eq!(others, [""; 0], "{address}");
    }
}
