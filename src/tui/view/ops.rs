//! The intake: who sends and what becomes of it, and the dead letters with payload beside the reason.

use super::{
    pane::{self, Pane, Window},
    pen::{Pen, Piece, pieces, take_top, width, wrapped},
    scene::Scene,
};
use crate::{
    domain::{Millis, text},
    protocol::{LetterCount, LetterView, OpsReport, SourceView},
    tui::{
        theme::Role,
        words::{self, ops as said},
    },
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

/// A sender that was heard within this time is not late.
const HEARD_WITHIN: Millis = Millis::from_secs(60);
/// A clock that is ahead by more than this is said to be so.
const AHEAD_FROM: Millis = Millis(-1_000);
/// A report that is older than this is not the present.
const REPORT_OLD: Millis = Millis::from_secs(6);
/// Columns of numbers.
const NUMBER: u16 = 11;
/// Rows of the reason of a letter, at most.
const REASON_ROWS: usize = 3;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let page = &scene.app.ops;
    let sources = page.report.as_ref().map_or(0, |report| report.sources.len());
    let wanted = u16::try_from(sources).unwrap_or(u16::MAX).saturating_add(3).max(4);
    let (top, rest) = take_top(area, wanted.min(area.height * 2 / 5).max(4));
    let letters = u16::try_from(page.letters.len()).unwrap_or(u16::MAX).saturating_add(2).max(2);
    let (list, detail) = take_top(rest, letters.min(rest.height / 2).max(2));
    draw_sources(scene, top, buffer);
    draw_letters(scene, list, buffer);
    draw_detail(scene, detail, buffer);
}

fn draw_sources(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let page = &scene.app.ops;
    let (top, rest) = take_top(area, 1);
    let Some(report) = &page.report else {
        let window = Window { first: 0, rows: 1, total: 0 };
        pane::draw(scene, &Pane { title: "INTAKE".to_owned(), focus: false, window, hint: None }, top, buffer);
        let (line, role) = standing(scene);
        Pen::new(buffer, rest, 0).gap(1).put(&line, scene.style(role));
        return;
    };
    let (state, list) = take_top(rest, 1);
    let (head, rows) = take_top(list, 1);
    let window = Window { first: 0, rows: usize::from(rows.height), total: report.sources.len() + report.more_sources };
    let title = format!("INTAKE since {}", words::rota::when(report.since, scene.now, scene.zone));
    pane::draw(scene, &Pane { title, focus: false, window, hint: None }, top, buffer);
    draw_state(scene, report, state, buffer);
    let label = scene.style(Role::Label);
    columns(&mut Pen::new(buffer, head, 0), ["sender", "heard", "per min", "refused"], "lag", label)
        .right("stored", NUMBER, label)
        .right("known", NUMBER, label)
        .right("refused", NUMBER, label)
        .right("late", NUMBER, label);
    for (row, source) in (0..rows.height).zip(in_order(report, rows.height)) {
        draw_source(scene, report, source, &mut Pen::new(buffer, rows, row));
    }
}

/// Senders by name, so that none moves; if not all fit, those with something wrong come first.
fn in_order(report: &OpsReport, rows: u16) -> Vec<&SourceView> {
    let mut sources: Vec<&SourceView> = report.sources.iter().collect();
    let fit = sources.len() <= usize::from(rows);
    let well = |source: &SourceView| source.minute.rejected == 0 && report.at.since(source.last_at) <= HEARD_WITHIN;
    sources.sort_by_key(|source| (!fit && well(source), &source.source));
    sources
}

/// What waits and how long it takes; what is wrong with it stands first.
fn draw_state(scene: &Scene<'_>, report: &OpsReport, area: Rect, buffer: &mut Buffer) {
    let page = &scene.app.ops;
    let text = scene.style(Role::Text);
    let mut left = vec![Piece::new(" ", text, 9)];
    if !report.pipeline.recording {
        left.push(Piece::new(" NOTHING IS RECORDED ", scene.style(Role::AlarmHigh), 9));
        left.push(Piece::new(" ", text, 9));
    }
    if report.pipeline.waiting * 2 > report.pipeline.capacity {
        left.push(Piece::new(" THE QUEUE FILLS ", scene.style(Role::AlarmMedium), 9));
        left.push(Piece::new(" ", text, 9));
    }
    left.push(Piece::new(said::totals(report), text, 8));
    left.push(Piece::new(format!(" · {}", said::pipeline(&report.pipeline)), text, 7));
    let age = page.report_at.map_or(Millis::ZERO, |at| scene.app.now - at);
    let right = match &page.failed {
        Some(why) => vec![Piece::new(format!(" {why} "), scene.style(Role::NoticeFailed), 9)],
        None if age > REPORT_OLD || !scene.app.health().is_live() => {
            vec![Piece::new(format!(" {} OLD ", words::age(age)), scene.style(Role::NoticeFailed), 9)]
        }
        None => Vec::new(),
    };
    pieces(buffer, area, 0, left, right);
}

fn columns<'p, 'b>(pen: &'p mut Pen<'b>, texts: [&str; 4], lag: &str, style: Style) -> &'p mut Pen<'b> {
    let [sender, heard, values, refused] = texts;
    pen.gap(1).left(sender, 20, style).right(heard, 6, style).right(values, 9, style).right(refused, 9, style);
    pen.gap(2).left(lag, 19, style)
}

fn draw_source(scene: &Scene<'_>, report: &OpsReport, source: &SourceView, pen: &mut Pen<'_>) {
    let text = scene.style(Role::Text);
    let heard = report.at.since(source.last_at);
    let minute = &source.minute;
    let late = heard > HEARD_WITHIN || !scene.app.health().is_live();
    let ahead = minute.lag_ms.is_some_and(|(least, _)| least < AHEAD_FROM);
    pen.gap(1).left(source.source.as_str(), 20, text);
    pen.right(&words::age(heard), 6, scene.style(if late { Role::Stale } else { Role::Text }));
    pen.right(&words::thousands(minute.values), 9, text);
    let refused = if minute.rejected > 0 { Role::AlarmLow } else { Role::Dim };
    pen.right(&words::thousands(minute.rejected), 9, scene.style(refused));
    pen.gap(2).left(&said::lags(source), 19, scene.style(if ahead { Role::AlarmLow } else { Role::Text }));
    let dim = scene.style(Role::Dim);
    for (n, style) in [(source.accepted, text), (source.duplicate, dim), (source.rejected, text), (source.late, dim)] {
        pen.right(&words::thousands(n), NUMBER, style);
    }
}

fn draw_letters(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let page = &scene.app.ops;
    let at = page.letters.iter().position(|letter| Some(letter.no) == page.selected);
    let (top, rest) = take_top(area, 1);
    let kinds = page.report.as_ref().map(|report| &report.letters[..]).unwrap_or_default();
    let (kinds_row, rows) = take_top(rest, u16::from(kinds.len() > 1 && rest.height > 3));
    draw_kinds(scene, kinds, kinds_row, buffer);
    let window = Window::new(page.letters.len(), at, rows.height);
    let open = page.report.as_ref().map(|report| report.letters_open);
    let held = u64::try_from(page.letters.len()).unwrap_or(u64::MAX);
    let title = match (open, page.again.0.len()) {
        (_, left) if left > 0 => format!("DEAD LETTERS · trying again, {left} of {} left", page.again.1),
        (Some(open), _) if open > held => {
            format!("DEAD LETTERS · {} wait, the newest {held} are listed", words::thousands(open))
        }
        (Some(open), _) => format!("DEAD LETTERS · {} wait", words::thousands(open)),
        (None, _) => "DEAD LETTERS".to_owned(),
    };
    pane::draw(scene, &Pane { title, focus: true, window, hint: None }, top, buffer);
    if page.letters.is_empty() {
        let line = if page.read { "none waits: every message was used" } else { "…" };
        Pen::new(buffer, rows, 0).gap(1).put(line, scene.style(Role::Dim));
    }
    for (row, (place, letter)) in (0..rows.height).zip(page.letters.iter().enumerate().skip(window.first)) {
        draw_letter(scene, letter, at == Some(place), &mut Pen::new(buffer, rows, row));
    }
}

/// How many wait of which sender and for which reason: one fault makes many letters.
fn draw_kinds(scene: &Scene<'_>, kinds: &[LetterCount], area: Rect, buffer: &mut Buffer) {
    let label = scene.style(Role::Label);
    let kind = |(place, kind): (usize, &LetterCount)| {
        let apart = if place == 0 { " " } else { " · " };
        let text = format!("{apart}{} {} {}", words::thousands(kind.count), kind.source, kind.code);
        Piece::new(text, label, u8::try_from(100_usize.saturating_sub(place)).unwrap_or(0))
    };
    pieces(buffer, area, 0, kinds.iter().enumerate().map(kind).collect(), Vec::new());
}

fn draw_letter(scene: &Scene<'_>, letter: &LetterView, selected: bool, pen: &mut Pen<'_>) {
    let style = scene.style(if selected { Role::Selection } else { Role::Text });
    pen.left(if selected { "▌" } else { "" }, 1, scene.style(Role::TitleFocus));
    let when = words::rota::when(letter.at, scene.now, scene.zone);
    pen.right(&letter.no.to_string(), 7, style).gap(1).right(&when, 11, style).gap(1);
    pen.left(&letter.source, 17, style)
        .left(&letter.code, 15, style)
        .put(if scene.app.is_locked() { "" } else { &letter.detail }, style);
}

/// The reason in full, and the payload below it.
fn draw_detail(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(letter) = scene.app.ops.letter() else { return };
    let (top, rest) = take_top(area, 1);
    let window = Window { first: 0, rows: usize::from(rest.height), total: 0 };
    let title = format!("{} · {} · {}", letter.no, letter.source, letter.code);
    pane::draw(scene, &Pane { title, focus: false, window, hint: None }, top, buffer);
    let room = rest.width.saturating_sub(2);
    // Both may name a patient.
    let (reason, payload) = if scene.app.is_locked() {
        (vec!["hidden while locked".to_owned()], Vec::new())
    } else {
        (wrapped(&letter.detail, room, REASON_ROWS), payload_lines(&letter.payload, room))
    };
    let label = scene.style(Role::Label);
    let lines = reason.into_iter().map(|line| (line, label));
    let dim = scene.style(Role::Text);
    let all: Vec<(String, Style)> = lines.chain(payload.into_iter().map(|line| (line, dim))).collect();
    let shown = usize::from(rest.height);
    let beyond = all.len() > shown;
    for (row, (line, style)) in (0..rest.height).zip(&all) {
        Pen::new(buffer, rest, row).gap(1).put(line, *style);
    }
    if beyond && rest.height > 0 {
        let more = format!("{} more lines: wardwatch deadletter show {}", all.len() + 1 - shown, letter.no);
        let more = format!("{more:<width$}", width = usize::from(room));
        Pen::new(buffer, rest, rest.height - 1).gap(1).put(&more, scene.style(Role::Dim));
    }
}

/// A payload line by line, a segment of HL7 v2 on its own line, what is longer broken at the edge. What could drive a
/// terminal stands as a dot.
fn payload_lines(payload: &str, room: u16) -> Vec<String> {
    let mut lines = Vec::new();
    for line in payload.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        let mut part = String::new();
        for c in line.chars().map(|c| if text::is_unsafe(c) { '·' } else { c }) {
            part.push(c);
            if width(&part) > room {
                part.pop();
                lines.push(std::mem::replace(&mut part, c.to_string()));
            }
        }
        lines.push(part);
    }
    if lines.is_empty() {
        lines.push("nothing of the message is kept".to_owned());
    }
    lines
}

/// What is said in the place of the report.
fn standing(scene: &Scene<'_>) -> (String, Role) {
    match &scene.app.ops.failed {
        Some(why) => (why.clone(), Role::NoticeFailed),
        None if scene.app.is_locked() => ("the intake is not asked for while locked".to_owned(), Role::Dim),
        None if !scene.app.health().is_live() => ("it is asked for when the link is back".to_owned(), Role::Dim),
        None => ("asking the server …".to_owned(), Role::Dim),
    }
}
