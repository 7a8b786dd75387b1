//! What is changed by a typed line: limits, the chart, the rota, whom a device measures. Nothing is sent before the change
//! was said back and a `yes` was typed.

use super::{Plain, Said, Waiting};
use crate::{
    domain::{
        Consciousness, DeviceId, Duty, Expiry, Millis, Oxygen, Shift, Spo2Scale, StepName, chart::CONSCIOUSNESS_HOLDS,
        text,
    },
    protocol::{VitalInfo, WardView},
    rights::Verb,
    tui::{
        core::{
            Act, Answer, ChartAnswer, ChartItem, DeviceSubject, LimitField, LimitsSubject, OxygenWay, RotaAnswer,
            Sheet, Subject, entry_words, span_words,
        },
        words,
    },
};

/// Why a line cannot be carried out, for people.
type Why = String;

const LIMIT: &str = "say which limit, its new value, for how many hours or until the next handover, and why, such as limit 04 \
                     SpO2 low 88 8 usual for this patient; limit 04 SpO2 back no longer needed takes it back";
const CHART: &str = "say what is charted, such as chart 04 consciousness A, chart 04 air, chart 04 oxygen 2, chart 04 fio2 40, \
                     chart 04 highflow 40 50, chart 04 scale 2 decided by the team, chart 04 pregnant no";
const SHIFT: &str = "say as what, who, from when, until when, and of a nurse which beds, such as shift nurse ben now 19:00 04 05 or \
                     shift doctor dora 2026-03-01T19:00 07:00; shift out 2 takes one out, by its number in rota";
const DEVICE: &str = "name a device and a bed, such as assign mon-4 04; unassign mon-4 takes it away";

fn words_of(line: &str, wanted: &str) -> Result<Answer, Why> {
    line.trim().parse().map(Answer::Words).map_err(|_| wanted.to_owned())
}

/// The first word of a line, and the rest.
fn first(line: &str) -> (&str, &str) {
    let (first, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
    (first, rest.trim_start())
}

fn hours(word: &str) -> Option<Millis> {
    word.parse::<u16>().ok().map(|hours| Millis::from_mins(i64::from(hours) * 60))
}

fn field_of(word: &str) -> Option<LimitField> {
    Some(match word {
        "low" => LimitField::Step(StepName::Low),
        "high" => LimitField::Step(StepName::High),
        "extreme-low" => LimitField::Step(StepName::LowExtreme),
        "extreme-high" => LimitField::Step(StepName::HighExtreme),
        "delay" => LimitField::Delay,
        "extreme-delay" => LimitField::ExtremeDelay,
        _ => return None,
    })
}

fn level_of(word: &str) -> Option<Consciousness> {
    Consciousness::ALL.into_iter().find(|level| words::chart::level(*level).split(' ').next() == Some(word))
}

fn vital_of<'w>(ward: &'w WardView, word: &str) -> Option<&'w VitalInfo> {
    let called = |info: &&VitalInfo| info.label.eq_ignore_ascii_case(word) || info.vital.as_str() == word;
    ward.vitals.iter().find(called)
}

impl Plain {
    /// Says back what a line would change; `None` if its first word is of no change.
    pub(super) fn change(&mut self, verb: &str, object: &str) -> Option<Said> {
        let sheet = match verb {
            "limit" => self.limit_sheet(object),
            "chart" => self.chart_sheet(object),
            "shift" => self.shift_sheet(object),
            "assign" => self.device_sheet(object, Act::AssignDevice),
            "unassign" => self.device_sheet(object, Act::EndAssignment),
            _ => return None,
        };
        let said = sheet.and_then(|sheet| self.ask_sure(sheet));
        Some(said.unwrap_or_else(|why| Said::line(text::clean(&why))))
    }

    fn ask_sure(&mut self, sheet: Sheet) -> Result<Said, Why> {
        let ward = self.app.ward.as_ref().ok_or("no data yet")?;
        if let Some(why) = self.app.why_not_act(sheet.act, &sheet.subject) {
            return Err(format!("not done: {why}"));
        }
        let what = self.would(&sheet, ward);
        self.asked = Some(Waiting::Change(Box::new(sheet)));
        Ok(Said::line(format!("{}. Type yes to do it", text::clean(&what))))
    }

    /// Sends what was said back.
    pub(super) fn sure(&mut self, sheet: Sheet) -> Said {
        let Sheet { act, subject, mut answers, .. } = sheet;
        answers.push(Answer::Yes);
        match self.app.act_named(act, subject, answers) {
            Ok(effects) => Said { lines: Vec::new(), effects },
            Err(why) => Said::line(format!("not done: {why}")),
        }
    }

    /// What a sheet would change, in words.
    fn would(&self, sheet: &Sheet, ward: &WardView) -> String {
        let bed = |patient| {
            let label = ward.patients.get(patient).map_or("–", |p| words::bed_label(ward, &p.bed));
            format!("bed {label} {}", words::name_of(ward, Some(patient))).trim_end().to_owned()
        };
        let why = sheet.answers.iter().find_map(|a| if let Answer::Words(why) = a { Some(why.as_str()) } else { None });
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        match &sheet.subject {
            Subject::Limits(limits) => {
                let changes = sheet.limit_changes(ward);
                let changes: Vec<String> = changes.iter().map(|change| words::limits::change(ward, change)).collect();
                let changes =
                    if changes.is_empty() { "its changed limits are as usual".to_owned() } else { changes.join(", ") };
                format!("{}: {changes}{}{why}", bed(&limits.patient), self.until(sheet, ward))
            }
            Subject::Patient(patient) => {
                let entry = sheet.chart_entry().map(|entry| entry_words(&entry)).unwrap_or_default();
                let holds = sheet.span().map_or_else(String::new, |span| format!(", holds {}", span_words(span)));
                format!("{}: {entry}{holds}{why}", bed(patient))
            }
            Subject::Shift(shift) => format!("out of the rota: {}", self.shift_words(shift, ward)),
            Subject::Device(device) => {
                let now = device.measures.as_ref().map_or_else(|| "nobody".to_owned(), bed);
                match sheet.patient() {
                    Some(patient) => format!("{} measures {now}: from now on {}", device.device, bed(patient)),
                    None => format!("{} measures {now}: from now on nobody", device.device),
                }
            }
            _ => sheet
                .shift()
                .map_or_else(String::new, |shift| format!("into the rota: {}", self.shift_words(&shift, ward))),
        }
    }

    fn until(&self, sheet: &Sheet, ward: &WardView) -> String {
        let until = sheet.answers.iter().find_map(|a| if let Answer::Until(expiry) = a { Some(*expiry) } else { None });
        match (until, self.app.server_now()) {
            (Some(Expiry::At { until }), Some(now)) => {
                format!(", until {}", words::rota::when(until, now, ward.ward.time_zone))
            }
            (Some(_), _) => ", until the next handover".to_owned(),
            (None, _) => String::new(),
        }
    }

    /// A shift in a line: `19:00 to 03-02 07:00: bedside nurse ben beds 04 05`.
    pub(super) fn shift_words(&self, shift: &Shift, ward: &WardView) -> String {
        let now = self.app.server_now().unwrap_or(shift.from);
        let [from, to] = [shift.from, shift.to].map(|at| words::rota::when(at, now, ward.ward.time_zone));
        let beds = words::rota::beds(shift, ward);
        format!("{from} to {to}: {} {} {beds}", words::rota::duty(shift.duty), shift.user).trim_end().to_owned()
    }

    /// The shifts that are not over, those that end first first: the order in which they have numbers.
    pub(super) fn shifts(&self) -> Vec<&Shift> {
        let mut shifts = self.app.shifts();
        shifts.sort_by_key(|shift| (shift.to, shift.from));
        shifts
    }

    fn limit_sheet(&self, object: &str) -> Result<Sheet, Why> {
        let ward = self.app.ward.as_ref().ok_or("no data yet")?;
        let (patient, rest) = self.named_patient(ward, object)?;
        let view = ward.patients.get(&patient).ok_or("the patient is not here any more")?;
        let (vital, rest) = first(rest);
        let (field, rest) = first(rest);
        let changed = || view.limits.iter().find(|(_, set)| set.own.is_some()).map(|(vital, _)| *vital);
        let (code, which) = match vital_of(ward, vital) {
            Some(info) => (info.vital, Some(info.vital)),
            None if vital == "all" && field == "back" => {
                (changed().ok_or("no limit of this patient is changed")?, None)
            }
            None => return Err(LIMIT.to_owned()),
        };
        let before = *ward.limits_of(view, code).ok_or_else(|| format!("{vital} has no limits"))?;
        let subject = |field| {
            let limits = LimitsSubject { patient: patient.clone(), vital: code, field, before, suggested: None };
            Subject::Limits(Box::new(limits))
        };
        if field == "back" {
            let own = view.limits.get(&code).is_some_and(|set| set.own.is_some());
            if !own {
                return Err(format!("{vital} is not changed for this patient"));
            }
            let mut sheet = Sheet::new(Act::ResetLimits, subject(LimitField::Step(StepName::Low)));
            sheet.answers = vec![Answer::Which(which), words_of(rest, LIMIT)?];
            return Ok(sheet);
        }
        let mut sheet = Sheet::new(Act::SetLimits, subject(field_of(field).ok_or(LIMIT)?));
        let (value, rest) = first(rest);
        sheet.answers.push(self.answered(&sheet, value, LIMIT)?);
        let (until, why) = first(rest);
        let now = self.app.server_now().ok_or("no data yet")?;
        let expiry = match (until, hours(until)) {
            ("handover", _) => Expiry::NextHandover,
            (_, Some(span)) => Expiry::At { until: now + span },
            _ => return Err(LIMIT.to_owned()),
        };
        sheet.answers.extend([Answer::Until(expiry), words_of(why, LIMIT)?]);
        Ok(sheet)
    }

    fn chart_sheet(&self, object: &str) -> Result<Sheet, Why> {
        let ward = self.app.ward.as_ref().ok_or("no data yet")?;
        let (patient, rest) = self.named_patient(ward, object)?;
        let (item, rest) = first(rest);
        let mut sheet = Sheet::new(Act::Chart, Subject::Patient(patient));
        let chart = |answer| Answer::Chart(answer);
        let of = |item| chart(ChartAnswer::Item(item));
        let way = match item {
            "oxygen" => Some(OxygenWay::Flow),
            "fio2" => Some(OxygenWay::Fraction),
            "highflow" => Some(OxygenWay::HighFlow),
            _ => None,
        };
        if let Some(way) = way {
            sheet.answers = vec![of(ChartItem::Oxygen), chart(ChartAnswer::Way(way))];
            sheet.answers.push(self.answered(&sheet, rest, CHART)?);
            return Ok(sheet);
        }
        let (word, more) = first(rest);
        sheet.answers = match item {
            "air" if rest.is_empty() => vec![of(ChartItem::Oxygen), chart(ChartAnswer::Oxygen(Oxygen::default()))],
            "consciousness" => {
                let level = level_of(word).ok_or("say A, C, V, P or U, such as chart 04 consciousness A")?;
                let holds = if more.is_empty() { Some(CONSCIOUSNESS_HOLDS) } else { hours(more) };
                let holds = holds.ok_or("say for how many hours it holds, such as chart 04 consciousness A 4")?;
                vec![of(ChartItem::Consciousness), chart(ChartAnswer::Level(level)), Answer::Span(holds)]
            }
            "scale" => {
                if !self.app.may(Verb::DecideTargets) {
                    return Err("not done: a doctor decides".to_owned());
                }
                let scale = match word {
                    "1" => Spo2Scale::One,
                    "2" => Spo2Scale::Two,
                    _ => return Err(CHART.to_owned()),
                };
                vec![of(ChartItem::Scale), chart(ChartAnswer::Scale(scale)), words_of(more, CHART)?]
            }
            "pregnant" => {
                let is = match rest {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(CHART.to_owned()),
                };
                vec![of(ChartItem::Pregnancy), chart(ChartAnswer::Pregnant(is))]
            }
            _ => return Err(CHART.to_owned()),
        };
        Ok(sheet)
    }

    fn shift_sheet(&self, object: &str) -> Result<Sheet, Why> {
        let (duty, rest) = first(object);
        if duty == "out" {
            let number: usize = rest.trim_start_matches('#').parse().map_err(|_| SHIFT.to_owned())?;
            let shift = number.checked_sub(1).and_then(|at| self.shifts().get(at).copied());
            let shift = shift.ok_or("there is no shift of that number; type rota")?;
            return Ok(Sheet::new(Act::RemoveShift, Subject::Shift(shift.clone())));
        }
        let duty = match duty {
            "nurse" => Duty::Nurse,
            "charge" => Duty::Charge,
            "doctor" => Duty::Doctor,
            _ => return Err(SHIFT.to_owned()),
        };
        let now = self.app.server_now().ok_or("no data yet")?;
        let (user, rest) = first(rest);
        let (from, rest) = first(rest);
        let (to, beds) = first(rest);
        let mut sheet = Sheet::new(Act::AddShift, Subject::Ward);
        sheet.answers.push(Answer::Rota(RotaAnswer::Duty(duty)));
        sheet.answers.push(self.answered(&sheet, user, SHIFT)?);
        // One word for day and time, so that a line can be taken apart.
        let from = match from {
            "now" => Answer::Rota(RotaAnswer::From(now)),
            from => self.answered(&sheet, &from.replace('T', " "), SHIFT)?,
        };
        sheet.answers.push(from);
        sheet.answers.push(self.answered(&sheet, &to.replace('T', " "), SHIFT)?);
        match (duty, beds) {
            (Duty::Nurse, "" | "all") => sheet.answers.push(Answer::Rota(RotaAnswer::Beds(Vec::new()))),
            (Duty::Nurse, beds) => sheet.answers.push(self.answered(&sheet, beds, SHIFT)?),
            (_, "") => {}
            _ => return Err("only a nurse has beds".to_owned()),
        }
        Ok(sheet)
    }

    fn device_sheet(&self, object: &str, act: Act) -> Result<Sheet, Why> {
        let (name, bed) = first(object);
        let device: DeviceId = name.parse().map_err(|_| DEVICE.to_owned())?;
        if self.app.devices.list.is_none() {
            return Err("type devices first: what they measure now is said there".to_owned());
        }
        let measures = self.app.devices.device(&device).and_then(|view| view.patient.clone());
        let mut sheet = Sheet::new(act, Subject::Device(Box::new(DeviceSubject { device, measures })));
        match (act, bed) {
            (Act::AssignDevice, bed) => sheet.answers.push(self.answered(&sheet, bed, DEVICE)?),
            (_, "") => {}
            _ => return Err(DEVICE.to_owned()),
        }
        Ok(sheet)
    }

    /// What was typed, as the answer to the next question of a sheet.
    fn answered(&self, sheet: &Sheet, typed: &str, wanted: &str) -> Result<Answer, Why> {
        self.app.typed_answer(sheet, typed).map_err(|why| if why.is_empty() { wanted.to_owned() } else { why })
    }
}
