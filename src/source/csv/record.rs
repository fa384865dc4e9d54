//! The fields of one record, split by the crate `csv-core` a line at a time, so that a record which is not closed takes no
//! more than it may, and its first line has its number.

/// One record, whose memory is used for the next one.
#[derive(Debug)]
pub struct CsvRecord {
    reader: csv_core::Reader,
    /// The fields' bytes, then room.
    bytes: Vec<u8>,
    bytes_used: usize,
    /// Where each field ends in `bytes`, then room.
    ends: Vec<usize>,
    fields: usize,
    /// The record ends within quotes: the next line belongs to it.
    is_open: bool,
    delimiter: u8,
    quotes: Quotes,
    lines: usize,
    is_malformed: bool,
    /// It ended before its line did.
    has_rest: bool,
}

/// Where a record stands, as far as quotes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quotes {
    FieldBegins,
    Unquoted,
    Quoted,
    /// Behind a quote within quotes: it closes them, or is the first of two that stand for one.
    Closing,
    /// Behind quotes that are closed.
    Closed,
}

impl CsvRecord {
    /// Of fields between these.
    pub fn new(delimiter: u8) -> Self {
        let mut reader =
            csv_core::ReaderBuilder::new().delimiter(delimiter).terminator(csv_core::Terminator::Any(b'\n')).build();
        // What looks like a byte order mark is only one at a file's beginning, where it is taken away: so the reader is
        // past its own beginning.
        reader.read_record(b"\n", &mut [0], &mut [0]);
        Self {
            reader,
            bytes: Vec::new(),
            bytes_used: 0,
            ends: Vec::new(),
            fields: 0,
            is_open: false,
            delimiter,
            quotes: Quotes::FieldBegins,
            lines: 0,
            is_malformed: false,
            has_rest: false,
        }
    }

    /// Begins with the first line of a record, which is not empty.
    pub fn begin(&mut self, line: &mut Vec<u8>) {
        if self.is_open {
            self.go_on(&mut vec![b'"']);
        }
        (self.bytes_used, self.fields) = (0, 0);
        (self.quotes, self.lines, self.is_malformed) = (Quotes::FieldBegins, 0, false);
        self.go_on(line);
    }

    /// Goes on with a line, to which its end is given back.
    pub fn go_on(&mut self, line: &mut Vec<u8>) {
        self.lines += 1;
        // Most lines have none, and none is open.
        if self.is_open || line.contains(&b'"') {
            self.follow_quotes(line);
        }
        line.push(b'\n');
        // Room for all that can come of it: one byte, and at most one field, for each of the line's.
        self.bytes.resize(self.bytes.len().max(self.bytes_used + line.len()), 0);
        self.ends.resize(self.ends.len().max(self.fields + line.len()), 0);
        let room = (&mut self.bytes[self.bytes_used..], &mut self.ends[self.fields..]);
        let (result, read, bytes, fields) = self.reader.read_record(line, room.0, room.1);
        self.has_rest = read < line.len();
        self.bytes_used += bytes;
        self.fields += fields;
        self.is_open = result == csv_core::ReadRecordResult::InputEmpty;
    }

    /// Follows the quotes of a line, and takes out blanks in front of those that open: what stands in quotes is no record, also
    /// where blanks stand behind the delimiters.
    fn follow_quotes(&mut self, line: &mut Vec<u8>) {
        let (mut blanks, mut blanks_begin) = (Vec::new(), 0);
        for (at, &byte) in line.iter().enumerate() {
            let is_blank = matches!(byte, b' ' | b'\t' | b'\r') && byte != self.delimiter;
            self.quotes = match self.quotes {
                Quotes::Quoted if byte == b'"' => Quotes::Closing,
                Quotes::Quoted => Quotes::Quoted,
                Quotes::Closing if byte == b'"' => Quotes::Quoted,
                _ if byte == self.delimiter => {
                    blanks_begin = at + 1;
                    Quotes::FieldBegins
                }
                Quotes::Closing | Quotes::Closed if is_blank => Quotes::Closed,
                Quotes::Closing | Quotes::Closed => {
                    self.is_malformed |= self.lines > 1;
                    Quotes::Unquoted
                }
                Quotes::FieldBegins if byte == b'"' => {
                    blanks.push(blanks_begin..at);
                    Quotes::Quoted
                }
                Quotes::FieldBegins if is_blank => Quotes::FieldBegins,
                Quotes::FieldBegins | Quotes::Unquoted => Quotes::Unquoted,
            };
        }
        for range in blanks.into_iter().rev() {
            line.drain(range);
        }
    }

    /// Whether quotes over several lines are closed in the middle of a field: the one that opened them may be a stray one, and the
    /// lines within records.
    pub fn is_malformed(&self) -> bool {
        self.is_malformed
    }

    /// Whether a line end of another kind than the first line's ended the record, in front of more.
    pub fn has_rest(&self) -> bool {
        self.has_rest
    }

    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Bytes that were read of it.
    pub fn len(&self) -> usize {
        self.bytes_used
    }

    /// How many there are.
    pub fn fields(&self) -> usize {
        self.fields
    }

    pub fn field(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    pub fn texts(&self) -> Vec<String> {
        (0..self.fields).map(|at| String::from_utf8_lossy(self.field(at)).into_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        /// The crate `csv` as the reference, but for a record that the text ends in within quotes: that one is refused here.
        #[test]
        fn records_are_split_as_the_crate_csv_splits_them(text in "[a\",;\n]{0,24}", semicolon in any::<bool>()) {
            let delimiter = if semicolon { b';' } else { b',' };
            let mut reference = ::csv::ReaderBuilder::new();
            reference.has_headers(false).flexible(true).terminator(::csv::Terminator::Any(b'\n')).delimiter(delimiter);
            let mut ours = Vec::new();
            let mut record = CsvRecord::new(delimiter);
            for line in text.split_terminator('\n') {
                if record.is_open {
                    record.go_on(&mut line.as_bytes().to_vec());
                } else if line.is_empty() {
                    continue;
                } else {
                    record.begin(&mut line.as_bytes().to_vec());
                }
                if !record.is_open {
                    ours.push(record.texts());
                }
            }
            let mut theirs: Vec<Vec<String>> = reference
                .from_reader(text.as_bytes())
                .records()
                .map(|record| record.expect("text").iter().map(str::to_owned).collect())
                .collect();
            if record.is_open {
                theirs.pop();
            }
            prop_assert_eq!(ours, theirs);
        }
    }
}
