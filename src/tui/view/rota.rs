//! The rota: who is on duty now and next, and the shifts.

use super::{
    pane::{self, Pane, Window},
    pen::{Pen, take_top, width, wrap},
    scene::Scene,
};
use crate::{
    domain::{Duty, LoginName, Shift},
    tui::{
        core::{OnDuty, nurses},
        theme::Role,
        words::{self, rota as said},
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

/// The mark of a gap.
const NOBODY: &str = "! NOBODY ";
/// The mark of a shift whose person cannot have the duty at present.
const UNFIT: &str = "! CANNOT: see the account";
/// Columns of a duty with its beds: least and most.
const DUTY: (u16, u16) = (22, 60);
/// Columns of who is on duty now: least and most.
const PRESENT: (u16, u16) = (26, 60);

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let rows = rows(scene);
    let lines = rows.iter().map(|(what, _)| wrap(what, share(DUTY, area)).len()).sum::<usize>();
    let wanted = u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(1);
    let (duties, shifts) = take_top(area, wanted.min(area.height / 2).max(4));
    draw_duties(scene, &rows, duties, buffer);
    draw_shifts(scene, shifts, buffer);
}

/// Each duty with who has it; beds together where the same nurses have them.
fn rows(scene: &Scene<'_>) -> Vec<(String, OnDuty)> {
    let rota = &scene.ward.rota;
    let whole =
        [Duty::Charge, Duty::Doctor].map(|duty| (said::duty(duty).to_owned(), OnDuty::of(rota, duty, None, scene.now)));
    let nurses = nurses(scene.ward, scene.now).into_iter().map(|group| {
        let beds: Vec<&str> = group.beds.iter().map(|bed| words::bed_label(scene.ward, bed)).collect();
        (format!("nurse {}", beds.join(" ")), group.on_duty)
    });
    whole.into_iter().chain(nurses).collect()
}

fn draw_duties(scene: &Scene<'_>, rows: &[(String, OnDuty)], area: Rect, buffer: &mut Buffer) {
    let (top, rest) = take_top(area, 1);
    let window = Window::new(rows.len(), None, rest.height);
    let title = format!("ON DUTY · {}", scene.ward.ward.name);
    // What has a gap is named first: it must not be what does not fit.
    let mut sorted: Vec<&(String, OnDuty)> = rows.iter().collect();
    sorted.sort_by_key(|(_, on_duty)| !on_duty.now.is_empty());
    pane::draw(scene, &Pane { title, focus: false, window, hint: None }, top, buffer);
    if scene.ward.rota.is_empty() {
        let text = "nobody has entered a shift: nothing is said of gaps";
        Pen::new(buffer, rest, 0).gap(1).put(text, scene.style(Role::Dim));
        return;
    }
    let (duty, present) = (share(DUTY, area), share(PRESENT, area));
    let mut row = 0;
    for (what, on_duty) in sorted {
        let first = row;
        for line in wrap(what, duty) {
            Pen::new(buffer, rest, row).gap(1).put(&line, scene.style(Role::Label));
            row += 1;
        }
        let mut pen = Pen::new(buffer, rest, first);
        pen.gap(1 + duty + 1);
        match said::present(on_duty, scene.now, scene.zone) {
            Some(names) => pen.left(&names, present, scene.style(Role::Text)),
            None => pen.put(NOBODY, scene.style(Role::AlarmMedium)).gap(present.saturating_sub(width(NOBODY))),
        };
        draw_next(scene, on_duty, pen.gap(1));
    }
}

fn share((least, most): (u16, u16), area: Rect) -> u16 {
    (area.width * 3 / 10).clamp(least, most)
}

/// Who comes next, or that nobody does.
fn draw_next(scene: &Scene<'_>, on_duty: &OnDuty, pen: &mut Pen<'_>) {
    let Some((at, names)) = &on_duty.next else { return };
    let at = said::when(*at, scene.now, scene.zone);
    if names.is_empty() {
        pen.put(&format!("! NOBODY from {at}"), scene.style(Role::AlarmLow));
        return;
    }
    let names: Vec<&str> = names.iter().map(LoginName::as_str).collect();
    pen.put(&format!("{at} {}", names.join(", ")), scene.style(Role::Text));
}

fn draw_shifts(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let shifts = scene.app.shifts();
    let at = shifts.iter().position(|shift| Some(*shift) == scene.app.selected_shift.as_ref());
    let (top, rows) = take_top(area, 1);
    let window = Window::new(shifts.len(), at, rows.height);
    let title = format!("SHIFTS · {} that are not over", shifts.len());
    pane::draw(scene, &Pane { title, focus: true, window, hint: None }, top, buffer);
    if shifts.is_empty() {
        Pen::new(buffer, rows, 0).gap(1).put("none is entered", scene.style(Role::Dim));
    }
    for (row, (place, shift)) in (0..rows.height).zip(shifts.iter().enumerate().skip(window.first)) {
        draw_shift(scene, shift, at == Some(place), &mut Pen::new(buffer, rows, row));
    }
}

fn draw_shift(scene: &Scene<'_>, shift: &Shift, selected: bool, pen: &mut Pen<'_>) {
    let text = scene.style(if selected { Role::Selection } else { Role::Text });
    pen.left(if selected { "▌" } else { "" }, 1, scene.style(Role::TitleFocus));
    pen.left(if shift.covers(scene.now) { "now" } else { "" }, 4, scene.style(Role::Label));
    let when = |at| said::when(at, scene.now, scene.zone);
    pen.right(&when(shift.from), 11, text).put(" – ", text).left(&when(shift.to), 12, text);
    pen.left(shift.duty.as_str(), 7, text).left(shift.user.as_str(), 16, text).gap(1);
    pen.put(&said::beds(shift, scene.ward), text);
    if !scene.ward.rota.is_fit(shift) {
        pen.gap(1).put(UNFIT, scene.style(Role::AlarmMedium));
    }
}
