//! `wardwatch chart`.

use super::{limits::ServerArgs, terminal};
use crate::domain::{
    ChartEntry, Command as WardCommand, Consciousness, Millis, Oxygen, PatientId, Remark, Spo2Scale,
    chart::CONSCIOUSNESS_HOLDS_MAX,
};
use anyhow::bail;
use std::io::Write;

/// Chart what scores need of a patient: consciousness, oxygen, the scale of saturation, pregnancy
///
/// Nurses, charge nurses and doctors; scale 2 is a doctor's decision. Prints the scores that came of it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The patient
    patient: PatientId,
    /// Level of consciousness: A alert, C new confusion, V voice, P pain, U unresponsive
    #[arg(long, value_name = "A|C|V|P|U", value_parser = level)]
    consciousness: Option<Consciousness>,
    /// For how many hours it holds, at most 24
    #[arg(long, value_name = "HOURS", requires = "consciousness", value_parser = clap::value_parser!(u8).range(1..=24))]
    hours: Option<u8>,
    /// Whether oxygen is given
    #[arg(long, value_name = "air|on", value_parser = ["air", "on"])]
    oxygen: Option<String>,
    /// Flow in L/min
    #[arg(long, value_name = "L/MIN", requires = "oxygen")]
    flow: Option<f64>,
    /// Inspired fraction in %
    #[arg(long, value_name = "PERCENT", requires = "oxygen")]
    fio2: Option<f64>,
    /// By high-flow nasal cannula
    #[arg(long, requires = "oxygen")]
    high_flow: bool,
    /// By which scale of NEWS2 the saturation is judged
    #[arg(long, value_name = "1|2", requires = "reason", value_parser = clap::value_parser!(u8).range(1..=2))]
    scale: Option<u8>,
    /// Why that scale
    #[arg(long, value_name = "TEXT")]
    reason: Option<Remark>,
    /// Whether the patient is pregnant
    #[arg(long, value_name = "yes|no", value_parser = ["yes", "no"])]
    pregnant: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

fn level(text: &str) -> Result<Consciousness, String> {
    let mut letters = text.chars();
    match (letters.next().and_then(Consciousness::of_letter), letters.next()) {
        (Some(level), None) => Ok(level),
        _ => Err("one of A, C, V, P, U is wanted".to_owned()),
    }
}

impl Args {
    /// What is to be entered, in order.
    fn entries(&self) -> Vec<ChartEntry> {
        let span = self.hours.map(|hours| Millis::from_mins(i64::from(hours) * 60).min(CONSCIOUSNESS_HOLDS_MAX));
        let consciousness = self.consciousness.map(|level| ChartEntry::Consciousness { level, span });
        let oxygen = self.oxygen.as_ref().map(|given| ChartEntry::Oxygen {
            oxygen: Oxygen { given: given == "on", flow: self.flow, fio2: self.fio2, high_flow: self.high_flow },
        });
        let scale = self.scale.zip(self.reason.clone()).map(|(scale, reason)| ChartEntry::Scale {
            scale: if scale == 2 { Spo2Scale::Two } else { Spo2Scale::One },
            reason,
        });
        let pregnant = self.pregnant.as_ref().map(|p| ChartEntry::Pregnancy { pregnant: p == "yes" });
        [consciousness, oxygen, scale, pregnant].into_iter().flatten().collect()
    }
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let entries = args.entries();
    if entries.is_empty() {
        bail!("nothing to chart: give --consciousness, --oxygen, --scale or --pregnant");
    }
    super::runtime()?.block_on(async {
        let mut once = args.server.connect(Some(vec![args.patient.clone()])).await?;
        for entry in entries {
            once.command(WardCommand::Chart { patient: args.patient.clone(), entry }).await?;
        }
        let Some(patient) = once.view.patients.get(&args.patient) else { return Ok(0) };
        let mut out = std::io::stdout().lock();
        for score in patient.scores.values() {
            writeln!(out, "{:<6} {}", score.kind.label(), score.words())?;
        }
        if patient.scores.is_empty() {
            terminal::note("charted; there is no score yet");
        }
        Ok(0)
    })
}
