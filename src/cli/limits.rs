//! `wardwatch limits`.

mod show;
mod tryout;

use super::{admin, reach::ReachArgs, terminal};
use crate::{
    alarm::Profiles,
    backend::config::as_config,
    client::{LinkOptions, Once, OnceError},
    domain::{
        Basis, Category, Command as WardCommand, Expiry, LimitScope, LimitSetting, PatientId, Remark, Span, Timestamp,
        VitalCode, WardId, limit_setting::together,
    },
    protocol::Encoding,
    seam::OsEntropy,
};
use anyhow::{anyhow, bail};
use std::{collections::BTreeMap, io::Write, path::PathBuf, sync::Arc};

/// Show, change and try alarm limits
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// Which server, as whom.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ServerArgs {
    #[command(flatten)]
    reach: ReachArgs,
    /// The session's token, as `wardwatch login` keeps it
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// The ward [default: the first that you may watch]
    #[arg(long, value_name = "ID")]
    ward: Option<WardId>,
}

/// Whose limits.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct ScopeArgs {
    /// Those of this patient
    #[arg(long, value_name = "ID")]
    patient: Option<PatientId>,
    /// Those of all patients of this category on the ward: charge nurses and doctors
    #[arg(long, value_name = "CATEGORY")]
    category: Option<CategoryArg>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum CategoryArg {
    Adult,
    Paediatric,
    Neonate,
}

impl From<CategoryArg> for Category {
    fn from(category: CategoryArg) -> Self {
        match category {
            CategoryArg::Adult => Self::Adult,
            CategoryArg::Paediatric => Self::Paediatric,
            CategoryArg::Neonate => Self::Neonate,
        }
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the limits in force: those of the site, what was changed, by whom, why and until when
    Show {
        #[command(flatten)]
        server: ServerArgs,
        /// This patient alone [default: all of the ward]
        #[arg(long, value_name = "ID")]
        patient: Option<PatientId>,
    },
    /// Change limits. Nurses within the guard band, doctors further; every change has an end
    Set(SetArgs),
    /// Take changed limits back
    Reset {
        #[command(flatten)]
        server: ServerArgs,
        #[command(flatten)]
        scope: ScopeArgs,
        /// Of this vital alone [default: of all]
        #[arg(long, value_name = "VITAL")]
        vital: Option<VitalCode>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Remark,
    },
    /// Suggest limits from a patient's last 15 minutes. Nothing is changed: `limits set --suggested` confirms them
    Suggest {
        #[command(flatten)]
        server: ServerArgs,
        /// The patient
        #[arg(long, value_name = "ID")]
        patient: PatientId,
    },
    /// Print the limits of all categories in the form of the configuration, for a site to start from
    Profiles {
        /// Configuration file [default: the built-in limits]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    Try(tryout::Args),
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    /// What is to be different: VITAL.low, low_extreme, high, high_extreme, delay or extreme_delay; may be given several
    /// times. What is not named stays as an earlier change has it
    #[arg(long, value_name = "VITAL.KEY=VALUE", required = true)]
    set: Vec<LimitSetting>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Remark,
    #[command(flatten)]
    end: EndArgs,
    /// The settings are those that `limits suggest` named
    #[arg(long)]
    suggested: bool,
}

/// For how long.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(required = true, multiple = false)]
struct EndArgs {
    /// Until this time, at most 7 days from now
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// For this long, such as 8h
    #[arg(long = "for", value_name = "SPAN")]
    span: Option<Span>,
    /// Until the next handover: then they are marked as due for review, and stay
    #[arg(long, conflicts_with = "category")]
    next_handover: bool,
}

impl EndArgs {
    fn expiry(self, now: Timestamp) -> Expiry {
        match (self.until, self.span) {
            (Some(until), _) => Expiry::At { until },
            (None, Some(Span(span))) => Expiry::At { until: now + span },
            (None, None) => Expiry::NextHandover,
        }
    }
}

impl ScopeArgs {
    fn scope(&self) -> anyhow::Result<LimitScope> {
        match (&self.patient, self.category) {
            (Some(patient), None) => Ok(LimitScope::Patient { patient: patient.clone() }),
            (None, Some(category)) => Ok(LimitScope::Ward { category: category.into() }),
            _ => bail!("say whose limits: --patient or --category"),
        }
    }
}

impl ServerArgs {
    /// Connects; `patients` are looked at.
    pub(super) async fn connect(&self, patients: Option<Vec<PatientId>>) -> anyhow::Result<Once> {
        let options = LinkOptions {
            without_ward: false,
            endpoint: self.reach.endpoint()?,
            token: terminal::read_token(&self.token_file)?,
            token_file: None,
            ward: self.ward.clone(),
            patients,
            encoding: Encoding::MessagePack,
            memory: super::screen::trail_memory(),
            emergency: None,
        };
        Ok(Once::connect(options, Arc::new(OsEntropy)).await?)
    }
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Show { server, patient } => super::runtime()?.block_on(show::show(server, patient.as_ref())),
        Command::Set(args) => super::runtime()?.block_on(set(args)),
        Command::Reset { server, scope, vital, reason } => super::runtime()?.block_on(async {
            let mut once = server.connect(Some(Vec::new())).await?;
            let scope = scope.scope()?;
            once.command(WardCommand::ResetLimits { scope, vital: *vital, reason: reason.clone() }).await?;
            Ok(0)
        }),
        Command::Suggest { server, patient } => super::runtime()?.block_on(show::suggest(server, patient)),
        Command::Profiles { config } => profiles(config.as_ref()),
        Command::Try(args) => tryout::run(args),
    }
}

async fn set(args: &SetArgs) -> anyhow::Result<u8> {
    let scope = args.scope.scope()?;
    let changes = together(&args.set)?;
    // The patient is looked at: what was in force is told.
    let mut once = args.server.connect(Some(scope.patient().cloned().into_iter().collect())).await?;
    let before: Vec<_> = changes.keys().map(|vital| show::now_in_force(&once, &scope, *vital)).collect();
    let expires = args.end.expiry(once.now);
    let basis = if args.suggested { Basis::Suggested } else { Basis::Chosen };
    let (whose, reason) = (scope.clone(), args.reason.clone());
    let command = WardCommand::SetSeveralLimits { scope, changes: changes.clone(), reason, expires, basis };
    once.command(command).await.map_err(|e| match e {
        OnceError::Refused(refusal) => anyhow!("{refusal}; nothing was changed"),
        other => other.into(),
    })?;
    let mut out = std::io::stdout().lock();
    for ((vital, change), before) in changes.iter().zip(before) {
        for line in show::changed(&once, *vital, change, before.as_ref()) {
            writeln!(out, "{line}")?;
        }
    }
    let whose = match &whose {
        LimitScope::Patient { patient } => format!("patient {patient}"),
        LimitScope::Ward { category } => format!("all {} patients", category.as_str()),
    };
    writeln!(out, "in force for {whose}, {}: {}", show::until(&once, expires), args.reason)?;
    Ok(0)
}

fn profiles(config: Option<&PathBuf>) -> anyhow::Result<u8> {
    let profiles = match config {
        Some(path) => admin::plain_config(Some(path))?.profiles()?,
        None => Profiles::builtin(),
    };
    let text = toml::to_string(&BTreeMap::from([("profiles", as_config(&profiles))]))?;
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(0)
}
