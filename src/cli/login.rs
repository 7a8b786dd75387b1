//! `wardwatch login` and `wardwatch logout`.

use super::{reach::ReachArgs, terminal, totp};
use crate::client;
use std::path::PathBuf;

/// Sign in and keep the session's token in a file
#[derive(Debug, clap::Args)]
pub(super) struct LoginArgs {
    #[command(flatten)]
    reach: ReachArgs,
    /// Login name
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Where the token goes; only you may read it
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

/// Sign out: the token no longer holds
#[derive(Debug, clap::Args)]
pub(super) struct LogoutArgs {
    #[command(flatten)]
    reach: ReachArgs,
    /// Where the token is; the file is removed
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

/// Signs in. The passphrase comes from the terminal or from standard input, and the code behind it.
pub(super) fn login(args: &LoginArgs) -> anyhow::Result<u8> {
    // Who is asked for a passphrase knows by then that it goes to the right server.
    let to = args.reach.endpoint()?;
    let answer = super::runtime()?.block_on(totp::sign_in(&to, &args.user))?;
    terminal::write_token(&args.token_file, &answer.token)?;
    terminal::note(&format!("signed in as {} ({})", answer.user, answer.role));
    Ok(0)
}

/// Signs out.
pub(super) fn logout(args: &LogoutArgs) -> anyhow::Result<u8> {
    let token = terminal::read_token(&args.token_file)?;
    super::runtime()?.block_on(client::logout(&args.reach.endpoint()?, &token))?;
    std::fs::remove_file(&args.token_file)?;
    Ok(0)
}
