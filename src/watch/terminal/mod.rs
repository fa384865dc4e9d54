//! A running process in a terminal, over HTTP.

mod address;
mod client;
mod draw;
mod keys;
mod layout;
mod live;
mod model;
mod parts;
mod screen;
mod table;
mod text;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub use address::{of as address_of, typed as typed_address};

use crate::failure::Failure;
use client::ApiClient;
use model::TopModel;

/// The size of a screen that is printed: columns and lines.
const PRINTED: (u16, u16) = (100, 50);

/// Shows the process until a key or a signal ends it, with so much time between two looks.
pub fn live(address: String, token: Option<String>, interval: Duration) -> Result<(), Failure> {
    live::run(TopModel::new(address.clone()), ApiClient::new(address, token), interval)
}

/// One screen as text.
pub fn once(address: String, token: Option<String>) -> Result<String, Failure> {
    let (mut model, client) = (TopModel::new(address.clone()), ApiClient::new(address, token));
    let area = Rect::new(0, 0, PRINTED.0, PRINTED.1);
    model.fit(layout::station_rows(area, &model));
    model.answers = Some(client.ask(&model.which)?);
    // The lines that the other parts take are known only now.
    model.fit(layout::station_rows(area, &model));
    let mut buffer = Buffer::empty(area);
    draw::draw(&model, area, &mut buffer);
    Ok(draw::plain_text(&buffer))
}
