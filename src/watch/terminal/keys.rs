//! What each key does.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Quit,
    /// Starts an audit.
    Audit,
    /// Shows all keys, or few.
    Help,
    SortByNext,
    SortByPrevious,
    Reverse,
    Scroll(Scroll),
    Filter(Filter),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scroll {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// From now on keys are letters.
    Begin,
    Letter(char),
    Erase,
    /// Keys are keys again.
    Keep,
    /// The same, and all stations are shown again.
    Drop,
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

/// How many of them are always shown.
pub const KEYS_SHORT: usize = 4;

/// What a key does; `typing`: within a filter.
pub fn action(key: KeyEvent, typing: bool) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Action::Quit);
    }
    let scroll = |scroll| Some(Action::Scroll(scroll));
    match key.code {
        KeyCode::Up => scroll(Scroll::Up),
        KeyCode::Down => scroll(Scroll::Down),
        KeyCode::PageUp => scroll(Scroll::PageUp),
        KeyCode::PageDown => scroll(Scroll::PageDown),
        KeyCode::Home => scroll(Scroll::Home),
        KeyCode::End => scroll(Scroll::End),
        code if typing => match code {
            KeyCode::Char(letter) => Some(Action::Filter(Filter::Letter(letter))),
            KeyCode::Backspace => Some(Action::Filter(Filter::Erase)),
            KeyCode::Enter => Some(Action::Filter(Filter::Keep)),
            KeyCode::Esc => Some(Action::Filter(Filter::Drop)),
            _ => None,
        },
        KeyCode::Char('q') | KeyCode::Esc => Some(Action::Quit),
        KeyCode::Char('a') => Some(Action::Audit),
        KeyCode::Char('?') => Some(Action::Help),
        KeyCode::Char('/') => Some(Action::Filter(Filter::Begin)),
        KeyCode::Char('s') | KeyCode::Right => Some(Action::SortByNext),
        KeyCode::Char('S') | KeyCode::Left => Some(Action::SortByPrevious),
        KeyCode::Char('r') => Some(Action::Reverse),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(code: KeyCode, typing: bool) -> Option<Action> {
        action(KeyEvent::new(code, KeyModifiers::NONE), typing)
    }

    #[test]
    fn a_key_is_an_action_or_a_letter() {
        assert_eq!(plain(KeyCode::Char('q'), false), Some(Action::Quit));
        assert_eq!(plain(KeyCode::Char('q'), true), Some(Action::Filter(Filter::Letter('q'))));
        assert_eq!(plain(KeyCode::Esc, false), Some(Action::Quit));
        assert_eq!(plain(KeyCode::Esc, true), Some(Action::Filter(Filter::Drop)));
        assert_eq!(plain(KeyCode::PageDown, true), Some(Action::Scroll(Scroll::PageDown)));
        assert_eq!(plain(KeyCode::Char('x'), false), None);
    }

    #[test]
    fn control_c_quits_whatever_is_typed() {
        for typing in [false, true] {
            let key = |letter| action(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL), typing);
            assert_eq!((key('c'), key('a')), (Some(Action::Quit), None));
        }
    }

    #[test]
    fn letting_a_key_go_is_nothing() {
        let mut key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(action(key, false), None);
    }
}
