//! A ward before a person or a program: what `watch` and `demo` have in common.

use super::{FAILED, FOUND, NOT_LIVE, terminal, totp};
use crate::{
    access::Secret,
    client::{self, Emergency, Endpoint, LinkOptions, TrailMemory},
    domain::WardId,
    protocol::Encoding,
    seam::{OsClock, OsEntropy},
    tui::{
        core::App,
        headless::{self, Feed, HeadlessError, Seen, Typed},
        run::{self, Ending, Server, Start},
        term::{self, ColorFlag, Console},
        theme::{Look, Theme},
        view,
    },
};
use anyhow::Context;
use etcetera::BaseStrategy;
use std::{
    io::{BufRead, BufWriter, IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Longest time until a ward is seen by a single look.
const ONCE_WAIT: Duration = Duration::from_secs(5);
/// Typed lines that wait to be answered; the reader of the terminal waits for room.
const TYPED_QUEUE_CAPACITY: usize = 16;

/// How the ward is shown.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ScreenArgs {
    /// Lines that are only appended, for dumb terminals and screen readers
    #[arg(long, conflicts_with_all = ["theme", "color"])]
    plain: bool,
    #[command(flatten)]
    look: LookArgs,
    /// Marks of alerts do not flash: they are lit all the time; so too if `WARDWATCH_NO_FLASH` is set
    #[arg(long)]
    no_flash: bool,
}

/// How a single look is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OnceFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What a screen looks like.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LookArgs {
    /// Theme: default-dark, default-light, high-contrast, mono, or a file
    #[arg(long, value_name = "THEME", default_value = "default-dark")]
    theme: String,
    /// Colours: auto, rgb, 256, 16 or mono
    #[arg(long, value_name = "DEPTH", default_value = "auto")]
    color: ColorFlag,
}

impl LookArgs {
    /// What it looks like on this terminal; `None` if that cannot hold a screen.
    pub(super) fn prepare(&self) -> anyhow::Result<Option<Look>> {
        let env = |name: &str| std::env::var(name).ok();
        let theme = self.read_theme()?;
        let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        let depth = term::color_depth(self.color, env).filter(|_| terminal);
        Ok(depth.map(|depth| theme.at(depth, term::glyphs(env))))
    }

    fn read_theme(&self) -> anyhow::Result<Theme> {
        if let Some(theme) = Theme::builtin(&self.theme) {
            return Ok(theme);
        }
        let names: Vec<&str> = Theme::names().collect();
        let what = || format!("the theme {} is neither {} nor a file", self.theme, names.join(", "));
        let text = std::fs::read_to_string(&self.theme).with_context(what)?;
        Theme::parse(&text).with_context(|| format!("the theme {} cannot be used", self.theme))
    }
}

/// Which ward of which server.
pub(super) struct Target {
    pub(super) endpoint: Endpoint,
    pub(super) ward: Option<WardId>,
    pub(super) emergency: Option<Emergency>,
    /// The file of the token, if one is given.
    pub(super) token_file: Option<PathBuf>,
}

/// How the ward is shown here.
pub(super) enum Screen {
    /// In lines.
    Plain,
    /// On the whole terminal.
    Full {
        /// What it looks like.
        look: Box<Look>,
        /// Whether the marks of alerts flash.
        flash: bool,
    },
}

impl ScreenArgs {
    /// Chooses between a screen and plain lines: a screen needs a terminal that can move its cursor.
    pub(super) fn prepare(&self) -> anyhow::Result<Screen> {
        let look = self.look.prepare()?;
        Ok(match look {
            Some(look) if !self.plain => Screen::Full {
                look: Box::new(look),
                flash: !self.no_flash && std::env::var("WARDWATCH_NO_FLASH").map_or(true, |set| set.is_empty()),
            },
            _ => Screen::Plain,
        })
    }
}

/// Where this person's clients remember the audit trails of servers: `$XDG_STATE_HOME/wardwatch/trails`. Who has no home
/// remembers as long as the program runs.
pub(super) fn trail_memory() -> TrailMemory {
    let state = etcetera::choose_base_strategy().ok().and_then(|strategy| strategy.state_dir());
    state.map_or_else(TrailMemory::default, |dir| TrailMemory::at(dir.join("wardwatch").join("trails")))
}

impl Target {
    fn link(&self, token: Secret) -> LinkOptions {
        LinkOptions {
            without_ward: false,
            endpoint: self.endpoint.clone(),
            token,
            token_file: self.token_file.clone(),
            ward: self.ward.clone(),
            patients: None,
            encoding: Encoding::MessagePack,
            memory: trail_memory(),
            emergency: self.emergency.clone(),
        }
    }

    fn feed(&self, token: Secret) -> Feed {
        let (requests, events) = client::start(self.link(token), Arc::new(OsEntropy));
        let server = self.endpoint.to_string();
        Feed { requests, events, clock: Arc::new(OsClock), server, bell: std::io::stdout().is_terminal() }
    }
}

/// Ends when the program is told to stop.
pub(super) async fn told_to_stop() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let waits = kinds.into_iter().filter_map(|kind| signal(kind).ok()).map(|mut signal| {
        Box::pin(async move {
            signal.recv().await;
        })
    });
    futures_util::future::select_all(waits).await;
}

/// Looks once; tells by the exit code what was seen.
pub(super) async fn once(target: &Target, token: Secret, format: OnceFormat) -> anyhow::Result<u8> {
    let report = match headless::once(target.feed(token), ONCE_WAIT).await? {
        Seen::Ward(report) => report,
        Seen::NotLive { why } => {
            terminal::note(&format!("wardwatch: not live: {why}"));
            return Ok(NOT_LIVE);
        }
    };
    let mut out = std::io::stdout().lock();
    match format {
        OnceFormat::Text => write!(out, "{}", report.text())?,
        OnceFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &report)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(match (report.live, report.asks()) {
        (false, _) => NOT_LIVE,
        (true, false) => 0,
        (true, true) => FOUND,
    })
}

/// Writes what comes until interrupted, or until nobody reads.
pub(super) async fn follow(target: &Target, token: Secret) -> anyhow::Result<u8> {
    let mut out = BufWriter::new(std::io::stdout());
    ended(headless::follow(target.feed(token), &mut out, told_to_stop()).await)
}

/// Shows the ward until the person leaves. Without a token, the person signs in first and is signed out at the end.
pub(super) async fn show(target: &Target, token: Option<Secret>, user: String, screen: Screen) -> anyhow::Result<u8> {
    match screen {
        Screen::Plain => plain(target, token, user).await,
        Screen::Full { look, flash } => {
            let emergency = target.emergency.as_ref().map(|emergency| emergency.patient.to_string());
            let token_file = target.token_file.clone().zip(token.clone());
            let start = Start { server: target.endpoint.to_string(), user, token, flash, emergency };
            full(target, start, token_file, &look).await
        }
    }
}

async fn full(target: &Target, start: Start, token_file: Option<(PathBuf, Secret)>, look: &Look) -> anyhow::Result<u8> {
    let station = Server {
        endpoint: target.endpoint.clone(),
        ward: target.ward.clone(),
        token_file,
        memory: trail_memory(),
        emergency: target.emergency.clone(),
        entropy: Arc::new(OsEntropy),
    };
    let console = Console::open()?;
    let draw = |app: &App, area, buffer: &mut _| view::draw(app, look, area, buffer);
    let outcome = run::run(console, station, start, Arc::new(OsClock), draw).await?;
    Ok(if outcome.ending == Ending::Failed { FAILED } else { 0 })
}

async fn plain(target: &Target, token: Option<Secret>, user: String) -> anyhow::Result<u8> {
    let own = token.is_none();
    let token = match token {
        Some(token) => token,
        None => sign_in(target, user).await?,
    };
    let mut out = BufWriter::new(std::io::stdout());
    let shown = headless::plain(target.feed(token.clone()), typed(), &mut out, told_to_stop()).await;
    if own && let Err(e) = client::logout(&target.endpoint, &token).await {
        terminal::note(&format!("wardwatch: not signed out: {e}"));
    }
    ended(shown)
}

async fn sign_in(target: &Target, mut user: String) -> anyhow::Result<Secret> {
    if user.is_empty() {
        terminal::ask("Login name: ")?;
        std::io::stdin().lock().read_line(&mut user)?;
    }
    let user = user.trim();
    Ok(totp::sign_in(&target.endpoint, user).await?.token)
}

/// Lines typed on standard input, read beside everything else.
fn typed() -> Typed {
    let (send, lines) = mpsc::channel(TYPED_QUEUE_CAPACITY);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    Typed { lines, echo: Box::new(terminal::echo) }
}

/// A closed pipe is no failure: whoever read has enough.
fn ended(shown: Result<(), HeadlessError>) -> anyhow::Result<u8> {
    match shown {
        Err(HeadlessError::Output(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(0),
        other => Ok(other.map(|()| 0)?),
    }
}
