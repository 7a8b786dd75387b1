use super::*;
use crate::access::new_token;
use crate::{domain::Role, domain::Timestamp, seam::OsEntropy, store::FactorRecord};

const PHC: &str = "$argon2id$1";

fn user(name: &str) -> UserRecord {
    UserRecord {
        id: format!("u-{name}").parse().unwrap(),
        name: name.into(),
        role: Role::Nurse,
        phc: PHC.into(),
        given_at: None,
        enabled: true,
        failures: 0,
        coverage: Coverage::All,
        factor: None,
    }
}

fn directory() -> Directory {
    let records = AccessRecords { users: vec![user("Anna")], ..AccessRecords::default() };
    Directory::new(Mode::Live, SessionLimits::default(), records, "b1")
}

fn sign_in(directory: &mut Directory, n: usize, began: Millis) -> (Secret, SessionRecord) {
    let (token, token_hash) = new_token(TokenKind::Session, Mode::Live, &OsEntropy).unwrap();
    let record = SessionRecord {
        id: format!("s{n}").parse().unwrap(),
        token_hash,
        user: "u-Anna".parse().unwrap(),
        boot_id: "b1".into(),
        began,
        active: began,
        locked: false,
        proven: began,
        former: None,
        held: false,
        key: None,
    };
    directory.apply(&AccessChange::BeginSession { session: record.clone(), proven: PHC.into(), factor: None });
    (token, record)
}

#[test]
fn names_are_unique_without_regard_to_case() {
    let directory = directory();
    assert_eq!(directory.check_new_name("ANNA"), Err(DirectoryError::NameTaken("ANNA".into())));
    assert!(matches!(directory.check_new_name("an na"), Err(DirectoryError::BadName(_))));
    assert!(matches!(directory.check_new_name("\u{1b}[31m"), Err(DirectoryError::BadName(_))));
    assert_eq!(directory.check_new_name("ben"), Ok(()));
}

#[test]
fn a_session_locks_when_idle_and_ends_for_good() {
    let mut directory = directory();
    let (token, record) = sign_in(&mut directory, 1, Millis(0));
    let unlock = |active| AccessChange::UnlockSession { session: record.id.clone(), active };
    let standing = |d: &Directory, minutes| d.session(&token, Millis::from_mins(minutes)).unwrap().standing;
    assert_eq!(standing(&directory, 14), SessionStanding::Active);
    assert_eq!(standing(&directory, 15), SessionStanding::Locked);
    directory.apply(&unlock(Millis::from_mins(16)));
    assert_eq!(standing(&directory, 30), SessionStanding::Active);
    directory.apply(&unlock(Millis::from_mins(719)));
    assert_eq!(standing(&directory, 720), SessionStanding::Ended, "whatever one does");
    assert_eq!(directory.ended_sessions(Millis::from_mins(720)).len(), 1);
    directory.apply(&AccessChange::DropSession(record.id.clone()));
    assert_eq!(directory.session(&token, Millis::from_mins(1)), Err(UnknownToken::Unknown));
}

#[test]
fn activity_keeps_a_session_and_is_kept_now_and_then() {
    let mut directory = directory();
    let (token, record) = sign_in(&mut directory, 1, Millis(0));
    let every = Millis::from_secs(60);
    assert_eq!(directory.touch(&record.id, Millis::from_secs(30), every), None);
    assert!(directory.touch(&record.id, Millis::from_secs(61), every).is_some());
    assert_eq!(directory.touch(&record.id, Millis::from_secs(62), every), None);
    directory.touch(&record.id, Millis::from_mins(10), every);
    directory.apply(&AccessChange::TouchSession { session: record.id.clone(), active: Millis::from_secs(61) });
    let session = directory.session(&token, Millis::from_mins(20)).unwrap();
    assert_eq!(session.standing, SessionStanding::Active, "a late write does not take activity back");
    assert_eq!(directory.newly_idle(Millis::from_mins(26)).len(), 1);
    assert_eq!(directory.touch(&record.id, Millis::from_mins(26), every), None, "a locked session is unlocked first");
}

#[test]
fn disabling_a_user_ends_the_sessions() {
    let mut directory = directory();
    let (token, _) = sign_in(&mut directory, 1, Millis(0));
    directory.apply(&AccessChange::SetEnabled { user: user("Anna").id, enabled: false });
    assert_eq!(directory.session(&token, Millis(1)).unwrap().standing, SessionStanding::Ended);
}

#[test]
fn a_session_that_is_gone_does_not_come_back() {
    let mut directory = directory();
    let (token, record) = sign_in(&mut directory, 1, Millis(0));
    let session = record.id;
    directory.apply(&AccessChange::DropSession(session.clone()));
    let active = Millis(5);
    for late in [
        AccessChange::UnlockSession { session: session.clone(), active },
        AccessChange::TouchSession { session: session.clone(), active },
        AccessChange::LockSession { session, idle_since: active },
    ] {
        directory.apply(&late);
        assert_eq!(directory.session(&token, active), Err(UnknownToken::Unknown), "{late:?}");
    }
    assert!(directory.kept_activity.is_empty());
}

#[test]
fn who_was_just_unlocked_is_not_locked_by_an_older_look() {
    let mut directory = directory();
    let (token, record) = sign_in(&mut directory, 1, Millis(0));
    let now = Millis::from_mins(15);
    let idle = directory.newly_idle(now).remove(0).record;
    directory.apply(&AccessChange::UnlockSession { session: record.id.clone(), active: now });
    directory.apply(&AccessChange::LockSession { session: idle.id, idle_since: idle.active });
    assert_eq!(directory.session(&token, now).unwrap().standing, SessionStanding::Active);
    directory.apply(&AccessChange::LockSession { session: record.id, idle_since: now });
    assert_eq!(directory.session(&token, now).unwrap().standing, SessionStanding::Locked);
}

#[test]
fn a_login_that_was_overtaken_changes_nothing() {
    let mut directory = directory();
    let anna = user("Anna").id;
    let late = AccessChange::Rehash { user: anna.clone(), old: PHC.into(), new: "rehashed".into() };
    directory.apply(&AccessChange::SetEnabled { user: anna.clone(), enabled: false });
    directory.apply(&late);
    let (token, _) = sign_in(&mut directory, 1, Millis(0));
    assert_eq!(directory.session(&token, Millis(0)), Err(UnknownToken::Unknown));
    assert!(!directory.user(&anna).unwrap().enabled);
    directory.apply(&AccessChange::SetEnabled { user: anna.clone(), enabled: true });
    directory.apply(&AccessChange::SetPhc { user: anna.clone(), phc: "another".into(), given_at: None });
    directory.apply(&late);
    let (token, _) = sign_in(&mut directory, 2, Millis(0));
    assert_eq!(directory.session(&token, Millis(0)), Err(UnknownToken::Unknown), "by the old passphrase");
    assert_eq!(directory.user(&anna).unwrap().phc, "another");
}

#[test]
fn a_login_that_was_judged_without_the_factor_of_now_changes_nothing() {
    let mut directory = directory();
    let anna = user("Anna").id;
    let factor = FactorRecord { sealed_seed: "seed".into(), last_step: 1, recovery: Vec::new() };
    directory.apply(&AccessChange::SetFactor { user: anna.clone(), factor: Some(factor) });
    let (token, record) = sign_in(&mut directory, 1, Millis(0));
    assert_eq!(directory.session(&token, Millis(0)), Err(UnknownToken::Unknown), "nobody asked for a code");
    // A code that is spent meanwhile makes no other factor of it.
    directory.apply(&AccessChange::SpendStep { user: anna, step: 2 });
    let begin = |factor: &str| AccessChange::BeginSession {
        session: record.clone(),
        proven: PHC.into(),
        factor: Some(factor.to_owned()),
    };
    directory.apply(&begin("another"));
    assert_eq!(directory.session(&token, Millis(0)), Err(UnknownToken::Unknown));
    directory.apply(&begin("seed"));
    assert!(directory.session(&token, Millis(0)).is_ok());
}

#[test]
fn nobody_takes_the_name_of_another() {
    let mut directory = directory();
    directory.apply(&AccessChange::AddUser(UserRecord { id: "u-2".parse().unwrap(), ..user("ANNA") }));
    assert_eq!(directory.user_by_name("anna").unwrap().id, user("Anna").id);
    assert_eq!(directory.users().count(), 1);
}

#[test]
fn all_sessions_of_a_user_end_at_once() {
    let mut directory = directory();
    let (first, _) = sign_in(&mut directory, 1, Millis(0));
    let (second, _) = sign_in(&mut directory, 2, Millis(0));
    directory.apply(&AccessChange::DropSessionsOf("u-Ben".parse().unwrap()));
    assert_eq!(directory.session_count(), 2);
    directory.apply(&AccessChange::DropSessionsOf("u-Anna".parse().unwrap()));
    assert_eq!(directory.session_count(), 0);
    for token in [first, second] {
        assert_eq!(directory.session(&token, Millis(0)), Err(UnknownToken::Unknown));
    }
}

#[test]
fn the_sixth_session_pushes_out_the_first() {
    let mut directory = directory();
    for n in 0..5 {
        sign_in(&mut directory, n, Millis::from_secs(i64::try_from(n).unwrap()));
    }
    assert_eq!(directory.pushed_out(&"u-Anna".parse().unwrap()), ["s0".parse().unwrap()]);
}

#[test]
fn sessions_of_another_boot_are_over() {
    let mut first = directory();
    let (token, record) = sign_in(&mut first, 1, Millis(0));
    let records = AccessRecords { users: vec![user("Anna")], sessions: vec![record], ..AccessRecords::default() };
    let same = Directory::new(Mode::Live, SessionLimits::default(), records.clone(), "b1");
    assert!(same.session(&token, Millis(1)).is_ok());
    let other = Directory::new(Mode::Live, SessionLimits::default(), records, "b2");
    assert_eq!(other.session(&token, Millis(1)), Err(UnknownToken::Unknown));
}

#[test]
fn tokens_of_the_other_mode_and_of_the_other_kind_are_refused() {
    let mut directory = directory();
    let (session, _) = sign_in(&mut directory, 1, Millis(0));
    assert_eq!(directory.device(&session), Err(UnknownToken::Unknown));
    let (token, token_hash) = new_token(TokenKind::Device, Mode::Demo, &OsEntropy).unwrap();
    let record = DeviceTokenRecord {
        token_hash,
        device: "d1".parse().unwrap(),
        mode: Mode::Demo,
        made_at: Timestamp::from_ms(0),
    };
    directory.apply(&AccessChange::PutDeviceToken(record));
    assert_eq!(directory.device(&token), Err(UnknownToken::Demo), "even if somebody copied it into the store");
    let (token, token_hash) = new_token(TokenKind::Device, Mode::Live, &OsEntropy).unwrap();
    let record = DeviceTokenRecord {
        token_hash,
        device: "d1".parse().unwrap(),
        mode: Mode::Live,
        made_at: Timestamp::from_ms(0),
    };
    directory.apply(&AccessChange::PutDeviceToken(record));
    assert_eq!(directory.device(&token).unwrap().as_str(), "d1");
    directory.apply(&AccessChange::DropDeviceTokens("d1".parse().unwrap()));
    assert_eq!(directory.device(&token), Err(UnknownToken::Unknown));
}

#[test]
fn a13_a_token_that_was_given_up_goes_on_for_a_moment_and_then_betrays_itself() {
    let mut directory = directory();
    let (first, record) = sign_in(&mut directory, 1, Millis(0));
    let (second, token_hash) = new_token(TokenKind::Session, Mode::Live, &OsEntropy).unwrap();
    let at = Millis::from_mins(10);
    assert!(!directory.session(&first, at).unwrap().fresh, "the login is a while ago");
    directory.apply(&AccessChange::RotateSession { session: record.id.clone(), token_hash, at });
    assert!(directory.session(&second, at).unwrap().fresh);
    assert!(directory.session(&first, at + Millis::from_secs(29)).is_ok(), "what is under way comes to its end");
    assert_eq!(directory.session(&first, at + FORMER_TOKEN_SPAN), Err(UnknownToken::Reused));
    let betrayed = directory.session_of_reused(&first, at + FORMER_TOKEN_SPAN).unwrap();
    assert_eq!(betrayed.record.id, record.id);
    let (third, token_hash) = new_token(TokenKind::Session, Mode::Live, &OsEntropy).unwrap();
    directory.apply(&AccessChange::RotateSession { session: record.id.clone(), token_hash, at });
    assert!(directory.session(&first, at + Millis::from_secs(29)).is_ok(), "two proofs at once throw nobody out");
    let later = at + FORMER_TOKEN_SPAN;
    assert_eq!(directory.session(&first, later), Err(UnknownToken::Reused), "the last but one betrays itself too");
    assert_eq!(directory.session_of_reused(&first, later).unwrap().record.id, record.id);
    for _ in 0..FORMER_TOKENS_KEPT {
        let (_, token_hash) = new_token(TokenKind::Session, Mode::Live, &OsEntropy).unwrap();
        directory.apply(&AccessChange::RotateSession { session: record.id.clone(), token_hash, at: later });
    }
    assert_eq!(directory.session(&first, later), Err(UnknownToken::Unknown), "what is remembered is bounded");
    assert_eq!(directory.by_former.len(), FORMER_TOKENS_KEPT);
    directory.apply(&AccessChange::DropSession(record.id));
    for token in [first, second, third] {
        assert_eq!(directory.session(&token, at), Err(UnknownToken::Unknown));
    }
    assert!(directory.by_former.is_empty() && directory.by_token.is_empty() && directory.given_up.is_empty());
}

#[test]
fn a_display_has_a_session_as_long_as_it_is_there() {
    let mut directory = directory();
    let (token, token_hash) = new_token(TokenKind::Station, Mode::Live, &OsEntropy).unwrap();
    let station = StationRecord {
        id: "t-1".parse().unwrap(),
        name: "Wall".into(),
        ward: "w".parse().unwrap(),
        token_hash,
        mode: Mode::Live,
        made_at: Timestamp::from_ms(0),
    };
    directory.apply(&AccessChange::PutStation(station.clone()));
    let session = directory.session(&token, Millis::from_mins(100_000)).unwrap();
    assert_eq!((session.user.role, session.standing), (Role::Station, SessionStanding::Active));
    assert!(session.user.coverage.covers(&station.ward));
    assert_eq!(directory.check_new_name("wall"), Err(DirectoryError::NameTaken("wall".into())), "names are one space");
    let (other, token_hash) = new_token(TokenKind::Station, Mode::Live, &OsEntropy).unwrap();
    directory.apply(&AccessChange::PutStation(StationRecord { token_hash, ..station.clone() }));
    assert_eq!(directory.session(&token, Millis(0)), Err(UnknownToken::Unknown), "another token takes its place");
    directory.apply(&AccessChange::DropStation(station.id));
    assert_eq!(directory.session(&other, Millis(0)), Err(UnknownToken::Unknown));
}
