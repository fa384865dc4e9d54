//! The font by which texts are measured, and drawn where the picture itself has none: Lato, under the SIL Open Font License.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};

/// Height of the capital letters and digits, in parts of the size.
pub const CAPITALS: f64 = 0.72;

fn font() -> &'static FontRef<'static> {
    static FONT: OnceLock<FontRef<'static>> = OnceLock::new();
    FONT.get_or_init(|| {
        FontRef::try_from_slice(include_bytes!("lato/Lato-Regular.ttf"))
            .expect("the font is compiled in, and a test reads it")
    })
}

/// The scale at which an em is as long as the size, as in SVG.
fn scale(size_pixels: f64) -> PxScale {
    let font = font();
    let units_per_em = font.units_per_em().unwrap_or(2000.0);
    PxScale::from(size_pixels as f32 * font.height_unscaled() / units_per_em)
}

/// Each glyph with its place from the beginning of the text, in pixels; then where the text ends.
fn glyphs(text: &str, size_pixels: f64) -> (Vec<(GlyphId, f32)>, f32) {
    let scaled = font().as_scaled(scale(size_pixels));
    let (mut placed, mut end) = (Vec::new(), 0.0);
    for letter in text.chars() {
        let glyph = scaled.glyph_id(letter);
        if let Some(&(last, _)) = placed.last() {
            end += scaled.kern(last, glyph);
        }
        placed.push((glyph, end));
        end += scaled.h_advance(glyph);
    }
    (placed, end)
}

/// How wide a text is, in pixels.
pub fn width(text: &str, size_pixels: f64) -> f64 {
    f64::from(glyphs(text, size_pixels).1)
}

/// Each pixel that a text from `(x, baseline)` on touches, and how much of it is covered, 0 to 1.
pub fn pixels(text: &str, (x, baseline): (f64, f64), size_pixels: f64) -> impl Iterator<Item = ((i32, i32), f64)> {
    glyphs(text, size_pixels).0.into_iter().flat_map(move |(glyph, place)| {
        let at = point(x as f32 + place, baseline as f32);
        let mut pixels = Vec::new();
        if let Some(outline) = font().outline_glyph(glyph.with_scale_and_position(scale(size_pixels), at)) {
            let bounds = outline.px_bounds();
            outline.draw(|right, down, coverage| {
                let pixel = (bounds.min.x as i32 + right as i32, bounds.min.y as i32 + down as i32);
                if coverage > 0.0 {
                    pixels.push((pixel, f64::from(coverage.min(1.0))));
                }
            });
        }
        pixels
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_by_us_is_in_the_font() {
        for letter in "AZaz09.,:()…\u{2212}".chars() {
            assert_ne!(font().glyph_id(letter), GlyphId(0), "{letter}");
        }
    }

    #[test]
    fn a_text_is_drawn_where_it_is_measured_and_on_its_line() {
        let (mut right, mut top, mut bottom) = (0, 100, 0);
        for ((x, y), coverage) in pixels("HHHH", (10.0, 100.0), 50.0) {
            assert!(x >= 10 && coverage <= 1.0);
            (right, top, bottom) = (right.max(x), top.min(y), bottom.max(y));
        }
        let end = 10.0 + width("HHHH", 50.0);
        assert!(f64::from(right) < end && f64::from(right) > end - 10.0, "{right} of {end}");
        let capitals = 50.0 * CAPITALS;
        assert!((f64::from(100 - top) - capitals).abs() < 2.0 && (99..=100).contains(&bottom), "{top} to {bottom}");
    }
}
