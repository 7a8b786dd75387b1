//! Doing what administrators ask for.

use super::request::{AdminAnswer, AdminError, AdminRequest, Asker, DeviceStatus, Status, WardStatus};
use super::{channels, devices, guarded, keys, retention, users};
use crate::{
    access::{TokenKind, new_token},
    audit::{Act, LeafActor, LeafDraft, Outcome},
    backend::{
        app::App,
        devices::check_start,
        entries::verb_of_request,
        letters,
        pipeline::{CLOCK_STEP_MIN, Job},
        policy::{self, Occasion},
        verb::verb_of,
    },
    domain::{Actor, Assignment, BreakGlass, Command, Device, DeviceId, Millis, Mode, Remark, Ward, WardId},
    policy::Wanted,
    rights::{Object, Principal, Verb, decide},
    seam::{Disk, OsDisk},
    store::{AccessChange, DataFolder, DeadLetterFilter, DeviceTokenRecord, EnrolmentRecord},
};
use std::{path::Path, sync::Arc};

/// Does what an administrator asks for, or proposes it if it wants two.
pub async fn execute(app: &Arc<App>, data: &Path, asker: Asker, request: AdminRequest) -> AdminAnswer {
    let by = Actor::Console { uid: asker.uid };
    if let Err(denied) = allow(verb_of_request(&request)) {
        return AdminAnswer::Failed { why: denied.to_string() };
    }
    let done = match request {
        AdminRequest::AddUser { .. }
        | AdminRequest::SetPassphrase { .. }
        | AdminRequest::EnableUser { .. }
        | AdminRequest::SetRole { .. }
        | AdminRequest::ResetFactor { .. }
        | AdminRequest::AddUserKey { .. }
        | AdminRequest::ExportAudit { .. }
        | AdminRequest::ArchiveAudit { .. }
        | AdminRequest::RetainAudit { .. } => guarded::run(app, &asker, request).await,
        AdminRequest::SetCoverage { name, coverage } => users::set_coverage(app, &by, &name, coverage).await,
        AdminRequest::ListUsers => Ok(users::list(app)),
        AdminRequest::RemoveUserKey { name, fingerprint } => keys::remove(app, &by, &name, &fingerprint).await,
        AdminRequest::ListUserKeys { name } => keys::list(app, name.as_deref()),
        AdminRequest::ListSessions { name } => users::sessions(app, name.as_deref()),
        AdminRequest::EndSession { session } => users::end_session(app, &by, &session).await,
        AdminRequest::AddStation { name, ward } => users::add_station(app, &by, &name, ward).await,
        AdminRequest::RemoveStation { name } => users::remove_station(app, &by, &name).await,
        AdminRequest::ListStations => Ok(users::stations(app)),
        AdminRequest::ListBreakGlass => Ok(list_emergencies(app)),
        AdminRequest::ReviewBreakGlass { id, justified, words } => {
            app.review_emergency(&by, &id, justified, words).await.map(|()| AdminAnswer::Done).map_err(refused)
        }
        AdminRequest::SetWard { ward } => set_ward(app, &by, ward).await.map(|()| AdminAnswer::Done),
        AdminRequest::Command { ward, command } => {
            run_command(app, &by, &ward, command).await.map(|()| AdminAnswer::Done)
        }
        AdminRequest::Assign { ward, assignment } => assign(app, &by, &ward, assignment).await,
        AdminRequest::AddDevice { ward, device } => add_device(app, &by, &ward, device).await,
        AdminRequest::ListDevices { ward } => devices::list(app, &by, ward.as_ref()).await,
        AdminRequest::ListUnplaced => devices::unplaced(app, &by).await,
        AdminRequest::Desire { device, intervals, limits } => {
            devices::desire(app, &by, &device, &intervals, &limits).await
        }
        AdminRequest::Enrol { device, valid, replace } => devices::enrol(app, &by, &device, valid, replace).await,
        AdminRequest::Provision { ward, gateway, commands } => provision(app, &by, ward, gateway, commands).await,
        AdminRequest::NoteAuditRead => note_audit_read(app, &by).await,
        AdminRequest::PlanRetention => retention::plan(app).await,
        AdminRequest::ListDeadLetters { filter, limit } => list_letters(app, &by, filter, limit).await,
        AdminRequest::ShowDeadLetter { no } => show_letter(app, &by, no).await,
        AdminRequest::RetryDeadLetter { no } => retry_letter(app, &by, no).await,
        AdminRequest::DropDeadLetter { no, reason } => drop_letter(app, &by, no, &reason).await,
        AdminRequest::ListChannels => channels::list(app),
        AdminRequest::TestChannel { channel, to } => channels::test(app, &by, &channel, to).await,
        AdminRequest::CheckPolicy { scope, initiative } => {
            check_policy(app, (data, asker.serving), by, Wanted { scope, initiative }).await
        }
        AdminRequest::Status => status(app, data, asker.serving).await,
    };
    done.unwrap_or_else(|e| AdminAnswer::Failed { why: e.to_string() })
}

fn list_emergencies(app: &App) -> AdminAnswer {
    let mut opened: Vec<BreakGlass> = app.hub.directory().opened().cloned().collect();
    opened.sort_by_key(|o| o.began);
    AdminAnswer::BreakGlass { opened, now: app.engine_clock.now() }
}

async fn list_letters(app: &App, by: &Actor, filter: DeadLetterFilter, limit: u32) -> Done {
    let letters = letters::list(app, by, filter, limit).await.map_err(refused)?;
    Ok(AdminAnswer::DeadLetters { letters })
}

async fn show_letter(app: &App, by: &Actor, no: u64) -> Done {
    let letter = letters::show(app, by, no).await.map_err(refused)?;
    Ok(AdminAnswer::DeadLetters { letters: vec![letter] })
}

async fn retry_letter(app: &App, by: &Actor, no: u64) -> Done {
    let report = letters::retry(app, by, no).await.map_err(refused)?;
    Ok(AdminAnswer::Retried { report })
}

async fn drop_letter(app: &App, by: &Actor, no: u64, reason: &Remark) -> Done {
    letters::put_aside(app, by, no, reason).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}

pub(super) type Done = Result<AdminAnswer, AdminError>;

pub(super) fn refused(why: impl std::fmt::Display) -> AdminError {
    AdminError::Refused(why.to_string())
}

pub(super) fn allow(verb: Verb) -> Result<(), AdminError> {
    match decide(&Principal::Console, verb, Object::Site).denial() {
        None => Ok(()),
        Some(denial) => Err(refused(denial)),
    }
}

pub(super) fn leaf(by: &Actor, act: Act) -> LeafDraft {
    LeafDraft::new(LeafActor::from(by), act, Outcome::Success)
}

async fn check_policy(app: &Arc<App>, (data, serving): (&Path, bool), by: Actor, wanted: Wanted) -> Done {
    let folder = DataFolder::open(data).map_err(refused)?;
    let checked = policy::check(app, &folder, &Occasion::Person(by), &wanted).await;
    let mut report = checked.map_err(|e| refused(policy::whole(&e)))?;
    if let Some(looked_at) = &mut report.looked_at {
        looked_at.running = serving;
    }
    Ok(AdminAnswer::Policy { report: Box::new(report) })
}

async fn note_audit_read(app: &App, by: &Actor) -> Done {
    app.record(vec![leaf(by, Act::AuditRead)], Vec::new()).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}

async fn set_ward(app: &App, by: &Actor, ward: Ward) -> Result<(), AdminError> {
    app.pipeline.ask(|reply| Job::SetWard { ward, by: by.clone(), reply }).await.map_err(refused)
}

/// How far the wall clock has stepped ahead of engine time; what is less than a step is no difference.
fn skew(app: &App) -> Millis {
    let offset = app.engine_clock.wall_offset();
    if offset.0.abs() > CLOCK_STEP_MIN.0 { offset } else { Millis::ZERO }
}

/// People at the console name times of the wall clock, from which engine time may be apart after a step.
fn in_engine_time(app: &App, mut command: Command) -> Command {
    let offset = skew(app);
    match &mut command {
        Command::Assign { assignment } => assignment.start = assignment.start - offset,
        Command::MoveDevice { at, .. } => *at = *at - offset,
        Command::Unassign { end, .. } => *end = *end - offset,
        _ => {}
    }
    command
}

pub(super) async fn run_command(app: &App, by: &Actor, ward: &WardId, command: Command) -> Result<(), AdminError> {
    let command = in_engine_time(app, command);
    let (verb, _) = verb_of(&command);
    allow(verb)?;
    check_ward(app, ward, &command)?;
    if let Command::MoveDevice { patient, at, .. } = &command {
        check_start(app, ward, (patient, *at)).map_err(AdminError::Refused)?;
    }
    let job = |reply| Job::Command { ward: ward.clone(), command, by: by.clone(), reply };
    let outcome = app.pipeline.ask(job).await.map_err(refused)?;
    outcome.refusal.map_or(Ok(()), |refusal| Err(refused(refusal)))
}

/// A device or patient is of one ward: two engines that both judge one body would tell of it twice, and data would reach
/// one of them alone.
fn check_ward(app: &App, ward: &WardId, command: &Command) -> Result<(), AdminError> {
    match command {
        Command::SetDevice { device } => match app.hub.elsewhere(ward, &device.id) {
            Some(other) => Err(refused(format!("device {} is of ward {other}: use another identifier", device.id))),
            None => Ok(()),
        },
        Command::Admit { patient, .. } => match app.hub.stays_elsewhere(ward, &patient.id) {
            Some(other) => Err(refused(format!("patient {} is in ward {other}: discharge there first", patient.id))),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

async fn assign(app: &App, by: &Actor, ward: &WardId, assignment: Assignment) -> Done {
    let start = assignment.start - skew(app);
    check_start(app, ward, (&assignment.patient, start)).map_err(AdminError::Refused)?;
    run_command(app, by, ward, Command::Assign { assignment }).await.map(|()| AdminAnswer::Done)
}

async fn new_device_token(app: &App, by: &Actor, device: &DeviceId) -> Result<String, AdminError> {
    let mode = app.hub.mode();
    let (token, token_hash) = new_token(TokenKind::Device, mode, app.entropy.as_ref()).map_err(refused)?;
    let record = DeviceTokenRecord { token_hash, device: device.clone(), mode, made_at: app.engine_clock.now() };
    let leaf = LeafDraft { device: Some(device.clone()), ..leaf(by, Act::DeviceToken) };
    // A code that is open would make another token.
    let _one_at_a_time = app.enrolments.lock().await;
    let open = app.hub.directory().enrolment_of(device).filter(|code| !code.used).cloned();
    let ended = open.map(|code| AccessChange::PutEnrolment(EnrolmentRecord { used: true, ..code }));
    let tokens = [AccessChange::DropDeviceTokens(device.clone()), AccessChange::PutDeviceToken(record)];
    let changes = tokens.into_iter().chain(ended).collect();
    app.record(vec![leaf], changes).await.map_err(refused)?;
    Ok(token.expose().to_owned())
}

async fn add_device(app: &App, by: &Actor, ward: &WardId, mut device: Device) -> Done {
    // A device that is added again keeps the limits that are wanted of it.
    if let Some(hub) = app.hub.ward(ward)
        && let Some(known) = hub.look_at_census(|census| census.devices.get(&device.id).cloned())
    {
        device.desired = known.desired;
    }
    let id = device.id.clone();
    run_command(app, by, ward, Command::SetDevice { device }).await?;
    Ok(AdminAnswer::Token { token: new_device_token(app, by, &id).await? })
}

async fn provision(app: &App, by: &Actor, ward: Ward, gateway: Device, commands: Vec<Command>) -> Done {
    if app.hub.mode() != Mode::Demo {
        let why = "this data folder is live: provision makes invented patients, in demo folders only";
        return Err(refused(why));
    }
    if app.hub.ward(&ward.id).is_some() {
        let why = format!("there is a ward {} already: use another data folder", ward.id);
        return Err(refused(why));
    }
    let (id, token_of) = (ward.id.clone(), gateway.id.clone());
    set_ward(app, by, ward).await?;
    run_command(app, by, &id, Command::SetDevice { device: gateway }).await?;
    for command in commands {
        run_command(app, by, &id, command).await?;
    }
    Ok(AdminAnswer::Token { token: new_device_token(app, by, &token_of).await? })
}

async fn status(app: &App, data: &Path, serving: bool) -> Done {
    let reader = app.reader.clone();
    let dead_letters = tokio::task::spawn_blocking(move || reader.dead_letter_count()).await;
    let wards = app.hub.wards().into_iter().filter_map(|ward| ward_status(app, &ward.id)).collect();
    Ok(AdminAnswer::Status(Box::new(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: app.hub.mode(),
        serving,
        now: app.engine_clock.now(),
        store: app.hub.store_state(),
        store_why: app.hub.store_why(),
        audit_leaves: app.hub.audit_size(),
        syslog: app.syslog.status(app.hub.audit_size()),
        dead_letters: dead_letters.map_err(refused)?.map_err(refused)?,
        sessions: app.hub.directory().session_count(),
        disk_used_percent: OsDisk.usage(data).ok().map(crate::seam::DiskUsage::used_percent),
        tls: app.identity.get().map(|identity| identity.status(app.clock.wall())),
        sources: app.sources.status(),
        wards,
    })))
}

fn ward_status(app: &App, ward: &WardId) -> Option<WardStatus> {
    let view = app.hub.ward(ward)?.subscribe();
    let mut devices = std::collections::BTreeMap::<DeviceId, DeviceStatus>::new();
    for vital in view.view.patients.values().flat_map(|p| p.vitals.values()) {
        let status = devices
            .entry(vital.device.clone())
            .or_insert_with(|| DeviceStatus { device: vital.device.clone(), last_observed: None });
        status.last_observed = status.last_observed.max(Some(vital.observed_at));
    }
    Some(WardStatus {
        ward: ward.clone(),
        head: view.head,
        patients: view.view.patients.len(),
        alerts: view.view.alerts.len(),
        unacknowledged: view.view.alerts.values().filter(|a| a.is_unacknowledged()).count(),
        devices: devices.into_values().collect(),
    })
}
