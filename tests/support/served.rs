//! A running program with its dashboard, and a client of that.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Lines, Program, Running};

/// Over a log and a state folder of its own, on a free port.
pub fn program(folder: &Path) -> Program {
    Program::new(&folder.join("state"))
        .set(format!("log.sqlite.path={}", folder.join("log.sqlite").display()))
        .set("web.listen=127.0.0.1:0")
}

pub struct Served {
    pub running: Running,
    pub stderr: Lines,
    /// As `http://127.0.0.1:4711`.
    pub address: String,
    agent: ureq::Agent,
    token: Option<String>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Served {
    /// Starts the program and waits until it says where it serves.
    pub fn start(program: &Program, arguments: &[&str]) -> Self {
        let mut running = program.start(arguments);
        let stderr = running.stderr();
        let address = stderr.address();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { running, stderr, address, agent: config.into(), token: None }
    }

    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    pub fn get_json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    pub fn post(&self, path: &str) -> Answer {
        self.ask("POST", path, &[], "")
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body.to_owned()).expect("it is a request");
        let mut response = self.agent.run(request).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = response.body_mut().read_to_string().expect("it is text");
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// `127.0.0.1:4711`.
    pub fn authority(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    /// Waits until an answer is as it should be; gives that.
    pub fn wait_for(&self, path: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut found = Value::Null;
        crate::program::wait_for(what, || {
            let answer = self.get(path);
            found = if answer.status == 200 { answer.json() } else { Value::Null };
            fits(&found)
        });
        found
    }
}
