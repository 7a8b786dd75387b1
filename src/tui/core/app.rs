//! The state of the screen.

use super::{
    alert_report::ReportPage,
    audit::AuditLogPage,
    bell::Bell,
    command::Commands,
    devices::DevicesPage,
    emergencies::Emergencies,
    filter::Filter,
    handover::HandoverPage,
    handover_form::HandoverForm,
    input::Key,
    limits::LimitsPage,
    link::{Health, Link},
    ops::OpsPage,
    page::PatientPage,
    queue::Queue,
    select::Target,
    sheet::Sheet,
    spark::Sparks,
};
use crate::{
    client::TrailStanding,
    domain::{AlertId, Liveness, Millis, Mode, PatientId, PauseId, Shift, Timestamp},
    protocol::{SessionInfo, StoreState, VitalView, WardView},
};
use chrono_tz::Tz;
use std::collections::BTreeSet;

/// How a screen is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppOptions {
    /// The server, for people.
    pub server: String,
    /// Whether the screen begins with a session; else it begins with the login.
    pub signed_in: bool,
    /// Login name that is written into the form.
    pub user: String,
    /// Who is opened in an emergency, for people: the screen has a red edge all along.
    pub emergency: Option<String>,
}

/// What fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Signing in.
    Login,
    /// The beds.
    Ward,
    /// The alerts.
    Queue,
    /// One patient.
    Patient,
    /// What is quiet.
    Pauses,
    /// The limits of one patient.
    Limits,
    /// Who is on duty.
    Rota,
    /// The report of alerts.
    AlertReport,
    /// Who owns whom, and what is handed over.
    Handover,
    /// Devices, and those whose values are nobody's.
    Devices,
    /// The intake and its dead letters.
    Ops,
    /// The audit trail.
    Audit,
}

/// What stands above the page and takes the keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialog {
    /// A high alert is about to be acknowledged. It names what the person sees, so that an alert that moves meanwhile is
    /// not taken for the one that was looked at.
    ConfirmAcknowledge {
        /// The alert.
        alert: AlertId,
        /// The transition that the person sees.
        transition: u32,
    },
    /// What comes before another act: how long, why, to whom.
    Sheet(Box<Sheet>),
    /// A pause that waits for a second person is about to be confirmed.
    ConfirmPause {
        /// The pause.
        pause: PauseId,
    },
    /// A handover is about to be signed or answered.
    Handover(Box<HandoverForm>),
    /// Leaving although a high alert is not acknowledged.
    ConfirmQuit,
    /// All keys.
    Help {
        /// First line shown.
        scroll: usize,
    },
    /// The filter is being typed.
    Filter {
        /// What it was before.
        before: Filter,
    },
    /// The passphrase for the locked session is being typed.
    Unlock(UnlockForm),
}

/// The form that unlocks a session.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct UnlockForm {
    /// As typed; shown as dots.
    pub passphrase: String,
    /// Whether it has been sent and the answer is not there yet.
    pub waiting: bool,
    /// Why it did not work, for people.
    pub failed: Option<String>,
}

impl std::fmt::Debug for UnlockForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnlockForm")
            .field("waiting", &self.waiting)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// The field of the login form that takes the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoginField {
    /// Login name.
    #[default]
    User,
    /// Passphrase.
    Passphrase,
}

/// The login form.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct LoginForm {
    /// Login name as typed.
    pub user: String,
    /// Passphrase as typed; shown as dots.
    pub passphrase: String,
    /// The field that takes the keys.
    pub field: LoginField,
    /// Whether it has been sent and the answer is not there yet.
    pub waiting: bool,
    /// Why it did not work or why one has to sign in again, for people.
    pub failed: Option<String>,
}

impl std::fmt::Debug for LoginForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = (&self.user, &self.field, &self.waiting, &self.failed);
        f.debug_tuple("LoginForm").field(&shown).finish()
    }
}

/// What kind of news a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something was done.
    Done,
    /// Something could not be done.
    Failed,
}

/// A line that goes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// For people.
    pub text: String,
    /// Kind.
    pub kind: NoticeKind,
    /// When it goes.
    pub until: Millis,
    /// Whether it tells of an emergency: it comes again until it could be read.
    pub emergency: bool,
}

/// The end of a session: from then on no alerts come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedOut {
    /// The server's time then.
    pub at: Option<Timestamp>,
    /// The screen's monotonic clock then.
    pub since: Millis,
    /// The ward's time zone.
    pub zone: Tz,
    /// Whether a key was pressed since: somebody is there, and the bell is still.
    pub heard: bool,
}

/// What this client, a witness of the audit trail, has seen of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// Entries of the checkpoint that was seen last.
    pub size: Option<u64>,
    /// When it last was seen to have grown from what was seen before, by the screen's clock.
    pub witnessed: Option<Millis>,
    /// Why it could not be looked at or not be remembered, if so.
    pub failed: Option<String>,
    /// That the past was changed. It stays until the program ends, and comes again with the next one.
    pub forked: Option<String>,
}

impl Trail {
    /// Takes in what the link tells.
    pub(super) fn note(&mut self, now: Millis, standing: TrailStanding) {
        match standing {
            TrailStanding::Witnessed { size } if self.forked.is_none() => {
                self.size = Some(size);
                self.witnessed = Some(now);
                self.failed = None;
            }
            TrailStanding::Witnessed { .. } => {}
            TrailStanding::NotWitnessed { why } => self.failed = Some(why),
            TrailStanding::Forked { what } => {
                self.forked.get_or_insert(what);
            }
        }
    }
}

/// The state of the screen. Views read it; only [`App::handle`] changes it.
#[derive(Debug, Clone)]
pub struct App {
    /// How it was started.
    pub options: AppOptions,
    /// The screen's monotonic clock at the last event.
    pub now: Millis,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The link to the server.
    pub link: Link,
    /// The ward, once it is known.
    pub ward: Option<WardView>,
    /// The last event that is in it.
    pub seq: u64,
    /// Who is signed in.
    pub session: Option<SessionInfo>,
    /// Whether the server can record.
    pub store: StoreState,
    /// Leaves of the audit trail.
    pub audit: u64,
    /// What this client has seen of the audit trail.
    pub trail: Trail,
    /// Alerts that came while the server could not record.
    pub unrecorded: BTreeSet<AlertId>,
    /// The last hour of each vital.
    pub sparks: Sparks,
    /// What fills the screen.
    pub page: Page,
    /// Where `Back` leads.
    pub(super) came_from: Page,
    /// What stands above it.
    pub dialog: Option<Dialog>,
    /// The login form.
    pub login: LoginForm,
    /// The patient's page that is or was last open.
    pub patient: Option<PatientPage>,
    /// The limits that are or were last open.
    pub limits: Option<LimitsPage>,
    /// The alerts, in the order shown.
    pub queue: Queue,
    /// The selected pause.
    pub selected_pause: Option<PauseId>,
    /// The selected shift of the rota.
    pub selected_shift: Option<Shift>,
    /// The report of alerts.
    pub report: ReportPage,
    /// What the page of handovers shows.
    pub handover: HandoverPage,
    /// The page of devices.
    pub devices: DevicesPage,
    /// What the page of the intake shows.
    pub ops: OpsPage,
    /// What the page of the audit trail shows.
    pub audit_log: AuditLogPage,
    /// The selected patient of the ward.
    pub selected: Option<PatientId>,
    /// Whether the ward is ordered by urgency and not by bed.
    pub by_urgency: bool,
    /// Which beds are shown.
    pub filter: Filter,
    /// A line that goes by itself.
    pub notice: Option<Notice>,
    /// Emergencies that are not told yet.
    pub(super) emergencies: Emergencies,
    /// Whether the marks of alerts that nobody has acknowledged flash.
    pub flash: bool,
    /// When the bell sounds.
    pub bell: Bell,
    /// That the session ended under the person who watched; `None` once somebody has signed in again.
    pub signed_out: Option<SignedOut>,
    /// When the selected pause became another one by itself.
    pub(super) pause_moved_at: Option<Millis>,
    /// When the selected shift became another one by itself.
    pub(super) shift_moved_at: Option<Millis>,
    pub(super) target: Target,
    pub(super) commands: Commands,
    pub(super) last_key: Option<(Key, Millis)>,
    pub(super) activity_told: Option<Millis>,
    pub(super) sparks_asked: BTreeSet<u64>,
}

impl App {
    /// A screen before the first event.
    #[must_use]
    pub fn new(options: AppOptions) -> Self {
        let page = if options.signed_in { Page::Ward } else { Page::Login };
        let mut login = LoginForm { user: options.user.clone(), ..LoginForm::default() };
        if !login.user.is_empty() {
            login.field = LoginField::Passphrase;
        }
        Self {
            options,
            now: Millis::ZERO,
            size: (80, 24),
            link: Link::default(),
            ward: None,
            seq: 0,
            session: None,
            store: StoreState::Recording,
            audit: 0,
            trail: Trail::default(),
            unrecorded: BTreeSet::new(),
            sparks: Sparks::default(),
            page,
            came_from: Page::Ward,
            dialog: None,
            login,
            patient: None,
            limits: None,
            queue: Queue::default(),
            selected_pause: None,
            selected_shift: None,
            report: ReportPage::default(),
            handover: HandoverPage::default(),
            devices: DevicesPage::default(),
            ops: OpsPage::default(),
            audit_log: AuditLogPage::default(),
            selected: None,
            by_urgency: false,
            filter: Filter::default(),
            notice: None,
            emergencies: Emergencies::default(),
            flash: true,
            bell: Bell::default(),
            signed_out: None,
            pause_moved_at: None,
            shift_moved_at: None,
            target: Target::default(),
            commands: Commands::default(),
            last_key: None,
            activity_told: None,
            sparks_asked: BTreeSet::new(),
        }
    }

    /// What the link means for what is on the screen.
    #[must_use]
    pub fn health(&self) -> Health {
        self.link.health(self.now)
    }

    /// The server's time now; `None` before it was heard.
    #[must_use]
    pub fn server_now(&self) -> Option<Timestamp> {
        self.link.server_now(self.now)
    }

    /// Live or demo; `None` before the server was heard.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.ward.as_ref().map(|w| w.mode).or_else(|| self.link.hello.as_ref().map(|h| h.mode))
    }

    /// Whether a value may be taken for the present: by its age, and never while the link is not live.
    #[must_use]
    pub fn liveness(&self, vital: &VitalView) -> Liveness {
        let Some(now) = self.server_now() else { return Liveness::Lost };
        let own = vital.liveness(now);
        match self.health() {
            Health::Live { .. } => own,
            Health::Silent { .. } => own.max(Liveness::Late),
            Health::Never | Health::Lost { .. } => Liveness::Lost,
        }
    }

    /// Whether something that was asked about the alert is under way: the server has not answered yet.
    #[must_use]
    pub fn is_asked(&self, alert: AlertId) -> bool {
        self.commands.is_open(alert)
    }

    /// The age of a value; `None` before the server's time is known.
    #[must_use]
    pub fn age(&self, vital: &VitalView) -> Option<Millis> {
        self.server_now().map(|now| now.since(vital.observed_at).max(Millis::ZERO))
    }
}
