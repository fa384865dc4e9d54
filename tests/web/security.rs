//! Whom it refuses.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::program::told;
use super::served::{Served, program};

const TOKEN: &str = "a token of more than 16 characters";

fn raw(served: &Served, request: &str) -> String {
    let mut stream = TcpStream::connect(served.authority()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it is set");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn every_answer_has_the_headers_and_nothing_is_served_from_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&program(folder.path()), &["run"]);
    for path in
        ["/", "/app.js", "/style.css", "/api/overview", "/metrics", "/healthz", "/nothing", "/api/stations?limit=0"]
    {
        let answer = served.get(path);
        let policy = answer.headers["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer", "{path}");
    }
    let host = served.authority();
    for path in ["/../Cargo.toml", "/..%2f..%2fetc/passwd", "/assets/app.js", "/state/partition-0.json", "//etc/passwd"]
    {
        let answer = raw(&served, &format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("there is nothing here"), "{path}: {answer}");
    }
    let page = served.get("/").text;
    assert!(!page.contains("http://") && !page.contains("https://"), "it asks no other host");
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("onclick"), "nothing is inline");
}

/// As monitors and balancers ask.
#[test]
fn head_is_answered_as_get_is_without_the_body() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&program(folder.path()), &["run"]);
    let host = served.authority();
    served.wait_for("/readyz", "that it is ready", |ready| ready["ready"] == true);
    for path in ["/", "/app.js", "/healthz", "/readyz", "/metrics", "/api/overview", "/api/events", "/nothing"] {
        let ask =
            |method| raw(&served, &format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"));
        let head = ask("HEAD");
        let status = if path == "/nothing" { 404 } else { 200 };
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && head.ends_with("\r\n\r\n"), "{path}: {head}");
        assert!(head.contains("content-security-policy"), "{path}: {head}");
        if ["/", "/app.js", "/healthz"].contains(&path) {
            let length =
                |answer: &str| answer.lines().find(|line| line.starts_with("content-length")).map(str::to_owned);
            assert_eq!(length(&head), length(&ask("GET")), "{path}");
        }
    }
    let metrics = served.get("/metrics").text;
    assert!(metrics.contains("\nisotherm_web_clients 0\n"), "no event stream was left open: {metrics}");
}

#[test]
fn a_page_of_another_site_can_neither_read_nor_do_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&program(folder.path()), &["run"]);
    let rebound = served.ask("GET", "/api/overview", &[("host", "evil.example")], "");
    assert_eq!(rebound.status, 403);
    for headers in [
        [("origin", "http://evil.example"), ("accept", "*/*")],
        [("sec-fetch-site", "cross-site"), ("accept", "*/*")],
        [("origin", "null"), ("accept", "*/*")],
    ] {
        assert_eq!(served.ask("POST", "/api/audit", &headers, "").status, 403, "{headers:?}");
    }
    let own = format!("http://{}", served.authority());
    assert_eq!(served.ask("POST", "/api/audit", &[("origin", &own)], "").status, 202);
    // Nor have it work by a picture.
    let picture = [("sec-fetch-site", "cross-site")];
    assert_eq!(served.ask("GET", "/api/stations?filter=x", &picture, "").status, 403);
    assert_eq!(served.ask("GET", "/", &picture, "").status, 200, "a link to the page is none");
    assert_eq!(served.get("/api/overview").headers.get("access-control-allow-origin"), None);
    // What changes something is a POST.
    for path in ["/api/stations/StationA/history", "/api/login"] {
        assert!([404, 405].contains(&served.get(path).status), "{path}");
    }
}

#[test]
fn requests_are_bounded_in_size_and_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&program(folder.path()), &["run"]);
    let large = format!("{{\"token\":\"{}\"}}", "x".repeat(100_000));
    let answer = served.ask("POST", "/api/login", &[("content-type", "application/json")], &large);
    assert!([400, 413].contains(&answer.status), "{}", answer.status);
    let host = served.authority();
    let endless = format!("GET / HTTP/1.1\r\nhost: {host}\r\nx: {}\r\n\r\n", "x".repeat(300_000));
    assert!(!raw(&served, &endless).starts_with("HTTP/1.1 200"));
    // Half a request: its time is over after a few seconds.
    let half = raw(&served, "GET / HTTP/1.1\r\nhost:");
    assert!(half.is_empty() || half.starts_with("HTTP/1.1 408"), "{half}");
    let login = "POST /api/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 40\r\nconnection: close\r\n\r\n{\"token\"";
    let half_a_body = raw(&served, login);
    assert!(half_a_body.starts_with("HTTP/1.1 503"), "{half_a_body}");
    for header in
        ["content-security-policy: default-src 'none'", "x-content-type-options: nosniff", "cache-control: no-store"]
    {
        assert!(half_a_body.contains(&format!("\r\n{header}")), "{half_a_body}");
    }
    assert_eq!(served.get("/healthz").status, 200, "it goes on");
}

#[test]
fn with_a_token_only_who_knows_it_sees_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = TOKEN.replace(' ', "-");
    let served = Served::start(&program(folder.path()).set(format!("web.token={token}")), &["run"]);
    for path in ["/api/overview", "/api/stations", "/api/events", "/metrics", "/api/audit"] {
        assert_eq!(served.get(path).status, 401, "{path}");
        let wrong = [("authorization", "Bearer 0123456789abcdef0123456789abcdef")];
        assert_eq!(served.ask("GET", path, &wrong, "").status, 401, "{path}");
    }
    assert_eq!(served.post("/api/audit").status, 401);
    for path in ["/", "/app.js", "/healthz"] {
        assert_eq!(served.get(path).status, 200, "{path}");
    }
    let json = [("content-type", "application/json")];
    assert_eq!(served.ask("POST", "/api/login", &json, r#"{"token":"wrong"}"#).status, 401);
    let login = served.ask("POST", "/api/login", &json, &format!(r#"{{"token":"{token}"}}"#));
    let cookie = login.headers["set-cookie"].to_str().expect("text").to_owned();
    // Without a path it goes to what lies beside the login alone, also where a proxy puts a path before that.
    assert!(login.status == 204 && cookie.ends_with("; HttpOnly; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    assert_eq!(served.ask("GET", "/api/overview", &[("cookie", pair)], "").status, 200);
    assert_eq!(served.with_token(&token).get("/metrics").status, 200);
}

#[test]
fn what_cannot_be_is_refused_at_the_start_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it has one");
    let program = program(folder.path());
    let said = program.clone().set(format!("web.listen={address}")).run_failing(&["run"], 75);
    assert!(
        said.contains(&format!("cannot serve the dashboard on {address}")) && said.contains("--set web.listen="),
        "{said}"
    );
    assert!(!folder.path().join("state").exists(), "nothing was begun");
    let said = program.clone().set("web.listen=0.0.0.0:0").run_failing(&["run"], 78);
    assert!(said.contains("web.token is empty"), "{said}");
    let said = program.clone().set("web.token=short").run_failing(&["run"], 78);
    assert!(said.contains("web.token is ********") && !said.contains("short"), "{said}");
    let said = program.set("web.listen=somewhere").run_failing(&["run"], 78);
    assert!(said.contains("127.0.0.1:8470"), "{said}");
}

#[test]
fn only_what_counts_serves_and_it_ends_with_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path()).set("source.simulate.days=5").set("source.simulate.pace_ms=0");
    let output = program.run(&["produce"]);
    assert!(output.status.success() && !told(&output).contains("serving"), "{}", told(&output));
    let output = program.run(&["consume", "--until-caught-up"]);
    assert!(output.status.success() && told(&output).contains("serving"), "{}", told(&output));
    let mut served = Served::start(&program, &["run", "--open"]);
    served.wait_for("/api/overview", "the end of the run", |overview| !overview["ended"].is_null());
    assert!(served.running.ended().is_none(), "it stays open");
    served.running.signal(libc::SIGTERM);
    let output = served.running.output();
    assert!(output.status.success(), "{}", told(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("readings produced"));
}
