//! Boxes above the page.

use super::{
    handover,
    pen::{Pen, fit, width},
    scene::{Scene, role_of},
    sheet,
};
use crate::{
    domain::{Alert, AlertId, Priority},
    tui::{
        core::{App, Dialog, FOOTER_ROWS, HEADER_ROWS, UnlockForm, help_rows},
        keymap,
        theme::{Look, Role},
        words,
    },
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

/// A line of a box: text and how it looks, piece by piece.
pub(super) type Line = Vec<(String, Style)>;

pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    match &app.dialog {
        None | Some(Dialog::Filter { .. }) => {}
        Some(Dialog::ConfirmAcknowledge { alert, transition }) => confirm(app, look, *alert, *transition, area, buffer),
        Some(Dialog::Sheet(of)) => sheet::draw(app, look, of, area, buffer),
        Some(Dialog::ConfirmPause { pause }) => sheet::confirm(app, look, *pause, area, buffer),
        Some(Dialog::Handover(form)) => handover::draw_form(app, look, form, area, buffer),
        Some(Dialog::ConfirmQuit) => quit(app, look, area, buffer),
        Some(Dialog::Help { scroll }) => help(app, look, *scroll, area, buffer),
        Some(Dialog::Unlock(form)) => unlock(app, look, form, area, buffer),
    }
}

/// Draws a box around lines, in the middle of the area; returns nothing that is cut but its lowest lines.
pub(super) fn draw_box(look: &Look, title: &str, lines: &[Line], columns: u16, area: Rect, buffer: &mut Buffer) {
    // Where there is no room, empty lines go first: the keys at the end must be seen.
    let full = lines.len() > usize::from(area.height.saturating_sub(2));
    let kept = |line: &&Line| !full || line.iter().any(|(text, _)| !text.is_empty());
    let lines: Vec<&Line> = lines.iter().filter(kept).collect();
    let columns = columns.saturating_add(4).min(area.width);
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let place = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - rows) / 2,
        width: columns,
        height: rows,
    };
    let base = look.style(Role::Dialog);
    for y in place.y..place.bottom() {
        // A wide character that is cut by the edge of the box would cover the edge.
        if let Some(cell) = place.x.checked_sub(1).and_then(|x| buffer.cell_mut((x, y)))
            && width(cell.symbol()) > 1
        {
            cell.set_symbol(" ");
        }
    }
    for position in place.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
            cell.set_style(base);
        }
    }
    let inner = usize::from(columns.saturating_sub(2));
    let title = fit(title, columns.saturating_sub(6));
    Pen::new(buffer, place, 0).put(&format!("┌{}┐", "─".repeat(inner)), base);
    Pen::new(buffer, place, 0).gap(2).put(&format!(" {title} "), look.style(Role::DialogTitle));
    Pen::new(buffer, place, rows.saturating_sub(1)).put(&format!("└{}┘", "─".repeat(inner)), base);
    for (row, line) in (1..rows.saturating_sub(1)).zip(lines) {
        Pen::new(buffer, place, row).put("│", base).to(columns.saturating_sub(1)).put("│", base);
        let inside = Rect { x: place.x + 2.min(columns), width: columns.saturating_sub(4), ..place };
        let mut pen = Pen::new(buffer, inside, row);
        for (text, style) in line {
            pen.put(text, base.patch(*style));
        }
    }
}

pub(super) fn plain(look: &Look, text: impl Into<String>) -> Line {
    vec![(text.into(), look.style(Role::Dialog))]
}

pub(super) fn keys(look: &Look, keys: &[(&str, &str)]) -> Line {
    let one = |(key, words): &(&str, &str)| {
        [
            ((*key).to_owned(), look.style(Role::Dialog).patch(look.style(Role::Key))),
            (format!(" {words}    "), look.style(Role::Dialog)),
        ]
    };
    keys.iter().flat_map(one).collect()
}

fn confirm(app: &App, look: &Look, id: AlertId, transition: u32, area: Rect, buffer: &mut Buffer) {
    let Some(ward) = &app.ward else { return };
    let scene = Scene::new(app, look, ward);
    let mut lines = vec![plain(look, "")];
    match ward.alerts.get(&id) {
        None => lines.push(plain(look, "This alert is over.")),
        Some(alert) => {
            lines.extend(facts(&scene, alert));
            lines.push(plain(look, format!("     {}", scene.state(alert, 50))));
        }
    }
    if let Some(alert) = ward.alerts.get(&id)
        && !alert.is_as_seen(transition)
    {
        lines.push(plain(look, ""));
        let text = " IT CHANGED while this was open: go back, look again ".to_owned();
        lines.push(vec![(text, look.style(Role::NoticeFailed))]);
    }
    lines.push(plain(look, ""));
    let answers: &[(&str, &str)] =
        if ward.alerts.contains_key(&id) { &[("y", "acknowledge"), ("n", "go back")] } else { &[("n", "go back")] };
    lines.push(keys(look, answers));
    draw_box(look, "ACKNOWLEDGE?", &lines, 56, area, buffer);
}

pub(super) fn facts(scene: &Scene<'_>, alert: &Alert) -> Vec<Line> {
    let name = scene.name(alert.key.patient.as_ref());
    let priority = match alert.priority {
        Priority::High => "high priority",
        Priority::Medium => "medium priority",
        Priority::Low => "low priority",
    };
    let bold = scene.style(Role::DialogTitle);
    let since = words::clock(alert.since, scene.zone);
    let lasting = words::lasting(scene.now.since(alert.since));
    vec![
        vec![(format!("bed {}  {name}", words::bed_of(alert, scene.ward)), bold)],
        plain(scene.look, ""),
        vec![
            (format!(" {} ", words::mark(alert)), scene.style(role_of(alert))),
            (format!(" {}", words::condition_now(alert, scene.ward)), bold),
        ],
        plain(scene.look, format!("     {priority}, since {since} ({lasting})")),
    ]
}

fn quit(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let mut lines = vec![plain(look, ""), plain(look, "A high alert is not acknowledged:")];
    if let (Some(ward), Some(alert)) = (&app.ward, app.worst_unacknowledged()) {
        lines.push(vec![
            (format!(" {} ", words::mark(alert)), look.style(role_of(alert))),
            (
                format!(" bed {}  {}", words::bed_of(alert, ward), words::condition_now(alert, ward)),
                look.style(Role::DialogTitle),
            ),
        ]);
    }
    lines.push(plain(look, ""));
    lines.push(keys(look, &[("y", "leave all the same"), ("n", "stay")]));
    draw_box(look, "LEAVE?", &lines, 50, area, buffer);
}

fn unlock(app: &App, look: &Look, form: &UnlockForm, area: Rect, buffer: &mut Buffer) {
    let dots = dots(&form.passphrase, 30);
    // Whose: a terminal of the ward is used by many.
    let whose = app.session.as_ref().map_or_else(String::new, |session| format!("session of {}", session.user));
    let mut lines = vec![
        plain(look, ""),
        plain(look, &whose),
        vec![
            ("passphrase  ".to_owned(), look.style(Role::Dialog)),
            (format!("{:<32}", format!("{dots}▌")), look.style(Role::Input)),
        ],
        plain(look, ""),
    ];
    match (&form.failed, form.waiting) {
        (_, true) => lines.push(plain(look, "asking the server …")),
        (Some(why), _) => lines.push(vec![(format!(" {why} "), look.style(Role::NoticeFailed))]),
        (None, false) => lines.push(plain(look, "")),
    }
    lines.push(keys(look, &[("enter", "unlock"), ("esc", "go back")]));
    draw_box(look, "UNLOCK", &lines, 50, area, buffer);
}

/// A passphrase as dots, at most `room` of them.
pub(super) fn dots(passphrase: &str, room: usize) -> String {
    "•".repeat(passphrase.chars().count().min(room))
}

fn help(app: &App, look: &Look, scroll: usize, area: Rect, buffer: &mut Buffer) {
    let (base, dim) = (look.style(Role::Dialog), look.style(Role::Dialog).patch(look.style(Role::Dim)));
    let mut lines: Vec<Line> = Vec::new();
    for offer in app.offers() {
        let keys: Vec<String> = keymap::keys_of(offer.action).map(keymap::name).collect();
        let (key, text) = if offer.not_now.is_some() { (dim, dim) } else { (base.patch(look.style(Role::Key)), base) };
        let said =
            offer.not_now.map_or_else(|| offer.sentence.to_owned(), |why| format!("{}: not now, {why}", offer.words));
        lines.push(vec![(format!("{:<15}", fit(&keys.join(" "), 14)), key), (said, text)]);
    }
    for (mark, meaning) in words::LEGEND {
        lines.push(vec![(format!("{mark:<15}"), look.style(Role::DialogTitle)), (meaning.to_owned(), base)]);
    }
    let rows = help_rows(area.height + HEADER_ROWS + FOOTER_ROWS);
    let first = scroll.min(lines.len().saturating_sub(rows));
    let below = lines.len().saturating_sub(first + rows);
    let title = match (first, below) {
        (0, 0) => "HELP · any other key closes".to_owned(),
        _ => format!("HELP · ▲ {first} ▼ {below} more · any other key closes"),
    };
    let lines: Vec<Line> = lines.into_iter().skip(first).take(rows).collect();
    draw_box(look, &title, &lines, 92, area, buffer);
}
