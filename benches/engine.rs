//! What one observation costs the engine.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_docs_in_private_items,
    reason = "a benchmark fails by panicking"
)]

use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use wardwatch::{
    domain::{
        Actor, Assignment, Bed, Category, ChartEntry, Command, Consciousness, Device, DeviceKind, Millis, Observation,
        Oxygen, Patient, PatientId, PersonName, Timestamp, VitalCode, Ward,
        vital::{HR, NBP_DIA, NBP_SYS, PULSE, RR, SPO2, TEMP},
    },
    engine::{Engine, EngineConfig, Input},
};

const VITALS: [(VitalCode, f64); 4] = [(HR, 72.0), (PULSE, 72.0), (SPO2, 97.0), (RR, 15.0)];

fn t(ms: i64) -> Timestamp {
    Timestamp::from_ms(1_700_000_000_000 + ms)
}

/// A ward of so many patients with a monitor each.
fn ward(patients: usize) -> Engine {
    let mut engine = Engine::new(EngineConfig::default());
    let ward = Ward { id: "w".parse().unwrap(), name: "w".into(), time_zone: chrono_tz::Tz::UTC };
    engine.handle(Input::Start { ward }, t(0));
    let mut run = |command| drop(engine.handle(Input::Command { command, by: Actor::System }, t(0)));
    for i in 0..patients {
        let bed = Bed { id: format!("b{i:05}").parse().unwrap(), label: i.to_string() };
        let patient = Patient {
            id: format!("p{i:05}").parse().unwrap(),
            name: PersonName::default(),
            category: Category::Adult,
            birth_year: None,
            note: PersonName::default(),
        };
        let device = Device {
            id: format!("d{i:05}").parse().unwrap(),
            name: String::new(),
            kind: DeviceKind::Monitor,
            gateway: None,
            intervals_ms: VITALS.iter().map(|(vital, _)| (*vital, Millis::from_secs(1))).collect(),
        };
        let assignment = Assignment { device: device.id.clone(), patient: patient.id.clone(), start: t(0), end: None };
        run(Command::SetBed { bed: bed.clone() });
        run(Command::Admit { patient, bed: bed.id, encounter: format!("e{i}").parse().unwrap() });
        run(Command::SetDevice { device });
        run(Command::Assign { assignment });
        // All parts of the scores are known, so that all rules are at work.
        let patient: PatientId = format!("p{i:05}").parse().unwrap();
        let level = ChartEntry::Consciousness { level: Consciousness::Alert, span: None };
        for entry in [level, ChartEntry::Oxygen { oxygen: Oxygen::default() }] {
            run(Command::Chart { patient: patient.clone(), entry });
        }
    }
    for i in 0..patients {
        for (vital, value) in [(NBP_SYS, 120.0), (NBP_DIA, 70.0), (TEMP, 37.0)] {
            engine.observe(&observation(i, vital, value), t(0), &mut Vec::new());
        }
    }
    engine
}

fn observation(i: usize, vital: VitalCode, value: f64) -> Observation {
    Observation {
        patient: format!("p{i:05}").parse().unwrap(),
        device: format!("d{i:05}").parse().unwrap(),
        vital,
        value,
        text: None,
        observed_at: t(0),
        received_at: t(0),
        correction: false,
        interval: None,
    }
}

fn observations(patients: usize) -> Vec<Observation> {
    (0..patients).flat_map(|i| VITALS.iter().map(move |(vital, value)| observation(i, *vital, *value))).collect()
}

/// One second of a ward: four vitals of each patient, most normal, one patient in ten beyond a limit now and then.
fn second(engine: &mut Engine, observations: &mut [Observation], ms: i64, events: &mut Vec<wardwatch::domain::Event>) {
    for (n, o) in observations.iter_mut().enumerate() {
        o.observed_at = t(ms);
        if o.vital == SPO2 && (n / 4) % 10 == 0 {
            o.value = if (ms / 30_000) % 2 == 0 { 97.0 } else { 87.0 };
        }
        black_box(engine.observe(o, t(ms), events));
    }
    events.clear();
}

/// The cost of single observations, in nanoseconds: what criterion's means do not show.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn latencies(patients: usize) {
    let (mut engine, mut observations) = (ward(patients), observations(patients));
    let mut events = Vec::new();
    let rounds = (200_000 / observations.len()).max(3);
    let mut taken: Vec<u128> = Vec::new();
    for round in 1..=rounds {
        let ms = i64::try_from(round).unwrap() * 1_000;
        for (n, o) in observations.iter_mut().enumerate() {
            o.observed_at = t(ms);
            if o.vital == SPO2 && (n / 4) % 10 == 0 {
                o.value = if (ms / 30_000) % 2 == 0 { 97.0 } else { 87.0 };
            }
            let begun = std::time::Instant::now();
            black_box(engine.observe(o, t(ms), &mut events));
            taken.push(begun.elapsed().as_nanos());
        }
        events.clear();
    }
    taken.sort_unstable();
    let at = |per_mille: usize| taken[(taken.len() * per_mille / 1_000).min(taken.len() - 1)];
    println!("{patients} patients, one observation: p50 {} ns, p99 {} ns, p99.9 {} ns", at(500), at(990), at(999));
}

fn main() {
    for patients in [10, 1_000, 10_000] {
        latencies(patients);
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("engine, per observation");
    for patients in [10_usize, 1_000, 10_000] {
        let mut engine = ward(patients);
        let mut observations = observations(patients);
        let mut events = Vec::new();
        let mut ms = 0;
        group.throughput(Throughput::Elements(observations.len() as u64));
        group.sample_size(if patients > 1_000 { 20 } else { 50 });
        group.bench_function(BenchmarkId::new("patients", patients), |b| {
            b.iter(|| {
                ms += 1_000;
                second(&mut engine, &mut observations, ms, &mut events);
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
