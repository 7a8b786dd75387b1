//! The command line: one file per command. No logic worth testing alone lives here.

mod admin;
mod alerts;
mod approvals;
mod audit;
mod breakglass;
mod chart;
mod config;
mod deadletter;
mod demo;
mod device;
mod handover;
mod limits;
mod login;
mod mapping;
mod notify;
mod patient;
mod policy;
mod provision;
mod reach;
mod replay;
mod rota;
mod screen;
mod serve;
mod session;
mod simulate;
mod ssh;
mod station;
mod status;
mod terminal;
mod totp;
mod user;
mod ward;
mod watch;
mod witness;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What every help text ends with.
const INTENDED_USE: &str = "\
wardwatch is not a medical device and not a primary alarm source. It is a secondary display: bedside monitors \
remain the alarm that counts, unless a site has validated otherwise.";

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nnot a medical device, not a primary alarm source: a secondary display unless a site validates it"
);

/// Remote patient monitoring for terminals.
#[derive(Debug, Parser)]
#[command(name = "wardwatch", version = VERSION, about, after_help = INTENDED_USE, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Watch(watch::Args),
    Ssh(ssh::Args),
    Login(login::LoginArgs),
    Logout(login::LogoutArgs),
    Replay(replay::Args),
    Simulate(simulate::Args),
    Provision(provision::Args),
    User(user::Args),
    Session(session::Args),
    Approvals(approvals::Args),
    Station(station::Args),
    Breakglass(breakglass::Args),
    Ward(ward::WardArgs),
    Bed(ward::BedArgs),
    Patient(patient::Args),
    Limits(limits::Args),
    Chart(chart::Args),
    Rota(rota::Args),
    Handover(handover::Args),
    Device(device::Args),
    Alerts(alerts::Args),
    Notify(notify::Args),
    Policy(policy::Args),
    Audit(audit::Args),
    Witness(witness::Args),
    Status(status::Args),
    Mapping(mapping::Args),
    Deadletter(deadletter::Args),
    Config(config::Args),
}

/// Exit code of a command that found what it was told to look out for: an alert, a difference, a fault in the log.
const FOUND: u8 = 1;
/// Exit code of a command that was used wrongly or failed.
const FAILED: u8 = 2;
/// Exit code of a look at a ward whose link or server is not live.
const NOT_LIVE: u8 = 3;

/// Exit code of a command that was proposed, and is done once another administrator approves it.
const WAITS: u8 = 4;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Ssh(args) => ssh::run(&args),
        Command::Login(args) => login::login(&args),
        Command::Logout(args) => login::logout(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Provision(args) => provision::run(&args),
        Command::User(args) => user::run(args),
        Command::Session(args) => session::run(args),
        Command::Approvals(args) => approvals::run(&args),
        Command::Station(args) => station::run(args),
        Command::Breakglass(args) => breakglass::run(args),
        Command::Ward(args) => ward::run_ward(args),
        Command::Bed(args) => ward::run_bed(args),
        Command::Patient(args) => patient::run(args),
        Command::Limits(args) => limits::run(&args),
        Command::Device(args) => device::run(args),
        Command::Alerts(args) => alerts::run(&args),
        Command::Chart(args) => chart::run(&args),
        Command::Rota(args) => rota::run(&args),
        Command::Notify(args) => notify::run(&args),
        Command::Handover(args) => handover::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Witness(args) => witness::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Mapping(args) => mapping::run(&args),
        Command::Deadletter(args) => deadletter::run(args),
        Command::Config(args) => config::run(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        // Whoever read our output has enough of it: that is no failure.
        Err(e) if is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            terminal::complain(&e);
            ExitCode::from(if e.is::<admin::Waits>() { WAITS } else { FAILED })
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let pipe = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(pipe))
}

/// A runtime for commands that talk to a server.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// By which way each command reaches data, and so who decides whether it may: `admin` is the socket or the lock of the
    /// data folder (`verb_of_request`), `stream` and `http` a server with a token (`Kind`, `Route`), `folder` files that
    /// their owner alone may read, `none` no data of a site.
    const WAYS: [(&str, &str); 32] = [
        ("alerts", "folder"),
        ("approvals", "http"),
        ("audit", "folder, admin"),
        ("bed", "admin"),
        ("breakglass", "admin"),
        ("chart", "stream"),
        ("config", "none"),
        ("deadletter", "admin"),
        ("demo", "admin, http, stream"),
        ("device", "admin, http"),
        ("handover", "stream"),
        ("help", "none"),
        ("limits", "stream, folder"),
        ("login", "http"),
        ("logout", "http"),
        ("mapping", "none"),
        ("notify", "admin"),
        ("patient", "admin"),
        ("policy", "admin"),
        ("provision", "admin"),
        ("replay", "http, stream"),
        ("rota", "admin, folder"),
        ("serve", "folder"),
        ("session", "admin, http"),
        ("simulate", "none"),
        ("ssh", "gateway, http, stream"),
        ("station", "admin"),
        ("status", "admin"),
        ("user", "admin, http"),
        ("ward", "admin"),
        ("watch", "http, stream"),
        ("witness", "http"),
    ];

    #[test]
    fn h01_every_command_goes_a_way_on_which_somebody_decides() {
        let mut command = Cli::command();
        command.build();
        let mut names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        names.sort_unstable();
        assert_eq!(names, WAYS.map(|(name, _)| name), "a command without a way");
        assert!(
            WAYS.iter()
                .flat_map(|(_, ways)| ways.split(", "))
                .all(|way| { ["admin", "gateway", "stream", "http", "folder", "none"].contains(&way) })
        );
    }
}
