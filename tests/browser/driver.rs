//! A real Chromium, headless, driven by its `chromedriver`.
//!
//! One driver for all tests of this process, on a port that it chooses; it and its browsers die with the process, however
//! that ends. One test has a browser at a time: they measure. Where there is no driver, each test says that it is skipped;
//! with `ISOTHERM_REQUIRE_BROWSER=1` it fails.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::broker;

/// Nothing that is waited for takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a laptop and a phone show.
pub const WIDE: (u32, u32) = (1280, 900);
pub const PHONE: (u32, u32) = (390, 844);

struct Driver {
    url: String,
    child: Mutex<Child>,
}

/// Whether there is a browser; else the test is skipped.
pub fn is_there() -> bool {
    let lacking = match Command::new("chromedriver").arg("--version").stdout(Stdio::null()).status() {
        Ok(status) if status.success() => return true,
        Ok(status) => format!("chromedriver --version: {status}"),
        Err(error) => format!("chromedriver: {error}; Debian's package is chromium-driver"),
    };
    assert_ne!(std::env::var("ISOTHERM_REQUIRE_BROWSER").as_deref(), Ok("1"), "{lacking}");
    broker::skip_here(&lacking);
    false
}

fn driver() -> &'static Driver {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    extern "C" fn end() {
        if let Some(driver) = DRIVER.get() {
            let mut child = driver.child.lock().unwrap_or_else(PoisonError::into_inner);
            drop(child.kill());
            drop(child.wait());
        }
    }
    DRIVER.get_or_init(|| {
        // SAFETY: the function is one of this program, and needs nothing that is gone by then.
        unsafe { libc::atexit(end) };
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = broker::spawn_to_die_with_us(command);
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.expect("chromedriver says on which port it listens");
        Driver { url: format!("http://127.0.0.1:{port}"), child: Mutex::new(child) }
    })
}

/// A browser with one page; closed when it is dropped.
pub struct Page {
    runtime: Runtime,
    client: Client,
    session: String,
    _alone: MutexGuard<'static, ()>,
}

impl Page {
    /// A browser of this size, light or dark, at this address.
    pub fn open(address: &str, size: (u32, u32), dark: bool) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("threads can be started");
        // By a pipe, the browser notices when its driver is gone.
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"];
        let capabilities = json!({
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": arguments },
        });
        let capabilities = capabilities.as_object().expect("it is one").clone();
        let connect = async {
            let client =
                ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&driver().url).await;
            let client = client.expect("a browser starts");
            let session = client.session_id().await.expect("it is there").expect("it has one");
            (client, session)
        };
        let (client, session) = runtime.block_on(connect);
        let page = Self { runtime, client, session, _alone: alone };
        let (width, height) = size;
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE });
        page.devtools("Emulation.setDeviceMetricsOverride", &screen);
        page.dark(dark);
        page.go(address);
        page
    }

    pub fn go(&self, address: &str) {
        self.runtime.block_on(self.client.goto(address)).expect("it opens");
    }

    pub fn back(&self) {
        self.runtime.block_on(self.client.back()).expect("there is a page before");
    }

    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// What a function of this body returns.
    pub fn script(&self, body: &str) -> Value {
        self.runtime.block_on(self.client.execute(body, Vec::new())).unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// An expression as text.
    pub fn text(&self, expression: &str) -> String {
        let value = self.script(&format!("return String({expression})"));
        value.as_str().expect("it is a text").to_owned()
    }

    /// An expression as number.
    pub fn number(&self, expression: &str) -> f64 {
        self.script(&format!("return Number({expression})")).as_f64().expect("it is a number")
    }

    pub fn holds(&self, expression: &str) -> bool {
        self.script(&format!("return Boolean({expression})")) == true
    }

    /// Waits until an expression is true. An expression that throws, as of an element that the page has not drawn yet,
    /// is not true yet.
    pub fn wait_until(&self, expression: &str) {
        let look = format!("try {{ return Boolean({expression}) }} catch (error) {{ return String(error) }}");
        let begun = Instant::now();
        loop {
            let seen = self.script(&look);
            if seen == true {
                return;
            }
            if begun.elapsed() > DEADLINE {
                let page = self.text("document.body.innerText");
                panic!("it does not come that {expression}: {seen}; the page says:\n{page}");
            }
            // Looking costs the page its processor: a moment between two looks.
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    pub fn click(&self, selector: &str) {
        let click = async { self.client.find(Locator::Css(selector)).await?.click().await };
        self.runtime.block_on(click).unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    pub fn write(&self, selector: &str, text: &str) {
        let write = async { self.client.find(Locator::Css(selector)).await?.send_keys(text).await };
        self.runtime.block_on(write).unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Presses a key wherever the focus is.
    pub fn press(&self, key: Key) {
        let value = char::from(key);
        let keys = KeyActions::new("keyboard".to_owned()).then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.runtime.block_on(self.client.perform_actions(keys)).expect("a key can be pressed");
    }

    /// A PNG of the top of the page.
    pub fn screenshot(&self) -> Vec<u8> {
        self.runtime.block_on(self.client.screenshot()).expect("it can be taken")
    }

    /// A command of the browser's own protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// What the console and the network of this page complained of since it was asked last.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().expect("a list").iter();
        entries.map(|entry| entry["message"].as_str().expect("a text").to_owned()).collect()
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        let address = format!("{}/session/{}/{command}", driver().url, self.session);
        let mut answer = ureq::post(&address).send_json(body).unwrap_or_else(|error| panic!("{command}: {error}"));
        let answer: Value = answer.body_mut().read_json().expect("it answers in JSON");
        answer["value"].clone()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        drop(self.runtime.block_on(self.client.clone().close()));
    }
}
