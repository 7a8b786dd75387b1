//! `wardwatch provision`.

use super::{
    admin,
    admin::{DataArgs, Site},
    replay::SourceArgs,
    terminal,
};
use crate::{
    access::Secret,
    backend::admin::{AdminAnswer, AdminRequest},
    domain::{Command, Desired, Device, DeviceId, DeviceKind, Mode, Ward},
    replay::Recording,
    seam::{Clock, OsClock},
    store::DataFolder,
};
use anyhow::bail;
use std::path::PathBuf;

/// Make ward, beds, patients, devices and one gateway token for a replay; in demo folders only
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Where the gateway's token goes; only you may read it
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

/// What a demonstration's ward needs: the ward, its gateway, and the commands that fill it. Assignments begin at once.
pub(super) fn plan(recording: &Recording, start: crate::domain::Timestamp) -> (Ward, Device, Vec<Command>) {
    let ward = recording.plan.ward.clone();
    let gateway = Device {
        id: DeviceId::from_name(&format!("gateway-{}", ward.id)),
        name: format!("Gateway of {}", ward.name),
        kind: DeviceKind::Gateway,
        gateway: None,
        intervals_ms: std::collections::BTreeMap::new(),
        desired: Desired::default(),
    };
    let behind = |command: Command| match command {
        Command::SetDevice { device } => {
            Command::SetDevice { device: Device { gateway: Some(gateway.id.clone()), ..device } }
        }
        other => other,
    };
    let commands = recording.plan.setup(start).map(behind).collect();
    (ward, gateway, commands)
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let recording = args.source.load()?;
    let folder = DataFolder::make(&args.data.path()?)?;
    let fresh = !folder.database().exists();
    let site = Site { folder, config: args.source.config.clone() };
    let (ward, gateway, commands) = plan(&recording, OsClock.wall());
    let id = ward.id.clone();
    let request = AdminRequest::Provision { ward, gateway, commands };
    match admin::ask(&site, request, fresh.then_some(Mode::Demo))? {
        AdminAnswer::Token { token } => {
            terminal::write_token(&args.token_file, &Secret::new(token))?;
            let patients = recording.plan.placements.len();
            terminal::note(&format!("ward {id}: {patients} patients, one gateway"));
            Ok(0)
        }
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    }
}
