//! The page of handovers: who owns whom and what is offered, what there is to say of the selected patient, and the box
//! that somebody signs in.

use super::{
    dialog::{Line, draw_box, keys, plain},
    pane::{self, Pane, Window},
    pen::{Pen, take_left, take_top},
    scene::Scene,
};
use crate::{
    domain::{Handover, LoginName, PatientId},
    protocol::PatientView,
    tui::{
        core::{App, Deed, FOOTER_ROWS, HEADER_ROWS, HandoverForm, HandoverPanes, HandoverStep, PEOPLE_MAX},
        theme::{Look, Role},
        words,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Columns of the box.
const COLUMNS: u16 = 66;
/// Patients that the box names, at most.
const NAMED_MAX: usize = 5;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let patients = scene.app.handover_patients();
    let size = (area.width, area.height.saturating_add(HEADER_ROWS + FOOTER_ROWS + 1));
    let panes = HandoverPanes::of(size, patients.len());
    if panes.list.0 < area.width {
        let (left, rest) = take_left(area, panes.list.0);
        let (line, right) = take_left(rest, 1);
        for row in 0..line.height {
            Pen::new(buffer, line, row).put("│", scene.style(Role::Rule));
        }
        draw_list(scene, &patients, left, buffer);
        draw_told(scene, right, buffer);
    } else {
        let (list, told) = take_top(area, panes.list.1);
        draw_list(scene, &patients, list, buffer);
        draw_told(scene, told, buffer);
    }
}

fn draw_list(scene: &Scene<'_>, patients: &[&PatientView], area: Rect, buffer: &mut Buffer) {
    let selected = scene.app.handover.selected.as_ref();
    let at = patients.iter().position(|p| Some(&p.patient.id) == selected);
    let (top, rows) = take_top(area, 1);
    let window = Window::new(patients.len(), at, rows.height);
    let nobodys = patients.iter().filter(|p| scene.app.owners_of(p).is_empty()).count();
    let title = format!("HANDOVER · {} open · {nobodys} owned by nobody", scene.ward.handovers.open.len());
    pane::draw(scene, &Pane { title, focus: true, window, hint: None }, top, buffer);
    if patients.is_empty() {
        Pen::new(buffer, rows, 0).gap(1).put("there is no patient on the ward", scene.style(Role::Dim));
    }
    for (row, (place, patient)) in (0_u16..rows.height).zip(patients.iter().enumerate().skip(window.first)) {
        draw_row(scene, patient, at == Some(place), &mut Pen::new(buffer, rows, row));
    }
}

/// `▌04 Okafor, Chidi    a.meyer        to b.yilmaz until 03:28, #2`.
fn draw_row(scene: &Scene<'_>, patient: &PatientView, selected: bool, pen: &mut Pen<'_>) {
    let text = scene.style(Role::Text);
    pen.left(if selected { "▌" } else { "" }, 1, scene.style(Role::TitleFocus));
    let who = format!("{} {}", words::bed_label(scene.ward, &patient.bed), scene.name(Some(&patient.patient.id)));
    pen.left(&format!("{who:<22}"), 22, if selected { scene.style(Role::Selection) } else { text }).gap(1);
    let owners = scene.app.owners_of(patient);
    let names: Vec<&str> = owners.iter().map(LoginName::as_str).collect();
    if names.is_empty() {
        pen.left("NOBODY", 16, scene.style(Role::Late));
    } else {
        pen.left(&names.join(", "), 16, text);
    }
    pen.gap(1);
    if let Some(offer) = scene.ward.handovers.offer_of(&patient.patient.id) {
        let (id, until) = (offer.id, words::clock_minutes(offer.until, scene.zone));
        let to = if scene.app.is_for_me(offer) { "FOR YOU".to_owned() } else { format!("to {}", offer.to) };
        pen.put(&format!("{to} until {until}, #{id}"), scene.style(Role::Quiet));
    }
}

fn draw_told(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let (top, rows) = take_top(area, 1);
    let lines = scene.app.told_lines(area.width);
    let room = usize::from(rows.height);
    let first = scene.app.handover.scroll.min(lines.len().saturating_sub(room));
    let window = Window { first, rows: room.max(1), total: lines.len() };
    let patient = scene.app.selected_patient();
    let who = patient.map_or_else(|| "no patient selected".to_owned(), |p| super::summary::who(scene, p));
    let is_live = scene.app.health().is_live();
    let title = match told_at(scene, is_live) {
        Some(made) if !lines.is_empty() => format!("{made} · {who}"),
        _ => who,
    };
    pane::draw(scene, &Pane { title, focus: false, window, hint: None }, top, buffer);
    if lines.is_empty() {
        let text = match (&scene.app.handover.failed, patient) {
            _ if scene.app.is_locked() => "the session is locked: unlock it to read",
            (Some(why), _) => why,
            (None, Some(_)) if !is_live => "comes when the link is back",
            (None, Some(_)) => "asking the server …",
            (None, None) => "",
        };
        Pen::new(buffer, rows, 0).gap(1).put(text, scene.style(Role::Dim));
    }
    for (row, line) in (0..rows.height).zip(lines.iter().skip(first)) {
        let mut pen = Pen::new(buffer, rows, row);
        if line.is_title {
            pen.gap(1).put(&line.text, scene.style(Role::Title));
        } else {
            // Values and ages in it are of when it was made.
            let role = if is_live { Role::Text } else { Role::Stale };
            pen.gap(3).put(&line.text, scene.style(role));
        }
    }
}

/// When what is told was made: it stands before the name, so that nothing cuts it.
fn told_at(scene: &Scene<'_>, is_live: bool) -> Option<String> {
    let at = words::clock(scene.app.handover.told_at?, scene.ward.ward.time_zone);
    Some(if is_live { format!("as of {at}") } else { format!("NOT LIVE, as of {at}") })
}

/// The mark while somebody is offered patients: `HANDOVER for you, H`.
pub(super) fn mark(app: &App) -> Option<&'static str> {
    (app.offers_for_me() > 0).then_some("HANDOVER FOR YOU, H")
}

/// The box that somebody signs in.
pub(super) fn draw_form(app: &App, look: &Look, form: &HandoverForm, area: Rect, buffer: &mut Buffer) {
    let Some(ward) = &app.ward else { return };
    let scene = Scene::new(app, look, ward);
    let mut lines = vec![plain(look, "")];
    lines.extend(about(&scene, form));
    lines.push(plain(look, ""));
    if let Some(to) = &form.to {
        lines.push(plain(look, format!("to {to}")));
    }
    if let Some(said) = &form.words {
        lines.push(plain(look, format!("\"{said}\"")));
    }
    lines.extend(question(look, form));
    lines.push(plain(look, ""));
    lines.push(match &form.step {
        HandoverStep::Confirm => keys(look, &[("y", yes(form.deed)), ("n", "go back")]),
        HandoverStep::Person(_) if !form.people.is_empty() => {
            keys(look, &[("1…8", "choose"), ("enter", "as typed"), ("esc", "go back")])
        }
        _ => keys(look, &[("enter", "go on"), ("esc", "go back")]),
    });
    draw_box(look, title(form.deed), &lines, COLUMNS, area, buffer);
}

const fn title(deed: Deed) -> &'static str {
    match deed {
        Deed::Give => "OFFER THIS PATIENT",
        Deed::GiveAll => "OFFER ALL",
        Deed::Take => "TAKE THESE PATIENTS?",
        Deed::Refuse => "NOT TAKE THEM: WHY?",
        Deed::Withdraw => "WITHDRAW THE OFFER?",
    }
}

const fn yes(deed: Deed) -> &'static str {
    match deed {
        Deed::Give | Deed::GiveAll => "sign and offer",
        Deed::Take => "sign: they are yours",
        Deed::Refuse => "do not take them",
        Deed::Withdraw => "withdraw",
    }
}

fn about(scene: &Scene<'_>, form: &HandoverForm) -> Vec<Line> {
    let look = scene.look;
    let mut lines = Vec::new();
    if let Some(offer) = &form.offer {
        let (from, at) = (offer.from.label(), words::clock_minutes(offer.at, scene.zone));
        lines.push(plain(look, format!("handover {} to {}, signed by {from} {at}", offer.id, offer.to)));
        if let Some(note) = &offer.note {
            lines.push(plain(look, format!("\"{note}\"")));
        }
    }
    let named = form
        .patients
        .iter()
        .take(NAMED_MAX)
        .map(|patient| vec![(place(scene, patient), look.style(Role::DialogTitle))]);
    lines.extend(named);
    let more = form.patients.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        lines.push(plain(look, format!("and {more} more")));
    }
    if form.patients.is_empty() {
        lines.push(plain(look, "nobody is yours alone, and nobody is without an owner"));
    }
    lines.extend(form.offer.as_ref().and_then(|offer| changed(scene, offer)));
    lines.extend(form.offer.as_ref().filter(|_| form.deed == Deed::Take).and_then(|offer| left(scene, offer)));
    lines
}

fn place(scene: &Scene<'_>, patient: &PatientId) -> String {
    let bed = scene.ward.patients.get(patient).map_or("–", |p| words::bed_label(scene.ward, &p.bed));
    format!("bed {bed}  {}", scene.name(Some(patient)))
}

/// That the offer is not any more what was looked at.
fn changed(scene: &Scene<'_>, offer: &Handover) -> Option<Line> {
    let text = match scene.ward.handovers.find(offer.id) {
        None => " IT IS OVER: go back ",
        Some(now) if now.patients != offer.patients => " IT CHANGED while this was open: go back, look again ",
        Some(_) => return None,
    };
    Some(vec![(text.to_owned(), scene.style(Role::NoticeFailed))])
}

/// Whom nobody would own, which the server will not allow.
fn left(scene: &Scene<'_>, offer: &Handover) -> Option<Line> {
    let stays = scene.ward.patients.values().map(|p| (&p.patient.id, &p.bed));
    let left = scene.ward.ownership(scene.now).left_by(offer, stays);
    let beds: Vec<&str> = left.iter().map(|l| words::bed_label(scene.ward, &l.bed)).collect();
    let text = format!(" nobody would own bed {}: cannot be taken yet ", beds.join(", "));
    (!beds.is_empty()).then(|| vec![(text, scene.style(Role::NoticeFailed))])
}

fn question(look: &Look, form: &HandoverForm) -> Vec<Line> {
    let ask = |text: &str| vec![(text.to_owned(), look.style(Role::DialogTitle))];
    let typed = |text: &str| vec![(super::sheet::typed(text), look.style(Role::Input))];
    match &form.step {
        HandoverStep::Person(line) => {
            let mut lines = vec![ask("who is to take them? (on duty by the rota, or a login name)")];
            for (figure, name) in (1..).zip(form.people.iter().take(PEOPLE_MAX)) {
                let figure = (format!(" {figure}"), look.style(Role::Key));
                lines.push(vec![figure, (format!("  {name}"), look.style(Role::Dialog))]);
            }
            lines.push(typed(line.text()));
            lines
        }
        HandoverStep::Note(line) => vec![ask("what else should be known? (it may be nothing)"), typed(line.text())],
        HandoverStep::Reason(line) => vec![ask("why not?"), typed(line.text())],
        HandoverStep::Confirm if matches!(form.deed, Deed::Give | Deed::GiveAll) => {
            vec![ask("your signature: the other person has to sign within 60 min")]
        }
        HandoverStep::Confirm => Vec::new(),
    }
}
