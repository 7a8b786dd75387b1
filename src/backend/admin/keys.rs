//! Keys of OpenSSH by which users are let in.

use super::{
    execute::{Done, leaf, refused},
    guarded::By,
    request::{AdminAnswer, AdminError, UserKeyInfo},
    users,
};
use crate::{
    access::{SshKey, is_hardware},
    audit::{Act, LeafDraft},
    backend::app::App,
    domain::Actor,
    store::{AccessChange, UserKeyRecord, UserRecord},
};

/// Most keys of one user.
const KEYS_PER_USER_MAX: usize = 16;

/// A key for a user, by the line of its file.
pub(super) fn new(app: &App, user: &UserRecord, line: &str) -> Result<UserKeyRecord, AdminError> {
    let key = SshKey::parse(line).map_err(refused)?;
    let record = UserKeyRecord {
        fingerprint: key.fingerprint.clone(),
        user: user.id.clone(),
        algorithm: key.algorithm.to_owned(),
        comment: key.comment.clone(),
        added_at: app.engine_clock.now(),
    };
    check(app, user, &record)?;
    Ok(record)
}

fn check(app: &App, user: &UserRecord, key: &UserKeyRecord) -> Result<(), AdminError> {
    let directory = app.hub.directory();
    if let Some(owner) = directory.key(&key.fingerprint).and_then(|found| directory.user(&found.user)) {
        return Err(refused(format!("{} has the key {} already", owner.name, key.fingerprint)));
    }
    if directory.keys().filter(|found| found.user == user.id).count() >= KEYS_PER_USER_MAX {
        return Err(refused(format!("{} has {KEYS_PER_USER_MAX} keys: remove one first", user.name)));
    }
    Ok(())
}

pub(super) async fn add(app: &App, by: &By, user: &UserRecord, record: UserKeyRecord) -> Done {
    // It may have been proposed a while ago.
    check(app, user, &record)?;
    let side_text = app.beside("key", record.fingerprint.clone());
    let leaf = LeafDraft { user: Some(user.id.clone()), code: Some("added"), side_text, ..by.leaf(Act::UserKey) };
    app.record(vec![leaf], vec![AccessChange::AddUserKey(record.clone())]).await.map_err(refused)?;
    // Somebody else may have got the key meanwhile.
    let kept = app.hub.directory().key(&record.fingerprint).is_some_and(|found| found.user == user.id);
    if !kept {
        return Err(refused(format!("somebody else has the key {} by now", record.fingerprint)));
    }
    Ok(AdminAnswer::UserKeys { keys: vec![info(&user.name, &record)] })
}

/// Takes a key away. Sessions of the user end: nobody knows any more which of them it opened.
pub(super) async fn remove(app: &App, by: &Actor, name: &str, fingerprint: &str) -> Done {
    let user = users::named(app, name)?;
    let found = app.hub.directory().key(fingerprint).is_some_and(|key| key.user == user.id);
    if !found {
        return Err(refused(format!("{name} has no key {}", crate::domain::text::clean(fingerprint))));
    }
    let side_text = app.beside("key", fingerprint.to_owned());
    let leaf = LeafDraft { user: Some(user.id.clone()), code: Some("removed"), side_text, ..leaf(by, Act::UserKey) };
    let (mut leaves, ending) = app.end_sessions(&leaf, &user, "key_removed");
    leaves.insert(0, leaf);
    let drop = AccessChange::DropUserKey { user: user.id, fingerprint: fingerprint.to_owned() };
    app.record(leaves, vec![drop, ending]).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}

pub(super) fn list(app: &App, name: Option<&str>) -> Done {
    let wanted = name.map(|name| users::named(app, name)).transpose()?;
    let directory = app.hub.directory();
    let of_wanted = |key: &&UserKeyRecord| wanted.as_ref().is_none_or(|user| user.id == key.user);
    let info = |key: &UserKeyRecord| Some(info(&directory.user(&key.user)?.name, key));
    let mut keys: Vec<UserKeyInfo> = directory.keys().filter(of_wanted).filter_map(info).collect();
    keys.sort_by(|a, b| (&a.user, &a.fingerprint).cmp(&(&b.user, &b.fingerprint)));
    Ok(AdminAnswer::UserKeys { keys })
}

fn info(user: &str, key: &UserKeyRecord) -> UserKeyInfo {
    UserKeyInfo {
        user: user.to_owned(),
        fingerprint: key.fingerprint.clone(),
        algorithm: key.algorithm.clone(),
        hardware: is_hardware(&key.algorithm),
        comment: key.comment.clone(),
        added_at: key.added_at,
    }
}
