//! The ward without a screen: one look, a stream of NDJSON, or lines for people.

use super::{
    core::{App, AppOptions, Effect, Event, Health},
    plain::{Plain, Said},
    report::{Report, vital_report},
};
use crate::{
    client::{ClientEvent, ClientRequest, TrailStanding},
    domain::{Millis, Mode, SequencedEvent},
    protocol::{StoreState, VitalsUpdate},
    seam::Clock,
};
use serde::Serialize;
use std::{io::Write, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};

/// The clock of what is shown moves at least this often.
const TICK: Duration = Duration::from_millis(500);
/// Longest time from the first view to the heartbeat that says whether the server records, and to the last hour that arrows
/// come from.
const HEARTBEAT_WAIT: Duration = Duration::from_secs(3);

/// A link to a server, and the clock that its silence is measured by.
pub struct Feed {
    /// What the server is asked for.
    pub requests: mpsc::Sender<ClientRequest>,
    /// What the link tells.
    pub events: mpsc::Receiver<ClientEvent>,
    /// The screen's clock.
    pub clock: Arc<dyn Clock>,
    /// The server, for people.
    pub server: String,
    /// Whether the bell may sound in plain lines.
    pub bell: bool,
}

/// Why nothing more can be shown.
#[derive(Debug, thiserror::Error)]
pub enum HeadlessError {
    /// The server refuses the session.
    #[error("the server refuses the session: {0}")]
    Refused(String),
    /// Nobody reads what is written, or it cannot be written.
    #[error("the output cannot be written")]
    Output(#[from] std::io::Error),
    /// A line cannot be made.
    #[error("a line of output cannot be made")]
    Encode(#[from] serde_json::Error),
}

/// What one look has seen.
#[derive(Debug)]
pub enum Seen {
    /// The ward.
    Ward(Box<Report>),
    /// No ward within the time given.
    NotLive {
        /// Why, for people.
        why: String,
    },
}

impl Feed {
    fn app(&self) -> App {
        App::new(AppOptions { server: self.server.clone(), signed_in: true, user: String::new(), emergency: None })
    }

    fn now(&self) -> Millis {
        self.clock.boot()
    }

    fn carry_out(&self, effects: Vec<Effect>) -> bool {
        let mut goes_on = true;
        for effect in effects {
            match effect {
                Effect::Bell | Effect::Repaint | Effect::SignIn { .. } => {}
                // What cannot be sent now is asked for again, or told by a timeout.
                Effect::Send(request) => drop(self.requests.try_send(request)),
                Effect::Quit => goes_on = false,
            }
        }
        goes_on
    }
}

/// Looks once: waits at most `wait` for the ward, then a little for its last hour and for the heartbeat that says whether the
/// server records.
///
/// # Errors
/// If the server refuses the session.
pub async fn once(mut feed: Feed, wait: Duration) -> Result<Seen, HeadlessError> {
    let mut app = feed.app();
    let mut why = format!("{} does not answer", feed.server);
    let seen = timeout(wait, see(&mut feed, &mut app, &mut why)).await;
    match seen {
        Err(_) | Ok(Ok(false)) => return Ok(Seen::NotLive { why }),
        Ok(Err(e)) => return Err(e),
        Ok(Ok(true)) => {}
    }
    let heartbeat = async {
        let mut beat = false;
        while let Some(event) = feed.events.recv().await {
            beat |= matches!(event, ClientEvent::Heartbeat { .. });
            app.handle(feed.clock.boot(), Event::Client(Box::new(event)));
            if beat && !app.awaits_sparks() {
                return;
            }
        }
    };
    // Without a heartbeat the link is not live, and the report says so.
    drop(timeout(HEARTBEAT_WAIT, heartbeat).await);
    app.handle(feed.clock.boot(), Event::Tick);
    Ok(Report::of(&app).map_or(Seen::NotLive { why }, |report| Seen::Ward(Box::new(report))))
}

async fn see(feed: &mut Feed, app: &mut App, why: &mut String) -> Result<bool, HeadlessError> {
    while let Some(event) = feed.events.recv().await {
        match &event {
            ClientEvent::Refused { why } => return Err(HeadlessError::Refused(why.clone())),
            ClientEvent::Disconnected { why: lost, .. } => why.clone_from(lost),
            _ => {}
        }
        let seen = matches!(event, ClientEvent::Snapshot { .. });
        let effects = app.handle(feed.clock.boot(), Event::Client(Box::new(event)));
        feed.carry_out(effects);
        if seen {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One line of the stream.
#[derive(Serialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line<'a> {
    /// The link changed.
    Link {
        #[serde(skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'a str>,
    },
    /// The ward as it is.
    Snapshot {
        seq: u64,
        #[serde(flatten)]
        report: &'a Report,
    },
    /// Newest values of one patient.
    Vitals { mode: Mode, bed: &'a str, patient: &'a str, vitals: Vec<super::report::VitalReport> },
    /// An entry of the journal.
    Event {
        mode: Mode,
        #[serde(flatten)]
        entry: Entry<'a>,
    },
    /// Entries of the journal that may not be seen.
    Skipped { mode: Mode, from: u64, to: u64 },
    /// Whether the server records.
    Store { mode: Mode, state: StoreState },
    /// The past was changed: said again each minute.
    AuditForked { mode: Mode, what: &'a str },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'a> {
    Recorded { event: &'a SequencedEvent },
    Unrecorded { unrecorded: &'a crate::domain::Event },
}

/// Follows the ward line by line until `stop`, or until nobody reads.
///
/// # Errors
/// If the server refuses the session or the output cannot be written.
pub async fn follow(
    mut feed: Feed,
    out: &mut (impl Write + Send),
    stop: impl Future<Output = ()> + Send,
) -> Result<(), HeadlessError> {
    let mut app = feed.app();
    let mut link = "connecting";
    let mut store = StoreState::Recording;
    let mut tick = tokio::time::interval(TICK);
    let mut stop = std::pin::pin!(stop);
    loop {
        let event = tokio::select! {
            () = &mut stop => return Ok(()),
            event = feed.events.recv() => match event { Some(event) => Some(event), None => return Ok(()) },
            _ = tick.tick() => None,
        };
        let why = event.as_ref().and_then(why_lost).map(str::to_owned);
        let fresh = event.as_ref().is_none_or(|e| !matches!(e, ClientEvent::Event(entry) if entry.seq <= app.seq));
        let handled = event.clone().map_or(Event::Tick, |event| Event::Client(Box::new(event)));
        let effects = app.handle(feed.now(), handled);
        feed.carry_out(effects);
        tell_link(&app, &mut link, why.as_deref(), out)?;
        if let Some(ClientEvent::Refused { why }) = event {
            return Err(HeadlessError::Refused(why));
        }
        if let Some(event) = event.filter(|_| fresh) {
            tell(&app, &event, out)?;
        }
        if app.store != store
            && let Some(mode) = app.mode()
        {
            store = app.store;
            write(out, &Line::Store { mode, state: store })?;
        }
        out.flush()?;
    }
}

fn why_lost(event: &ClientEvent) -> Option<&str> {
    match event {
        ClientEvent::Disconnected { why, .. } | ClientEvent::Refused { why } => Some(why),
        _ => None,
    }
}

fn write(out: &mut impl Write, line: &Line<'_>) -> Result<(), HeadlessError> {
    serde_json::to_writer(&mut *out, line)
        .map_err(|e| if e.is_io() { HeadlessError::Output(e.into()) } else { e.into() })?;
    Ok(out.write_all(b"\n")?)
}

fn tell_link(app: &App, last: &mut &'static str, why: Option<&str>, out: &mut impl Write) -> Result<(), HeadlessError> {
    let state = match app.health() {
        Health::Never => "connecting",
        Health::Live { .. } => "live",
        Health::Silent { .. } => "silent",
        Health::Lost { .. } => "lost",
    };
    if state == *last && why.is_none() {
        return Ok(());
    }
    *last = state;
    write(out, &Line::Link { mode: app.mode(), state, why })
}

fn tell(app: &App, event: &ClientEvent, out: &mut impl Write) -> Result<(), HeadlessError> {
    let Some(mode) = app.mode() else { return Ok(()) };
    match event {
        ClientEvent::Snapshot { seq, .. } => match Report::of(app) {
            Some(report) => write(out, &Line::Snapshot { seq: *seq, report: &report }),
            None => Ok(()),
        },
        ClientEvent::Vitals(updates) => updates.iter().try_for_each(|update| tell_vitals(app, mode, update, out)),
        ClientEvent::Event(event) => write(out, &Line::Event { mode, entry: Entry::Recorded { event } }),
        ClientEvent::Unrecorded(event) => {
            write(out, &Line::Event { mode, entry: Entry::Unrecorded { unrecorded: event } })
        }
        ClientEvent::Skipped { from, to } => write(out, &Line::Skipped { mode, from: *from, to: *to }),
        ClientEvent::Trail(TrailStanding::Forked { what }) => write(out, &Line::AuditForked { mode, what }),
        _ => Ok(()),
    }
}

fn tell_vitals(app: &App, mode: Mode, update: &VitalsUpdate, out: &mut impl Write) -> Result<(), HeadlessError> {
    let Some(ward) = &app.ward else { return Ok(()) };
    let Some(patient) = ward.patients.get(&update.patient) else { return Ok(()) };
    let vitals = update.vitals.iter().filter_map(|vital| vital_report(app, ward, (&update.patient, vital))).collect();
    let bed = super::words::bed_label(ward, &patient.bed);
    write(out, &Line::Vitals { mode, bed, patient: update.patient.as_str(), vitals })
}

/// What is typed.
pub struct Typed {
    /// Line by line.
    pub lines: mpsc::Receiver<String>,
    /// Shows what is typed, or hides it; it is shown again at the end.
    pub echo: Box<dyn FnMut(bool) + Send>,
}

/// Hides what is typed while a passphrase is; shows it again when this is dropped.
struct Echo {
    set: Box<dyn FnMut(bool) + Send>,
    on: bool,
}

impl Echo {
    fn be(&mut self, on: bool) {
        if on != self.on {
            self.on = on;
            (self.set)(on);
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.be(true);
    }
}

/// Says the ward in lines and takes typed lines, until `stop`, `quit`, or nobody reads.
///
/// # Errors
/// If the server refuses the session or the output cannot be written.
pub async fn plain(
    mut feed: Feed,
    typed: Typed,
    out: &mut (impl Write + Send),
    stop: impl Future<Output = ()> + Send,
) -> Result<(), HeadlessError> {
    let mut plain = Plain::new(feed.app());
    let Typed { lines: mut typed, echo } = typed;
    let mut echo = Echo { set: echo, on: true };
    let mut tick = tokio::time::interval(TICK);
    let mut stop = std::pin::pin!(stop);
    let mut typing = true;
    loop {
        let mut refused = None;
        let said = tokio::select! {
            () = &mut stop => return Ok(()),
            event = feed.events.recv() => match event {
                None => return Ok(()),
                Some(event) => {
                    if let ClientEvent::Refused { why } = &event {
                        refused = Some(why.clone());
                    }
                    plain.client(feed.now(), event)
                }
            },
            line = typed.recv(), if typing => match line {
                Some(line) => plain.typed(feed.now(), &line),
                // No more input: what happens is still said.
                None => {
                    typing = false;
                    Said::default()
                }
            },
            _ = tick.tick() => plain.tick(feed.now()),
        };
        echo.be(!plain.awaits_passphrase());
        let bell = feed.bell && said.effects.iter().any(|effect| matches!(effect, Effect::Bell));
        if bell {
            out.write_all(b"\x07")?;
        }
        for line in &said.lines {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        if let Some(why) = refused {
            return Err(HeadlessError::Refused(why));
        }
        if !feed.carry_out(said.effects) {
            return Ok(());
        }
    }
}
