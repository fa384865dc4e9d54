//! Texts of the server that a terminal may show, and numbers as a person reads them.

use indicatif::HumanCount;
use serde_json::Value;

/// Characters that are kept of one text: what is longer fits on no screen.
const LENGTH_MAX: usize = 1000;

/// A text without anything that a terminal obeys: every control character, and every one that turns the direction of
/// writing, becomes a `?`.
pub fn plain(text: &str) -> String {
    let plain = |character: char| match character {
        '\n' | '\t' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        _ if character.is_control() => '?',
        _ => character,
    };
    text.chars().take(LENGTH_MAX).map(plain).collect()
}

/// An answer with every text in it made [`plain`]: all that the server says reaches the terminal through this.
pub fn plain_answer(answer: Value) -> Value {
    match answer {
        Value::String(text) => Value::String(plain(&text)),
        Value::Array(all) => all.into_iter().map(plain_answer).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (plain(&name), plain_answer(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => answer,
    }
}

/// 1234567 as `1,234,567`.
pub fn thousands(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A length of time, rounded down to its largest unit.
pub fn age(milliseconds: u64) -> String {
    match milliseconds / 1000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Milliseconds, with a digit behind the point where they are few.
pub fn took(milliseconds: f64) -> String {
    if milliseconds < 10.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_kept() {
        let text = plain("a\u{1b}[2J\u{7}\u{9b}31m\u{7f}\r\nb\tc \u{202e}d é 気温");
        assert_eq!(text, "a?[2J??31m?? b c ?d é 気温");
        assert_eq!(plain(&"x".repeat(5000)).len(), LENGTH_MAX);
        let read = |text| plain_answer(serde_json::from_str(text).expect("it is JSON"));
        assert_eq!(read(r#""\u001b]0;title\u0007""#), "?]0;title?");
        let all = read(r#"{"a\u0007": [1, null, {"b": "\u001b[2J"}]}"#);
        assert_eq!(all, serde_json::json!({"a?": [1, null, {"b": "?[2J"}]}));
    }

    #[test]
    fn numbers_are_short() {
        let ages = [0, 59_999, 60_000, 3_600_000, 86_400_000 * 3].map(age);
        assert_eq!(ages, ["0 s", "59 s", "1 min", "1 h", "3 d"]);
        assert_eq!([took(0.25), took(9.94), took(63.0)], ["0.2 ms", "9.9 ms", "63 ms"]);
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
