//! `wardwatch ssh`: what sshd runs for somebody whom it has let in by a key.

mod words;

use super::{
    FAILED, alerts, handover,
    replay::ReportFormat,
    screen,
    screen::{OnceFormat, ScreenArgs, Target},
    terminal, watch,
};
use crate::{
    access::{Secret, keys_of_auth_info},
    backend::gateway::{self, Admission, GatewayAnswer, GatewayRequest},
    client::{self, Endpoint, LinkOptions, Once, Trust},
    domain::{Millis, PatientId, Role, WardId},
    protocol::Encoding,
    seam::OsEntropy,
};
use anyhow::{Context, bail};
use clap::Parser;
use std::{
    io::{Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Longest file of what sshd says of a login, in bytes.
const AUTH_INFO_MAX_BYTES: u64 = 64 * 1024;
/// What may be asked for, as it is told to whom asks for something else.
const ALLOWED: &str = "no command (the screen; ssh -t), once [--json], devices [--json], follow, plain, status, \
                       alerts report [--since SPAN] [--format text|json], handover show [--patient ID] [--format text|markdown|json]";

/// Let somebody in whom OpenSSH has let in by a key: the screen, or one of a few commands
///
/// For sshd alone, as its ForceCommand, with `ExposeAuthInfo yes` (docs/deployment.md). Who it is follows from the key, by
/// `wardwatch user key add`; there is no second login. Without a command of the client's it opens the screen; with one it runs
/// that, if it is one of its list. No shell is ever started.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The server's socket for logins by key, its ssh.socket
    #[arg(long, value_name = "PATH", default_value = "/run/wardwatch/login.sock")]
    socket: PathBuf,
    /// The ward [default: the first that the person may watch]
    #[arg(long, value_name = "ID")]
    ward: Option<WardId>,
    #[command(flatten)]
    screen: ScreenArgs,
}

/// What the client may ask for.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
enum Wanted {
    Screen,
    Once {
        #[arg(long)]
        json: bool,
    },
    Devices {
        #[arg(long)]
        json: bool,
    },
    Follow,
    Plain,
    Status,
    Help,
    #[command(subcommand)]
    Alerts(AlertsWanted),
    #[command(subcommand)]
    Handover(HandoverWanted),
}

#[derive(Debug, clap::Subcommand)]
#[command(disable_help_flag = true, disable_help_subcommand = true)]
enum AlertsWanted {
    Report {
        #[arg(long, default_value = "12h", value_parser = alerts::span)]
        since: Millis,
        #[arg(long, value_enum, default_value_t)]
        format: ReportFormat,
    },
}

#[derive(Debug, clap::Subcommand)]
#[command(disable_help_flag = true, disable_help_subcommand = true)]
enum HandoverWanted {
    Show {
        #[arg(long = "patient")]
        patients: Vec<PatientId>,
        #[arg(long, value_enum, default_value_t)]
        format: handover::Format,
    },
}

impl Wanted {
    /// What the client has asked sshd for; it never gets to a shell.
    fn of(asked: &str) -> anyhow::Result<Self> {
        let words = words::split(asked)?;
        if words.is_empty() {
            return Ok(Self::Screen);
        }
        if words.iter().any(|word| word == "--user" || word.starts_with("--user=")) {
            bail!("who you are is said by your key: another name is not taken here");
        }
        let refused = || format!("{:?} is not allowed here; allowed: {ALLOWED}", crate::domain::text::clean(asked));
        match Self::try_parse_from(&words) {
            // That is how the screen is called in here, and no command of the client's.
            Ok(Self::Screen) => bail!(refused()),
            Ok(wanted) => Ok(wanted),
            Err(e) if matches!(e.kind(), clap::error::ErrorKind::InvalidSubcommand) => bail!(refused()),
            Err(e) => {
                let why = e.to_string();
                let why = why.lines().next().unwrap_or_default().trim_start_matches("error: ");
                bail!("{}; allowed: {ALLOWED}", crate::domain::text::clean(why))
            }
        }
    }
}

/// Somebody with a session.
struct Guest {
    target: Target,
    token: Secret,
    user: String,
    role: Role,
    /// The session ends with it at the latest.
    _admission: Admission,
}

/// Does what the client asks for.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let wanted = Wanted::of(&std::env::var("SSH_ORIGINAL_COMMAND").unwrap_or_default())?;
    if matches!(wanted, Wanted::Help) {
        terminal::note(&format!("allowed: {ALLOWED}"));
        return Ok(0);
    }
    let guest = let_in(args)?;
    super::runtime()?.block_on(async {
        let done = serve(&guest, wanted, &args.screen).await;
        // A session that has ended by itself needs no end.
        drop(client::logout(&guest.target.endpoint, &guest.token).await);
        done
    })
}

/// Begins a session for whom sshd has let in.
fn let_in(args: &Args) -> anyhow::Result<Guest> {
    let info = std::env::var_os("SSH_USER_AUTH")
        .context("this is for sshd alone, as its ForceCommand with `ExposeAuthInfo yes`: SSH_USER_AUTH is not set")?;
    let keys = keys_of_auth_info(&auth_info(Path::new(&info))?)?;
    let from = std::env::var("SSH_CONNECTION").unwrap_or_default();
    let request = GatewayRequest {
        keys: keys.into_iter().map(|key| key.fingerprint).collect(),
        from: from.split(' ').next().unwrap_or_default().to_owned(),
    };
    let admission = gateway::ask(&args.socket, &request)?;
    let GatewayAnswer::Session { token, user, role, server, key } = &admission.answer else {
        match &admission.answer {
            GatewayAnswer::Refused { why } => bail!("{why}"),
            GatewayAnswer::Session { .. } => bail!("the server's answer is not understood"),
        }
    };
    let endpoint: Endpoint = server.parse()?;
    let endpoint = match key {
        Some(key) => endpoint.trusted(Trust::pin(key.parse()?, "the server itself, at its socket,")?),
        None => endpoint,
    };
    Ok(Guest {
        target: Target { endpoint, ward: args.ward.clone(), emergency: None, token_file: None },
        token: Secret::new(token.clone()),
        user: user.clone(),
        role: *role,
        _admission: admission,
    })
}

/// What sshd says of the login: a file that it made for this account, and that nobody else may have written.
fn auth_info(path: &Path) -> anyhow::Result<String> {
    let what = || format!("what sshd says of the login cannot be read from {}", path.display());
    let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(nofollow).open(path).with_context(what)?;
    let meta = file.metadata().with_context(what)?;
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o022 != 0 {
        bail!("{} was not made by sshd for this account alone", path.display());
    }
    let mut text = String::new();
    file.take(AUTH_INFO_MAX_BYTES).read_to_string(&mut text).with_context(what)?;
    Ok(text)
}

async fn serve(guest: &Guest, wanted: Wanted, screen: &ScreenArgs) -> anyhow::Result<u8> {
    let (target, token) = (&guest.target, guest.token.clone());
    let format = |json| if json { OnceFormat::Json } else { OnceFormat::Text };
    match wanted {
        Wanted::Screen => screen::show(target, Some(token), String::new(), screen.prepare()?).await,
        Wanted::Plain => screen::show(target, Some(token), String::new(), screen::Screen::Plain).await,
        Wanted::Once { json } => screen::once(target, token, format(json)).await,
        Wanted::Devices { json } => watch::devices(target, token, format(json)).await,
        Wanted::Follow => screen::follow(target, token).await,
        Wanted::Status => status(guest).await,
        Wanted::Alerts(AlertsWanted::Report { since, format }) => {
            let mut once = guest.connect(Some(Vec::new())).await?;
            let report = once.alert_report(once.now - since, once.now).await?;
            alerts::write((&report, once.view.ward.time_zone), once.mode, format)?;
            Ok(0)
        }
        Wanted::Handover(HandoverWanted::Show { patients, format }) => {
            let once = guest.connect((!patients.is_empty()).then(|| patients.clone())).await?;
            handover::show(once, &patients, format).await
        }
        Wanted::Help => Ok(FAILED),
    }
}

impl Guest {
    async fn connect(&self, patients: Option<Vec<PatientId>>) -> anyhow::Result<Once> {
        let options = LinkOptions {
            without_ward: false,
            endpoint: self.target.endpoint.clone(),
            token: self.token.clone(),
            token_file: None,
            ward: self.target.ward.clone(),
            patients,
            encoding: Encoding::MessagePack,
            memory: screen::trail_memory(),
            emergency: None,
        };
        Ok(Once::connect(options, Arc::new(OsEntropy)).await?)
    }
}

/// Who one is, and how the server does, as far as everybody may know.
async fn status(guest: &Guest) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "you are {} ({})", guest.user, guest.role)?;
    let ready = client::get(&guest.target.endpoint, "/readyz").await?;
    writeln!(out, "{}", crate::domain::text::clean(&String::from_utf8_lossy(&ready)))?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_the_list_is_refused_in_a_sentence() {
        for (asked, says) in [
            ("sh", "\"sh\" is not allowed here"),
            ("/bin/bash -c id", "is not allowed here"),
            ("scp -t /tmp", "\"scp -t /tmp\" is not allowed here"),
            ("internal-sftp", "is not allowed here"),
            ("rsync --server . /", "is not allowed here"),
            ("screen", "is not allowed here"),
            ("serve --data /tmp", "is not allowed here"),
            ("user add x --role admin", "is not allowed here"),
            ("once; id", "not a shell"),
            ("once `id`", "not a shell"),
            ("once\nid", "not a shell"),
            ("once --user b.other", "another name is not taken"),
            ("status --user=b.other", "another name is not taken"),
            ("once --to http://10.0.0.1", "--to"),
            ("alerts", "allowed: "),
            ("handover accept 3", "accept"),
        ] {
            let refused = Wanted::of(asked).unwrap_err().to_string();
            assert!(refused.contains(says) && !refused.contains('\n'), "{asked:?}: {refused}");
        }
        for good in
            ["", "  ", "once", "once --json", "alerts report --since 7d", "handover show --patient 'p1'", "help"]
        {
            assert!(Wanted::of(good).is_ok(), "{good}");
        }
    }
}
