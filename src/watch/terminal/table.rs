//! A table of one line a row. Columns are as wide as what is in them, so that no digit of a number is cut off; where the
//! screen is too narrow for all of them, the least important are left out.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Text};
use ratatui::widgets::{self, Row, Widget};

const SPACING: u16 = 2;

/// A table that has a row for each value.
pub struct Table<'a, T> {
    rows: Vec<&'a T>,
    columns: Vec<Column<'a, T>>,
}

struct Column<'a, T> {
    heading: String,
    width: Width,
    /// 0 is always shown; of the others the greatest is left out first.
    rank: u8,
    /// What stands in the row of a value.
    cell: Box<dyn Fn(&T) -> String + 'a>,
}

#[derive(Clone, Copy)]
enum Width {
    /// That of the longest number.
    Number,
    /// That of the longest text, which is cut off here.
    TextMax(u16),
    /// All that the other columns leave, if it is at least this.
    RestMin(u16),
}

impl<'a, T> Table<'a, T> {
    pub fn new(rows: impl IntoIterator<Item = &'a T>) -> Self {
        Self { rows: rows.into_iter().collect(), columns: Vec::new() }
    }

    pub fn number(self, heading: &str, rank: u8, cell: impl Fn(&T) -> String + 'a) -> Self {
        self.column(heading, Width::Number, rank, cell)
    }

    /// A longer text is cut off.
    pub fn text(self, heading: &str, width_max: u16, rank: u8, cell: impl Fn(&T) -> String + 'a) -> Self {
        self.column(heading, Width::TextMax(width_max), rank, cell)
    }

    /// Text that takes what the other columns leave, and is there if that is at least so much.
    pub fn rest(self, heading: &str, width_min: u16, rank: u8, cell: impl Fn(&T) -> String + 'a) -> Self {
        self.column(heading, Width::RestMin(width_min), rank, cell)
    }

    fn column(mut self, heading: &str, width: Width, rank: u8, cell: impl Fn(&T) -> String + 'a) -> Self {
        self.columns.push(Column { heading: heading.to_uppercase(), width, rank, cell: Box::new(cell) });
        self
    }

    /// Draws the rows that fit, each in its style; the last line tells how many `more` there are.
    pub fn render(&self, style: impl Fn(&T) -> Style, more: &str, area: Rect, buffer: &mut Buffer) {
        let lines = usize::from(area.height.saturating_sub(1));
        let kept = if self.rows.len() <= lines { self.rows.len() } else { lines.saturating_sub(1) };
        let (shown, not_shown) = self.rows.split_at(kept);
        let columns = self.fitting(shown, area.width);
        let heading = Row::new(columns.iter().map(|(column, _)| column.aligned(column.heading.clone())));
        let body = shown.iter().map(|row| {
            let cells = columns.iter().map(|(column, _)| column.aligned((column.cell)(row)));
            Row::new(cells).style(style(row))
        });
        let table = widgets::Table::new(body, columns.iter().map(|(column, needed)| column.constraint(*needed)))
            .header(heading.bold())
            .column_spacing(SPACING);
        Widget::render(table, area, buffer);
        if !not_shown.is_empty() && lines > 0 {
            let line = Rect { y: area.bottom() - 1, height: 1, ..area };
            Widget::render(Line::from(format!("… {} more {more}", not_shown.len())), line, buffer);
        }
    }

    /// The columns that fit beside each other, with the widths that they need for these rows.
    fn fitting(&self, rows: &[&T], width: u16) -> Vec<(&Column<'a, T>, u16)> {
        let mut columns: Vec<_> = self.columns.iter().map(|column| (column, column.needed(rows))).collect();
        loop {
            let needed: u64 = columns.iter().map(|(_, needed)| u64::from(needed + SPACING)).sum();
            let rank = columns.iter().map(|(column, _)| column.rank).max().unwrap_or(0);
            if rank == 0 || needed <= u64::from(width + SPACING) {
                return columns;
            }
            columns.retain(|(column, _)| column.rank < rank);
        }
    }
}

impl<T> Column<'_, T> {
    fn needed(&self, rows: &[&T]) -> u16 {
        let cells = rows.iter().map(|row| cell_width(&(self.cell)(row))).max().unwrap_or(0);
        let cells = match self.width {
            Width::Number => cells,
            Width::TextMax(width_max) => cells.min(width_max),
            Width::RestMin(width_min) => width_min,
        };
        cells.max(cell_width(&self.heading))
    }

    fn constraint(&self, needed: u16) -> Constraint {
        match self.width {
            Width::Number | Width::TextMax(_) => Constraint::Length(needed),
            Width::RestMin(_) => Constraint::Fill(1),
        }
    }

    fn aligned(&self, cell: String) -> Text<'static> {
        let alignment = match self.width {
            Width::Number => Alignment::Right,
            Width::TextMax(_) | Width::RestMin(_) => Alignment::Left,
        };
        Text::from(Line::from(cell).alignment(alignment))
    }
}

fn cell_width(text: &str) -> u16 {
    u16::try_from(Line::from(text).width()).unwrap_or(u16::MAX / 2)
}
