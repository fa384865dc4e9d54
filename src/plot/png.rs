//! A figure as PNG.

use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea;

use super::draw::{Paper, draw};
use super::figure::Figure;
use super::{Drawn, Kind, Look, failed};
use crate::faults::Failure;

/// It is drawn this many times as wide and high, and made smaller again: that smooths every edge.
const SCALE: u32 = 3;
const CHANNELS: usize = 3;

/// For papers: at 300 pixels an inch.
const PIXELS_PER_METER: u32 = 11_811;

/// Draws the stations, which are at least one and at most [`super::STATIONS_MAX`].
pub fn png(kind: Kind, drawn: &[Drawn<'_>], look: Look) -> Result<Vec<u8>, Failure> {
    let figure = Figure::new(kind, drawn);
    let (width, height) = (look.width_pixels * SCALE, look.height_pixels * SCALE);
    let mut large = vec![0; width as usize * height as usize * CHANNELS];
    {
        let area = BitMapBackend::with_buffer(&mut large, (width, height)).into_drawing_area();
        let unit = look.unit() * f64::from(SCALE);
        let paper = Paper { area: &area, colors: look.theme.colors(), unit, letters: true };
        draw(&figure, &paper).map_err(|error| failed(&error))?;
        area.present().map_err(|error| failed(&error))?;
    }
    encoded(&figure, look, &smaller(&large, look)).map_err(|error| failed(&error))
}

/// Each pixel is the average of those that it replaces.
fn smaller(large: &[u8], look: Look) -> Vec<u8> {
    let (width, scale) = (look.width_pixels as usize, SCALE as usize);
    let row_bytes = width * scale * CHANNELS;
    let mut small = Vec::with_capacity(large.len() / (scale * scale));
    for rows in large.chunks_exact(row_bytes * scale) {
        let mut sums = vec![0_u32; width * CHANNELS];
        for row in rows.chunks_exact(row_bytes) {
            for (pixels, sums) in row.chunks_exact(scale * CHANNELS).zip(sums.chunks_exact_mut(CHANNELS)) {
                for (place, &value) in pixels.iter().enumerate() {
                    sums[place % CHANNELS] += u32::from(value);
                }
            }
        }
        small.extend(sums.into_iter().map(|sum| (sum / (SCALE * SCALE)) as u8));
    }
    small
}

fn encoded(figure: &Figure, look: Look, pixels: &[u8]) -> Result<Vec<u8>, ::png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, look.width_pixels, look.height_pixels);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    let unit = ::png::Unit::Meter;
    encoder.set_pixel_dims(Some(::png::PixelDimensions { xppu: PIXELS_PER_METER, yppu: PIXELS_PER_METER, unit }));
    encoder.add_itxt_chunk("Title".to_owned(), figure.title.clone())?;
    encoder.add_itxt_chunk("Description".to_owned(), figure.description.clone())?;
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(bytes)
}
