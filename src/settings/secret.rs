//! Which values are never shown.

/// What is shown in a secret's place.
pub(super) const MASK: &str = "********";

/// Whether the value of a key is a secret. The name of a file that holds a secret is not secret.
pub(super) fn is_secret(key: &str) -> bool {
    const WORDS: [&str; 6] = ["password", "passphrase", "secret", "token", "key.pem", "jaas"];
    let key = key.to_ascii_lowercase();
    !key.ends_with("_file") && WORDS.iter().any(|word| key.contains(word))
}
