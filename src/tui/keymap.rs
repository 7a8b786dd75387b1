//! What each key means. A key may mean one thing on one page and another on another; on a page it means one.

use super::core::{Act, Action, Deed, Key, KeyCode};

/// Keys in the order in which help names them; the first of an action is the one that the footer shows.
pub const KEYS: &[(Key, Action)] = &[
    (Key::char('a'), Action::Acknowledge),
    (Key::char('r'), Action::Do(Act::Reset)),
    (Key::char('c'), Action::Do(Act::Accept)),
    (Key::char('d'), Action::Do(Act::Decline)),
    (Key::char('h'), Action::Do(Act::HandOver)),
    (Key::char('n'), Action::Do(Act::Comment)),
    (Key::char('z'), Action::Do(Act::Snooze)),
    (Key::char('p'), Action::Do(Act::Procedure)),
    (Key::char('m'), Action::Do(Act::Sound)),
    (Key::char('t'), Action::Do(Act::Standby)),
    (Key::char('o'), Action::Do(Act::AlarmOff)),
    (Key::char('3'), Action::ShowPauses),
    (Key::char('e'), Action::EndPause),
    (Key::char('f'), Action::ConfirmPause),
    (Key::char('5'), Action::ShowRota),
    (Key::char('n'), Action::Do(Act::AddShift)),
    (Key::char('x'), Action::Do(Act::RemoveShift)),
    (Key::plain(KeyCode::Delete), Action::Do(Act::RemoveShift)),
    (Key::char('6'), Action::ShowReport),
    (Key::char('r'), Action::RenewReport),
    (Key::char('D'), Action::ShowDevices),
    (Key::char('a'), Action::Do(Act::AssignDevice)),
    (Key::char('x'), Action::Do(Act::EndAssignment)),
    (Key::char('8'), Action::ShowOps),
    (Key::char('t'), Action::Do(Act::RetryLetter)),
    (Key::char('T'), Action::Do(Act::RetryLetters)),
    (Key::char('x'), Action::Do(Act::DropLetter)),
    (Key::char('9'), Action::ShowAudit),
    (Key::char('H'), Action::ShowHandover),
    (Key::char('O'), Action::Hand(Deed::Give)),
    (Key::char('A'), Action::Hand(Deed::GiveAll)),
    (Key::char('Y'), Action::Hand(Deed::Take)),
    (Key::char('N'), Action::Hand(Deed::Refuse)),
    (Key::char('X'), Action::Hand(Deed::Withdraw)),
    (Key::plain(KeyCode::Enter), Action::Open),
    (Key::char('l'), Action::ShowLimits),
    (Key::char('i'), Action::Do(Act::Chart)),
    (Key::plain(KeyCode::Enter), Action::Do(Act::SetLimits)),
    (Key::char('s'), Action::Do(Act::TakeSuggestion)),
    (Key::char('r'), Action::Do(Act::ResetLimits)),
    (Key::plain(KeyCode::Left), Action::FieldLeft),
    (Key::plain(KeyCode::Right), Action::FieldRight),
    (Key::plain(KeyCode::Esc), Action::Back),
    (Key::plain(KeyCode::Backspace), Action::Back),
    (Key::char('w'), Action::Worst),
    (Key::plain(KeyCode::Tab), Action::SwitchPane),
    (Key::plain(KeyCode::BackTab), Action::SwitchPane),
    (Key::char('1'), Action::ShowWard),
    (Key::char('2'), Action::ShowQueue),
    (Key::plain(KeyCode::Up), Action::Up),
    (Key::char('k'), Action::Up),
    (Key::plain(KeyCode::Down), Action::Down),
    (Key::char('j'), Action::Down),
    (Key::plain(KeyCode::PageUp), Action::PageUp),
    (Key::plain(KeyCode::PageDown), Action::PageDown),
    (Key::plain(KeyCode::Home), Action::First),
    (Key::char('g'), Action::First),
    (Key::plain(KeyCode::End), Action::Last),
    (Key::char('G'), Action::Last),
    (Key::plain(KeyCode::Left), Action::RangeShorter),
    (Key::char('-'), Action::RangeShorter),
    (Key::plain(KeyCode::Right), Action::RangeLonger),
    (Key::char('+'), Action::RangeLonger),
    (Key::char('/'), Action::Filter),
    (Key::char('C'), Action::ClearFilter),
    (Key::char('s'), Action::Sort),
    (Key::char('b'), Action::Flash),
    (Key::char('u'), Action::Unlock),
    (Key::char('?'), Action::Help),
    (Key::plain(KeyCode::F(1)), Action::Help),
    (Key::ctrl('l'), Action::Repaint),
    (Key::char('q'), Action::Quit),
    (Key::ctrl('c'), Action::Quit),
];

/// What a key can mean, on one page or another.
pub fn actions_of(key: Key) -> impl Iterator<Item = Action> {
    KEYS.iter().filter(move |(known, _)| *known == key).map(|(_, action)| *action)
}

/// The keys of an action, the usual one first.
pub fn keys_of(action: Action) -> impl Iterator<Item = Key> {
    KEYS.iter().filter(move |(_, of)| *of == action).map(|(key, _)| *key)
}

/// A key as people write it.
#[must_use]
pub fn name(key: Key) -> String {
    let base = match key.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::BackTab => "shift-tab".to_owned(),
        KeyCode::Backspace => "backspace".to_owned(),
        KeyCode::Delete => "delete".to_owned(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::PageUp => "pgup".to_owned(),
        KeyCode::PageDown => "pgdn".to_owned(),
        KeyCode::F(n) => format!("F{n}"),
    };
    match (key.ctrl, key.alt) {
        (true, _) => format!("ctrl-{base}"),
        (_, true) => format!("alt-{base}"),
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_key() {
        for action in Action::ALL {
            assert!(keys_of(action).next().is_some(), "{action:?} has no key");
        }
    }
}
