//! Policies in force on this server: judged at the start, each hour, and when somebody asks.
//!
//! At the start a policy that denies and is not met keeps the server from serving. While it runs nothing is stopped: a ward
//! that is watched stays watched, and an alert tells of it until the policy is met again.

mod files;
mod inventory;
mod machine;
mod trail;

pub use files::{PolicyError, load};

use super::{app::App, pipeline::Job};
use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{Actor, Millis, SystemFault, system::FaultReport, text::clean},
    policy::{Compliance, Effect, Finding, PolicySet, Report, Wanted},
    store::DataFolder,
};
use std::{
    collections::BTreeSet,
    fmt::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use trail::Probe;

/// So often policies are judged while the server runs.
pub const CHECK_EVERY: Millis = Millis::from_mins(60);
/// So often it is looked at whether that is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most findings that a refusal of the start tells.
const TOLD_MAX: usize = 5;
/// Longest text about changes beside the trail, in bytes.
const CHANGES_MAX_BYTES: usize = 2_048;
/// What the only remedy makes private.
const BACKUP_PERMISSIONS: &str = "Wardwatch/backups/permissions";

/// Why policies are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// The server starts: its own entry in the trail is the probe, and the trail was held against its checkpoint when the
    /// store was opened.
    Start,
    /// An hour is over.
    Hourly,
    /// Somebody asks.
    Person(Actor),
}

/// A resource and a policy that it does not meet.
type Open = BTreeSet<(String, String, String)>;

/// The policies, and what was found last.
pub struct PolicyDesk {
    set: Mutex<Arc<PolicySet>>,
    /// Whether the trail fitted its last checkpoint when the store was opened.
    trail_at_start: bool,
    /// What was not met last, once it was looked.
    open: Mutex<Option<Open>>,
    /// Held while it is looked: each look writes a probe and reads the trail.
    turn: tokio::sync::Mutex<()>,
}

impl PolicyDesk {
    /// With policies as they were loaded at the start.
    #[must_use]
    pub fn new(set: PolicySet, trail_at_start: bool) -> Self {
        Self {
            set: Mutex::new(Arc::new(set)),
            trail_at_start,
            open: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Whether the trail fitted its last checkpoint when the store was opened.
    pub const fn trail_at_start(&self) -> bool {
        self.trail_at_start
    }

    fn set(&self) -> Arc<PolicySet> {
        Arc::clone(&self.set.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn renew(&self, folder: Option<&Path>) -> Result<(), PolicyError> {
        let set = Arc::new(load(folder)?);
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }
}

/// Judges the server by all policies, tells what has changed, and does what they ask for.
///
/// # Errors
/// If somebody asks and the files of the site cannot be used. Otherwise the last good ones are, and the report says so.
pub async fn check(
    app: &Arc<App>,
    folder: &DataFolder,
    occasion: &Occasion,
    wanted: &Wanted,
) -> Result<Report, PolicyError> {
    let _turn = app.policy.turn.lock().await;
    let mut note = None;
    if *occasion != Occasion::Start
        && let Err(e) = app.policy.renew(app.config.policy.folder.as_deref())
    {
        if matches!(occasion, Occasion::Person(_)) {
            return Err(e);
        }
        tracing::error!(error = %whole(&e), "the policies cannot be read again: the last good ones stay in force");
        note = Some(format!("the last good policies are in force: {}", whole(&e)));
    }
    let probe = trail::probe(app, probe_leaf(app, occasion)).await;
    let mut report = judged(app, folder, occasion, wanted, probe).await;
    report.notes.extend(note);
    if *wanted == Wanted::default() {
        if !matches!(occasion, Occasion::Person(_)) {
            deploy(app, &report).await;
        }
        tell(app, occasion, &report).await;
    }
    Ok(report)
}

/// An error with its cause.
pub(super) fn whole(error: &PolicyError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    clean(&format!("{error}{}", cause.filter(|_| !matches!(error, PolicyError::Wrong(_))).unwrap_or_default()))
}

/// The entry that is written and read back.
fn probe_leaf(app: &App, occasion: &Occasion) -> LeafDraft {
    let (actor, act) = match occasion {
        Occasion::Start => return LeafDraft::new(LeafActor::System, Act::ServerStart, Outcome::Success),
        Occasion::Hourly => (LeafActor::System, Act::PolicyProbe),
        Occasion::Person(by) => (LeafActor::from(by), Act::PolicyCheck),
    };
    // What makes it unlike others that may be written at the same time.
    let mark = crate::access::new_id("p", app.entropy.as_ref()).unwrap_or_default();
    LeafDraft { side_text: app.beside("probe", mark), ..LeafDraft::new(actor, act, Outcome::Success) }
}

async fn judged(app: &Arc<App>, folder: &DataFolder, occasion: &Occasion, wanted: &Wanted, probe: Probe) -> Report {
    let (held, folder, wanted) = (Arc::clone(app), folder.clone(), wanted.clone());
    let at_start = *occasion == Occasion::Start;
    let judge = move || {
        let app = held.as_ref();
        let chain = if at_start { Ok(app.policy.trail_at_start) } else { trail::verified(&folder, &app.audit.key) };
        let inventory = inventory::inventory(app, &folder, &probe, chain);
        app.policy.set().evaluate(&inventory, app.clock.wall(), &wanted)
    };
    match tokio::task::spawn_blocking(judge).await {
        Ok(report) => report,
        Err(e) => {
            // Nothing was judged, which is not the same as nothing was found.
            tracing::error!(error = %e, "policies could not be judged");
            let mut report = app.policy.set().evaluate(&[], app.clock.wall(), &Wanted::default());
            report.notes.push("the look at this server broke off: nothing was evaluated".to_owned());
            report
        }
    }
}

/// Makes what is missing and has a safe value, where a policy says so.
async fn deploy(app: &App, report: &Report) {
    let wants = |finding: &&Finding| {
        finding.state == Compliance::NonCompliant
            && finding.effect == Some(Effect::DeployIfNotExists)
            && finding.enforced
            && finding.missing.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(BACKUP_PERMISSIONS))
    };
    let (Some(finding), Some(backups)) = (report.findings.iter().find(wants), &app.config.policy.backups) else {
        return;
    };
    let made = std::fs::set_permissions(backups, std::fs::Permissions::from_mode(0o700));
    let outcome = if made.is_ok() { Outcome::Success } else { Outcome::Refused };
    let (path, policy) = (backups.display(), &finding.reference);
    match made {
        Ok(()) => tracing::info!(%path, policy, "the folder of backups was made private"),
        Err(e) => tracing::error!(error = %e, %path, policy, "the folder of backups cannot be made private"),
    }
    let leaf = LeafDraft {
        code: Some("backups_private"),
        side_text: app.beside("policy", finding.reference.clone()),
        ..LeafDraft::new(LeafActor::System, Act::PolicyDeploy, outcome)
    };
    if let Err(e) = app.record(vec![leaf], Vec::new()).await {
        tracing::error!(error = %e, "what a policy made could not be recorded");
    }
}

/// Tells what has changed: in the log, in the trail, and by an alert if a policy that denies is not met.
async fn tell(app: &App, occasion: &Occasion, report: &Report) {
    let name = |f: &Finding| (f.assignment.clone(), f.reference.clone(), f.resource.clone().unwrap_or_default());
    let not_met = report.findings.iter().filter(|f| f.state == Compliance::NonCompliant);
    let open: Open = not_met.map(name).collect();
    let before = app.policy.open.lock().unwrap_or_else(PoisonError::into_inner).replace(open.clone());
    let count = report.summary;
    // A folder at rest has nobody to tell; a start that is denied neither.
    let denied = *occasion == Occasion::Start && report.stopping().next().is_some();
    let silent = denied || (before.is_none() && *occasion != Occasion::Start);
    match before {
        None => tracing::info!(
            compliant = count.compliant,
            not_compliant = count.non_compliant,
            denied = count.denied,
            exempt = count.exempt,
            not_evaluated = count.not_evaluated,
            "policies were judged: `wardwatch policy check` tells more"
        ),
        Some(before) if before != open => {
            let changes = changes(&before, &open);
            tracing::warn!(changes, "what of the policies is met has changed");
            let leaf = LeafDraft {
                side_text: app.beside("changes", changes),
                ..LeafDraft::new(LeafActor::System, Act::PolicyChange, Outcome::Success)
            };
            if let Err(e) = app.record(vec![leaf], Vec::new()).await {
                tracing::error!(error = %e, "a change of policies could not be recorded");
            }
        }
        Some(_) => {}
    }
    if silent {
        return;
    }
    let detail = alert_text(report);
    let fault = FaultReport { fault: SystemFault::PolicyNotMet, present: !detail.is_empty(), detail };
    if let Err(e) = app.pipeline.send(Job::Fault(fault)) {
        tracing::error!(error = %e, "the state of the policies could not be reported");
    }
}

/// What is not met any more, and what is again.
fn changes(before: &Open, now: &Open) -> String {
    let mut text = String::new();
    for (sign, set) in [("not met", now.difference(before)), ("met", before.difference(now))] {
        for (_, reference, resource) in set {
            if text.len() > CHANGES_MAX_BYTES {
                return format!("{text}; and more");
            }
            let dot = if text.is_empty() { "" } else { "; " };
            // Writing to a text never fails.
            let _ = write!(text, "{dot}{sign}: {reference} {resource}");
        }
    }
    text
}

/// The first policy that denies and is not met; empty if there is none.
fn alert_text(report: &Report) -> String {
    let mut stopping = report.stopping();
    let Some(first) = stopping.next() else { return String::new() };
    let more = match stopping.count() {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let resource = first.resource.as_deref().unwrap_or("the site");
    clean(&format!("{}{more}: {resource}; {}", first.reference, first.message))
}

/// What keeps the server from starting; `None` if nothing does.
#[must_use]
pub fn refusal(report: &Report) -> Option<String> {
    let stopping: Vec<&Finding> = report.stopping().collect();
    let first = stopping.first()?;
    let mut text = String::from("the server does not start: a policy denies it");
    for finding in stopping.iter().take(TOLD_MAX) {
        let resource = finding.resource.as_deref().unwrap_or("the site");
        let _ = write!(
            text,
            "\n{} (assignment {}): {}\n  {resource}",
            finding.reference, finding.assignment, finding.title
        );
        for reason in &finding.reasons {
            let _ = write!(text, "\n    {} = {}", reason.field, reason.value);
        }
        let _ = write!(text, "\n  {}", finding.message);
        if let Some(exemption) = finding.exemption.as_ref().filter(|exemption| exemption.expired) {
            let _ = write!(
                text,
                "\n  exemption {} of {} ended at {}",
                exemption.name, exemption.owner, exemption.expires_on
            );
        }
    }
    if stopping.len() > TOLD_MAX {
        let _ = write!(text, "\nand {} more", stopping.len() - TOLD_MAX);
    }
    let resource = first.resource.as_deref().unwrap_or("site");
    let _ = write!(
        text,
        "\nTo exempt it, put the output of this into the folder that policy.folder of the configuration names:\n  \
         wardwatch policy exempt {} --resource {resource} --owner WHO --until TIME --reason WHY",
        first.reference
    );
    Some(text)
}

/// Judges each hour as long as the server runs.
pub(super) async fn watch(app: Arc<App>, folder: DataFolder) {
    let mut last = app.clock.boot();
    let mut stopping = app.stopping.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let now = app.clock.boot();
        if now - last < CHECK_EVERY {
            continue;
        }
        last = now;
        if let Err(e) = check(&app, &folder, &Occasion::Hourly, &Wanted::default()).await {
            tracing::error!(error = %e, "policies could not be judged");
        }
    }
}
