//! The tables of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::model::{Answers, Model};
use super::table::{Column, render};
use super::text::{age, plain, thousands, took};
use crate::watch::wire::{Branch, LifeState, Order, Partition, Sort, Stations, Supervision};

pub const GOOD: Style = Style::new().fg(Color::Green);
pub const SOON: Style = Style::new().fg(Color::Yellow);
pub const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);

/// Stands where there is nothing yet.
const NONE: &str = "-";

fn style(state: LifeState) -> Style {
    match state {
        LifeState::Failed => BAD,
        state if state.is_well() => Style::new(),
        _ => SOON,
    }
}

/// In their order where all fit; else those first of which something should be known.
fn worst_first<T>(all: &[T], area: Rect, rank: impl Fn(&T) -> (bool, std::cmp::Reverse<u64>)) -> Vec<&T> {
    let mut all: Vec<&T> = all.iter().collect();
    if all.len() >= usize::from(area.height) {
        all.sort_by_key(|one| rank(one));
    }
    all
}

pub fn partitions(answers: &Answers, area: Rect, buffer: &mut Buffer) {
    let columns = [
        Column::number("partition", 0),
        Column::text("state", 10, 0),
        Column::number("offset", 0),
        Column::number("lag", 0),
        Column::number("records/s", 1),
        Column::number("commit", 2),
        Column::number("took", 3),
        Column::number("rejected", 4),
        Column::number("restarts", 5),
    ];
    let commit_age =
        |one: &Partition| one.commit.committed_at_ms.map(|at_ms| age(answers.now_ms.saturating_sub(at_ms)));
    let rank = |one: &Partition| (one.state.is_well(), std::cmp::Reverse(one.lag));
    let rows = worst_first(&answers.partitions, area, rank).into_iter().map(|one| {
        let cells = vec![
            one.partition.to_string(),
            one.state.name().to_owned(),
            thousands(one.committed),
            thousands(one.lag),
            thousands(one.records_per_second),
            commit_age(one).unwrap_or_else(|| NONE.to_owned()),
            one.commit.took_ms.map_or_else(|| NONE.to_owned(), took),
            thousands(one.rejected_total),
            thousands(one.restarts),
        ];
        (style(one.state), cells)
    });
    render(&columns, &rows.collect::<Vec<_>>(), "partitions", area, buffer);
}

pub fn supervision(supervision: &Supervision, area: Rect, buffer: &mut Buffer) {
    let columns = [
        Column::text("branch", 16, 0),
        Column::text("state", 10, 0),
        Column::number("restarts", 2),
        Column::number("budget", 1),
        Column::rest("actors", 12, 0),
    ];
    let rank = |one: &Branch| (one.state.is_well(), std::cmp::Reverse(one.restarts));
    let rows = worst_first(&supervision.branches, area, rank).into_iter().map(|one| {
        let cells = vec![
            one.branch.clone(),
            one.state.name().to_owned(),
            thousands(one.restarts),
            format!("{} of {}", one.budget_left, supervision.restarts_max),
            what_it_does(one),
        ];
        (style(one.state), cells)
    });
    render(&columns, &rows.collect::<Vec<_>>(), "branches", area, buffer);
}

/// What a branch waits for or failed of; else its actors with the time that a message waits in their mailbox.
fn what_it_does(branch: &Branch) -> String {
    if let Some(why) = branch.failure.as_ref().or(branch.waiting_for.as_ref()) {
        return why.clone();
    }
    let actors = branch.actors.iter().map(|actor| match (actor.state, actor.mailbox_wait_us) {
        (LifeState::Running, Some(wait_us)) => format!("{} {} µs", actor.name, thousands(wait_us)),
        (LifeState::Running, None) => actor.name.clone(),
        (state, _) => format!("{} {}", actor.name, state.name()),
    });
    actors.collect::<Vec<_>>().join(", ")
}

pub fn crashes(answers: &Answers, area: Rect, buffer: &mut Buffer) {
    let columns = [
        Column::number("crashed", 0),
        Column::text("branch", 16, 0),
        Column::text("actor", 17, 0),
        Column::number("resumed", 3),
        Column::number("again", 2),
        Column::number("took", 1),
        Column::rest("cause", 10, 0),
    ];
    // The newest; older ones are in the log.
    let newest = answers.supervision.crashes.iter().take(usize::from(area.height.saturating_sub(1)));
    let rows = newest.map(|crash| {
        let number = |number: Option<u64>| number.map_or_else(|| NONE.to_owned(), thousands);
        let cells = vec![
            format!("{} ago", age(answers.now_ms.saturating_sub(crash.at_ms))),
            crash.branch.clone(),
            crash.actor.clone(),
            number(crash.resumed_from),
            number(crash.replayed),
            crash.took_ms.map_or_else(|| NONE.to_owned(), took),
            crash.cause.clone(),
        ];
        (if crash.took_ms.is_none() { SOON } else { Style::new() }, cells)
    });
    render(&columns, &rows.collect::<Vec<_>>(), "crashes", area, buffer);
}

pub fn stations(model: &Model, stations: &Stations, area: Rect, buffer: &mut Buffer) {
    let Some(first) = area.rows().next() else { return };
    let title = Line::styled(title(model, stations), Style::new().add_modifier(Modifier::BOLD));
    Widget::render(title, first, buffer);
    let heading = |sort: Sort| {
        let arrow = match model.which.order {
            Order::Asc => '▲',
            Order::Desc => '▼',
        };
        if sort == model.which.sort { format!("{arrow}{}", sort.name()) } else { sort.name().to_owned() }
    };
    let columns = [
        Column::text(&heading(Sort::Station), 32, 0),
        Column::number(&heading(Sort::Count), 0),
        Column::number(&heading(Sort::Average), 0),
        Column::text(&heading(Sort::Start), 10, 1),
        Column::text(&heading(Sort::End), 10, 1),
        Column::number(&heading(Sort::Missing), 2),
        Column::number(&heading(Sort::Partition), 3),
    ];
    let rows = stations.stations.iter().map(|one| {
        let cells = vec![
            one.station.clone(),
            thousands(one.count),
            format!("{:.2}", one.average),
            one.start.clone(),
            one.end.clone(),
            thousands(one.missing_days),
            one.partition.to_string(),
        ];
        (Style::new(), cells)
    });
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    // Those that do not fit are reached by scrolling.
    let rows: Vec<_> = rows.take(usize::from(below.height.saturating_sub(1))).collect();
    render(&columns, &rows, "stations", below, buffer);
}

/// Which stations are in view, of how many, in which order.
fn title(model: &Model, stations: &Stations) -> String {
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
        title.push_str(&format!(", by {}{order}", which.sort.name()));
    }
    if model.typing || !which.filter.is_empty() {
        let cursor = if model.typing { "_" } else { "" };
        title.push_str(&format!(" that contain: {}{cursor}", plain(&which.filter)));
    }
    title
}
