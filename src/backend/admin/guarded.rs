//! What one administrator does not do alone: making another, taking over the account of one, removing or taking away the
//! audit trail.
//!
//! The uid at the socket names no person. So whoever proposes such an act shows the token of a session, and another
//! administrator approves it with the token of his or her own, over HTTP, from wherever that is. What was proposed is kept
//! whole and done just so.

use super::{
    execute::{Done, refused},
    keys,
    plan::{Change, Plan},
    request::{AdminAnswer, AdminError, AdminRequest, Asker},
    retention,
    users::{self, NewUser},
};
use crate::{
    access::{Directory, Secret, Session, SessionStanding, UnknownToken, new_id},
    audit::{Act, LeafActor, LeafDraft, Outcome, SideText},
    backend::{
        app::{App, denied},
        approvals::{Administrator, ApprovalError, Approvals, Proposal},
        config::FourEyes,
        entries::code_of,
        pipeline::JobError,
        relation::principal_of,
    },
    domain::{Actor, ApprovalId, Millis, Remark, Role, UserId, text::clean},
    protocol::ApprovalView,
    rights::{Denial, Object, Verb, decide},
    store::UserRecord,
};

/// Administrators who can be told of as the second one by name; of the others it is said that there are some.
const NAMES_TOLD_MAX: usize = 3;
/// Longest description of an export, in characters.
const EXPORT_MAX_CHARS: usize = 512;

/// Who does something, and who stands beside.
#[derive(Debug, Clone)]
pub(super) struct By {
    actor: Actor,
    second: Option<(ApprovalId, UserId)>,
    alone: Option<&'static str>,
}

impl By {
    pub(super) const fn one(actor: Actor) -> Self {
        Self { actor, second: None, alone: None }
    }

    /// Whether this user does it.
    pub(super) fn is(&self, user: &UserId) -> bool {
        matches!(&self.actor, Actor::User { user: by, .. } if by == user)
    }

    /// An entry that says who did it and who approved it, or why nobody did.
    pub(super) fn leaf(&self, act: Act) -> LeafDraft {
        let (approval, second) = self.second.clone().unzip();
        let leaf = LeafDraft::new(LeafActor::from(&self.actor), act, Outcome::Success);
        LeafDraft { approval, second, alone: self.alone, ..leaf }
    }
}

/// What is proposed, held while something of it changes.
pub type Proposals = tokio::sync::Mutex<Approvals<Plan>>;

/// Whoever set a passphrase can sign in with it: such an account is no other person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "somebody else set your passphrase: set one of your own first, which you alone know (`wardwatch user passphrase {0} \
     --token-file FILE`)"
)]
pub struct GivenPassphrase(String);

/// Why a proposal is not approved.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// It may not be.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// It is not about what is there any more.
    #[error("{0}: propose it again")]
    Changed(String),
    /// It was approved and could not be done.
    #[error("it was approved, and could not be done: {0}")]
    Undone(String),
    /// The session of whoever approves is over by now.
    #[error(transparent)]
    Over(#[from] UnknownToken),
    /// Somebody else knows the passphrase.
    #[error(transparent)]
    Given(#[from] GivenPassphrase),
    /// Whoever approves may not, by now.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// It could not be recorded.
    #[error(transparent)]
    Job(#[from] JobError),
}

/// Those who may sign in as administrators, by name.
fn administrators(app: &App) -> Vec<UserRecord> {
    let directory = app.hub.directory();
    let mut all: Vec<UserRecord> =
        directory.users().filter(|user| user.enabled && user.role == Role::Admin).cloned().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn administrator(session: &Session) -> Administrator {
    Administrator {
        user: session.user.id.clone(),
        name: session.user.name.clone(),
        session: session.record.id.clone(),
        key: session.record.key.clone(),
    }
}

fn actor_of(by: &Administrator) -> Actor {
    let Administrator { user, name, session, .. } = by.clone();
    Actor::User { user, name, role: Role::Admin, session }
}

/// The administrator whose session has this token, if a factor was proven in it of late.
async fn person(app: &App, token: &Secret) -> Result<Session, AdminError> {
    let session = app.session(token).map_err(refused)?;
    match decide(&principal_of(&session), Verb::ApproveActs, Object::Site).denial() {
        None => {
            app.touch(&session.record.id);
            Ok(session)
        }
        Some(denial) => {
            let leaves = denied(&session, code_of(Verb::ApproveActs), None, &[]);
            app.record(leaves, Vec::new()).await.map_err(refused)?;
            Err(refused(format!("the token of {} is not enough for this: {denial}", session.user.name)))
        }
    }
}

/// The session as it stands now: whoever had the proposals before may have ended it, or kept its user out.
fn still(app: &App, session: &Session) -> Result<Session, ApproveError> {
    let found = app.hub.directory().session_by_id(&session.record.id, app.clock.boot());
    let now = found.filter(|found| found.standing != SessionStanding::Ended).ok_or(UnknownToken::Unknown)?;
    decide(&principal_of(&now), Verb::ApproveActs, Object::Site).denial().map_or(Ok(now), |denial| Err(denial.into()))
}

/// Whether the passphrase of an account is its user's own.
fn check_own_passphrase(session: &Session) -> Result<(), GivenPassphrase> {
    session.user.given_at.map_or(Ok(()), |_| Err(GivenPassphrase(session.user.name.clone())))
}

/// As [`still`], and writes down that it does not.
async fn still_or_told(app: &App, session: &Session, act: Act) -> Result<Session, ApproveError> {
    let found = still(app, session).and_then(|session| match act {
        Act::ApprovalApprove => check_own_passphrase(&session).map(|()| session).map_err(Into::into),
        _ => Ok(session),
    });
    if let Err(why) = &found {
        let leaf = LeafDraft::new(LeafActor::from(&session.actor()), act, Outcome::Refused);
        let code = if matches!(why, ApproveError::Given(_)) { "given_passphrase" } else { "no_longer" };
        app.record(vec![LeafDraft { code: Some(code), ..leaf }], Vec::new()).await?;
    }
    found
}

/// Looks through what is asked for, so that nothing is left to be judged when it is done.
async fn prepare(app: &App, serving: bool, request: AdminRequest) -> Result<Plan, AdminError> {
    let named = |name: &str| users::named(app, name);
    match request {
        AdminRequest::AddUser { name, role, passphrase, coverage } => {
            users::new(app, NewUser { name, role, passphrase, coverage }).await.map(Plan::AddUser)
        }
        AdminRequest::SetPassphrase { name, passphrase } => {
            let user = named(&name)?;
            let phc = users::new_hash(app, &user, &passphrase).await?;
            Ok(Plan::Change(user, Change::Passphrase(phc)))
        }
        AdminRequest::SetRole { name, role } => {
            let user = named(&name)?;
            users::check_role(&user, role)?;
            Ok(Plan::Change(user, Change::Role(role)))
        }
        AdminRequest::EnableUser { name, enabled } => Ok(Plan::Change(named(&name)?, Change::Enabled(enabled))),
        AdminRequest::ResetFactor { name } => {
            let user = named(&name)?;
            app.check_reset(&user).map_err(refused)?;
            Ok(Plan::Change(user, Change::ResetFactor))
        }
        AdminRequest::AddUserKey { name, key } => {
            let user = named(&name)?;
            let key = keys::new(app, &user, &key)?;
            Ok(Plan::Change(user, Change::Key(key)))
        }
        AdminRequest::ArchiveAudit { upto, .. } => {
            retention::check(app, serving, (upto, true)).await?;
            Ok(Plan::ArchiveAudit(upto))
        }
        AdminRequest::RetainAudit { upto, archived, .. } => {
            retention::check(app, serving, (upto, archived)).await?;
            Ok(Plan::RetainAudit { upto, archived })
        }
        AdminRequest::ExportAudit { what, .. } => {
            let what = clean(&what);
            if what.is_empty() || what.chars().count() > EXPORT_MAX_CHARS {
                return Err(refused(format!("an export is described in 1 to {EXPORT_MAX_CHARS} characters")));
            }
            Ok(Plan::ExportAudit(what))
        }
        other => Err(AdminError::BadRequest(format!("{other:?} is not done by two"))),
    }
}

/// Words that stand beside an entry. Without them it says not what was done or why, so nothing is done.
fn beside(app: &App, field: &'static str, words: String) -> Result<SideText, AdminError> {
    app.beside(field, words).ok_or_else(|| refused("nothing was done or proposed: no random bytes could be had"))
}

/// Keeps why nobody else approves something.
async fn note_alone(app: &App, by: &By, plan: &Plan, reason: &Remark) -> Result<(), AdminError> {
    let side_text = Some(beside(app, "alone", reason.as_str().to_owned())?);
    let user = plan.user().map(|user| user.id.clone());
    let leaf = LeafDraft { user, code: Some(plan.code()), side_text, ..by.leaf(Act::ApprovalAlone) };
    app.record(vec![leaf], Vec::new()).await.map_err(refused)
}

async fn carry_out(app: &App, by: &By, serving: bool, plan: Plan) -> Done {
    match plan {
        Plan::AddUser(user) => users::add(app, by, user).await,
        Plan::Change(user, Change::Role(role)) => users::set_role(app, by, &user, role).await,
        Plan::Change(user, Change::Passphrase(phc)) => users::set_passphrase(app, by, &user, phc).await,
        Plan::Change(user, Change::Enabled(enabled)) => users::enable(app, by, &user, enabled).await,
        Plan::Change(user, Change::ResetFactor) => users::reset_factor(app, by, &user).await,
        Plan::Change(user, Change::Key(key)) => keys::add(app, by, &user, key).await,
        Plan::RetainAudit { upto, archived } => retention::retain(app, by, serving, (upto, archived)).await,
        Plan::ArchiveAudit(_) | Plan::ExportAudit(_) => {
            let what = if let Plan::ExportAudit(what) = plan { what } else { plan.words() };
            let leaf = LeafDraft { side_text: Some(beside(app, "export", what)?), ..by.leaf(Act::AuditExport) };
            app.record(vec![leaf], Vec::new()).await.map_err(refused)?;
            Ok(AdminAnswer::Done)
        }
    }
}

/// Does what is asked for if one may do it alone; else proposes it.
pub(super) async fn run(app: &App, asker: &Asker, request: AdminRequest) -> Done {
    let session = match &asker.whose.token {
        Some(token) => Some(person(app, token).await?),
        None => None,
    };
    let redeemed = match &request {
        AdminRequest::ExportAudit { approved, .. }
        | AdminRequest::ArchiveAudit { approved, .. }
        | AdminRequest::RetainAudit { approved, .. } => approved.clone(),
        _ => None,
    };
    // What takes long comes first and keeps nobody waiting: hashes, the site's list, the trail.
    let plan = prepare(app, asker.serving, request).await?;
    // Held to the end: two who keep each other out at once must not leave one.
    let mut proposals = app.proposals.lock().await;
    let session = session.map(|session| still(app, &session)).transpose().map_err(refused)?;
    if let Plan::Change(then, _) = &plan
        && !is_still(&app.hub.directory(), then)
    {
        return Err(refused(format!(
            "the account of {} was changed at the same time: look at it, and try again",
            then.name
        )));
    }
    let console = Actor::Console { uid: asker.uid };
    let actor = session.as_ref().map_or(console, Session::actor);
    let (user, code) = (plan.user().map(|user| user.id.clone()), plan.code());
    let (asked, done) = match redeemed {
        Some(id) => (Some(id.clone()), redeem(app, &mut proposals, (&id, session.as_ref()), plan).await),
        None => (None, settle(app, asker, &mut proposals, (session, actor.clone()), plan).await),
    };
    if done.is_err() {
        // Whoever tries what is not theirs to do is seen.
        let leaf = LeafDraft::new(LeafActor::from(&actor), Act::ApprovalPropose, Outcome::Refused);
        let leaf = LeafDraft { user, approval: asked, code: Some(code), ..leaf };
        app.record(vec![leaf], Vec::new()).await.map_err(refused)?;
    }
    done
}

/// Does it, if one may do it alone, or nobody could approve it; else proposes it.
async fn settle(
    app: &App,
    asker: &Asker,
    proposals: &mut Approvals<Plan>,
    (session, actor): (Option<Session>, Actor),
    plan: Plan,
) -> Done {
    let all = administrators(app);
    let plan = match plan {
        // The very first administrator is made by nobody else.
        Plan::AddUser(user) if all.is_empty() => Plan::AddUser(UserRecord { given_at: None, ..user }),
        plan => plan,
    };
    if !plan.wants_two(all.len(), session.as_ref().map(|s| &s.user.id)) {
        return carry_out(app, &By::one(actor), asker.serving, plan).await;
    }
    // At rest the configuration is that of the command, not of the server: one who is alone says why.
    let configured = app.config.rights.four_eyes == FourEyes::WhenPossible && (asker.serving || all.is_empty());
    let bootstraps = configured || plan.makes_an_administrator();
    if all.len() < 2 && bootstraps {
        let (code, why) = match all.len() {
            0 => ("no_administrator", "no administrator: nobody could approve this"),
            _ => ("one_administrator", "one administrator: nobody could approve this"),
        };
        let by = By { alone: Some(code), ..By::one(actor) };
        if let Some(reason) = &asker.whose.alone {
            note_alone(app, &by, &plan, reason).await?;
        }
        let done = carry_out(app, &by, asker.serving, plan).await?;
        return Ok(AdminAnswer::Alone { why: format!("{why}; the audit trail says so"), done: Box::new(done) });
    }
    match (asker.serving, &asker.whose.alone, session) {
        (false, Some(reason), _) => {
            let by = By { alone: Some("at_rest"), ..By::one(actor) };
            note_alone(app, &by, &plan, reason).await?;
            let done = carry_out(app, &by, false, plan).await?;
            let why = "done without a second administrator; the audit trail says so, with the reason".to_owned();
            Ok(AdminAnswer::Alone { why, done: Box::new(done) })
        }
        (false, None, _) => Err(refused(
            "this wants two administrators, and the second approves it while the server runs. If there is no other any \
             more, say why with --alone: the audit trail keeps it",
        )),
        (true, Some(_), _) => Err(refused(
            "--alone is for a server that was stopped: while it runs, a second administrator approves this",
        )),
        (true, None, _) if all.len() < 2 => Err(refused(
            "this wants two administrators (rights.four_eyes = \"always\"), and there are not two who may sign in: add \
             another first",
        )),
        (true, None, None) => Err(refused(
            "this wants two administrators: say who you are with --token-file (`wardwatch login` makes one), and another \
             approves it",
        )),
        (true, None, Some(session)) => propose(app, proposals, &session, plan).await,
    }
}

async fn propose(app: &App, proposals: &mut Approvals<Plan>, session: &Session, plan: Plan) -> Done {
    check_own_passphrase(session).map_err(refused)?;
    let plan = plan.proposed();
    let by = administrator(session);
    proposals.check(&plan.subject(), &by.user).map_err(refused)?;
    let id: ApprovalId =
        new_id("a", app.entropy.as_ref()).map_err(refused)?.parse().map_err(|e: crate::domain::IdError| refused(e))?;
    let words = plan.words();
    let side_text = beside(app, "proposal", words.clone())?;
    let leaf = LeafDraft {
        user: plan.user().map(|user| user.id.clone()),
        approval: Some(id.clone()),
        code: Some(plan.code()),
        side_text: Some(side_text),
        ..LeafDraft::new(LeafActor::from(&session.actor()), Act::ApprovalPropose, Outcome::Success)
    };
    app.record(vec![leaf], Vec::new()).await.map_err(refused)?;
    let others = administrators(app).into_iter().filter(|user| user.id != by.user).map(|user| user.name);
    let mut names: Vec<String> = others.take(NAMES_TOLD_MAX + 1).collect();
    if names.len() > NAMES_TOLD_MAX {
        names.truncate(NAMES_TOLD_MAX);
        names.push("another administrator".to_owned());
    }
    let subject = plan.subject();
    let keys = plan.user().map(|user| keys_of(&app.hub.directory(), &user.id)).unwrap_or_default();
    let (id_of, until) = (id.clone(), Millis::ZERO);
    let proposal = Proposal { id: id_of, what: plan, words: words.clone(), subject, keys, by, until, approved: None };
    proposals.propose(proposal, app.clock.boot()).map_err(refused)?;
    Ok(AdminAnswer::Proposed { approval: id, what: words, by: names, within: proposals.within() })
}

/// Takes the audit trail away, or removes of it, as it was proposed and approved.
async fn redeem(
    app: &App,
    proposals: &mut Approvals<Plan>,
    (id, session): (&ApprovalId, Option<&Session>),
    plan: Plan,
) -> Done {
    let session = session.ok_or_else(|| refused("say with --token-file who you are: you proposed it"))?;
    check_own_passphrase(session).map_err(refused)?;
    if let Some(what) = proposals.find(id.as_str()).ok().and_then(|open| changed(app, open)) {
        return Err(refused(ApproveError::Changed(what)));
    }
    let wanted = plan.clone().proposed();
    if proposals.find(id.as_str()).is_ok_and(|open| open.what != wanted) {
        return Err(refused(ApprovalError::Another(id.clone())));
    }
    let redeemed = proposals.redeem(id, &session.user.id, &plan.subject(), app.clock.boot());
    let (proposal, second) = redeemed.map_err(refused)?;
    let by = By { second: Some((proposal.id.clone(), second.user)), ..By::one(session.actor()) };
    let whole = plan == wanted;
    let done = carry_out(app, &by, true, plan).await;
    if done.is_err() || !whole {
        // Nothing was done, or the first half of it: it can be made use of until its time is over.
        proposals.put_back(vec![proposal]);
    }
    done
}

/// What is not any more as it was when this was proposed.
fn changed(app: &App, proposal: &Proposal<Plan>) -> Option<String> {
    let directory = app.hub.directory();
    let since = |name: &str| Some(format!("the account of {name} has changed since this was proposed"));
    // The second who has approved it may be gone; the session in which it was proposed may be ended because somebody else
    // had it.
    for one in [Some(&proposal.by), proposal.approved.as_ref()].into_iter().flatten() {
        if !directory.user(&one.user).is_some_and(|user| user.enabled && user.role == Role::Admin) {
            return since(&one.name);
        }
    }
    let session = directory.session_by_id(&proposal.by.session, app.clock.boot());
    if session.is_none_or(|session| session.standing == SessionStanding::Ended) {
        return Some(format!("the session of {} in which this was proposed is over", proposal.by.name));
    }
    let Plan::Change(then, _) = &proposal.what else { return None };
    let as_it_was = is_still(&directory, then) && keys_of(&directory, &then.id) == proposal.keys;
    if as_it_was { None } else { since(&then.name) }
}

/// The keys of an account, in their order.
fn keys_of(directory: &Directory, user: &UserId) -> Vec<String> {
    let mut keys: Vec<String> =
        directory.keys().filter(|key| key.user == *user).map(|key| key.fingerprint.clone()).collect();
    keys.sort();
    keys
}

/// Whether an account is as it was.
fn is_still(directory: &Directory, then: &UserRecord) -> bool {
    // A code that was spent makes no other factor.
    let seed = |user: &UserRecord| user.factor.as_ref().map(|factor| factor.sealed_seed.clone());
    let same = |now: &UserRecord| {
        (&now.name, now.role, &now.phc, now.enabled, &now.coverage, seed(now))
            == (&then.name, then.role, &then.phc, then.enabled, &then.coverage, seed(then))
    };
    directory.user(&then.id).is_some_and(same)
}

fn leaf_of(actor: LeafActor, act: Act, outcome: Outcome, proposal: &Proposal<Plan>) -> LeafDraft {
    LeafDraft {
        user: proposal.what.user().map(|user| user.id.clone()),
        approval: Some(proposal.id.clone()),
        ..LeafDraft::new(actor, act, outcome)
    }
}

/// All open proposals, as this session sees them.
pub async fn proposals(app: &App, session: &Session) -> Vec<ApprovalView> {
    let now = app.clock.boot();
    let proposals = app.proposals.lock().await;
    let open = proposals.all().filter(|open| now < open.until);
    let view = |open: &Proposal<Plan>| ApprovalView {
        approval: open.id.clone(),
        what: open.words.clone(),
        by: open.by.name.clone(),
        own: open.by.user == session.user.id,
        approved_by: open.approved.as_ref().map(|second| second.name.clone()),
        ends_in_ms: u64::try_from((open.until - now).0).unwrap_or_default(),
    };
    open.map(view).collect()
}

/// Approves a proposal of another administrator, and does it. Gives what was done, for people.
///
/// # Errors
/// If it is none, its time is over, it is the same person, session or key, whoever approves may not any more, what it is
/// about has changed, or it cannot be done or recorded.
pub async fn approve(app: &App, session: &Session, id: &str) -> Result<String, ApproveError> {
    let mut proposals = app.proposals.lock().await;
    let session = &still_or_told(app, session, Act::ApprovalApprove).await?;
    let (second, actor) = (administrator(session), LeafActor::from(&session.actor()));
    let taken = proposals.approve(id, &second, app.clock.boot());
    let proposal = match taken {
        Ok(proposal) => proposal,
        Err(e) => {
            let approval = proposals.find(id).ok().map(|open| open.id.clone());
            let leaf = LeafDraft::new(actor, Act::ApprovalApprove, Outcome::Refused);
            app.record(vec![LeafDraft { approval, code: Some(e.code()), ..leaf }], Vec::new()).await?;
            return Err(e.into());
        }
    };
    let what = changed(app, &proposal);
    let leaf = match &what {
        Some(_) => {
            LeafDraft { code: Some("changed"), ..leaf_of(actor.clone(), Act::ApprovalEnd, Outcome::Refused, &proposal) }
        }
        None => LeafDraft {
            code: Some(proposal.what.code()),
            ..leaf_of(actor.clone(), Act::ApprovalApprove, Outcome::Success, &proposal)
        },
    };
    if let Err(e) = app.record(vec![leaf], Vec::new()).await {
        // Nothing was done, and nobody was told that it came to an end: it goes on waiting.
        proposals.put_back(vec![proposal]);
        return Err(e.into());
    }
    if let Some(what) = what {
        return Err(ApproveError::Changed(what));
    }
    let words = proposal.words.clone();
    if proposal.what.is_run_again() {
        let (name, id) = (proposal.by.name.clone(), proposal.id.clone());
        proposals.keep(proposal, second, app.clock.boot());
        return Ok(format!("{words}; {name} asks for it again with --approved {id}"));
    }
    let by = By { second: Some((proposal.id.clone(), second.user)), ..By::one(actor_of(&proposal.by)) };
    match carry_out(app, &by, true, proposal.what.clone()).await {
        Ok(_) => Ok(words),
        Err(e) => {
            let leaf = leaf_of(actor, Act::ApprovalEnd, Outcome::Refused, &proposal);
            app.record(vec![LeafDraft { code: Some("failed"), ..leaf }], Vec::new()).await?;
            Err(ApproveError::Undone(e.to_string()))
        }
    }
}

/// Takes back one's own proposal, or refuses another's. Gives what is not done, for people.
///
/// # Errors
/// If there is none, whoever asks may not any more, or it could not be recorded.
pub async fn end(app: &App, session: &Session, id: &str) -> Result<String, ApproveError> {
    let mut proposals = app.proposals.lock().await;
    let session = &still_or_told(app, session, Act::ApprovalRefuse).await?;
    let proposal = proposals.end(id)?;
    let act = if proposal.by.user == session.user.id { Act::ApprovalWithdraw } else { Act::ApprovalRefuse };
    let leaf = leaf_of(LeafActor::from(&session.actor()), act, Outcome::Success, &proposal);
    let recorded = app.record(vec![LeafDraft { code: Some(proposal.what.code()), ..leaf }], Vec::new()).await;
    let words = proposal.words.clone();
    if recorded.is_err() {
        proposals.put_back(vec![proposal]);
    }
    Ok(recorded.map(|()| words)?)
}

async fn note_ends(app: &App, ended: &[Proposal<Plan>], code: &'static str) -> Result<(), JobError> {
    if ended.is_empty() {
        return Ok(());
    }
    let leaf = |proposal| leaf_of(LeafActor::System, Act::ApprovalEnd, Outcome::Refused, proposal);
    let leaves = ended.iter().map(|proposal| LeafDraft { code: Some(code), ..leaf(proposal) }).collect();
    app.record(leaves, Vec::new()).await
}

async fn end_those(
    app: &App,
    proposals: &mut Approvals<Plan>,
    ended: Vec<Proposal<Plan>>,
    code: &'static str,
) -> Result<(), JobError> {
    let noted = note_ends(app, &ended, code).await;
    if noted.is_err() {
        // They stay over; that they are, is told once it can be recorded.
        proposals.put_back(ended);
    }
    noted
}

/// Ends proposals whose time is over, or that are not about what is there any more. Called each second.
///
/// # Errors
/// If it could not be recorded.
pub async fn look_after_proposals(app: &App) -> Result<(), JobError> {
    // Whoever has them is done some time, and this comes again: nothing else waits for it meanwhile.
    let Ok(mut proposals) = app.proposals.try_lock() else { return Ok(()) };
    let now = app.clock.boot();
    let ended = proposals.take_those(|open| now >= open.until);
    end_those(app, &mut proposals, ended, "expired").await?;
    let ended = proposals.take_those(|open| changed(app, open).is_some());
    end_those(app, &mut proposals, ended, "changed").await
}

/// Ends all proposals: the server stops, and they are not kept.
///
/// # Errors
/// If it could not be recorded.
pub async fn lose_proposals(app: &App) -> Result<(), JobError> {
    let ended = app.proposals.lock().await.lost();
    note_ends(app, &ended, "lost").await
}
