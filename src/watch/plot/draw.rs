//! Draws a figure on any of the backends.

use std::borrow::Borrow;
use std::cell::RefCell;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::{Circle, DashedPathElement, Drawable, PathElement, PointCollection, Polygon, Rectangle, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::Appearance;
use super::figure::{Figure, Ink, PlotLine, Point};
use super::font;
use super::theme::{COLORS, Colors};

/// Width and height of a figure in units; a figure that is larger or of another shape has larger units, or more of them.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 450.0;

const MARGIN: f64 = 22.0;
const TITLE: f64 = 19.0;
const TEXT: f64 = 13.0;
const NOTE: f64 = 12.0;
/// From the middle of a label down to the line that its letters stand on.
const MIDDLE: f64 = TEXT * font::CAPITALS / 2.0;
const ROW: f64 = 20.0;
const SWATCH: f64 = 24.0;
const NOTES_MAX: usize = 3;
/// How much wider than ours the font can be in which a reader's program shows a text (DejaVu Sans is).
const WIDER_MAX: f64 = 1.15;
/// Of a name in the legend.
const NAME_WIDTH_MAX: f64 = 200.0;

type Drawing<T, DB> = Result<T, DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Where to draw, and how.
pub struct Paper<DB: DrawingBackend> {
    backend: RefCell<DB>,
    /// The row of the paper that is the backend's first.
    top: u32,
    /// Of the whole paper, in pixels.
    size: (u32, u32),
    colors: &'static Colors,
    /// Pixels per unit.
    unit: f64,
    letters: bool,
}

/// The rectangle of the axes.
struct PlotFrame {
    /// From left to right.
    across: (f64, f64),
    /// From below to above.
    up: (f64, f64),
}

/// Draws what of the figure lies on the backend.
pub fn draw<DB: DrawingBackend>(figure: &Figure, paper: Paper<DB>) -> Drawing<(), DB> {
    paper.figure(figure)?;
    paper.backend.into_inner().present().map_err(DrawingAreaErrorKind::BackendError)
}

impl<DB: DrawingBackend> Paper<DB> {
    /// A paper with `scale` pixels for each of the plot's. The backend is as wide as the paper; it may be a strip of it,
    /// from the row `top` on: what lies above or below is not drawn. `letters`: whether texts are drawn letter by letter;
    /// else the backend writes them as texts, and the reader's program has the font.
    pub fn new(backend: DB, top: u32, appearance: Appearance, scale: u32, letters: bool) -> Self {
        let Appearance { theme, width_pixels, height_pixels } = appearance;
        let unit = (f64::from(width_pixels) / WIDTH).min(f64::from(height_pixels) / HEIGHT) * f64::from(scale);
        let (backend, size) = (RefCell::new(backend), appearance.size(scale));
        Self { backend, top, size, colors: theme.colors(), unit, letters }
    }

    fn figure(&self, figure: &Figure) -> Drawing<(), DB> {
        let colors = self.colors;
        let corners = [(0, 0), (self.size.0 as i32, self.size.1 as i32)];
        self.put(&Rectangle::new(corners.map(|corner| self.within(corner)), colors.background.filled()))?;
        let (width, height) = (f64::from(self.size.0) / self.unit, f64::from(self.size.1) / self.unit);
        let inner = width - 2.0 * MARGIN;
        let title = self.fitting(&figure.title, TITLE, inner);
        self.styled(&title, (MARGIN, MARGIN + 12.0), TITLE, colors.ink, HPos::Left, FontStyle::Bold)?;
        let subtitle = self.fitting(&figure.subtitle, TEXT, inner);
        self.text(&subtitle, (MARGIN, MARGIN + 34.0), TEXT, colors.muted, HPos::Left)?;
        let top = self.legend(figure, MARGIN + 46.0, inner)?;
        let mut bottom = height - MARGIN + 6.0;
        let further = figure.notes.len().saturating_sub(NOTES_MAX);
        for (place, note) in figure.notes.iter().take(NOTES_MAX).enumerate().rev() {
            let more =
                if place + 1 == NOTES_MAX && further > 0 { format!(" (and {further} more)") } else { String::new() };
            let note = self.fitting(note, NOTE, inner - self.width_of(&more, NOTE));
            self.text(&(note + &more), (MARGIN, bottom), NOTE, colors.muted, HPos::Left)?;
            bottom -= ROW - 3.0;
        }
        let labels = figure.y.ticks.iter().map(|tick| self.width_of(&tick.label, TEXT)).fold(0.0, f64::max);
        let frame = PlotFrame { across: (MARGIN + labels + 8.0, width - MARGIN), up: (bottom - 24.0, top + 24.0) };
        if figure.is_empty() {
            let middle = (f64::midpoint(frame.across.0, frame.across.1), f64::midpoint(frame.up.0, frame.up.1));
            return self.text("no readings", middle, TITLE, colors.muted, HPos::Center);
        }
        self.text("degrees", (MARGIN, top + 6.0), TEXT, colors.muted, HPos::Left)?;
        self.axes(figure, &frame)?;
        self.content(figure, &frame)
    }

    fn pixel(&self, (x, y): Point) -> (i32, i32) {
        self.within(((x * self.unit).round() as i32, (y * self.unit).round() as i32))
    }

    /// A pixel of the paper as one of the backend.
    fn within(&self, (x, y): (i32, i32)) -> (i32, i32) {
        (x, y - self.top as i32)
    }

    /// Draws an element as it is, also where a part of it is outside: plotters' own areas would move that part inside.
    fn put<'e, E>(&self, element: &'e E) -> Drawing<(), DB>
    where
        &'e E: PointCollection<'e, (i32, i32)>,
        E: Drawable<DB>,
    {
        let points = element.point_iter().into_iter().map(|point| *point.borrow());
        element.draw(points, &mut *self.backend.borrow_mut(), self.size).map_err(DrawingAreaErrorKind::BackendError)
    }

    fn pixels(&self, units: f64) -> u32 {
        (units * self.unit).round().max(1.0) as u32
    }

    fn stroke(&self, color: RGBColor, width: f64) -> ShapeStyle {
        color.stroke_width(self.pixels(width))
    }

    fn width_of(&self, text: &str, size: f64) -> f64 {
        let width = font::width(text, size * self.unit) / self.unit;
        if self.letters { width } else { width * WIDER_MAX }
    }

    /// The text, or its beginning with an ellipsis where it is too wide.
    fn fitting(&self, text: &str, size: f64, width_max: f64) -> String {
        if self.width_of(text, size) <= width_max {
            return text.to_owned();
        }
        let ends: Vec<usize> = text.char_indices().map(|(end, _)| end).collect();
        let cut = |end: usize| format!("{}…", text[..end].trim_end());
        let fits = ends.partition_point(|&end| self.width_of(&cut(end), size) <= width_max);
        cut(ends[fits.saturating_sub(1)])
    }

    /// Draws a text; `at` is on the line that its letters stand on.
    fn text(&self, text: &str, at: Point, size: f64, color: RGBColor, align: HPos) -> Drawing<(), DB> {
        self.styled(text, at, size, color, align, FontStyle::Normal)
    }

    fn styled(
        &self,
        text: &str,
        (x, y): Point,
        size: f64,
        color: RGBColor,
        align: HPos,
        style: FontStyle,
    ) -> Drawing<(), DB> {
        if self.letters {
            let before = match align {
                HPos::Left => 0.0,
                HPos::Center => self.width_of(text, size) / 2.0,
                HPos::Right => self.width_of(text, size),
            };
            let at = ((x - before) * self.unit, y * self.unit);
            let backend = &mut *self.backend.borrow_mut();
            for (pixel, coverage) in font::pixels(text, at, size * self.unit) {
                let color = color.mix(coverage).to_backend_color();
                backend.draw_pixel(self.within(pixel), color).map_err(DrawingAreaErrorKind::BackendError)?;
            }
            return Ok(());
        }
        // plotters takes 1.24 times the size, and gives what is aligned to the top 0.76 of the size above the letters' line.
        let style = (FontFamily::SansSerif, size * self.unit * 1.24, style).into_font();
        let style = TextStyle::from(style).color(&color).pos(Pos::new(align, VPos::Top));
        self.put(&Text::new(text, self.pixel((x, y - 0.76 * size)), style))
    }

    fn line(&self, points: &[Point], style: ShapeStyle) -> Drawing<(), DB> {
        let points: Vec<_> = points.iter().map(|&point| self.pixel(point)).collect();
        self.put(&PathElement::new(points, style))
    }

    fn ink(&self, ink: Ink) -> RGBColor {
        match ink {
            Ink::Color(place) => self.colors.lines[place % COLORS],
            Ink::Grey => self.colors.grey,
        }
    }

    /// An unbroken part of a line, given in units.
    fn run(&self, line: &PlotLine, points: &[Point]) -> Drawing<(), DB> {
        let style = self.stroke(self.ink(line.ink), line.width);
        match line.ink {
            Ink::Color(place) if place >= COLORS => {
                let points: Vec<_> = points.iter().map(|&point| self.pixel(point)).collect();
                let (dash, gap) = (self.pixels(6.0), self.pixels(4.0));
                self.put(&DashedPathElement::new(points, dash, gap, style))
            }
            _ => self.line(points, style),
        }
    }

    fn dot(&self, line: &PlotLine, at: Point) -> Drawing<(), DB> {
        let radius = self.pixels(1.5 + line.width * 0.6);
        self.put(&Circle::new(self.pixel(at), radius, self.ink(line.ink).filled()))
    }

    /// Draws the names of the lines and the band, in as many rows as they take from `top` on; returns where the rows end.
    fn legend(&self, figure: &Figure, top: f64, width: f64) -> Drawing<f64, DB> {
        let (mut x, mut y) = (MARGIN, top + ROW / 2.0);
        if figure.is_empty() {
            return Ok(y + ROW);
        }
        let lines = figure.lines.iter().rev().filter_map(|line| Some((Some(line), line.name.as_deref()?)));
        let band = figure.band.first().map(|_| (None, "lowest to highest reading"));
        for (line, name) in lines.chain(band) {
            let name = self.fitting(name, TEXT, NAME_WIDTH_MAX);
            let entry = SWATCH + 8.0 + self.width_of(&name, TEXT);
            if x > MARGIN && x + entry > MARGIN + width {
                (x, y) = (MARGIN, y + ROW);
            }
            match line {
                Some(line) => {
                    self.run(line, &[(x, y), (x + SWATCH, y)])?;
                    if line.dots {
                        self.dot(line, (x + SWATCH / 2.0, y))?;
                    }
                }
                None => {
                    let corners = [self.pixel((x, y - 5.0)), self.pixel((x + SWATCH, y + 5.0))];
                    self.put(&Rectangle::new(corners, self.band_style()))?;
                }
            }
            self.text(&name, (x + SWATCH + 8.0, y + MIDDLE), TEXT, self.colors.ink, HPos::Left)?;
            x += entry + 22.0;
        }
        Ok(y + ROW)
    }

    fn band_style(&self) -> ShapeStyle {
        self.ink(Ink::Color(0)).mix(0.2).filled()
    }

    fn axes(&self, figure: &Figure, frame: &PlotFrame) -> Drawing<(), DB> {
        let ((left, right), (bottom, _)) = (frame.across, frame.up);
        let (grid, axis) = (self.stroke(self.colors.grid, 0.75), self.stroke(self.colors.axis, 1.0));
        for tick in &figure.y.ticks {
            let y = figure.y.place(tick.at, frame.up);
            self.line(&[(left, y), (right, y)], grid)?;
            self.text(&tick.label, (left - 8.0, y + MIDDLE), TEXT, self.colors.muted, HPos::Right)?;
        }
        self.line(&[(left, bottom), (right, bottom)], axis)?;
        for tick in &figure.x.ticks {
            let x = figure.x.place(tick.at, frame.across);
            self.line(&[(x, bottom), (x, bottom + 4.0)], axis)?;
            self.text(&tick.label, (x, bottom + 20.0), TEXT, self.colors.muted, HPos::Center)?;
        }
        Ok(())
    }

    fn content(&self, figure: &Figure, frame: &PlotFrame) -> Drawing<(), DB> {
        let at = |(x, y): Point| (figure.x.place(x, frame.across), figure.y.place(y, frame.up));
        for run in &figure.band {
            // A month alone is as wide as most of a month.
            let wide: Vec<_> = match run[..] {
                [(x, min, max)] => vec![(x - 0.3, min, max), (x + 0.3, min, max)],
                _ => run.clone(),
            };
            let lower = wide.iter().map(|&(x, min, _)| (x, min));
            let upper = wide.iter().rev().map(|&(x, _, max)| (x, max));
            let corners: Vec<_> = lower.chain(upper).map(|point| self.pixel(at(point))).collect();
            self.put(&Polygon::new(corners, self.band_style()))?;
        }
        for line in &figure.lines {
            for run in &line.runs {
                let points: Vec<Point> = run.iter().copied().map(at).collect();
                if points.len() > 1 {
                    self.run(line, &points)?;
                }
                if line.dots || points.len() == 1 {
                    points.iter().try_for_each(|&point| self.dot(line, point))?;
                }
            }
        }
        Ok(())
    }
}
