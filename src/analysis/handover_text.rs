//! What there is to say at a handover, as plain text and as Markdown.

use crate::{
    domain::{LoginName, Mode},
    protocol::{HandoverReport, Sbar},
};
use std::fmt::Write as _;

/// Said above and below of data that are no patient's.
const DEMO: &str = "DEMO: not from patients";
/// What every export ends with.
const NO_DEVICE: &str = "wardwatch is not a medical device. Look at the patient.";

/// As plain text.
#[must_use]
pub fn text(report: &HandoverReport) -> String {
    let mut out = String::new();
    let demo = report.mode == Mode::Demo;
    if demo {
        out.push_str(&format!("{DEMO}\n"));
    }
    out.push_str(&format!("HANDOVER {}, {}\n", report.ward, report.made));
    for sbar in &report.patients {
        out.push_str(&format!("\n{}\n", heading(sbar)));
        for (name, lines) in sbar.parts() {
            out.push_str(&format!("  {name}\n"));
            lines.iter().for_each(|line| out.push_str(&format!("    {line}\n")));
        }
    }
    out.push_str(&format!("\n{NO_DEVICE}\n"));
    if demo {
        out.push_str(&format!("{DEMO}\n"));
    }
    out
}

/// As Markdown (CommonMark). Words of people are escaped, so that none becomes markup.
#[must_use]
pub fn markdown(report: &HandoverReport) -> String {
    let mut out = String::new();
    let demo = report.mode == Mode::Demo;
    if demo {
        out.push_str(&format!("**{DEMO}**\n\n"));
    }
    out.push_str(&format!("# Handover {}, {}\n", escaped(&report.ward), escaped(&report.made)));
    for sbar in &report.patients {
        out.push_str(&format!("\n## {}\n", escaped(&heading(sbar))));
        for (name, lines) in sbar.parts() {
            out.push_str(&format!("\n### {name}\n\n"));
            for line in lines {
                let indent = if line.starts_with(' ') { "  " } else { "" };
                out.push_str(&format!("{indent}- {}\n", escaped(line.trim_start())));
            }
        }
    }
    out.push_str(&format!("\n{NO_DEVICE}\n"));
    if demo {
        out.push_str(&format!("\n**{DEMO}**\n"));
    }
    out
}

/// `Bed 04, Okafor, Chidi, 66 years, adult, patient p4, with anna`.
#[must_use]
pub fn heading(sbar: &Sbar) -> String {
    let mut out = format!("Bed {}", sbar.bed);
    let mut say = |text: &str| {
        let written = write!(out, ", {text}");
        debug_assert!(written.is_ok(), "a string takes all");
    };
    if !sbar.name.is_empty() {
        say(sbar.name.as_str());
    }
    if let Some(age) = sbar.age {
        say(&format!("{age} years"));
    }
    say(sbar.category.as_str());
    say(&format!("patient {}", sbar.patient));
    let owners: Vec<&str> = sbar.owners.iter().map(LoginName::as_str).collect();
    say(&if owners.is_empty() { "OWNED BY NOBODY".to_owned() } else { format!("with {}", owners.join(", ")) });
    out
}

/// A text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]<>#|~&!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
