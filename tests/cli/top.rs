//! `isotherm top --once` beside a server that answers as a test wants.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::support::{Run, isotherm, scene, text};
use super::terminal;

const PARTITIONS: &str = include_str!("../data/top/partitions.json");
const SUPERVISION: &str = include_str!("../data/top/supervision.json");
const AUDIT: &str = include_str!("../data/top/audit.json");
const STATIONS: &str = include_str!("../data/top/stations.json");

/// A server on a port of its own, until the test ends.
struct Server {
    address: String,
    /// Head of each request, in their order.
    asked: Arc<Mutex<Vec<String>>>,
}

/// Answers with what comes of the path without its query, for another method than GET after its name: status line and body.
fn server(answer: impl Fn(&str) -> (&'static str, String) + Send + 'static) -> Server {
    serve_at(TcpListener::bind("127.0.0.1:0").expect("there is a free port"), answer)
}

fn serve_at(listener: TcpListener, answer: impl Fn(&str) -> (&'static str, String) + Send + 'static) -> Server {
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that hangs up in the middle is no matter of the server's.
            drop(serve(stream.expect("it comes"), &heard, &answer));
        }
    });
    Server { address, asked }
}

/// One answer a connection.
fn serve(
    mut stream: TcpStream,
    asked: &Mutex<Vec<String>>,
    answer: &impl Fn(&str) -> (&'static str, String),
) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone()?).take(1 << 16);
    while reader.read_line(&mut head)? > 2 {}
    let mut words = head.split([' ', '?']);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let what = if method == "GET" { path.to_owned() } else { format!("{method} {path}") };
    asked.lock().expect("no test panicked in here").push(head);
    let (status, body) = answer(&what);
    write!(
        stream,
        "HTTP/1.1 {status}\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn answers(path: &str) -> (&'static str, String) {
    let body = match path {
        "/api/partitions" => PARTITIONS,
        "/api/supervision" => SUPERVISION,
        "/api/audit" => AUDIT,
        "/api/stations" => STATIONS,
        _ => return ("404 Not Found", r#"{"error":"no such page"}"#.to_owned()),
    };
    ("200 OK", body.to_owned())
}

#[test]
fn once_prints_one_screen_without_what_a_terminal_obeys() {
    let server = server(answers);
    // Without a terminal it is the same without being asked for.
    for more in [&["--once"][..], &[]] {
        let run = isotherm(&[&["top", server.address.as_str()][..], more].concat());
        run.ends_with(0);
        assert_eq!(run.stderr, "");
        assert!(run.stdout.starts_with(&format!("isotherm top  {}\n1 FAILED, lag ", server.address)), "{}", run.stdout);
        // The server's clock decides how long ago something was, and the fixtures are of 2023.
        for part in [
            "  1 min ago  partition 3  aggregator ",
            "12,345,313",
            "5 of 5",
            "PROOF  verified, 2 partitions, 5 min ago",
        ] {
            assert!(run.stdout.contains(part.trim_start()), "{part} is not in\n{}", run.stdout);
        }
        assert!(run.stdout.chars().all(|one| one == '\n' || !one.is_control()), "{:?}", run.stdout);
        assert!(
            run.stdout.contains("damaged ?[2Jat") && run.stdout.ends_with("/: filter stations\n"),
            "{}",
            run.stdout
        );
    }
    let asked = server.asked.lock().expect("no test panicked in here").join("");
    assert!(asked.contains("GET /api/stations?sort=station&order=asc&filter=&offset=0&limit="), "{asked}");
    assert!(!asked.to_ascii_lowercase().contains("authorization"), "{asked}");
}

#[test]
fn a_token_comes_from_a_file_or_the_environment_and_goes_nowhere_else() {
    let server = server(answers);
    let scene = scene();
    std::fs::write(scene.path("token"), "a-token-of-a-file\nmore\n").expect("written");
    let file = text(&scene.path("token"));
    scene.isotherm(&["top", &server.address, "--token-file", &file]).ends_with(0);
    let mut command = super::program::command(std::path::Path::new("."), &["top", &server.address]);
    command.env("ISOTHERM_WEB__TOKEN", "a-token-of-the-environment");
    let output = super::program::Running::start(command).output();
    assert!(output.status.success(), "{}", super::program::told(&output));
    let asked = server.asked.lock().expect("no test panicked in here");
    let tokens: Vec<&str> = asked
        .iter()
        .flat_map(|head| head.lines())
        .filter_map(|line| line.split_once("Bearer ").map(|(_, token)| token))
        .collect();
    assert_eq!(tokens, [["a-token-of-a-file"; 4], ["a-token-of-the-environment"; 4]].concat());

    std::fs::write(scene.path("token"), "\n").expect("written");
    scene.isotherm(&["top", &server.address, "--token-file", &file]).fails_in_one_line(78, &["token", "first line"]);
}

fn refused(status: &'static str, body: &str) -> Run {
    let body = body.to_owned();
    isotherm(&["top", &server(move |_| (status, body.clone())).address, "--once"])
}

#[test]
fn what_does_not_answer_or_is_something_else_ends_with_a_line_that_says_so() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = closed.local_addr().expect("it is bound").to_string();
    drop(closed);
    isotherm(&["top", &address, "--once"])
        .fails_in_one_line(69, &["nothing answers at http://", &address, "web.listen"]);
    refused("401 Unauthorized", "").fails_in_one_line(78, &["wants a token", "ISOTHERM_WEB__TOKEN", "--token-file"]);
    refused("503 Service Unavailable", r#"{"error":"too \u001b[2J much"}"#).fails_in_one_line(69, &["too ?[2J much"]);
    for (status, body) in [("200 OK", "<html>"), ("200 OK", "{}"), ("404 Not Found", "nothing"), ("302 Found", "")] {
        refused(status, body).fails_in_one_line(69, &["is not this version of isotherm"]);
    }
}

#[test]
fn the_address_is_typed_or_that_of_the_settings() {
    let server = server(answers);
    let listen = server.address.replace("http://", "web.listen=");
    isotherm(&["top", "--set", &listen, "--once"]).ends_with(0);
    isotherm(&["top", "--set", "web.listen=127.0.0.1:0"]).fails_in_one_line(64, &["port 0", "isotherm top ADDRESS"]);
    isotherm(&["top", "https://127.0.0.1:1"]).fails_in_one_line(64, &["plain HTTP"]);
    isotherm(&["top", "http://me:secret@127.0.0.1:1"]).fails_in_one_line(64, &["--token-file"]);
}

#[test]
fn whatever_ends_it_the_terminal_is_as_it_was() {
    let server = server(answers);
    for end in ["q", "\u{1b}", "\u{3}"] {
        let mut terminal = terminal::start(&server.address, &[]);
        terminal.wait_to_see("KCLT");
        terminal.press(end);
        terminal.ends_well();
    }
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let mut terminal = terminal::start(&server.address, &[]);
        terminal.wait_to_see("KCLT");
        terminal.signal(signal);
        terminal.ends_well();
    }
}

#[test]
fn keys_ask_the_server_for_what_is_in_view_and_for_an_audit() {
    let server = server(|what| match what {
        "POST /api/audit" => ("409 Conflict", r#"{"error":"one runs already"}"#.to_owned()),
        _ => answers(what),
    });
    let mut terminal = terminal::start(&server.address, &[]);
    terminal.wait_to_see("KCLT");
    terminal.press("/kn\rsr");
    let asked =
        |what: &str| server.asked.lock().expect("no test panicked in here").iter().any(|head| head.contains(what));
    super::program::wait_for("what the keys ask for", || asked("sort=count&order=desc&filter=kn&offset=0&limit="));
    terminal.press("a");
    terminal.wait_to_see("one runs already");
    let posts =
        server.asked.lock().expect("no test panicked in here").iter().filter(|head| head.starts_with("POST")).count();
    assert_eq!(posts, 1);
    terminal.press("q");
    assert!(terminal.ends_well().contains(COLOUR));
}

/// How the colour of a letter begins.
const COLOUR: &str = "\u{1b}[38;5;";

/// It waits for a server that is not there yet, and shows no colour where none is wanted.
#[test]
fn a_server_that_comes_later_is_shown_when_it_is_there() {
    let reserved = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = reserved.local_addr().expect("it is bound");
    drop(reserved);
    let mut terminal = terminal::start(&format!("http://{address}"), &[("NO_COLOR", "1")]);
    terminal.wait_to_see("AWAY");
    let server = serve_at(TcpListener::bind(address).expect("it is still free"), answers);
    terminal.wait_to_see("KCLT");
    drop(server);
    terminal.press("q");
    assert!(!terminal.ends_well().contains(COLOUR));
}

#[test]
fn a_process_that_counts_is_watched_filtered_and_audited() {
    let scene = scene();
    let sets = ["--set=web.listen=127.0.0.1:0", "--set=source.simulate.days=100", "--set=source.simulate.pace_ms=0"];
    let mut process = scene.start(&[&["run", "--open"][..], &sets].concat());
    let said = process.stderr();
    let address = said.address();
    let mut terminal = terminal::start(&address, &[]);
    terminal.wait_to_see("lag 0, ");
    terminal.wait_to_see("10 stations, 1,000 records");
    terminal.wait_to_see("ingest       finished");
    terminal.press("/zz\r");
    terminal.wait_to_see("Stations none of 0 that contain: zz");
    terminal.press("/\u{7f}\u{7f}StationJ\r");
    terminal.wait_to_see("Stations 1 to 1 of 1 that contain: StationJ ");
    terminal.wait_to_see("100    52.30  2000-01-01  2000-04-09");
    terminal.press("a");
    terminal.wait_to_see("the audit has begun");
    terminal.press("?");
    terminal.wait_to_see("PROOF  verified, 4 partitions");
    terminal.press("q");
    terminal.ends_well();

    let run = scene.isotherm(&["top", &address, "--once"]);
    run.ends_with(0);
    let shown = scene.isotherm(&["show", "--json"]).json();
    let cells = run.cells();
    for partition in shown["partitions"].as_array().expect("partitions") {
        let beginning = [partition["partition"].to_string(), "finished".to_owned(), partition["offset"].to_string()];
        assert!(cells.iter().any(|row| row.len() > 3 && row[..3] == beginning), "{beginning:?}: {}", run.stdout);
    }
    for station in shown["stations"].as_array().expect("stations") {
        let name = station["station"].as_str().expect("a name");
        let average = format!("{:.2}", station["average"].as_f64().expect("a number"));
        let row =
            cells.iter().find(|row| row.first() == Some(&name)).unwrap_or_else(|| panic!("{name}: {}", run.stdout));
        assert_eq!(row[1..3], ["100", &average]);
    }
    process.signal(libc::SIGTERM);
    process.output();
    scene.isotherm(&["top", &address, "--once"]).fails_in_one_line(69, &["nothing answers"]);
}
