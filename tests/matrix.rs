//! Everybody tries everything: each role and relation at each route, message and request, as the tables of entries name
//! them; and many random tries of which none may tell of a patient who is not one's own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{collections::BTreeSet, net::SocketAddr, thread};
use support::{Answer, PASSPHRASE, Server, now, observation, request, stream::Stream};
use wardwatch::{
    access::Secret,
    backend::{
        admin::{self, AdminAnswer, AdminRequest, Whose},
        entries::{Interaction, Kind, Need, Route, verb_of_message},
        verb::verb_of,
    },
    domain::{Command, Coverage, Millis, Role, WardId},
    protocol::{ClientMessage, Encoding, ErrorCode, ServerMessage},
    rights::{Decision, Object, Principal, Relation, Standing, Verb, decide},
    seam::{Clock, OsClock},
};

/// Words of the patient of ward `x` that nobody of ward `w` may ever see.
const CANARIES: [&str; 4] = ["Haddad", "Salma", "x-bed-canary", "91.73"];
/// Tries of the random part.
const RANDOM_TRIES: usize = 10_000;

struct Site {
    _dir: tempfile::TempDir,
    server: Server,
    gateway: String,
    people: Vec<Person>,
    station: String,
}

/// Somebody with a session.
struct Person {
    role: Role,
    coverage: Coverage,
    token: String,
    name: String,
}

impl Person {
    fn relation(&self, ward: &str) -> Relation {
        match &self.coverage {
            Coverage::All => Relation::Ward,
            some if some.covers(&ward.parse().unwrap()) => Relation::Assigned,
            Coverage::Wards(_) => Relation::None,
        }
    }

    fn principal(&self) -> Principal {
        Principal::of_role(self.role, Standing::FULL)
    }

    /// What a message is about, told apart by nothing but the account and the ward that is named.
    fn may_say(&self, message: &ClientMessage) -> bool {
        let Some((verb, _)) = verb_of_message(message) else { return true };
        let value = serde_json::to_value(message).unwrap();
        let object = match (value["ward"].as_str(), Kind::of(message)) {
            (Some(_), Kind::OpenPatient | Kind::ClosePatient) | (None, Kind::Ops) => Object::Site,
            (Some(ward), _) => Object::Ward(self.relation(ward)),
            (None, _) => Object::Ward(if self.coverage == Coverage::All { Relation::Ward } else { Relation::None }),
        };
        decide(&self.principal(), verb, object) == Decision::Allow
    }
}

fn ask(server: &Server, request: &AdminRequest) -> AdminAnswer {
    let answer = admin::ask(&server.data.join("admin.sock"), request).unwrap().unwrap();
    assert!(!matches!(answer, AdminAnswer::Failed { .. }), "{request:?}: {answer:?}");
    answer
}

fn login(server: &Server, name: &str) -> String {
    let body = serde_json::json!({ "user": name, "passphrase": PASSPHRASE }).to_string();
    let answer = request(server.address, "POST", "/v1/login", &[], body.as_bytes());
    assert_eq!(answer.status, 200, "{name}: {answer:?}");
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// Adds somebody to those who are there: a third administrator is made by the two before.
fn person(server: &Server, people: &[Person], role: Role, coverage: Coverage) -> Person {
    let name = format!("{role}-{}", coverage.to_string().replace(' ', "-"));
    let (passphrase, of) = (PASSPHRASE.to_owned(), coverage.clone());
    let request = AdminRequest::AddUser { name: name.clone(), role, passphrase, coverage: of };
    match people.iter().filter(|p| p.role == Role::Admin && role == Role::Admin).collect::<Vec<_>>()[..] {
        [first, second, ..] => {
            let whose = Whose { token: Some(Secret::new(first.token.clone())), alone: None };
            let proposed = admin::ask_as(&server.data.join("admin.sock"), &request, &whose).unwrap();
            let Some(AdminAnswer::Proposed { approval, .. }) = proposed else { panic!("{proposed:?}") };
            let path = format!("/v1/approvals/{approval}");
            assert_eq!(send(server.address, ("POST", &path), Some(&second.token)).status, 200);
        }
        _ => drop(ask(server, &request)),
    }
    let mut token = login(server, &name);
    if role == Role::Admin {
        let whose = Whose { token: Some(Secret::new(token)), alone: None };
        let own = AdminRequest::SetPassphrase { name: name.clone(), passphrase: PASSPHRASE.to_owned() };
        let set = admin::ask_as(&server.data.join("admin.sock"), &own, &whose).unwrap();
        assert!(matches!(set, Some(AdminAnswer::Done)), "{set:?}");
        token = login(server, &name);
    }
    Person { role, coverage, token, name }
}

fn people_roles() -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(|role| *role != Role::Station)
}

fn site() -> Site {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("WARDWATCH_LIMITS__STREAM_MESSAGES_PER_S", "100000")];
    let server = Server::start_set(&dir.path().join("data"), &settings);
    let gateway = server.small_ward();
    server.run(&["ward", "add", "x", "--name", "Other"]);
    server.run(&["bed", "add", "x1", "--ward", "x", "--label", "x-bed-canary"]);
    server.run(&["patient", "admit", "p2", "--bed", "x1", "--ward", "x", "--name", "Haddad, Salma"]);
    let other = server.run(&["device", "add", "gwx", "--kind", "gateway", "--ward", "x"]);
    server.run(&["device", "add", "dx", "--gateway", "gwx", "--interval", "spo2=1", "--ward", "x"]);
    server.run(&["device", "assign", "dx", "--patient", "p2", "--ward", "x"]);
    let value = observation("temp", 91.73, now()).replace("\"d1\"", "\"dx\"");
    server.request("POST", "/v1/observations", other.trim(), value.as_bytes());
    let value = observation("spo2", 97, now());
    assert_eq!(server.request("POST", "/v1/observations", &gateway, value.as_bytes()).json()["accepted"], 1);
    let some = |wards: &[&str]| Coverage::Wards(wards.iter().map(|w| w.parse::<WardId>().unwrap()).collect());
    let wanted = people_roles()
        .flat_map(|role| [(role, Coverage::All), (role, some(&["w"])), (role, some(&[]))])
        // An auditor reads the trail of the whole site: there is none for some wards.
        .filter(|(role, coverage)| *role != Role::Auditor || *coverage == Coverage::All);
    let mut people = Vec::new();
    for (role, coverage) in wanted {
        let one = person(&server, &people, role, coverage);
        people.push(one);
    }
    let added = ask(&server, &AdminRequest::AddStation { name: "wall".into(), ward: "w".parse().unwrap() });
    let AdminAnswer::Token { token: station } = added else { panic!("{added:?}") };
    Site { _dir: dir, server, gateway, people, station }
}

fn send(address: SocketAddr, (method, path): (&str, &str), token: Option<&str>) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    request(address, method, path, &headers, b"")
}

/// The path of a route, with names in it that nobody has.
fn filled(route: Route) -> String {
    let path = route.path();
    path.replace("{device}", "self")
        .replace("{session}", "s-none")
        .replace("{approval}", "a-none")
        .replace("{link}", "none")
        .replace("{*path}", "Patient/none")
}

/// Every route answers everybody as the table says: nobody gets past a guard, and nobody is kept from what is theirs.
#[test]
fn h01_every_route_asks_for_what_the_table_says() {
    let site = site();
    let address = site.server.address;
    let mut routes: Vec<Route> = Route::ALL.into_iter().filter(|route| route.method() != "*").collect();
    // Those that end the session that asks come last.
    routes.sort_by_key(|route| *route == Route::Logout);
    for route in routes {
        let path = filled(route);
        let at = (route.method(), path.as_str());
        let nobody = send(address, at, None).status;
        let device = send(address, at, Some(&site.gateway)).status;
        let station = send(address, at, Some(&site.station)).status;
        let is_open = matches!(route.need(), Need::Nothing | Need::Secret);
        if is_open {
            assert!(![401, 403].contains(&nobody), "{route:?} without a token: {nobody}");
            assert_eq!([device, station], [nobody; 2], "{route:?}: a token changes nothing");
        } else {
            assert_eq!(nobody, 401, "{route:?} without a token");
        }
        for person in &site.people {
            let status = send(address, at, Some(&person.token)).status;
            let who = format!("{route:?} {}", person.name);
            match route.need() {
                Need::Nothing | Need::Secret => assert_eq!(status, nobody, "{who}"),
                Need::Verb(Verb::SendObservations) => assert_eq!(status, 401, "{who}"),
                Need::Verb(verb) => {
                    let allowed = decide(&person.principal(), verb, Object::Site) == Decision::Allow;
                    assert_eq!(![401, 403].contains(&status), allowed, "{who}: {status}");
                }
                Need::Session | Need::Token | Need::Command => {
                    assert!(![401, 403].contains(&status), "{who}: {status}");
                }
            }
        }
        match route.need() {
            Need::Verb(Verb::SendObservations) => {
                assert!(![401, 403].contains(&device), "{route:?} of a device: {device}");
                assert_eq!(station, 401, "{route:?} of a display");
            }
            Need::Verb(_) => assert_eq!((device, station), (401, 403), "{route:?}"),
            Need::Session => assert_eq!(device, 401, "{route:?} of a device"),
            _ => {}
        }
    }
    for (method, path, status) in [
        ("GET", "/v1/users", 404),
        ("GET", "/v1/admin", 404),
        ("GET", "/", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/v1/observations", 405),
        ("PUT", "/v1/login", 405),
    ] {
        assert_eq!(send(address, (method, path), None).status, status, "{method} {path} is in no table");
    }
}

#[test]
fn h01_every_interaction_of_fhir_asks_for_what_the_table_says() {
    let site = site();
    let address = site.server.address;
    for interaction in Interaction::ALL {
        let (method, path) = match interaction {
            Interaction::Metadata => ("GET", "/fhir/metadata"),
            Interaction::Bundle => ("POST", "/fhir"),
            Interaction::Create => ("POST", "/fhir/Observation"),
            Interaction::Update => ("PUT", "/fhir/Observation/none"),
            Interaction::Search => ("GET", "/fhir/Observation?patient=p1"),
            Interaction::Export => ("GET", "/fhir/Observation"),
            Interaction::LastN => ("GET", "/fhir/Observation/$lastn?patient=p1"),
            Interaction::Read => ("GET", "/fhir/Patient/p1"),
            Interaction::History => ("GET", "/fhir/Patient/p1/_history"),
            Interaction::VersionRead => ("GET", "/fhir/Patient/p1/_history/1"),
        };
        let parts: Vec<&str> = path.split('?').next().unwrap().split('/').skip(2).filter(|p| !p.is_empty()).collect();
        assert_eq!(Interaction::of(method, &parts, path.contains('?')), Some(interaction), "{path}");
        let nobody = send(address, (method, path), None).status;
        assert_eq!(nobody == 401, interaction.need() != Need::Nothing, "{interaction:?} without a token: {nobody}");
        for person in &site.people {
            let status = send(address, (method, path), Some(&person.token)).status;
            let who = format!("{interaction:?} {}: {status}", person.name);
            match interaction.need() {
                Need::Nothing => assert_eq!(status, 200, "{who}"),
                Need::Verb(Verb::SendObservations) => assert_eq!(status, 403, "{who}"),
                Need::Verb(verb) => {
                    let object = Object::Ward(person.relation("w"));
                    let may = |verb| decide(&person.principal(), verb, object) == Decision::Allow;
                    assert_eq!(status != 403, may(verb) && may(Verb::SeeNames), "{who}");
                }
                _ => assert!(status == 400 || status == 403, "{who}"),
            }
        }
        let station = send(address, (method, path), Some(&site.station)).status;
        assert!(interaction == Interaction::Metadata || [400, 403].contains(&station), "{interaction:?} {station}");
    }
}

/// One command for each thing that commands may need.
const COMMANDS: [&str; 11] = [
    r#""command":"acknowledge","alert":999,"transition":1"#,
    r#""command":"pause","kind":"audio_off","scope":"patient","patient":"nobody","for_ms":60000,"reason":"x""#,
    r#""command":"end_pause","pause":999"#,
    r#""command":"chart","patient":"nobody","entry":"pregnancy","pregnant":false"#,
    r#""command":"chart","patient":"nobody","entry":"scale","scale":"two","reason":"x""#,
    r#""command":"remove_shift","shift":{"from":0,"to":1,"duty":"nurse","user":"x","beds":[]}"#,
    r#""command":"reset_limits","scope":"patient","patient":"nobody","reason":"x""#,
    r#""command":"reset_limits","scope":"ward","category":"neonate","reason":"x""#,
    r#""command":"accept_handover","handover":999"#,
    r#""command":"discharge","patient":"nobody","reason":"discharged""#,
    r#""command":"set_device","device":{"id":"d1","kind":"monitor","name":"","gateway":"gw"}"#,
];

/// One message of each kind, of each command for that kind, about a ward and a patient of it.
fn messages(ward: &str, patient: &str, id: u64) -> Vec<ClientMessage> {
    let of = format!(r#""id":{id},"ward":"{ward}""#);
    let at = |from_now| serde_json::to_string(&(now() + Millis::from_mins(from_now))).unwrap();
    let span = format!(r#""from":{},"to":{}"#, at(-10), at(1));
    let mut texts = vec![
        format!(r#"{{"type":"subscribe","ward":"{ward}","patients":["{patient}"]}}"#),
        format!(r#"{{"type":"subscribe","ward":"{ward}"}}"#),
        format!(r#"{{"type":"query",{of},"patients":["{patient}"],{span},"points":10,"alerts":true}}"#),
        format!(r#"{{"type":"query",{of},"patients":["{patient}"],{span},"points":600}}"#),
        format!(r#"{{"type":"alert_report",{of},{span}}}"#),
        format!(r#"{{"type":"handover_report",{of},"patients":["{patient}"]}}"#),
        format!(r#"{{"type":"devices",{of}}}"#),
        format!(r#"{{"type":"ops","id":{id}}}"#),
        format!(r#"{{"type":"letters","id":{id}}}"#),
        format!(r#"{{"type":"audit_log","id":{id}}}"#),
        format!(r#"{{"type":"retry_letter","id":{id},"no":999}}"#),
        format!(r#"{{"type":"drop_letter","id":{id},"no":999,"reason":"x"}}"#),
        format!(r#"{{"type":"close_patient",{of},"patient":"{patient}"}}"#),
        format!(r#"{{"type":"open_patient",{of},"patient":"nobody","reason":"other","words":"ten letters"}}"#),
    ];
    texts.extend(COMMANDS.iter().map(|command| format!(r#"{{"type":"command",{of},{command}}}"#)));
    let read = |text: &String| serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    texts.iter().map(read).collect()
}

/// A kind of message or a need of a command for which there is no example fails here.
#[test]
fn h01_there_is_an_example_of_every_message_and_every_command_need() {
    let examples = messages("w", "p1", 1);
    let mut kinds: BTreeSet<Kind> = examples.iter().map(Kind::of).collect();
    kinds.extend([Kind::Hello, Kind::AuditCheckpoint, Kind::Activity, Kind::Unlock]);
    assert_eq!(kinds, Kind::ALL.into_iter().collect(), "those that need no more than a token are said by everybody");
    let verb = |message: &ClientMessage| match message {
        ClientMessage::Command { command, .. } => Some(verb_of(command).0),
        _ => None,
    };
    let verbs: BTreeSet<Verb> = examples.iter().filter_map(verb).collect();
    let is_of_commands = |verb: &Verb| {
        verb.is_of_a_ward() && !verb.shows_patients() && !matches!(verb, Verb::SendObservations | Verb::TriageMessages)
    };
    assert_eq!(verbs, Verb::ALL.into_iter().filter(is_of_commands).collect::<BTreeSet<_>>());
}

/// Says something and hears what comes of it: whether it was denied, and all that was heard until then.
fn said(stream: &mut Stream, message: &ClientMessage, heard: &mut Vec<String>) -> bool {
    stream.say(message);
    stream.until("an answer", |answer| {
        heard.push(serde_json::to_string(answer).unwrap());
        match answer {
            ServerMessage::Error { code, .. } => {
                Some(matches!(code, ErrorCode::Denied | ErrorCode::Locked | ErrorCode::StepUp))
            }
            ServerMessage::Snapshot { .. } if matches!(message, ClientMessage::Subscribe { .. }) => Some(false),
            ServerMessage::Result { .. }
            | ServerMessage::AlertReport { .. }
            | ServerMessage::HandoverReport { .. }
            | ServerMessage::Devices { .. }
            | ServerMessage::Ops { .. }
            | ServerMessage::AuditLog { .. }
            | ServerMessage::Letters { .. }
            | ServerMessage::History { .. }
            | ServerMessage::Accepted { .. } => Some(false),
            _ => None,
        }
    })
}

fn leaks(person: &Person, heard: &[String]) -> Option<String> {
    let names = ["Okafor", "Chidi"];
    let unseen = |ward: &str| person.relation(ward) == Relation::None;
    let forbidden = CANARIES.iter().filter(|_| unseen("x")).chain(names.iter().filter(|_| unseen("w")));
    let forbidden: Vec<&&str> = forbidden.collect();
    heard.iter().find(|text| forbidden.iter().any(|word| text.contains(**word))).cloned()
}

#[test]
fn h01_every_message_is_answered_as_the_table_decides() {
    let site = site();
    thread::scope(|scope| {
        for person in &site.people {
            let server = &site.server;
            scope.spawn(move || {
                let (mut stream, hello) = Stream::greet(server, &person.token, Encoding::Json);
                let mut heard = vec![serde_json::to_string(&hello).unwrap()];
                for (ward, patient) in [("w", "p1"), ("x", "p2")] {
                    for message in messages(ward, patient, 1) {
                        let denied = said(&mut stream, &message, &mut heard);
                        assert_eq!(
                            !denied,
                            person.may_say(&message),
                            "{} {message:?}: {:?}",
                            person.name,
                            heard.last()
                        );
                    }
                }
                assert_eq!(leaks(person, &heard), None, "{}", person.name);
            });
        }
    });
    let (mut wall, _) = Stream::greet(&site.server, &site.station, Encoding::Json);
    let mut heard = Vec::new();
    for (ward, patient) in [("w", "p1"), ("x", "p2")] {
        for message in messages(ward, patient, 1) {
            let denied = said(&mut wall, &message, &mut heard);
            let shown = ward == "w" && matches!(Kind::of(&message).need(), Need::Verb(Verb::WatchWard));
            assert_eq!(!denied, shown, "a display: {message:?}");
        }
    }
    let all = heard.join("\n");
    assert!(all.contains("O. C.") && !all.contains("Okafor") && !all.contains("Chidi"), "a display shows initials");
    assert!(CANARIES.iter().all(|word| !all.contains(word)), "and of other wards nothing");
}

/// A generator that repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

const PATHS: [&str; 8] = [
    "/fhir/Patient/{p}",
    "/fhir/Patient?_id={p}",
    "/fhir/Patient?name={n}",
    "/fhir/Observation?patient={p}",
    "/fhir/Observation/$lastn?patient={p}",
    "/fhir/Patient/{p}/_history",
    "/fhir/Observation",
    "/v1/sessions",
];

#[test]
fn a17_ten_thousand_random_tries_tell_of_nobody_elses_patient() {
    let site = site();
    let began = OsClock.boot();
    let each = RANDOM_TRIES.div_ceil(site.people.len());
    let (tries, denials) = thread::scope(|scope| {
        let tasks: Vec<_> = site
            .people
            .iter()
            .enumerate()
            .map(|(seed, person)| {
                let server = &site.server;
                scope.spawn(move || random_tries(server, person, each, u64::try_from(seed).unwrap()))
            })
            .collect();
        let counts = tasks.into_iter().map(|task| task.join().unwrap());
        counts.fold((0, 0), |(tries, denials), (t, d)| (tries + t, denials + d))
    });
    let took = OsClock.boot() - began;
    println!("{tries} tries, {denials} denied, nothing leaked, {:.1} s", took.as_secs_f64());
    assert!(tries >= RANDOM_TRIES && denials > tries / 4, "{tries} {denials}");
}

fn random_tries(server: &Server, person: &Person, tries: usize, seed: u64) -> (usize, usize) {
    let mut dice = Dice(seed + 1);
    let (mut stream, _) = Stream::greet(server, &person.token, Encoding::Json);
    let mut denials = 0;
    for _ in 0..tries {
        let (ward, patient, name) = [("w", "p1", "Okafor"), ("x", "p2", "Haddad")][dice.below(2)];
        let mut heard = Vec::new();
        // A patient is also asked for in the name of the wrong ward.
        let named = if dice.below(4) == 0 { ["w", "x"][dice.below(2)] } else { ward };
        if dice.below(5) == 0 {
            let path = PATHS[dice.below(PATHS.len())].replace("{p}", patient).replace("{n}", name);
            let answer = send(server.address, ("GET", &path), Some(&person.token));
            denials += usize::from(answer.status == 403);
            // What was asked for comes back in the links of a Bundle.
            heard.push(answer.body.replace(&format!("name={name}"), ""));
        } else {
            let all = messages(named, patient, 1);
            let message = &all[dice.below(all.len())];
            let denied = said(&mut stream, message, &mut heard);
            let asks_across = named != ward;
            assert!(denied || asks_across || person.may_say(message), "{} {message:?}", person.name);
            denials += usize::from(denied);
        }
        assert_eq!(leaks(person, &heard), None, "{}", person.name);
    }
    (tries, denials)
}

/// To name somebody else's patient in the name of one's own ward opens nothing, and the trail says who tried it, not that
/// somebody saw that patient.
#[test]
fn a17_a_patient_of_another_ward_is_nobody_by_the_name_of_ones_own() {
    let site = site();
    let own = Coverage::of(vec!["w".parse().unwrap()]);
    for role in [Role::Viewer, Role::Charge] {
        let person = site.people.iter().find(|p| p.role == role && p.coverage == own).unwrap();
        let (mut stream, _) = Stream::greet(&site.server, &person.token, Encoding::Json);
        let mut heard = Vec::new();
        for message in messages("w", "p2", 1).iter().take(6) {
            said(&mut stream, message, &mut heard);
            if matches!(message, ClientMessage::Subscribe { patients: Some(_), .. }) {
                for inner in messages("w", "p2", 2).iter().skip(2).take(4) {
                    said(&mut stream, inner, &mut heard);
                }
            }
        }
        assert_eq!(leaks(person, &heard), None, "{role}");
        assert!(heard.iter().any(|text| text.contains("patient p2 is not in your subscription")), "{role}: {heard:?}");
        for message in messages("x", "p2", 3).iter().take(3) {
            assert!(said(&mut stream, message, &mut heard), "{role}: {message:?}");
        }
        for path in ["/fhir/Patient/p2", "/fhir/Patient?_id=p2", "/fhir/Observation?patient=p2"] {
            let answer = send(site.server.address, ("GET", path), Some(&person.token));
            assert_eq!(leaks(person, &[answer.body]), None, "{role} {path}");
        }
    }
    let about = site.server.run(&["audit", "show", "--patient", "p2", "--json"]);
    let about: Vec<serde_json::Value> = about.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_people = about.iter().filter(|leaf| leaf["act"] != "patient.admit" && leaf["actor"]["user"].is_string());
    let told: Vec<(&str, &str)> =
        of_people.map(|leaf| (leaf["act"].as_str().unwrap(), leaf["code"].as_str().unwrap_or_default())).collect();
    assert!(told.iter().all(|(act, _)| *act == "access.denied"), "nobody saw the patient: {told:?}");
    for code in ["watch_ward", "read_history", "fhir_read"] {
        assert!(told.iter().any(|(_, of)| *of == code), "{code}: {told:?}");
    }
}

/// Whoever may see a ward no more gets nothing more of it, however the right is lost; and a display that is removed goes
/// dark.
#[test]
fn u05_what_is_taken_away_ends_within_a_second_a_hundred_times() {
    let site = site();
    let nurse = site.people.iter().find(|p| p.role == Role::Nurse && p.coverage != Coverage::All).unwrap();
    let mut took: Vec<(i64, &str)> = Vec::new();
    let mut token = nurse.token.clone();
    for n in 0..100 {
        let name = nurse.name.clone();
        let (mut stream, _, _) = Stream::watch(&site.server, &token);
        let (what, taken, given) = if n % 10 == 9 {
            let state = |enabled| AdminRequest::EnableUser { name: name.clone(), enabled };
            ("disabled", state(false), state(true))
        } else if n % 10 == 8 {
            let role = |role| AdminRequest::SetRole { name: name.clone(), role };
            ("role", role(Role::Viewer), role(Role::Nurse))
        } else {
            let wards = |wards| AdminRequest::SetCoverage { name: name.clone(), coverage: wards };
            let own = Coverage::of(vec!["w".parse().unwrap()]);
            ("ward", wards(Coverage::Wards(BTreeSet::new())), wards(own))
        };
        let asked = OsClock.boot();
        ask(&site.server, &taken);
        let label = format!("secret-{n}");
        let bed = wardwatch::domain::Bed { id: "b9".parse().unwrap(), label: label.clone() };
        site.server.command(Command::SetBed { bed });
        loop {
            match stream.hear() {
                Ok(message) => {
                    let text = serde_json::to_string(&message).unwrap();
                    assert!(!text.contains(&label), "{what}: a frame after it was taken away: {text}");
                }
                Err(closed) => break assert!([1008, 4401].contains(&closed.code), "{closed:?}"),
            }
        }
        took.push(((OsClock.boot() - asked).0, what));
        ask(&site.server, &given);
        if what != "ward" {
            token = login(&site.server, &nurse.name);
        }
    }
    for what in ["ward", "role", "disabled"] {
        let mut of: Vec<i64> = took.iter().filter(|(_, w)| *w == what).map(|(ms, _)| *ms).collect();
        of.sort_unstable();
        println!("{what}: {} times, median {} ms, longest {} ms", of.len(), of[of.len() / 2], of[of.len() - 1]);
    }
    let longest = took.iter().map(|(ms, _)| *ms).max().unwrap();
    assert!(Millis(longest) < Millis::from_secs(1), "{longest} ms");
    let (mut wall, _, _) = Stream::watch(&site.server, &site.station);
    ask(&site.server, &AdminRequest::RemoveStation { name: "wall".into() });
    assert_eq!(wall.closed().code, 4401);
}

/// An administrator ends a session; one's own sessions are seen and ended too, and those of others are not.
#[test]
fn a15_sessions_are_ended_by_their_owner_and_by_an_administrator() {
    let site = site();
    let nurse = site.people.iter().find(|p| p.role == Role::Nurse).unwrap();
    let second = login(&site.server, &nurse.name);
    let list = |token: &str| {
        let answer = send(site.server.address, ("GET", "/v1/sessions"), Some(token));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json().as_array().unwrap().clone()
    };
    let own = list(&second);
    assert_eq!((own.len(), own.iter().filter(|s| s["own"] == true).count()), (2, 1));
    let first = own.iter().find(|s| s["own"] == false).unwrap()["session"].as_str().unwrap().to_owned();
    let doctor = site.people.iter().find(|p| p.role == Role::Doctor).unwrap();
    let path = format!("/v1/sessions/{first}");
    assert_eq!(send(site.server.address, ("DELETE", &path), Some(&doctor.token)).status, 404, "not one of theirs");
    let (mut stream, _, _) = Stream::watch(&site.server, &nurse.token);
    assert_eq!(send(site.server.address, ("DELETE", &path), Some(&second)).status, 204);
    assert_eq!(stream.closed().code, 4401);
    let (mut stream, _, _) = Stream::watch(&site.server, &second);
    let session = list(&second)[0]["session"].as_str().unwrap().parse().unwrap();
    let asked = OsClock.boot();
    ask(&site.server, &AdminRequest::EndSession { session });
    assert_eq!(stream.closed().code, 4401);
    assert!(OsClock.boot() - asked < Millis::from_secs(2), "an open websocket is cut within 2 s");
    assert_eq!(send(site.server.address, ("GET", "/v1/sessions"), Some(&second)).status, 401);
}
