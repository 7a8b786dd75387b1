//! Who is on duty, and whether somebody is missing.

use super::{
    Engine,
    timers::{Timer, TimerKind},
};
use crate::domain::{
    Actor, AlertKey, ConditionCode, Duty, Event, EventBody, Priority, Refusal, Rota, RotaError, Shift, Timestamp,
    Unfit, rota::ROTA_SHIFTS_MAX,
};
use std::collections::BTreeSet;

/// Beds that are named in the words of a gap; further ones are counted.
const BEDS_NAMED_MAX: usize = 5;

impl Engine {
    pub(super) fn set_rota(&mut self, shifts: Vec<Shift>, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let rota = Rota::new(shifts).with_unfit(self.rota().unfit.clone());
        self.check_rota(&rota)?;
        self.responses.kept.rota = rota.clone();
        self.record(EventBody::RotaSet { rota, by: by.clone() }, events);
        self.judge_rota(events);
        Ok(())
    }

    /// People of the rota can no longer have a duty, or can again: a gap is told or ends.
    pub(super) fn set_unfit(&mut self, unfit: BTreeSet<Unfit>, events: &mut Vec<Event>) {
        let rota = self.rota().clone().with_unfit(unfit);
        if rota == *self.rota() {
            return;
        }
        self.responses.kept.rota = rota.clone();
        self.record(EventBody::RotaSet { rota, by: Actor::System }, events);
        self.judge_rota(events);
    }

    pub(super) fn add_shift(&mut self, shift: Shift, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let mut shifts = self.rota().shifts.clone();
        shifts.push(shift);
        self.set_rota(shifts, by, events)
    }

    pub(super) fn remove_shift(&mut self, shift: &Shift, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let shifts: Vec<Shift> = self.rota().shifts.iter().filter(|s| *s != shift).cloned().collect();
        if shifts.len() == self.rota().shifts.len() {
            return Err(RotaError::NoSuchShift { user: shift.user.clone() }.into());
        }
        self.set_rota(shifts, by, events)
    }

    fn check_rota(&self, rota: &Rota) -> Result<(), RotaError> {
        if rota.shifts.len() > ROTA_SHIFTS_MAX {
            return Err(RotaError::TooMany { shifts: rota.shifts.len() });
        }
        for shift in &rota.shifts {
            let user = || shift.user.clone();
            if shift.user.as_str().is_empty() {
                return Err(RotaError::Nobody);
            }
            if shift.to <= shift.from {
                return Err(RotaError::EndsBeforeStart { user: user() });
            }
            if let Some(bed) = shift.beds.iter().find(|bed| !self.census.beds.contains_key(*bed)) {
                return Err(RotaError::UnknownBed { user: user(), bed: bed.clone() });
            }
        }
        Ok(())
    }

    pub(super) fn arm_rota(&mut self) {
        let due = self.rota().next_change(self.now);
        let timer = || Timer { patient: None, device: None, vital: None, kind: TimerKind::RotaChange };
        self.timers.arm(&mut self.responses.rota, due, timer);
    }

    pub(super) fn fire_rota(&mut self, _deadline: Timestamp, events: &mut Vec<Event>) {
        self.responses.rota.came_up();
        self.judge_rota(events);
    }

    /// Raises, changes or ends the alert of a gap in the rota. To be called when the rota, the time or the census moved.
    pub(super) fn judge_rota(&mut self, events: &mut Vec<Event>) {
        self.arm_rota();
        let key = AlertKey { patient: None, code: ConditionCode::RotaGap, device: None };
        let gap = self.rota_gap();
        let open = self.alerts.get(&key).map(|alert| alert.detail.clone());
        if open.is_none() && gap.is_none() || open.as_ref() == Some(&gap) {
            return;
        }
        self.clear_plain(&key, events);
        if let Some(detail) = gap {
            self.raise_plain(key, Priority::Medium, self.now, detail, events);
        }
    }

    /// Who is missing, in words. A ward without any rota has no gap: nobody has promised anything.
    fn rota_gap(&self) -> Option<String> {
        let rota = self.rota();
        if rota.is_empty() || self.census.stays.is_empty() {
            return None;
        }
        let now = self.now;
        let nobody = |duty| rota.on_duty(duty, None, now).next().is_none();
        let mut beds: Vec<&str> = self
            .census
            .stays
            .values()
            .filter(|stay| rota.on_duty(Duty::Nurse, Some(&stay.bed), now).next().is_none())
            .map(|stay| self.census.beds.get(&stay.bed).map_or(stay.bed.as_str(), |bed| bed.label.as_str()))
            .collect();
        beds.sort_unstable();
        let mut missing = Vec::new();
        if !beds.is_empty() {
            let more = beds.len().saturating_sub(BEDS_NAMED_MAX);
            beds.truncate(BEDS_NAMED_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            missing.push(format!("no nurse for {}{more}", beds.join(", ")));
        }
        if nobody(Duty::Charge) {
            missing.push("no nurse in charge".to_owned());
        }
        if nobody(Duty::Doctor) {
            missing.push("no doctor on call".to_owned());
        }
        (!missing.is_empty()).then(|| missing.join("; "))
    }
}
