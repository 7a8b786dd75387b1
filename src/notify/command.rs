//! A command: the letter as JSON on its standard input; its exit code says whether it was taken over.

use super::{Channel, Letter, SendError, cloud_event};
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::{Pid, Signal, kill_process_group},
};
use std::{
    ffi::OsString,
    io::{Read, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

/// What is read of a command's standard error, in bytes. A command that writes far more blocks until its time is over.
const COMPLAINT_MAX_BYTES: usize = 4 * 1024;
/// How long a killed command may take to be gone.
const KILL_WAIT: Duration = Duration::from_secs(2);
/// The search path of commands where the server has none.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a command is made of.
#[derive(Debug, Clone)]
pub struct CommandParts {
    /// The program; no shell stands between.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// The longest time for one try; then the command and what it started are killed.
    pub timeout: Duration,
}

/// A command.
#[derive(Debug)]
pub struct CommandChannel {
    parts: CommandParts,
    path: OsString,
}

impl CommandChannel {
    /// A command.
    #[must_use]
    pub fn new(parts: CommandParts) -> Self {
        Self { parts, path: std::env::var_os("PATH").unwrap_or_else(|| PATH_DEFAULT.into()) }
    }

    fn spawn(&self) -> Result<Child, SendError> {
        // The server's environment may hold secrets: only the search path goes along.
        let child = Command::new(&self.parts.program)
            .args(&self.parts.args)
            .env_clear()
            .env("PATH", &self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let why = |e| SendError::Later(format!("{} cannot be started: {e}", self.parts.program.display()));
        child.map_err(why)
    }
}

impl Channel for CommandChannel {
    fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let mut child = self.spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let body = format!("{}\n", cloud_event(letter));
        let (done, ended) = mpsc::sync_channel(1);
        let wait = move || {
            if let Some(mut stdin) = child.stdin.take() {
                // A command need not read what it is told.
                drop(stdin.write_all(body.as_bytes()));
            }
            let status = child.wait();
            let complaint = child.stderr.take().map(complaint).unwrap_or_default();
            drop(done.send((status, complaint)));
        };
        let waiter = std::thread::Builder::new().name("notify-command".to_owned()).spawn(wait);
        waiter.map_err(|e| SendError::Later(format!("a thread could not be started: {e}")))?;
        match ended.recv_timeout(self.parts.timeout) {
            Ok((Ok(status), complaint)) => judge(status, &complaint),
            Ok((Err(e), _)) => Err(SendError::Later(format!("the command could not be waited for: {e}"))),
            Err(RecvTimeoutError::Timeout) => {
                kill(group);
                drop(ended.recv_timeout(KILL_WAIT));
                let seconds = self.parts.timeout.as_secs();
                Err(SendError::Later(format!("the command took longer than {seconds} s and was killed")))
            }
            Err(RecvTimeoutError::Disconnected) => Err(SendError::Later("the command was lost".to_owned())),
        }
    }
}

fn kill(group: Option<Pid>) {
    if let Some(Err(e)) = group.map(|group| kill_process_group(group, Signal::KILL)) {
        tracing::warn!(error = %e, "a command that took too long could not be killed");
    }
}

/// What the command has complained of so far. It does not wait: something that the command left running may hold the pipe.
fn complaint(mut stderr: ChildStderr) -> String {
    let flags = fcntl_getfl(&stderr).and_then(|flags| fcntl_setfl(&stderr, flags | OFlags::NONBLOCK));
    if flags.is_err() {
        return String::new();
    }
    let mut bytes = vec![0; COMPLAINT_MAX_BYTES];
    let length = stderr.read(&mut bytes).unwrap_or_default();
    bytes.truncate(length);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn judge(status: ExitStatus, complaint: &str) -> Result<(), SendError> {
    if status.success() {
        return Ok(());
    }
    let first = complaint.lines().next().unwrap_or_default();
    let colon = if first.is_empty() { "" } else { ": " };
    Err(SendError::Later(format!("the command ended with {status}{colon}{first}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::render::tests::full;

    fn shell(script: &str, timeout: Duration) -> CommandChannel {
        let args = vec!["-c".to_owned(), script.to_owned()];
        CommandChannel::new(CommandParts { program: "sh".into(), args, timeout })
    }

    #[test]
    fn a_command_is_told_by_its_standard_input() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("said");
        shell(&format!("cat > {}", file.display()), Duration::from_secs(20)).send(&full()).unwrap();
        let said: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(said, cloud_event(&full()));
    }

    #[test]
    fn an_exit_code_that_is_not_0_is_tried_again_and_says_why() {
        let error = shell("echo no modem >&2; exit 3", Duration::from_secs(20)).send(&full()).unwrap_err();
        let SendError::Later(why) = error else { panic!("{error:?}") };
        assert!(why.contains("exit status: 3") && why.ends_with(": no modem"), "{why}");
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("late");
        let script = format!("(sleep 3; touch {}) & sleep 60", file.display());
        let error = shell(&script, Duration::from_millis(300)).send(&full()).unwrap_err();
        assert!(error.to_string().contains("was killed"), "{error}");
        let (_never, wait) = mpsc::channel::<()>();
        assert!(wait.recv_timeout(Duration::from_secs(4)).is_err());
        assert!(!file.exists(), "what it started was killed too");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let parts =
            CommandParts { program: "/no/such/pager".into(), args: Vec::new(), timeout: Duration::from_secs(1) };
        let error = CommandChannel::new(parts).send(&full()).unwrap_err();
        assert!(error.to_string().starts_with("/no/such/pager cannot be started"), "{error}");
    }

    #[test]
    fn the_environment_of_the_server_stays_with_it() {
        // CARGO_PKG_NAME is in the environment of every test.
        shell("test -z \"$CARGO_PKG_NAME\" && test -n \"$PATH\"", Duration::from_secs(20)).send(&full()).unwrap();
    }
}
