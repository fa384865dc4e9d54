//! A table of one line a row. Columns are as wide as what is in them, so that no digit of a number is cut off; where the
//! screen is too narrow for all of them, the least important are left out.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Row, Table, Widget};

const SPACING: u16 = 2;

pub struct Column {
    heading: String,
    alignment: Alignment,
    /// A longer text is cut off.
    width_max: u16,
    /// The column takes all that the others leave.
    takes_rest: bool,
    /// 0 is always shown; of the others the greatest is left out first.
    rank: u8,
}

impl Column {
    pub fn number(heading: &str, rank: u8) -> Self {
        Self {
            heading: heading.to_uppercase(),
            alignment: Alignment::Right,
            width_max: u16::MAX,
            takes_rest: false,
            rank,
        }
    }

    pub fn text(heading: &str, width_max: u16, rank: u8) -> Self {
        Self { alignment: Alignment::Left, width_max, ..Self::number(heading, rank) }
    }

    /// Text that takes what the other columns leave, and is there if that is at least so much.
    pub fn rest(heading: &str, width_min: u16, rank: u8) -> Self {
        Self { takes_rest: true, ..Self::text(heading, width_min, rank) }
    }

    fn aligned<'a>(&self, cell: &'a str) -> Text<'a> {
        Text::from(Line::from(cell).alignment(self.alignment))
    }
}

/// The rows that fit; the last line tells how many `more` there are.
pub fn render(columns: &[Column], rows: &[(Style, Vec<String>)], more: &str, area: Rect, buffer: &mut Buffer) {
    let lines = usize::from(area.height.saturating_sub(1));
    let kept = if rows.len() <= lines { rows.len() } else { lines.saturating_sub(1) };
    let (shown, not_shown) = rows.split_at(kept);
    let widths = widths(columns, shown, area.width);
    let visible: Vec<usize> = (0..columns.len()).filter(|&place| widths[place].is_some()).collect();
    let heading = visible.iter().map(|&place| columns[place].aligned(&columns[place].heading));
    let heading = Row::new(heading).style(Style::new().add_modifier(Modifier::BOLD));
    let body = shown.iter().map(|(style, cells)| {
        Row::new(visible.iter().map(|&place| columns[place].aligned(&cells[place]))).style(*style)
    });
    let table = Table::new(body, widths.iter().flatten().copied()).header(heading).column_spacing(SPACING);
    Widget::render(table, area, buffer);
    if !not_shown.is_empty() && lines > 0 {
        let line = Rect { y: area.bottom() - 1, height: 1, ..area };
        Widget::render(Line::from(format!("… {} more {more}", not_shown.len())), line, buffer);
    }
}

/// How wide each column is; `None`: it is left out.
fn widths(columns: &[Column], rows: &[(Style, Vec<String>)], width: u16) -> Vec<Option<Constraint>> {
    let needed: Vec<u16> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let cells = rows.iter().map(|(_, cells)| cell_width(&cells[place])).max().unwrap_or(0);
            let cells = if column.takes_rest { column.width_max } else { cells.min(column.width_max) };
            cells.max(cell_width(&column.heading))
        })
        .collect();
    let fits = |rank: u8| {
        let kept = columns.iter().zip(&needed).filter(|(column, _)| column.rank <= rank);
        kept.map(|(_, &needed)| u64::from(needed + SPACING)).sum::<u64>() <= u64::from(width + SPACING)
    };
    let rank = (0..=columns.iter().map(|column| column.rank).max().unwrap_or(0)).rev().find(|&rank| fits(rank));
    let width = |(column, &needed): (&Column, &u16)| {
        let constraint = if column.takes_rest { Constraint::Fill(1) } else { Constraint::Length(needed) };
        (column.rank <= rank.unwrap_or(0)).then_some(constraint)
    };
    columns.iter().zip(&needed).map(width).collect()
}

fn cell_width(text: &str) -> u16 {
    u16::try_from(Line::from(text).width()).unwrap_or(u16::MAX / 2)
}
