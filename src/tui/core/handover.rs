//! The page of handovers: who owns whom, what is offered, what there is to say of a patient, and what can be done.

use super::{
    app::{App, Page},
    command::COMMAND_TIMEOUT,
    event::Effect,
    handover_form::HandoverForm,
    link::Phase,
    size::{FOOTER_ROWS, HEADER_ROWS},
};
use crate::{
    client::ClientRequest,
    domain::{
        Actor, Event as JournalEvent, EventBody, Handover, LoginName, Millis, PatientId, Timestamp,
        handover::{is_same_login, login_of},
    },
    protocol::{HandoverReport, PatientView, Sbar},
    rights::Verb,
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What is told of a patient is asked for anew after this long.
const REPORT_AGE: Millis = Millis::from_secs(60);
/// From this many columns on the list and what is told stand side by side.
const SIDE_BY_SIDE: u16 = 140;
/// Columns of the list beside what is told.
const LIST_COLUMNS: u16 = 72;
/// Rows of the list above what is told, at most, its title included.
const LIST_ROWS_MAX: u16 = 14;

/// What a person can do about handovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    /// Offer the selected patient, and keep the others.
    Give,
    /// Offer all that are one's own alone, and all that nobody owns.
    GiveAll,
    /// Take what one is offered.
    Take,
    /// Not take it.
    Refuse,
    /// Take an offer back.
    Withdraw,
}

impl Deed {
    /// One or two words for the footer, and a sentence for the help.
    pub(super) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Give => ("offer", "offer the selected patient to another person; you keep the others"),
            Self::GiveAll => ("offer all", "offer all that are yours alone and all that nobody owns"),
            Self::Take => ("take", "take the handover that the selected patient is in: sign for it"),
            Self::Refuse => ("refuse", "not take the handover that the selected patient is in"),
            Self::Withdraw => ("withdraw", "take back the handover that the selected patient is in"),
        }
    }
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HandoverPage {
    /// The selected patient.
    pub selected: Option<PatientId>,
    /// The first line shown of what is told.
    pub scroll: usize,
    /// What is told of the selected patient, as last answered.
    pub told: Option<Box<Sbar>>,
    /// When that was made.
    pub told_at: Option<Timestamp>,
    /// Why it could not be had, for people.
    pub failed: Option<String>,
    asked: Option<u64>,
    asked_at: Option<Millis>,
}

impl HandoverPage {
    /// Whether what is told of a patient is asked for and not there.
    #[must_use]
    pub const fn is_awaited(&self) -> bool {
        self.asked.is_some()
    }
}

/// A line of what is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldLine {
    /// The words.
    pub text: String,
    /// Whether it is the name of a part.
    pub is_title: bool,
}

/// How the page is divided: columns and rows of the list with its title, and of what is told with its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandoverPanes {
    /// The list.
    pub list: (u16, u16),
    /// What is told.
    pub told: (u16, u16),
}

impl HandoverPanes {
    /// The division of a screen of this size below the strip of beds.
    #[must_use]
    pub fn of((columns, rows): (u16, u16), patients: usize) -> Self {
        let rows = rows.saturating_sub(HEADER_ROWS + FOOTER_ROWS + 1);
        if columns >= SIDE_BY_SIDE {
            return Self { list: (LIST_COLUMNS, rows), told: (columns.saturating_sub(LIST_COLUMNS + 1), rows) };
        }
        let wanted = u16::try_from(patients).unwrap_or(u16::MAX).saturating_add(1);
        let list = wanted.min(LIST_ROWS_MAX).min(rows.saturating_mul(2) / 5).max(2);
        Self { list: (columns, list), told: (columns, rows.saturating_sub(list)) }
    }
}

impl App {
    /// The patients of the page, in the order of their beds; the filter hides none.
    #[must_use]
    pub fn handover_patients(&self) -> Vec<&PatientView> {
        self.ward.as_ref().map(crate::protocol::WardView::by_bed).unwrap_or_default()
    }

    /// Who owns a patient now.
    #[must_use]
    pub fn owners_of(&self, patient: &PatientView) -> Vec<LoginName> {
        let (Some(ward), Some(now)) = (&self.ward, self.server_now()) else { return Vec::new() };
        ward.ownership(now).of(&patient.patient.id, &patient.bed)
    }

    /// The open offer that the selected patient is in.
    #[must_use]
    pub fn selected_offer(&self) -> Option<&Handover> {
        self.ward.as_ref()?.handovers.offer_of(self.handover.selected.as_ref()?)
    }

    /// The login name of whoever is signed in.
    pub(super) fn own_login(&self) -> Option<LoginName> {
        self.session.as_ref().map(|session| LoginName::new(&session.user))
    }

    fn is_own(&self, actor: &Actor) -> bool {
        let own = self.own_login().zip(login_of(actor));
        own.is_some_and(|(own, other)| is_same_login(&own, &other))
    }

    /// Whether an offer is for whoever is signed in.
    #[must_use]
    pub fn is_for_me(&self, offer: &Handover) -> bool {
        self.own_login().is_some_and(|own| is_same_login(&own, &offer.to))
    }

    /// Open offers for whoever is signed in.
    #[must_use]
    pub fn offers_for_me(&self) -> usize {
        let open = self.ward.iter().flat_map(|ward| &ward.handovers.open);
        open.filter(|offer| self.is_for_me(offer)).count()
    }

    pub(super) fn show_handover(&mut self) {
        let selected = self.selected_patient().map(|p| p.patient.id.clone()).or_else(|| self.selected.clone());
        let offered = self.ward.iter().flat_map(|ward| &ward.handovers.open).find(|offer| self.is_for_me(offer));
        let offered = offered.and_then(|offer| offer.patients.first().cloned());
        self.handover = HandoverPage { selected: offered.or(selected), ..HandoverPage::default() };
        if self.page != Page::Patient {
            self.came_from = self.page;
        }
        self.page = Page::Handover;
    }

    /// Keeps the selection on a patient who is there.
    pub(super) fn settle_handover(&mut self) {
        let patients = self.handover_patients();
        let stays = self.handover.selected.as_ref().is_some_and(|id| patients.iter().any(|p| p.patient.id == *id));
        if !stays {
            let first = patients.first().map(|p| p.patient.id.clone());
            self.handover = HandoverPage { selected: first, ..HandoverPage::default() };
        }
    }

    pub(super) fn select_for_handover(&mut self, patient: Option<PatientId>) {
        if patient != self.handover.selected {
            let HandoverPage { asked, asked_at, .. } = std::mem::take(&mut self.handover);
            self.handover = HandoverPage { selected: patient, asked, asked_at, ..HandoverPage::default() };
        }
    }

    /// Moves what is told by so many lines, as far as it goes.
    pub(super) fn scroll_told(&mut self, by: isize) {
        let panes = HandoverPanes::of(self.size, self.handover_patients().len());
        let lines = self.told_lines(panes.told.0).len();
        let last = lines.saturating_sub(usize::from(panes.told.1.saturating_sub(1)));
        self.handover.scroll = self.handover.scroll.min(last).saturating_add_signed(by).min(last);
    }

    /// What is told of the selected patient, in lines of so many columns; empty while it is not known or may not be seen.
    #[must_use]
    pub fn told_lines(&self, columns: u16) -> Vec<ToldLine> {
        let Some(told) = self.told() else { return Vec::new() };
        let mut lines = Vec::new();
        for (name, part) in told.parts() {
            lines.push(ToldLine { text: name.to_owned(), is_title: true });
            for text in part.iter().flat_map(|line| wrapped(line, usize::from(columns.saturating_sub(4)))) {
                lines.push(ToldLine { text, is_title: false });
            }
        }
        lines
    }

    /// What is told of the selected patient, as far as it is known and may be seen.
    #[must_use]
    pub fn told(&self) -> Option<&Sbar> {
        let told = self.handover.told.as_deref().filter(|told| Some(&told.patient) == self.handover.selected.as_ref());
        told.filter(|_| !self.is_locked())
    }

    /// Asks for what is told of a patient where no page shows it.
    ///
    /// # Errors
    /// Why it cannot be asked for now, for people.
    pub fn ask_handover(&mut self, patient: PatientId) -> Result<Effect, &'static str> {
        if let Some(why) = self.why_not_ask(Verb::ReadHistory) {
            return Err(why);
        }
        if self.handover.asked.is_some() {
            return Err("what is told at a handover is asked for already");
        }
        let id = self.commands.number();
        (self.handover.asked, self.handover.asked_at, self.handover.failed) = (Some(id), Some(self.now), None);
        Ok(Effect::Send(ClientRequest::HandoverReport { id, patients: vec![patient] }))
    }

    /// Asks for what is told of the selected patient when it is due, one at a time.
    pub(super) fn refresh_handover(&mut self, effects: &mut Vec<Effect>) {
        let is_live = matches!(self.link.phase, Phase::Up) && self.health().is_live();
        if self.page != Page::Handover || !is_live || self.is_locked() {
            return;
        }
        let Some(patient) = self.handover.selected.clone().filter(|_| self.may(Verb::ReadHistory)) else { return };
        let waits = if self.handover.asked.is_some() {
            COMMAND_TIMEOUT
        } else if self.told().is_none() && self.handover.failed.is_none() {
            Millis::ZERO
        } else {
            REPORT_AGE
        };
        if self.handover.asked_at.is_some_and(|at| self.now - at < waits) {
            return;
        }
        let id = self.commands.number();
        self.handover.asked = Some(id);
        self.handover.asked_at = Some(self.now);
        effects.push(Effect::Send(ClientRequest::HandoverReport { id, patients: vec![patient] }));
    }

    pub(super) fn handover_told(&mut self, id: u64, report: HandoverReport) {
        if self.handover.asked != Some(id) {
            return;
        }
        self.handover.asked = None;
        self.handover.failed = None;
        self.handover.told_at = Some(report.at);
        self.handover.told = report.patients.into_iter().next().map(Box::new);
    }

    /// Takes in that it could not be had; says whether it was that which was asked.
    pub(super) fn handover_failed(&mut self, id: u64, why: &str) -> bool {
        let is_own = self.handover.asked == Some(id);
        if is_own {
            self.handover.asked = None;
            self.handover.failed = Some(why.to_owned());
        }
        is_own
    }

    /// The link is cut: no answer comes any more.
    pub(super) fn handover_lost(&mut self) {
        if let Some(id) = self.handover.asked {
            self.handover_failed(id, "the link was cut");
        }
    }

    /// Says what happened to handovers, and has what is told made anew.
    pub(super) fn note_handover(&mut self, event: &JournalEvent) {
        match &event.body {
            EventBody::HandoverOffered { handover } if self.is_for_me(handover) => {
                let (from, count) = (handover.from.label(), handover.patients.len());
                self.say(format!(
                    "{from} offers you {count} {}: H shows it",
                    if count == 1 { "patient" } else { "patients" }
                ));
            }
            EventBody::HandoverAccepted { handover, by } if self.is_own(&handover.from) => {
                self.say(format!("handover {}: {} has signed, the patients are handed over", handover.id, by.label()));
            }
            EventBody::HandoverOffered { .. }
            | EventBody::HandoverAccepted { .. }
            | EventBody::HandoverEnded { .. } => {}
            _ => return,
        }
        if self.handover.asked.is_none() {
            self.handover.asked_at = None;
        }
    }

    /// Why something cannot be done about handovers now; `None` if it can.
    pub(super) fn why_not_hand(&self, deed: Deed) -> Option<&'static str> {
        let offer = self.selected_offer();
        let is_mine = |offer: &Handover| self.is_own(&offer.from);
        let of_state = match (deed, offer) {
            (Deed::Give, _) if self.handover.selected.is_none() => Some("no patient is selected"),
            (Deed::Give, Some(_)) => Some("the patient is in a handover already"),
            (Deed::Give | Deed::GiveAll, _) => None,
            (_, None) => Some("the selected patient is in no handover"),
            (Deed::Take | Deed::Refuse, Some(offer)) if is_mine(offer) => Some("another person has to sign"),
            (Deed::Take | Deed::Refuse, Some(offer)) if !self.is_for_me(offer) => {
                Some("it is offered to somebody else")
            }
            (Deed::Withdraw, Some(offer)) if !is_mine(offer) && !self.may(Verb::ManageRota) => {
                Some("it is somebody else's: that person or charge can")
            }
            _ => None,
        };
        of_state.or_else(|| self.why_not_ask(Verb::HandOver))
    }

    pub(super) fn begin_deed(&mut self, deed: Deed) {
        let form = match deed {
            Deed::Give => self.handover.selected.clone().map(|patient| HandoverForm::give(vec![patient], false)),
            Deed::GiveAll => Some(HandoverForm::give(self.given_with_the_ward(), true)),
            Deed::Take | Deed::Refuse | Deed::Withdraw => {
                self.selected_offer().map(|offer| HandoverForm::answer(deed, offer.clone()))
            }
        };
        if let Some(mut form) = form {
            form.people = self.people_on_duty().into_iter().map(|(name, _)| name).collect();
            self.dialog = Some(super::app::Dialog::Handover(Box::new(form)));
        }
    }

    /// Whom a handover of the ward would give now.
    fn given_with_the_ward(&self) -> Vec<PatientId> {
        let (Some(ward), Some(now), Some(own)) = (&self.ward, self.server_now(), self.own_login()) else {
            return Vec::new();
        };
        let stays = ward.patients.values().map(|p| (&p.patient.id, &p.bed));
        ward.ownership(now).given_by(&own, stays).into_iter().collect()
    }
}

/// A text in lines of at most so many columns, cut between words where it can be. Later lines are set in.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(10);
    let lead = " ".repeat(text.len() - text.trim_start().len());
    let indent = format!("{lead}  ");
    let mut lines = Vec::new();
    let mut line = lead;
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.width() + 1 + word.width() > columns {
            lines.push(std::mem::replace(&mut line, indent.clone()));
        } else if !is_empty {
            line.push(' ');
        }
        for c in word.chars() {
            if line.width() + c.width().unwrap_or(0) > columns {
                lines.push(std::mem::replace(&mut line, indent.clone()));
            }
            line.push(c);
        }
        is_empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_between_words_and_a_long_word_within() {
        assert_eq!(wrapped("short", 20), ["short"]);
        assert_eq!(wrapped("one two three four", 10), ["one two", "  three", "  four"]);
        assert_eq!(wrapped("  in by two", 30), ["  in by two"]);
        assert!(wrapped(&"x".repeat(100), 20).iter().all(|line| line.width() <= 20));
        assert!(wrapped("NEWS2 2 of 7, between 3 and 17", 12).iter().all(|line| line.width() <= 12));
    }

    #[test]
    fn the_panes_fit_the_screen() {
        for columns in [60_u16, 80, 139, 140, 200] {
            for rows in [15_u16, 24, 50] {
                for patients in [0, 1, 12, 200] {
                    let HandoverPanes { list, told } = HandoverPanes::of((columns, rows), patients);
                    assert!(list.0 <= columns && told.0 <= columns && told.1 >= 5, "{columns}x{rows} {patients}");
                    assert!(list.1 + HEADER_ROWS + FOOTER_ROWS < rows, "{columns}x{rows} {patients}");
                }
            }
        }
    }
}
