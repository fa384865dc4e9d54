use proptest::prelude::*;

use super::*;

#[test]
fn floats_are_written_as_python_writes_them() {
    // From Python 3.11: repr(float).
    for (value, expected) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (35.0, "35.0"),
        (35.2621, "35.2621"),
        (-40.0, "-40.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1.0 / 3.0, "0.3333333333333333"),
        (1e15, "1000000000000000.0"),
        (9_999_999_999_999_998.0, "9999999999999998.0"),
        (1e16, "1e+16"),
        (1.5e16, "1.5e+16"),
        (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
        (1e100, "1e+100"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (f64::from_bits(1), "5e-324"),
        (0.0001, "0.0001"),
        (0.00012, "0.00012"),
        (0.00001, "1e-05"),
        (-0.00001, "-1e-05"),
        (0.000_099_999, "9.9999e-05"),
        (1.25e-7, "1.25e-07"),
        (-1.5e-10, "-1.5e-10"),
        (f64::NAN, "nan"),
        (-f64::NAN, "nan"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        assert_eq!(float(value), expected);
    }
}

#[test]
fn texts_are_quoted_as_python_quotes_them() {
    // From Python 3.11: repr(str).
    for (value, expected) in [
        ("", "''"),
        ("StationC", "'StationC'"),
        ("O'Hare", "\"O'Hare\""),
        ("say \"x\"", "'say \"x\"'"),
        ("both ' and \"", "'both \\' and \"'"),
        ("back\\slash", "'back\\\\slash'"),
        ("tab\tnl\ncr\r", "'tab\\tnl\\ncr\\r'"),
        ("\0\u{1b}\u{7f}", "'\\x00\\x1b\\x7f'"),
        ("\u{80}\u{85}\u{a0}\u{ad}", "'\\x80\\x85\\xa0\\xad'"),
        ("Zürich", "'Zürich'"),
        ("札幌", "'札幌'"),
        ("e\u{301}", "'e\u{301}'"),
        ("\u{301}", "'\u{301}'"),
        ("\u{200b}\u{2028}", "'\\u200b\\u2028'"),
        ("\u{e000}", "'\\ue000'"),
        ("\u{1f321}", "'\u{1f321}'"),
        ("\u{e0001}", "'\\U000e0001'"),
        ("\u{378}", "'\\u0378'"),
        ("\u{feff}", "'\\ufeff'"),
        ("\u{3000}", "'\\u3000'"),
    ] {
        assert_eq!(text(value), expected);
    }
}

/// Reads a quoted text back, as Python would.
fn unquoted(quoted: &str) -> Option<String> {
    let mut letters = quoted.chars();
    let quote = letters.next()?;
    let mut text = String::new();
    loop {
        let letter = match letters.next()? {
            letter if letter == quote => return letters.next().is_none().then_some(text),
            '\\' => match letters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                kind @ ('x' | 'u' | 'U') => {
                    let digits = match kind {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let digits: String = letters.by_ref().take(digits).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                other => other,
            },
            letter => letter,
        };
        text.push(letter);
    }
}

proptest! {
    #[test]
    fn a_float_reads_back_as_itself_and_looks_like_a_float(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let text = float(value);
        let read: f64 = text.parse().expect("a number");
        prop_assert!(read.to_bits() == bits || value.is_nan());
        prop_assert!(!value.is_finite() || text.contains(['.', 'e']), "{}", text);
    }

    #[test]
    fn a_text_reads_back_as_itself_from_one_printable_line(value in any::<String>()) {
        let quoted = text(&value);
        prop_assert_eq!(unquoted(&quoted), Some(value));
        prop_assert!(!quoted.chars().any(char::is_control));
    }
}
