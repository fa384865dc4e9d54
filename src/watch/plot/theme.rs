//! Colours: Okabe and Ito's palette, which people with any kind of colour vision can tell apart.

use plotters::style::RGBColor;
use serde::Deserialize;
use utoipa::ToSchema;

/// On which ground a plot is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PlotTheme)]
pub enum Theme {
    #[default]
    Light,
    Dark,
}

const fn rgb(hex: u32) -> RGBColor {
    RGBColor((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const BLACK: RGBColor = rgb(0x000000);
const ORANGE: RGBColor = rgb(0xE69F00);
const SKY: RGBColor = rgb(0x56B4E9);
const GREEN: RGBColor = rgb(0x009E73);
const YELLOW: RGBColor = rgb(0xF0E442);
const BLUE: RGBColor = rgb(0x0072B2);
const VERMILLION: RGBColor = rgb(0xD55E00);
const PURPLE: RGBColor = rgb(0xCC79A7);

/// Colours that can be told apart on one theme.
pub const COLORS: usize = 7;

/// The colours of a theme.
pub struct Colors {
    pub background: RGBColor,
    /// Titles.
    pub ink: RGBColor,
    /// Labels.
    pub muted: RGBColor,
    pub axis: RGBColor,
    pub grid: RGBColor,
    /// Lines that are not named.
    pub grey: RGBColor,
    /// The palette without the colours that are too near to the background.
    pub lines: [RGBColor; COLORS],
}

const LIGHT: Colors = Colors {
    background: rgb(0xFFFFFF),
    ink: rgb(0x1B1F24),
    muted: rgb(0x59626C),
    axis: rgb(0x8A939D),
    grid: rgb(0xE6E9ED),
    grey: rgb(0xC4CAD1),
    lines: [BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK],
};

const DARK: Colors = Colors {
    background: rgb(0x14181D),
    ink: rgb(0xEDF0F3),
    muted: rgb(0xA3ACB6),
    axis: rgb(0x6B7580),
    grid: rgb(0x2A3139),
    grey: rgb(0x4C555F),
    lines: [SKY, ORANGE, GREEN, PURPLE, YELLOW, VERMILLION, rgb(0xFFFFFF)],
};

impl Theme {
    pub fn colors(self) -> &'static Colors {
        match self {
            Self::Light => &LIGHT,
            Self::Dark => &DARK,
        }
    }
}
