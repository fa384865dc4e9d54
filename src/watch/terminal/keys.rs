//! What each key does.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::TopModel;
use crate::watch::wire::Sort;

/// Bytes of a filter: no name of a station is longer.
const FILTER_BYTES_MAX: usize = 255;

/// What a key asks for that the model alone cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Quit,
    /// Starts an audit.
    Audit,
}

/// Every key and what it does, in the order in which they are shown.
pub const KEYS: [&str; 10] = [
    "q Esc Ctrl-C: quit",
    "?: keys",
    "a: audit now",
    "/: filter stations",
    "s S: next, previous column to sort by",
    "r: other way round",
    "Up Down: one station",
    "PageUp PageDown: a page",
    "Home End: first, last",
    "in a filter: Enter keeps it, Esc drops it",
];

/// How many of the keys are always shown.
pub const KEYS_SHORT: usize = 4;

/// Changes the model as a key asks, and returns what the key asks for beyond that.
pub fn press(model: &mut TopModel, key: KeyEvent) -> Option<Command> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Command::Quit);
    }
    let (offset, page) = (model.which.offset, model.which.limit);
    let mut command = None;
    match key.code {
        KeyCode::Up => model.scroll_to(offset.saturating_sub(1)),
        KeyCode::Down => model.scroll_to(offset.saturating_add(1)),
        KeyCode::PageUp => model.scroll_to(offset.saturating_sub(page)),
        KeyCode::PageDown => model.scroll_to(offset.saturating_add(page)),
        KeyCode::Home => model.scroll_to(0),
        KeyCode::End => model.scroll_to(usize::MAX),
        code if model.typing => edit_filter(model, code),
        KeyCode::Char('q') | KeyCode::Esc => command = Some(Command::Quit),
        KeyCode::Char('a') => command = Some(Command::Audit),
        KeyCode::Char('?') => model.all_keys = !model.all_keys,
        KeyCode::Char('/') => model.typing = true,
        KeyCode::Char('s') | KeyCode::Right => model.sort_by_next(1),
        KeyCode::Char('S') | KeyCode::Left => model.sort_by_next(Sort::ALL.len() - 1),
        KeyCode::Char('r') => model.reverse(),
        _ => return None,
    }
    model.notice = None;
    command
}

/// Changes the filter that is being typed.
fn edit_filter(model: &mut TopModel, code: KeyCode) {
    let filter = &mut model.which.filter;
    match code {
        KeyCode::Char(letter) if filter.len() + letter.len_utf8() <= FILTER_BYTES_MAX && !letter.is_control() => {
            filter.push(letter);
        }
        KeyCode::Backspace => drop(filter.pop()),
        KeyCode::Esc => filter.clear(),
        _ => {}
    }
    model.typing = !matches!(code, KeyCode::Enter | KeyCode::Esc);
    if code != KeyCode::Enter {
        model.which.offset = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a key leaves to do, and the filter and whether it is still typed, after a filter "k".
    fn pressed(key: KeyEvent, typing: bool) -> (Option<Command>, String, bool) {
        let mut model = TopModel::new(String::new());
        model.which.filter.push('k');
        model.typing = typing;
        let command = press(&mut model, key);
        (command, model.which.filter, model.typing)
    }

    #[test]
    fn a_key_is_an_action_or_a_letter() {
        for (code, typing, command, filter, still_typing) in [
            (KeyCode::Char('q'), false, Some(Command::Quit), "k", false),
            (KeyCode::Char('q'), true, None, "kq", true),
            (KeyCode::Esc, false, Some(Command::Quit), "k", false),
            (KeyCode::Esc, true, None, "", false),
            (KeyCode::PageDown, true, None, "k", true),
            (KeyCode::Char('x'), false, None, "k", false),
        ] {
            let expected = (command, filter.to_owned(), still_typing);
            assert_eq!(pressed(KeyEvent::new(code, KeyModifiers::NONE), typing), expected, "{code}");
        }
    }

    #[test]
    fn control_c_quits_whatever_is_typed() {
        for typing in [false, true] {
            let key = |letter| pressed(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL), typing);
            assert_eq!(key('c').0, Some(Command::Quit));
            assert_eq!(key('a'), (None, "k".to_owned(), typing));
        }
    }

    #[test]
    fn letting_a_key_go_is_nothing() {
        let mut key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(pressed(key, false), (None, "k".to_owned(), false));
    }
}
