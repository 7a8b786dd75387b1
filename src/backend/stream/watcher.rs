//! A person's terminal on the websocket: hello, subscribe, then events, vitals and heartbeats, and answers to what it asks.

use super::{
    admit::{self, Names},
    alert_report::{self, ReportError, ReportQuery},
    device::version_text,
    handover::{self, Wanted},
    history::{self, SUBSCRIPTION_SHOWS},
    ops::{self, Asked},
    socket::{Ended, Heard, SILENT_AFTER, Socket, stopped},
};
use crate::{
    access::{Secret, Session, SessionStanding},
    audit::{Act, LeafActor, LeafDraft, Outcome, Shown, memory::hash_text},
    backend::{
        app::{App, denied},
        audit,
        audit_page::{self, PageError},
        breakglass::{BREAK_GLASS_CODE, BreakGlassError, BreakGlassWish},
        devices::{self, DeviceSight},
        hub::{Attendance, News, WardHub},
        letters::LetterError,
        login::LoginError,
        pipeline::{Job, JobError},
        rate::Bucket,
        relation::{principal_of, relation_to_ward, taker},
    },
    domain::{Command, Event, EventBody, Handovers, PatientId, SequencedEvent, Timestamp, Ward, WardId},
    protocol::{
        AuditQuery, ClientMessage, CloseCode, ErrorCode, HEARTBEAT_INTERVAL_MS, HistoryQuery, PROTOCOL_VERSION,
        ServerMessage, WardHead, with_initials, without_names,
    },
    rights::{Decision, Denial, Object, Relation, Verb, decide},
};
use axum::extract::ws::Message;
use futures_util::{Sink, Stream};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::{broadcast, mpsc};

/// Vitals are sent at most this often; values between two looks are left out.
const VITALS_INTERVAL: Duration = Duration::from_millis(500);
/// Most answers that are being made for one connection at once; further requests are told that the server is busy.
const ANSWERS_MAX: usize = 16;
/// Events that are read from the journal at once.
const JOURNAL_PAGE: u32 = 500;
/// A client that wants to go on from further back than this gets the snapshot alone.
const RESUME_MAX: u64 = 20_000;

/// What is watched.
struct Watch {
    ward: WardId,
    hub: Arc<WardHub>,
    /// Counts it among those who watch the ward: whoever looks at some patients does not.
    _attendance: Option<Attendance>,
    only: Option<Vec<PatientId>>,
    /// How whoever watches stands to it.
    relation: Relation,
    news: broadcast::Receiver<News>,
    /// The last event that was sent or skipped.
    sent: u64,
    version: u64,
    /// Whether it stands in the audit trail that devices were shown.
    devices_noted: bool,
}

impl Watch {
    /// Whom it shows: patients that lie on the ward now, and of these only those that were asked for.
    fn patients(&self) -> Vec<PatientId> {
        let here = self.hub.patients().into_iter();
        here.filter(|patient| self.only.as_ref().is_none_or(|only| only.contains(patient))).collect()
    }
}

struct Watcher {
    app: Arc<App>,
    token: Secret,
    session: Session,
    greeted: bool,
    watch: Option<Watch>,
    answers: mpsc::Sender<ServerMessage>,
    bucket: Bucket,
}

/// Serves a terminal until it goes.
pub(super) async fn run<S, E>(app: Arc<App>, mut socket: Socket<S>, token: Secret)
where
    S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
    E: std::error::Error,
{
    let ended = match app.session(&token) {
        Err(e) => Ended::close(CloseCode::SessionEnded, e.to_string()),
        Ok(session) => {
            let (answers, inbox) = mpsc::channel(ANSWERS_MAX);
            let bucket = Bucket::new(app.config.limits.stream_messages_per_s, app.clock.boot());
            let mut watcher = Watcher { app, token, session, greeted: false, watch: None, answers, bucket };
            watcher.serve(&mut socket, inbox).await
        }
    };
    socket.finish(ended).await;
}

/// The next piece of news; waits for ever while nothing is watched.
async fn next_news(watch: &mut Option<Watch>) -> Result<News, broadcast::error::RecvError> {
    match watch {
        Some(watch) => watch.news.recv().await,
        None => std::future::pending().await,
    }
}

impl Watcher {
    async fn serve<S, E>(&mut self, socket: &mut Socket<S>, mut inbox: mpsc::Receiver<ServerMessage>) -> Ended
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let mut heartbeat = tokio::time::interval(Duration::from_millis(HEARTBEAT_INTERVAL_MS));
        let mut vitals = tokio::time::interval(VITALS_INTERVAL);
        let mut stopping = self.app.stopping.clone();
        let mut access = self.app.hub.access_changes();
        let mut heard_at = self.app.clock.boot();
        loop {
            let done = tokio::select! {
                biased;
                () = stopped(&mut stopping) => Err(Ended::close(CloseCode::GoingAway, "the server stops")),
                // Before anything else is sent: whoever was let out sees nothing more.
                Ok(()) = access.changed() => self.refresh(socket).await,
                news = next_news(&mut self.watch) => self.news(socket, news).await,
                Some(answer) = inbox.recv() => socket.send(&answer).await,
                heard = socket.hear() => {
                    heard_at = self.app.clock.boot();
                    match heard {
                        Ok(Heard::Message(bytes)) => self.message(socket, &bytes).await,
                        Ok(Heard::Life) => Ok(()),
                        Err(ended) => Err(ended),
                    }
                }
                _ = heartbeat.tick() => {
                    if self.app.clock.boot() - heard_at > SILENT_AFTER { Err(Ended::Gone) } else { self.beat(socket).await }
                }
                _ = vitals.tick() => self.vitals(socket).await,
            };
            if let Err(ended) = done {
                return ended;
            }
        }
    }

    /// Whether the session may do something on the ward that it watches.
    fn may(&self, verb: Verb) -> bool {
        let relation = self.watch.as_ref().map_or(Relation::None, |watch| watch.relation);
        decide(&principal_of(&self.session), verb, Object::Patient(relation)) == Decision::Allow
    }

    fn names(&self) -> Names {
        Names::of(&self.session, self.watch.as_ref().map_or(Relation::None, |watch| watch.relation))
    }

    fn shown(&self, event: &Event) -> Event {
        match self.names() {
            Names::Whole => event.clone(),
            Names::Initials => with_initials(event),
            Names::Hidden => without_names(event),
        }
    }

    /// What is watched must still be so: an account may have lost its ward, and an emergency has its end.
    fn check_watch(&mut self) -> Result<(), Ended> {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        let relation = self.app.object_of(&self.session, &watch.ward, watch.only.as_deref()).relation();
        let was_shown_all = matches!(watch.relation, Relation::Assigned | Relation::Ward);
        let is_shown_less = relation == Relation::None || (was_shown_all && relation == Relation::BreakGlass);
        if !is_shown_less {
            watch.relation = relation;
            return Ok(());
        }
        let why = format!("what you may see of ward {} is another now: sign in again", watch.ward);
        Err(Ended::close(CloseCode::Policy, why))
    }

    /// Looks at the session again; tells the client if it was locked or unlocked meanwhile.
    async fn refresh<S, E>(&mut self, socket: &mut Socket<S>) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let session = self.app.still(&self.session, &self.token);
        let session = session.map_err(|e| Ended::close(CloseCode::SessionEnded, e.to_string()))?;
        let changed = session.standing != self.session.standing || session.user.role != self.session.user.role;
        self.session = session;
        self.check_watch()?;
        if changed && self.greeted {
            socket.send(&ServerMessage::Session { session: self.app.session_info(&self.session) }).await?;
            self.snapshot(socket).await?;
        }
        Ok(())
    }

    async fn beat<S, E>(&mut self, socket: &mut Socket<S>) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        self.refresh(socket).await?;
        if !self.greeted {
            return Ok(());
        }
        let now = self.app.engine_clock.now();
        let (store, audit) = (self.app.hub.store_state(), self.app.hub.audit_size());
        socket.send(&ServerMessage::Heartbeat { now, heads: self.heads(), store, audit }).await?;
        socket.ping().await
    }

    /// Where the journals of those wards end that the account is for.
    fn heads(&self) -> Vec<WardHead> {
        let mut heads = self.app.hub.heads();
        let watched = self.watch.as_ref().map(|watch| &watch.ward);
        heads.retain(|head| watched == Some(&head.ward) || self.session.user.coverage.covers(&head.ward));
        heads
    }

    async fn vitals<S, E>(&mut self, socket: &mut Socket<S>) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        let (version, patients) = watch.hub.vitals_after(watch.version, watch.only.as_deref());
        watch.version = version;
        if patients.is_empty() {
            return Ok(());
        }
        let ward = watch.ward.clone();
        socket.send(&ServerMessage::Vitals { ward, patients }).await
    }

    async fn news<S, E>(
        &mut self,
        socket: &mut Socket<S>,
        news: Result<News, broadcast::error::RecvError>,
    ) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        match news {
            Ok(News::Event(event)) => {
                self.event(socket, &event).await?;
                self.record_admission(&event).await;
                Ok(())
            }
            Ok(News::Unrecorded(event)) => {
                let Some(watch) = &self.watch else { return Ok(()) };
                if !is_for(watch, event.patient()) {
                    return Ok(());
                }
                let shown = self.shown(&event);
                socket.send(&ServerMessage::Unrecorded { ward: watch.ward.clone(), event: shown }).await
            }
            // Behind by more than the queue holds, or the view was made anew: the journal and a snapshot make good.
            Ok(News::Rebuilt) | Err(broadcast::error::RecvError::Lagged(_)) => self.resynchronise(socket).await,
            Err(broadcast::error::RecvError::Closed) => Err(Ended::close(CloseCode::Internal, "the ward is gone")),
        }
    }

    async fn event<S, E>(&mut self, socket: &mut Socket<S>, event: &SequencedEvent) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        if event.seq <= watch.sent {
            return Ok(());
        }
        watch.sent = event.seq;
        if !is_for(watch, event.event.patient()) {
            let (ward, seq) = (watch.ward.clone(), event.seq);
            return socket.send(&ServerMessage::Skipped { ward, from: seq, to: seq }).await;
        }
        let event = SequencedEvent { event: self.shown(&event.event), ..event.clone() };
        socket.send(&ServerMessage::Event { event }).await
    }

    /// Who comes while the ward is watched is seen from then on.
    async fn record_admission(&self, event: &SequencedEvent) {
        let Some(watch) = &self.watch else { return };
        if let EventBody::Admitted { patient, .. } = &event.event.body
            && is_for(watch, Some(&patient.id))
        {
            self.record_view(&watch.ward, vec![patient.id.clone()]).await;
        }
    }

    /// Sends the events that were missed, then the ward as it is.
    async fn resynchronise<S, E>(&mut self, socket: &mut Socket<S>) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let Some(after) = self.watch.as_ref().map(|w| w.sent) else { return Ok(()) };
        self.snapshot_with(socket, Some(after)).await
    }

    async fn snapshot<S, E>(&mut self, socket: &mut Socket<S>) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let after = self.watch.as_ref().map(|w| w.sent);
        self.snapshot_with(socket, after).await
    }

    /// Sends the ward as it is, and after it the events since `after`, those that the snapshot holds included, so that
    /// nothing goes unseen.
    async fn snapshot_with<S, E>(&mut self, socket: &mut Socket<S>, after: Option<u64>) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let names = self.names();
        let relation = self.watch.as_ref().map_or(Relation::None, |watch| watch.relation);
        let judges =
            decide(&principal_of(&self.session), Verb::ReviewBreakGlass, Object::Ward(relation)) == Decision::Allow;
        let Some(watch) = &mut self.watch else { return Ok(()) };
        let subscription = watch.hub.subscribe();
        let mut view = subscription.view;
        if judges && watch.relation != Relation::BreakGlass {
            view.emergencies = self.app.emergencies_told_again(&watch.ward);
        }
        if let Some(only) = &watch.only {
            view.patients.retain(|id, _| only.contains(id));
            view.alerts.retain(|_, alert| alert.key.patient.as_ref().is_none_or(|p| only.contains(p)));
            view.pauses.retain(|pause| pause.scope.patient().is_none_or(|p| only.contains(p)));
            view.emergencies.retain(|(patient, _)| only.contains(patient));
        }
        if watch.relation == Relation::BreakGlass {
            // Of the ward around the patient there is nothing to be seen.
            view.alerts.retain(|_, alert| alert.key.patient.is_some());
            view.handovers = Handovers::default();
        }
        match names {
            Names::Whole => {}
            Names::Initials => view = view.with_initials(),
            Names::Hidden => view = view.without_names(),
        }
        watch.news = subscription.news;
        watch.version = subscription.version;
        let head = subscription.head;
        watch.sent = head;
        let now = self.app.engine_clock.now();
        socket.send(&ServerMessage::Snapshot { seq: head, now, view }).await?;
        match after {
            Some(after) if after < head && head - after <= RESUME_MAX => self.missed(socket, after, head).await,
            _ => Ok(()),
        }
    }

    /// Who has left meanwhile is seen in what was missed, and nowhere else.
    async fn record_missed(&self, events: &[SequencedEvent], oldest: Timestamp, noted: &mut BTreeSet<PatientId>) {
        let Some(watch) = &self.watch else { return };
        let seen = events.iter().filter(|event| event.event.at >= oldest).filter_map(|event| event.event.patient());
        let new =
            seen.filter(|patient| is_for(watch, Some(patient))).filter(|patient| noted.insert((*patient).clone()));
        let new: Vec<PatientId> = new.cloned().collect();
        self.record_view(&watch.ward, new).await;
    }

    async fn missed<S, E>(&mut self, socket: &mut Socket<S>, mut after: u64, head: u64) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let Some((ward, relation)) = self.watch.as_ref().map(|w| (w.ward.clone(), w.relation)) else { return Ok(()) };
        let history = decide(&principal_of(&self.session), Verb::ReadHistory, Object::Patient(relation));
        let shown = self.app.engine_clock.now() - SUBSCRIPTION_SHOWS;
        let oldest = if history == Decision::Allow { Timestamp::MIN } else { shown };
        // Those who are there stand in the trail already.
        let mut noted: BTreeSet<PatientId> = self.watch.iter().flat_map(|watch| watch.hub.patients()).collect();
        while after < head {
            let (reader, of) = (self.app.reader.clone(), ward.clone());
            let page = tokio::task::spawn_blocking(move || reader.events_after(&of, after, JOURNAL_PAGE)).await;
            let failed = || Ended::close(CloseCode::Internal, "the journal could not be read");
            let events = page.map_err(|_| failed())?.map_err(|_| failed())?;
            let Some(last) = events.last().map(|e| e.seq) else { return Ok(()) };
            self.record_missed(&events, oldest, &mut noted).await;
            for event in events.into_iter().filter(|e| e.seq <= head) {
                if event.event.at < oldest {
                    let (ward, seq) = (ward.clone(), event.seq);
                    socket.send(&ServerMessage::Skipped { ward, from: seq, to: seq }).await?;
                    continue;
                }
                if let Some(watch) = &mut self.watch {
                    watch.sent = event.seq - 1;
                }
                self.event(socket, &event).await?;
            }
            after = last;
        }
        if let Some(watch) = &mut self.watch {
            watch.sent = watch.sent.max(head);
        }
        Ok(())
    }

    async fn message<S, E>(&mut self, socket: &mut Socket<S>, bytes: &[u8]) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        if self.bucket.take(self.app.clock.boot()).is_err() {
            return Err(Ended::close(CloseCode::TooFast, "too many messages"));
        }
        let message: ClientMessage = match socket.encoding().read(bytes) {
            Ok(message) => message,
            Err(e) => {
                let detail = crate::domain::text::clean(&e.to_string());
                return socket.send(&error(ErrorCode::BadMessage, detail, None)).await;
            }
        };
        self.refresh(socket).await?;
        let id = admit::id_of(&message);
        if let Some((denial, code)) = admit::refused(&self.app, &self.session, &message)
            && self.greeted
        {
            return self.deny(socket, &message, (denial, code), id).await;
        }
        match message {
            ClientMessage::Hello { protocol, client } => self.hello(socket, protocol, &client).await,
            _ if !self.greeted => socket.send(&error(ErrorCode::HelloExpected, "say hello first", None)).await,
            ClientMessage::Subscribe { ward, patients, after } => self.subscribe(socket, ward, patients, after).await,
            ClientMessage::Command { id, ward, command } => self.command(socket, id, ward, command).await,
            ClientMessage::Query { id, query } => self.query(socket, id, query).await,
            ClientMessage::AlertReport { id, ward, from, to } => self.report(socket, id, ward, (from, to)).await,
            ClientMessage::HandoverReport { id, ward, patients } => self.handover(socket, id, ward, patients).await,
            ClientMessage::Devices { id, ward } => self.devices(socket, id, ward).await,
            ClientMessage::Ops { id } => self.ops(socket, id).await,
            ClientMessage::Letters { id, query } => self.letters(socket, id, Asked::Page(query)).await,
            ClientMessage::RetryLetter { id, no } => self.letters(socket, id, Asked::Retry(no)).await,
            ClientMessage::DropLetter { id, no, reason } => self.letters(socket, id, Asked::Drop(no, reason)).await,
            ClientMessage::AuditLog { id, query } => self.audit_log(socket, id, query).await,
            ClientMessage::AuditCheckpoint { id, old } => self.audit_checkpoint(socket, id, old).await,
            ClientMessage::OpenPatient { id, ward, patient, reason, words } => {
                let wanted = BreakGlassWish { ward, patient, reason, words };
                let opened = self.app.open_patient(&self.session, wanted).await;
                socket.send(&opened_answer(id, opened)).await
            }
            ClientMessage::ClosePatient { id, ward, patient } => {
                let closed = self.app.close_patient(&self.session, &ward, &patient).await;
                socket.send(&opened_answer(id, closed)).await
            }
            ClientMessage::Activity => {
                self.app.touch(&self.session.record.id);
                Ok(())
            }
            ClientMessage::Unlock { passphrase } => self.unlock(socket, Secret::new(passphrase)).await,
        }
    }

    async fn hello<S, E>(&mut self, socket: &mut Socket<S>, protocol: u16, client: &str) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        if protocol != PROTOCOL_VERSION {
            let text = version_text(Some(protocol));
            socket.send(&error(ErrorCode::IncompatibleVersion, text.clone(), None)).await?;
            return Err(Ended::close(CloseCode::IncompatibleVersion, text));
        }
        tracing::debug!(client = crate::domain::text::clean(client), "a terminal says hello");
        self.greeted = true;
        let principal = principal_of(&self.session);
        let coverage = &self.session.user.coverage;
        let may_watch = |ward: &Ward| {
            let object = Object::Ward(relation_to_ward(coverage, &ward.id));
            decide(&principal, Verb::WatchWard, object) == Decision::Allow
        };
        let hello = ServerMessage::Hello {
            protocol: PROTOCOL_VERSION,
            server: format!("wardwatch {}", env!("CARGO_PKG_VERSION")),
            mode: self.app.hub.mode(),
            now: self.app.engine_clock.now(),
            session: Some(self.app.session_info(&self.session)),
            wards: self.app.hub.wards().into_iter().filter(may_watch).collect(),
            heartbeat_ms: HEARTBEAT_INTERVAL_MS,
        };
        socket.send(&hello).await
    }

    async fn subscribe<S, E>(
        &mut self,
        socket: &mut Socket<S>,
        ward: WardId,
        only: Option<Vec<PatientId>>,
        after: Option<u64>,
    ) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let relation = self.app.object_of(&self.session, &ward, only.as_deref()).relation();
        let Some(hub) = self.app.hub.ward(&ward) else {
            let detail = format!("there is no ward {ward}");
            return socket.send(&error(ErrorCode::UnknownWard, detail, None)).await;
        };
        let shown = hub.patients().into_iter().filter(|p| only.as_ref().is_none_or(|only| only.contains(p)));
        self.record_view(&ward, shown.collect()).await;
        let subscription = hub.subscribe();
        let (sent, version) = (subscription.head, subscription.version);
        let attendance = only.is_none().then(|| hub.attend());
        self.watch = Some(Watch {
            ward,
            hub,
            _attendance: attendance,
            only,
            relation,
            news: subscription.news,
            sent,
            version,
            devices_noted: false,
        });
        self.snapshot_with(socket, after).await
    }

    /// One audit entry for each patient that is shown. If it cannot be written, alerts and vitals are shown all the same,
    /// under the standing alert that nothing is recorded.
    async fn record_view(&self, ward: &WardId, shown: Vec<PatientId>) {
        let actor = self.session.actor();
        let code = tag_of(relation_to_ward(&self.session.user.coverage, ward));
        let leaf = |patient| LeafDraft {
            ward: Some(ward.clone()),
            patient: Some(patient),
            code,
            ..LeafDraft::new(LeafActor::from(&actor), Act::PatientView, Outcome::Success)
        };
        let leaves: Vec<LeafDraft> = shown.into_iter().map(leaf).collect();
        if !leaves.is_empty()
            && let Err(e) = self.app.record(leaves, Vec::new()).await
        {
            tracing::error!(error = %e, "a view could not be recorded");
        }
    }

    async fn deny<S, E>(
        &self,
        socket: &mut Socket<S>,
        message: &ClientMessage,
        (denial, code): (Denial, &'static str),
        id: Option<u64>,
    ) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let (ward, patients) = admit::named_in(message);
        if let Err(e) = self.app.record(denied(&self.session, code, ward, patients), Vec::new()).await {
            tracing::error!(error = %e, "a denial could not be recorded");
        }
        let kind = match denial {
            Denial::Locked => ErrorCode::Locked,
            Denial::StepUp => ErrorCode::StepUp,
            Denial::Role | Denial::OtherDevice | Denial::NotYours => ErrorCode::Denied,
        };
        socket.send(&error(kind, denial.to_string(), id)).await
    }

    async fn command<S, E>(
        &mut self,
        socket: &mut Socket<S>,
        id: u64,
        ward: WardId,
        mut command: Command,
    ) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        if let Command::OfferHandover { to, .. } | Command::HandOverAlert { to, .. } = &mut command {
            let Some(taker) = taker(&self.app.hub.directory(), &ward, to) else {
                let detail = format!("there is no user {to} who could take alerts or patients");
                return socket.send(&error(ErrorCode::BadMessage, detail, Some(id))).await;
            };
            *to = taker;
        }
        let begins = match &command {
            Command::Assign { assignment } => Some((&assignment.patient, assignment.start)),
            Command::MoveDevice { patient, at, .. } => Some((patient, *at)),
            _ => None,
        };
        if let Some(why) = begins.and_then(|begins| devices::check_start(&self.app, &ward, begins).err()) {
            return socket.send(&error(ErrorCode::BadMessage, why, Some(id))).await;
        }
        self.app.touch(&self.session.record.id);
        let by = self.session.actor();
        let app = self.app.clone();
        self.answer_later(socket, id, async move {
            let outcome = app.pipeline.ask(|reply| Job::Command { ward, command, by, reply }).await;
            match outcome {
                Ok(outcome) => ServerMessage::Result {
                    id,
                    done: outcome.refusal.is_none(),
                    seq: Some(outcome.seq),
                    refusal: outcome.refusal,
                },
                Err(e) => job_error(e, id),
            }
        })
        .await
    }

    async fn query<S, E>(&mut self, socket: &mut Socket<S>, id: u64, query: HistoryQuery) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let Some(watch) = self.watch.as_ref().filter(|w| w.ward == query.ward) else {
            let detail = "subscribe to the ward first";
            return socket.send(&error(ErrorCode::UnknownWard, detail, Some(id))).await;
        };
        let subscribed = watch.patients();
        let (actor, code) = (self.session.actor(), tag_of(watch.relation));
        let app = self.app.clone();
        self.answer_later(socket, id, async move {
            match history::admit(&app, &query, &subscribed, (&actor, code)).await {
                Err(e) => error(query_code(&e), e.to_string(), Some(id)),
                Ok(()) => {
                    let read = tokio::task::spawn_blocking(move || history::read(&app, &query)).await;
                    match read {
                        Ok(Ok(history)) => ServerMessage::History { id, history },
                        Ok(Err(e)) => error(query_code(&e), e.to_string(), Some(id)),
                        Err(_) => error(ErrorCode::Busy, "the history could not be read", Some(id)),
                    }
                }
            }
        })
        .await
    }

    /// Whoever may read the history of a ward may read its report: it names beds, and nobody.
    async fn report<S, E>(
        &self,
        socket: &mut Socket<S>,
        id: u64,
        ward: WardId,
        span: (Timestamp, Timestamp),
    ) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let Some(hub) = self.app.hub.ward(&ward) else {
            let detail = format!("there is no ward {ward}");
            return socket.send(&error(ErrorCode::UnknownWard, detail, Some(id))).await;
        };
        let actor = self.session.actor();
        let app = self.app.clone();
        self.answer_later(socket, id, async move {
            match alert_report::make(app, ReportQuery { ward, hub, span }, &actor).await {
                Ok(report) => ServerMessage::AlertReport { id, report: Box::new(report) },
                Err(e) => error(report_code(&e), e.to_string(), Some(id)),
            }
        })
        .await
    }

    async fn handover<S, E>(
        &self,
        socket: &mut Socket<S>,
        id: u64,
        ward: WardId,
        patients: Vec<PatientId>,
    ) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let Some(watch) = self.watch.as_ref().filter(|w| w.ward == ward) else {
            return socket.send(&error(ErrorCode::UnknownWard, "subscribe to the ward first", Some(id))).await;
        };
        let subscribed = watch.patients();
        let wanted =
            Wanted { ward, hub: watch.hub.clone(), patients, subscribed, with_names: self.names() == Names::Whole };
        let (actor, code) = (self.session.actor(), tag_of(watch.relation));
        let app = self.app.clone();
        self.answer_later(socket, id, async move {
            match handover::make(app, wanted, (&actor, code)).await {
                Ok(report) => ServerMessage::HandoverReport { id, report: Box::new(report) },
                Err(e) => error(report_code(&e), e.to_string(), Some(id)),
            }
        })
        .await
    }

    /// The devices of the watched ward. Asked for every few seconds while they are on a screen: one entry of the audit trail
    /// for each subscription says so.
    async fn devices<S, E>(&mut self, socket: &mut Socket<S>, id: u64, ward: WardId) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let sight =
            |only| DeviceSight { history: self.may(Verb::ReadHistory), access: self.may(Verb::ManageDevices), only };
        let Some(watch) = self.watch.as_ref().filter(|w| w.ward == ward) else {
            return socket.send(&error(ErrorCode::UnknownWard, "subscribe to the ward first", Some(id))).await;
        };
        let (hub, sight) = (watch.hub.clone(), sight(watch.only.clone()));
        let noted = self.watch.as_mut().is_some_and(|watch| std::mem::replace(&mut watch.devices_noted, true));
        let leaf = (!noted).then(|| LeafDraft {
            ward: Some(ward),
            ..LeafDraft::new(LeafActor::from(&self.session.actor()), Act::DeviceView, Outcome::Success)
        });
        let app = self.app.clone();
        self.answer_later(socket, id, async move {
            if let Some(leaf) = leaf
                && let Err(e) = app.record(vec![leaf], Vec::new()).await
            {
                tracing::error!(error = %e, "a view of devices could not be recorded");
            }
            let read = tokio::task::spawn_blocking(move || devices::list(&app, &hub, &sight)).await;
            match read {
                Ok(Ok(list)) => ServerMessage::Devices { id, list: Box::new(list) },
                _ => error(ErrorCode::Busy, "the devices could not be read", Some(id)),
            }
        })
        .await
    }

    async fn ops<S, E>(&self, socket: &mut Socket<S>, id: u64) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let app = self.app.clone();
        self.answer_later(socket, id, async move {
            match ops::report(&app).await {
                Ok(report) => ServerMessage::Ops { id, report: Box::new(report) },
                Err(e) => error(ErrorCode::Busy, e.to_string(), Some(id)),
            }
        })
        .await
    }

    /// Entries of the audit trail: that they are read stands in it before they are sent.
    async fn audit_log<S, E>(&self, socket: &mut Socket<S>, id: u64, query: AuditQuery) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        self.app.touch(&self.session.record.id);
        let actor = self.session.actor();
        let app = self.app.clone();
        self.answer_later(socket, id, async move {
            match audit_page::page(&app, &actor, query).await {
                Ok(page) => ServerMessage::AuditLog { id, page: Box::new(page) },
                Err(e @ PageError::NoUser(_)) => error(ErrorCode::BadMessage, e.to_string(), Some(id)),
                Err(e @ PageError::SomeWards) => error(ErrorCode::Denied, e.to_string(), Some(id)),
                Err(e) => error(ErrorCode::Busy, e.to_string(), Some(id)),
            }
        })
        .await
    }

    /// The newest checkpoint of the audit trail: for everybody who is signed in, locked or not.
    async fn audit_checkpoint<S, E>(&self, socket: &mut Socket<S>, id: u64, old: u64) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let app = self.app.clone();
        self.answer_later(socket, id, async move {
            match audit::shown(&app, old).await {
                Ok(Shown { old, proof, note }) => ServerMessage::AuditCheckpoint {
                    id,
                    key: app.audit.key.to_string(),
                    old,
                    proof: proof.iter().map(hash_text).collect(),
                    checkpoint: note,
                },
                Err(e) => error(ErrorCode::Busy, e.to_string(), Some(id)),
            }
        })
        .await
    }

    /// What is asked about dead letters: their payloads may name patients, so that devices have to be one's business.
    async fn letters<S, E>(&self, socket: &mut Socket<S>, id: u64, asked: Asked) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        self.app.touch(&self.session.record.id);
        let actor = self.session.actor();
        let app = self.app.clone();
        self.answer_later(socket, id, async move {
            match ops::answer(&app, id, asked, &actor).await {
                Ok(answer) => answer,
                Err(e) => error(letter_code(&e), e.to_string(), Some(id)),
            }
        })
        .await
    }

    /// Makes an answer beside the connection, so that heartbeats and events go on meanwhile.
    async fn answer_later<S, E>(
        &self,
        socket: &mut Socket<S>,
        id: u64,
        made: impl Future<Output = ServerMessage> + Send + 'static,
    ) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        let answers = self.answers.clone();
        // One is the connection's own.
        if answers.strong_count() > ANSWERS_MAX {
            return socket.send(&error(ErrorCode::Busy, "too many requests at once", Some(id))).await;
        }
        tokio::spawn(async move { drop(answers.send(made.await).await) });
        Ok(())
    }

    async fn unlock<S, E>(&mut self, socket: &mut Socket<S>, passphrase: Secret) -> Result<(), Ended>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
        E: std::error::Error,
    {
        if self.session.standing != SessionStanding::Locked {
            let session = self.app.session_info(&self.session);
            return socket.send(&ServerMessage::Session { session }).await;
        }
        match self.app.unlock(&self.session, passphrase).await {
            // A session that is over ends the stream.
            Ok(()) | Err(LoginError::Over) => self.refresh(socket).await,
            Err(e) => {
                let code = match &e {
                    LoginError::Wrong => ErrorCode::WrongPassphrase,
                    LoginError::Wait(_) => ErrorCode::TooFast,
                    _ => ErrorCode::Busy,
                };
                socket.send(&error(code, e.to_string(), None)).await
            }
        }
    }
}

/// Whether whoever watches sees what is about this patient, or about none.
fn is_for(watch: &Watch, patient: Option<&PatientId>) -> bool {
    match (&watch.only, patient) {
        (Some(only), Some(patient)) => only.contains(patient),
        (_, None) => watch.relation != Relation::BreakGlass,
        (None, Some(_)) => true,
    }
}

/// The mark of what is read under an emergency: whoever sees a ward that the account is not for, sees it so.
fn tag_of(to_ward: Relation) -> Option<&'static str> {
    matches!(to_ward, Relation::None | Relation::BreakGlass).then_some(BREAK_GLASS_CODE)
}

fn opened_answer(id: u64, done: Result<(), BreakGlassError>) -> ServerMessage {
    match done {
        Ok(()) => ServerMessage::Result { id, done: true, seq: None, refusal: None },
        Err(BreakGlassError::Job(e)) => job_error(e, id),
        Err(e) => error(ErrorCode::BadMessage, e.to_string(), Some(id)),
    }
}

fn error(code: ErrorCode, detail: impl Into<String>, id: Option<u64>) -> ServerMessage {
    ServerMessage::Error { code, detail: detail.into(), id }
}

fn job_error(e: JobError, id: u64) -> ServerMessage {
    let code = match e {
        JobError::Unrecorded | JobError::Stopping => ErrorCode::Unrecorded,
        JobError::Busy => ErrorCode::Busy,
        JobError::UnknownWard => ErrorCode::UnknownWard,
        JobError::OtherWard => ErrorCode::BadMessage,
    };
    error(code, e.to_string(), Some(id))
}

const fn report_code(e: &ReportError) -> ErrorCode {
    match e {
        ReportError::Span | ReportError::TooManyPatients => ErrorCode::BadMessage,
        ReportError::NotSubscribed(_) => ErrorCode::Denied,
        ReportError::Job(JobError::Unrecorded) => ErrorCode::Unrecorded,
        ReportError::Job(_) | ReportError::Busy | ReportError::Store => ErrorCode::Busy,
    }
}

const fn letter_code(e: &LetterError) -> ErrorCode {
    match e {
        LetterError::Refused(_) => ErrorCode::BadMessage,
        LetterError::Job(JobError::Unrecorded) => ErrorCode::Unrecorded,
        LetterError::Job(_) | LetterError::Store(_) => ErrorCode::Busy,
    }
}

const fn query_code(e: &history::QueryError) -> ErrorCode {
    match e {
        history::QueryError::Job(JobError::Unrecorded) => ErrorCode::Unrecorded,
        history::QueryError::Job(_) | history::QueryError::Store => ErrorCode::Busy,
        history::QueryError::NotSubscribed(_) => ErrorCode::Denied,
        _ => ErrorCode::BadMessage,
    }
}
