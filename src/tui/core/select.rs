//! What is selected, and how the selection moves. It sticks to a patient or an alert, never to a row.

use super::{
    app::{App, Page},
    shown::Shown,
};
use crate::{
    domain::{Alert, AlertId, ConditionCode, Millis, PatientId},
    protocol::{PatientView, WardView},
};

/// For this long after the alert that the keys mean became another one by itself, they do nothing.
const TARGET_HOLD: Millis = Millis(500);

/// What `Acknowledge` means, and since when without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Target {
    alert: Option<(AlertId, u32)>,
    moved_at: Option<Millis>,
}

impl App {
    /// The patients shown, in the order shown.
    #[must_use]
    pub fn shown_patients<'a>(&self, ward: &'a WardView) -> Vec<&'a PatientView> {
        let mut shown: Vec<&PatientView> = ward.by_bed().into_iter().filter(|p| self.shows(ward, p)).collect();
        if self.by_urgency {
            let urgencies = ward.by_urgency();
            let rank = |p: &&PatientView| {
                urgencies.iter().position(|a| a.key.patient.as_ref() == Some(&p.patient.id)).unwrap_or(usize::MAX)
            };
            shown.sort_by_key(rank);
        }
        shown
    }

    /// The most urgent alert of a patient.
    #[must_use]
    pub fn worst_of<'a>(&self, ward: &'a WardView, patient: &PatientId) -> Option<&'a Alert> {
        let own = ward.alerts.values().filter(|a| a.key.patient.as_ref() == Some(patient));
        own.min_by_key(|alert| alert.urgency())
    }

    /// The most urgent alert that nobody has acknowledged.
    #[must_use]
    pub fn worst_unacknowledged(&self) -> Option<&Alert> {
        let ward = self.ward.as_ref()?;
        ward.alerts.values().filter(|a| a.is_unacknowledged()).min_by_key(|a| a.urgency())
    }

    /// The selected alert: that of the queue, or the most urgent one of the selected patient.
    #[must_use]
    pub fn selected_alert(&self) -> Option<&Alert> {
        let ward = self.ward.as_ref()?;
        match self.page {
            Page::Login
            | Page::Pauses
            | Page::Limits
            | Page::Rota
            | Page::AlertReport
            | Page::Handover
            | Page::Devices
            | Page::Ops
            | Page::Audit => None,
            Page::Queue => ward.alerts.get(&self.queue.selected?),
            Page::Ward => self.worst_of(ward, self.selected.as_ref()?),
            Page::Patient => self.worst_of(ward, &self.patient.as_ref()?.patient),
        }
    }

    /// The alert that `Acknowledge` means: the selected one, or on a screen that shows the worst one alone, that one.
    #[must_use]
    pub fn target_alert(&self) -> Option<&Alert> {
        match self.page {
            Page::Login
            | Page::Pauses
            | Page::Limits
            | Page::Rota
            | Page::AlertReport
            | Page::Handover
            | Page::Devices => None,
            _ if self.is_too_small() => self.worst_unacknowledged(),
            _ => self.selected_alert(),
        }
    }

    /// Notes whether an event has changed what `Acknowledge` means, or a key of the person has.
    pub(super) fn watch_target(&mut self, by_key: bool) {
        let alert = self.target_alert().map(|alert| (alert.id, alert.transition));
        if alert != self.target.alert {
            self.target = Target { alert, moved_at: (!by_key).then_some(self.now) };
        }
    }

    /// Whether it is another alert than a moment ago without a key: it may not be the one that was looked at.
    pub(super) fn target_moved(&self) -> bool {
        self.target.moved_at.is_some_and(|at| self.now - at < TARGET_HOLD)
    }

    /// Whether the ward shows a patient's bed.
    pub(super) fn is_shown(&self, patient: &PatientId) -> bool {
        let Some(ward) = &self.ward else { return false };
        ward.patients.get(patient).is_some_and(|patient| self.shows(ward, patient))
    }

    /// The selected patient: that of the ward, or that of the selected alert.
    #[must_use]
    pub fn selected_patient(&self) -> Option<&PatientView> {
        let ward = self.ward.as_ref()?;
        let id = match self.page {
            Page::Login | Page::Rota | Page::AlertReport | Page::Devices | Page::Ops | Page::Audit => return None,
            Page::Pauses => self.selected_pause()?.scope.patient()?,
            Page::Handover => self.handover.selected.as_ref()?,
            Page::Queue => self.selected_alert()?.key.patient.as_ref()?,
            Page::Ward => self.selected.as_ref()?,
            Page::Patient => &self.patient.as_ref()?.patient,
            Page::Limits => &self.limits.as_ref()?.patient,
        };
        ward.patients.get(id)
    }

    /// What the patient's page shows, in display order: vitals with a newest value or a trend.
    #[must_use]
    pub fn shown_on_page(&self) -> Vec<Shown> {
        let (Some(ward), Some(page)) = (&self.ward, &self.patient) else { return Vec::new() };
        let newest = ward.patients.get(&page.patient).map(|p| &p.vitals);
        Shown::of(ward, |vital| {
            newest.is_some_and(|v| v.contains_key(&vital)) || page.trends.iter().any(|t| t.vital == vital)
        })
    }

    /// The place on the patient's page of the vital that asks for somebody: that of the selected alert, or of the most
    /// urgent one of the patient that is about a vital.
    pub(super) fn place_of_alarm(&self, alert: Option<ConditionCode>) -> Option<usize> {
        let (ward, page) = (self.ward.as_ref()?, self.patient.as_ref()?);
        let of = |a: &&Alert| a.key.patient.as_ref() == Some(&page.patient) && a.key.code.vital().is_some();
        let worst = || ward.alerts.values().filter(of).min_by_key(|a| a.urgency())?.key.code.vital();
        let vital = alert.and_then(ConditionCode::vital).or_else(worst)?;
        self.shown_on_page().iter().position(|shown| shown.has(vital))
    }

    /// Keeps the selection on somebody who is shown.
    pub(super) fn settle_selection(&mut self) {
        let Some(ward) = &self.ward else { return };
        let shown = self.shown_patients(ward);
        let stays = self.selected.as_ref().is_some_and(|id| shown.iter().any(|p| p.patient.id == *id));
        if !stays {
            self.selected = shown.first().map(|p| p.patient.id.clone());
        }
    }

    /// Moves the selection by `by` places, as far as it goes.
    pub(super) fn move_selection(&mut self, by: isize) {
        let Some(ward) = &self.ward else { return };
        match self.page {
            Page::Ward => {
                let shown: Vec<PatientId> =
                    self.shown_patients(ward).into_iter().map(|p| p.patient.id.clone()).collect();
                let at = self.selected.as_ref().and_then(|id| shown.iter().position(|p| p == id));
                self.selected = shown.get(moved(at, by, shown.len())).cloned();
            }
            Page::Queue => {
                let at = self.queue.selected.and_then(|id| self.queue.order.iter().position(|o| *o == id));
                self.queue.selected = self.queue.order.get(moved(at, by, self.queue.order.len())).copied();
            }
            Page::Patient => {
                let vitals = self.shown_on_page().len();
                if let Some(page) = &mut self.patient {
                    page.at = moved(Some(page.at), by, vitals);
                }
            }
            Page::Pauses => {
                let ids: Vec<_> = self.pauses().iter().map(|p| p.id).collect();
                let at = self.selected_pause.and_then(|id| ids.iter().position(|p| *p == id));
                self.selected_pause = ids.get(moved(at, by, ids.len())).copied();
            }
            Page::Limits => self.move_vital(by),
            Page::Rota => self.move_shift(by),
            Page::AlertReport => self.scroll_report(by),
            Page::Devices => self.move_device(by),
            Page::Ops => self.move_letter(by),
            Page::Audit => self.move_entry(by),
            Page::Handover => {
                let ids: Vec<PatientId> = ward.by_bed().into_iter().map(|p| p.patient.id.clone()).collect();
                let at = self.handover.selected.as_ref().and_then(|id| ids.iter().position(|p| p == id));
                self.select_for_handover(ids.get(moved(at, by, ids.len())).cloned());
            }
            Page::Login => {}
        }
    }
}

pub(super) fn moved(at: Option<usize>, by: isize, count: usize) -> usize {
    let last = count.saturating_sub(1);
    at.map_or(0, |at| at.saturating_add_signed(by).min(last))
}
