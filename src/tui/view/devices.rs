//! The page of devices: each with what is wrong, whom it measures, when it was heard and what it says of itself; those whose
//! values are nobody's; and the selected one whole.

use super::{
    pane::{self, Pane, Window},
    pen::{Pen, take_bottom, take_left, take_top, width, wrap},
    scene::Scene,
};
use crate::{
    domain::{DeviceKind, LimitValue, Millis, PatientId, Reported, Timestamp, Unplaced},
    protocol::{DeviceFault, DeviceList, DeviceView},
    tui::{
        core::{DeviceRow, is_urgent},
        theme::Role,
        words,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

/// From this many columns on, the list and the selected device stand side by side.
const SIDE_BY_SIDE: u16 = 150;
/// Columns of the list beside the selected device.
const LIST_COLUMNS: u16 = 100;
/// From this many columns on, the list tells firmware and gateway.
const WITH_FIRMWARE: u16 = 98;
/// Rows of the selected device below the list, at least.
const DETAIL_ROWS_MIN: u16 = 8;
/// Columns of the list.
const DEVICE: u16 = 15;
const STATE: u16 = 17;
const WHOM: u16 = 21;
const HEARD: u16 = 6;
const BATTERY: u16 = 6;
const CLOCK: u16 = 8;
const FIRMWARE: u16 = 10;

/// What stands for the present only while the link is live.
fn now_role(scene: &Scene<'_>, role: Role) -> Role {
    if scene.app.health().is_live() { role } else { Role::Stale }
}

/// A line of the selected device.
type Told = (String, Role);

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(list) = scene.app.devices.list.as_deref() else {
        let (top, rest) = take_top(area, 1);
        title(scene, "DEVICES".to_owned(), Window::new(0, None, rest.height), top, buffer);
        let (text, role) = standing(scene);
        Pen::new(buffer, rest, 0).gap(1).put(&text, scene.style(role));
        return;
    };
    if area.width >= SIDE_BY_SIDE {
        let (left, rest) = take_left(area, LIST_COLUMNS);
        let (line, right) = take_left(rest, 1);
        for row in 0..line.height {
            Pen::new(buffer, line, row).put("│", scene.style(Role::Rule));
        }
        draw_list(scene, list, left, buffer);
        draw_selected(scene, list, right, buffer);
    } else {
        let told = u16::try_from(selected_lines(scene, list).len()).unwrap_or(u16::MAX).saturating_add(1);
        let (below, above) = take_bottom(area, told.clamp(DETAIL_ROWS_MIN, (area.height / 2).max(DETAIL_ROWS_MIN)));
        draw_list(scene, list, above, buffer);
        draw_selected(scene, list, below, buffer);
    }
}

/// What is said in the place of the list.
fn standing(scene: &Scene<'_>) -> Told {
    match &scene.app.devices.failed {
        Some(why) => (format!("the devices could not be had: {why}"), Role::NoticeFailed),
        None if scene.app.health().is_live() => ("asking the server for the devices …".to_owned(), Role::Dim),
        None => ("the devices are asked for when the link is back".to_owned(), Role::Dim),
    }
}

fn title(scene: &Scene<'_>, title: String, window: Window, area: Rect, buffer: &mut Buffer) {
    pane::draw(scene, &Pane { title, focus: true, window, hint: None }, area, buffer);
}

fn draw_list(scene: &Scene<'_>, list: &DeviceList, area: Rect, buffer: &mut Buffer) {
    let rows = scene.app.device_rows();
    let at = scene.app.devices.selected.as_ref().and_then(|row| rows.iter().position(|r| r == row));
    let (top, rest) = take_top(area, 1);
    let (head, body) = take_top(rest, 1);
    let window = Window::new(rows.len(), at, body.height);
    title(scene, list_title(scene, list), window, top, buffer);
    draw_head(scene, &mut Pen::new(buffer, head, 0));
    if rows.is_empty() {
        let text = if list.devices.is_empty() { "the ward has no devices" } else { "the filter lets none through" };
        Pen::new(buffer, body, 0).gap(1).put(text, scene.style(Role::Dim));
    }
    for (row, (place, which)) in (0..body.height).zip(rows.iter().enumerate().skip(window.first)) {
        let mut pen = Pen::new(buffer, body, row);
        pen.left(if at == Some(place) { "▌" } else { "" }, 1, scene.style(Role::TitleFocus));
        let name = scene.style(if at == Some(place) { Role::Selection } else { Role::Text });
        match which {
            DeviceRow::Device(id) => {
                if let Some(view) = scene.app.devices.device(id) {
                    pen.left(id.as_str(), DEVICE, name).gap(1);
                    draw_device(scene, list, view, &mut pen);
                }
            }
            DeviceRow::Unplaced(id) => {
                if let Some(one) = scene.app.devices.unplaced(id) {
                    pen.left(id.as_str(), DEVICE, name).gap(1);
                    draw_unplaced(scene, list, one, &mut pen);
                }
            }
        }
    }
}

/// `DEVICES · 14, 2 not well, 1 is nobody's · at 03:12:45`: ages in the list are of then.
fn list_title(scene: &Scene<'_>, list: &DeviceList) -> String {
    let unwell = list.devices.iter().filter(|view| !view.faults.is_empty()).count();
    let mut parts = vec![format!("DEVICES · {}", list.devices.len())];
    if unwell > 0 {
        parts.push(format!("{unwell} not well"));
    }
    if !list.unplaced.is_empty() {
        parts.push(format!("values of {} are nobody's", list.unplaced.len()));
    }
    if !scene.app.devices.filter.is_empty() {
        parts.push(format!("filter {}", scene.app.devices.filter.text().trim()));
    }
    format!("{} · at {}", parts.join(", "), words::clock(list.at, scene.zone))
}

fn draw_head(scene: &Scene<'_>, pen: &mut Pen<'_>) {
    let (style, wide) = (scene.style(Role::Label), pen.room() >= WITH_FIRMWARE);
    pen.gap(1).left("device", DEVICE, style).gap(1).left("state", STATE, style).gap(1);
    pen.left("bed, patient", WHOM, style).right("heard", HEARD, style).right("batt", BATTERY, style);
    pen.right("clock", CLOCK, style);
    if wide {
        pen.gap(2).left("firmware", FIRMWARE, style).gap(1).put("gateway", style);
    }
}

fn draw_device(scene: &Scene<'_>, list: &DeviceList, view: &DeviceView, pen: &mut Pen<'_>) {
    let wide = pen.room() + DEVICE + 2 >= WITH_FIRMWARE;
    let style = |role| scene.style(now_role(scene, role));
    let (text, dim) = (style(Role::Text), style(Role::Dim));
    let (state, role) = state(view);
    pen.left(&state, STATE, style(role)).gap(1);
    match &view.patient {
        Some(patient) => pen.left(&whom(scene, patient), WHOM, text),
        None if view.device.kind == DeviceKind::Gateway => pen.left("gateway", WHOM, dim),
        None => pen.left("–", WHOM, dim),
    };
    let heard = view.seen_at.map_or_else(|| "never".to_owned(), |at| words::age(list.at.since(at)));
    let stale = view.faults.iter().any(|f| matches!(f, DeviceFault::Lost | DeviceFault::Stale | DeviceFault::Never));
    pen.right(&heard, HEARD, style(if stale { Role::Late } else { Role::Text }));
    let report = view.reported.as_ref();
    let battery = report.and_then(|r| r.report.battery_percent).map(|p| format!("{}%", p.get()));
    let low = view.faults.iter().any(|f| matches!(f, DeviceFault::BatteryEmpty | DeviceFault::BatteryLow));
    pen.right(battery.as_deref().unwrap_or("–"), BATTERY, style(if low { Role::Late } else { Role::Text }));
    let clock = report.and_then(|r| r.ahead).map(clock);
    let off = view.faults.contains(&DeviceFault::ClockSkew);
    pen.right(clock.as_deref().unwrap_or("–"), CLOCK, style(if off { Role::Late } else { Role::Text }));
    if wide {
        let firmware = report.and_then(|r| r.report.firmware.as_ref()).map_or("–", |f| f.as_str());
        pen.gap(2).left(firmware, FIRMWARE, text).gap(1);
        pen.put(view.device.gateway.as_ref().map_or("–", |gateway| gateway.as_str()), text);
    }
}

fn draw_unplaced(scene: &Scene<'_>, list: &DeviceList, one: &Unplaced, pen: &mut Pen<'_>) {
    let style = |role| scene.style(now_role(scene, role));
    let state = if one.names_another() { "! names another" } else { "? nobody's" };
    pen.left(state, STATE, style(if one.names_another() { Role::AlarmMedium } else { Role::Technical })).gap(1);
    let bed = one.bed.as_ref().map(|bed| format!("says bed {}", words::bed_label(scene.ward, bed)));
    let known = scene.app.devices.device(&one.device).is_some();
    let measures = scene.app.devices.device(&one.device).and_then(|view| view.patient.as_ref());
    let said = match (one.names_another(), measures, bed) {
        (true, Some(patient), _) => whom(scene, patient),
        (_, _, Some(bed)) => bed,
        _ if known => "not assigned".to_owned(),
        _ => "not known".to_owned(),
    };
    pen.left(&said, WHOM, style(Role::Text));
    pen.right(&words::age(list.at.since(one.last_at)), HEARD, style(Role::Text));
    pen.gap(2).put(&format!("{} by {}", values(one.count), one.sender), style(Role::Dim));
}

/// The worst that is wrong, with a mark that needs no colour; how many more are wrong.
fn state(view: &DeviceView) -> (String, Role) {
    let Some((worst, more)) = view.faults.split_first() else { return ("  ok".to_owned(), Role::Dim) };
    let more = if more.is_empty() { String::new() } else { format!(" +{}", more.len()) };
    let (mark, role) = if is_urgent(*worst) {
        ("!", Role::AlarmMedium)
    } else if *worst == DeviceFault::Unassigned {
        (" ", Role::Dim)
    } else {
        ("?", Role::Late)
    };
    (format!("{mark} {}{more}", worst.words()), role)
}

/// A patient by bed and name as far as it may be seen; one who has left by the identifier.
fn whom(scene: &Scene<'_>, patient: &PatientId) -> String {
    match scene.ward.patients.get(patient) {
        Some(here) => format!("{} {}", words::bed_label(scene.ward, &here.bed), scene.name(Some(patient))),
        None => format!("{patient}, not here"),
    }
}

/// How far a clock is ahead or behind: `+2s`, `-4m`.
fn clock(ahead: Millis) -> String {
    let sign = if ahead < Millis::ZERO { "-" } else { "+" };
    format!("{sign}{}", words::age(Millis(ahead.0.saturating_abs())))
}

fn values(count: u64) -> String {
    if count == 1 { "1 value".to_owned() } else { format!("{count} values") }
}

fn draw_selected(scene: &Scene<'_>, list: &DeviceList, area: Rect, buffer: &mut Buffer) {
    let (top, rest) = take_top(area, 1);
    let lines = selected_lines(scene, list);
    let wrapped: Vec<Told> = lines.into_iter().flat_map(|(text, role)| hung(&text, role, rest.width)).collect();
    let rows = usize::from(rest.height).max(1);
    let first = scene.app.devices.scroll.min(wrapped.len().saturating_sub(rows));
    let window = Window { first, rows, total: wrapped.len() };
    let who = match &scene.app.devices.selected {
        Some(DeviceRow::Device(id) | DeviceRow::Unplaced(id)) => id.to_string(),
        None => "no device selected".to_owned(),
    };
    pane::draw(scene, &Pane { title: who, focus: false, window, hint: None }, top, buffer);
    for (row, (text, role)) in (0..rest.height).zip(wrapped.iter().skip(first)) {
        Pen::new(buffer, rest, row).gap(1).put(text, scene.style(now_role(scene, *role)));
    }
}

/// A line that is too long goes on below what it says.
fn hung(text: &str, role: Role, columns: u16) -> Vec<Told> {
    let room = columns.saturating_sub(2);
    if width(text) <= room {
        return vec![(text.to_owned(), role)];
    }
    let indent = NAME + 1;
    let (name, said) = text.split_at_checked(usize::from(indent)).unwrap_or((text, ""));
    let parts = wrap(said, room.saturating_sub(indent)).into_iter().enumerate();
    parts
        .map(|(n, part)| {
            (format!("{}{part}", if n == 0 { name.to_owned() } else { " ".repeat(usize::from(indent)) }), role)
        })
        .collect()
}

/// Columns of what a line is about.
const NAME: u16 = 9;

fn line(name: &str, text: impl AsRef<str>) -> Told {
    (format!("{name:<9} {}", text.as_ref()), Role::Text)
}

fn selected_lines(scene: &Scene<'_>, list: &DeviceList) -> Vec<Told> {
    let page = &scene.app.devices;
    match &page.selected {
        Some(DeviceRow::Device(id)) => page.device(id).map(|view| device_lines(scene, list, view)).unwrap_or_default(),
        Some(DeviceRow::Unplaced(id)) => page.unplaced(id).map(|one| unplaced_lines(scene, one)).unwrap_or_default(),
        None => Vec::new(),
    }
}

fn device_lines(scene: &Scene<'_>, list: &DeviceList, view: &DeviceView) -> Vec<Told> {
    let mut lines = Vec::new();
    if !view.faults.is_empty() {
        let words: Vec<&str> = view.faults.iter().copied().map(DeviceFault::words).collect();
        lines.push((format!("{:<9} {}", "state", words.join(", ")), Role::Late));
    }
    let whom = view.patient.as_ref().map_or_else(|| "nobody".to_owned(), |patient| whom(scene, patient));
    if view.device.kind == DeviceKind::Monitor {
        lines.push(line("measures", whom));
    }
    let heard = view.seen_at.map_or_else(|| "never".to_owned(), |at| time(scene, list.at, at));
    let by = view.device.gateway.as_ref().map(|gateway| format!(", by {gateway}")).unwrap_or_default();
    lines.push(line("heard", format!("{heard}{by}")));
    lines.push(match &view.reported {
        Some(reported) => line("says", said(scene, list.at, reported)),
        None => line("says", "nothing of itself"),
    });
    lines.push(line("wanted", wanted(scene, list.at, view)));
    if let Some(until) = view.code_until {
        lines.push(line("enrol", format!("a code of it is good until {}", time(scene, list.at, until))));
    }
    for (n, span) in view.assignments.iter().enumerate() {
        let name = if n == 0 { "history" } else { "" };
        let end = span.end.map_or_else(|| "now".to_owned(), |end| time(scene, list.at, end));
        let patient = self::whom(scene, &span.patient);
        let (text, role) = line(name, format!("{} – {end:<11} {patient}", time(scene, list.at, span.start)));
        lines.push((text, if span.end.is_none() { role } else { Role::Dim }));
    }
    lines
}

fn unplaced_lines(scene: &Scene<'_>, one: &Unplaced) -> Vec<Told> {
    let now = scene.now;
    let mut lines = vec![
        (format!("{:<9} {}", "state", unplaced_state(scene, one)), Role::Late),
        line("came by", one.sender.as_str()),
        line(
            "values",
            format!("{} from {} to {}", one.count, time(scene, now, one.first_at), time(scene, now, one.last_at)),
        ),
        line("why", reason(one)),
    ];
    if let Some(bed) = &one.bed {
        let there = scene.ward.patients.values().find(|patient| patient.bed == *bed);
        let name = there.map_or("nobody is there", |patient| scene.name(Some(&patient.patient.id)));
        lines.push(line("says bed", format!("{} ({name})", words::bed_label(scene.ward, bed))));
    }
    if let Some(patient) = &one.patient {
        lines.push(line("says", format!("patient {}", whom(scene, patient))));
    }
    let known = scene.app.devices.device(&one.device).is_some();
    let then = match (one.names_another(), known) {
        (true, _) => "look at the bed: set the patient on the device, or assign it on its own row",
        (_, true) => "assign it; for what came before: wardwatch deadletter retry",
        (_, false) => "once it is added and assigned: wardwatch deadletter retry",
    };
    lines.push((format!("{:<9} {then}", "then"), Role::Dim));
    lines
}

/// What became of the values: a device that names another patient measures somebody all the same.
fn unplaced_state(scene: &Scene<'_>, one: &Unplaced) -> String {
    let measures = scene.app.devices.device(&one.device).and_then(|view| view.patient.as_ref());
    match measures.filter(|_| one.names_another()) {
        Some(patient) => format!("it measures {}: values that name another are dead letters", whom(scene, patient)),
        None => "its values are nobody's: they are kept as dead letters".to_owned(),
    }
}

fn reason(one: &Unplaced) -> &'static str {
    match one.code.as_str() {
        "unknown_device" => "the ward does not know it: an administrator has to add it",
        "wrong_patient" => "it names another patient than the one it measures",
        _ => "it is assigned to nobody",
    }
}

fn said(scene: &Scene<'_>, now: Timestamp, reported: &Reported) -> String {
    let report = &reported.report;
    let mut parts = Vec::new();
    let texts = [("firmware", &report.firmware), ("model", &report.model), ("serial", &report.serial)];
    parts.extend(texts.into_iter().filter_map(|(name, text)| Some(format!("{name} {}", text.as_ref()?))));
    parts.extend(report.battery_percent.map(|percent| format!("battery {} %", percent.get())));
    parts.extend(reported.ahead.map(|ahead| format!("clock {}", clock(ahead))));
    format!("{}, at {}", parts.join(", "), time(scene, now, reported.at)).trim_start_matches(", ").to_owned()
}

/// What is wanted, and whether it is so: `v3 since 02:10, works by v2: spo2 every 1 s, own limits spo2 85..`.
fn wanted(scene: &Scene<'_>, now: Timestamp, view: &DeviceView) -> String {
    let desired = &view.device.desired;
    let mut parts = Vec::new();
    for (vital, interval) in view.device.wanted_intervals() {
        parts.push(format!("{} every {} s", scene.label(vital), interval.as_secs_f64()));
    }
    for (vital, limits) in &desired.limits {
        let end = |value: Option<LimitValue>| value.map(|v| v.to_string()).unwrap_or_default();
        parts.push(format!("own limits {} {}..{}", scene.label(*vital), end(limits.low), end(limits.high)));
    }
    if parts.is_empty() && desired.version == 1 {
        return "nothing".to_owned();
    }
    let since = desired.changed_at.map(|at| format!(" since {}", time(scene, now, at))).unwrap_or_default();
    let applied = view.reported.as_ref().and_then(|r| r.report.applied);
    let applied = applied.map_or_else(|| "not said which it works by".to_owned(), |v| format!("works by v{v}"));
    format!("v{}{since}, {applied}: {}", desired.version, parts.join(", ")).trim_end_matches(": ").to_owned()
}

/// A time of day, with its day if that is not the day of `now`.
fn time(scene: &Scene<'_>, now: Timestamp, at: Timestamp) -> String {
    words::rota::when(at, now, scene.zone)
}
