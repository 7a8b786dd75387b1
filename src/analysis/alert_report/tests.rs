use super::*;
use crate::{
    alarm::episode::{self, Raise},
    analysis::AlertReportText,
    domain::{
        Actor, AlertKey, Bed, Category, CloseReason, Patient, PersonName, Role, Side,
        event::SuppressedBy,
        vital::{HR, SPO2},
    },
};

const LOW: ConditionCode = ConditionCode::Limit(SPO2, Side::Low);
const HIGH: ConditionCode = ConditionCode::Limit(HR, Side::High);

/// Minutes after midnight in Berlin, of a day in winter.
fn t(minutes: i64) -> Timestamp {
    let midnight: Timestamp = "2026-01-09T23:00:00Z".parse().unwrap();
    midnight + Millis::from_mins(minutes)
}

fn day() -> (Timestamp, Timestamp) {
    (t(0), t(24 * 60))
}

fn nurse() -> Actor {
    Actor::User { user: "u1".parse().unwrap(), name: "anna".into(), role: Role::Nurse, session: "s1".parse().unwrap() }
}

fn ward() -> Ward {
    Ward { id: "w".parse().unwrap(), name: "3 East".into(), time_zone: chrono_tz::Tz::Europe__Berlin }
}

/// A journal with the alerts that are open.
#[derive(Default)]
struct Journal {
    events: Vec<Event>,
    open: BTreeMap<u64, Alert>,
}

impl Journal {
    fn say(&mut self, minutes: i64, body: EventBody) {
        self.events.push(Event::new(t(minutes), body));
    }

    /// A ward with two beds.
    fn ward() -> Self {
        let mut journal = Self::default();
        journal.say(-3_000, EventBody::WardSet { ward: ward() });
        for bed in ["1", "2"] {
            let bed = Bed { id: bed.parse().unwrap(), label: format!("3E-{bed}") };
            journal.say(-3_000, EventBody::BedSet { bed, by: Actor::System });
        }
        journal
    }

    fn admit(&mut self, minutes: i64, id: &str, bed: &str) {
        let name = PersonName::default();
        let patient =
            Patient { id: id.parse().unwrap(), note: name.clone(), name, category: Category::Adult, birth_year: None };
        let (bed, encounter) = (bed.parse().unwrap(), id.parse().unwrap());
        self.say(minutes, EventBody::Admitted { patient, bed, encounter, by: Actor::System });
    }

    fn discharge(&mut self, minutes: i64, id: &str) {
        let (patient, encounter) = (id.parse().unwrap(), id.parse().unwrap());
        let (reason, by) = (CloseReason::Discharged, Actor::System);
        self.say(minutes, EventBody::Discharged { patient, encounter, reason, by });
    }

    fn raise(&mut self, minutes: i64, id: u64, code: ConditionCode, whose: Option<(&str, &str)>, of: Priority) {
        let raise = Raise {
            key: AlertKey { patient: whose.map(|(patient, _)| patient.parse().unwrap()), code, device: None },
            encounter: None,
            bed: whose.map(|(_, bed)| bed.parse().unwrap()),
            priority: of,
            since: t(minutes),
            value: None,
            limit: None,
            delay: Millis::ZERO,
            detail: None,
            again: 0,
            reported: None,
        };
        let alert = episode::raise(AlertId(id), raise, t(minutes));
        self.open.insert(id, alert);
        self.moved(minutes, id, |_| Some(episode::Transition(Cause::Raised)));
    }

    fn moved(&mut self, minutes: i64, id: u64, step: impl FnOnce(&mut Alert) -> Option<episode::Transition>) {
        let alert = self.open.get_mut(&id).unwrap();
        let episode::Transition(cause) = step(alert).unwrap();
        let alert = alert.clone();
        self.say(minutes, EventBody::Alert { cause, alert, by: None });
    }

    fn acknowledge(&mut self, minutes: i64, id: u64) {
        self.moved(minutes, id, |alert| episode::acknowledge(alert, alert.transition, &nurse(), t(minutes)).ok());
    }

    fn clear(&mut self, minutes: i64, id: u64) {
        self.moved(minutes, id, |alert| episode::clear(alert, None, t(minutes)));
    }

    fn suppress(&mut self, minutes: i64, by: SuppressedBy, again: u32) {
        let (patient, device) = ("p1".parse().unwrap(), "d".parse().unwrap());
        self.say(
            minutes,
            EventBody::Suppressed { patient, device, code: LOW, since: t(minutes), worst: 80.0, by, again },
        );
    }

    /// By all events, and by those of the span alone for somebody who knows the ward as it is now.
    fn reports(&self, span: (Timestamp, Timestamp)) -> [AlertReport; 2] {
        let mut whole = AlertReporter::new(span.0, span.1);
        self.events.iter().for_each(|event| whole.event(event));
        let (mut here, mut beds) = (BTreeSet::new(), BTreeMap::new());
        for event in &self.events {
            match &event.body {
                EventBody::Admitted { patient, .. } => drop(here.insert(patient.id.clone())),
                EventBody::Discharged { patient, .. } => drop(here.remove(patient)),
                EventBody::BedSet { bed, .. } => drop(beds.insert(bed.id.clone(), bed.label.clone())),
                _ => {}
            }
        }
        let mut of_span = AlertReporter::of_ward(span, ward(), beds, here);
        self.events.iter().filter(|event| event.at >= span.0).for_each(|event| of_span.event(event));
        [whole.finish(), of_span.finish()]
    }

    fn report(&self) -> AlertReport {
        let [whole, of_span] = self.reports(day());
        assert_eq!(whole, of_span, "what is before the span is needed for nothing");
        whole
    }
}

#[test]
fn a_day_on_a_ward() {
    let mut journal = Journal::ward();
    journal.admit(-2_000, "p1", "1");
    journal.admit(-1_000, "p2", "2");
    journal.raise(-10, 1, LOW, Some(("p1", "1")), Priority::Medium);
    // Raised before: what happens to it within the span is told, but it is not one of the span.
    journal.acknowledge(5, 1);
    journal.raise(60, 2, LOW, Some(("p1", "1")), Priority::Medium);
    journal.open.get_mut(&2).unwrap().again = 3;
    journal.moved(62, 2, |a| episode::worsen(a, Priority::High, None, None, Millis::ZERO));
    journal.moved(63, 2, |a| episode::escalate(a, Vec::new()));
    journal.acknowledge(64, 2);
    journal.clear(70, 2);
    journal.raise(90, 3, HIGH, Some(("p2", "2")), Priority::Medium);
    journal.moved(91, 3, |a| episode::decline(a, a.transition, &nurse(), "busy".parse().unwrap(), t(91)).ok());
    journal.clear(100, 3);
    journal.raise(120, 4, ConditionCode::NotMeasured(SPO2), Some(("p1", "1")), Priority::Low);
    journal.suppress(200, SuppressedBy::Delay, 0);
    journal.suppress(201, SuppressedBy::Delay, 2);
    journal.suppress(202, SuppressedBy::LimitsChanged, 0);
    journal.discharge(720, "p2");
    journal.raise(24 * 60, 5, LOW, Some(("p1", "1")), Priority::High);
    let text = AlertReportText { report: &journal.report(), zone: chrono_tz::Tz::Europe__Berlin };
    insta::assert_snapshot!(text, @r"
    3 East · 2026-01-10 00:00 to 2026-01-11 00:00 (Europe/Berlin) · 2 patients, 1.50 bed-days

                           alerts per bed-day  high  medium   low  returned  worse   ack  escalated | hysteresis    delay  quality    ended   limits
    hr.high                     1         0.7     0       1     0         0      0     0          0 |          0        0        0        0        0
    spo2.low                    1         0.7     1       0     0         0      1     2          1 |          5        2        0        0        1
    spo2.not_measured           1         0.7     0       0     1         0      0     0          0 |          0        0        0        0        0
    all                         3         2.0     1       1     1         0      1     2          1 |          5        2        0        0        1
    right of the line: violations that raised no alert of their own, by cause

    technical: 1 of them, 33 %
    acknowledged: 1, median 4:00, 90 % within 4:00, longest 4:00; never 1, still waiting 1
    answered: 2, median 1:00, 90 % within 4:00, longest 4:00; never 0, still waiting 1
    longest without acknowledgement: 22:00:00, 3E-1, spo2.not_measured low, raised 2026-01-10 02:00
    most alerts by bed: 3E-1 2, 3E-2 1
    the tenth of the patients with most alerts had 67 % of them
    by hour of the day from 0: 0 2 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
    ");
    let report = journal.report();
    assert_eq!((report.patients, report.bed_days), (2, 1.5));
    assert_eq!((report.by_hour[1], report.by_hour[2], report.by_hour.iter().sum::<u64>()), (2, 1, 3));
    assert_eq!((report.acknowledge.count, report.acknowledge.never, report.acknowledge.waiting), (1, 1, 1));
    assert_eq!((report.response.count, report.response.never, report.response.waiting), (2, 0, 1));
    assert_eq!(
        report.longest_wait.map(|wait| (wait.bed, wait.waited)),
        Some((Some("3E-1".into()), Millis::from_mins(22 * 60)))
    );
}

#[test]
fn bed_days_are_those_of_the_span() {
    let mut journal = Journal::ward();
    journal.admit(-2_000, "left", "1");
    journal.discharge(-1_000, "left");
    journal.admit(-900, "here", "1");
    journal.admit(-800, "leaves", "2");
    journal.discharge(360, "leaves");
    journal.admit(720, "leaves", "2");
    journal.discharge(1_080, "leaves");
    journal.admit(24 * 60, "after", "2");
    journal.discharge(24 * 60 + 5, "here");
    let report = journal.report();
    assert_eq!((report.patients, report.bed_days), (2, 1.5));
    assert_eq!(report.per_bed_day(3), Some(2.0));
}

#[test]
fn half_and_nine_in_ten_took_no_longer() {
    let mut journal = Journal::ward();
    journal.admit(-10, "p1", "1");
    for i in 1..=10 {
        journal.raise(100, i, HIGH, Some(("p1", "1")), Priority::Medium);
        journal.acknowledge(100 + i64::try_from(i).unwrap(), i);
    }
    let Durations { count, median, p90, longest, .. } = journal.report().acknowledge;
    assert_eq!((count, median, p90, longest), (10, Millis::from_mins(5), Millis::from_mins(9), Millis::from_mins(10)));
}

#[test]
fn a_tenth_of_all_patients_and_not_of_those_with_alerts() {
    let mut journal = Journal::ward();
    for i in 0..20 {
        journal.admit(-10, &format!("p{i}"), "1");
    }
    for (id, patient) in [(1, "p0"), (2, "p0"), (3, "p1"), (4, "p2")] {
        journal.raise(10, id, HIGH, Some((patient, "1")), Priority::Medium);
    }
    journal.raise(10, 5, ConditionCode::System(crate::domain::SystemFault::ClockStepped), None, Priority::Low);
    let report = journal.report();
    assert!((report.top_tenth_share - 0.75).abs() < 1e-9, "{}", report.top_tenth_share);
    assert_eq!(report.talkers.iter().map(|t| t.alerts).collect::<Vec<_>>(), [2, 1, 1]);
    assert!((report.technical_share() - 0.2).abs() < 1e-9);
}

#[test]
fn an_empty_ward_has_no_rates() {
    let report = Journal::ward().report();
    assert_eq!((report.per_bed_day(1), report.longest_wait, report.top_tenth_share), (None, None, 0.0));
}
