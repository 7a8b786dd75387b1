//! `wardwatch user totp`.

use super::{
    admin,
    admin::{SiteArgs, WhoArgs},
    reach::ReachArgs,
    terminal,
};
use crate::{
    backend::admin::AdminRequest,
    client::{self, Endpoint, HttpError},
};
use anyhow::Context;
use qrcodegen::{QrCode, QrCodeEcc};
use std::io::Write;

/// The second factor: codes of an authenticator
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Set up an authenticator for oneself: sign in, scan the picture, give a code
    Enrol {
        #[command(flatten)]
        who: Who,
    },
    /// Remove one's own second factor
    Remove {
        #[command(flatten)]
        who: Who,
    },
    /// Remove the second factor of somebody whose authenticator is lost, on the server's own machine; sessions end
    Reset {
        /// Login name
        name: String,
        #[command(flatten)]
        asker: WhoArgs,
        #[command(flatten)]
        site: SiteArgs,
    },
}

#[derive(Debug, clap::Args)]
struct Who {
    #[command(flatten)]
    reach: ReachArgs,
    /// Login name
    #[arg(long, value_name = "NAME")]
    user: String,
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Enrol { who } => super::runtime()?.block_on(enrol(who)),
        Command::Remove { who } => super::runtime()?.block_on(remove(who)),
        Command::Reset { name, asker, site } => {
            admin::ask_done_as(&site.existing()?, asker, AdminRequest::ResetFactor { name: name.clone() })
        }
    }
}

/// Signs in; asks for a code where one is wanted.
pub(super) async fn sign_in(to: &Endpoint, user: &str) -> anyhow::Result<client::LoginAnswer> {
    let passphrase = terminal::passphrase(&format!("Passphrase for {user}: "))?;
    match client::login(to, user, &passphrase, None).await {
        Err(HttpError::Problem(problem)) if problem.code() == client::SECOND_FACTOR => {
            let code = terminal::secret_line("Code of your authenticator: ", "no code came on standard input")?;
            Ok(client::login(to, user, &passphrase, Some(&code)).await?)
        }
        answer => Ok(answer?),
    }
}

async fn enrol(who: &Who) -> anyhow::Result<u8> {
    let to = who.reach.endpoint()?;
    let session = sign_in(&to, &who.user).await?;
    let new = client::begin_factor(&to, &session.token).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", picture(new.uri.expose())?)?;
    writeln!(out, "Scan this with your authenticator, or type the key: {}", new.seed.expose())?;
    out.flush()?;
    let code = terminal::secret_line("The code that it shows now: ", "no code came on standard input")?;
    client::confirm_factor(&to, &session.token, &code).await?;
    writeln!(
        out,
        "From now on a code is wanted when you sign in. If the authenticator is lost, each of these is good once:"
    )?;
    for code in &new.recovery {
        writeln!(out, "  {}", code.expose())?;
    }
    client::logout(&to, &session.token).await?;
    Ok(0)
}

async fn remove(who: &Who) -> anyhow::Result<u8> {
    let to = who.reach.endpoint()?;
    let session = sign_in(&to, &who.user).await?;
    client::remove_factor(&to, &session.token).await?;
    client::logout(&to, &session.token).await?;
    Ok(0)
}

/// A picture of half blocks, dark on light whatever the terminal's colours are.
fn picture(text: &str) -> anyhow::Result<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok().context("the address is too long for a picture")?;
    Ok(drawn(&code))
}

/// Light modules around the picture, which readers need to find it.
const QUIET: i32 = 2;

fn drawn(code: &QrCode) -> String {
    let span = -QUIET..code.size() + QUIET;
    let light = |x: i32, y: i32| !code.get_module(x, y);
    let mut out = String::new();
    for y in span.clone().step_by(2) {
        out.push_str("\u{1b}[97;40m");
        for x in span.clone() {
            out.push(match (light(x, y), y + 1 < span.end && light(x, y + 1)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            });
        }
        out.push_str("\u{1b}[0m\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a12_the_picture_is_the_code_module_by_module() {
        let code = QrCode::encode_text("otpauth://totp/x?secret=ABC", QrCodeEcc::Low).unwrap();
        let text = drawn(&code).replace("\u{1b}[97;40m", "").replace("\u{1b}[0m", "");
        let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let width = usize::try_from(code.size() + 2 * QUIET).unwrap();
        assert!(rows.iter().all(|row| row.len() == width), "{text}");
        for y in 0..code.size() {
            for x in 0..code.size() {
                let (column, line) = (usize::try_from(x + QUIET).unwrap(), usize::try_from(y + QUIET).unwrap());
                let cell = rows[line / 2][column];
                let light = if line % 2 == 0 { "\u{2588}\u{2580}" } else { "\u{2588}\u{2584}" };
                assert_eq!(light.contains(cell), !code.get_module(x, y), "{x} {y}");
            }
        }
    }
}
