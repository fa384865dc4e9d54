//! Settings of sources that fit each other, or do not.

use super::{assert_refused, loaded};

const BAD_FILES: &[(&str, &[&str])] = &[
    // What counts for nothing: a person who sets one expects it to count.
    (
        "[source.csv]\nfiles = \"x\"",
        &[
            "source.csv.files is \"x\"",
            "line 2",
            "counts for nothing, as source.kind is \"simulate\" (default)",
            "\"csv\" or",
        ],
    ),
    (
        "[source]\nkind = \"gsod\"\ncsv.files = \"x\"\nghcn_daily.element = \"TMAX\"",
        &["element is \"TMAX\"", "is \"gsod\""],
    ),
    ("[source]\nkind = \"ghcn_daily\"\nghcn_daily.files = \"x\"\ncsv.missing = \"-99\"", &["source.csv.missing is"]),
    (
        "[source]\nkind = \"csv\"\ncsv.files = \"x\"\ncsv.flag_failed = \"X\"",
        &["nothing, as source.csv.flag_column is \"\""],
    ),
    (
        "[source]\nkind = \"csv\"\ncsv.files = \"x\"\ncsv.flag_column = \"q\"\ncsv.flag_failed = \"\"",
        &["source.csv.flag_column"],
    ),
    (
        "[source]\nkind = \"ghcn_access\"\ncsv.files = \"x\"\ncsv.degrees_column = \"TMIN\"",
        &[
            "is \"TMIN\"",
            "flag_column is \"TMAX_ATTRIBUTES\" (preset ghcn_access",
            "of another value",
            "set source.csv.flag_column",
        ],
    ),
    (
        "[source]\nkind = \"csv\"\ncsv.files = \"x\"\ncsv.missing = \"-99,-99.9\"",
        &["\"-99,-99.9\" is not one", "apart by spaces"],
    ),
    ("[source]\nkind = \"csv\"\ncsv.files = \"x\"\ncsv.missing = \"-99; NA\"", &["\"-99;\" is not one"]),
    (
        "[source]\nkind = \"csv\"\n[source.csv]\nfiles = \"x\"\nflag_column = \"q\"\nflag_failed = \"X,Y\"",
        &["source.csv.flag_failed is \"X,Y\""],
    ),
    (
        "[source]\nkind = \"csv\"\n[source.csv]\nfiles = \"x\"\nyear_column = \"y\"\nmonth_column = \"m\"\nday_column = \"m\"",
        &["three columns"],
    ),
    ("[source]\nkind = \"csv\"\ncsv.files = \"x\"\ncsv.where = \"3 == TMIN\"", &["with one ="]),
    (
        "[source]\nkind = \"meteostat\"\n[source.csv]\nfiles = \"x\"\ndate_format = \"%d\"\nyear_column = \"y\"",
        &["date_format is \"%d\""],
    ),
];

#[test]
fn a_setting_that_would_be_passed_over_is_refused() {
    assert_refused(BAD_FILES);
}

#[test]
fn several_sources_may_stand_side_by_side_in_one_file() {
    let both = "[source.csv]\nfiles = \"x\"\ncomment = \"#\"\n[source.ghcn_daily]\nfiles = \"y\"\nelement = \"TMAX\"\n";
    for kind in ["csv", "ghcn_daily", "simulate", "ghcn_by_year"] {
        let effective = loaded(both, &[("ISOTHERM_SOURCE__KIND", kind)], &[]);
        assert_eq!(effective.settings.source.ghcn_daily.element, "TMAX", "{kind}");
    }
    loaded(
        "[source]\nkind = \"csv\"\n[source.csv]\nfiles = \"x\"\ndecimal = \",\"\nmissing = \"-99,9 NA\"\n",
        &[],
        &[],
    );
    let both = "[source]\nkind = \"ghcn_access\"\ncsv.files = \"x\"\ncsv.degrees_column = \"TMIN\"\ncsv.flag_column = \"TMIN_ATTRIBUTES\"";
    loaded(both, &[], &[]);
    // What says no more than the defaults do is no wish.
    loaded("[source.csv]\nflag_failed = \"*\"\ndate_column = \"date\"\n", &[], &[]);
}
