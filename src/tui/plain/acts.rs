//! What is typed about an alert, a patient or a pause: `snooze 04 15`, `decline #12 busy`, `end 2`.

use super::{Plain, Said, Waiting, sentence};
use crate::{
    domain::{Alert, AlertId, LoginName, Millis, PatientId, PauseId, Priority, text},
    protocol::WardView,
    tui::{
        core::{Act, Answer, Subject},
        words,
    },
};

/// Why a line cannot be carried out, for people.
type Why = String;

/// The act that a word asks for.
fn act_of(verb: &str) -> Option<Act> {
    Some(match verb {
        "reset" => Act::Reset,
        "accept" => Act::Accept,
        "decline" => Act::Decline,
        "give" => Act::HandOver,
        "comment" => Act::Comment,
        "snooze" => Act::Snooze,
        "pause" => Act::Procedure,
        "mute" => Act::Sound,
        "standby" => Act::Standby,
        "off" => Act::AlarmOff,
        _ => return None,
    })
}

impl Plain {
    /// Does what a line asks for; `None` if its first word is of no act.
    pub(super) fn act(&mut self, verb: &str, object: &str) -> Option<Said> {
        let said = match verb {
            "end" | "confirm" => self.change_pause(object, verb == "confirm"),
            _ => self.do_act(act_of(verb)?, object),
        };
        Some(said.unwrap_or_else(|why| Said::line(text::clean(&why))))
    }

    fn do_act(&mut self, act: Act, object: &str) -> Result<Said, Why> {
        let ward = self.app.ward.as_ref().ok_or("no data yet")?;
        let (subject, rest, about) = if act == Act::Sound && object == "ward" {
            (Subject::Ward, "", String::new())
        } else if act.is_about_patient() {
            let (patient, rest) = self.named_patient(ward, object)?;
            (Subject::Patient(patient), rest, String::new())
        } else {
            let (alert, rest) = self.named_alert(ward, object)?;
            let subject = Subject::Alert { alert: alert.id, transition: alert.transition };
            (subject, rest, format!("{}: ", sentence(alert, ward)))
        };
        let answers = answers(act, &subject, rest)?;
        let effects = self.app.act_named(act, subject, answers).map_err(|why| format!("{about}not done: {why}"))?;
        Ok(Said { lines: Vec::new(), effects })
    }

    fn change_pause(&mut self, object: &str, confirm: bool) -> Result<Said, Why> {
        let number = object.trim_start_matches('#').parse().map_err(|_| "name a pause by its number; type pauses")?;
        let effects =
            self.app.change_pause_named(PauseId(number), confirm).map_err(|why| format!("pause {number}: {why}"))?;
        Ok(Said { lines: Vec::new(), effects })
    }

    /// What is quiet, a sentence each.
    pub(super) fn pauses(&self) -> Said {
        let (Some(ward), Some(now)) = (&self.app.ward, self.app.server_now()) else { return Said::line("no data yet") };
        let pauses = self.app.pauses();
        if pauses.is_empty() {
            return Said::line("nothing is paused or switched off");
        }
        let lines = pauses.iter().map(|p| format!("{} {}", p.id, words::pause_sentence(p, ward, now)));
        Said { lines: lines.collect(), effects: Vec::new() }
    }

    /// Splits what was typed into what it names, by `#number` or by the label of a bed, and the rest.
    fn split<'o>(ward: &WardView, object: &'o str) -> Option<(&'o str, &'o str)> {
        if object.starts_with('#') {
            return Some(object.split_once(char::is_whitespace).unwrap_or((object, "")));
        }
        let named = |label: &str| {
            let rest = object.strip_prefix(label)?;
            (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(label.len())
        };
        let labels = ward.beds.values().flat_map(|bed| [bed.label.as_str(), bed.id.as_str()]);
        let longest = labels.filter_map(named).max()?;
        object.split_at_checked(longest)
    }

    fn named_alert<'w, 'o>(&self, ward: &'w WardView, object: &'o str) -> Result<(&'w Alert, &'o str), Why> {
        let unknown = || "name a bed, or one alert by its number, such as #12".to_owned();
        let (target, rest) = Self::split(ward, object).ok_or_else(unknown)?;
        let alert = match (target.strip_prefix('#'), self.bed(ward, target)) {
            (Some(number), _) => number.parse().ok().and_then(|id| ward.alerts.get(&AlertId(id))),
            (None, Some(patient)) => self.app.worst_of(ward, &patient.patient.id),
            (None, None) => return Err(format!("there is nobody in bed {target}")),
        };
        Ok((alert.ok_or_else(|| format!("{target} has no alert"))?, rest.trim()))
    }

    pub(super) fn named_patient<'o>(&self, ward: &WardView, object: &'o str) -> Result<(PatientId, &'o str), Why> {
        let (target, rest) = Self::split(ward, object).ok_or("name a bed")?;
        let patient = self.bed(ward, target).ok_or_else(|| format!("there is nobody in bed {target}"))?;
        Ok((patient.patient.id.clone(), rest.trim()))
    }

    /// The alert that `ack` means.
    pub(super) fn acknowledge(&mut self, object: &str) -> Said {
        let Some(ward) = &self.app.ward else { return Said::line("no data yet") };
        let alert = match (object.strip_prefix('#'), self.bed(ward, object)) {
            (_, Some(patient)) => {
                self.app.worst_of(ward, &patient.patient.id).ok_or_else(|| format!("bed {object} has no alert"))
            }
            (Some(number), None) => {
                let alert = number.parse().ok().and_then(|id| ward.alerts.get(&AlertId(id)));
                alert.ok_or_else(|| format!("there is no alert {object}"))
            }
            (None, None) => Err(format!(
                "there is nobody in bed {object}: name one bed, or one alert by its number, such as ack #12"
            )),
        };
        let alert = match alert {
            Ok(alert) => alert,
            Err(why) => return Said::line(text::clean(&why)),
        };
        if alert.priority == Priority::High && self.app.why_not_acknowledge(alert).is_none() {
            let text = format!("{}. Type yes to acknowledge it", sentence(alert, ward));
            self.asked = Some(Waiting::Acknowledge(alert.id, alert.transition));
            return Said::line(text);
        }
        self.confirm_acknowledge(alert.id, alert.transition)
    }

    /// Does what waits for a `yes`.
    pub(super) fn confirm(&mut self, asked: Option<Waiting>) -> Said {
        match asked {
            None => Said::line("nothing waits for a yes"),
            Some(Waiting::Acknowledge(alert, transition)) => self.confirm_acknowledge(alert, transition),
            Some(Waiting::Change(sheet)) => self.sure(*sheet),
        }
    }

    fn confirm_acknowledge(&mut self, alert: AlertId, transition: u32) -> Said {
        match self.app.acknowledge_named(alert, transition) {
            Ok(effects) => Said { lines: Vec::new(), effects },
            Err(why) => Said::line(format!("not acknowledged: {why}")),
        }
    }
}

/// The answers that the rest of a line gives.
fn answers(act: Act, subject: &Subject, rest: &str) -> Result<Vec<Answer>, Why> {
    let words = |text: &str, wanted: &str| text.parse().map(Answer::Words).map_err(|_| wanted.to_owned());
    let (first, more) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let span = |of: fn(i64) -> Millis, wanted: &str| {
        // What is out of bounds is refused by the engine, which says what they are.
        first.parse::<u16>().map(|n| Answer::Span(of(i64::from(n)))).map_err(|_| wanted.to_owned())
    };
    Ok(match act {
        // Limits, chart, rota and devices are changed after a `yes`; dead letters are looked at before: no line asks for it.
        Act::Accept
        | Act::SetLimits
        | Act::TakeSuggestion
        | Act::ResetLimits
        | Act::Chart
        | Act::AddShift
        | Act::RemoveShift
        | Act::AssignDevice
        | Act::EndAssignment
        | Act::RetryLetter
        | Act::RetryLetters
        | Act::DropLetter => Vec::new(),
        Act::Reset => vec![words(rest, "say what you found, such as reset 04 patient seen, well")?],
        Act::Decline => vec![words(rest, "say why, such as decline 04 with another patient")?],
        Act::Comment => vec![words(rest, "say something, such as comment 04 doctor informed")?],
        Act::HandOver if rest.is_empty() || !more.is_empty() => {
            return Err("name one login, such as give 04 ben".into());
        }
        Act::HandOver => vec![Answer::Person(LoginName::new(rest))],
        Act::Snooze => vec![span(Millis::from_mins, "say for how many minutes, such as snooze 04 15")?],
        Act::Procedure | Act::Standby => {
            let wanted = "say for how many minutes and why, such as pause 04 2 suction, standby 04 20 theatre";
            vec![span(Millis::from_mins, wanted)?, words(more, wanted)?]
        }
        Act::Sound => vec![match subject {
            Subject::Patient(patient) => Answer::SoundOf(patient.clone()),
            _ => Answer::SoundOfWard,
        }],
        Act::AlarmOff => {
            let wanted =
                "say for how many hours and why, such as off 04 4 known; off 04 4 high known asks a second person";
            let (high, why) = match more.trim_start().strip_prefix("high ") {
                Some(why) => (true, why),
                None => (false, more),
            };
            vec![span(|hours| Millis::from_mins(hours * 60), wanted)?, Answer::HighToo(high), words(why, wanted)?]
        }
    })
}
