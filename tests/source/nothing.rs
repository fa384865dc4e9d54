//! Sources of which nothing is read: a wrong setting is no success.

use isotherm::domain::Readings;
use isotherm::failure::Kind;
use isotherm::settings::Source as Settings;
use isotherm::source::{Kept, Progressed};

use super::readings::{keep, open};
use super::{csv_of, drain, ghcn_line, ghcn_of, reading};

/// What is said at the end, and what is kept then.
fn end(settings: &Settings, kept: &mut Kept) -> Result<(), String> {
    let mut source = open(settings, Some(kept)).expect("opens");
    loop {
        let progressed = source.next(&mut Readings::default(), 9);
        keep(&mut *source, kept);
        match progressed {
            Ok(Progressed::Ended) => {
                return source.check_end().map_err(|failure| {
                    assert!(failure.kind == Kind::Data && !failure.is_retryable(), "{failure}");
                    failure.to_string()
                });
            }
            Ok(_) => source.settled(),
            Err(failure) => panic!("{failure}"),
        }
    }
}

fn said(settings: &Settings) -> Result<(), String> {
    let mut kept = Kept::default();
    let first = end(settings, &mut kept);
    assert_eq!(end(settings, &mut kept).is_err(), first.is_err(), "it is the same at the next start");
    first
}

#[test]
fn lines_of_which_none_is_a_reading_are_a_failure_that_says_what_they_are() {
    let (_folder, settings) = csv_of(b"date,degrees\n1.7.2014,70\n2.7.2014,71\n");
    let why = said(&settings).expect_err("the format of the dates is another");
    assert!(why.contains("2 lines are bad") && why.contains("line 2 of") && why.contains("is not a date as"), "{why}");

    let (_folder, settings) = csv_of(b"date,degrees\n2014-07-01,NA\n2014-07-02,\n");
    let why = said(&settings).expect_err("there is no value");
    assert!(why.contains("2 values are missing"), "{why}");

    let (_folder, mut settings) = csv_of(b"date,degrees\n#2014-07-01,1\n#2014-07-02,2\n");
    settings.csv.comment = "#".to_owned();
    let why = said(&settings).expect_err("all lines are comments");
    assert!(why.contains("2 lines are of something else"), "{why}");

    let (_folder, mut settings) = csv_of(b"date,degrees,element\n2014-07-01,1,TMAX\n2014-07-01,2,PRCP\n");
    settings.csv.only = "element = TAVG".to_owned();
    let why = said(&settings).expect_err("there is no such element");
    assert!(
        why.contains("(the source has in column element PRCP, TMAX: set source.csv.where to one of them)"),
        "{why}"
    );

    let lines = ["TMAX", "PRCP", "SNOW"].map(|element| ghcn_line("201401", element, &[(1, "10", ' ')]));
    let (_folder, mut settings) = ghcn_of(lines.join("\n").as_bytes());
    settings.ghcn_daily.element = "TAVG".to_owned();
    let why = said(&settings).expect_err("there is no such element");
    assert!(
        why.contains("(the source has the elements PRCP, SNOW, TMAX: set source.ghcn_daily.element to one of them)"),
        "{why}"
    );
}

#[test]
fn a_file_without_lines_and_one_that_was_read_are_a_success() {
    let (_folder, mut settings) = csv_of(b"#all of 2014\ndate,degrees\n");
    settings.csv.comment = "#".to_owned();
    assert_eq!(said(&settings), Ok(()));
    let (_folder, settings) = csv_of(b"date,degrees\n2014-07-01,70\n2014-07-02,x\n");
    assert_eq!(said(&settings), Ok(()));
}

#[test]
fn a_line_of_ghcn_whose_blanks_at_the_end_are_lost_is_whole() {
    let line = ghcn_line("201401", "TMAX", &[(1, "10", ' '), (30, "-7", ' ')]);
    let stripped = line.trim_end();
    assert!(stripped.len() < line.len());
    let (_folder, settings) = ghcn_of(format!("{stripped}\n").as_bytes());
    let expected = [("2014-01-01", 1.0), ("2014-01-30", -0.7)];
    let expected = expected.map(|(date, degrees)| reading("USC00305816", date, degrees));
    assert_eq!(drain(&mut *open(&settings, None).expect("opens"), 9), expected);
    // Without the end of the line, a flag may be lost with it.
    for cut in [stripped.to_owned(), format!("{}\n", &stripped[..stripped.len() - 1])] {
        let (_folder, settings) = ghcn_of(cut.as_bytes());
        assert!(said(&settings).is_err_and(|why| why.contains("1 lines are bad")), "{cut:?}");
    }
}
