use super::*;
use crate::domain::Day;

const LIGHT: Appearance = Appearance { theme: Theme::Light, width_pixels: 800, height_pixels: 450 };
const HOSTILE: &str = "<&\"'>]]>\u{FFFE}\u{202E}";

/// A reading for each day of these months of each year that `measured` lets pass.
fn series(
    years: std::ops::Range<i32>,
    measured: impl Fn(i32, u32) -> bool,
    degrees: impl Fn(i32, u32) -> f64,
) -> Series {
    let mut series = Series::default();
    for year in years {
        for month in (1..=12).filter(|&month| measured(year, month)) {
            for day in 1..=28 {
                let day = Day::parse(&format!("{year:04}-{month:02}-{day:02}")).expect("a day");
                series.add(day, degrees(year, month) + f64::from(day.number() % 7));
            }
        }
    }
    series
}

fn season(year: i32, month: u32) -> f64 {
    f64::from(6_u32.abs_diff(month)) * -5.0 + f64::from(year % 5)
}

fn drawn<'a>(station: &'a str, series: &'a Series) -> Drawn<'a> {
    Drawn { station, partition: 3, offset: 1825, series, missing: None }
}

/// An element, and the text directly in it.
type Element = (String, std::collections::BTreeMap<String, String>, String);

/// The elements of a document, in order. It must be well-formed: every tag closed, every attribute quoted, nothing that
/// would have to be escaped.
fn parsed(xml: &str) -> Vec<Element> {
    let (mut elements, mut open): (Vec<Element>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let (text, tag) = rest.split_at(start);
        if let Some(&inside) = open.last() {
            elements[inside].2.push_str(&unescaped(text));
        } else {
            assert!(text.trim().is_empty(), "text outside of the root: {text:?}");
        }
        let end = tag.find('>').expect("a tag ends");
        let (content, after) = (&tag[1..end], &tag[end + 1..]);
        assert!(!content.contains('<'), "a bare < in {content:?}");
        if let Some(name) = content.strip_prefix('/') {
            let closed = open.pop().expect("something is open");
            assert_eq!(elements[closed].0, name);
        } else {
            let alone = content.ends_with('/');
            let content = content.trim_end_matches('/');
            let (name, attributes) = content.split_once(' ').unwrap_or((content, ""));
            let mut pieces = attributes.split('"').collect::<Vec<_>>();
            assert!(pieces.pop().is_some_and(|last| last.trim().is_empty()), "{attributes:?}");
            let attributes =
                pieces.chunks(2).map(|pair| (pair[0].trim().trim_end_matches('=').to_owned(), unescaped(pair[1])));
            elements.push((name.to_owned(), attributes.collect(), String::new()));
            if !alone {
                open.push(elements.len() - 1);
            }
        }
        rest = after;
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "something stays open, or follows");
    elements
}

fn unescaped(text: &str) -> String {
    let allowed =
        |letter: char| matches!(letter, '\t' | '\n' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    assert!(text.chars().all(|letter| allowed(letter) && letter != '>'), "{text:?}");
    for (place, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"];
        assert!(known.iter().any(|entity| text[place..].starts_with(entity)), "{text:?}");
    }
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    pairs.into_iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

fn svg_of(kind: PlotKind, drawn: &[Drawn<'_>]) -> Vec<Element> {
    parsed(&svg(kind, drawn, LIGHT).expect("it is drawn"))
}

fn texts(elements: &[Element]) -> Vec<&str> {
    elements.iter().filter(|(name, ..)| name == "text").map(|(_, _, text)| text.trim()).collect()
}

fn count(elements: &[Element], name: &str) -> usize {
    elements.iter().filter(|(other, ..)| other == name).count()
}

/// Lines of the palette (grid and axes have other colours): the color and the number of points of each.
fn lines(elements: &[Element]) -> Vec<(String, usize)> {
    let palette: Vec<String> = Theme::Light
        .colors()
        .lines
        .iter()
        .chain([&Theme::Light.colors().grey])
        .map(|color| format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2))
        .collect();
    let polylines = elements.iter().filter(|(name, ..)| name == "polyline");
    polylines
        .map(|(_, attributes, _)| (attributes["stroke"].clone(), attributes["points"].split_whitespace().count()))
        .filter(|(color, _)| palette.contains(color))
        .collect()
}

#[test]
fn a_station_is_drawn_with_its_range_and_said_in_words() {
    let series = series(2014..2016, |_, _| true, season);
    let elements = svg_of(PlotKind::Months, &[drawn("KNYC", &series)]);
    let (root, attributes, _) = &elements[0];
    assert_eq!((root.as_str(), attributes["width"].as_str()), ("svg", "800"));
    assert_eq!((attributes["viewBox"].as_str(), attributes["role"].as_str()), ("0 0 8000 4500", "img"));
    assert_eq!((elements[1].0.as_str(), elements[1].2.as_str()), ("title", "Monthly averages of KNYC"));
    assert_eq!(elements[2].0, "desc");
    let described = &elements[2].2;
    assert!(described.contains("KNYC: The lowest average of a month is −"), "{described}");
    assert!(
        described.contains(" in December 2015, the highest ") && described.contains(" in June 2014."),
        "{described}"
    );
    let texts = texts(&elements);
    assert!(
        texts.contains(&"January 2014 to December 2015, 672 readings up to offset 1825 of partition 3"),
        "{texts:?}"
    );
    for label in ["2014", "Mar", "2015", "degrees", "average of the month", "lowest to highest reading"] {
        assert!(texts.contains(&label), "{label}: {texts:?}");
    }
    // The line in the legend, and the line.
    assert_eq!(lines(&elements).into_iter().map(|(_, points)| points).collect::<Vec<_>>(), [2, 24]);
    assert_eq!((count(&elements, "polygon"), count(&elements, "circle")), (1, 25));
}

#[test]
fn nothing_is_drawn_across_missing_months() {
    // Two runs and a month alone.
    let measured = |year: i32, month: u32| matches!((year, month), (2014, 1..=5) | (2014, 8) | (2015, 2..=4));
    let series = series(2014..2016, measured, season);
    let elements = svg_of(PlotKind::Months, &[drawn("KNYC", &series)]);
    assert_eq!(lines(&elements).into_iter().map(|(_, points)| points).collect::<Vec<_>>(), [2, 5, 3]);
    assert_eq!(count(&elements, "polygon"), 3);
}

#[test]
fn years_are_overlaid_and_the_newest_named() {
    let series = series(2000..2020, |_, _| true, season);
    let elements = svg_of(PlotKind::Years, &[drawn("KNYC", &series)]);
    let whole = lines(&elements).into_iter().filter(|(_, points)| *points == 12);
    // Eight grey ones, seven of the palette; five are dashed, which are many short lines.
    assert_eq!(whole.count(), 15);
    let texts = texts(&elements);
    for label in ["2019", "2008", "2000 to 2007", "Jan", "Dec"] {
        assert!(texts.contains(&label), "{label}: {texts:?}");
    }
    assert!(!texts.contains(&"2007"));
}

#[test]
fn stations_are_compared_and_told_apart() {
    let (one, other) = (series(2014..2015, |_, _| true, season), series(2015..2016, |_, _| true, season));
    let twin = Drawn { partition: 1, ..drawn("A", &other) };
    let elements = svg_of(PlotKind::Months, &[drawn("A", &one), drawn("B", &other), twin]);
    let texts = texts(&elements);
    let of_both = "January 2014 to December 2015, 1,008 readings up to offsets 1825 and 1825 of partitions 1 and 3";
    for label in ["A (partition 3)", "B", "A (partition 1)", of_both] {
        assert!(texts.contains(&label), "{label}: {texts:?}");
    }
    let colors: std::collections::BTreeSet<String> = lines(&elements).into_iter().map(|(color, _)| color).collect();
    assert_eq!(colors.len(), 3);
    // As many as there may be, with names that do not fit.
    let long = "W".repeat(255);
    let many: Vec<_> = (0..STATIONS_MAX).map(|_| drawn(&long, &one)).collect();
    let elements = svg_of(PlotKind::Months, &many);
    assert!(self::texts(&elements).iter().filter(|text| text.ends_with('…')).count() >= STATIONS_MAX);
}

#[test]
fn a_hostile_name_is_text() {
    let series = series(2014..2015, |_, _| true, season);
    for kind in [PlotKind::Months, PlotKind::Years] {
        let missing = Some(HOSTILE.to_owned());
        let elements = svg_of(kind, &[Drawn { missing, ..drawn(HOSTILE, &series) }]);
        let shown = HOSTILE.replace('\u{FFFE}', "\u{FFFD}");
        assert!(elements[1].2.contains(&shown) && elements[2].2.contains(&shown));
        assert!(texts(&elements).iter().filter(|text| text.contains(&shown)).count() >= 2, "title and note");
        png(kind, &[drawn(HOSTILE, &series)], LIGHT).expect("it is drawn");
    }
}

#[test]
fn what_is_missing_stands_on_the_plot() {
    let series = series(2014..2015, |_, _| true, season);
    let missing = Some("the log has 336 of the 400 readings".to_owned());
    let lost = Drawn { missing, ..drawn("KNYC", &series) };
    let elements = svg_of(PlotKind::Months, &vec![lost; 5]);
    let texts = texts(&elements);
    assert_eq!(texts.iter().filter(|text| text.starts_with("KNYC: the log has 336 of the 400 readings")).count(), 3);
    assert!(texts.iter().any(|text| text.ends_with("(and 2 more)")), "{texts:?}");
}

#[test]
fn any_series_can_be_drawn() {
    let all = |_: i32, _: u32| true;
    let one_month = |year: i32, month: u32| (year, month) == (2014, 7);
    for (years, series) in [
        ("none", Series::default()),
        ("a month", series(2014..2015, one_month, season)),
        ("a century", series(1901..2001, all, season)),
        ("constant", series(2014..2016, all, |_, _| 0.0)),
        ("cold", series(2014..2016, all, |_, _| -89.2)),
        ("huge", series(2014..2016, all, |year, _| 1e9 * f64::from(year - 2015))),
        ("ends of the calendar", {
            let mut both = Series::default();
            for day in ["0001-01-01", "9999-12-31"] {
                both.add(Day::parse(day).expect("a day"), 1.0);
            }
            both
        }),
    ] {
        for kind in [PlotKind::Months, PlotKind::Years] {
            let elements = svg_of(kind, &[drawn("KNYC", &series)]);
            assert_eq!(texts(&elements).contains(&"no readings"), years == "none", "{years}");
            for appearance in [LIGHT, Appearance { theme: Theme::Dark, width_pixels: 200, height_pixels: 400 }] {
                png(kind, &[drawn("KNYC", &series)], appearance).expect("it is drawn");
            }
        }
    }
}

#[test]
fn many_years_show_the_averages_of_those_that_are_whole() {
    let series = series(2000..2020, |year, month| year > 2000 || month > 2, season);
    let elements = svg_of(PlotKind::Months, &[drawn("KNYC", &series)]);
    assert!(texts(&elements).contains(&"average of the year"));
    assert_eq!(lines(&elements).into_iter().map(|(_, points)| points).collect::<Vec<_>>(), [2, 2, 238, 19]);
}

#[test]
fn a_png_has_its_size_its_words_and_a_picture() {
    let series = series(2014..2016, |_, _| true, season);
    for theme in [Theme::Light, Theme::Dark] {
        let appearance = Appearance { theme, width_pixels: 640, height_pixels: 360 };
        let bytes = png(PlotKind::Months, &[drawn("KNYC", &series)], appearance).expect("it is drawn");
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
        let mut reader = ::png::Decoder::new(bytes.as_slice()).read_info().expect("it is read");
        let info = reader.info();
        assert_eq!((info.width, info.height), (640, 360));
        assert!(info.utf8_text.iter().any(|text| text.keyword == "Title"));
        let mut pixels = vec![0; reader.output_buffer_size()];
        reader.next_frame(&mut pixels).expect("it is read");
        // Letters are thin: none of their pixels needs to have all of the colour.
        let counted = |color: plotters::style::RGBColor, off_max: u8| {
            let is_near = |pixel: &[u8]| {
                let wanted = [color.0, color.1, color.2];
                pixel.iter().zip(wanted).all(|(&value, wanted)| value.abs_diff(wanted) <= off_max)
            };
            pixels.chunks_exact(3).filter(|pixel| is_near(pixel)).count()
        };
        let colors = theme.colors();
        let all = 640 * 360;
        let ground = counted(colors.background, 0);
        assert!((all / 4..all * 19 / 20).contains(&ground), "{ground} of {all}");
        let (line, title) = (counted(colors.lines[0], 50), counted(colors.ink, 50));
        assert!(line > 200 && title > 10, "{line} and {title}");
    }
}
