//! `wardwatch ward` and `wardwatch bed`.

use super::{admin, admin::SiteArgs};
use crate::{
    backend::admin::AdminRequest,
    domain::{Bed, BedId, Command as WardCommand, Ward, WardId, text::clean},
};
use anyhow::anyhow;

/// Manage wards, on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct WardArgs {
    #[command(subcommand)]
    command: WardSub,
}

#[derive(Debug, clap::Subcommand)]
enum WardSub {
    /// Add a ward, or rename it
    Add {
        /// Identifier
        id: WardId,
        /// Name as screens show it
        #[arg(long)]
        name: String,
        /// Time zone of its screens, such as Europe/Berlin
        #[arg(long, value_name = "ZONE", default_value = "UTC")]
        time_zone: String,
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// Manage beds, on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct BedArgs {
    #[command(subcommand)]
    command: BedSub,
}

#[derive(Debug, clap::Subcommand)]
enum BedSub {
    /// Add a bed, or change its label
    Add {
        /// Identifier; screens list beds in its order
        id: BedId,
        /// Label as screens show it [default: the identifier]
        #[arg(long)]
        label: Option<String>,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// Does what is asked of wards.
pub(super) fn run_ward(args: WardArgs) -> anyhow::Result<u8> {
    let WardSub::Add { id, name, time_zone, site } = args.command;
    let zone = time_zone.parse().map_err(|_| {
        anyhow!("{:?} is not a time zone: an IANA name such as Europe/Berlin is wanted", clean(&time_zone))
    })?;
    let ward = Ward { id, name: clean(&name), time_zone: zone };
    admin::ask_done(&site.existing()?, AdminRequest::SetWard { ward })
}

/// Does what is asked of beds.
pub(super) fn run_bed(args: BedArgs) -> anyhow::Result<u8> {
    let BedSub::Add { id, label, ward, site } = args.command;
    let label = clean(label.as_deref().unwrap_or(id.as_str()));
    admin::run_on_ward(&site, ward.as_ref(), WardCommand::SetBed { bed: Bed { id, label } })
}
