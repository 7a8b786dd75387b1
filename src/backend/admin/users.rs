//! Users, their sessions, and displays.

use super::{
    execute::{Done, leaf, refused},
    guarded::By,
    request::{AdminAnswer, AdminError, StationInfo, UserInfo},
};
use crate::{
    access::{TokenKind, check_passphrase, new_id, new_token},
    audit::{Act, LeafActor, LeafDraft, Outcome},
    backend::{app::App, blocklist::is_listed},
    domain::{Actor, COVERED_WARDS_MAX, Coverage, Role, SessionId, WardId},
    protocol::SessionView,
    store::{AccessChange, StationRecord, UserRecord},
};
use std::sync::PoisonError;

/// A user who is to be added.
pub(super) struct NewUser {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) passphrase: String,
    pub(super) coverage: Coverage,
}

/// The hash of a new passphrase, if it can be one.
async fn hash(app: &App, passphrase: &str, name: &str, has_factor: bool) -> Result<String, AdminError> {
    let (hasher, passphrase, name) = (app.hasher.clone(), passphrase.to_owned(), name.to_owned());
    let list = app.config.passphrase.blocklist_file.clone();
    let hashed = tokio::task::spawn_blocking(move || {
        check_passphrase(&passphrase, &name, has_factor).map_err(refused)?;
        if let Some(list) = &list
            && is_listed(list, &passphrase).map_err(refused)?
        {
            return Err(refused("the passphrase is on the list of those that this site does not take"));
        }
        hasher.hash_blocking(&passphrase).map_err(refused)
    });
    hashed.await.map_err(refused)?
}

/// The account of a user who is to be added.
pub(super) async fn new(app: &App, new: NewUser) -> Result<UserRecord, AdminError> {
    let NewUser { name, role, passphrase, coverage } = new;
    if role == Role::Station {
        return Err(refused("a display is no user: `wardwatch station add` adds one"));
    }
    check_coverage(app, &coverage)?;
    check_auditor(role, &coverage)?;
    app.hub.directory().check_new_name(&name).map_err(refused)?;
    let phc = hash(app, &passphrase, &name, false).await?;
    let id = new_id("u", app.entropy.as_ref()).map_err(refused)?.parse().map_err(refused)?;
    let given_at = Some(app.engine_clock.now());
    Ok(UserRecord { id, name, role, phc, given_at, enabled: true, failures: 0, coverage, factor: None })
}

pub(super) async fn add(app: &App, by: &By, user: UserRecord) -> Done {
    let (added, name) = (user.id.clone(), user.name.clone());
    // It may have been proposed a while ago.
    check_coverage(app, &user.coverage)?;
    app.hub.directory().check_new_name(&name).map_err(refused)?;
    let leaf = LeafDraft { user: Some(added.clone()), code: Some(user.role.as_str()), ..by.leaf(Act::UserAdd) };
    app.record(vec![leaf], vec![AccessChange::AddUser(user)]).await.map_err(refused)?;
    // Somebody else may have taken the name while the passphrase was hashed.
    let directory = app.hub.directory();
    if directory.user(&added).is_none() {
        directory.check_new_name(&name).map_err(refused)?;
    }
    Ok(AdminAnswer::Done)
}

/// A ward that does not exist would shut somebody out by a slip of the pen.
fn check_coverage(app: &App, coverage: &Coverage) -> Result<(), AdminError> {
    let Coverage::Wards(wards) = coverage else { return Ok(()) };
    if wards.len() > COVERED_WARDS_MAX {
        return Err(refused(format!("at most {COVERED_WARDS_MAX} wards: leave them out for an account for all")));
    }
    match wards.iter().find(|ward| app.hub.ward(ward).is_none()) {
        Some(absent) => Err(refused(format!("there is no ward {absent}"))),
        None => Ok(()),
    }
}

/// The trail is of the whole site: wards would promise an auditor's account a bound that it has not.
fn check_auditor(role: Role, coverage: &Coverage) -> Result<(), AdminError> {
    match (role, coverage) {
        (Role::Auditor, Coverage::Wards(_)) => Err(refused(
            "an auditor reads the trail of the whole site: the account cannot be one for some wards, it has to be for all of \
             them (`wardwatch user add` without --ward, `wardwatch user wards NAME --all`)",
        )),
        _ => Ok(()),
    }
}

pub(super) fn named(app: &App, name: &str) -> Result<UserRecord, AdminError> {
    let found = app.hub.directory().user_by_name(name).cloned();
    found.ok_or_else(|| refused(format!("there is no user {}", crate::domain::text::clean(name))))
}

/// The hash of another passphrase of a user.
pub(super) async fn new_hash(app: &App, user: &UserRecord, passphrase: &str) -> Result<String, AdminError> {
    hash(app, passphrase, &user.name, user.factor.is_some()).await
}

pub(super) async fn set_passphrase(app: &App, by: &By, user: &UserRecord, phc: String) -> Done {
    let leaf = LeafDraft { user: Some(user.id.clone()), ..by.leaf(Act::UserPassphrase) };
    // Whoever has a token by the old passphrase may be the reason for the new one.
    let (mut leaves, ending) = app.end_sessions(&leaf, user, "passphrase_changed");
    leaves.insert(0, leaf);
    let reset = AccessChange::SetFailures { user: user.id.clone(), failures: 0 };
    let given_at = if by.is(&user.id) { None } else { Some(app.engine_clock.now()) };
    let changes = vec![AccessChange::SetPhc { user: user.id.clone(), phc, given_at }, reset, ending];
    app.record(leaves, changes).await.map_err(refused)?;
    app.backoff.lock().unwrap_or_else(PoisonError::into_inner).forgive(&user.name);
    Ok(AdminAnswer::Done)
}

pub(super) async fn enable(app: &App, by: &By, user: &UserRecord, enabled: bool) -> Done {
    let code = Some(if enabled { "enabled" } else { "disabled" });
    let leaf = LeafDraft { user: Some(user.id.clone()), code, ..by.leaf(Act::UserState) };
    let mut leaves = Vec::new();
    let mut changes = vec![AccessChange::SetEnabled { user: user.id.clone(), enabled }];
    if !enabled {
        let (ends, ending) = app.end_sessions(&leaf, user, "user_disabled");
        leaves.extend(ends);
        changes.push(ending);
    }
    leaves.insert(0, leaf);
    app.record(leaves, changes).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}

/// Whether a user can have a role.
pub(super) fn check_role(user: &UserRecord, role: Role) -> Result<(), AdminError> {
    if role == Role::Station {
        return Err(refused("a user is no display"));
    }
    check_auditor(role, &user.coverage)
}

/// Another role is another session: what was signed in to was something else.
pub(super) async fn set_role(app: &App, by: &By, user: &UserRecord, role: Role) -> Done {
    let leaf = LeafDraft { user: Some(user.id.clone()), code: Some(role.as_str()), ..by.leaf(Act::UserRole) };
    let (mut leaves, ending) = app.end_sessions(&leaf, user, "role_changed");
    leaves.insert(0, leaf);
    let changes = vec![AccessChange::SetRole { user: user.id.clone(), role }, ending];
    app.record(leaves, changes).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}

pub(super) async fn set_coverage(app: &App, by: &Actor, name: &str, coverage: Coverage) -> Done {
    let user = named(app, name)?;
    check_coverage(app, &coverage)?;
    check_auditor(user.role, &coverage)?;
    let side_text = app.beside("wards", coverage.to_string());
    let leaf = LeafDraft { user: Some(user.id.clone()), side_text, ..leaf(by, Act::UserWards) };
    let change = AccessChange::SetCoverage { user: user.id, coverage };
    app.record(vec![leaf], vec![change]).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}

pub(super) async fn reset_factor(app: &App, by: &By, user: &UserRecord) -> Done {
    app.reset_factor(by.leaf(Act::UserFactor), user).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}

pub(super) fn list(app: &App) -> AdminAnswer {
    let directory = app.hub.directory();
    let info = |u: &UserRecord| UserInfo {
        name: u.name.clone(),
        role: u.role,
        enabled: u.enabled,
        failures: u.failures,
        coverage: u.coverage.clone(),
        factor: u.factor.is_some(),
    };
    let mut users: Vec<UserInfo> = directory.users().map(info).collect();
    users.sort_by(|a, b| a.name.cmp(&b.name));
    AdminAnswer::Users { users }
}

pub(super) fn sessions(app: &App, name: Option<&str>) -> Done {
    let users = match name {
        Some(name) => vec![named(app, name)?],
        None => app.hub.directory().users().cloned().collect(),
    };
    let sessions: Vec<SessionView> = users.iter().flat_map(|user| app.sessions_of(&user.id, None)).collect();
    Ok(AdminAnswer::Sessions { sessions })
}

pub(super) async fn end_session(app: &App, by: &Actor, id: &SessionId) -> Done {
    let found = app.hub.directory().session_by_id(id, app.clock.boot());
    let session = found.ok_or_else(|| refused(format!("there is no session {id}")))?;
    let leaf = LeafDraft {
        code: Some("by_administrator"),
        session: Some(id.clone()),
        user: Some(session.user.id),
        ..LeafDraft::new(LeafActor::from(by), Act::SessionEnd, Outcome::Success)
    };
    app.record(vec![leaf], vec![AccessChange::DropSession(id.clone())]).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}

pub(super) async fn add_station(app: &App, by: &Actor, name: &str, ward: WardId) -> Done {
    if app.hub.ward(&ward).is_none() {
        return Err(refused(format!("there is no ward {ward}")));
    }
    let known = app.hub.directory().station_by_name(name).map(|station| (station.id.clone(), station.name.clone()));
    let (id, name) = match known {
        Some(known) => known,
        None => {
            app.hub.directory().check_new_name(name).map_err(refused)?;
            let id = new_id("t", app.entropy.as_ref()).map_err(refused)?;
            (id.parse().map_err(refused)?, name.to_owned())
        }
    };
    let mode = app.hub.mode();
    let (token, token_hash) = new_token(TokenKind::Station, mode, app.entropy.as_ref()).map_err(refused)?;
    let leaf = LeafDraft { user: Some(id.clone()), ward: Some(ward.clone()), ..leaf(by, Act::StationAdd) };
    let station = StationRecord { id, name, ward, token_hash, mode, made_at: app.engine_clock.now() };
    app.record(vec![leaf], vec![AccessChange::PutStation(station)]).await.map_err(refused)?;
    Ok(AdminAnswer::Token { token: token.expose().to_owned() })
}

pub(super) async fn remove_station(app: &App, by: &Actor, name: &str) -> Done {
    let found = app.hub.directory().station_by_name(name).map(|station| station.id.clone());
    let id = found.ok_or_else(|| refused(format!("there is no display {}", crate::domain::text::clean(name))))?;
    let leaf = LeafDraft { user: Some(id.clone()), ..leaf(by, Act::StationRemove) };
    app.record(vec![leaf], vec![AccessChange::DropStation(id)]).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}

pub(super) fn stations(app: &App) -> AdminAnswer {
    let directory = app.hub.directory();
    let info = |s: &StationRecord| StationInfo { name: s.name.clone(), ward: s.ward.clone(), made_at: s.made_at };
    let mut stations: Vec<StationInfo> = directory.stations().map(info).collect();
    stations.sort_by(|a, b| a.name.cmp(&b.name));
    AdminAnswer::Stations { stations }
}
