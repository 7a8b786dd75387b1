//! `wardwatch device`.

mod show;

use super::{admin, admin::SiteArgs, reach::ReachArgs, terminal};
use crate::{
    access::Secret,
    backend::admin::{AdminAnswer, AdminRequest},
    client::{self, Endpoint},
    domain::{
        Assignment, Command as WardCommand, Desired, Device, DeviceId, DeviceKind, DeviceLimits, Millis, PatientId,
        Span, Timestamp, VitalCode, WardId, text::clean,
    },
    seam::{Clock, OsClock},
};
use anyhow::{anyhow, bail};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// Manage devices and gateways, on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum KindArg {
    Monitor,
    Gateway,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a device and make its token; earlier tokens of it no longer hold
    Add {
        /// Identifier
        id: DeviceId,
        /// Name as screens show it [default: the identifier]
        #[arg(long)]
        name: Option<String>,
        /// A gateway passes on the readings of the devices that name it
        #[arg(long, default_value = "monitor")]
        kind: KindArg,
        /// The gateway that may send for it
        #[arg(long)]
        gateway: Option<DeviceId>,
        /// Expected sampling interval of a vital, such as spo2=1 (seconds); may be given several times
        #[arg(long, value_name = "VITAL=SECONDS", value_parser = interval)]
        interval: Vec<(VitalCode, Millis)>,
        /// Where the token goes [default: standard output]; only you may read it
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// List devices, the worst first: lost, never heard, silent, low battery, wrong clock, not as wanted, unassigned
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        /// Of this ward alone
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Show one device: what it says of itself, what is wanted of it, whom it measures and has measured
    Show {
        /// The device
        id: DeviceId,
        /// As one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// List devices, known or not, whose values came within 24 h and were nobody's; assigning one takes it off the list
    Unassigned {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Say how often a device is to send a vital, and by which limits of its own it is to alarm; it reads them itself
    Desire {
        /// The device
        id: DeviceId,
        /// How often a vital is to be sent, such as spo2=1 (seconds) or spo2=none; may be given several times
        #[arg(long, value_name = "VITAL=SECONDS", value_parser = wanted_interval)]
        interval: Vec<(VitalCode, Option<Millis>)>,
        /// The device's own limits of a vital, such as spo2=85.., hr=50..120 or hr=none; may be given several times
        #[arg(long, value_name = "VITAL=LOW..HIGH", value_parser = wanted_limits)]
        limit: Vec<(VitalCode, Option<DeviceLimits>)>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Make a code that a device exchanges for its token, once; a new code takes the place of an unused one
    Enrol {
        /// The device
        id: DeviceId,
        /// For how long the code is good: 1m to 7d
        #[arg(long, value_name = "SPAN", default_value = "24h")]
        valid: Span,
        /// The use of the code ends the device's earlier tokens
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Exchange a code for a token, on the device or gateway; the code comes from the terminal or from standard input
    Redeem {
        #[command(flatten)]
        reach: ReachArgs,
        /// Where the token goes; only you may read it
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
    },
    /// Let a device measure a patient from now on, or since a time within the stay
    Assign {
        /// The device
        id: DeviceId,
        /// The patient
        #[arg(long)]
        patient: PatientId,
        /// Since when, such as 2026-03-01T08:15:00Z: values of that time become the patient's, also those that are driven again
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Take it from the patient whom it measures: earlier values stay that patient's
        #[arg(long = "move")]
        moved: bool,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Take a device from its patient now
    Unassign {
        /// The device
        id: DeviceId,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
}

fn interval(text: &str) -> anyhow::Result<(VitalCode, Millis)> {
    let wanted = || anyhow!("{:?} is not VITAL=SECONDS, such as spo2=1", clean(text));
    let (vital, seconds) = text.split_once('=').ok_or_else(wanted)?;
    let seconds: f64 = seconds.parse().map_err(|_| wanted())?;
    if !(0.01..=86_400.0).contains(&seconds) {
        bail!("an interval is between 0.01 and 86400 seconds");
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let ms = (seconds * 1000.0).round() as i64;
    Ok((vital.parse()?, Millis(ms)))
}

/// As [`interval`]; `none` takes the wish back.
fn wanted_interval(text: &str) -> anyhow::Result<(VitalCode, Option<Millis>)> {
    match text.split_once('=') {
        Some((vital, "none")) => Ok((vital.parse()?, None)),
        _ => interval(text).map(|(vital, ms)| (vital, Some(ms))),
    }
}

fn wanted_limits(text: &str) -> anyhow::Result<(VitalCode, Option<DeviceLimits>)> {
    let wanted = || anyhow!("{:?} is not VITAL=LOW..HIGH, such as spo2=85.. or hr=50..120", clean(text));
    let (vital, limits) = text.split_once('=').ok_or_else(wanted)?;
    let vital = vital.parse()?;
    if limits == "none" {
        return Ok((vital, None));
    }
    let (low, high) = limits.split_once("..").ok_or_else(wanted)?;
    let end = |text: &str| if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| wanted()) };
    Ok((vital, Some(DeviceLimits { low: end(low)?, high: end(high)? })))
}

/// Does what is asked.
pub(super) fn run(args: Args) -> anyhow::Result<u8> {
    match args.command {
        Command::Add { id, name, kind, gateway, interval, token_file, ward, site } => {
            let kind = match kind {
                KindArg::Monitor => DeviceKind::Monitor,
                KindArg::Gateway => DeviceKind::Gateway,
            };
            let name = clean(name.as_deref().unwrap_or(id.as_str()));
            let device = Device {
                id,
                name,
                kind,
                gateway,
                intervals_ms: interval.into_iter().collect(),
                desired: Desired::default(),
            };
            let site = site.existing()?;
            let ward = admin::ward_of(&site, ward.as_ref())?;
            match admin::ask(&site, AdminRequest::AddDevice { ward, device }, None)? {
                AdminAnswer::Token { token } => {
                    terminal::hand_over(&Secret::new(token), token_file.as_deref())?;
                    Ok(0)
                }
                AdminAnswer::Failed { why } => bail!(why),
                other => bail!("the server's answer is not understood: {other:?}"),
            }
        }
        Command::Desire { id, interval, limit, site } => {
            if interval.is_empty() && limit.is_empty() {
                bail!("nothing is wanted: give --interval or --limit");
            }
            let (intervals, limits) = (interval.into_iter().collect(), limit.into_iter().collect());
            admin::ask_done(&site.existing()?, AdminRequest::Desire { device: id, intervals, limits })
        }
        Command::Enrol { id, valid, replace, site } => enrol(&site, id, valid.0, replace),
        Command::Redeem { reach, token_file } => redeem(&reach.endpoint()?, &token_file),
        Command::List { json, ward, site } => show::list(&site, ward, json),
        Command::Show { id, json, site } => show::one(&site, &id, json),
        Command::Unassigned { json, site } => show::unassigned(&site, json),
        Command::Assign { id, patient, since, moved, ward, site } => {
            assign(&site, ward.as_ref(), Wanted { device: id, patient, since, moved })
        }
        Command::Unassign { id, ward, site } => {
            let command = WardCommand::Unassign { device: id, end: OsClock.wall() };
            admin::run_on_ward(&site, ward.as_ref(), command)
        }
    }
}

/// Which device is to measure whom.
pub(super) struct Wanted {
    pub(super) device: DeviceId,
    pub(super) patient: PatientId,
    pub(super) since: Option<Timestamp>,
    pub(super) moved: bool,
}

/// Lets a device measure a patient.
pub(super) fn assign(site: &SiteArgs, ward: Option<&WardId>, wanted: Wanted) -> anyhow::Result<u8> {
    let Wanted { device, patient, since, moved } = wanted;
    let start = since.unwrap_or_else(|| OsClock.wall());
    if moved {
        return admin::run_on_ward(site, ward, WardCommand::MoveDevice { device, patient, at: start });
    }
    let site = site.existing()?;
    let ward = admin::ward_of(&site, ward)?;
    let assignment = Assignment { device, patient, start, end: None };
    admin::ask_done(&site, AdminRequest::Assign { ward, assignment })
}

fn enrol(site: &SiteArgs, device: DeviceId, valid: Millis, replace: bool) -> anyhow::Result<u8> {
    match admin::ask(&site.existing()?, AdminRequest::Enrol { device, valid, replace }, None)? {
        AdminAnswer::Code { code, expires_at } => {
            writeln!(std::io::stdout(), "{code}")?;
            terminal::note(&format!("good once, until {expires_at}: `wardwatch device redeem` on the device takes it"));
            Ok(0)
        }
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    }
}

fn redeem(to: &Endpoint, token_file: &Path) -> anyhow::Result<u8> {
    let code = terminal::secret_line("Enrolment code: ", "no enrolment code came on standard input")?;
    // The code is good once: that the token can be written is known before it is spent.
    let file = terminal::TokenFile::make(token_file)?;
    let enrolled = super::runtime()?.block_on(client::enrol(to, &code))?;
    file.fill(&enrolled.token)?;
    terminal::note(&format!("enrolled as {}", enrolled.device));
    Ok(0)
}
