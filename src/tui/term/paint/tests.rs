use super::*;
use proptest::prelude::*;
use ratatui::{
    layout::Rect,
    style::{Color, Modifier, Style},
};
use std::num::NonZeroU16;
use unicode_width::UnicodeWidthStr;

/// A terminal with a painter before it.
struct Bench {
    painter: Painter,
    terminal: vt100::Parser,
    size: (u16, u16),
}

fn of(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

impl Bench {
    fn new(width: u16, height: u16) -> Self {
        let mut terminal = vt100::Parser::new(of(height), of(width), 0);
        // What a careless program has left.
        terminal.process("\x1b[3;44mgarbage愛愛愛\r\nmore\x1b[2;3H".as_bytes());
        Self { painter: Painter::new(), terminal, size: (width, height) }
    }

    fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        self.terminal.screen_mut().set_size(of(height), of(width));
        self.painter.invalidate();
    }

    fn frame(&self) -> Buffer {
        Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1))
    }

    /// Shows a frame and proves that it is shown; gives the bytes.
    fn show(&mut self, frame: &Buffer) -> Vec<u8> {
        let mut out = Vec::new();
        self.painter.paint(frame, &mut out);
        self.terminal.process(&out);
        if let Some(fault) = fault(frame, self.terminal.screen()) {
            panic!("{fault}\nafter {:?}", String::from_utf8_lossy(&out));
        }
        out
    }
}

fn colour(colour: Color) -> vt100::Color {
    let named = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match colour {
        Color::Reset => vt100::Color::Default,
        Color::Indexed(n) => vt100::Color::Idx(n),
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        named_colour => {
            let at = named.iter().position(|c| *c == named_colour).unwrap();
            vt100::Color::Idx(u8::try_from(at).unwrap())
        }
    }
}

/// The first cell that does not show what the frame has.
fn fault(frame: &Buffer, screen: &vt100::Screen) -> Option<String> {
    for y in 0..frame.area.height {
        let mut x = 0;
        while x < frame.area.width {
            let wanted = &frame[(x, y)];
            let shown = screen.cell(y, x).unwrap();
            let symbol = wanted.symbol();
            let text = if shown.has_contents() { shown.contents() } else { " " };
            let has = |m| wanted.modifier.contains(m);
            let seen = [has(Modifier::UNDERLINED), has(Modifier::REVERSED)];
            let mut same = text == symbol && shown.bgcolor() == colour(wanted.bg);
            same &= [shown.underline(), shown.inverse()] == seen;
            if symbol != " " || seen.contains(&true) || has(Modifier::CROSSED_OUT) {
                same &= shown.fgcolor() == colour(wanted.fg);
                same &= [shown.bold(), shown.dim(), shown.italic()]
                    == [has(Modifier::BOLD), has(Modifier::DIM), has(Modifier::ITALIC)];
            }
            if !same {
                return Some(format!("column {x}, row {y}: {wanted:?} is shown as {text:?} {shown:?}"));
            }
            x += u16::try_from(symbol.width()).unwrap().max(1);
        }
    }
    None
}

fn any_colour() -> impl Strategy<Value = Color> {
    prop_oneof![
        3 => Just(Color::Reset),
        2 => prop::sample::select(vec![Color::Red, Color::Gray, Color::DarkGray, Color::White, Color::LightCyan]),
        1 => any::<u8>().prop_map(Color::Indexed),
        1 => any::<[u8; 3]>().prop_map(|[r, g, b]| Color::Rgb(r, g, b)),
    ]
}

/// Not bold and dim at once: the oracle knows only one of them at a time.
fn any_style() -> impl Strategy<Value = Style> {
    let weight = prop::sample::select(vec![Modifier::empty(), Modifier::BOLD, Modifier::DIM]);
    let rest = prop::sample::select(vec![
        Modifier::empty(),
        Modifier::empty(),
        Modifier::REVERSED,
        Modifier::UNDERLINED,
        Modifier::ITALIC,
        Modifier::CROSSED_OUT,
        Modifier::REVERSED.union(Modifier::ITALIC),
    ]);
    (any_colour(), any_colour(), weight, rest).prop_map(|(fg, bg, weight, rest)| {
        let other = (Modifier::BOLD | Modifier::DIM).difference(weight);
        Style::new().fg(fg).bg(bg).remove_modifier(other).add_modifier(weight | rest)
    })
}

/// What one step does to the frame before it.
#[derive(Debug, Clone)]
enum Step {
    Text { at: (u16, u16), text: String, style: Style },
    Fill { at: (u16, u16), size: (u16, u16), style: Style },
    Clear { at: (u16, u16), size: (u16, u16) },
    Resize(u16, u16),
    Invalidate,
}

fn any_step() -> impl Strategy<Value = Step> {
    let at = || (0..24_u16, 0..7_u16);
    let size = || (1..24_u16, 1..7_u16);
    let piece =
        prop::sample::select(vec!["a", "7", " ", "   ", "愛", "ｶ", "é", "e\u{301}", "⣿", "─", "▁", "🙂", "-----"]);
    let text = prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat());
    prop_oneof![
        8 => (at(), text, any_style()).prop_map(|(at, text, style)| Step::Text { at, text, style }),
        2 => (at(), size(), any_style()).prop_map(|(at, size, style)| Step::Fill { at, size, style }),
        3 => (at(), size()).prop_map(|(at, size)| Step::Clear { at, size }),
        1 => (1..24_u16, 1..7_u16).prop_map(|(w, h)| Step::Resize(w, h)),
        1 => Just(Step::Invalidate),
    ]
}

impl Step {
    fn take(&self, bench: &mut Bench, frame: &mut Buffer) {
        match self {
            Self::Text { at: (x, y), text, style } if frame.area.contains((*x, *y).into()) => {
                frame.set_stringn(*x, *y, text, 100, *style);
            }
            Self::Text { .. } => {}
            Self::Fill { at, size, style } => frame.set_style(Rect::new(at.0, at.1, size.0, size.1), *style),
            Self::Clear { at, size } => {
                let area = Rect::new(at.0, at.1, size.0, size.1).intersection(frame.area);
                area.positions().for_each(|at| frame[at].reset());
            }
            Self::Resize(width, height) => {
                bench.resize(*width, *height);
                let mut other = bench.frame();
                for at in other.area.intersection(frame.area).positions() {
                    other[at] = frame[at].clone();
                }
                *frame = other;
                settle(frame);
            }
            Self::Invalidate => {
                bench.terminal.process("\x1b[1;1Hsomebody else wrote 愛\x1b[7m".as_bytes());
                bench.painter.invalidate();
            }
        }
    }
}

/// A wide character that lost its second half is no character.
fn settle(frame: &mut Buffer) {
    let (width, height) = (frame.area.width, frame.area.height);
    for y in 0..height {
        if frame[(width - 1, y)].symbol().width() > 1 {
            frame[(width - 1, y)].reset();
        }
    }
}

proptest! {
    #[test]
    fn the_terminal_shows_every_frame(steps in prop::collection::vec(prop::collection::vec(any_step(), 1..5), 1..12)) {
        let mut bench = Bench::new(20, 6);
        let mut frame = bench.frame();
        bench.show(&frame);
        for frame_steps in steps {
            frame_steps.iter().for_each(|step| step.take(&mut bench, &mut frame));
            bench.show(&frame);
            prop_assert!(bench.show(&frame).is_empty(), "an unchanged frame costs nothing");
        }
    }

    #[test]
    fn no_symbol_drives_the_terminal(symbols in prop::collection::vec("[\\x00-\\u{9f}\\u{2028}\\u{202e}a愛]{0,12}", 12)) {
        let mut frame = Buffer::empty(Rect::new(0, 0, 6, 2));
        for (cell, symbol) in frame.content.iter_mut().zip(&symbols) {
            cell.set_symbol(symbol);
        }
        let mut out = Vec::new();
        Painter::new().paint(&frame, &mut out);
        prop_assert_eq!(foreign(&out), Vec::<char>::new());
    }
}

/// What a painter has no business to send: controls other than its own moves, colours and erasures.
fn foreign(bytes: &[u8]) -> Vec<char> {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        left.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == '?');
        assert!(rest.starts_with(['A', 'B', 'C', 'D', 'H', 'K', 'm', 'h', 'l']), "{rest:?}");
        rest = &rest[1..];
    }
    left.push_str(rest);
    left.chars().filter(|c| c.is_control() && !['\r', '\n', '\x08'].contains(c)).collect()
}

#[test]
fn hostile_text_is_defused() {
    let mut frame = Buffer::empty(Rect::new(0, 0, 10, 1));
    for (x, symbol) in
        [(0, "\x1b]52;c;cm0gLXJm\x07"), (1, "\u{9b}2J"), (2, "\r"), (3, "\x07"), (4, "\x1b[2J"), (5, "x")]
    {
        frame[(x, 0)].set_symbol(symbol);
    }
    let mut out = Vec::new();
    Painter::new().paint(&frame, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "\x1b[H\x1b[m?????x\x1b[K");
}

#[test]
fn few_bytes() {
    let mut bench = Bench::new(80, 24);
    let mut frame = bench.frame();
    let bold_red = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
    frame.set_string(0, 0, "Ward 3 East   14:03:22", Style::new());
    frame.set_string(2, 5, "121", bold_red);
    frame.set_string(2, 6, " 81", bold_red);
    bench.show(&frame);

    frame.set_string(14, 0, "14:03:23", Style::new());
    let bytes = bench.show(&frame);
    assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[;22H\x1b[m3");

    frame.set_string(2, 5, "124", bold_red);
    frame.set_string(2, 6, " 84", bold_red);
    let bytes = bench.show(&frame);
    assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[6;5H\x1b[1;31m4\x1b[B\x084", "colours once, moves short");

    frame.set_string(2, 6, " 95", bold_red);
    let bytes = bench.show(&frame);
    assert_eq!(String::from_utf8(bytes).unwrap(), "\x08\x0895", "one step back from where it was");

    frame.set_string(0, 0, " ".repeat(22), Style::new());
    let bytes = bench.show(&frame);
    assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[H\x1b[K");
}

#[test]
fn large_frames_are_bracketed_and_small_ones_are_not() {
    let mut bench = Bench::new(80, 24);
    let mut frame = bench.frame();
    let bytes = bench.show(&frame);
    assert!(bytes.starts_with(SYNC_BEGIN) && bytes.ends_with(SYNC_END));
    assert!(bytes.len() < 200, "{} bytes for an empty screen", bytes.len());
    frame.set_string(0, 0, "x".repeat(SYNC_CELLS), Style::new());
    assert!(!bench.show(&frame).starts_with(SYNC_BEGIN));
    frame.set_string(0, 1, "x".repeat(SYNC_CELLS + 1), Style::new());
    assert!(bench.show(&frame).starts_with(SYNC_BEGIN));
}

#[test]
fn the_last_column_and_the_last_row_hold() {
    let mut bench = Bench::new(10, 3);
    let mut frame = bench.frame();
    for (y, text) in [(0, "0123456789"), (1, "abcdefghij"), (2, "ABCDEFGHI愛")] {
        frame.set_string(0, y, text, Style::new());
    }
    bench.show(&frame);
    frame.set_string(8, 2, "愛", Style::new());
    bench.show(&frame);
    frame.set_string(9, 0, "x", Style::new());
    frame.set_string(0, 1, "X", Style::new());
    bench.show(&frame);
}
