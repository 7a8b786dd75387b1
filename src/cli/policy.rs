//! `wardwatch policy`.

use super::{FOUND, admin, admin::SiteArgs};
use crate::{
    backend::{
        admin::{AdminAnswer, AdminRequest},
        policy::load,
    },
    domain::{Timestamp, text::clean},
    policy::{BASELINE, Category, Kind, PolicySet, Report, Scope, report_text},
    seam::{Clock, OsClock},
};
use anyhow::bail;
use serde_json::json;
use std::{fmt::Write as _, io::Write, path::PathBuf};

/// Judge the server by policies: what is built in, and files of the site in Azure Policy's JSON
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Judge the server, running or not; an entry is written to the audit trail and read back
    ///
    /// Exit code 0: no policy that denies is unmet. 1: one is. 2: it could not be judged, or a file is wrong.
    Check {
        /// Of this initiative alone
        #[arg(long, value_name = "NAME")]
        initiative: Option<String>,
        /// Of this place alone: site, ward/W, or the identifier of a resource
        #[arg(long, value_name = "SCOPE", default_value = "site")]
        scope: Scope,
        /// Also what is as wanted
        #[arg(long, conflicts_with = "json")]
        all: bool,
        /// For programs: one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// List definitions, initiatives, assignments and exemptions
    List {
        /// Exemptions alone
        #[arg(long)]
        exemptions: bool,
        /// Configuration file: it names the folder of the site's own files
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print a file of it, to be copied and changed
    Show {
        /// Its name, as `list` shows it
        name: String,
        /// Of what is called so, this kind alone
        #[arg(long, value_enum, value_name = "KIND")]
        kind: Option<KindArg>,
        /// Configuration file: it names the folder of the site's own files
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print an exemption, to be put into the site's folder: somebody answers for it, for a reason and until a time
    Exempt {
        /// The policy, as `check` shows it
        policy: String,
        /// What is exempted: site, ward/W, or the identifier of a resource
        #[arg(long, value_name = "SCOPE")]
        resource: Scope,
        /// Who answers for it
        #[arg(long)]
        owner: String,
        /// Until when it holds: a year from now at most
        #[arg(long, value_name = "TIME")]
        until: Timestamp,
        /// Why, in 10 characters or more
        #[arg(long)]
        reason: String,
        /// Whether the risk is borne, or what is wanted is reached otherwise
        #[arg(long, value_enum, default_value = "waiver")]
        category: CategoryArg,
        /// The assignment
        #[arg(long, value_name = "NAME", default_value = BASELINE)]
        assignment: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum KindArg {
    Definition,
    Initiative,
    Assignment,
    Exemption,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Definition => Self::Definition,
            KindArg::Initiative => Self::Initiative,
            KindArg::Assignment => Self::Assignment,
            KindArg::Exemption => Self::Exemption,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CategoryArg {
    Waiver,
    Mitigated,
}

impl From<CategoryArg> for Category {
    fn from(category: CategoryArg) -> Self {
        match category {
            CategoryArg::Waiver => Self::Waiver,
            CategoryArg::Mitigated => Self::Mitigated,
        }
    }
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Check { initiative, scope, all, json, site } => {
            let report = check(site, scope, initiative.clone())?;
            let mut out = std::io::stdout().lock();
            if *json {
                writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
            } else {
                write!(out, "{}", report_text(&report, *all))?;
            }
            Ok(if report.is_denied() { FOUND } else { 0 })
        }
        Command::List { exemptions, config } => list(&files(config.as_deref())?, *exemptions),
        Command::Show { name, kind, config } => show(&files(config.as_deref())?, name, *kind),
        Command::Exempt { policy, resource, owner, until, reason, category, assignment } => {
            let exemption = exemption((policy, assignment), resource, (owner, reason), *until, (*category).into());
            // What would be refused is not printed.
            let text = serde_json::to_string_pretty(&exemption)?;
            let mut alone = PolicySet::empty()?;
            alone.add("the exemption", &text)?;
            alone.check(OsClock.wall())?;
            writeln!(std::io::stdout(), "{text}")?;
            Ok(0)
        }
    }
}

fn files(config: Option<&std::path::Path>) -> anyhow::Result<PolicySet> {
    Ok(load(admin::plain_config(config)?.policy.folder.as_deref(), OsClock.wall())?)
}

fn check(site: &SiteArgs, scope: &Scope, initiative: Option<String>) -> anyhow::Result<Report> {
    let named = initiative.clone();
    let request = AdminRequest::CheckPolicy { scope: scope.clone(), initiative };
    let site = site.existing()?;
    let mut report = match admin::ask(&site, request, None)? {
        AdminAnswer::Policy { report } => *report,
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    };
    if let Some(looked_at) = report.looked_at.as_mut().filter(|looked_at| !looked_at.running) {
        looked_at.file = site.config.as_ref().map(|file| file.display().to_string());
    }
    if let Some(name) = named.filter(|_| report.findings.is_empty()) {
        bail!("no initiative {} is assigned: `wardwatch policy list` shows what there is", clean(&name));
    }
    Ok(report)
}

fn list(set: &PolicySet, exemptions: bool) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    let mut kind = None;
    for listed in set.list().into_iter().filter(|l| !exemptions || l.kind == Kind::Exemption) {
        if kind != Some(listed.kind) {
            let gap = if kind.is_some() { "\n" } else { "" };
            writeln!(out, "{gap}{}", listed.kind)?;
            kind = Some(listed.kind);
        }
        writeln!(out, "  {:<16}  {}", clean(&listed.name), clean(&listed.title))?;
        let note = if listed.note.is_empty() { String::new() } else { format!("  {}", clean(&listed.note)) };
        if !note.is_empty() || !listed.file.starts_with("built-in/") {
            writeln!(out, "  {:<16}  {}{note}", "", clean(&listed.file))?;
        }
    }
    if kind.is_none() {
        writeln!(out, "none")?;
    }
    Ok(0)
}

fn show(set: &PolicySet, name: &str, kind: Option<KindArg>) -> anyhow::Result<u8> {
    let sources = set.sources(name);
    let wanted = kind.map(Kind::from);
    let sources: Vec<String> = sources
        .into_iter()
        .filter(|(kind, _)| wanted.is_none_or(|wanted| *kind == wanted))
        .map(|(_, text)| shown(text))
        .collect();
    match sources.as_slice() {
        [] => bail!("there is no {}: `wardwatch policy list` shows what there is", clean(name)),
        [one] => writeln!(std::io::stdout(), "{one}")?,
        several => writeln!(std::io::stdout(), "[{}]", several.join(",\n"))?,
    }
    Ok(0)
}

/// A file as a terminal may have it: its lines as they are indented, each without what could drive it.
fn shown(text: &str) -> String {
    let line = |line: &str| {
        let rest = line.trim_start();
        format!("{}{}", " ".repeat(line.len() - rest.len()), without_control(rest))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// What is left is the same JSON: a text may not hold control characters unescaped, and others are written as escapes.
fn without_control(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c == ' ' || clean(c.encode_utf8(&mut [0; 4])).chars().eq([c]) {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                // Writing to a text never fails.
                let _ = write!(out, "\\u{unit:04x}");
            });
        }
    }
    out
}

fn exemption(
    (policy, assignment): (&str, &str),
    resource: &Scope,
    (owner, reason): (&str, &str),
    until: Timestamp,
    category: Category,
) -> serde_json::Value {
    let scope = match resource {
        Scope::Site => String::new(),
        scope => scope.to_string(),
    };
    let place = scope.rsplit('/').next().filter(|place| !place.is_empty()).unwrap_or("site");
    let name = format!("{policy}-{place}");
    json!({
        "id": format!("{scope}/providers/Microsoft.Authorization/policyExemptions/{name}"),
        "type": "Microsoft.Authorization/policyExemptions",
        "name": name,
        "properties": {
            "policyAssignmentId": format!("/providers/Microsoft.Authorization/policyAssignments/{assignment}"),
            "policyDefinitionReferenceIds": [policy],
            "exemptionCategory": category,
            "expiresOn": until,
            "displayName": format!("{policy} of {place}"),
            "description": reason,
            "metadata": {"owner": owner},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_shown_as_the_same_json_without_what_drives_a_terminal() {
        let text = "{\n  \"a\": \"b\u{9b}2J \u{202e}é 日\"\n}";
        let found = shown(text);
        assert_eq!(found, "{\n  \"a\": \"b\\u009b2J \\u202eé 日\"\n}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&found), value(text));
    }
}
