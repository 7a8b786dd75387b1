//! Which event asks whom, on which channel, and what it tells: with alerts that an engine raised.

use super::*;
use crate::{
    domain::{
        Bed, Category, Command, Device, Duty, Millis, Observation, Patient, PersonName, Role, Shift, Ward,
        vital::NBP_MEAN,
    },
    engine::{Engine, EngineConfig, Input},
    notify::LinkKey,
};

fn at(s: i64) -> Timestamp {
    Timestamp::from_ms(1_790_000_000_000 + s * 1_000)
}

struct Scene {
    engine: Engine,
    view: WardView,
}

impl Scene {
    /// Ward `w` with bed `b4`, its patient and monitor; nurse `ana` has the bed, `cho` is in charge.
    fn new() -> Self {
        let config = EngineConfig::default();
        let ward = Ward { id: "w".parse().unwrap(), name: "3 East".into(), time_zone: chrono_tz::Tz::UTC };
        let profiles = config.profiles.clone();
        let view = WardView::new(ward.clone(), Mode::Live, &config.vitals, |category| profiles.of(category));
        let mut scene = Self { engine: Engine::new(config), view };
        scene.input(Input::Start { ward }, 0);
        let name = PersonName::new("Okafor, Chidi");
        let patient = Patient {
            id: "p1".parse().unwrap(),
            name,
            note: PersonName::default(),
            category: Category::Adult,
            birth_year: None,
        };
        let shift = |duty, user: &str| Shift {
            from: at(-60),
            to: at(7_200),
            duty,
            user: LoginName::new(user),
            beds: Vec::new(),
        };
        let (device, bed) = ("d1".parse().unwrap(), Bed { id: "b4".parse().unwrap(), label: "04".into() });
        let encounter = "e1".parse().unwrap();
        for command in [
            Command::SetBed { bed: bed.clone() },
            Command::Admit { patient, bed: bed.id, encounter },
            Command::SetDevice { device: serde_json::from_str::<Device>(r#"{"id":"d1","name":"M"}"#).unwrap() },
            Command::Assign {
                assignment: crate::domain::Assignment {
                    device,
                    patient: "p1".parse().unwrap(),
                    start: at(0),
                    end: None,
                },
            },
            Command::SetRota { shifts: vec![shift(Duty::Nurse, "ana"), shift(Duty::Charge, "cho")] },
        ] {
            scene.input(Input::Command { command, by: Actor::System }, 1);
        }
        scene
    }

    fn input(&mut self, input: Input, s: i64) -> Vec<Event> {
        let events = self.engine.handle(input, at(s));
        events.iter().for_each(|event| self.view.apply(event));
        events
    }

    fn collapse(&mut self, s: i64) -> Event {
        let observation = Observation {
            patient: "p1".parse().unwrap(),
            device: "d1".parse().unwrap(),
            vital: NBP_MEAN,
            value: 40.0,
            text: None,
            observed_at: at(s),
            received_at: at(s),
            correction: false,
            interval: None,
        };
        let events = self.input(Input::Observation(observation), s);
        events.into_iter().find(|e| asks(e).is_some()).unwrap()
    }

    fn letters(&self, event: &Event, channel: &ChannelConfig) -> Vec<Letter> {
        let links = Links::new(LinkKey::new([3; 32]), "https://ward.example/", Millis::from_mins(15));
        let addresses = BTreeMap::from([("Ana".to_owned(), "ana@h.example".to_owned())]);
        let desktop = Desktop {
            site: "s",
            vitals: &VitalTable::builtin(),
            addresses: &addresses,
            links: Some(&links),
            now: at(9),
            gone: &[LoginName::new("gone")],
        };
        letters((event, false), &self.view, (&"pager".parse().unwrap(), channel), &desktop)
    }
}

#[test]
fn a_new_alert_asks_the_nurse_of_the_bed_and_tells_no_more_than_it_may() {
    let mut scene = Scene::new();
    let event = scene.collapse(2);
    let letters = scene.letters(&event, &ChannelConfig::default());
    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter = &letters[0];
    assert_eq!(letter.to.as_ref().unwrap().login, LoginName::new("ana"));
    assert_eq!(letter.to.as_ref().unwrap().email.as_deref(), Some("ana@h.example"), "names of people have no case");
    assert_eq!((letter.bed.as_deref(), letter.priority), (Some("04"), Priority::High));
    assert_eq!((&letter.told, &letter.name), (&None, &None));
    let (url, until) = letter.link.as_ref().unwrap();
    assert!(url.starts_with("https://ward.example/v1/ack/"), "{url}");
    assert_eq!(*until, at(9 + 15 * 60));
}

#[test]
fn who_can_no_longer_take_the_alert_gets_no_message() {
    let mut scene = Scene::new();
    let mut event = scene.collapse(2);
    let channel = ChannelConfig { content: Content::Name, ..ChannelConfig::default() };
    let to = |scene: &Scene, event: &Event| {
        let letters = scene.letters(event, &channel);
        letters.into_iter().map(|letter| letter.to.map(|to| to.login.to_string())).collect::<Vec<_>>()
    };
    let EventBody::Alert { alert, .. } = &mut event.body else { panic!("{event:?}") };
    alert.response = Response::Notified { to: vec![LoginName::new("ana"), LoginName::new("gone")] };
    assert_eq!(to(&scene, &event), [Some("ana".to_owned())]);
    let EventBody::Alert { alert, .. } = &mut event.body else { panic!("{event:?}") };
    alert.response = Response::Notified { to: vec![LoginName::new("gone")] };
    assert_eq!(to(&scene, &event), [None], "the ward is told all the same");
}

#[test]
fn a_message_has_words_for_people_and_the_code_apart() {
    let mut scene = Scene::new();
    let mut event = scene.collapse(2);
    let channel = ChannelConfig { content: Content::Condition, ..ChannelConfig::default() };
    for (code, value, detail, words) in [
        ("score.news2", Some(8.0), Some("urgent review: RR 3"), "NEWS2 8: urgent review: RR 3"),
        ("rota.gap", None, Some("no nurse in charge"), "gap in the rota: no nurse in charge"),
        ("device.lost", None, None, "no data from the device"),
        ("hr.flatline", None, None, "HR does not vary"),
    ] {
        let EventBody::Alert { alert, .. } = &mut event.body else { panic!("{event:?}") };
        alert.key.code = code.parse().unwrap();
        (alert.value, alert.detail) = (value, detail.map(str::to_owned));
        let told = scene.letters(&event, &channel).remove(0).told.unwrap();
        assert_eq!((told.code.as_str(), told.words.as_str()), (code, words));
    }
}

#[test]
fn a_channel_that_may_tells_the_condition_and_the_name() {
    let mut scene = Scene::new();
    let event = scene.collapse(2);
    let told = |content| scene.letters(&event, &ChannelConfig { content, ..ChannelConfig::default() }).remove(0);
    let condition = told(Content::Condition);
    let words = condition.told.unwrap();
    assert_eq!(words.code, "nbp_mean.low");
    assert!(words.words.contains(" low 40 mmHg (limit "), "{}", words.words);
    assert_eq!(condition.name, None);
    assert_eq!(told(Content::Name).name.as_deref(), Some("Okafor, Chidi"));
}

#[test]
fn an_escalation_asks_the_next_level_and_channels_choose() {
    let mut scene = Scene::new();
    let raised = scene.collapse(2);
    let later = scene.input(Input::Tick, 63);
    let escalated = later.into_iter().find(|e| asks(e).is_some()).unwrap();
    let to = |event: &Event, channel: &ChannelConfig| {
        let letters = scene.letters(event, channel);
        letters.into_iter().map(|l| l.to.map_or_else(String::new, |to| to.login.to_string())).collect::<Vec<_>>()
    };
    let second = ChannelConfig { min_level: 2, ..ChannelConfig::default() };
    assert_eq!(to(&raised, &second), Vec::<String>::new());
    assert_eq!(to(&escalated, &second), ["ana", "cho"]);
    let low = ChannelConfig { priorities: vec![Priority::Low], ..ChannelConfig::default() };
    assert_eq!(to(&escalated, &low), Vec::<String>::new());
    let elsewhere = ChannelConfig { wards: vec!["other".parse().unwrap()], ..ChannelConfig::default() };
    assert_eq!(to(&escalated, &elsewhere), Vec::<String>::new());
}

#[test]
fn without_a_rota_the_ward_is_told_and_nobody_gets_a_link() {
    let mut scene = Scene::new();
    scene.input(Input::Command { command: Command::SetRota { shifts: Vec::new() }, by: Actor::System }, 1);
    let event = scene.collapse(2);
    let letters = scene.letters(&event, &ChannelConfig::default());
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0].to, &letters[0].link), (&None, &None));
}

#[test]
fn an_answer_ends_what_is_asked() {
    let mut scene = Scene::new();
    let event = scene.collapse(2);
    let letter = scene.letters(&event, &ChannelConfig::default()).remove(0);
    assert!(still_asks(&scene.view, &letter));
    let EventBody::Alert { alert, .. } = &event.body else { panic!() };
    let command = Command::Acknowledge { alert: alert.id, transition: alert.transition };
    let acknowledged = scene.input(Input::Command { command, by: Actor::System }, 3);
    assert!(acknowledged.iter().all(|e| asks(e).is_none()));
    assert!(!still_asks(&scene.view, &letter));
}

#[test]
fn a_reminder_asks_who_deals_with_it_until_it_changes() {
    let mut scene = Scene::new();
    let event = scene.collapse(2);
    let EventBody::Alert { alert, .. } = &event.body else { panic!() };
    let command = Command::Acknowledge { alert: alert.id, transition: alert.transition };
    let by = Actor::User {
        user: "u1".parse().unwrap(),
        name: "ana".into(),
        role: Role::Nurse,
        session: "s1".parse().unwrap(),
    };
    scene.input(Input::Command { command, by: by.clone() }, 3);
    let later = scene.input(Input::Tick, 124);
    let reminded = later.into_iter().find(|e| matches!(asks(e), Some((_, Cause::Reminded)))).unwrap();
    let letter = scene.letters(&reminded, &ChannelConfig::default()).remove(0);
    assert_eq!(letter.to.as_ref().unwrap().login, LoginName::new("ana"));
    assert!(still_asks(&scene.view, &letter));
    let EventBody::Alert { alert, .. } = &reminded.body else { panic!() };
    let command = Command::Acknowledge { alert: alert.id, transition: alert.transition };
    scene.input(Input::Command { command, by }, 130);
    assert!(!still_asks(&scene.view, &letter));
}

#[test]
fn what_is_missed_while_nothing_is_recorded_is_found_by_its_alerts() {
    let mut scene = Scene::new();
    let event = scene.collapse(2);
    let id = scene.letters(&event, &ChannelConfig::default()).remove(0).id;
    let found = asking(&scene.view);
    let letters = found.iter().flat_map(|event| scene.letters(event, &ChannelConfig::default()));
    assert!(letters.map(|letter| letter.id).any(|other| other == id));
    let command = Command::Acknowledge { alert: id.alert, transition: id.transition };
    scene.input(Input::Command { command, by: Actor::System }, 3);
    assert!(!asking(&scene.view).iter().any(|e| matches!(asks(e), Some((alert, _)) if alert.id == id.alert)));
}

#[test]
fn h03_an_emergency_is_told_to_those_who_are_named_with_as_much_as_the_channel_may_tell() {
    let scene = Scene::new();
    let opened = EmergencyOpened {
        emergency: "g1".parse().unwrap(),
        user: "nina".to_owned(),
        reason: crate::domain::EmergencyReason::Treatment,
        until: at(3_600),
        due: at(72 * 3_600),
    };
    let (people, patient) = ([LoginName::new("cho"), LoginName::new("ana")], "p1".parse().unwrap());
    let letters = |channel: &ChannelConfig| {
        let addresses = BTreeMap::from([("Ana".to_owned(), "ana@h.example".to_owned())]);
        let vitals = VitalTable::builtin();
        let desktop = Desktop { site: "s", vitals: &vitals, addresses: &addresses, links: None, now: at(9), gone: &[] };
        emergency_letters((at(2), &patient, &opened), &scene.view, channel, &people, &desktop)
    };
    let of_bed = letters(&ChannelConfig { priorities: vec![Priority::High], ..ChannelConfig::default() });
    let told: Vec<_> = of_bed.iter().map(|l| (l.id.to_string(), l.to.as_ref().unwrap().email.clone())).collect();
    assert_eq!(told, [("g1.cho".to_owned(), None), ("g1.ana".to_owned(), Some("ana@h.example".to_owned()))]);
    assert_eq!((of_bed[0].bed.as_deref(), &of_bed[0].told, &of_bed[0].name), (Some("04"), &None, &None));
    assert_eq!(of_bed[0].judge_until, Some(at(72 * 3_600)));
    assert!(still_asks(&scene.view, &of_bed[0]), "no alert has to stand for it");
    let of_name = letters(&ChannelConfig { content: Content::Name, ..ChannelConfig::default() });
    assert_eq!(of_name[0].told.as_ref().unwrap().words, "opened by nina: treatment");
    assert_eq!(of_name[0].name.as_deref(), Some("Okafor, Chidi"));
    let other = "x".parse().unwrap();
    assert_eq!(letters(&ChannelConfig { wards: vec![other], ..ChannelConfig::default() }), []);
    assert_eq!(letters(&ChannelConfig { emergencies: false, ..ChannelConfig::default() }), []);
    let nobody = |channel: &ChannelConfig| {
        let (addresses, vitals) = (BTreeMap::new(), VitalTable::builtin());
        let desktop = Desktop { site: "s", vitals: &vitals, addresses: &addresses, links: None, now: at(9), gone: &[] };
        emergency_letters((at(2), &patient, &opened), &scene.view, channel, &[], &desktop)
    };
    let told: Vec<_> = nobody(&ChannelConfig::default()).into_iter().map(|l| l.to).collect();
    assert_eq!(told, [None], "somebody is told all the same");
    let by_mail = |to: &str| {
        let email =
            serde_json::from_str(&format!(r#"{{"host":"h.example","from":"w@h.example","to":[{to}]}}"#)).unwrap();
        ChannelConfig { email: Some(email), ..ChannelConfig::default() }
    };
    let told = |channel: &ChannelConfig| {
        let letters = letters(channel).into_iter();
        letters.map(|l| l.to.map(|to| to.login.to_string()).unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(told(&by_mail("")), ["ana"], "whom the channel cannot reach is left out");
    assert_eq!(told(&by_mail(r#""all@h.example""#)), ["cho", "ana"]);
    assert_eq!(nobody(&by_mail("")), []);
}
