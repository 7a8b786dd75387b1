//! The report as text, readable in 80 columns.

use super::report::{Compliance, Count, Finding, LookedAt, Report};
use crate::domain::text::clean;
use std::fmt::Write;

/// Width of the text, in characters.
const COLUMNS: usize = 80;
/// Longest value of a field that is shown, in characters.
const VALUE_MAX_CHARS: usize = 60;

/// Characters of a hash that are shown.
const SHORT_CHARS: usize = 16;

/// The report as text. What is as wanted is counted and, with `all`, listed.
#[must_use]
pub fn report_text(report: &Report, all: bool) -> String {
    let mut out = String::new();
    put(&mut out, 0, &format!("Policies of {} at {}", report.scope, report.at));
    if let Some(looked_at) = &report.looked_at {
        put_looked_at(&mut out, looked_at);
    }
    for initiative in &report.initiatives {
        let (name, state) = (&initiative.name, word(initiative.state));
        put(&mut out, 0, &format!("{name}: {state} ({})", counts(&initiative.count)));
    }
    put(&mut out, 0, &format!("all: {}", counts(&report.summary)));
    let mut shown = None;
    for finding in report.findings.iter().filter(|finding| all || finding.state != Compliance::Compliant) {
        if shown != Some(finding.state) {
            out.push('\n');
            put(&mut out, 0, &word(finding.state).to_uppercase());
            shown = Some(finding.state);
        }
        put_finding(&mut out, finding);
    }
    if !report.notes.is_empty() {
        out.push('\n');
        report.notes.iter().for_each(|note| put(&mut out, 0, &format!("note: {note}")));
    }
    out
}

fn put_looked_at(out: &mut String, looked_at: &LookedAt) {
    let LookedAt { running, configuration, file, policies, folder } = looked_at;
    let what = match (running, file) {
        (true, _) => "the server that runs".to_owned(),
        (false, Some(file)) => format!("the folder at rest, by {file}"),
        (false, None) => "the folder at rest, by no configuration file".to_owned(),
    };
    put(out, 0, &format!("of {what}, settings {}", short(configuration)));
    let own = folder.as_ref().map_or_else(|| "none of the site".to_owned(), |folder| format!("those of {folder}"));
    put(out, 0, &format!("by the built-in policies and {own}, {}", short(policies)));
}

/// The begin of a hash, which is enough to tell two apart: the whole is in the report for programs.
fn short(hash: &str) -> String {
    format!("sha256:{}", hash.chars().take(SHORT_CHARS).collect::<String>())
}

fn put_finding(out: &mut String, finding: &Finding) {
    let effect = finding.effect.map(|effect| format!(" [{effect}]")).unwrap_or_default();
    let unforced = if finding.enforced { "" } else { " (not enforced)" };
    put(out, 0, &format!("{}{effect}{unforced}  {}", finding.reference, finding.title));
    if let Some(resource) = &finding.resource {
        put(out, 2, resource);
    }
    let tell = !matches!(finding.state, Compliance::Compliant | Compliance::Disabled);
    if tell && !finding.message.is_empty() {
        put(out, 2, &finding.message);
    }
    if finding.state == Compliance::NonCompliant {
        for reason in &finding.reasons {
            let value: String = reason.value.to_string().chars().take(VALUE_MAX_CHARS).collect();
            put(out, 2, &format!("{} = {value}", reason.field));
        }
    }
    let Some(exemption) = finding.exemption.as_ref().filter(|_| tell) else { return };
    let (name, owner, end) = (&exemption.name, &exemption.owner, exemption.expires_on);
    if exemption.expired {
        put(out, 2, &format!("Exemption {name} of {owner} expired: this counts since {end}."));
    } else {
        put(out, 2, &format!("Exempt until {end} by {owner} ({:?}): {}", exemption.category, exemption.reason));
    }
}

fn word(state: Compliance) -> &'static str {
    match state {
        Compliance::NonCompliant => "not compliant",
        Compliance::NotEvaluated => "not evaluated",
        Compliance::Exempt => "exempt",
        Compliance::Disabled => "disabled",
        Compliance::Compliant => "compliant",
    }
}

fn counts(count: &Count) -> String {
    let mut text = format!("{} compliant, {} not", count.compliant, count.non_compliant);
    if count.denied > 0 {
        // Writing to a text never fails.
        let _ = write!(text, " ({} of them deny)", count.denied);
    }
    for (n, what) in [(count.exempt, "exempt"), (count.not_evaluated, "not evaluated"), (count.disabled, "disabled")] {
        if n > 0 {
            let _ = write!(text, ", {n} {what}");
        }
    }
    text
}

/// Longest paragraph, in characters: what to do stands at its end.
const PARAGRAPH_MAX_CHARS: usize = 2_000;

/// A paragraph of a file or a resource as a terminal may show it: nothing of theirs drives it. It is cut to 2,000
/// characters.
#[must_use]
pub fn paragraph(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(clean).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(PARAGRAPH_MAX_CHARS).collect()
}

/// What follows a broken line stands this far in, at least.
const HANGING: usize = 2;

/// Writes a paragraph, broken at spaces; a word that is longer than a line stands alone.
fn put(out: &mut String, indent: usize, text: &str) {
    let text = paragraph(text);
    out.extend(std::iter::repeat_n(' ', indent));
    let mut column = indent;
    let mut begun = false;
    for word in text.split(' ') {
        let width = word.chars().count();
        if begun && column + 1 + width > COLUMNS {
            column = indent.max(HANGING);
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', column));
        } else if begun {
            out.push(' ');
            column += 1;
        }
        column += width;
        out.push_str(word);
        begun = true;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_drives_the_terminal() {
        let mut out = String::new();
        put(&mut out, 2, "No\u{1b}]0;title\u{7} log\u{9b}2J and \u{202e}no\nname");
        assert_eq!(out, "  No]0;title log2J and no name\n");
    }

    #[test]
    fn a_long_message_is_told_to_its_end() {
        let text = format!("{}what to do", "what is wrong, ".repeat(40));
        let mut out = String::new();
        put(&mut out, 2, &text);
        assert!(out.ends_with("what to do\n"), "{out}");
        assert_eq!(paragraph(&"word ".repeat(1_000)).chars().count(), PARAGRAPH_MAX_CHARS);
    }

    #[test]
    fn what_was_looked_at_is_named() {
        let set = crate::policy::built_in().unwrap();
        let at = crate::domain::Timestamp::from_ms(0);
        let mut report = set.evaluate(&[], at, &crate::policy::Wanted::default());
        let looked_at = LookedAt {
            running: false,
            configuration: "a".repeat(64),
            file: Some("/etc/wardwatch.toml".to_owned()),
            policies: set.fingerprint(),
            folder: Some("/etc/policies".to_owned()),
        };
        report.looked_at = Some(looked_at);
        let text = report_text(&report, false);
        assert!(
            text.contains("of the folder at rest, by /etc/wardwatch.toml, settings sha256:aaaaaaaaaaaaaaaa\n"),
            "{text}"
        );
        assert!(text.contains("by the built-in policies and those of /etc/policies, sha256:"), "{text}");
        let mut other = set.clone();
        other.add("a.json", r#"{"policyDefinitionId": "/x/LOG-01"}"#).unwrap();
        assert_ne!(set.fingerprint(), other.fingerprint());
    }
}
