//! Reads what comes from the terminal, on a thread of its own, and says it in the screen's words.

use crate::tui::core::{Input, Key, KeyCode};
use crossterm::event::{self, Event, KeyEvent, KeyEventKind, KeyModifiers};
use std::{io, time::Duration};
use tokio::sync::mpsc;

/// Most inputs that wait for the screen; then the reader waits, and what is typed stays with the system.
pub const INPUT_QUEUE_CAPACITY: usize = 256;
/// Most columns that are drawn: a size is what the other side claims.
pub const SCREEN_COLUMNS_MAX: u16 = 500;
/// Most rows that are drawn.
pub const SCREEN_ROWS_MAX: u16 = 200;
/// The size of a terminal that tells none.
const SIZE_UNKNOWN: (u16, u16) = (80, 24);
/// Longest pasted text that is taken, in characters; the rest is dropped.
const PASTE_MAX_CHARS: usize = 4_096;
/// How often the reader looks whether somebody still listens, in milliseconds.
const LISTENER_CHECK_MS: u64 = 250;
/// A resize counts when the size has been the same for so long, in milliseconds.
const RESIZE_SETTLE_MS: u64 = 30;

/// Where inputs come from.
pub(super) trait Source: Send {
    /// Whether something comes within a time.
    fn poll(&mut self, within: Duration) -> io::Result<bool>;
    /// What has come.
    fn read(&mut self) -> io::Result<Event>;
}

/// The terminal at standard input.
pub(super) struct Keyboard;

impl Source for Keyboard {
    fn poll(&mut self, within: Duration) -> io::Result<bool> {
        event::poll(within)
    }

    fn read(&mut self) -> io::Result<Event> {
        event::read()
    }
}

/// Starts the thread that reads. It ends when the receiver is dropped or the source fails.
pub(super) fn start(mut source: impl Source + 'static) -> io::Result<mpsc::Receiver<Input>> {
    let (sender, inputs) = mpsc::channel(INPUT_QUEUE_CAPACITY);
    std::thread::Builder::new().name("terminal-in".to_owned()).spawn(move || drop(pump(&mut source, &sender)))?;
    Ok(inputs)
}

/// Nobody listens any more, or nothing can be read any more.
struct Ended;

fn pump(source: &mut dyn Source, sender: &mpsc::Sender<Input>) -> Result<(), Ended> {
    let tell = |input: Option<Input>| match input {
        Some(input) => sender.blocking_send(input).map_err(|_| Ended),
        None => Ok(()),
    };
    loop {
        let Some(event) = next(source, LISTENER_CHECK_MS)? else {
            if sender.is_closed() {
                return Err(Ended);
            }
            continue;
        };
        let mut input = translate(event);
        while matches!(input, Some(Input::Resize { .. }))
            && let Some(event) = next(source, RESIZE_SETTLE_MS)?
        {
            let following = translate(event);
            if !matches!(following, Some(Input::Resize { .. })) {
                tell(input)?;
            }
            input = following;
        }
        tell(input)?;
    }
}

fn next(source: &mut dyn Source, within_ms: u64) -> Result<Option<Event>, Ended> {
    let interrupted = |e: &io::Error| e.kind() == io::ErrorKind::Interrupted;
    match source.poll(Duration::from_millis(within_ms)) {
        Ok(false) => return Ok(None),
        Err(e) if interrupted(&e) => return Ok(None),
        Err(_) => return Err(Ended),
        Ok(true) => {}
    }
    match source.read() {
        Ok(event) => Ok(Some(event)),
        Err(e) if interrupted(&e) => Ok(None),
        Err(_) => Err(Ended),
    }
}

/// A size as it is drawn; the usual one if a side is 0.
pub(super) fn clamped(columns: u16, rows: u16) -> (u16, u16) {
    if columns == 0 || rows == 0 {
        return SIZE_UNKNOWN;
    }
    (columns.min(SCREEN_COLUMNS_MAX), rows.min(SCREEN_ROWS_MAX))
}

fn translate(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => translate_key(key).map(Input::Key),
        Event::Paste(text) => Some(Input::Paste(text.chars().take(PASTE_MAX_CHARS).collect())),
        Event::Resize(columns, rows) => {
            let (columns, rows) = clamped(columns, rows);
            Some(Input::Resize { columns, rows })
        }
        Event::FocusGained => Some(Input::Focus(true)),
        Event::FocusLost => Some(Input::Focus(false)),
        Event::Key(_) | Event::Mouse(_) => None,
    }
}

fn translate_key(key: KeyEvent) -> Option<Key> {
    let held = |m| key.modifiers.contains(m);
    let code = match key.code {
        // What the key for going back one character sends in some terminals.
        event::KeyCode::Char('h') if held(KeyModifiers::CONTROL) => return Some(Key::plain(KeyCode::Backspace)),
        event::KeyCode::Char(c) => KeyCode::Char(c),
        event::KeyCode::Enter => KeyCode::Enter,
        event::KeyCode::Esc => KeyCode::Esc,
        event::KeyCode::Tab if held(KeyModifiers::SHIFT) => KeyCode::BackTab,
        event::KeyCode::Tab => KeyCode::Tab,
        event::KeyCode::BackTab => KeyCode::BackTab,
        event::KeyCode::Backspace => KeyCode::Backspace,
        event::KeyCode::Delete => KeyCode::Delete,
        event::KeyCode::Up => KeyCode::Up,
        event::KeyCode::Down => KeyCode::Down,
        event::KeyCode::Left => KeyCode::Left,
        event::KeyCode::Right => KeyCode::Right,
        event::KeyCode::Home => KeyCode::Home,
        event::KeyCode::End => KeyCode::End,
        event::KeyCode::PageUp => KeyCode::PageUp,
        event::KeyCode::PageDown => KeyCode::PageDown,
        event::KeyCode::F(n) => KeyCode::F(n),
        _ => return None,
    };
    Some(Key { code, ctrl: held(KeyModifiers::CONTROL), alt: held(KeyModifiers::ALT) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::collections::VecDeque;

    /// Events that come at once; then the source fails.
    struct Script(VecDeque<Event>);

    impl Source for Script {
        fn poll(&mut self, _: Duration) -> io::Result<bool> {
            if self.0.is_empty() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(true) }
        }

        fn read(&mut self) -> io::Result<Event> {
            self.0.pop_front().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
        }
    }

    fn press(code: event::KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    #[rstest]
    #[case(press(event::KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Key::char('G')))]
    #[case(press(event::KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::ctrl('c')))]
    #[case(press(event::KeyCode::Char('h'), KeyModifiers::CONTROL), Some(Key::plain(KeyCode::Backspace)))]
    #[case(press(event::KeyCode::Tab, KeyModifiers::SHIFT), Some(Key::plain(KeyCode::BackTab)))]
    #[case(press(event::KeyCode::F(1), KeyModifiers::NONE), Some(Key::plain(KeyCode::F(1))))]
    #[case(press(event::KeyCode::CapsLock, KeyModifiers::NONE), None)]
    fn keys(#[case] event: Event, #[case] key: Option<Key>) {
        assert_eq!(translate(event), key.map(Input::Key));
    }

    #[test]
    fn releases_are_no_keys() {
        let key = KeyEvent::new_with_kind(event::KeyCode::Char('a'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(translate(Event::Key(key)), None);
    }

    #[rstest]
    #[case((120, 40), (120, 40))]
    #[case((65_535, 65_535), (SCREEN_COLUMNS_MAX, SCREEN_ROWS_MAX))]
    #[case((0, 0), SIZE_UNKNOWN)]
    fn sizes(#[case] told: (u16, u16), #[case] drawn: (u16, u16)) {
        assert_eq!(clamped(told.0, told.1), drawn);
    }

    #[tokio::test]
    async fn of_a_burst_of_sizes_the_last_counts() {
        let a = press(event::KeyCode::Char('a'), KeyModifiers::NONE);
        let sizes = [Event::Resize(80, 24), Event::Resize(90, 30), Event::Resize(100, 40)];
        let script = sizes.into_iter().chain([a, Event::Resize(70, 20), Event::FocusGained]).collect();
        let mut inputs = start(Script(script)).unwrap();
        let mut heard = Vec::new();
        while let Some(input) = inputs.recv().await {
            heard.push(input);
        }
        let expected = [
            Input::Resize { columns: 100, rows: 40 },
            Input::Key(Key::char('a')),
            Input::Resize { columns: 70, rows: 20 },
            Input::Focus(true),
        ];
        assert_eq!(heard, expected);
    }
}
