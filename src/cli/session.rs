//! `wardwatch session`.

use super::{admin, admin::SiteArgs, reach::ReachArgs, terminal};
use crate::{
    backend::admin::{AdminAnswer, AdminRequest},
    client,
    domain::SessionId,
    protocol::{SessionState, SessionView},
};
use anyhow::bail;
use std::{io::Write, path::PathBuf};

/// See and end sessions: one's own with a token, those of all on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct Whose {
    #[command(flatten)]
    reach: ReachArgs,
    /// The token of one's session; without it all sessions are meant, on the server's own machine
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    site: SiteArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List sessions
    List {
        /// Of this user alone
        #[arg(long, value_name = "NAME", conflicts_with = "token_file")]
        user: Option<String>,
        #[command(flatten)]
        whose: Whose,
    },
    /// End a session; open connections are cut
    End {
        /// Its identifier, as `list` shows it
        session: SessionId,
        #[command(flatten)]
        whose: Whose,
    },
    /// Prove that it is you, for export and administration; the token file gets another token
    Prove {
        #[command(flatten)]
        reach: ReachArgs,
        /// The token of one's session
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        /// A code of the authenticator is given, not the passphrase
        #[arg(long)]
        code: bool,
    },
}

/// Does what is asked.
pub(super) fn run(args: Args) -> anyhow::Result<u8> {
    match args.command {
        Command::List { user, whose } => {
            let sessions = match &whose.token_file {
                Some(file) => {
                    let token = terminal::read_token(file)?;
                    super::runtime()?.block_on(client::sessions(&whose.reach.endpoint()?, &token))?
                }
                None => match admin::ask(&whose.site.existing()?, AdminRequest::ListSessions { name: user }, None)? {
                    AdminAnswer::Sessions { sessions } => sessions,
                    AdminAnswer::Failed { why } => bail!(why),
                    other => bail!("the server's answer is not understood: {other:?}"),
                },
            };
            show(&sessions)
        }
        Command::End { session, whose } => match &whose.token_file {
            Some(file) => {
                let token = terminal::read_token(file)?;
                super::runtime()?.block_on(client::end_session(&whose.reach.endpoint()?, &token, &session))?;
                Ok(0)
            }
            None => admin::ask_done(&whose.site.existing()?, AdminRequest::EndSession { session }),
        },
        Command::Prove { reach, token_file, code } => {
            let to = reach.endpoint()?;
            let token = terminal::read_token(&token_file)?;
            let (field, prompt) = if code { ("code", "Code: ") } else { ("passphrase", "Passphrase: ") };
            let proof = terminal::secret_line(prompt, "nothing came on standard input")?;
            // A screen may read the file at any moment: it has the one token or the other, never none.
            let file = terminal::TokenFile::make(&token_file)?;
            let new = super::runtime()?.block_on(client::step_up(&to, &token, field, &proof))?;
            file.fill(&new)?;
            Ok(0)
        }
    }
}

fn show(sessions: &[SessionView]) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<20} {:<24} {:<8} {:>9} {:>9}", "session", "user", "state", "began", "active")?;
    let minutes = |ms: u64| format!("{} min", ms / 60_000);
    for s in sessions {
        let state = if s.state == SessionState::Active { "active" } else { "locked" };
        let (began, active) = (minutes(s.began_ms_ago), minutes(s.active_ms_ago));
        let own = if s.own { "  this one" } else { "" };
        writeln!(out, "{:<20} {:<24} {state:<8} {began:>9} {active:>9}{own}", s.session, s.user)?;
    }
    Ok(0)
}
