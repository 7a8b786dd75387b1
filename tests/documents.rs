//! What the documents tell people to type works.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};
use support::program;
use wardwatch::{ingest::medtech::lint::FindingCode, policy::built_in};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The `sh` blocks below a heading, up to the next heading of the same level.
fn blocks(text: &str, heading: &str) -> Vec<String> {
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let body = &text[start + heading.len() + 2..];
    let body = &body[..body.find("\n## ").unwrap_or(body.len())];
    body.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Runs a block as a person would, in a folder of its own that has the project's fixtures.
fn run_block(block: &str, folder: &Path) -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let block = block.replace("127.0.0.1:8470", &format!("127.0.0.1:{port}"));
    let script = format!("set -eu -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n{block}");
    let binary = Path::new(env!("CARGO_BIN_EXE_wardwatch")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let out = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder)
        .env("PATH", path)
        .env("WARDWATCH_PASSPHRASE__MEMORY_KIB", "64")
        .env("XDG_STATE_HOME", folder.join("state"))
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{block}\n{text}");
    text
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = read("README.md");
    assert_eq!(blocks(&readme, "## Try it"), ["cargo run --release -- demo\n"]);
    assert_eq!(blocks(&readme, "## Tests"), ["cargo test\n"]);
    assert!(readme.contains("not a medical device and not a primary alarm source"));
}

#[test]
fn the_sequence_of_the_readme_runs() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("fixtures"), folder.path().join("fixtures")).unwrap();
    let block = blocks(&read("README.md"), "## Run it as three programs").concat();
    let text = run_block(&block, folder.path());
    assert!(text.contains("DEMO · Ward 12 · LIVE") && text.contains("Okafor, Chidi"), "{text}");
    assert!(text.contains("good: "), "{text}");
}

#[test]
fn the_tls_commands_of_the_deployment_document_run() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl here");
        return;
    }
    let block = blocks(&read("docs/deployment.md"), "## Listening elsewhere").concat();
    let block = block.replace("target/release/wardwatch", "wardwatch").replace("127.0.0.1:8479", "127.0.0.1:8470");
    let text = run_block(&block, tempfile::tempdir().unwrap().path());
    assert_eq!(text.matches("signed in as a.meyer (nurse)").count(), 2, "{text}");
    assert!(text.lines().any(|l| l.starts_with("127.0.0.1:") && l.contains(" sha256:")), "{text}");
}

#[test]
fn the_commands_of_the_mapping_document_run_and_its_table_has_every_finding() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("fixtures"), folder.path().join("fixtures")).unwrap();
    let document = read("docs/mapping.md");
    let text = run_block(&blocks(&document, "## Check and try them").concat(), folder.path());
    assert!(text.contains("0 errors, 0 warnings, 0 notes") && text.contains("value: 2 of 60 times"), "{text}");
    for code in FindingCode::ALL.map(FindingCode::as_str) {
        assert!(document.contains(&format!("`{code}`")), "docs/mapping.md does not explain {code}");
    }
}

#[test]
fn the_commands_of_the_policy_document_run_and_its_table_has_every_check() {
    let document = read("docs/policy.md");
    let text = run_block(&blocks(&document, "## Check it").concat(), tempfile::tempdir().unwrap().path());
    assert!(text.contains("KEY-01 [audit]") && text.contains("by security officer (Mitigated)"), "{text}");
    for listed in built_in().unwrap().list() {
        assert!(document.contains(&format!("`{}`", listed.name)), "docs/policy.md does not explain {}", listed.name);
    }
}

#[test]
fn every_command_that_a_document_names_exists() {
    let mut documents = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            documents.push(format!("docs/{name}"));
        }
    }
    let help = program().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for document in documents {
        for line in read(&document).lines() {
            for (at, _) in line.match_indices("wardwatch ") {
                let code = line[..at].ends_with('`') || line.trim_start().starts_with("wardwatch ");
                let word = line[at + "wardwatch ".len()..].split(|c: char| !c.is_ascii_lowercase()).next().unwrap();
                if code && !word.is_empty() && !line.trim_start().starts_with("wardwatch is") {
                    assert!(commands.contains(&word), "{document}: there is no `wardwatch {word}`: {line}");
                }
            }
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        for target in read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(root().join(file).exists(), "{document}: {target} leads nowhere");
            }
        }
    }
}

#[test]
fn every_test_that_guards_an_invariant_exists() {
    let text = read("ARCHITECTURE.md");
    let start = text.find("## Invariants").unwrap_or_else(|| panic!("no invariants"));
    let body = &text[start + 2..];
    let body = &body[..body.find("\n## ").unwrap_or(body.len())];
    let (mut file, mut checked) = (String::new(), 0);
    for quoted in body.split('`').skip(1).step_by(2) {
        if quoted.ends_with(".rs") {
            file = read(quoted);
        } else if quoted.contains('_')
            && quoted.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            assert!(
                file.contains(&format!("fn {quoted}(")),
                "ARCHITECTURE.md: there is no test {quoted} where it is named"
            );
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked} tests were looked up");
}

/// Each control of the document names a test that is there.
#[test]
fn every_test_that_shows_a_control_exists() {
    let (mut file, mut checked) = (String::new(), 0);
    for line in read("docs/security.md").lines().filter(|line| line.starts_with('|')) {
        for quoted in line.split('`').skip(1).step_by(2) {
            if quoted.ends_with(".rs") {
                file = read(quoted);
            } else if quoted.contains('_')
                && quoted.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            {
                assert!(file.contains(&format!("fn {quoted}(")), "docs/security.md: there is no test {quoted}");
                checked += 1;
            }
        }
    }
    assert!(checked > 30, "{checked} tests were looked up");
}
