//! `wardwatch handover`.

use super::{limits::ServerArgs, terminal};
use crate::{
    analysis::handover_text::{markdown, text},
    client::Once,
    domain::{
        Command as WardCommand, Handover, HandoverExtent, HandoverId, LeftBehind, LoginName, Mode, PatientId, Remark,
        Timestamp, handover::is_same_login,
    },
    protocol::{
        HANDOVER_PATIENTS_MAX, HandoverReport, PatientView,
        words::{bed_label, clock_minutes},
    },
};
use anyhow::{anyhow, bail};
use std::io::Write;

/// Hand patients over to another person: offered by one, taken by the other, signed by both
///
/// Nurses, charge nurses and doctors. Each signs with the own session. A patient is in one open handover at most; one that
/// nobody answers ends after 60 min. Open alerts of the giver go along; limits that hold until the next handover are due for
/// review.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what there is to say of patients: situation, background, assessment, recommendation
    Show {
        #[command(flatten)]
        server: ServerArgs,
        /// This patient; may be given several times [default: all of the ward]
        #[arg(long = "patient", value_name = "ID")]
        patients: Vec<PatientId>,
        /// How it is written
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Offer patients to another person, and sign
    ///
    /// Whoever offers goes: unless --stay is given, it can be taken only when each other patient of the giver alone is in a
    /// handover too.
    Offer {
        #[command(flatten)]
        server: ServerArgs,
        /// Who is to take them: a login name
        #[arg(value_parser = login)]
        taker: LoginName,
        /// This patient; may be given several times
        #[arg(long = "patient", value_name = "ID", required_unless_present = "all")]
        patients: Vec<PatientId>,
        /// All that are yours alone and all that nobody owns. It can be taken only when afterwards nobody on the ward is
        /// without an owner
        #[arg(long, conflicts_with = "patients")]
        all: bool,
        /// You stay, and keep your other patients
        #[arg(long, conflicts_with = "all")]
        stay: bool,
        /// What you say besides
        #[arg(long, value_name = "TEXT")]
        note: Option<Remark>,
    },
    /// Take the patients that you are offered, and sign
    Accept {
        #[command(flatten)]
        server: ServerArgs,
        /// Which handover
        id: u64,
    },
    /// Not take the patients that you are offered
    Decline {
        #[command(flatten)]
        server: ServerArgs,
        /// Which handover
        id: u64,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Remark,
    },
    /// Take an offer of yours back; the nurse in charge, any offer
    Withdraw {
        #[command(flatten)]
        server: ServerArgs,
        /// Which handover
        id: u64,
    },
    /// List open handovers, and who owns whom
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// For documents
    Markdown,
    /// For programs
    Json,
}

fn login(text: &str) -> Result<LoginName, String> {
    let name = LoginName::new(text);
    if name.as_str().is_empty() { Err("a login name is wanted".to_owned()) } else { Ok(name) }
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    super::runtime()?.block_on(async {
        match &args.command {
            Command::Show { server, patients, format } => {
                let once = server.connect((!patients.is_empty()).then(|| patients.clone())).await?;
                show(once, patients, *format).await
            }
            Command::Offer { server, taker, patients, all, stay, note } => {
                let extent = match (all, stay) {
                    (true, _) => HandoverExtent::Ward,
                    (false, true) => HandoverExtent::Part,
                    (false, false) => HandoverExtent::Own,
                };
                offer(server, taker, patients, extent, note.clone()).await
            }
            Command::Accept { server, id } => accept(server, HandoverId(*id)).await,
            Command::Decline { server, id, reason } => {
                let (handover, reason) = (HandoverId(*id), reason.clone());
                tell(server, WardCommand::DeclineHandover { handover, reason }).await
            }
            Command::Withdraw { server, id } => {
                tell(server, WardCommand::WithdrawHandover { handover: HandoverId(*id) }).await
            }
            Command::List { server } => list(server).await,
        }
    })
}

/// Writes what there is to say of patients; of all of the ward if none is named.
pub(super) async fn show(mut once: Once, patients: &[PatientId], format: Format) -> anyhow::Result<u8> {
    if let Some(other) = patients.iter().find(|p| !once.view.patients.contains_key(*p)) {
        bail!("patient {other} is not on ward {}", once.view.ward.id);
    }
    let wanted: Vec<PatientId> = once.view.by_bed().into_iter().map(|p| p.patient.id.clone()).collect();
    let mut whole: Option<HandoverReport> = None;
    for some in wanted.chunks(HANDOVER_PATIENTS_MAX) {
        let report = once.handover_report(some.to_vec()).await?;
        match &mut whole {
            Some(whole) => whole.patients.extend(report.patients),
            None => whole = Some(report),
        }
    }
    let Some(report) = whole else {
        terminal::note("there is no patient on the ward");
        return Ok(0);
    };
    let words = match format {
        Format::Text => text(&report),
        Format::Markdown => markdown(&report),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    std::io::stdout().lock().write_all(words.as_bytes())?;
    Ok(0)
}

async fn offer(
    server: &ServerArgs,
    taker: &LoginName,
    patients: &[PatientId],
    extent: HandoverExtent,
    note: Option<Remark>,
) -> anyhow::Result<u8> {
    let mut once = server.connect(None).await?;
    let (to, patients) = (taker.clone(), patients.to_vec());
    once.command(WardCommand::OfferHandover { to, patients, extent, note }).await?;
    let offered = once.view.handovers.open.iter().rev().find(|open| is_same_login(&open.to, taker));
    let offered = offered.ok_or_else(|| anyhow!("the offer is over already"))?;
    let mut out = std::io::stdout().lock();
    demo(&once, &mut out)?;
    describe(&once, offered, &mut out)?;
    Ok(0)
}

async fn accept(server: &ServerArgs, id: HandoverId) -> anyhow::Result<u8> {
    let mut once = server.connect(None).await?;
    let before = once.view.handovers.find(id).cloned();
    once.command(WardCommand::AcceptHandover { handover: id }).await?;
    let Some(handover) = before else { return Ok(0) };
    let mut out = std::io::stdout().lock();
    demo(&once, &mut out)?;
    let (from, to, at) = (handover.from.label(), &handover.to, time(&once, handover.at));
    writeln!(out, "handover {id}: signed by {from} {at} and now by {to}")?;
    beds(&once, &handover, &mut out)?;
    Ok(0)
}

async fn tell(server: &ServerArgs, command: WardCommand) -> anyhow::Result<u8> {
    let mut once = server.connect(Some(Vec::new())).await?;
    once.command(command).await?;
    Ok(0)
}

async fn list(server: &ServerArgs) -> anyhow::Result<u8> {
    let once = server.connect(None).await?;
    let mut out = std::io::stdout().lock();
    demo(&once, &mut out)?;
    for open in &once.view.handovers.open {
        describe(&once, open, &mut out)?;
    }
    if once.view.handovers.open.is_empty() {
        writeln!(out, "no open handover")?;
    }
    let ownership = once.view.ownership(once.now);
    for patient in once.view.by_bed() {
        let owners = ownership.of(&patient.patient.id, &patient.bed);
        let names: Vec<&str> = owners.iter().map(LoginName::as_str).collect();
        let how = if once.view.handovers.owners.contains_key(&patient.patient.id) { "" } else { " by the rota" };
        let with = if names.is_empty() { "NOBODY".to_owned() } else { format!("{}{how}", names.join(", ")) };
        let bed = bed_label(&once.view, &patient.bed);
        writeln!(out, "bed {bed}  patient {}  with {with}", patient.patient.id)?;
    }
    Ok(0)
}

fn demo(once: &Once, out: &mut impl Write) -> std::io::Result<()> {
    if once.mode == Mode::Demo { writeln!(out, "DEMO") } else { Ok(()) }
}

fn time(once: &Once, at: Timestamp) -> String {
    clock_minutes(at, once.view.ward.time_zone)
}

/// An open offer, its patients, and whom it would leave behind.
fn describe(once: &Once, open: &Handover, out: &mut impl Write) -> std::io::Result<()> {
    let (id, from, to) = (open.id, open.from.label(), &open.to);
    let (at, until) = (time(once, open.at), time(once, open.until));
    writeln!(out, "handover {id}: {from} to {to}, signed by {from} {at}, not by {to}; ends {until}")?;
    if let Some(note) = &open.note {
        writeln!(out, "  {from} says: {note}")?;
    }
    beds(once, open, out)?;
    let stays = once.view.patients.values().map(|p: &PatientView| (&p.patient.id, &p.bed));
    let left: Vec<LeftBehind> = once.view.ownership(once.now).left_by(open, stays);
    for left in &left {
        let bed = bed_label(&once.view, &left.bed);
        writeln!(out, "  WOULD BE LEFT BEHIND: bed {bed}  patient {}", left.patient)?;
    }
    if !left.is_empty() {
        terminal::note("it cannot be taken until these are in a handover too");
    }
    Ok(())
}

fn beds(once: &Once, handover: &Handover, out: &mut impl Write) -> std::io::Result<()> {
    for patient in &handover.patients {
        let bed = once.view.patients.get(patient).map_or("–", |p| bed_label(&once.view, &p.bed));
        writeln!(out, "  bed {bed}  patient {patient}")?;
    }
    Ok(())
}
