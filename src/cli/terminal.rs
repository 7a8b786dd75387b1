//! Passphrases, token files, error messages.

use crate::{access::Secret, client};
use anyhow::{Context, bail};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::{
    io::{BufRead, IsTerminal, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Longest secret that is read from a file or from standard input, in bytes.
const SECRET_MAX_BYTES: u64 = 4 * 1024;

/// Says on standard error what went wrong, the causes behind it included.
pub(super) fn complain(error: &anyhow::Error) {
    let mut text = format!("wardwatch: {error}");
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            text = format!("{text}: {cause}");
            said = cause;
        }
    }
    // Nobody hears if this fails.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// A passphrase from the terminal, or the first line of standard input.
pub(super) fn passphrase(prompt: &str) -> anyhow::Result<Secret> {
    secret_line(prompt, "no passphrase came on standard input")
}

/// A secret from the terminal, or the first line of standard input; `absent` says that there was none.
pub(super) fn secret_line(prompt: &str, absent: &'static str) -> anyhow::Result<Secret> {
    if std::io::stdin().is_terminal() {
        return Ok(Secret::new(rpassword::prompt_password(prompt)?));
    }
    let mut line = String::new();
    // What stands behind the line may be the answer to the next question.
    std::io::stdin().lock().take(SECRET_MAX_BYTES).read_line(&mut line)?;
    let text = line.trim_end_matches(['\n', '\r']).to_owned();
    if text.is_empty() {
        bail!(absent);
    }
    Ok(Secret::new(text))
}

/// A new passphrase: asked for twice on a terminal, read once from standard input.
pub(super) fn new_passphrase(name: &str) -> anyhow::Result<Secret> {
    let first = passphrase(&format!("Passphrase for {name} (at least 15 characters): "))?;
    if std::io::stdin().is_terminal() && passphrase("Once more: ")? != first {
        bail!("the two passphrases are not the same: nothing was changed");
    }
    Ok(first)
}

/// Reads a token from a file.
pub(super) fn read_token(path: &Path) -> anyhow::Result<Secret> {
    client::read_token_file(path).with_context(|| format!("the token file {} cannot be used", path.display()))
}

/// Writes a token to a file that only its owner may read.
pub(super) fn write_token(path: &Path, token: &Secret) -> anyhow::Result<()> {
    let what = || format!("the token file {} cannot be written", path.display());
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e).with_context(what),
        _ => {}
    }
    let mut file =
        std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).with_context(what)?;
    writeln!(file, "{}", token.expose()).with_context(what)
}

/// A file for a token that is not known yet, beside the place where it will be: what is there stays until the token is.
pub(super) struct TokenFile {
    path: PathBuf,
    beside: PathBuf,
    file: std::fs::File,
}

impl TokenFile {
    /// Makes it, for its owner alone.
    pub(super) fn make(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("the token file {} cannot be written", path.display());
        let mut name = path.file_name().with_context(what)?.to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let beside = path.with_file_name(name);
        let file =
            std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&beside).with_context(what)?;
        Ok(Self { path: path.to_owned(), beside, file })
    }

    /// Writes the token, and puts the file in its place. If that fails, the file beside it has the token.
    pub(super) fn fill(mut self, token: &Secret) -> anyhow::Result<()> {
        let what =
            || format!("the token cannot be put into {}: it is in {}", self.path.display(), self.beside.display());
        writeln!(self.file, "{}", token.expose()).and_then(|()| self.file.sync_all()).with_context(what)?;
        std::fs::rename(&self.beside, &self.path).with_context(what)?;
        self.beside.clear();
        Ok(())
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // Nothing was written: no code was spent.
        if self.file.metadata().is_ok_and(|meta| meta.len() == 0) {
            drop(std::fs::remove_file(&self.beside));
        }
    }
}

/// Writes a token to a file, or to standard output if none is named.
pub(super) fn hand_over(token: &Secret, path: Option<&Path>) -> anyhow::Result<()> {
    match path {
        Some(path) => write_token(path, token),
        None => Ok(writeln!(std::io::stdout(), "{}", token.expose())?),
    }
}

/// A line on standard error, for people.
pub(super) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Writes over the line of the terminal on standard error.
pub(super) fn overwrite(text: &str) {
    drop(write!(std::io::stderr(), "\r\u{1b}[2K{text}"));
}

/// Shows what is typed on the terminal of standard input, or hides all of it but the ends of lines. Elsewhere nothing is
/// shown anyway.
pub(super) fn echo(on: bool) {
    let stdin = std::io::stdin();
    let Ok(mut modes) = tcgetattr(&stdin) else { return };
    modes.local_modes.set(LocalModes::ECHO, on);
    modes.local_modes.set(LocalModes::ECHONL, !on);
    if let Err(e) = tcsetattr(&stdin, OptionalActions::Now, &modes) {
        note(&format!("wardwatch: the terminal goes on showing what is typed: {e}"));
    }
}

/// A question on standard error; the answer is typed behind it.
pub(super) fn ask(question: &str) -> anyhow::Result<()> {
    let mut err = std::io::stderr();
    write!(err, "{question}")?;
    Ok(err.flush()?)
}
