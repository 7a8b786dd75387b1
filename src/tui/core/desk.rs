//! A list of things with the details of the selected one, such as the workbench of mappings: what is on it, and what keys do
//! to it. It knows no server and no ward.

use super::input::{Input, Key, KeyCode};

/// Rows of a page up or down.
const PAGE_ROWS: isize = 10;
/// Columns of details on a narrow screen.
const NARROW_COLUMNS: usize = 40;

/// How it stands with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It works.
    Good,
    /// It may be remembered.
    Note,
    /// It may go wrong.
    Warning,
    /// It does not work.
    Wrong,
}

/// A line of the details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskLine {
    /// Text.
    Plain(String),
    /// What to look at.
    Strong(String),
    /// What is beside the point.
    Dim(String),
    /// What failed.
    Wrong(String),
}

/// One thing on the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How it stands with it.
    pub mark: Mark,
    /// In a line.
    pub title: String,
    /// In full.
    pub lines: Vec<DeskLine>,
}

/// All that is on the desk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// What it is, in a line.
    pub title: String,
    /// How it stands as a whole, in a line.
    pub summary: String,
    /// The entries.
    pub entries: Vec<Entry>,
    /// When it was read, for people.
    pub read_at: String,
}

/// What a key asks of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing but to be drawn.
    Draw,
    /// The whole screen anew.
    Repaint,
    /// Another look at the source.
    Look,
    /// To be stopped for a while.
    Suspend,
    /// The end.
    Leave,
}

/// What is on the desk and where one looks.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// What is on it.
    pub contents: Contents,
    /// The selected entry, by its place.
    pub selected: usize,
    /// The first line of its details that is shown.
    pub scroll: usize,
    /// How many times it was read anew.
    pub changes: usize,
}

impl Desk {
    /// Takes in what was read; the selection stays on the entry of the same title, or at its place.
    pub fn load(&mut self, contents: Contents) {
        let held = self.contents.entries.get(self.selected).map(|entry| entry.title.clone());
        self.changes += usize::from(!self.contents.title.is_empty());
        self.contents = contents;
        let same = held.as_ref().and_then(|title| self.contents.entries.iter().position(|e| e.title == *title));
        if same.is_none() {
            self.scroll = 0;
        }
        self.selected = same.unwrap_or(self.selected).min(self.contents.entries.len().saturating_sub(1));
    }

    /// The selected entry.
    #[must_use]
    pub fn entry(&self) -> Option<&Entry> {
        self.contents.entries.get(self.selected)
    }

    /// Takes in what was typed, and says what is to be done.
    pub fn input(&mut self, input: &Input) -> Wish {
        match input {
            Input::Key(key) => self.key(*key),
            _ => Wish::Draw,
        }
    }

    fn key(&mut self, key: Key) -> Wish {
        match key.code {
            KeyCode::Char('c') if key.ctrl => return Wish::Leave,
            KeyCode::Char('l') if key.ctrl => return Wish::Repaint,
            KeyCode::Char('z') if key.ctrl => return Wish::Suspend,
            KeyCode::Char('q') | KeyCode::Esc => return Wish::Leave,
            KeyCode::Char('r') => return Wish::Look,
            KeyCode::Up | KeyCode::Char('k') => self.select(-1),
            KeyCode::Down | KeyCode::Char('j') => self.select(1),
            KeyCode::Home | KeyCode::Char('g') => self.select(isize::MIN + 1),
            KeyCode::End | KeyCode::Char('G') => self.select(isize::MAX),
            KeyCode::Char('n') => self.select_next_wrong(),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_add_signed(-PAGE_ROWS),
            KeyCode::PageDown | KeyCode::Char(' ') => {
                self.scroll = self.scroll.saturating_add_signed(PAGE_ROWS).min(self.rows_at_most());
            }
            _ => {}
        }
        Wish::Draw
    }

    /// Rows that the details take on a narrow screen, so that one does not scroll far beyond them.
    fn rows_at_most(&self) -> usize {
        let rows = |line: &DeskLine| match line {
            DeskLine::Plain(text) | DeskLine::Strong(text) | DeskLine::Dim(text) | DeskLine::Wrong(text) => {
                1 + text.len() / NARROW_COLUMNS
            }
        };
        self.entry().map_or(0, |entry| entry.lines.iter().map(rows).sum())
    }

    fn select(&mut self, by: isize) {
        let last = self.contents.entries.len().saturating_sub(1);
        let to = self.selected.saturating_add_signed(by).min(last);
        if to != self.selected {
            (self.selected, self.scroll) = (to, 0);
        }
    }

    /// The next entry that does not work, from the top again after the last.
    fn select_next_wrong(&mut self) {
        let after = self.contents.entries.iter().enumerate().skip(self.selected + 1);
        let before = self.contents.entries.iter().enumerate().take(self.selected + 1);
        if let Some((at, _)) = after.chain(before).find(|(_, entry)| entry.mark == Mark::Wrong) {
            (self.selected, self.scroll) = (at, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(mark: Mark, title: &str) -> Entry {
        Entry { mark, title: title.to_owned(), lines: vec![DeskLine::Plain("x".to_owned()); 12] }
    }

    fn contents(titles: &[(Mark, &str)]) -> Contents {
        let entries = titles.iter().map(|(mark, title)| entry(*mark, title)).collect();
        Contents { title: "a desk".into(), entries, ..Contents::default() }
    }

    fn keys(desk: &mut Desk, keys: &str) {
        for c in keys.chars() {
            desk.input(&Input::Key(Key::char(c)));
        }
    }

    #[test]
    fn the_selection_stays_on_what_was_looked_at() {
        let mut desk = Desk::default();
        desk.load(contents(&[(Mark::Good, "a"), (Mark::Wrong, "b"), (Mark::Good, "c")]));
        keys(&mut desk, "j ");
        assert_eq!((desk.entry().unwrap().title.as_str(), desk.scroll), ("b", 10));
        keys(&mut desk, "  ");
        assert_eq!(desk.scroll, 12, "not far beyond the end");
        desk.scroll = 10;
        desk.load(contents(&[(Mark::Note, "new"), (Mark::Good, "a"), (Mark::Wrong, "b")]));
        assert_eq!((desk.entry().unwrap().title.as_str(), desk.scroll), ("b", 10));
        desk.load(contents(&[(Mark::Good, "a")]));
        assert_eq!((desk.entry().unwrap().title.as_str(), desk.scroll), ("a", 0));
        desk.load(contents(&[]));
        assert!(desk.entry().is_none());
        keys(&mut desk, "jkgGn");
        assert_eq!(desk.selected, 0);
    }

    #[test]
    fn what_does_not_work_is_found_by_a_key() {
        let mut desk = Desk::default();
        desk.load(contents(&[(Mark::Good, "a"), (Mark::Wrong, "b"), (Mark::Warning, "c"), (Mark::Wrong, "d")]));
        keys(&mut desk, "n");
        assert_eq!(desk.selected, 1);
        keys(&mut desk, "n");
        assert_eq!(desk.selected, 3);
        keys(&mut desk, "n");
        assert_eq!(desk.selected, 1, "from the top again");
        assert_eq!(desk.input(&Input::Key(Key::char('q'))), Wish::Leave);
        assert_eq!(desk.input(&Input::Key(Key::ctrl('z'))), Wish::Suspend);
    }
}
