//! The rota: who is on duty now and next, which shift is selected, and the questions before a shift is entered.

use super::{
    act::Subject,
    app::{App, Page},
    choices::Choice,
    command::Asked,
    select::moved,
    sheet::{Answer, Question, Sheet, span_words},
};
use crate::{
    domain::{BedId, Command, Duty, LoginName, Millis, Rota, Shift, Timestamp, text},
    protocol::WardView,
    tui::words::rota as said,
};
use chrono::{Days, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// For this long after the selected shift became another one by itself, it is not taken out.
const SHIFT_HOLD: Millis = Millis(500);
/// Names that are offered by a figure, at most.
const NAMES_MAX: usize = 8;
/// How long a shift is, if it is as usual.
const SPANS: [Millis; 2] = [Millis::from_mins(8 * 60), Millis::from_mins(12 * 60)];

/// Who has a duty, and who has it next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDuty {
    /// Who has it now, each with the end of the shift; nobody if empty.
    pub now: Vec<(LoginName, Timestamp)>,
    /// When that changes, and who has it then; nobody if empty. `None` if it does not change.
    pub next: Option<(Timestamp, Vec<LoginName>)>,
}

impl OnDuty {
    /// Who has a duty at `at`; of nurses, those of `bed` if one is given.
    #[must_use]
    pub fn of(rota: &Rota, duty: Duty, bed: Option<&BedId>, at: Timestamp) -> Self {
        let mine = |s: &&Shift| s.duty == duty && (duty != Duty::Nurse || bed.is_none_or(|bed| s.has_bed(bed)));
        let shifts: Vec<&Shift> = rota.shifts.iter().filter(mine).filter(|s| rota.is_fit(s)).collect();
        let at_time = |at: Timestamp| {
            let mut names: Vec<LoginName> = shifts.iter().filter(|s| s.covers(at)).map(|s| s.user.clone()).collect();
            names.sort();
            names.dedup();
            names
        };
        let until = |name: &LoginName| {
            shifts.iter().filter(|s| s.user == *name && s.covers(at)).map(|s| s.to).max().unwrap_or(at)
        };
        let present = at_time(at);
        let mut changes: Vec<Timestamp> = shifts.iter().flat_map(|s| [s.from, s.to]).filter(|t| *t > at).collect();
        changes.sort();
        let next = changes.into_iter().map(|t| (t, at_time(t))).find(|(_, names)| *names != present);
        Self { now: present.into_iter().map(|name| (name.clone(), until(&name))).collect(), next }
    }
}

/// Beds that the same nurses have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NurseBeds {
    /// The beds, in order.
    pub beds: Vec<BedId>,
    /// Who has them.
    pub on_duty: OnDuty,
}

/// The beds with a patient, together where the same nurses have them now and next.
#[must_use]
pub fn nurses(ward: &WardView, at: Timestamp) -> Vec<NurseBeds> {
    let mut groups: Vec<NurseBeds> = Vec::new();
    for patient in ward.by_bed() {
        let on_duty = OnDuty::of(&ward.rota, Duty::Nurse, Some(&patient.bed), at);
        match groups.iter_mut().find(|group| group.on_duty == on_duty) {
            Some(group) => group.beds.push(patient.bed.clone()),
            None => groups.push(NurseBeds { beds: vec![patient.bed.clone()], on_duty }),
        }
    }
    groups
}

/// What is asked about a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotaQuestion {
    /// As what.
    Duty,
    /// From when on.
    From,
    /// Until when.
    To,
    /// Of which beds.
    Beds,
}

/// What was answered about a shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotaAnswer {
    /// As that.
    Duty(Duty),
    /// From then on.
    From(Timestamp),
    /// Until then.
    To(Timestamp),
    /// Of these beds; of all if empty.
    Beds(Vec<BedId>),
}

/// What is asked next before a shift is entered; `None` once all is answered.
pub(super) fn question(answers: &[Answer]) -> Option<Question> {
    let nurse = answers.first() == Some(&Answer::Rota(RotaAnswer::Duty(Duty::Nurse)));
    let beds = nurse.then_some(Question::Rota(RotaQuestion::Beds));
    let first = [
        Question::Rota(RotaQuestion::Duty),
        Question::Person,
        Question::Rota(RotaQuestion::From),
        Question::Rota(RotaQuestion::To),
    ];
    first.into_iter().chain(beds).chain([Question::Sure]).nth(answers.len())
}

impl Sheet {
    /// The shift that the answers make, or that is to be taken out; `None` while an answer is missing.
    #[must_use]
    pub fn shift(&self) -> Option<Shift> {
        if let Subject::Shift(shift) = &self.subject {
            return Some(shift.clone());
        }
        let (mut duty, mut user, mut from, mut to, mut beds) = (None, None, None, None, Vec::new());
        for answer in &self.answers {
            match answer {
                Answer::Person(name) => user = Some(name.clone()),
                Answer::Rota(RotaAnswer::Duty(as_what)) => duty = Some(*as_what),
                Answer::Rota(RotaAnswer::From(at)) => from = Some(*at),
                Answer::Rota(RotaAnswer::To(at)) => to = Some(*at),
                Answer::Rota(RotaAnswer::Beds(some)) => beds.clone_from(some),
                _ => {}
            }
        }
        Some(Shift { from: from?, to: to?, duty: duty?, user: user?, beds })
    }

    fn shift_from(&self) -> Option<Timestamp> {
        self.answers.iter().find_map(
            |answer| {
                if let Answer::Rota(RotaAnswer::From(at)) = answer { Some(*at) } else { None }
            },
        )
    }

    fn shift_duty(&self) -> Option<Duty> {
        self.answers.iter().find_map(
            |answer| {
                if let Answer::Rota(RotaAnswer::Duty(duty)) = answer { Some(*duty) } else { None }
            },
        )
    }
}

/// The command that all answers make; `None` if the shift is not in the rota any more.
pub(super) fn command(sheet: &Sheet, ward: &WardView) -> Option<Command> {
    let shift = sheet.shift()?;
    match &sheet.subject {
        Subject::Shift(_) => ward.rota.shifts.contains(&shift).then_some(Command::RemoveShift { shift }),
        _ => Some(Command::AddShift { shift }),
    }
}

/// What people call it while it is under way.
pub(super) fn asked(sheet: &Sheet, done: String, now: Millis) -> Asked {
    let user = sheet.shift().map(|shift| format!("the shift of {}", shift.user)).unwrap_or_default();
    Asked::ward(&user, done, now)
}

/// A time as people type it: `19:00` is the next such time after `after`, `2026-03-01 19:00` is that one.
#[must_use]
pub(super) fn typed_time(text: &str, zone: Tz, after: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let utc = |local: NaiveDateTime| {
        let at = zone.from_local_datetime(&local).earliest()?;
        Some(Timestamp::from_ms(at.with_timezone(&Utc).timestamp_millis()))
    };
    if let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M") {
        return utc(local);
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
    let today = after.utc().with_timezone(&zone).date_naive();
    // An hour that the change of the clock leaves out is there on the day after.
    let days = (0..=2).filter_map(|days| today.checked_add_days(Days::new(days)));
    days.filter_map(|day| utc(day.and_time(time))).find(|at| *at > after)
}

impl App {
    /// The shifts that are not over, in order of time.
    #[must_use]
    pub fn shifts(&self) -> Vec<&Shift> {
        let (Some(ward), Some(now)) = (&self.ward, self.server_now()) else { return Vec::new() };
        ward.rota.shifts.iter().filter(|shift| shift.to > now).collect()
    }

    pub(super) fn show_rota(&mut self) {
        if self.shows_alerts() && self.page != Page::Patient {
            self.came_from = self.page;
        }
        self.page = Page::Rota;
    }

    pub(super) fn move_shift(&mut self, by: isize) {
        let shifts: Vec<Shift> = self.shifts().into_iter().cloned().collect();
        let at = self.selected_shift.as_ref().and_then(|shift| shifts.iter().position(|s| s == shift));
        self.selected_shift = shifts.get(moved(at, by, shifts.len())).cloned();
    }

    /// Keeps the selection on a shift that there is.
    pub(super) fn settle_shift(&mut self) {
        let gone = self.selected_shift.as_ref().is_none_or(|shift| !self.shifts().contains(&shift));
        if gone {
            // The one that was selected is over: the first takes its place, and may not be what was looked at.
            self.shift_moved_at = self.selected_shift.as_ref().map(|_| self.now);
            self.selected_shift = self.shifts().first().map(|shift| (*shift).clone());
        }
    }

    /// Says so if the selected shift is another one than a moment ago without a key.
    pub(super) fn refuses_moved_shift(&mut self) -> bool {
        let moved = self.shift_moved_at.is_some_and(|at| self.now - at < SHIFT_HOLD);
        if moved {
            self.fail("it changed just now: look, then press the key again".to_owned());
        }
        moved
    }

    pub(super) fn why_not_shift(&self, shift: &Shift) -> Option<&'static str> {
        let known = self.ward.as_ref().is_some_and(|ward| ward.rota.shifts.contains(shift));
        (!known).then_some("it is not in the rota any more")
    }

    /// What may be answered to a question about a shift.
    pub(super) fn rota_choices(&self, question: RotaQuestion, sheet: &Sheet) -> Vec<Choice> {
        let (Some(ward), Some(now)) = (&self.ward, self.server_now()) else { return Vec::new() };
        let zone = ward.ward.time_zone;
        let given = |words: String, answer: RotaAnswer| Choice::given(words, Answer::Rota(answer));
        match question {
            RotaQuestion::Duty => {
                Duty::ALL.into_iter().map(|duty| given(said::duty(duty).to_owned(), RotaAnswer::Duty(duty))).collect()
            }
            RotaQuestion::From => {
                let change = ward.rota.next_change(now);
                let change =
                    change.map(|at| given(format!("from {}", said::when(at, now, zone)), RotaAnswer::From(at)));
                let first = [given("from now".to_owned(), RotaAnswer::From(now))];
                first.into_iter().chain(change).chain([Choice::own("from another time …")]).collect()
            }
            RotaQuestion::To => {
                let Some(from) = sheet.shift_from() else { return Vec::new() };
                let span = |span: Millis| {
                    let words = format!("{}, until {}", span_words(span), said::when(from + span, now, zone));
                    given(words, RotaAnswer::To(from + span))
                };
                SPANS.into_iter().map(span).chain([Choice::own("until another time …")]).collect()
            }
            RotaQuestion::Beds => {
                vec![given("all beds".to_owned(), RotaAnswer::Beds(Vec::new())), Choice::own("these beds …")]
            }
        }
    }

    /// Who may have the shift: those who have had one as the same.
    pub(super) fn rota_people(&self, sheet: &Sheet) -> Vec<Choice> {
        let mut names: Vec<&LoginName> = Vec::new();
        let shifts = self.ward.iter().flat_map(|ward| &ward.rota.shifts);
        for shift in shifts.filter(|shift| Some(shift.duty) == sheet.shift_duty()) {
            if !names.contains(&&shift.user) {
                names.push(&shift.user);
            }
        }
        let listed = names.into_iter().take(NAMES_MAX);
        listed
            .map(|name| Choice::given(name.as_str(), Answer::Person(name.clone())))
            .chain([Choice::own("another login name …")])
            .collect()
    }

    /// A time or beds as typed.
    ///
    /// # Errors
    /// What is wrong with it, for people; empty if nothing was typed.
    pub(super) fn typed_rota(&self, question: RotaQuestion, sheet: &Sheet, line: &str) -> Result<Answer, String> {
        let (Some(ward), Some(now)) = (&self.ward, self.server_now()) else { return Err(String::new()) };
        if line.trim().is_empty() {
            return Err(String::new());
        }
        let time = |after: Timestamp| {
            typed_time(line, ward.ward.time_zone, after)
                .ok_or_else(|| "a time is wanted, such as 19:00 or 2026-03-01 19:00".to_owned())
        };
        let answer = match question {
            RotaQuestion::Duty => return Err(String::new()),
            RotaQuestion::From => RotaAnswer::From(time(now)?),
            RotaQuestion::To => {
                let from = sheet.shift_from().unwrap_or(now);
                match time(from)? {
                    to if to > from => RotaAnswer::To(to),
                    _ => return Err("it would end before it begins".to_owned()),
                }
            }
            RotaQuestion::Beds => RotaAnswer::Beds(beds(ward, line)?),
        };
        Ok(Answer::Rota(answer))
    }
}

/// Beds by their labels.
fn beds(ward: &WardView, line: &str) -> Result<Vec<BedId>, String> {
    let words = line.split([' ', ',']).filter(|word| !word.is_empty());
    let bed = |word: &str| {
        let found = ward.beds.values().find(|bed| bed.label == word || bed.id.as_str() == word);
        found.map(|bed| bed.id.clone()).ok_or_else(|| text::clean(&format!("this ward has no bed {word}")))
    };
    words.map(bed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn t(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("19:00", "2026-03-01T18:00:00Z")]
    #[case("3:13", "2026-03-01T02:13:00Z")]
    #[case("03:12", "2026-03-02T02:12:00Z")]
    #[case(" 2026-02-28 19:00 ", "2026-02-28T18:00:00Z")]
    fn a_time_of_day_is_the_next_one(#[case] typed: &str, #[case] at: &str) {
        assert_eq!(typed_time(typed, Tz::Europe__Berlin, t("2026-03-01T02:12:45Z")), Some(t(at)));
    }

    #[test]
    fn a_time_that_the_change_of_the_clock_leaves_out_is_that_of_the_next_day() {
        let after = t("2026-03-28T23:00:00Z");
        assert_eq!(typed_time("02:30", Tz::Europe__Berlin, after), Some(t("2026-03-30T00:30:00Z")));
        assert_eq!(typed_time("2026-03-29 02:30", Tz::Europe__Berlin, after), None);
        for wrong in ["", "7", "25:00", "now", "19:00 x"] {
            assert_eq!(typed_time(wrong, Tz::Europe__Berlin, after), None, "{wrong}");
        }
    }

    fn shift(duty: Duty, user: &str, from: i64, to: i64, beds: &[&str]) -> Shift {
        let at = |hours: i64| t("2026-03-01T00:00:00Z") + Millis::from_mins(hours * 60);
        let beds = beds.iter().map(|bed| bed.parse().unwrap()).collect();
        Shift { from: at(from), to: at(to), duty, user: LoginName::new(user), beds }
    }

    #[test]
    fn now_and_next_tell_of_gaps() {
        let at = t("2026-03-01T02:00:00Z");
        let rota = Rota::new(vec![
            shift(Duty::Nurse, "anna", 0, 7, &["b1"]),
            // The second shift of the same person is no change.
            shift(Duty::Nurse, "anna", 7, 9, &["b1"]),
            shift(Duty::Nurse, "ben", 12, 20, &[]),
            shift(Duty::Doctor, "dora", 0, 9, &[]),
        ]);
        let of = |duty, bed: Option<&str>| {
            let bed: Option<BedId> = bed.map(|bed| bed.parse().unwrap());
            let found = OnDuty::of(&rota, duty, bed.as_ref(), at);
            let now: Vec<String> = found.now.iter().map(|(name, _)| name.to_string()).collect();
            let next = found.next.map(|(at, names)| {
                (at.to_string()[11..16].to_owned(), names.iter().map(LoginName::to_string).collect::<Vec<_>>())
            });
            (now.join(" "), next)
        };
        assert_eq!(of(Duty::Nurse, Some("b1")), ("anna".into(), Some(("09:00".into(), vec![]))));
        assert_eq!(of(Duty::Nurse, Some("b2")), (String::new(), Some(("12:00".into(), vec!["ben".into()]))));
        assert_eq!(of(Duty::Charge, None), (String::new(), None));
        assert_eq!(of(Duty::Doctor, None), ("dora".into(), Some(("09:00".into(), vec![]))));
    }
}
