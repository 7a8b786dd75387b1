//! Imports run downwards only.
//!
//! Reads the sources: every `crate::ROOM` in a room's files must name a room on a lower floor, or the room itself.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The house: each room with its floor. `ARCHITECTURE.md` says what lives where.
const FLOORS: [(&str, u8); 23] = [
    ("domain", 0),
    ("seam", 0),
    ("quality", 1),
    ("alarm", 1),
    ("score", 1),
    ("rights", 1),
    ("audit", 1),
    ("predict", 1),
    ("protocol", 1),
    ("fhir", 1),
    ("policy", 1),
    ("engine", 2),
    ("ingest", 2),
    ("store", 3),
    ("analysis", 3),
    ("access", 4),
    ("notify", 4),
    ("backend", 5),
    ("client", 5),
    ("tui", 6),
    ("replay", 6),
    ("cli", 7),
    ("lib", 8),
];

/// Two rooms of floor 0 know of each other in one direction: clocks and deadlines speak in the domain's times.
const ALLOWED: [(&str, &str); 1] = [("seam", "domain")];

fn floors() -> BTreeMap<&'static str, u8> {
    FLOORS.into_iter().collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The rooms that a line names: `crate::room`, and `crate::{room, room::…}`.
fn rooms_named(text: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().last();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let line = text[..at].matches('\n').count() + 1;
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut line = line;
            let mut at_start = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    '\n' => line += 1,
                    _ => {}
                }
                if depth == 0 && at_start && (c.is_alphanumeric() || c == '_') {
                    word.push(c);
                } else if !word.is_empty() {
                    named.push((line, std::mem::take(&mut word)));
                    at_start = false;
                }
                if depth == 0 && c == ',' {
                    at_start = true;
                }
            }
            if !word.is_empty() {
                named.push((line, word));
            }
        } else {
            let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            named.push((line, word));
        }
    }
    named
}

/// What climbs in a file of a room.
fn climbing(room: &str, text: &str) -> Vec<(usize, String)> {
    let floors = floors();
    let own = floors[room];
    let climbs = |(_, named): &(usize, String)| {
        let Some(floor) = floors.get(named.as_str()) else { return false };
        named != room && *floor >= own && !ALLOWED.contains(&(room, named.as_str()))
    };
    rooms_named(text).into_iter().filter(climbs).collect()
}

#[test]
fn imports_run_downwards_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let first = inside.iter().next().unwrap().to_string_lossy().into_owned();
        let room = if first.ends_with(".rs") { "lib".to_owned() } else { first };
        assert!(floors().contains_key(room.as_str()), "src/{room} has no floor: add it to the plan");
        seen.insert(room.clone());
        for (line, named) in climbing(&room, &fs::read_to_string(&file).unwrap()) {
            faults.push(format!("src/{}:{line}: {room} imports {named}, which is not below it", inside.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let planned: BTreeSet<String> = FLOORS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(seen, planned, "each room of the plan has code, and each room with code is in the plan");
}

#[test]
fn a_climbing_import_would_be_found() {
    let text = "use crate::{\n    domain::Ward,\n    engine::{Engine, Input},\n    store,\n};\nfn f() { crate::backend::run() }\n";
    let rooms: Vec<(usize, String)> = rooms_named(text);
    let expected = [(2, "domain"), (3, "engine"), (4, "store"), (6, "backend")];
    assert_eq!(rooms, expected.map(|(line, room)| (line, room.to_owned())));
    let found: Vec<usize> = climbing("engine", text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(found, [4, 6]);
}

/// Rooms that must stay pure know no clock, no IO, no async and no randomness of their own.
#[test]
fn pure_rooms_stay_pure() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let pure = [
        "domain", "quality", "alarm", "score", "rights", "audit", "predict", "protocol", "fhir", "policy", "engine",
        "ingest", "tui/core",
    ];
    let banned = [
        "std::fs",
        "std::net",
        "std::thread",
        "std::time::",
        "tokio::",
        "rusqlite",
        "async fn",
        "getrandom",
        "println!",
    ];
    let mut faults = Vec::new();
    for room in pure {
        let mut files = Vec::new();
        sources(&src.join(room), &mut files);
        for file in files {
            for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                let code = line.split("//").next().unwrap();
                if let Some(word) = banned.iter().find(|word| code.contains(**word)) {
                    faults.push(format!("{}:{}: {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
