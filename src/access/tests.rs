//! Directory and store take in the same changes: what one says the other says too.

use super::{Directory, SessionLimits};
use crate::{
    domain::{Coverage, Millis, Mode, Role, SessionId, Timestamp, UserId},
    seam::{ManualClock, OsEntropy},
    store::{
        AccessChange, AccessRecords, Batch, DataFolder, FactorRecord, SessionRecord, Store, StoreReader, UserKeyRecord,
        UserRecord,
        sqlite::{SqliteStore, StoreParts},
    },
};
use std::sync::Arc;

fn key(user: &UserId) -> UserKeyRecord {
    UserKeyRecord {
        fingerprint: "SHA256:k".into(),
        user: user.clone(),
        algorithm: "ssh-ed25519".into(),
        comment: "desk".into(),
        added_at: Timestamp::from_ms(7),
    }
}

/// Whatever the order in which changes come, what is read back at a start is what the directory said before it.
#[test]
fn store_and_directory_judge_access_changes_alike() {
    let user = UserRecord {
        id: "u-1".parse().unwrap(),
        name: "anna".into(),
        role: Role::Nurse,
        phc: "old".into(),
        given_at: None,
        enabled: true,
        failures: 0,
        coverage: Coverage::All,
        factor: Some(FactorRecord { sealed_seed: "s".into(), last_step: 3, recovery: vec!["a".into(), "b".into()] }),
    };
    let (anna, session): (UserId, SessionId) = (user.id.clone(), "s1".parse().unwrap());
    let record = SessionRecord {
        id: session.clone(),
        token_hash: [7; 32],
        user: anna.clone(),
        boot_id: "b".into(),
        began: Millis(1),
        active: Millis(1),
        locked: false,
        proven: Millis(1),
        former: None,
        held: false,
        key: None,
    };
    let changes = [
        AccessChange::BeginSession { session: record, proven: "old".into(), factor: Some("s".into()) },
        AccessChange::LockSession { session: session.clone(), idle_since: Millis(1) },
        AccessChange::UnlockSession { session: session.clone(), active: Millis(9) },
        AccessChange::TouchSession { session: session.clone(), active: Millis(5) },
        AccessChange::SetEnabled { user: anna.clone(), enabled: false },
        AccessChange::SetPhc { user: anna.clone(), phc: "new".into(), given_at: None },
        AccessChange::Rehash { user: anna.clone(), old: "old".into(), new: "rehashed".into() },
        AccessChange::RotateSession { session: session.clone(), token_hash: [8; 32], at: Millis(7) },
        AccessChange::SetCoverage { user: anna.clone(), coverage: Coverage::of(vec!["w".parse().unwrap()]) },
        AccessChange::SetRole { user: anna.clone(), role: Role::Charge },
        AccessChange::SpendStep { user: anna.clone(), step: 2 },
        AccessChange::SpendStep { user: anna.clone(), step: 9 },
        AccessChange::SpendRecovery { user: anna.clone(), code_hash: "a".into() },
        AccessChange::SetFactor { user: anna.clone(), factor: None },
        AccessChange::DropSession(session),
        AccessChange::AddUserKey(key(&anna)),
        AccessChange::AddUserKey(key(&"u-2".parse().unwrap())),
        AccessChange::DropUserKey { user: anna.clone(), fingerprint: "SHA256:k".into() },
        AccessChange::DropSessionsOf(anna),
    ];
    for first in 0..changes.len() {
        for step in 1..4 {
            let dir = tempfile::tempdir().unwrap();
            let folder = DataFolder::make(&dir.path().join("data")).unwrap();
            let clock = Arc::new(ManualClock::at(Timestamp::from_ms(0)));
            let parts = StoreParts { clock, entropy: Arc::new(OsEntropy) };
            let mut store = SqliteStore::open(&folder, folder.lock().unwrap(), Mode::Demo, &parts).unwrap();
            let mut directory = Directory::new(Mode::Demo, SessionLimits::default(), AccessRecords::default(), "b");
            let places = (0..changes.len()).map(|n| (first + n * step) % changes.len());
            let order = [AccessChange::AddUser(user.clone()), changes[0].clone()].into_iter();
            for change in order.chain(places.map(|place| changes[place].clone())) {
                directory.apply(&change);
                store.commit(&Batch { access: vec![change.clone()], ..Batch::default() }).unwrap();
                let stored = store.reader().unwrap().access().unwrap();
                assert_eq!(stored.users, directory.users().cloned().collect::<Vec<_>>(), "{change:?}");
                assert_eq!(stored.sessions, directory.sessions_of(&user.id), "{change:?}");
                assert_eq!(stored.user_keys, directory.keys().cloned().collect::<Vec<_>>(), "{change:?}");
            }
        }
    }
}
