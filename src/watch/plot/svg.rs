//! A figure as SVG.

use plotters::backend::SVGBackend;

use super::draw::{Paper, draw};
use super::figure::Figure;
use super::{Appearance, Drawn, PlotKind, failed};
use crate::failure::Failure;

/// Coordinates are whole numbers: this many make a pixel, so that curves are smooth.
const SCALE: u32 = 10;

/// Draws the stations, which are at least one and at most [`super::STATIONS_MAX`].
pub fn svg(kind: PlotKind, drawn: &[Drawn<'_>], appearance: Appearance) -> Result<String, Failure> {
    let figure = Figure::new(kind, drawn);
    let (width, height) = appearance.size(SCALE);
    let mut text = String::new();
    let backend = SVGBackend::with_string(&mut text, (width, height));
    draw(&figure, Paper::new(backend, 0, appearance, SCALE, false)).map_err(|error| failed(&error))?;
    // The backend's own first tag has neither a title nor the size in pixels.
    let (_, content) = text.split_once('>').ok_or_else(|| failed(&"it has no content"))?;
    let picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n\
         <title>{}</title>\n<desc>{}</desc>{}",
        appearance.width_pixels,
        appearance.height_pixels,
        escaped(&figure.title),
        escaped(&figure.description),
        content
    );
    // The only characters a name can hold that XML cannot.
    Ok(picture.replace(['\u{FFFE}', '\u{FFFF}'], "\u{FFFD}"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
