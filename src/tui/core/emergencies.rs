//! Patients of the ward who were opened in emergencies: whoever judges them is told of one after another, each until it
//! stood on a live screen for its whole time.

use super::app::{App, Notice, NoticeKind, Page};
use crate::{
    domain::{BreakGlassId, EmergencyOpened, Event as JournalEvent, EventBody, Millis, PatientId, WardId},
    rights::Verb,
    tui::words,
};
use std::collections::VecDeque;

/// How long it stays that a patient was opened in an emergency: whoever is told may look elsewhere at that moment.
const EMERGENCY_NOTICE_TIME: Millis = Millis::from_mins(2);
/// How long it stays while another one waits to be told.
const EMERGENCY_NOTICE_TIME_BEFORE_NEXT: Millis = Millis::from_secs(20);
/// Most emergencies that wait to be told; beyond it the oldest is not told here, and waits in the list of those to be judged.
const EMERGENCIES_WAITING_MAX: usize = 16;

/// Most emergencies of which it is remembered that they were told; beyond it the oldest may be told again.
const EMERGENCIES_TOLD_MAX: usize = 64;

/// Emergencies that are not told yet, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Emergencies {
    waiting: VecDeque<(WardId, PatientId, EmergencyOpened)>,
    /// Those that were told, the newest last: snapshots tell of them again.
    told: VecDeque<BreakGlassId>,
}

impl App {
    /// Takes in that a patient was opened in an emergency, whatever stands on the screen now.
    pub(super) fn note_emergency(&mut self, event: &JournalEvent) {
        if let EventBody::EmergencyOpened { patient, opened } = &event.body {
            self.note_opened(patient, opened);
        }
    }

    /// Takes in what a snapshot tells of emergencies that nobody has judged: they came while nobody was here, perhaps.
    pub(super) fn note_emergencies_of_ward(&mut self) {
        let known = self.ward.as_ref().map(|ward| ward.emergencies.clone()).unwrap_or_default();
        known.iter().for_each(|(patient, opened)| self.note_opened(patient, opened));
    }

    fn note_opened(&mut self, patient: &PatientId, opened: &EmergencyOpened) {
        let Some(ward) = &self.ward else { return };
        if self.emergencies.told.contains(&opened.emergency) {
            return;
        }
        let waiting = &mut self.emergencies.waiting;
        if waiting.iter().any(|(.., known)| known.emergency == opened.emergency) {
            return;
        }
        if waiting.len() >= EMERGENCIES_WAITING_MAX {
            waiting.pop_front();
        }
        waiting.push_back((ward.ward.id.clone(), patient.clone(), opened.clone()));
        if let Some(notice) = self.notice.as_mut().filter(|notice| notice.emergency) {
            notice.until = notice.until.min(self.now + EMERGENCY_NOTICE_TIME_BEFORE_NEXT);
        }
    }

    /// Tells of the next emergency when nothing else stands there and somebody who judges it can read it now.
    pub(super) fn tell_emergency(&mut self) {
        if self.notice.is_some() || !self.can_be_told() {
            return;
        }
        let Some(ward) = &self.ward else { return };
        let here = |known: &WardId| *known == ward.ward.id;
        let may = self.may(Verb::ReviewBreakGlass);
        self.emergencies.waiting.retain(|(known, ..)| may && here(known));
        let waiting = &self.emergencies.waiting;
        let Some((_, patient, opened)) = waiting.front() else { return };
        let time = if waiting.len() > 1 { EMERGENCY_NOTICE_TIME_BEFORE_NEXT } else { EMERGENCY_NOTICE_TIME };
        let text = words::emergency_opened(patient, opened, ward);
        self.notice = Some(Notice { text, kind: NoticeKind::Failed, until: self.now + time, emergency: true });
    }

    /// Takes the notice away, because it was told to its end; an emergency that nobody could read meanwhile is told again.
    pub(in crate::tui) fn take_notice(&mut self) -> Option<Notice> {
        let notice = self.notice.take()?;
        if notice.emergency && self.can_be_told() {
            let Emergencies { waiting, told } = &mut self.emergencies;
            told.extend(waiting.pop_front().map(|(.., opened)| opened.emergency));
            if told.len() > EMERGENCIES_TOLD_MAX {
                told.pop_front();
            }
        }
        Some(notice)
    }

    /// Whether the person who is signed in may be at the screen, and it is live.
    fn can_be_told(&self) -> bool {
        self.session.is_some() && self.page != Page::Login && !self.is_locked() && self.health().is_live()
    }
}
