use super::*;

/// Compares a file of this content, of which `bytes` are committed, with these lines.
fn compared(content: Option<&[u8]>, bytes: u64, lines: &[&[u8]]) -> (u64, Differences) {
    let mut differences = Differences::default();
    let mut file = RejectedFile::new("r", Box::new(content.unwrap_or_default()), bytes);
    for line in lines {
        file.expect(line, &mut differences).expect("it reads");
    }
    let all = lines.concat();
    (file.finish(all.len() as u64, crc32c::crc32c(&all), &mut differences).expect("it reads"), differences)
}

#[test]
fn the_committed_lines_are_the_same_and_what_follows_does_not_count() {
    for content in [&b"one\ntwo\n"[..], b"one\ntwo\nthree\n", b"one\ntwo\nthr"] {
        assert_eq!(compared(Some(content), 8, &[b"one\n", b"two\n"]), (2, Differences::default()));
    }
    assert_eq!(compared(None, 0, &[]), (0, Differences::default()));
    assert_eq!(compared(Some(b"one\n"), 0, &[]), (0, Differences::default()));
}

#[test]
fn other_bytes_missing_lines_and_further_ones_are_differences() {
    let (lines, differences) = compared(Some(b"one\ntwx\n"), 8, &[b"one\n", b"two\n"]);
    assert_eq!((lines, differences.total), (2, 2), "the line and the sum");
    assert!(differences.listed[0].what.ends_with("line 2"), "{differences:?}");
    assert_eq!((differences.listed[0].file.as_str(), differences.listed[0].replay.as_str()), ("twx", "two"));
    for (content, bytes) in
        [(None, 8), (Some(&b"one\n"[..]), 8), (Some(b"one\ntwo\n"), 4), (Some(b"one\ntwo\nfour\n"), 13)]
    {
        let (_, differences) = compared(content, bytes, &[b"one\n", b"two\n"]);
        assert!(differences.total > 0, "{content:?} {bytes}");
    }
}

#[test]
fn a_file_without_line_ends_is_read_in_pieces() {
    let content = vec![b'x'; 300_000];
    let (lines, differences) = compared(Some(&content), 300_000, &[b"one\n"]);
    assert_eq!(lines, 300_000_u64.div_ceil(LINE_BYTES_MAX));
    assert!(differences.listed[0].file.len() < 200, "{differences:?}");
}
