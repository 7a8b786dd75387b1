//! Words for who is on duty.

use super::{bed_label, clock_minutes, day};
use crate::{
    domain::{Duty, LoginName, Shift, Timestamp},
    protocol::WardView,
    tui::core::OnDuty,
};
use chrono_tz::Tz;

/// A duty.
#[must_use]
pub const fn duty(duty: Duty) -> &'static str {
    match duty {
        Duty::Nurse => "bedside nurse",
        Duty::Charge => "nurse in charge",
        Duty::Doctor => "doctor on call",
    }
}

/// A time of day, with its day if that is not today: `07:00`, `03-02 07:00`.
#[must_use]
pub fn when(at: Timestamp, now: Timestamp, zone: Tz) -> String {
    let (of, today) = (day(at, zone), day(now, zone));
    let date = if of == today { String::new() } else { format!("{} ", of.get(5..).unwrap_or_default()) };
    format!("{date}{}", clock_minutes(at, zone))
}

/// Who has a duty now: `anna until 07:00`; `None` if nobody has.
#[must_use]
pub fn present(on_duty: &OnDuty, now: Timestamp, zone: Tz) -> Option<String> {
    let one = |(name, until): &(LoginName, Timestamp)| format!("{name} until {}", when(*until, now, zone));
    let all: Vec<String> = on_duty.now.iter().map(one).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The beds of a shift: `all beds`, `01 02`; empty for who has none.
#[must_use]
pub fn beds(shift: &Shift, ward: &WardView) -> String {
    match (shift.duty, shift.beds.is_empty()) {
        (Duty::Nurse, true) => "all beds".to_owned(),
        (Duty::Nurse, false) => {
            format!("beds {}", shift.beds.iter().map(|bed| bed_label(ward, bed)).collect::<Vec<_>>().join(" "))
        }
        _ => String::new(),
    }
}
