//! A figure as PNG.

use std::error::Error;
use std::io::Write;

use plotters::backend::BitMapBackend;

use super::draw::{Paper, draw};
use super::figure::Figure;
use super::{Appearance, Drawn, PlotKind, failed};
use crate::failure::Failure;

/// A picture is drawn this many times as wide and high, and made smaller again: that smooths every edge.
const SCALE: u32 = 3;
const CHANNELS: usize = 3;

/// A picture is drawn strip by strip, so that a large one takes no more memory than this, beside the file.
const STRIP_BYTES_MAX: usize = 96 << 20;

/// For papers: at 300 pixels an inch.
const PIXELS_PER_METER: u32 = 11_811;

/// Draws the stations, which are at least one and at most [`super::STATIONS_MAX`].
pub fn png(kind: PlotKind, drawn: &[Drawn<'_>], appearance: Appearance) -> Result<Vec<u8>, Failure> {
    strips(kind, drawn, appearance, STRIP_BYTES_MAX).map_err(|error| failed(&error))
}

fn strips(
    kind: PlotKind,
    drawn: &[Drawn<'_>],
    appearance: Appearance,
    strip_bytes_max: usize,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let figure = Figure::new(kind, drawn);
    let (width, height) = appearance.size(SCALE);
    let row_bytes = width as usize * CHANNELS;
    let rows_max = (strip_bytes_max / (row_bytes * SCALE as usize)).max(1) as u32 * SCALE;
    let (mut bytes, mut large) = (Vec::new(), Vec::new());
    let mut file = headed(&mut bytes, &figure, appearance)?;
    let mut picture = file.stream_writer()?;
    for top in (0..height).step_by(rows_max as usize) {
        let rows = rows_max.min(height - top);
        large.resize(rows as usize * row_bytes, 0);
        let backend = BitMapBackend::with_buffer(&mut large, (width, rows));
        draw(&figure, Paper::new(backend, top, appearance, SCALE, true))?;
        picture.write_all(&smaller(&large, appearance))?;
    }
    picture.finish()?;
    drop(file);
    Ok(bytes)
}

/// Makes a strip smaller: each pixel is the average of those that it replaces.
fn smaller(large: &[u8], appearance: Appearance) -> Vec<u8> {
    let (width, scale) = (appearance.width_pixels as usize, SCALE as usize);
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

/// The file up to where its pixels begin.
fn headed<'a>(
    bytes: &'a mut Vec<u8>,
    figure: &Figure,
    appearance: Appearance,
) -> Result<::png::Writer<&'a mut Vec<u8>>, ::png::EncodingError> {
    let mut encoder = ::png::Encoder::new(bytes, appearance.width_pixels, appearance.height_pixels);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    let unit = ::png::Unit::Meter;
    encoder.set_pixel_dims(Some(::png::PixelDimensions { xppu: PIXELS_PER_METER, yppu: PIXELS_PER_METER, unit }));
    encoder.add_itxt_chunk("Title".to_owned(), figure.title.clone())?;
    encoder.add_itxt_chunk("Description".to_owned(), figure.description.clone())?;
    encoder.write_header()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Day;
    use crate::retold::history::Series;
    use crate::watch::plot::Theme;

    fn pixels(bytes: &[u8]) -> Vec<u8> {
        let mut reader = ::png::Decoder::new(bytes).read_info().expect("it is read");
        let mut pixels = vec![0; reader.output_buffer_size()];
        reader.next_frame(&mut pixels).expect("it is read");
        pixels
    }

    /// But for a few edges that run through several strips: above a strip numbers are below zero, and rounded the other way.
    #[test]
    fn the_picture_is_the_same_in_strips() {
        let mut series = Series::default();
        for number in 730_000..731_000 {
            let day = Day::from_number(number).expect("a day");
            series.add(day, f64::from(number % 37) - 10.0);
        }
        let drawn = [Drawn { station: "KNYC", partition: 0, offset: 1000, series: &series, missing: None }];
        let appearance = Appearance { theme: Theme::Light, width_pixels: 400, height_pixels: 300 };
        for kind in [PlotKind::Months, PlotKind::Years] {
            let draw = |bytes_max| pixels(&strips(kind, &drawn, appearance, bytes_max).expect("it is drawn"));
            let whole = draw(STRIP_BYTES_MAX);
            for bytes_max in [1, 100_000, 1_000_000] {
                let picture = draw(bytes_max);
                let differing = picture.iter().zip(&whole).filter(|(one, other)| one != other).count();
                assert!(picture.len() == whole.len() && differing * 1000 < whole.len(), "{differing} at {bytes_max}");
            }
        }
    }
}
