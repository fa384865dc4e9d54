//! CSV files as the field has them. The inputs are made up, in the layouts of those who publish them.

use isotherm::failure::Kind;
use isotherm::settings::{Csv, Encoding, OnMissingColumn};
use isotherm::source::Progressed;

use super::bad::bad_lines;
use super::readings::{OwnedReading, next, open};
use super::resume::goes_on_from_every_cursor;
use super::{csv_of, drain, ghcn_line, reading};

/// What comes of a file of station KXYZ, and the numbers of its bad lines.
fn read(text: &str, set: impl FnOnce(&mut Csv)) -> (Vec<OwnedReading>, Vec<u64>) {
    let (_folder, mut settings) = csv_of(text.as_bytes());
    set(&mut settings.csv);
    let mut source = open(&settings, None).expect("opens");
    let readings = drain(&mut *source, 9);
    let bad = bad_lines(&mut *source).into_iter().map(|(line, _)| line).collect();
    goes_on_from_every_cursor(&settings, 1);
    (readings, bad)
}

/// What is said of a file that cannot be read.
fn refused(text: &[u8], set: impl FnOnce(&mut Csv)) -> String {
    let (_folder, mut settings) = csv_of(text);
    set(&mut settings.csv);
    let mut source = match open(&settings, None) {
        Ok(source) => source,
        Err(failure) => return failure.to_string(),
    };
    let failure = loop {
        match source.next(&mut isotherm::domain::Readings::default(), 9) {
            Ok(Progressed::Ended) => panic!("it is read: {text:?}"),
            Ok(_) => source.settled(),
            Err(failure) => break failure,
        }
    };
    assert!(!failure.is_retryable() && matches!(failure.kind, Kind::Data | Kind::Settings), "{failure}");
    failure.to_string()
}

fn two(first: f64, second: f64) -> Vec<OwnedReading> {
    vec![reading("KXYZ", "2014-07-01", first), reading("KXYZ", "2014-07-02", second)]
}

fn set(setting: &mut String, value: &str) {
    value.clone_into(setting);
}

#[test]
fn separators_decimals_and_line_ends_of_every_make() {
    let expected = (two(21.5, -22.0), vec![]);
    let european = "date;degrees\n2014-07-01;21,5\n2014-07-02;-22\n";
    assert_eq!(read(european, |csv| (set(&mut csv.delimiter, ";"), set(&mut csv.decimal, ",")).0), expected);
    let quoted = "date,degrees\n2014-07-01,\"21,5\"\n2014-07-02,\"-22,0\"\n";
    assert_eq!(read(quoted, |csv| set(&mut csv.decimal, ",")), expected);
    let tabs = "date\tdegrees\r\n2014-07-01\t21.5\r\n2014-07-02\t-22\r\n";
    assert_eq!(read(tabs, |csv| set(&mut csv.delimiter, "tab")), expected);
    for end in ["\r", "\r\n", "\n"] {
        for last in ["", end] {
            let text = ["date,degrees", "2014-07-01,21.5", "", "2014-07-02,-22"].join(end) + last;
            assert_eq!(read(&text, |_| ()), expected, "{text:?}");
        }
    }
    // As some transfers double them.
    assert_eq!(read("date,degrees\r\r\n2014-07-01,21.5\r\r\n2014-07-02,-22\r\r\n", |_| ()), expected);
    let within = "date,degrees,note\r2014-07-01,21.5,\"one\ntwo\"\r2014-07-02,-22,x\r";
    assert_eq!(read(within, |_| ()), expected);
    // Nothing behind the first LF would be read.
    for text in
        ["date,degrees\r2014-07-01,70\n2014-07-02,71\n", "date,degrees\r2014-07-01,70\rdate,degrees\n2014-07-02,71\n"]
    {
        let said = refused(text.as_bytes(), |_| ());
        assert!(said.contains("end in CR alone, and what follows in LF"), "{said}");
    }
    // A line end within quotes stays what it is.
    let within = "date,degrees,note\r2014-07-01,21.5,\"one\rtwo\"\r2014-07-02,-22,x\r";
    assert_eq!(read(within, |_| ()), expected);
}

#[test]
fn lines_above_the_header_and_comments_are_passed_over() {
    let expected = (two(70.0, 71.0), vec![]);
    let commented = "#DEBUG: x,\"y\n#DEBUG: z\ndate,degrees\n2014-07-01,70\n# moved\n2014-07-02,71\n";
    assert_eq!(read(commented, |csv| set(&mut csv.comment, "#")), expected);
    let preamble = "EUROPEAN CLIMATE\n\nsource: \"made up\ndate,degrees\n2014-07-01,70\n2014-07-02,71\n";
    assert_eq!(read(preamble, |csv| csv.skip_lines = 3), expected);
    // Files that were joined.
    let joined = "date,degrees\n2014-07-01,70\ndate,degrees\n2014-07-02,71\n";
    assert_eq!(read(joined, |_| ()), expected);
    // The header in quotes, and with a byte order mark.
    let quoted = "\u{feff}\"date\",\"degrees\"\n2014-07-01,70\n2014-07-02,71\n";
    assert_eq!(read(quoted, |_| ()), expected);
    // Each of the joined files has a mark, one of them two.
    let joined = "\u{feff}date,degrees\n2014-07-01,70\n\u{feff}\u{feff}date,degrees\n\u{feff}2014-07-02,71\n";
    assert_eq!(read(joined, |_| ()), expected);
}

#[test]
fn a_header_in_another_order_is_a_stop_behind_what_was_read() {
    // In another case, and with blanks, it is the same one.
    let same = "date, tmin,degrees\n2014-07-01,1,70\nDATE,TMIN, Degrees\n2014-07-02,1,71\n";
    assert_eq!(read(same, |_| ()), (two(70.0, 71.0), vec![]));
    for other in
        ["date,degrees,tmin", "date, tmin", "Date,degrees_F,tmin", "tmin,degrees,date", "date,tmin,degrees,note"]
    {
        for only in ["", "tmin = 1"] {
            let text = format!("date,tmin,degrees\n2014-07-01,1,70\n{other}\n2014-07-02,1,71\n");
            let said = refused(text.as_bytes(), |csv| set(&mut csv.only, only));
            assert!(said.contains("line 3 names columns, and others or in another order"), "{other}: {said}");
        }
    }
    let joined = "date,tmin,degrees\n2014-07-01,1,70\ndegrees,date,tmin\n71,2014-07-02,1\n";
    let (_folder, settings) = csv_of(joined.as_bytes());
    let mut source = open(&settings, None).expect("opens");
    let mut readings = Vec::new();
    let failure = loop {
        match next(&mut *source, &mut readings, 9) {
            Ok(Progressed::Ended) => panic!("it is read"),
            Ok(_) => source.settled(),
            Err(failure) => break failure,
        }
    };
    assert!(
        failure.kind == Kind::Data && failure.what.contains("line 3 names columns, and others or in another order"),
        "{failure}"
    );
    assert_eq!(readings, two(70.0, 0.0)[..1]);
}

#[test]
fn blanks_in_front_of_a_quote_are_none_of_the_value_and_hide_no_quote() {
    let text = "date, degrees, note\n2014-07-01, \"70\", \"multi\n2014-07-09, 99, x\"\n2014-07-02,\t71, 5\" of snow\n";
    assert_eq!(read(text, |_| ()), (two(70.0, 71.0), vec![]));
}

#[test]
fn a_file_without_the_column_is_a_stop_or_of_something_else() {
    let text = b"date,rain,snow\n2014-07-01,1,2\n";
    assert!(refused(text, |_| ()).contains("has no column \"degrees\""));
    let pass_over = |csv: &mut Csv| {
        csv.on_missing_degrees_column = OnMissingColumn::PassOver;
        set(&mut csv.flag_column, "degrees_flag");
    };
    let (_folder, mut settings) = csv_of(text);
    pass_over(&mut settings.csv);
    let mut source = open(&settings, None).expect("opens");
    assert_eq!(drain(&mut *source, 9), []);
    let said = source.check_end().expect_err("nothing is read").to_string();
    assert!(
        said.contains("1 lines are of something else (the source has the columns date, rain, snow: set source.csv."),
        "{said}"
    );
    let flagged = "date,degrees,degrees_flag\n2014-07-01,70,\n2014-07-02,71,\n";
    assert_eq!(read(flagged, pass_over), (two(70.0, 71.0), vec![]));
    // The column of the day is in all files.
    assert!(refused(b"day,rain\n1,2\n", pass_over).contains("has no column \"date\""));
}

#[test]
fn without_a_header_all_records_have_as_many_fields_as_the_first() {
    let by_number = |csv: &mut Csv| {
        csv.header = false;
        set(&mut csv.date_column, "1");
        set(&mut csv.degrees_column, "2");
    };
    let (readings, bad) = read("\n2014-07-01,21,5\n2014-07-02,22\n2014-07-03,19,7,5\n2014-07-02,23,0\n", by_number);
    assert_eq!(readings, two(21.0, 23.0));
    assert_eq!(bad, [3, 4]);
}

#[test]
fn a_station_whose_name_has_a_letter_that_nobody_sees_is_none() {
    let text = "station,date,degrees\nKXYZ,2014-07-01,70\nKX\u{200b}YZ,2014-07-02,71\nKXYZ,2014-07-02,71\n";
    let (readings, bad) = read(text, |csv| set(&mut csv.station_column, "station"));
    assert_eq!((readings, bad.len()), (two(70.0, 71.0), 1));
}

#[test]
fn columns_by_number_where_no_line_names_them() {
    let text = "KXYZ,20140701,TMAX,256,,,S,\nKXYZ,20140701,TMIN,100,,,S,\nKXYZ,20140702,TMAX,-3,,I,S,\nKXYZ,20140702,TMAX,-3,,,S,0700\n";
    let by_year = |csv: &mut Csv| {
        (csv.header, csv.degrees_scale) = (false, 0.1);
        for (column, number) in [
            (&mut csv.station_column, "1"),
            (&mut csv.date_column, "2"),
            (&mut csv.only, "3 = TMAX"),
            (&mut csv.degrees_column, "4"),
            (&mut csv.flag_column, "6"),
            (&mut csv.date_format, "%Y%m%d"),
        ] {
            set(column, number);
        }
    };
    assert_eq!(read(text, by_year), (two(25.6, -0.3), vec![]));
    assert_eq!(read("KXYZ,20140701\nKXYZ,2014070,TMAX,1,,,S,\n", by_year), (vec![], vec![1, 2]));
    let said = refused(text.as_bytes(), |csv| csv.header = false);
    assert!(said.contains("source.csv.date_column is \"date\" (set it to the number of the column"), "{said}");
}

#[test]
fn tenths_flags_and_empty_cells_as_in_the_csv_of_a_station() {
    let text = "\"STATION\",\"DATE\",\"NAME\",\"TMAX\",\"TMAX_ATTRIBUTES\"\n\
                \"KXYZ\",\"2014-07-01\",\"SOME PARK, NY US\",\"  256\",\",,W,2400\"\n\
                \"KXYZ\",\"2014-07-02\",\"SOME PARK, NY US\",\"  144\",\",,W,2400\"\n\
                \"KXYZ\",\"2014-07-03\",\"SOME PARK, NY US\",\"  100\",\",I,W,2400\"\n\
                \"KXYZ\",\"2014-07-04\",\"SOME PARK, NY US\",\"\",\"\"\n";
    let of_station = |csv: &mut Csv| {
        (csv.degrees_scale, csv.flag_part) = (0.1, 2);
        for (column, name) in [
            (&mut csv.station_column, "STATION"),
            (&mut csv.date_column, "DATE"),
            (&mut csv.degrees_column, "TMAX"),
            (&mut csv.flag_column, "TMAX_ATTRIBUTES"),
        ] {
            set(column, name);
        }
    };
    assert_eq!(read(text, of_station), (two(25.6, 14.4), vec![]));
    let (_folder, mut settings) = csv_of(text.as_bytes());
    of_station(&mut settings.csv);
    let mut source = open(&settings, None).expect("opens");
    drain(&mut *source, 9);
    let record = source.take_files().pop().expect("it was read");
    assert_eq!((record.readings, record.missing, record.skipped_quality, record.bad_lines), (2, 1, 1, 0));
}

#[test]
fn days_in_three_columns_and_with_a_time_behind_them() {
    let apart = "year,month,day,degrees\n2014,7,1,70\n2014,07,02,71\n14,7,3,72\n2014,2,30,73\n2014,,4,74\n";
    let in_three = |csv: &mut Csv| {
        set(&mut csv.year_column, "year");
        set(&mut csv.month_column, "month");
        set(&mut csv.day_column, "day");
    };
    assert_eq!(read(apart, in_three), (two(70.0, 71.0), vec![4, 5, 6]));
    let times = "date,degrees\n2014-07-01T00:00:00,70\n2014-07-02 12:00,71\n";
    assert_eq!(read(times, |_| ()), (two(70.0, 71.0), vec![]));
}

#[test]
fn what_could_be_two_things_is_a_bad_line_or_a_stop() {
    let years = "date,degrees\n7/1/2014,70\n7/2/14,71\n7/3/114,72\n7/2/2014,73\n";
    assert_eq!(read(years, |csv| set(&mut csv.date_format, "%m/%d/%Y")), (two(70.0, 73.0), vec![3, 4]));
    let packed = "date,degrees\n20140701,70\n2014111,60\n20140702,71\n";
    assert_eq!(read(packed, |csv| set(&mut csv.date_format, "%Y%m%d")), (two(70.0, 71.0), vec![3]));
    let pivot = |csv: &mut Csv| (set(&mut csv.date_format, "%m/%d/%y"), csv.year_pivot = 1950).0;
    assert_eq!(read("date,degrees\n7/1/14,70\n07/02/14,71\n7/3/2014,72\n", pivot), (two(70.0, 71.0), vec![4]));
    let twice = refused(b"date,degrees,degrees\n2014-07-01,70.5,21.4\n", |_| ());
    assert!(twice.contains("two columns \"degrees\", the ones of number 2 and 3"), "{twice}");
    let missing = "date,degrees\n2014-07-01,70\n2014-07-02,-99\n2014-07-03,-9999.0\n2014-07-04,NA\n2014-07-05,M\n";
    assert_eq!(read(missing, |_| ()), (two(70.0, -99.0), vec![]));
    assert_eq!(read(missing, |csv| csv.missing += " -99").0, two(70.0, -99.0)[..1]);
}

#[test]
fn a_file_that_cannot_be_read_says_which_setting_reads_it() {
    let daily = ghcn_line("201401", "TMAX", &[]) + "\n";
    for (text, advice) in [
        (&b"date;degrees\n2014-07-01;70\n"[..], "set source.csv.delimiter"),
        (b"date\tdegrees\n2014-07-01\t70\n", "separated by \"tab\""),
        (b"#DEBUG: x\ndate,degrees\n", "set source.csv.comment"),
        (b"20140701,KXYZ,70\n", "set source.csv.header = false"),
        (b"d\0a\0t\0e\0,\0\n\0", "set source.csv.encoding = \"utf-16\""),
        (b"day,degrees\n", "set source.csv.date_column to one of them"),
        (b"<!DOCTYPE html>\n<p>404</p>\n", "looks like a web page"),
        (b"sep=;\ndate;degrees\n", "set source.csv.skip_lines = 1"),
        (b"EUROPEAN CLIMATE\n\ndate,degrees\n", "set source.csv.skip_lines to how many"),
        (b"Year,Month,Day,degrees\n", "year_column = \"Year\", month_column = \"Month\" and day_column = \"Day\""),
        (b"YEAR,DOY,degrees\n", "(\"YEAR\", \"DOY\") are not read"),
        (b"\x1f\n", "packed twice, or cut"),
        (b"\0\x05\x16\x07\0\x02\0\0Mac OS X\n", "it is no text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\n", "it is no text"),
        (b"%PDF-1.4\n", "PDF, maybe in place"),
        (b"#date,degrees\n2014-07-01,70\n", "the name of its first column is \"#date\""),
        (b"EUROPEAN CLIMATE, file created on 1 July\ndate,degrees\n", "source.csv.skip_lines"),
        (b"date;degrees;x,y\n", "set source.csv.delimiter"),
        (b"USW00094728,20140701,TMAX,256,,,W,2400\n", "source.kind = \"ghcn_by_year\""),
        (b"STATION,DATE,LATITUDE,PRCP,PRCP_ATTRIBUTES\n", "source.kind = \"ghcn_access\""),
        (b"STATION,DATE,TEMP,TEMP_ATTRIBUTES,FRSHTT\n", "source.kind = \"gsod\""),
        (b"year,month,day,temp,temp_source,tmin,tmax\n", "source.kind = \"meteostat\""),
        (daily.as_bytes(), "set source.kind = \"ghcn_daily\""),
    ] {
        let said = refused(text, |_| ());
        assert!(said.contains(advice), "{text:?}: {said}");
    }
    // Of which a pair of bytes is a line end.
    let utf_8 = b"date,degrees,note\n2014-07-01,70,y\n\n\0";
    let utf_32: Vec<u8> = "date,degrees\n".bytes().flat_map(|byte| [byte, 0, 0, 0]).collect();
    for (text, encoding, advice) in [
        (&utf_8[..], Encoding::Utf16, "set source.csv.encoding = \"utf-8\""),
        (&utf_32, Encoding::Utf16, "looks like UTF-32, which is not read"),
        (b"\xef\xbb\xbfdate,degrees\n", Encoding::Latin1, "set source.csv.encoding = \"utf-8\""),
    ] {
        let said = refused(text, |csv| csv.encoding = encoding);
        assert!(said.contains(advice), "{text:?}: {said}");
    }
}
