//! The screen as a pure function of the model.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Stylize;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::layout::{areas, key_lines};
use super::model::{Answers, TopModel};
use super::parts::{self, BAD, GOOD, SOON};
use super::text::{age, thousands};
use crate::watch::wire::{Audit, AuditResult, LifeState, Partition};

pub fn draw(model: &TopModel, area: Rect, buffer: &mut Buffer) {
    let areas = areas(area, model);
    header(model, areas.header, buffer);
    if let Some(answers) = &model.answers {
        parts::partitions(answers, areas.partitions, buffer);
        parts::supervision(&answers.supervision, areas.supervision, buffer);
        parts::crashes(answers, areas.crashes, buffer);
        parts::stations(model, &answers.stations, areas.stations, buffer);
        line(proof(model, answers), areas.proof, buffer);
    } else if let Some(notice) = &model.notice {
        line(Line::from(notice.as_str()), areas.proof, buffer);
    }
    for (text, row) in key_lines(area.width, model.all_keys).into_iter().zip(areas.keys.rows()) {
        line(Line::from(text).dim(), row, buffer);
    }
}

/// The screen as plain text, without empty lines at its end.
pub fn plain_text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.area.rows() {
        let mut line = String::new();
        let mut x = row.x;
        while x < row.right() {
            let symbol = buffer[(x, row.y)].symbol();
            line.push_str(symbol);
            // A wide character hides the cell behind it.
            x += u16::try_from(Span::raw(symbol).width()).unwrap_or(1).max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn line(line: Line<'_>, area: Rect, buffer: &mut Buffer) {
    Widget::render(line, area, buffer);
}

fn header(model: &TopModel, area: Rect, buffer: &mut Buffer) {
    let mut rows = area.rows();
    let Some(first) = rows.next() else { return };
    let mut spans = vec!["isotherm top".bold(), Span::raw("  ")];
    match (&model.trouble, &model.answers) {
        (Some(trouble), _) => {
            spans.push(Span::styled(format!("AWAY for {}, tried again: {trouble}", age(model.trouble_ms)), BAD));
        }
        (None, None) => spans.push(Span::raw(format!("{}  asking …", model.address))),
        (None, Some(_)) => spans.push(Span::raw(model.address.clone())),
    }
    line(Line::from(spans), first, buffer);
    if let (Some(second), Some(answers)) = (rows.next(), &model.answers) {
        line(totals(answers), second, buffer);
    }
}

/// What is most urgent first: a narrow screen has no room for all.
fn totals(answers: &Answers) -> Line<'static> {
    let sum = |number: fn(&Partition) -> u64| thousands(answers.partitions.iter().map(number).sum());
    let branches = &answers.supervision.branches;
    let failed = branches.iter().filter(|branch| branch.state == LifeState::Failed).count();
    let mut spans = Vec::new();
    if failed > 0 {
        spans.push(Span::styled(format!("{failed} FAILED, "), BAD));
    }
    if answers.partitions.iter().any(|one| one.hidden > 0) {
        spans.push(Span::styled(format!("{} HIDDEN by open transactions, ", sum(|one| one.hidden)), SOON));
    }
    spans.push(Span::raw(format!(
        "lag {}, {}/s, {} restarts, {} rejected, {} stations, {} records",
        sum(|one| one.lag),
        sum(|one| one.records_per_second),
        thousands(branches.iter().map(|branch| branch.restarts).sum()),
        sum(|one| one.rejected_total),
        thousands(answers.stations.stations_total),
        sum(|one| one.records),
    )));
    Line::from(spans)
}

/// What came of the last key, else the audit.
fn proof<'a>(model: &'a TopModel, answers: &'a Answers) -> Line<'a> {
    if let Some(notice) = &model.notice {
        return Line::from(notice.as_str());
    }
    let mut spans = vec!["PROOF  ".bold()];
    match &answers.audit {
        Audit { running: Some(running), .. } => {
            let (done, total) = (running.done, running.total);
            spans.push(Span::raw(format!("an audit runs: {} of {} records", thousands(done), thousands(total))));
        }
        Audit { failed: Some(failed), .. } => {
            let age = answers.age(failed.at_ms);
            spans.push(Span::styled(format!("the last audit failed {age} ago: {}", failed.why), BAD));
        }
        Audit { last: Some(last), .. } => {
            let style = if last.result == "verified" { GOOD } else { BAD };
            spans.push(Span::styled(verdict(last), style));
            spans.push(Span::raw(format!(", {} ago", answers.age(last.finished_at_ms))));
        }
        Audit { .. } => spans.push(Span::raw("no audit yet; a starts one")),
    }
    Line::from(spans)
}

/// How many partitions were verified, or which one was not, and why.
fn verdict(last: &AuditResult) -> String {
    match last.partitions.iter().find(|one| one.result == last.result) {
        Some(one) if last.result != "verified" => {
            format!("partition {}: {}: {}", one.partition, one.result.as_str().replace('_', " "), one.text)
        }
        _ => format!("{}, {} partitions", last.result.replace('_', " "), last.partitions.len()),
    }
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
