//! Everything that the command line says of itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::process::Stdio;
use support::program;

/// Standard output of the program on a terminal of 100 columns.
fn said(args: &[String]) -> String {
    let output = program().args(args).env("COLUMNS", "100").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let commands = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    let names = commands.filter(|l| l.starts_with("  ") && !l.starts_with("   "));
    names.filter_map(|l| l.split_whitespace().next()).filter(|n| *n != "help").map(str::to_owned).collect()
}

/// The help of a command and of all commands below it, by its words.
fn walk(path: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let help = said(&[path, &["--help".to_owned()]].concat());
    let below = listed(&help);
    found.push((path.to_vec(), help));
    for name in below {
        walk(&[path, &[name]].concat(), found);
    }
}

fn all() -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    walk(&[], &mut found);
    found
}

#[test]
fn each_command_has_its_help() {
    let all = all();
    assert!(all.len() > 25, "{}", all.len());
    for (path, help) in all {
        let name = if path.is_empty() { "wardwatch".to_owned() } else { path.join("_") };
        insta::assert_snapshot!(format!("help_{name}"), help);
    }
}

#[test]
fn the_whole_says_what_it_is_not() {
    let version = said(&["--version".to_owned()]);
    insta::assert_snapshot!("version", version);
    for text in [version, said(&["--help".to_owned()])] {
        assert!(text.contains("not a medical device") && text.contains("not a primary alarm source"), "{text}");
    }
}

#[test]
fn the_sample_configuration_is_as_shown() {
    insta::assert_snapshot!("config_sample", said(&["config".to_owned(), "sample".to_owned()]));
}

/// What stands on a command line can be read by everybody on the machine.
#[test]
fn no_secret_is_ever_an_argument() {
    for (path, help) in all() {
        let options = help.split_whitespace().filter(|word| word.trim_start_matches('[').starts_with("--"));
        for option in options.map(str::to_lowercase) {
            let secret = ["pass", "secret", "token", "credential"].iter().any(|word| option.contains(word));
            assert!(!secret || option.contains("token-file"), "{path:?}: {option}");
        }
    }
}

#[test]
fn wrong_use_has_its_own_exit_code_and_says_what_is_wanted() {
    for (args, says) in [
        (&["nothing"][..], "unrecognized subcommand"),
        (&["user", "add"], "<NAME>"),
        (&["user", "add", "anna", "--role", "king"], "king"),
        (&["status", "--data", "/nonexistent/folder"], "there is no data folder"),
        (&["device", "add", "two words", "--data", "/nonexistent"], "' '"),
        (&["login", "--user", "anna", "--to", "ftp://x", "--token-file", "/tmp/x"], "https://HOST:PORT"),
    ] {
        let output = program().args(args).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(says), "{args:?}: {text}");
    }
}
