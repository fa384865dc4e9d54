//! Plots of what stations measured, as SVG or PNG, fit for a paper.
//!
//! Guarantees: a plot is a function of its series alone; where nothing was measured nothing is drawn; what the log no
//! longer has is said on the plot; any name of a station is drawn as text, never as markup. Uses `retold` and `failure`.

mod axis;
mod draw;
mod figure;
mod font;
mod png;
mod svg;
mod theme;
mod words;

use std::fmt::Display;

use clap::ValueEnum;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::failure::{Failure, Kind};
use crate::retold::history::Series;

pub use png::png;
pub use svg::svg;
pub use theme::Theme;

/// Stations that one plot can show: each colour as a solid and as a dashed line.
pub const STATIONS_MAX: usize = 2 * theme::COLORS;

/// What is drawn of a single station. Several are always compared by their monthly averages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum PlotKind {
    /// Monthly averages over time, with the range of their readings.
    #[default]
    Months,
    /// Monthly averages from January to December, each year a line.
    Years,
}

/// A station as it is drawn.
#[derive(Clone, Debug)]
pub struct Drawn<'a> {
    pub station: &'a str,
    pub partition: u32,
    /// The series holds for the records below it.
    pub offset: u64,
    pub series: &'a Series,
    /// What the log no longer has of the station, as a sentence without its full stop.
    pub missing: Option<String>,
}

/// How a plot looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appearance {
    pub theme: Theme,
    pub width_pixels: u32,
    pub height_pixels: u32,
}

impl Appearance {
    /// Width and height of a picture that has this many pixels for each of the plot's.
    fn size(self, scale: u32) -> (u32, u32) {
        (self.width_pixels * scale, self.height_pixels * scale)
    }
}

fn failed(why: &dyn Display) -> Failure {
    Failure::fatal(Kind::Internal, format!("the plot could not be drawn: {why}"))
}

#[cfg(test)]
#[path = "plot_tests.rs"]
mod tests;
