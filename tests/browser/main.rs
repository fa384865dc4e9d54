//! The dashboard in a real Chromium, before the real program.

#[path = "../support/broker.rs"]
mod broker;
mod driver;
mod liveness;
mod looks;
#[path = "../support/owned.rs"]
mod owned;
mod partitions;
#[path = "../support/program.rs"]
mod program;
mod proof;
mod proxy;
mod screenshots;
mod site;
mod station;
mod stations;
mod token;

/// A year of ten stations as fast as possible.
const YEAR: [&str; 3] = ["source.simulate.days=366", "source.simulate.pace_ms=0", "source.simulate.stations=10"];

/// An endless run, a day each 50 ms.
const PACED: [&str; 2] = ["source.simulate.pace_ms=50", "source.simulate.stations=10"];

/// An expression: the text of an element.
fn text_of(selector: &str) -> String {
    format!("document.querySelector({selector:?}).textContent")
}

/// An expression: the number in an element, without its commas.
fn number_of(selector: &str) -> String {
    format!("{}.replaceAll(',', '')", text_of(selector))
}
