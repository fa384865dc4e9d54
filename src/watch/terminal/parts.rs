//! The tables of the screen.

use std::cmp::Reverse;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Style, Stylize};
use ratatui::widgets::Widget;

use super::model::{Answers, TopModel};
use super::table::Table;
use super::text::{plain, thousands, took};
use crate::watch::wire::{Branch, LifeState, Order, Sort, Stations, Supervision};

pub const GOOD: Style = Style::new().green();
pub const SOON: Style = Style::new().yellow();
pub const BAD: Style = Style::new().red().bold();

/// The text of a cell whose number is not known yet.
const NONE: &str = "-";

fn style(state: LifeState) -> Style {
    match state {
        LifeState::Failed => BAD,
        state if state.is_well() => Style::new(),
        _ => SOON,
    }
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| NONE.to_owned())
}

/// The rows in their order where all fit; else those in trouble first.
fn worst_first<T>(all: &[T], area: Rect, rank: impl Fn(&T) -> (bool, Reverse<u64>)) -> Vec<&T> {
    let mut all: Vec<&T> = all.iter().collect();
    if all.len() >= usize::from(area.height) {
        all.sort_by_key(|one| rank(one));
    }
    all
}

pub fn partitions(answers: &Answers, area: Rect, buffer: &mut Buffer) {
    let rows = worst_first(&answers.partitions, area, |one| (one.state.is_well(), Reverse(one.lag)));
    Table::new(rows)
        .number("partition", 0, |one| one.partition.to_string())
        .text("state", 10, 0, |one| one.state.to_string())
        .number("offset", 0, |one| thousands(one.committed))
        .number("lag", 0, |one| thousands(one.lag))
        .number("records/s", 1, |one| thousands(one.records_per_second))
        .number("commit", 2, |one| or_none(one.commit.committed_at_ms.map(|at_ms| answers.age(at_ms))))
        .number("took", 3, |one| or_none(one.commit.took_ms.map(took)))
        .number("rejected", 4, |one| thousands(one.rejected_total))
        .number("restarts", 5, |one| thousands(one.restarts))
        .render(|one| style(one.state), "partitions", area, buffer);
}

pub fn supervision(supervision: &Supervision, area: Rect, buffer: &mut Buffer) {
    let restarts_max = supervision.restarts_max;
    let rows = worst_first(&supervision.branches, area, |one| (one.state.is_well(), Reverse(one.restarts)));
    Table::new(rows)
        .text("branch", 16, 0, |one| one.branch.clone())
        .text("state", 10, 0, |one| one.state.to_string())
        .number("restarts", 2, |one| thousands(one.restarts))
        .number("budget", 1, |one| format!("{} of {restarts_max}", one.budget_left))
        .rest("actors", 12, 0, what_it_does)
        .render(|one| style(one.state), "branches", area, buffer);
}

/// What a branch waits for or failed of; else its actors with the time that a message waits in their mailbox.
fn what_it_does(branch: &Branch) -> String {
    if let Some(why) = branch.failure.as_ref().or(branch.waiting_for.as_ref()) {
        return why.clone();
    }
    let actors = branch.actors.iter().map(|actor| match (actor.state, actor.mailbox_wait_us) {
        (LifeState::Running, Some(wait_us)) => format!("{} {} µs", actor.name, thousands(wait_us)),
        (LifeState::Running, None) => actor.name.clone(),
        (state, _) => format!("{} {state}", actor.name),
    });
    actors.collect::<Vec<_>>().join(", ")
}

pub fn crashes(answers: &Answers, area: Rect, buffer: &mut Buffer) {
    // The newest; older ones are in the log.
    let newest = answers.supervision.crashes.iter().take(usize::from(area.height.saturating_sub(1)));
    Table::new(newest)
        .number("crashed", 0, |crash| format!("{} ago", answers.age(crash.at_ms)))
        .text("branch", 16, 0, |crash| crash.branch.clone())
        .text("actor", 17, 0, |crash| crash.actor.clone())
        .number("resumed", 3, |crash| or_none(crash.resumed_from.map(thousands)))
        .number("again", 2, |crash| or_none(crash.replayed.map(thousands)))
        .number("took", 1, |crash| or_none(crash.took_ms.map(took)))
        .rest("cause", 10, 0, |crash| crash.cause.clone())
        .render(|crash| if crash.took_ms.is_none() { SOON } else { Style::new() }, "crashes", area, buffer);
}

pub fn stations(model: &TopModel, stations: &Stations, area: Rect, buffer: &mut Buffer) {
    let Some(first) = area.rows().next() else { return };
    Widget::render(title(model, stations).bold(), first, buffer);
    let heading = |sort: Sort| {
        let arrow = match model.which.order {
            Order::Asc => '▲',
            Order::Desc => '▼',
        };
        if sort == model.which.sort { format!("{arrow}{sort}") } else { sort.to_string() }
    };
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    // Those that do not fit are reached by scrolling.
    let rows = stations.stations.iter().take(usize::from(below.height.saturating_sub(1)));
    Table::new(rows)
        .text(&heading(Sort::Station), 32, 0, |one| one.station.clone())
        .number(&heading(Sort::Count), 0, |one| thousands(one.count))
        .number(&heading(Sort::Average), 0, |one| format!("{:.2}", one.average))
        .text(&heading(Sort::Start), 10, 1, |one| one.start.clone())
        .text(&heading(Sort::End), 10, 1, |one| one.end.clone())
        .number(&heading(Sort::Missing), 2, |one| thousands(one.missing_days))
        .number(&heading(Sort::Partition), 3, |one| one.partition.to_string())
        .render(|_| Style::new(), "stations", below, buffer);
}

/// Which stations are in view, of how many, in which order.
fn title(model: &TopModel, stations: &Stations) -> String {
    let which = &model.which;
    let count = stations.stations.len().min(which.limit) as u64;
    let view = match count {
        0 => "none".to_owned(),
        _ => format!("{} to {}", thousands(stations.offset + 1), thousands(stations.offset.saturating_add(count))),
    };
    let mut title = format!("Stations {view} of {}", thousands(stations.matching));
    let greatest_first = which.order == Order::Desc;
    if which.sort != Sort::Station || greatest_first {
        let order = if greatest_first { ", greatest first" } else { "" };
        title.push_str(&format!(", by {}{order}", which.sort));
    }
    if model.typing || !which.filter.is_empty() {
        let cursor = if model.typing { "_" } else { "" };
        title.push_str(&format!(" that contain: {}{cursor}", plain(&which.filter)));
    }
    title
}
