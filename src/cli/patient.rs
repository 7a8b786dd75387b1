//! `wardwatch patient`.

use super::{admin, admin::SiteArgs, device, limits::CategoryArg};
use crate::{
    access::new_id,
    domain::{BedId, CloseReason, Command as WardCommand, DeviceId, Patient, PatientId, PersonName, Timestamp, WardId},
    seam::OsEntropy,
};

/// Admit, transfer and discharge patients, on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Admit a patient to a free bed
    Admit {
        /// Opaque identifier, never a name
        id: PatientId,
        /// The bed
        #[arg(long)]
        bed: BedId,
        /// Name, such as "Okafor, Chidi"
        #[arg(long, default_value = "")]
        name: String,
        /// It selects alarm limits
        #[arg(long, default_value = "adult")]
        category: CategoryArg,
        /// Year of birth
        #[arg(long)]
        birth_year: Option<i32>,
        /// A few words that help to recognise the case
        #[arg(long, default_value = "")]
        note: String,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Put a patient in another category: limits follow it, changed limits are taken back
    Category {
        /// The patient
        id: PatientId,
        /// The category
        category: CategoryArg,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Move a patient to a free bed; devices, alerts and limits go along
    Transfer {
        /// The patient
        id: PatientId,
        /// The bed
        #[arg(long)]
        bed: BedId,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Let a device measure a patient: the same as `device assign`
    Assign {
        /// The patient
        id: PatientId,
        /// The device
        #[arg(long)]
        device: DeviceId,
        /// Since when, such as 2026-03-01T08:15:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Take it from the patient whom it measures
        #[arg(long = "move")]
        moved: bool,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Discharge a patient: the bed becomes free, devices are taken away, alerts are closed
    Discharge {
        /// The patient
        id: PatientId,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// Does what is asked.
pub(super) fn run(args: Args) -> anyhow::Result<u8> {
    match args.command {
        Command::Admit { id, bed, name, category, birth_year, note, ward, site } => {
            let category = category.into();
            let encounter = new_id("e", &OsEntropy)?.parse()?;
            let (name, note) = (PersonName::new(&name), PersonName::new(&note));
            let patient = Patient { id, name, category, birth_year, note };
            admin::run_on_ward(&site, ward.as_ref(), WardCommand::Admit { patient, bed, encounter })
        }
        Command::Category { id, category, ward, site } => {
            let command = WardCommand::SetCategory { patient: id, category: category.into() };
            admin::run_on_ward(&site, ward.as_ref(), command)
        }
        Command::Transfer { id, bed, ward, site } => {
            admin::run_on_ward(&site, ward.as_ref(), WardCommand::Transfer { patient: id, bed })
        }
        Command::Assign { id, device: of, since, moved, ward, site } => {
            device::assign(&site, ward.as_ref(), device::Wanted { device: of, patient: id, since, moved })
        }
        Command::Discharge { id, ward, site } => {
            let command = WardCommand::Discharge { patient: id, reason: CloseReason::Discharged };
            admin::run_on_ward(&site, ward.as_ref(), command)
        }
    }
}
