//! Policies in force on this server: judged at the start, each hour, and when somebody asks.
//!
//! At the start a policy that denies and is not met keeps the server from serving. While it runs nothing is stopped: a ward
//! that is watched stays watched, and an alert tells of it until the policy is met again.

mod files;
mod inventory;
mod machine;
mod trail;

pub use files::{PolicyError, Wards, load};

use super::{app::App, pipeline::Job};
use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{Actor, Millis, SystemFault, Timestamp, system::FaultReport, text::clean},
    policy::{Compliance, Effect, Finding, LookedAt, PolicySet, Report, Resource, Scope, Wanted, paragraph},
    store::DataFolder,
};
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use trail::{Extent, Probe, Verified};

/// So often policies are judged while the server runs.
pub const CHECK_EVERY: Millis = Millis::from_mins(60);
/// So often it is looked at whether that is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So long it is waited for the files of the site: a folder of a network may not answer.
const LOAD_MAX: Duration = Duration::from_secs(30);
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

/// What a finding is of: assignment, reference and resource.
type Of = (String, String, String);

/// How it stood at the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    /// All that was not as wanted or could not be said.
    states: BTreeMap<Of, Compliance>,
    /// What was denied, and has not come to a good end since.
    denied: BTreeSet<Of>,
}

impl Known {
    fn of(report: &Report, before: Option<&Self>) -> Self {
        let states: BTreeMap<Of, Compliance> = report.findings.iter().map(|f| (of(f), f.state)).collect();
        let mut denied: BTreeSet<Of> = report.stopping().map(of).collect();
        let held = before.into_iter().flat_map(|before| &before.denied).filter(|denied| unsaid(&states, denied));
        denied.extend(held.cloned());
        Self { states: states.into_iter().filter(|(_, state)| *state != Compliance::Compliant).collect(), denied }
    }
}

fn of(finding: &Finding) -> Of {
    (finding.assignment.clone(), finding.reference.clone(), finding.resource.clone().unwrap_or_default())
}

/// Whether it cannot be said how what was denied stands: of itself, or of the policy as a whole.
fn unsaid(states: &BTreeMap<Of, Compliance>, (assignment, reference, resource): &Of) -> bool {
    let at = |resource: &str| states.get(&(assignment.clone(), reference.clone(), resource.to_owned()));
    at(resource).or_else(|| at("")) == Some(&Compliance::NotEvaluated)
}

/// The policies, and what was found last.
pub struct PolicyDesk {
    set: Mutex<Arc<PolicySet>>,
    /// Whether the trail fitted its last checkpoint when the store was opened.
    trail_at_start: bool,
    /// The part of the trail that was found as it was signed.
    verified: Mutex<Option<Verified>>,
    /// How all stood last, once it was looked.
    known: Mutex<Option<Known>>,
    /// Held while it is looked: each look writes a probe and reads the trail.
    turn: tokio::sync::Mutex<()>,
}

impl PolicyDesk {
    /// With what is built in, until the files of the site are read.
    #[must_use]
    pub fn new(set: PolicySet, trail_at_start: bool) -> Self {
        Self {
            set: Mutex::new(Arc::new(set)),
            trail_at_start,
            verified: Mutex::default(),
            known: Mutex::default(),
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

    async fn renew(&self, folder: Option<PathBuf>, now: Timestamp) -> Result<(), PolicyError> {
        let read = tokio::task::spawn_blocking(move || load(folder.as_deref(), now));
        let read = tokio::time::timeout(LOAD_MAX, read).await.map_err(|_| PolicyError::Late(LOAD_MAX))?;
        let set = Arc::new(read.map_err(|_| PolicyError::Broken)??);
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }
}

/// Judges the server by all policies, tells what has changed, and does what they ask for.
///
/// # Errors
/// If the server starts or somebody asks, and the files of the site cannot be used; else the last good ones are, and the report says so. If the
/// look breaks off: nothing was judged, which is not that nothing was found, and what was told before stands.
pub async fn check(
    app: &Arc<App>,
    folder: &DataFolder,
    occasion: &Occasion,
    wanted: &Wanted,
) -> Result<Report, PolicyError> {
    let _turn = app.policy.turn.lock().await;
    let mut note = None;
    if let Err(e) = app.policy.renew(app.config.policy.folder.clone(), app.clock.wall()).await {
        // Nobody is served without the site's policies, and who asks is to know.
        if *occasion != Occasion::Hourly {
            return Err(e);
        }
        tracing::error!(error = %whole(&e), "the policies cannot be read again: the last good ones stay in force");
        note = Some(format!("the last good policies are in force: {}", whole(&e)));
    }
    let probe = trail::probe(app, probe_leaf(app, occasion)).await;
    let mut report = judged(app, folder, occasion, wanted, &probe).await?;
    if *wanted == Wanted::default() {
        // A server that does not start changes nothing.
        let denied = *occasion == Occasion::Start && report.stopping().next().is_some();
        if !denied
            && !matches!(occasion, Occasion::Person(_))
            && let Some(deployed) = deploy(app, &report).await
        {
            // What was made is looked at again: that it was done does not say that it is as wanted.
            match judged(app, folder, occasion, wanted, &probe).await {
                Ok(again) => {
                    report = again;
                    let outcome = outcome(&deployed, &report);
                    tracing::info!(outcome, "what a policy made was looked at again");
                    report.notes.push(outcome);
                }
                Err(e) => report.notes.push(format!("what a policy made could not be looked at again: {}", whole(&e))),
            }
        }
        tell(app, occasion, &report).await;
    }
    report.notes.extend(note);
    report.looked_at = Some(looked_at(app));
    Ok(report)
}

/// What a report is of: the settings that are in force, and the policies.
fn looked_at(app: &App) -> LookedAt {
    let config = &app.config;
    let hash = |settings: Vec<u8>| Sha256::digest(&settings).iter().map(|byte| format!("{byte:02x}")).collect();
    LookedAt {
        running: true,
        configuration: serde_json::to_vec(config).map_or_else(|e| format!("unknown: {e}"), hash),
        file: None,
        policies: app.policy.set().fingerprint(),
        folder: config.policy.folder.as_ref().map(|folder| folder.display().to_string()),
    }
}

/// An error with its cause.
pub(super) fn whole(error: &PolicyError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    paragraph(&format!("{error}{}", cause.filter(|_| !matches!(error, PolicyError::Wrong(_))).unwrap_or_default()))
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

async fn judged(
    app: &Arc<App>,
    folder: &DataFolder,
    occasion: &Occasion,
    wanted: &Wanted,
    probe: &Probe,
) -> Result<Report, PolicyError> {
    let (held, folder, wanted, probe) = (Arc::clone(app), folder.clone(), wanted.clone(), probe.clone());
    // Who asks is told of all entries; each hour what was added is read.
    let extent = match occasion {
        Occasion::Start => None,
        Occasion::Hourly => Some(Extent::Added),
        Occasion::Person(_) => Some(Extent::Whole),
    };
    let judge = move || {
        let app = held.as_ref();
        let chain = extent.map_or(Ok(app.policy.trail_at_start), |extent| {
            let mut verified = app.policy.verified.lock().unwrap_or_else(PoisonError::into_inner);
            trail::verified(&folder, &app.audit.key, &mut verified, extent, app.clock.boot())
        });
        let inventory = inventory::inventory(app, &folder, &probe, chain);
        let wards: Vec<String> = app.hub.wards().iter().map(|ward| ward.id.to_string()).collect();
        is_somewhere(&wanted.scope, &inventory, wards)?;
        let begun = app.clock.boot();
        let spent = || app.clock.boot() - begun;
        Ok(app.policy.set().evaluate_within(&inventory, app.clock.wall(), &wanted, &spent))
    };
    aside(judge).await?
}

/// Whether a place is one of this server: a ward that there is, or one that holds something.
fn is_somewhere(scope: &Scope, inventory: &[Resource], wards: Vec<String>) -> Result<(), PolicyError> {
    let ward = wards.iter().any(|ward| scope.covers(&format!("/ward/{ward}")));
    if ward || inventory.iter().any(|resource| scope.covers(&resource.id())) {
        return Ok(());
    }
    Err(PolicyError::Nowhere { scope: scope.clone(), wards: Wards(wards) })
}

/// Judges beside the runtime.
async fn aside<T: Send + 'static>(judge: impl FnOnce() -> T + Send + 'static) -> Result<T, PolicyError> {
    tokio::task::spawn_blocking(judge).await.map_err(|e| {
        tracing::error!(error = %e, "policies could not be judged");
        PolicyError::Broken
    })
}

/// Makes what is missing and has a safe value, where a policy says so; what of the report it was made for, and why it could not be made.
async fn deploy(app: &App, report: &Report) -> Option<(Of, Option<String>)> {
    let wants = |finding: &&Finding| {
        finding.state == Compliance::NonCompliant
            && finding.effect == Some(Effect::DeployIfNotExists)
            && finding.enforced
            && finding.missing.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(BACKUP_PERMISSIONS))
    };
    let (finding, backups) = (report.findings.iter().find(wants)?, app.config.policy.backups.as_ref()?);
    let made = make_private(backups);
    let outcome = if made.is_ok() { Outcome::Success } else { Outcome::Refused };
    let (path, policy) = (backups.display(), &finding.reference);
    match &made {
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
    Some((of(finding), made.err().map(|e| e.to_string())))
}

/// What came of what a policy made, as the look after it has it.
fn outcome((key, failed): &(Of, Option<String>), report: &Report) -> String {
    let state =
        report.findings.iter().find(|finding| of(finding) == *key).map_or(Compliance::NotEvaluated, |f| f.state);
    let (_, reference, resource) = key;
    let done = failed.as_ref().map_or_else(
        || "the folder of backups was made private".to_owned(),
        |why| format!("the folder of backups could not be made private ({})", clean(why)),
    );
    format!("{} {}: {done}; looked at again it is {state}", clean(reference), clean(resource))
}

/// Takes the rights of others from a folder that the server's own account owns. A link is not followed, all other bits stay.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&opened)?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        let why = "another account owns it: make it private yourself";
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, why));
    }
    let others = Mode::RWXG | Mode::RWXO;
    Ok(rustix::fs::fchmod(&opened, Mode::from_raw_mode(stat.st_mode).difference(others))?)
}

/// Tells what has changed: in the log, in the trail, and by an alert if a policy that denies is not met.
async fn tell(app: &App, occasion: &Occasion, report: &Report) {
    let (before, now) = {
        let mut known = app.policy.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Known::of(report, known.as_ref());
        (known.replace(now.clone()), now)
    };
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
        Some(before) if before.states != now.states => {
            let changes = changes(&before, report);
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
    let detail = alert_text(report, &now);
    let fault = FaultReport { fault: SystemFault::PolicyNotMet, present: !detail.is_empty(), detail };
    if let Err(e) = app.pipeline.send(Job::Fault(fault)) {
        tracing::error!(error = %e, "the state of the policies could not be reported");
    }
}

/// How what stands otherwise than before stands now.
fn changes(before: &Known, report: &Report) -> String {
    let mut text = String::new();
    let mut tell = |what: &str, (_, reference, resource): &Of, why: &str| {
        if text.len() > CHANGES_MAX_BYTES {
            return;
        }
        let dot = if text.is_empty() { "" } else { "; " };
        let why = if why.is_empty() { String::new() } else { format!(" ({})", clean(why)) };
        // Writing to a text never fails.
        let _ = write!(text, "{dot}{what}: {} {}{why}", clean(reference), clean(resource));
        if text.len() > CHANGES_MAX_BYTES {
            text.push_str("; and more");
        }
    };
    let mut seen = BTreeSet::new();
    for finding in &report.findings {
        let key = of(finding);
        let was = before.states.get(&key).copied().unwrap_or(Compliance::Compliant);
        if was != finding.state {
            let until = finding.exemption.as_ref().map(|e| format!("until {}", e.expires_on)).unwrap_or_default();
            match finding.state {
                Compliance::NonCompliant => tell("not met", &key, ""),
                Compliance::Compliant => tell("met", &key, ""),
                Compliance::NotEvaluated => tell("not evaluated", &key, &finding.message),
                Compliance::Exempt => tell("exempt", &key, &until),
                Compliance::Disabled => tell("disabled", &key, ""),
            }
        }
        seen.insert(key);
    }
    for key in before.states.keys().filter(|key| !seen.contains(*key)) {
        tell("not asked any more", key, "");
    }
    text
}

/// The first policy that denies and is not met, or was not and cannot be judged since; empty if there is none.
fn alert_text(report: &Report, known: &Known) -> String {
    let more = match known.denied.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    if let Some(first) = report.stopping().next() {
        let resource = first.resource.as_deref().unwrap_or("the site");
        return clean(&format!("{}{more}: {resource}; {}", first.reference, first.message));
    }
    let Some((_, reference, resource)) = known.denied.first() else { return String::new() };
    clean(&format!(
        "{reference}{more}: {resource}; it was not met, and cannot be judged since: `wardwatch policy check` tells why"
    ))
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
            "\n{} (assignment {}): {}\n  {}",
            clean(&finding.reference),
            clean(&finding.assignment),
            clean(&finding.title),
            clean(resource)
        );
        for reason in &finding.reasons {
            let _ = write!(text, "\n    {} = {}", reason.field, clean(&reason.value.to_string()));
        }
        let _ = write!(text, "\n  {}", paragraph(&finding.message));
        if let Some(exemption) = finding.exemption.as_ref().filter(|exemption| exemption.expired) {
            let _ = write!(
                text,
                "\n  exemption {} of {} ended at {}",
                clean(&exemption.name),
                clean(&exemption.owner),
                exemption.expires_on
            );
        }
    }
    if stopping.len() > TOLD_MAX {
        let _ = write!(text, "\nand {} more", stopping.len() - TOLD_MAX);
    }
    let resource = clean(first.resource.as_deref().unwrap_or("site"));
    let _ = write!(
        text,
        "\nTo exempt it, put the output of this into the folder that policy.folder of the configuration names:\n  \
         wardwatch policy exempt {} --assignment {} --resource {resource} --owner WHO --until TIME --reason WHY",
        clean(&first.reference),
        clean(&first.assignment)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_do_about_a_denial_names_the_assignment() {
        let mut set = PolicySet::empty().unwrap();
        let rule = r#"{"if": {"field": "Wardwatch/logs/level", "equals": "info"}, "then": {"effect": "deny"}}"#;
        set.add("d.json", &format!(r#"{{"name": "idle1", "properties": {{"policyRule": {rule}}}}}"#)).unwrap();
        let assignment = r#"{"name": "site-set-a", "properties": {"policyDefinitionId": "/policyDefinitions/idle1"}}"#;
        set.add("a.json", assignment).unwrap();
        let log = Resource::new("Wardwatch/logs", "log").with("level", "info");
        let report = set.evaluate(&[log], Timestamp::from_ms(0), &Wanted::default());
        let said = refusal(&report).unwrap();
        assert!(said.contains("policy exempt idle1 --assignment site-set-a --resource "), "{said}");
    }

    #[tokio::test]
    async fn a_look_that_breaks_off_is_an_error_and_no_report_without_findings() {
        let broken = aside(|| panic!("as a rule might")).await;
        assert!(matches!(broken, Err(PolicyError::Broken)), "{broken:?}");
        let set = crate::policy::built_in().unwrap();
        let whole = aside(move || set.evaluate(&[], Timestamp::from_ms(0), &Wanted::default())).await;
        assert!(!whole.unwrap().findings.is_empty());
    }

    #[test]
    fn a_place_that_there_is_not_is_an_error_that_names_the_wards() {
        let log = [Resource::new("Wardwatch/logs", "log")];
        let wards = || vec!["3-east".to_owned(), "icu".to_owned()];
        let asked = |scope: &str| is_somewhere(&scope.parse().unwrap(), &log, wards()).map_err(|e| e.to_string());
        for good in ["site", "ward/icu", "/ward/3-EAST", "/providers/Wardwatch/logs/log", "/subscriptions/1b2a"] {
            assert_eq!(asked(good), Ok(()), "{good}");
        }
        for bad in [
            "ward/nowhere",
            "ward/icu/providers/Wardwatch/devices/x",
            "/providers/Wardwatch/logs/x",
            "/subscriptions/1/rg",
        ] {
            let why = asked(bad).unwrap_err();
            assert!(why.contains("is no place of this server: its wards are 3-east, icu"), "{why}");
        }
        let none = is_somewhere(&"ward/icu".parse().unwrap(), &log, Vec::new()).unwrap_err().to_string();
        assert!(none.contains("it has no ward yet"), "{none}");
    }

    fn judged(resource: Resource, more: &[(&str, &str)]) -> Report {
        let mut set = PolicySet::empty().unwrap();
        let rule = r#"{"policyRule": {"if": {"allOf": [{"field": "type", "equals": "Wardwatch/logs"},
            {"field": "Wardwatch/logs/level", "equals": "debug"}]}, "then": {"effect": "deny"}}}"#;
        set.add("P.json", rule).unwrap();
        for (name, text) in more {
            set.add(name, text).unwrap();
        }
        set.evaluate(&[resource], Timestamp::from_ms(0), &Wanted::default())
    }

    #[test]
    fn a_folder_is_made_private_and_keeps_its_other_bits_and_a_link_is_not_followed() {
        use std::{fs::Permissions, os::unix::fs::PermissionsExt};
        let dir = tempfile::tempdir().unwrap();
        let (folder, link) = (dir.path().join("backups"), dir.path().join("link"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, Permissions::from_mode(0o2755)).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        let mode = || std::fs::metadata(&folder).unwrap().permissions().mode() & 0o7777;
        assert!(make_private(&link).is_err());
        assert_eq!(mode(), 0o2755);
        make_private(&folder).unwrap();
        assert_eq!(mode(), 0o2700);
    }

    #[test]
    fn what_was_denied_and_cannot_be_judged_any_more_is_told_until_it_is_met_exempt_or_gone() {
        let log = || Resource::new("Wardwatch/logs", "log");
        let assigned = [("a.json", r#"{"policyDefinitionId": "/x/P"}"#)];
        let bad = judged(log().with("level", "debug"), &assigned);
        let denied = Known::of(&bad, None);
        assert!(alert_text(&bad, &denied).starts_with("P: /providers/Wardwatch/logs/log"));
        assert!(changes(&Known::default(), &bad).starts_with("not met: P /providers/Wardwatch/logs/log"));
        let unknown = judged(log().without("level", "the file is gone"), &assigned);
        assert_eq!(
            changes(&denied, &unknown),
            "not evaluated: P /providers/Wardwatch/logs/log (level is not known: the file is gone)"
        );
        let held = Known::of(&unknown, Some(&denied));
        assert!(alert_text(&unknown, &held).contains("it was not met, and cannot be judged since"));
        let good = judged(log().with("level", "info"), &assigned);
        assert_eq!(changes(&held, &good), "met: P /providers/Wardwatch/logs/log");
        assert_eq!(alert_text(&good, &Known::of(&good, Some(&held))), "");
        let exempt = r#"{"id": "/providers/Microsoft.Authorization/policyExemptions/e", "properties": {
            "policyAssignmentId": "/x/a", "exemptionCategory": "Waiver", "expiresOn": "1970-02-01T00:00:00Z",
            "description": "for a trial of a week", "metadata": {"owner": "somebody"}}}"#;
        let exempt = judged(log().with("level", "debug"), &[assigned[0], ("e.json", exempt)]);
        assert!(changes(&denied, &exempt).contains("exempt: P /providers/Wardwatch/logs/log (until 1970-02-01"));
        assert_eq!(alert_text(&exempt, &Known::of(&exempt, Some(&held))), "");
        let none = judged(log().with("level", "debug"), &[]);
        assert_eq!(changes(&denied, &none), "not asked any more: P /providers/Wardwatch/logs/log");
        assert_eq!(alert_text(&none, &Known::of(&none, Some(&held))), "");
        let same = changes(&denied, &bad);
        assert_eq!(same, "", "what stands as before is not told");
    }
}
