//! The loop: what comes from the terminal, the system, the server and the clock goes into the core, what the core asks
//! for is done, and the newest state is drawn.
//!
//! One place draws, at most one frame is under way, and nothing here waits for the terminal or the server.

mod desk;
mod pace;
mod station;

pub use desk::{LOOK_INTERVAL_MS, run_desk};
pub use pace::{ALERT_FRAME_INTERVAL, DATA_FRAME_INTERVAL};
pub use station::{LinkEnds, Pending, Server, Station};

use super::{
    core::{App, AppOptions, Effect, Event, Input, Key, Phase},
    term::{Console, Painter, Signal, terminal_is_gone},
};
use crate::{
    access::Secret,
    client::{ClientEvent, ClientRequest, HttpError, LoginAnswer, SECOND_FACTOR},
    domain::Millis,
    seam::Clock,
};
use pace::{AT_ONCE, Pace, interval_of};
use ratatui::{buffer::Buffer, layout::Rect};
use std::{collections::VecDeque, io, sync::Arc, time::Duration};
use tokio::{
    task::{JoinError, JoinHandle},
    time::timeout,
};

/// Most inputs and most events of the server that are taken in between two looks at the other; the rest waits in its
/// queue.
const TURN_MAX_EVENTS: usize = 1_024;
/// Longest time for signing out at the end, in milliseconds; then the session ends by its own age.
const SIGN_OUT_TIMEOUT_MS: u64 = 1_000;
/// Longest time that the last frame may take at the end, in milliseconds.
const LAST_FRAME_TIMEOUT_MS: u64 = 500;
/// Who was stopped for less has missed nothing: the loop itself may sleep for a second.
const AWAY_MIN: Millis = Millis(1_500);
const BELL: u8 = 0x07;
const SUSPENDED: &str = "wardwatch is suspended: alerts cannot sound. `fg` brings it back.";

/// How a screen is started.
#[derive(Debug, Clone)]
pub struct Start {
    /// The server, for people.
    pub server: String,
    /// Login name that is written into the form.
    pub user: String,
    /// A session that was made elsewhere and is left alone at the end; else the screen begins with the login.
    pub token: Option<Secret>,
    /// Whether the marks of alerts flash.
    pub flash: bool,
    /// Who is opened in an emergency, for people.
    pub emergency: Option<String>,
}

/// Why a screen has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A person left.
    Asked,
    /// The system ended it by the signal of this name.
    Signal(&'static str),
    /// The terminal is gone.
    TerminalGone,
    /// A part of the program failed; it has reported why.
    Failed,
}

/// What became of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Why it has ended.
    pub ending: Ending,
    /// Whether the server would not have the session any more when it ended.
    pub refused: bool,
}

/// Why a screen could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The terminal took no bytes.
    #[error("the terminal cannot be written to")]
    Write(#[source] io::Error),
    /// The terminal was given back and could not be taken again.
    #[error("the terminal cannot be taken again")]
    Enter(#[source] io::Error),
}

/// Runs a screen until it ends; then the terminal is given back, and a session that was made here is signed out.
///
/// `draw` writes the state into a frame that is empty before.
///
/// # Errors
/// If the terminal fails in another way than by being gone.
pub async fn run(
    console: Console,
    station: impl Station,
    start: Start,
    clock: Arc<dyn Clock>,
    draw: impl FnMut(&App, Rect, &mut Buffer),
) -> Result<Outcome, RunError> {
    let mut runner = Runner::new(console, station, start, clock, draw);
    let ended = runner.until_end().await;
    runner.leave().await;
    let refused = matches!(runner.app.link.phase, Phase::Refused { .. });
    ended.map(|ending| Outcome { ending, refused })
}

type Login = JoinHandle<Result<LoginAnswer, HttpError>>;

/// What a turn of the loop begins with.
enum Happened {
    Signal(Signal),
    Written(io::Result<Vec<u8>>),
    Input(Option<Input>),
    Server(Option<Box<ClientEvent>>),
    Login(Result<Result<LoginAnswer, HttpError>, JoinError>),
    Time,
}

struct Runner<S, D> {
    app: App,
    console: Console,
    station: S,
    clock: Arc<dyn Clock>,
    draw: D,
    painter: Painter,
    frame: Buffer,
    /// An emptied buffer for the bytes of the next frame.
    bytes: Vec<u8>,
    pace: Pace,
    bell: bool,
    link: Option<LinkEnds>,
    login: Option<Login>,
    /// The name and passphrase that are tried.
    tried: Option<(String, Secret)>,
    /// Whether what is typed next is the code that goes with them.
    code_wanted: bool,
    /// The token of the session that was made here.
    own: Option<Secret>,
    /// When the loop last went round: the begin of a stop that nobody announced.
    awake: Millis,
    suspend_asked: bool,
    ending: Option<Ending>,
}

impl<S: Station, D: FnMut(&App, Rect, &mut Buffer)> Runner<S, D> {
    fn new(console: Console, station: S, start: Start, clock: Arc<dyn Clock>, draw: D) -> Self {
        let signed_in = start.token.is_some();
        let options = AppOptions { server: start.server, signed_in, user: start.user, emergency: start.emergency };
        let link = start.token.map(|token| station.connect(token));
        let (columns, rows) = console.control.size();
        let awake = clock.boot();
        let mut app = App::new(options);
        app.flash = start.flash;
        let mut runner = Self {
            app,
            console,
            station,
            clock,
            draw,
            painter: Painter::new(),
            frame: Buffer::default(),
            bytes: Vec::new(),
            pace: Pace::default(),
            bell: false,
            link,
            login: None,
            tried: None,
            code_wanted: false,
            own: None,
            awake,
            suspend_asked: false,
            ending: None,
        };
        runner.input(Input::Resize { columns, rows });
        runner
    }

    async fn until_end(&mut self) -> Result<Ending, RunError> {
        loop {
            if let Some(ending) = self.ending {
                return Ok(ending);
            }
            if !self.console.control.is_taken() {
                return Ok(Ending::Failed);
            }
            self.draw_if_due();
            let wake = self.app.next_wake();
            let happened = self.wait(wake).await;
            match happened {
                Happened::Signal(signal) => self.signal(signal).await?,
                Happened::Written(Ok(buffer)) => self.bytes = buffer,
                Happened::Written(Err(e)) if terminal_is_gone(&e) => return Ok(Ending::TerminalGone),
                Happened::Written(Err(e)) => return Err(RunError::Write(e)),
                Happened::Input(None) => return Ok(Ending::TerminalGone),
                Happened::Input(Some(input)) => self.input(input),
                Happened::Server(event) => self.server(event),
                Happened::Login(answer) => self.logged_in(answer),
                Happened::Time if self.console.control.is_gone() => return Ok(Ending::TerminalGone),
                Happened::Time if self.clock.boot() >= wake => self.event(Event::Tick, AT_ONCE),
                Happened::Time => {}
            }
            self.take_in_the_rest();
            if std::mem::take(&mut self.suspend_asked) {
                self.suspend().await?;
            }
            self.awake = self.clock.boot();
        }
    }

    async fn wait(&mut self, wake: Millis) -> Happened {
        let now = self.clock.boot();
        // A frame under way holds the next one back until it is written.
        let due = self.pace.due().filter(|_| !self.console.output.is_busy());
        let wake = due.map_or(wake, |due| wake.min(due));
        let ms = u64::try_from((wake - now).0).unwrap_or(0).max(1);
        let busy = self.console.output.is_busy();
        tokio::select! {
            biased;
            Some(signal) = self.console.signals.recv() => Happened::Signal(signal),
            written = self.console.output.done(), if busy => Happened::Written(written),
            input = self.console.input.recv() => Happened::Input(input),
            event = hear(&mut self.link) => Happened::Server(event.map(Box::new)),
            answer = answer_of(&mut self.login) => Happened::Login(answer),
            () = tokio::time::sleep(Duration::from_millis(ms)) => Happened::Time,
        }
    }

    /// What is there already is taken in before the next frame.
    fn take_in_the_rest(&mut self) {
        for _ in 0..TURN_MAX_EVENTS {
            let Some(Ok(event)) = self.link.as_mut().map(|(_, events)| events.try_recv()) else { break };
            self.server(Some(Box::new(event)));
        }
        for _ in 0..TURN_MAX_EVENTS {
            let Ok(input) = self.console.input.try_recv() else { break };
            self.input(input);
        }
    }

    fn server(&mut self, event: Option<Box<ClientEvent>>) {
        match event {
            Some(event) => {
                let interval = interval_of(&event);
                self.event(Event::Client(event), interval);
            }
            // It has said why before.
            None => self.link = None,
        }
    }

    fn input(&mut self, input: Input) {
        match input {
            Input::Resize { columns, rows } => {
                self.frame = Buffer::empty(Rect::new(0, 0, columns, rows));
                self.painter.invalidate();
            }
            Input::Key(key) if key == Key::ctrl('z') => {
                self.suspend_asked = true;
                return;
            }
            _ => {}
        }
        self.event(Event::Input(input), AT_ONCE);
    }

    fn event(&mut self, event: Event, interval: Millis) {
        let now = self.clock.boot();
        self.pace.changed(now, interval);
        let mut effects: VecDeque<Effect> = self.app.handle(now, event).into();
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Send(request) => {
                    if let Some(id) = self.send(request) {
                        self.pace.changed(now, AT_ONCE);
                        effects.extend(self.app.handle(now, Event::NotSent { id }));
                    }
                }
                Effect::SignIn { user, passphrase } => self.sign_in(user, passphrase),
                Effect::Bell => {
                    self.bell = true;
                    self.pace.changed(now, AT_ONCE);
                }
                Effect::Repaint => {
                    self.painter.invalidate();
                    self.pace.changed(now, AT_ONCE);
                }
                Effect::Quit => self.ending = Some(Ending::Asked),
            }
        }
    }

    /// Hands a request to the link; gives its id if the link takes nothing. That somebody is at the keyboard is told
    /// again soon, so nobody misses it.
    fn send(&self, request: ClientRequest) -> Option<Option<u64>> {
        let id = match &request {
            ClientRequest::Command { id, .. }
            | ClientRequest::Query { id, .. }
            | ClientRequest::AlertReport { id, .. }
            | ClientRequest::HandoverReport { id, .. }
            | ClientRequest::Devices { id }
            | ClientRequest::Ops { id }
            | ClientRequest::Letters { id, .. }
            | ClientRequest::AuditLog { id, .. }
            | ClientRequest::RetryLetter { id, .. }
            | ClientRequest::DropLetter { id, .. } => Some(*id),
            ClientRequest::Unlock { .. } => None,
            ClientRequest::Activity => {
                if let Some((requests, _)) = &self.link {
                    drop(requests.try_send(request));
                }
                return None;
            }
        };
        let sent = self.link.as_ref().is_some_and(|(requests, _)| requests.try_send(request).is_ok());
        (!sent).then_some(id)
    }

    fn draw_if_due(&mut self) {
        let now = self.clock.boot();
        if !self.pace.is_due(now) || self.console.output.is_busy() {
            return;
        }
        self.frame.reset();
        (self.draw)(&self.app, self.frame.area, &mut self.frame);
        let mut bytes = std::mem::take(&mut self.bytes);
        self.painter.paint(&self.frame, &mut bytes);
        if std::mem::take(&mut self.bell) {
            bytes.push(BELL);
        }
        self.pace.drawn(now);
        if bytes.is_empty() {
            self.bytes = bytes;
        } else if self.console.output.begin(bytes).is_err() {
            // The thread that writes has ended.
            self.ending = Some(Ending::TerminalGone);
        }
    }
}

/// The session.
impl<S: Station, D: FnMut(&App, Rect, &mut Buffer)> Runner<S, D> {
    fn sign_in(&mut self, user: String, passphrase: Secret) {
        // A login under way is not given up: it may have made a session.
        if self.login.is_some() {
            return;
        }
        let known = std::mem::take(&mut self.code_wanted).then(|| self.tried.take()).flatten();
        let (passphrase, code) = match known.filter(|(tried, _)| *tried == user) {
            Some((_, known)) => (known, Some(passphrase)),
            None => (passphrase, None),
        };
        self.tried = Some((user.clone(), passphrase.clone()));
        self.login = Some(tokio::spawn(self.station.sign_in(user, passphrase, code)));
    }

    fn logged_in(&mut self, answer: Result<Result<LoginAnswer, HttpError>, JoinError>) {
        self.login = None;
        let event = match answer {
            Ok(Ok(LoginAnswer { token, user, .. })) => {
                self.tried = None;
                self.link = Some(self.station.connect(token.clone()));
                if let Some(old) = self.own.replace(token) {
                    tokio::spawn(self.station.sign_out(old));
                }
                Event::SignedIn { user }
            }
            Ok(Err(HttpError::Problem(problem))) if problem.code() == SECOND_FACTOR => {
                self.code_wanted = true;
                Event::SignInFailed { why: "type the code of your authenticator in place of the passphrase".to_owned() }
            }
            Ok(Err(e)) => Event::SignInFailed { why: e.to_string() },
            Err(e) => Event::SignInFailed { why: e.to_string() },
        };
        self.event(event, AT_ONCE);
    }

    /// Gives the terminal back, and leaves no session behind that was made here.
    async fn leave(&mut self) {
        self.link = None;
        if self.console.output.is_busy() {
            // Whether it came through no longer matters.
            drop(timeout(Duration::from_millis(LAST_FRAME_TIMEOUT_MS), self.console.output.done()).await);
        }
        self.console.control.restore();
        self.console.input.close();
        let login = self.login.take();
        let own = self.own.take();
        let sign_out = async {
            let late = match login {
                Some(login) => login.await.ok().and_then(Result::ok).map(|answer| answer.token),
                None => None,
            };
            for token in own.into_iter().chain(late) {
                drop(self.station.sign_out(token).await);
            }
        };
        drop(timeout(Duration::from_millis(SIGN_OUT_TIMEOUT_MS), sign_out).await);
    }
}

/// The system.
impl<S: Station, D: FnMut(&App, Rect, &mut Buffer)> Runner<S, D> {
    async fn signal(&mut self, signal: Signal) -> Result<(), RunError> {
        match signal {
            Signal::Quit(name) => self.ending = Some(Ending::Signal(name)),
            Signal::Suspend => self.suspend().await?,
            // Somebody stopped it without asking: the terminal is no longer as it was.
            Signal::Continued => {
                self.console.control.restore();
                self.resume(self.awake)?;
            }
        }
        Ok(())
    }

    async fn suspend(&mut self) -> Result<(), RunError> {
        if !self.console.control.can_stop() {
            return Ok(());
        }
        if self.console.output.is_busy() {
            drop(timeout(Duration::from_millis(LAST_FRAME_TIMEOUT_MS), self.console.output.done()).await);
        }
        let since = self.clock.boot();
        self.console.control.restore();
        while self.console.signals.try_recv().is_ok() {}
        self.console.control.stop(SUSPENDED);
        loop {
            match self.console.signals.recv().await {
                Some(Signal::Suspend) => {}
                Some(Signal::Continued) | None => break,
                Some(Signal::Quit(name)) => {
                    self.ending = Some(Ending::Signal(name));
                    return Ok(());
                }
            }
        }
        self.resume(since)
    }

    fn resume(&mut self, since: Millis) -> Result<(), RunError> {
        self.console.control.enter().map_err(RunError::Enter)?;
        let (columns, rows) = self.console.control.size();
        self.input(Input::Resize { columns, rows });
        let away = self.clock.boot() - since;
        if away >= AWAY_MIN {
            self.event(Event::Resumed { after_ms: away.0 }, AT_ONCE);
        }
        Ok(())
    }
}

/// What the server tells next; waits for ever if there is no link.
async fn hear(link: &mut Option<LinkEnds>) -> Option<ClientEvent> {
    match link {
        Some((_, events)) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// What becomes of the login; waits for ever if there is none.
async fn answer_of(login: &mut Option<Login>) -> Result<Result<LoginAnswer, HttpError>, JoinError> {
    match login {
        Some(login) => login.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
