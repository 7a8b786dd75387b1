//! `wardwatch login` and `wardwatch logout`.

use super::{terminal, totp};
use crate::client::{self, Endpoint};
use std::path::PathBuf;

/// Sign in and keep the session's token in a file
#[derive(Debug, clap::Args)]
pub(super) struct LoginArgs {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8470")]
    to: Endpoint,
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
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8470")]
    to: Endpoint,
    /// Where the token is; the file is removed
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

/// Signs in. The passphrase comes from the terminal or from standard input, and the code behind it.
pub(super) fn login(args: &LoginArgs) -> anyhow::Result<u8> {
    let answer = super::runtime()?.block_on(totp::sign_in(&args.to, &args.user))?;
    terminal::write_token(&args.token_file, &answer.token)?;
    terminal::note(&format!("signed in as {} ({})", answer.user, answer.role));
    Ok(0)
}

/// Signs out.
pub(super) fn logout(args: &LogoutArgs) -> anyhow::Result<u8> {
    let token = terminal::read_token(&args.token_file)?;
    super::runtime()?.block_on(client::logout(&args.to, &token))?;
    std::fs::remove_file(&args.token_file)?;
    Ok(0)
}
