use super::*;
use crate::domain::Role;

fn row(table: &mut String, name: &str, principal: &Principal, object: Object<'_>) {
    let cell = |verb: Verb| match decide(principal, verb, object) {
        Decision::Allow => Some(format!("{verb:?}")),
        Decision::StepUp => Some(format!("{verb:?}(step-up)")),
        Decision::BreakGlass => Some(format!("{verb:?}(break-glass)")),
        Decision::Deny(_) => None,
    };
    let cells: Vec<String> = Verb::ALL.into_iter().filter_map(cell).collect();
    table.push_str(&format!("{name}: {}\n", cells.join(" ")));
}

const STALE: Standing = Standing { locked: false, fresh: false };
const LOCKED: Standing = Standing { locked: true, fresh: true };

/// The whole table of roles, verbs and relations, to be read and agreed by hand.
#[test]
fn h01_golden_table() {
    let mut table = String::new();
    for role in Role::ALL {
        for relation in Relation::ALL {
            let (name, object) = (format!("{role}, {relation:?}"), Object::Patient(relation));
            row(&mut table, &name, &Principal::of_role(role, Standing::FULL), object);
        }
        row(&mut table, &format!("{role}, site"), &Principal::of_role(role, Standing::FULL), Object::Site);
    }
    for (standing, what) in [(LOCKED, "locked"), (STALE, "not proven of late")] {
        for role in Role::ALL {
            row(
                &mut table,
                &format!("{role}, {what}"),
                &Principal::of_role(role, standing),
                Object::Ward(Relation::Ward),
            );
        }
    }
    row(&mut table, "console", &Principal::Console, Object::Site);
    let (own, other): (DeviceId, DeviceId) = ("d1".parse().unwrap(), "d2".parse().unwrap());
    let device = Principal::Machine(own.clone());
    row(&mut table, "device, own data", &device, Object::Device { id: &own, gateway: None });
    row(&mut table, "device, data it is the gateway of", &device, Object::Device { id: &other, gateway: Some(&own) });
    row(&mut table, "device, data of another", &device, Object::Device { id: &other, gateway: None });
    row(&mut table, "device, ward", &device, Object::Ward(Relation::Ward));
    insta::assert_snapshot!(table);
}

fn everybody() -> Vec<Principal> {
    let standings = [Standing::FULL, STALE, LOCKED, Standing { locked: true, fresh: false }];
    let mut all: Vec<Principal> =
        Role::ALL.into_iter().flat_map(|role| standings.map(|standing| Principal::of_role(role, standing))).collect();
    all.extend([Principal::Console, Principal::Machine("d1".parse().unwrap())]);
    all
}

#[test]
fn n02_no_administrator_sees_a_patient_and_no_clinician_administers() {
    for principal in everybody() {
        for verb in Verb::ALL {
            for relation in Relation::ALL {
                let decision = decide(&principal, verb, Object::Patient(relation));
                let denied = matches!(decision, Decision::Deny(_));
                if verb.shows_patients() && matches!(principal, Principal::Administrator { .. } | Principal::Console) {
                    assert!(denied, "{principal:?} {verb:?} {relation:?}");
                }
                if verb == Verb::ManageUsers && matches!(principal, Principal::Person { .. } | Principal::Station) {
                    assert!(denied, "{principal:?} {verb:?} {relation:?}");
                }
            }
        }
    }
}

#[test]
fn no_administrator_reads_messages_as_they_were_sent() {
    for principal in everybody() {
        for object in [Object::Site, Object::Ward(Relation::Ward), Object::Ward(Relation::Assigned)] {
            let may = decide(&principal, Verb::TriageMessages, object) == Decision::Allow;
            let ops = matches!(&principal, Principal::Person { role: Role::Ops, .. });
            assert!(!may || ops || principal == Principal::Console, "{principal:?} {object:?}");
        }
    }
}

#[test]
fn h15_without_a_relation_nothing_of_a_ward_is_allowed() {
    let sessions = |p: &Principal| !matches!(p, Principal::Console | Principal::Machine(_));
    for principal in everybody().into_iter().filter(sessions) {
        for verb in Verb::ALL.into_iter().filter(|verb| verb.is_of_a_ward()) {
            for object in [Object::Ward(Relation::None), Object::Patient(Relation::None), Object::Site] {
                let decision = decide(&principal, verb, object);
                assert!(decision.denial().is_some(), "{principal:?} {verb:?} {object:?}");
            }
        }
    }
}

#[test]
fn u05_a_station_never_acts_and_a_locked_session_watches_alone() {
    for principal in everybody() {
        for verb in Verb::ALL {
            for relation in Relation::ALL {
                let allowed = decide(&principal, verb, Object::Patient(relation)) == Decision::Allow;
                match &principal {
                    Principal::Station if allowed => {
                        assert!(matches!(verb, Verb::WatchWard | Verb::SeeInitials) && relation == Relation::Assigned);
                    }
                    Principal::Person { standing, .. } | Principal::Administrator { standing, .. }
                        if allowed && standing.locked =>
                    {
                        assert_eq!(verb, Verb::WatchWard);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// An emergency adds to what one may of a patient who is not one's own, and takes nothing from anybody.
#[test]
fn h03_break_glass_adds_reading_and_answers_to_alerts_alone() {
    for principal in everybody() {
        for verb in Verb::ALL {
            let of = |relation| decide(&principal, verb, Object::Patient(relation));
            if of(Relation::BreakGlass) == Decision::Allow && of(Relation::None) != Decision::Allow {
                assert!(verb.is_for_emergencies(), "{principal:?} {verb:?}");
                assert_eq!(of(Relation::Ward), Decision::Allow, "{principal:?} {verb:?}");
            }
            if of(Relation::None) == Decision::Allow {
                assert_eq!(of(Relation::BreakGlass), Decision::Allow, "{principal:?} {verb:?}");
            }
        }
    }
}

#[test]
fn the_trail_is_removed_from_the_console_alone_and_approved_by_administrators_alone() {
    for principal in everybody() {
        for object in [Object::Site, Object::Ward(Relation::Ward)] {
            let may = |verb| decide(&principal, verb, object) == Decision::Allow;
            let console = principal == Principal::Console;
            assert_eq!((may(Verb::RetainAudit), may(Verb::CheckPolicy)), (console, console), "{principal:?}");
            let admin = principal == Principal::of_role(Role::Admin, Standing::FULL);
            assert_eq!(may(Verb::ApproveActs), admin, "{principal:?}");
        }
    }
}

#[test]
fn a16_export_and_accounts_want_a_fresh_proof() {
    for principal in everybody() {
        let (Principal::Person { role, .. } | Principal::Administrator { role, .. }) = principal else { continue };
        for verb in Verb::ALL {
            let of = |standing| decide(&Principal::of_role(role, standing), verb, Object::Ward(Relation::Ward));
            let wanted = if verb.wants_fresh_proof() && of(Standing::FULL) == Decision::Allow {
                Decision::StepUp
            } else {
                of(Standing::FULL)
            };
            assert_eq!(of(STALE), wanted, "{role} {verb:?}");
        }
    }
}
