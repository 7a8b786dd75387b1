use super::*;
use crate::{
    access::Secret,
    client::Hello,
    domain::vital::{HR, SPO2},
    domain::{Alert, Cause, ConditionCode, Event as JournalEvent, EventBody, Priority, Role, SequencedEvent, Side},
    protocol::{VitalsUpdate, WardView},
    seam::{ManualClock, OsClock},
    tui::{
        core::KeyCode,
        term::{Control, Output},
        testing::{alert, night, patient_id, session, t0, ward, ward12},
    },
};
use std::{
    io::Write,
    num::NonZeroU16,
    sync::{Condvar, Mutex},
};
use tokio::sync::mpsc;

/// What a fake terminal was given: writes one by one, and what was done to it in between.
#[derive(Default)]
struct Tape {
    frames: Mutex<Vec<Vec<u8>>>,
    deeds: Mutex<Vec<String>>,
    /// Whether it takes no bytes for now.
    stalled: Mutex<bool>,
    moves: Condvar,
    taken: Mutex<bool>,
    broken: Mutex<bool>,
}

struct Sink(Arc<Tape>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stalled = self.0.stalled.lock().unwrap();
        while *stalled {
            stalled = self.0.moves.wait(stalled).unwrap();
        }
        if *self.0.broken.lock().unwrap() {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.0.frames.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Hands(Arc<Tape>);

impl Hands {
    fn note(&self, deed: &str) {
        self.0.deeds.lock().unwrap().push(deed.to_owned());
    }
}

impl Control for Hands {
    fn enter(&mut self) -> io::Result<()> {
        *self.0.taken.lock().unwrap() = true;
        self.note("enter");
        Ok(())
    }

    fn restore(&mut self) {
        *self.0.taken.lock().unwrap() = false;
        self.note("restore");
    }

    fn is_taken(&self) -> bool {
        *self.0.taken.lock().unwrap()
    }

    fn is_gone(&self) -> bool {
        false
    }

    fn size(&self) -> (u16, u16) {
        (60, 10)
    }

    fn can_stop(&self) -> bool {
        true
    }

    fn stop(&mut self, say: &str) {
        self.note(say);
    }
}

type FarEnds = (mpsc::Receiver<ClientRequest>, mpsc::Sender<ClientEvent>);

/// A server that a test plays.
#[derive(Clone)]
struct Stage {
    links: mpsc::UnboundedSender<(String, FarEnds)>,
    deeds: Arc<Tape>,
}

/// Requests that a played link holds.
const STAGE_REQUESTS: usize = 12;

impl Station for Stage {
    fn connect(&self, token: Secret) -> LinkEnds {
        let (outbox, requests) = mpsc::channel(STAGE_REQUESTS);
        let (events, inbox) = mpsc::channel(1_024);
        self.links.send((token.expose().to_owned(), (requests, events))).unwrap();
        (outbox, inbox)
    }

    fn sign_in(&self, user: String, passphrase: Secret, _: Option<Secret>) -> Pending<Result<LoginAnswer, HttpError>> {
        let token = Secret::new(format!("{user}/{}", passphrase.expose()));
        Box::pin(async move { Ok(LoginAnswer { token, user, role: Role::Nurse }) })
    }

    fn sign_out(&self, token: Secret) -> Pending<Result<(), HttpError>> {
        let deeds = Arc::clone(&self.deeds);
        Box::pin(async move {
            deeds.deeds.lock().unwrap().push(format!("sign out {}", token.expose()));
            Ok(())
        })
    }
}

/// A loop between a played terminal and a played server.
struct Bench {
    tape: Arc<Tape>,
    clock: ManualClock,
    input: mpsc::Sender<Input>,
    signals: mpsc::Sender<Signal>,
    links: mpsc::UnboundedReceiver<(String, FarEnds)>,
    /// The newest link.
    far: Option<FarEnds>,
    run: JoinHandle<Result<Outcome, RunError>>,
}

/// Says what matters here in words.
fn draw(app: &App, area: Rect, frame: &mut Buffer) {
    let heart = app.ward.as_ref().and_then(|w| w.patients.get(&patient_id(1))?.vitals.get(&HR)).map(|v| v.value);
    let alerts = app.ward.as_ref().map(|w| w.alerts.len());
    let lines = [
        format!("{:?} user={} size={}x{}", app.page, app.login.user, area.width, area.height),
        format!("heart={heart:?} alerts={alerts:?}"),
        app.notice.as_ref().map_or_else(String::new, |n| n.text.clone()),
    ];
    for (y, line) in (0..).zip(lines) {
        frame.set_stringn(0, y, line, area.width.into(), ratatui::style::Style::new());
    }
}

impl Bench {
    fn start(token: Option<&str>) -> Self {
        let tape = Arc::new(Tape::default());
        *tape.taken.lock().unwrap() = true;
        let clock = ManualClock::at(t0());
        let (input, keys) = mpsc::channel(256);
        let (signals, heard) = mpsc::channel(16);
        let (stage, links) = mpsc::unbounded_channel();
        let console = Console {
            input: keys,
            signals: heard,
            output: Output::start(Sink(Arc::clone(&tape))).unwrap(),
            control: Box::new(Hands(Arc::clone(&tape))),
        };
        let start = Start {
            emergency: None,
            flash: true,
            server: "http://127.0.0.1:8470".into(),
            user: String::new(),
            token: token.map(|t| Secret::new(t.to_owned())),
        };
        let station = Stage { links: stage, deeds: Arc::clone(&tape) };
        let run = tokio::spawn(run(console, station, start, Arc::new(clock.clone()), draw));
        Self { tape, clock, input, signals, links, far: None, run }
    }

    /// A screen that shows a ward.
    async fn with(view: WardView) -> Self {
        let mut bench = Self::start(Some("kept"));
        assert_eq!(bench.linked().await, "kept");
        bench.tell(ClientEvent::Connected(Hello {
            server: "wardwatch 0.1.0".into(),
            mode: view.mode,
            now: t0(),
            session: session(Role::Nurse),
            wards: vec![ward()],
        }));
        bench.tell(ClientEvent::Snapshot { seq: 10, now: t0(), view: Box::new(view) });
        bench.heard_all().await;
        bench.clock.advance(ALERT_FRAME_INTERVAL);
        bench.shows("heart=Some(72.0)").await;
        bench
    }

    async fn linked(&mut self) -> String {
        let (token, far) = self.links.recv().await.unwrap();
        self.far = Some(far);
        token
    }

    fn tell(&self, event: ClientEvent) {
        self.far.as_ref().unwrap().1.try_send(event).unwrap();
    }

    fn tell_heart(&self, value: f64) {
        let mut view = ward12().patients[&patient_id(1)].vitals[&HR].clone();
        view.value = value;
        self.tell(ClientEvent::Vitals(vec![VitalsUpdate { patient: patient_id(1), vitals: vec![view] }]));
    }

    fn tell_alert(&self, alert: &Alert, seq: u64) {
        let body = EventBody::Alert { cause: Cause::Raised, alert: alert.clone(), by: None };
        let event = JournalEvent::new(alert.raised_at, body);
        self.tell(ClientEvent::Event(SequencedEvent { ward: ward().id, seq, event }));
    }

    fn key(&self, key: Key) {
        self.input.try_send(Input::Key(key)).unwrap();
    }

    fn type_text(&self, text: &str) {
        text.chars().for_each(|c| self.key(Key::char(c)));
    }

    fn frames(&self) -> Vec<Vec<u8>> {
        self.tape.frames.lock().unwrap().clone()
    }

    fn deeds(&self) -> Vec<String> {
        self.tape.deeds.lock().unwrap().clone()
    }

    fn screen(&self) -> String {
        let of = |n| NonZeroU16::new(n).unwrap();
        let mut terminal = vt100::Parser::new(of(10), of(60), 0);
        terminal.process(&self.frames().concat());
        terminal.screen().contents()
    }

    /// Waits until something is so, for at most 10 s.
    async fn until(&self, what: &str, so: impl Fn() -> bool) {
        let deadline = OsClock.boot() + Millis::from_secs(10);
        while !so() {
            assert!(OsClock.boot() < deadline, "waited in vain for {what}; the screen shows:\n{}", self.screen());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn shows(&self, text: &str) {
        self.until(text, || self.screen().contains(text)).await;
    }

    /// Waits until the loop has taken in all that was told.
    async fn heard_all(&self) {
        let events = &self.far.as_ref().unwrap().1;
        self.until("the events to be heard", || events.capacity() == events.max_capacity()).await;
    }

    fn stall(&self, stalled: bool) {
        *self.tape.stalled.lock().unwrap() = stalled;
        self.tape.moves.notify_all();
    }

    async fn end(self) -> Outcome {
        self.run.await.unwrap().unwrap()
    }
}

fn bells(frames: &[Vec<u8>]) -> usize {
    frames.iter().flatten().filter(|b| **b == BELL).count()
}

#[tokio::test]
async fn the_first_frame_waits_for_nothing_and_keys_are_shown_at_once() {
    let bench = Bench::start(None);
    bench.shows("Login user= size=60x10").await;
    bench.type_text("a.m");
    bench.shows("user=a.m").await;
    bench.input.try_send(Input::Resize { columns: 40, rows: 5 }).unwrap();
    bench.shows("size=40x5").await;
    assert_eq!(bells(&bench.frames()), 0);
}

#[tokio::test]
async fn values_are_drawn_ten_times_a_second_at_most() {
    let bench = Bench::with(ward12()).await;
    bench.clock.advance(Millis(10));
    let before = bench.frames().len();
    for n in 0..50 {
        bench.tell_heart(100.0 + f64::from(n));
        tokio::task::yield_now().await;
    }
    bench.heard_all().await;
    bench.clock.advance(Millis(80));
    bench.tell_heart(200.0);
    bench.heard_all().await;
    assert_eq!(bench.frames().len(), before, "90 ms after the last frame");
    bench.clock.advance(Millis(10));
    bench.shows("heart=Some(200.0)").await;
    assert_eq!(bench.frames().len(), before + 1, "the newest state, once");
}

#[tokio::test]
async fn an_alert_does_not_wait_and_rings() {
    let bench = Bench::with(ward12()).await;
    bench.clock.advance(Millis(10));
    bench.tell_heart(150.0);
    bench.heard_all().await;
    bench.tell_alert(&alert(1, 4, ConditionCode::Limit(SPO2, Side::Low), Priority::High, 0), 11);
    bench.shows("heart=Some(150.0) alerts=Some(1)").await;
    assert_eq!(bells(&bench.frames()), 1);
    assert_eq!(bench.frames().last().unwrap().last(), Some(&BELL));
}

#[tokio::test]
async fn a_slow_terminal_is_shown_the_newest_state() {
    let bench = Bench::start(None);
    bench.shows("Login").await;
    let before = bench.frames().len();
    bench.stall(true);
    bench.type_text("a");
    bench.until("the first key to be taken", || bench.input.capacity() == bench.input.max_capacity()).await;
    for c in "bcdefgh".chars() {
        bench.key(Key::char(c));
        bench.until("a key to be taken", || bench.input.capacity() == bench.input.max_capacity()).await;
    }
    bench.stall(false);
    bench.shows("user=abcdefgh").await;
    assert!(bench.frames().len() <= before + 2, "the frame under way and the newest");
}

#[tokio::test]
async fn a_session_made_here_is_signed_out_at_the_end() {
    let mut bench = Bench::start(None);
    bench.type_text("a.meyer");
    bench.key(Key::plain(KeyCode::Enter));
    bench.type_text("secret");
    bench.key(Key::plain(KeyCode::Enter));
    assert_eq!(bench.linked().await, "a.meyer/secret");
    bench.shows("Ward user=a.meyer").await;
    bench.key(Key::char('q'));
    let tape = Arc::clone(&bench.tape);
    let outcome = bench.end().await;
    assert_eq!(outcome, Outcome { ending: Ending::Asked, refused: false });
    assert_eq!(*tape.deeds.lock().unwrap(), ["restore", "sign out a.meyer/secret"]);
}

#[tokio::test]
async fn a_session_made_elsewhere_is_left_alone() {
    let bench = Bench::with(ward12()).await;
    bench.signals.try_send(Signal::Quit("SIGTERM")).unwrap();
    let tape = Arc::clone(&bench.tape);
    assert_eq!(bench.end().await.ending, Ending::Signal("SIGTERM"));
    assert_eq!(*tape.deeds.lock().unwrap(), ["restore"]);
}

#[tokio::test]
async fn a_gone_terminal_ends_it_quietly() {
    let bench = Bench::with(ward12()).await;
    *bench.tape.broken.lock().unwrap() = true;
    bench.key(Key::char('?'));
    bench.clock.advance(Millis(1_000));
    bench.tell_heart(150.0);
    assert_eq!(bench.end().await.ending, Ending::TerminalGone);
}

#[tokio::test]
async fn a_panic_elsewhere_ends_it() {
    let bench = Bench::with(ward12()).await;
    *bench.tape.taken.lock().unwrap() = false;
    bench.tell_heart(150.0);
    assert_eq!(bench.end().await.ending, Ending::Failed);
}

#[tokio::test]
async fn a_refused_session_is_told() {
    let bench = Bench::with(ward12()).await;
    bench.clock.advance(ALERT_FRAME_INTERVAL);
    bench.tell(ClientEvent::Refused { why: "the session has ended".into() });
    bench.shows("Login").await;
    bench.key(Key::plain(KeyCode::Esc));
    assert_eq!(bench.end().await, Outcome { ending: Ending::Asked, refused: true });
}

#[tokio::test]
async fn a_stop_gives_the_terminal_back_and_is_told_afterwards() {
    let bench = Bench::with(ward12()).await;
    bench.key(Key::ctrl('z'));
    bench.until("the stop", || bench.deeds().len() == 2).await;
    let before = bench.frames().len();
    bench.clock.advance(Millis::from_secs(252));
    bench.signals.try_send(Signal::Continued).unwrap();
    bench.shows("suspended for 252 s").await;
    assert_eq!(bench.deeds(), ["restore", SUSPENDED, "enter"]);
    let of = |n| NonZeroU16::new(n).unwrap();
    let mut anew = vt100::Parser::new(of(10), of(60), 0);
    anew.process(&bench.frames()[before..].concat());
    assert_eq!(anew.screen().contents(), bench.screen(), "everything is drawn anew");
}

#[tokio::test]
async fn what_the_link_does_not_take_is_told() {
    let mut bench = Bench::with(night()).await;
    bench.clock.advance(Millis(600));
    bench.type_text("wa");
    let requests = bench.far.as_mut().unwrap();
    requests.0.close();
    bench.key(Key::char('y'));
    bench.shows("not sent").await;
}
