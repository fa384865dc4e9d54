//! Where results lie.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub dir: PathBuf,
    /// `s3://BUCKET/PREFIX` in place of the folder; empty: the folder.
    pub url: String,
    /// In place of `consume.commit_interval_ms` where there is a URL.
    pub commit_interval_ms: u64,
    pub allow_network_filesystem: bool,
    /// Longest wait for the answer of an object store, and a second more for each MiB.
    pub request_timeout_ms: u64,
    pub s3: S3,
}

impl State {
    /// The object store in one form, however its address is written; `None`: results are in the folder.
    pub fn object_store(&self) -> Option<String> {
        let (bucket, prefix) = bucket_and_prefix(&self.url)?;
        let endpoint = self.s3.endpoint.trim_end_matches('/').to_ascii_lowercase();
        Some(format!("{endpoint}/{bucket}/{prefix}"))
    }
}

/// How an object store is reached. What is empty is as the environment has it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// Another server than Amazon's, as `http://host:port`.
    pub endpoint: String,
    pub region: String,
    /// The bucket stands in the path, and not in the name of the host.
    pub path_style: bool,
    /// Certificates, as PEM, that are trusted beside those of the system.
    pub ca_file: String,
    /// Requests may go without TLS.
    pub allow_http: bool,
    pub access_key_id: String,
    pub secret_access_key: String,
    /// File whose first line is the secret.
    pub secret_access_key_file: String,
    pub session_token: String,
}

impl fmt::Debug for S3 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, region, path_style, ca_file, allow_http, access_key_id, secret_access_key_file, .. } =
            self;
        formatter
            .debug_struct("S3")
            .field("endpoint", endpoint)
            .field("region", region)
            .field("path_style", path_style)
            .field("ca_file", ca_file)
            .field("allow_http", allow_http)
            .field("access_key_id", access_key_id)
            .field("secret_access_key_file", secret_access_key_file)
            .finish_non_exhaustive()
    }
}

/// Bucket and prefix of the address of an object store; `None` for any other text.
pub fn bucket_and_prefix(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("s3://")?.trim_end_matches('/');
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    (!bucket.is_empty() && !prefix.split('/').any(|part| part == "..")).then_some((bucket, prefix))
}

/// Checks what must hold between settings. `at` says a key's value and where it came from.
pub(super) fn check(State { s3, .. }: &State, at: impl Fn(&str) -> String) -> Result<(), Failure> {
    let refused = |what: String, advice: &str| Err(Failure::fatal(Kind::Settings, what).advice(advice));
    if s3.endpoint.starts_with("http://") && !s3.allow_http {
        return refused(
            format!("{}: requests would go without TLS", at("state.s3.endpoint")),
            "set it to https://…, or state.s3.allow_http = true",
        );
    }
    let [secret, secret_file] = ["state.s3.secret_access_key", "state.s3.secret_access_key_file"];
    let [is_secret, is_file] = [&s3.secret_access_key, &s3.secret_access_key_file].map(|value| !value.is_empty());
    if is_secret && is_file {
        return refused(format!("{} and {}", at(secret), at(secret_file)), "set one of them");
    }
    let has_secret = is_secret || is_file;
    if has_secret == s3.access_key_id.is_empty() {
        let (key, secret) = (at("state.s3.access_key_id"), at(if is_file { secret_file } else { secret }));
        return refused(format!("{key} and {secret}"), "set the key with its secret, or its file, or neither");
    }
    if !s3.session_token.is_empty() && !has_secret {
        return refused(at("state.s3.session_token"), "set the key and the secret that it belongs to, or take it out");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_bucket_and_maybe_a_prefix() {
        assert_eq!(bucket_and_prefix("s3://bucket"), Some(("bucket", "")));
        assert_eq!(bucket_and_prefix("s3://bucket/"), Some(("bucket", "")));
        assert_eq!(bucket_and_prefix("s3://bucket/a/b/"), Some(("bucket", "a/b")));
        for none in ["s3://", "bucket", "/state", "https://bucket", "s3:///a", "s3://b/../c", ""] {
            assert_eq!(bucket_and_prefix(none), None, "{none}");
        }
    }
}
