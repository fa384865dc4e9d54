//! Values as Python's `repr` writes them.

use std::fmt::Write;

/// A float: the shortest digits that read back as the same number, always with a point or an exponent.
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    // Rust changes to an exponent at the same numbers as Python does, and only writes it in another way.
    let text = format!("{value:?}");
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => {
            let digits = digits.strip_suffix(".0").unwrap_or(digits);
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
            format!("{digits}e{sign}{exponent:0>2}")
        }
    }
}

/// A text in quotes: in double ones only if it has single ones alone.
pub fn text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if letter == quote => quoted.extend(['\\', letter]),
            _ if is_printable(letter) => quoted.push(letter),
            _ => escape(&mut quoted, u32::from(letter)),
        }
    }
    quoted.push(quote);
    quoted
}

fn escape(quoted: &mut String, code: u32) {
    let written = match code {
        0..=0xff => write!(quoted, "\\x{code:02x}"),
        0x100..=0xffff => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
    written.expect("a String has room");
}

/// As Python's `str.isprintable`: Unicode's Other and Separator categories are not, but the space is.
fn is_printable(letter: char) -> bool {
    if letter.is_ascii() {
        return (' '..='~').contains(&letter);
    }
    // Rust's own debug text goes by the same categories; behind another letter it leaves combining ones alone.
    let mut buffer = [b'a'; 5];
    let bytes = 1 + letter.encode_utf8(&mut buffer[1..]).len();
    let behind_another = std::str::from_utf8(&buffer[..bytes]).expect("an encoded letter is UTF-8");
    behind_another.escape_debug().nth(1) == Some(letter)
}

#[cfg(test)]
#[path = "python_tests.rs"]
mod tests;
