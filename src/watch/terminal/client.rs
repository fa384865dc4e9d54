//! Asks the server, with a bound on the time and on the bytes of every answer.
//!
//! The client follows no redirect and uses no proxy: a token goes to the address that was named, and nowhere else.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body, RequestBuilder};

use super::model::Answers;
use super::text::{plain, plain_answer};
use crate::failure::{Failure, Kind};
use crate::watch::wire::{Partitions, Problem, Stations, Which, now_ms};

const CONNECT_MAX: Duration = Duration::from_secs(2);
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Ten thousand partitions take a few megabytes.
const BODY_BYTES_MAX: u64 = 32 << 20;

pub struct ApiClient {
    agent: Agent,
    /// As `http://host:port`.
    address: String,
    token: Option<String>,
}

impl ApiClient {
    pub fn new(address: String, token: Option<String>) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("isotherm-top/", env!("CARGO_PKG_VERSION")));
        Self { agent: config.build().into(), address, token }
    }

    /// Asks for all that a screen shows, with these stations.
    pub fn ask(&self, which: &Which) -> Result<Answers, Failure> {
        let (partitions, now_ms): (Partitions, _) = self.get("/api/partitions", &[])?;
        let (stations, _): (Stations, _) = self.get("/api/stations", &which.parameters())?;
        Ok(Answers {
            now_ms,
            partitions: partitions.partitions,
            supervision: self.get("/api/supervision", &[])?.0,
            audit: self.get("/api/audit", &[])?.0,
            stations,
        })
    }

    pub fn start_audit(&self) -> Result<(), Failure> {
        let post = self.authorized(self.agent.post(self.url("/api/audit")));
        self.answered(post.send_empty()).map(drop)
    }

    /// The answer, and when it was given by the server's clock.
    fn get<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, String)]) -> Result<(T, u64), Failure> {
        let parameters = parameters.iter().map(|(name, value)| (*name, value.as_str()));
        let get = self.authorized(self.agent.get(self.url(path)).query_pairs(parameters));
        let mut response = self.answered(get.call())?;
        let now_ms = date_ms(response.headers()).unwrap_or_else(now_ms);
        match read(&mut response) {
            Ok(answer) => Ok((answer, now_ms)),
            Err(ureq::Error::Json(error)) => Err(self.stranger(&format!("{path} is not what it should be: {error}"))),
            Err(error) => Err(self.away(&error)),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// A good answer, or what the server said instead.
    fn answered(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Failure> {
        let mut response = response.map_err(|error| self.away(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.as_u16() == 401 {
            let what = match self.token {
                Some(_) => format!("{} has another token", self.address),
                None => format!("{} wants a token", self.address),
            };
            return Err(Failure::fatal(Kind::Settings, what)
                .advice("put it into the environment variable ISOTHERM_WEB__TOKEN, or name a file: --token-file"));
        }
        match read::<Problem>(&mut response) {
            Ok(problem) => {
                Err(Failure::retryable(Kind::Unavailable, format!("{} answers: {}", self.address, problem.error)))
            }
            Err(_) => Err(self.stranger(&format!("status {status}"))),
        }
    }

    fn away(&self, error: &ureq::Error) -> Failure {
        let why = match error {
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::Timeout(_) => "it takes too long".to_owned(),
            other => other.to_string(),
        };
        let what = format!("nothing answers at {}: {}", self.address, plain(&why));
        Failure::retryable(Kind::Unavailable, what)
            .advice("start isotherm with web.listen set, or name its address: isotherm top ADDRESS")
    }

    fn stranger(&self, why: &str) -> Failure {
        let what = format!("what answers at {} is not this version of isotherm: {}", self.address, plain(why));
        Failure::retryable(Kind::Unavailable, what)
    }
}

fn read<T: DeserializeOwned>(response: &mut Response<Body>) -> Result<T, ureq::Error> {
    let answer: Value = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_json()?;
    Ok(serde_json::from_value(plain_answer(answer))?)
}

/// When an answer was given, in Unix milliseconds, by its header `Date`, which knows seconds.
fn date_ms(headers: &HeaderMap) -> Option<u64> {
    let date = headers.get("Date")?.to_str().ok()?;
    chrono::DateTime::parse_from_rfc2822(date).ok()?.timestamp_millis().try_into().ok()
}
