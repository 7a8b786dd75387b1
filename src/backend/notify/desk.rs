//! The desk: follows the journals, hands letters to the channels, and records what became of them.

use super::{
    build::build,
    plan::{self, Desktop},
    worker::{Report, Wanted, Worker},
};
use crate::{
    backend::{
        app::App,
        hub::{News, WardHub},
        pipeline::{Job, JobError, Record},
        relation::taker,
    },
    domain::{
        AlertId, BreakGlassId, ChannelName, EmergencyOpened, Event, EventBody, LoginName, Millis, Notice,
        NoticeOutcome, PatientId, SystemFault, Timestamp, WardId, notice::Why, system::FaultReport,
    },
    ingest::Refused,
    notify::{Channel, ChannelError, Letter, LetterId, OUTBOX_MAX, Outbox, Purpose, Retry, cloud_event},
    protocol::StoreState,
    store::{DeadLetter, StoreError, first_event_since},
};
use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender, SyncSender, TrySendError},
    },
    time::Duration,
};
use tokio::sync::broadcast;

/// How far back a start looks for messages that have no end. What is older is not sent any more: an alert that still
/// stands has escalated since.
pub const WINDOW: Millis = Millis::from_mins(15);
/// So often the journals are looked at.
const POLL: Duration = Duration::from_millis(200);
/// Events that are read from a journal at once.
const PAGE: u32 = 500;
/// The wait after the first try of a letter.
const FIRST_WAIT: Millis = Millis::from_secs(1);

/// Ends of letters that are held at most while nothing can be recorded. What is beyond is logged.
const HELD_MAX: usize = 10_000;

/// What makes two letters of one channel the same in the journal.
type Sent = (AlertId, u32, Option<BreakGlassId>, ChannelName, Option<LoginName>);

/// How far a ward's journal was read.
struct Following {
    after: u64,
    /// Letters that had an end when the server started, up to `known_until` in the journal.
    sent: HashSet<Sent>,
    known_until: u64,
    news: broadcast::Receiver<News>,
}

struct Line {
    letters: SyncSender<Letter>,
    name: ChannelName,
}

/// The desk.
pub struct Desk {
    app: Arc<App>,
    lines: Vec<Line>,
    reports: Receiver<Report>,
    /// Held so that the desk can report what never reached a channel.
    own_reports: Sender<Report>,
    wards: BTreeMap<WardId, Following>,
    /// What was told last of the channels that fail; `None` since the start.
    told: Option<Vec<String>>,
    /// Ends of letters that wait for the store to record again.
    held: VecDeque<Report>,
}

impl Desk {
    /// Makes all channels and starts their threads and the desk's own. Without channels nothing is started.
    ///
    /// # Errors
    /// If a channel cannot be made, or a thread cannot be started.
    pub fn start(app: &Arc<App>) -> Result<(), ChannelError> {
        if app.config.notify.channel.is_empty() {
            return if fault_stands(app) { end_fault(app) } else { Ok(()) };
        }
        let channels = app.config.notify.channel.iter().map(|(name, config)| {
            let wrong = |e: ChannelError| ChannelError(format!("notify.channel.{name}: {e}"));
            let retry = Retry { attempts: config.attempts, first_wait: FIRST_WAIT };
            build(config, &app.clock).map(|channel| (name.clone(), channel, retry)).map_err(wrong)
        });
        let channels: Vec<(ChannelName, Box<dyn Channel>, Retry)> = channels.collect::<Result<_, _>>()?;
        // It holds no more than what was given out: a letter has one report, and an inbox `OUTBOX_MAX` letters.
        let (own_reports, reports) = mpsc::channel();
        let mut lines = Vec::new();
        for (name, channel, retry) in channels {
            let (letters, inbox) = mpsc::sync_channel(OUTBOX_MAX);
            let worker = Worker {
                name: name.clone(),
                channel,
                outbox: Outbox::new(retry),
                clock: app.clock.clone(),
                reports: own_reports.clone(),
                wanted: wanted(app),
            };
            spawn(&format!("notify-{name}"), move || worker.run(&inbox))?;
            lines.push(Line { letters, name });
        }
        let desk = Self {
            app: app.clone(),
            lines,
            reports,
            own_reports,
            wards: BTreeMap::new(),
            told: None,
            held: VecDeque::new(),
        };
        spawn("notify", move || desk.run())
    }

    /// Works until the server stops.
    fn run(mut self) {
        while !self.app.is_stopping() {
            if let Ok(report) = self.reports.recv_timeout(POLL) {
                self.record(report);
            }
            while let Ok(report) = self.reports.try_recv() {
                self.record(report);
            }
            self.record_held();
            for ward in self.app.hub.wards() {
                if let Err(e) = self.follow(&ward.id) {
                    tracing::error!(ward = %ward.id, error = %e, "the journal could not be read for messages");
                }
            }
        }
    }

    /// Reads what is new in a ward and sends what it asks for.
    fn follow(&mut self, ward: &WardId) -> Result<(), StoreError> {
        let Some(hub) = self.app.hub.ward(ward) else { return Ok(()) };
        let mut following = match self.wards.remove(ward) {
            Some(following) => following,
            None => self.begin(ward, &hub)?,
        };
        let done = self.read(ward, &hub, &mut following);
        self.read_unrecorded(&hub, &mut following);
        self.wards.insert(ward.clone(), following);
        done
    }

    /// Where to begin in a journal: what has an end within the window is not sent again.
    fn begin(&self, ward: &WardId, hub: &WardHub) -> Result<Following, StoreError> {
        let (reader, since) = (self.app.reader.as_ref(), self.app.engine_clock.now() - WINDOW);
        let first = first_event_since(reader, ward, since)?;
        let mut following =
            Following { after: first - 1, sent: HashSet::new(), known_until: first - 1, news: hub.news() };
        loop {
            let events = reader.events_after(ward, following.known_until, PAGE)?;
            let Some(last) = events.last() else { return Ok(following) };
            following.known_until = last.seq;
            for event in events {
                if let EventBody::Notified { notice } = event.event.body
                    && notice.outcome.ends_sending()
                {
                    let Notice { alert, transition, emergency, channel, to, .. } = notice;
                    following.sent.insert((alert, transition, emergency, channel, to));
                }
            }
        }
    }

    fn read(&self, ward: &WardId, hub: &WardHub, following: &mut Following) -> Result<(), StoreError> {
        // Not past what the view has taken in: it says whether an alert still asks.
        let head = hub.head();
        while following.after < head {
            let events = self.app.reader.events_after(ward, following.after, PAGE)?;
            let known: Vec<_> = events.into_iter().take_while(|event| event.seq <= head).collect();
            let Some(last) = known.last() else { break };
            following.after = last.seq;
            for event in &known {
                self.dispatch((&event.event, false), hub, &following.sent);
            }
            if following.after >= following.known_until {
                following.sent.clear();
            }
        }
        Ok(())
    }

    /// Alerts that could not be recorded are told of all the same.
    fn read_unrecorded(&self, hub: &WardHub, following: &mut Following) {
        loop {
            match following.news.try_recv() {
                Ok(News::Unrecorded(event)) => self.dispatch((&event, true), hub, &HashSet::new()),
                Ok(_) => {}
                Err(broadcast::error::TryRecvError::Lagged(missed)) => self.catch_up(missed, hub),
                Err(_) => return,
            }
        }
    }

    /// News was missed. If the store fails, alerts may be among it that are in no journal: all that ask are told of.
    fn catch_up(&self, missed: u64, hub: &WardHub) {
        if self.app.hub.store_state() == StoreState::Recording {
            return;
        }
        tracing::error!(missed, "news was missed while alerts are not recorded: all that ask are told of");
        for event in hub.look(plan::asking) {
            self.dispatch((&event, true), hub, &HashSet::new());
        }
    }

    fn dispatch(&self, (event, unrecorded): (&Event, bool), hub: &WardHub, sent: &HashSet<Sent>) {
        if let EventBody::EmergencyOpened { patient, opened } = &event.body {
            return self.tell_emergency((event.at, patient, opened), hub, sent);
        }
        let Some((alert, _)) = plan::asks(event) else { return };
        let (config, notify) = (&self.app.config.notify, &self.app.notify);
        let ward = hub.look(|view| view.ward.id.clone());
        let mut gone = plan::asked(alert);
        gone.retain(|name| taker(&self.app.hub.directory(), &ward, name).is_none());
        let desktop = self.desktop(&gone);
        for line in &self.lines {
            let Some(channel) = config.channel.get(&line.name) else { continue };
            if plan::is_of_channels(alert) && notify.is_failing(&line.name) {
                continue;
            }
            let letters = hub.look(|view| plan::letters((event, unrecorded), view, (&line.name, channel), &desktop));
            self.hand_over_new(line, letters, sent);
        }
    }

    fn desktop<'a>(&'a self, gone: &'a [LoginName]) -> Desktop<'a> {
        Desktop {
            site: &self.app.site,
            vitals: &self.app.vitals,
            addresses: &self.app.config.notify.addresses,
            links: self.app.links.as_ref(),
            now: self.app.engine_clock.now(),
            gone,
        }
    }

    /// Tells charge of the ward and those who look after privacy of a patient who was opened in an emergency.
    fn tell_emergency(&self, opened: (Timestamp, &PatientId, &EmergencyOpened), hub: &WardHub, sent: &HashSet<Sent>) {
        let config = &self.app.config.notify;
        let ward = hub.look(|view| view.ward.id.clone());
        let people = self.app.told_of_emergencies(&ward);
        // Whom an emergency is told is chosen by another rule.
        let desktop = self.desktop(&[]);
        for line in &self.lines {
            let Some(channel) = config.channel.get(&line.name) else { continue };
            let letters = hub.look(|view| plan::emergency_letters(opened, view, channel, &people, &desktop));
            self.hand_over_new(line, letters, sent);
        }
    }

    fn hand_over_new(&self, line: &Line, letters: Vec<Letter>, sent: &HashSet<Sent>) {
        for letter in letters {
            let LetterId { alert, transition, emergency, to, .. } = letter.id.clone();
            if !sent.contains(&(alert, transition, emergency, line.name.clone(), to)) {
                self.hand_over(line, letter);
            }
        }
    }

    fn hand_over(&self, line: &Line, letter: Letter) {
        let (letter, why) = match line.letters.try_send(letter) {
            Ok(()) => return,
            Err(TrySendError::Full(letter)) => (letter, "too many messages wait for this channel"),
            Err(TrySendError::Disconnected(letter)) => (letter, "the channel's thread has ended: restart the server"),
        };
        let outcome = NoticeOutcome::Failed { why: Why::new(why) };
        drop(self.own_reports.send(Report { channel: line.name.clone(), letter, outcome }));
    }

    /// Records what became of a letter, and tells of channels that begin or cease to fail.
    fn record(&mut self, Report { channel, letter, outcome }: Report) {
        self.app.hub.metrics().notice(outcome.as_str());
        self.app.notify.note(&channel, &outcome, self.app.engine_clock.now());
        if matches!(outcome, NoticeOutcome::Delivered | NoticeOutcome::Failed { .. }) {
            self.tell_faults();
        }
        if letter.id.unrecorded || letter.purpose == Purpose::Test {
            return;
        }
        let report = Report { channel, letter, outcome };
        if self.app.hub.store_state() == StoreState::Unrecorded || self.journal(&report).is_err() {
            self.hold(report);
        }
    }

    /// Holds what became of a letter until the store records again.
    fn hold(&mut self, report: Report) {
        if self.held.len() == HELD_MAX {
            tracing::error!(letter = %report.letter.id, "too much waits to be recorded: this message's end is not kept");
            return;
        }
        self.held.push_back(report);
    }

    /// Records what was held, as soon as the store records.
    fn record_held(&mut self) {
        while self.app.hub.store_state() == StoreState::Recording
            && let Some(report) = self.held.pop_front()
        {
            if self.journal(&report).is_err() {
                self.held.push_front(report);
                return;
            }
        }
    }

    /// Writes what became of a letter into the journal, and what was given up among the dead letters.
    fn journal(&self, Report { channel, letter, outcome }: &Report) -> Result<(), JobError> {
        if let NoticeOutcome::Failed { why } = outcome {
            tracing::error!(%channel, letter = %letter.id, why = why.as_str(), "a message was given up");
            self.keep(channel, letter, why.as_str())?;
        }
        let notice = Notice {
            alert: letter.id.alert,
            transition: letter.id.transition,
            emergency: letter.id.emergency.clone(),
            patient: letter.patient.clone(),
            channel: channel.clone(),
            to: letter.id.to.clone(),
            outcome: outcome.clone(),
        };
        let ward = letter.id.ward.clone();
        match self.app.pipeline.ask_blocking(|reply| Job::Notified { ward, notice, reply }) {
            Err(JobError::Unrecorded) => Err(JobError::Unrecorded),
            Ok(()) | Err(JobError::Stopping) => Ok(()),
            Err(e) => {
                tracing::error!(error = %e, "what became of a message could not be recorded");
                Ok(())
            }
        }
    }

    /// Tells of channels that begin or cease to fail; of the first outcome after a start always, since an alert of before
    /// may stand. What could not be told is told with the next outcome.
    fn tell_faults(&mut self) {
        let failing = self.app.notify.failing();
        if self.told.as_ref() == Some(&failing) {
            return;
        }
        match self.app.pipeline.send(Job::Fault(fault(&failing))) {
            Ok(()) => self.told = Some(failing),
            Err(e) => tracing::error!(error = %e, "it could not be told yet that messages do not get out"),
        }
    }

    /// Keeps a letter that was given up as a dead letter, without its link.
    fn keep(&self, channel: &ChannelName, letter: &Letter, why: &str) -> Result<(), JobError> {
        let unlinked = Letter { link: None, ..letter.clone() };
        let letter = DeadLetter {
            at: self.app.engine_clock.now(),
            source: format!("channel {channel}"),
            code: "notify".to_owned(),
            detail: why.to_owned(),
            payload: Refused::payload(cloud_event(&unlinked).to_string().as_bytes()),
            way: String::new(),
        };
        let record = Record { dead_letters: vec![letter], ..Record::default() };
        let job = |reply| Job::Record { record, reply };
        match self.app.pipeline.ask_blocking(job) {
            Err(JobError::Unrecorded) => Err(JobError::Unrecorded),
            Ok(()) => Ok(()),
            Err(e) => {
                tracing::error!(error = %e, "a message that was given up could not be kept");
                Ok(())
            }
        }
    }
}

/// What is told of the channels that fail; all is well if there are none.
fn fault(failing: &[String]) -> FaultReport {
    FaultReport { fault: SystemFault::NotifyFailed, present: !failing.is_empty(), detail: failing.join("; ") }
}

/// Without channels none fails: ends the alert of a time when there were some.
fn end_fault(app: &App) -> Result<(), ChannelError> {
    app.pipeline.send(Job::Fault(fault(&[]))).map_err(|e| ChannelError(e.to_string()))
}

/// Whether an alert of failing channels stands in a ward.
fn fault_stands(app: &App) -> bool {
    let stands = |ward: &Arc<WardHub>| ward.look(|view| view.alerts.values().any(plan::is_of_channels));
    app.hub.wards().iter().filter_map(|ward| app.hub.ward(&ward.id)).any(|ward| stands(&ward))
}

/// Whether a letter still asks for somebody, by the ward as it is.
fn wanted(app: &Arc<App>) -> Wanted {
    let hub = app.hub.clone();
    Arc::new(move |letter: &Letter| {
        let may = |to: &LoginName| taker(&hub.directory(), &letter.id.ward, to).is_some();
        let is_for_nobody = letter.purpose == Purpose::Alert && letter.id.to.as_ref().is_some_and(|to| !may(to));
        let asks = |ward: Arc<WardHub>| ward.look(|view| plan::still_asks(view, letter));
        !is_for_nobody && hub.ward(&letter.id.ward).is_some_and(asks)
    })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), ChannelError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(|_| ()).map_err(|e| ChannelError(format!("the thread {name} could not be started: {e}")))
}
