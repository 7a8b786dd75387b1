//! What is read by a typed line and asked of the server where the screen has a page of its own: the report of alerts, the
//! rota, limits, what is told at a handover.

use super::{Plain, Said};
use crate::{
    domain::{Duty, LoginName, text},
    protocol::{HandoverReport, VitalInfo, VitalLimitsView},
    tui::words,
};

/// Shifts that are said at most; those that end first.
const SHIFTS_SAID_MAX: usize = 20;

impl Plain {
    /// Asks for the report of alerts over the last day; it is said when it comes.
    pub(super) fn report(&mut self) -> Said {
        match self.app.ask_report() {
            Ok(effect) => Said { lines: Vec::new(), effects: vec![effect] },
            Err(why) => Said::line(why),
        }
    }

    /// Says the report that came, or why it did not.
    pub(super) fn say_report(&self, said: &mut Said) {
        let (Some(ward), page) = (&self.app.ward, &self.app.report) else { return };
        match (&page.report, &page.failed) {
            (_, Some(why)) => said.lines.push(format!("the report could not be had: {why}")),
            (Some(report), None) => {
                said.lines.push(format!("{} REPORT OF ALERTS", self.clock()));
                let rows = words::report::rows(ward, report).into_iter().map(|(text, _)| text.trim_end().to_owned());
                said.lines.extend(rows.filter(|text| !text.is_empty()));
            }
            (None, None) => {}
        }
    }

    /// Who is on duty, and who comes.
    pub(super) fn rota(&self) -> Said {
        let (Some(ward), Some(now)) = (&self.app.ward, self.app.server_now()) else { return Said::line("no data yet") };
        if ward.rota.is_empty() {
            return Said::line("nobody has entered a shift: nothing is said of gaps");
        }
        let mut said = Said::default();
        for duty in Duty::ALL {
            let names: Vec<&str> = ward.rota.on_duty(duty, None, now).map(LoginName::as_str).collect();
            let names = if names.is_empty() { "NOBODY".to_owned() } else { names.join(", ") };
            said.lines.push(format!("{} now: {names}", words::rota::duty(duty)));
        }
        for (number, shift) in (1_u32..).zip(self.shifts().into_iter().take(SHIFTS_SAID_MAX)) {
            said.lines.push(format!("shift {number}: {}", self.shift_words(shift, ward)));
        }
        said
    }

    /// The limits in force for the patient of a bed, and what was changed.
    pub(super) fn limits(&self, bed: &str) -> Said {
        let Some(ward) = &self.app.ward else { return Said::line("no data yet") };
        let Some(patient) = self.bed(ward, bed) else {
            return Said::line(text::clean(&format!("there is nobody in bed {bed}")));
        };
        let mut said = Said::line(format!("limits of bed {}", words::bed_label(ward, &patient.bed)));
        for info in &ward.vitals {
            let own = patient.limits.get(&info.vital);
            let Some(limits) = ward.limits_of(patient, info.vital) else { continue };
            let set = own.and_then(|own| own.own.as_ref().or(own.ward.as_ref()));
            let set = set.map(|set| {
                let end = words::limits::end(set, ward.ward.time_zone);
                format!(", changed by {}, {end}", set.by.label())
            });
            let wider = if own.is_some_and(|own| own.wider) { ", WIDER than usual" } else { "" };
            let told = told(info, limits);
            said.lines.push(format!("{} {told}{wider}{}", info.name, set.unwrap_or_default()));
        }
        said
    }

    /// Asks for what is told of the patient of a bed at a handover; it is said when it comes.
    pub(super) fn handover(&mut self, bed: &str) -> Said {
        let Some(ward) = &self.app.ward else { return Said::line("no data yet") };
        let Some(patient) = self.bed(ward, bed).map(|patient| patient.patient.id.clone()) else {
            return Said::line(text::clean(&format!("there is nobody in bed {bed}")));
        };
        match self.app.ask_handover(patient) {
            Ok(effect) => Said { lines: Vec::new(), effects: vec![effect] },
            Err(why) => Said::line(why),
        }
    }

    /// Says what is told at a handover.
    pub(super) fn say_handover(report: &HandoverReport, said: &mut Said) {
        let text = crate::analysis::handover_text::text(report);
        said.lines.extend(text.lines().filter(|line| !line.is_empty()).map(str::to_owned));
    }
}

/// The first steps in words: `90 to 100 %`, `at least 90 %`.
fn told(info: &VitalInfo, limits: &VitalLimitsView) -> String {
    let show = |value: f64| info.format(value);
    let text = match (limits.low, limits.high) {
        (Some(low), Some(high)) => format!("{} to {}", show(low.limit), show(high.limit)),
        (Some(low), None) => format!("at least {}", show(low.limit)),
        (None, Some(high)) => format!("at most {}", show(high.limit)),
        (None, None) => return "without limits".to_owned(),
    };
    format!("{text} {}", info.unit).trim_end().to_owned()
}
