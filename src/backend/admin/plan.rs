//! Acts that may want two administrators: which do, and what they are called.

use crate::{
    domain::{Role, UserId},
    store::{UserKeyRecord, UserRecord},
};

/// What is to be changed of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The role.
    Role(Role),
    /// The passphrase, by its hash.
    Passphrase(String),
    /// Whether the account may sign in.
    Enabled(bool),
    /// The second factor goes.
    ResetFactor,
    /// A key of OpenSSH comes.
    Key(UserKeyRecord),
}

/// An act, looked through and ready to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Add an account.
    AddUser(UserRecord),
    /// Change one, which is as it stands here.
    Change(UserRecord, Change),
    /// Write the entries of the audit trail before this one to an archive, and remove them then.
    ArchiveAudit(u64),
    /// Remove the entries of the audit trail before this one.
    RetainAudit {
        /// All before this one.
        upto: u64,
        /// Whether they are in an archive.
        archived: bool,
    },
    /// Take the audit trail away: in which form, and which entries.
    ExportAudit(String),
}

impl Plan {
    /// Which account it is about.
    pub(super) const fn user(&self) -> Option<&UserRecord> {
        match self {
            Self::AddUser(user) | Self::Change(user, _) => Some(user),
            Self::ArchiveAudit(_) | Self::RetainAudit { .. } | Self::ExportAudit(_) => None,
        }
    }

    /// What is proposed for it: to archive is the first half of removing.
    pub(super) fn proposed(self) -> Self {
        match self {
            Self::ArchiveAudit(upto) => Self::RetainAudit { upto, archived: true },
            other => other,
        }
    }

    /// Whether the command does a part of it itself: then whoever proposed it runs it again once it is approved.
    pub(super) const fn is_run_again(&self) -> bool {
        matches!(self, Self::ArchiveAudit(_) | Self::RetainAudit { .. } | Self::ExportAudit(_))
    }

    /// There is one open proposal about it at most.
    pub(super) fn subject(&self) -> String {
        match self {
            Self::AddUser(user) | Self::Change(user, _) => format!("user {}", user.name.to_lowercase()),
            Self::ArchiveAudit(_) | Self::RetainAudit { .. } => "retention".to_owned(),
            Self::ExportAudit(what) => format!("export {what}"),
        }
    }

    /// How it is called in the audit trail.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::AddUser(_) => "user_add",
            Self::Change(_, Change::Role(_)) => "user_role",
            Self::Change(_, Change::Passphrase(_)) => "user_passphrase",
            Self::Change(_, Change::Enabled(true)) => "user_enable",
            Self::Change(_, Change::Enabled(false)) => "user_disable",
            Self::Change(_, Change::ResetFactor) => "user_factor",
            Self::Change(_, Change::Key(_)) => "user_key",
            Self::ArchiveAudit(_) | Self::RetainAudit { .. } => "audit_retain",
            Self::ExportAudit(_) => "audit_export",
        }
    }

    /// What exactly, for people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::AddUser(user) => format!("add {} with the role {} for {}", user.name, user.role, user.coverage),
            Self::Change(user, change) => {
                let (name, role) = (&user.name, user.role);
                match change {
                    Change::Role(to) => {
                        // Whoever knows the passphrase of an account is a second administrator beside themselves.
                        let given = user.given_at.filter(|_| self.makes_an_administrator());
                        let given = given.map(|at| format!("; somebody else set the passphrase of {name}, at {at}"));
                        format!("give {name} the role {to} in the place of {role}{}", given.unwrap_or_default())
                    }
                    Change::Passphrase(_) => format!("give {name} ({role}) another passphrase"),
                    Change::Enabled(true) => format!("let {name} ({role}) in again"),
                    Change::Enabled(false) => format!("keep {name} ({role}) out"),
                    Change::ResetFactor => format!("take the second factor of {name} ({role}) away"),
                    Change::Key(key) => format!("let {name} ({role}) in by the key {}", key.fingerprint),
                }
            }
            Self::ArchiveAudit(upto) => format!("archive all entries of the audit trail before {upto}"),
            Self::RetainAudit { upto, archived } => {
                let kept = if *archived { "which are archived then" } else { "which the receiver of syslog has" };
                format!("remove all entries of the audit trail before {upto}, {kept}")
            }
            Self::ExportAudit(what) => format!("export the audit trail: {what}"),
        }
    }

    pub(super) const fn makes_an_administrator(&self) -> bool {
        match self {
            Self::AddUser(user) => matches!(user.role, Role::Admin),
            Self::Change(user, Change::Role(to)) => matches!(to, Role::Admin) && !matches!(user.role, Role::Admin),
            Self::Change(user, Change::Enabled(true)) => matches!(user.role, Role::Admin) && !user.enabled,
            _ => false,
        }
    }

    /// Whether it wants two administrators, with so many who may sign in. One's own passphrase, key or factor is nobody
    /// else's account. An administrator may be kept out by one alone as long as two are left to watch each other.
    pub(super) fn wants_two(&self, administrators: usize, person: Option<&UserId>) -> bool {
        let leaves_one = |user: &UserRecord| user.role == Role::Admin && user.enabled && administrators <= 2;
        match self {
            Self::ArchiveAudit(_) | Self::RetainAudit { .. } | Self::ExportAudit(_) => true,
            Self::AddUser(_) | Self::Change(_, Change::Enabled(true)) => self.makes_an_administrator(),
            Self::Change(user, Change::Role(to)) => {
                self.makes_an_administrator() || (*to != Role::Admin && leaves_one(user))
            }
            Self::Change(user, Change::Enabled(false)) => leaves_one(user),
            Self::Change(user, Change::Passphrase(_) | Change::ResetFactor | Change::Key(_)) => {
                user.role == Role::Admin && person != Some(&user.id)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Coverage, Timestamp};

    fn user(name: &str, role: Role, enabled: bool) -> UserRecord {
        let (id, phc) = (format!("u-{name}").parse().unwrap(), String::new());
        let (name, given_at, coverage) = (name.to_owned(), None, Coverage::All);
        UserRecord { id, name, role, phc, given_at, enabled, failures: 0, coverage, factor: None }
    }

    #[test]
    fn u09_this_wants_two_and_that_does_not() {
        let (anna, ben) = (user("anna", Role::Admin, true), user("ben", Role::Nurse, true));
        let key = UserKeyRecord {
            fingerprint: "SHA256:k".into(),
            user: ben.id.clone(),
            algorithm: "ssh-ed25519".into(),
            comment: String::new(),
            added_at: Timestamp::from_ms(0),
        };
        let change = |user: &UserRecord, change| Plan::Change(user.clone(), change);
        let (out, phc) = (user("out", Role::Admin, false), || Change::Passphrase("phc".into()));
        // With two administrators, with three, and if it is about whoever asks.
        let rows = [
            (Plan::AddUser(anna.clone()), [true, true, true]),
            (Plan::AddUser(ben.clone()), [false, false, false]),
            (change(&ben, Change::Role(Role::Admin)), [true, true, true]),
            (change(&ben, Change::Role(Role::Doctor)), [false, false, false]),
            (change(&anna, Change::Role(Role::Nurse)), [true, false, true]),
            (change(&anna, Change::Role(Role::Admin)), [false, false, false]),
            (change(&out, Change::Role(Role::Nurse)), [false, false, false]),
            (change(&out, Change::Enabled(true)), [true, true, true]),
            (change(&ben, Change::Enabled(true)), [false, false, false]),
            (change(&anna, Change::Enabled(true)), [false, false, false]),
            (change(&anna, Change::Enabled(false)), [true, false, true]),
            (change(&out, Change::Enabled(false)), [false, false, false]),
            (change(&ben, Change::Enabled(false)), [false, false, false]),
            (change(&anna, phc()), [true, true, false]),
            (change(&out, phc()), [true, true, false]),
            (change(&ben, phc()), [false, false, false]),
            (change(&anna, Change::ResetFactor), [true, true, false]),
            (change(&ben, Change::ResetFactor), [false, false, false]),
            (change(&anna, Change::Key(key.clone())), [true, true, false]),
            (change(&ben, Change::Key(key)), [false, false, false]),
            (Plan::RetainAudit { upto: 7, archived: true }, [true, true, true]),
            (Plan::ArchiveAudit(7), [true, true, true]),
            (Plan::ExportAudit("fhir, all entries".into()), [true, true, true]),
        ];
        let other = "u-other".parse().unwrap();
        for (plan, wants) in rows {
            let own = plan.user().map(|user| user.id.clone());
            let found =
                [plan.wants_two(2, Some(&other)), plan.wants_two(3, Some(&other)), plan.wants_two(2, own.as_ref())];
            assert_eq!(found, wants, "{}", plan.words());
            assert_eq!(plan.wants_two(2, None), wants[0], "the console is nobody: {}", plan.words());
        }
    }
}
