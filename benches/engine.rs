//! What one observation costs the engine, in wards of 10, 1,000 and 10,000 patients.
//!
//! Each patient has a monitor that sends four vitals each second, at its own time within the second: in the order of
//! admission, which is that of memory, or mixed, which is the worst case for the caches. A message is made shortly before
//! the engine sees it, as decoding does; making it is not measured. The wards are measured in turns, so that a slow
//! moment of the machine meets all of them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_docs_in_private_items,
    reason = "a benchmark fails by panicking"
)]

mod allocator;
mod core_time;

use core_time::core_time;
use criterion::{BenchmarkId, Criterion, Throughput};
use rand_core::Rng;
use rand_pcg::Pcg64;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use wardwatch::{
    domain::{
        Actor, Assignment, Bed, Category, ChartEntry, Command, Consciousness, Desired, Device, DeviceKind, Event,
        Millis, Observation, Oxygen, Patient, PatientId, PersonName, Timestamp, VitalCode, Ward,
        vital::{HR, NBP_DIA, NBP_SYS, PULSE, RR, SPO2, TEMP},
    },
    engine::{Engine, EngineConfig, Input},
};

const VITALS: [(VitalCode, f64); 4] = [(HR, 72.0), (PULSE, 72.0), (SPO2, 97.0), (RR, 15.0)];

/// Patients of the wards.
const WARDS: [usize; 3] = [10, 1_000, 10_000];
/// Messages that are made at once, before the engine sees them.
const GROUP_MESSAGES: usize = 64;
/// Seconds of a ward before anything is measured.
const WARM_UP_SECONDS: usize = 20;
/// Turns of each ward. The largest has one second in each: two minutes at the least, for once a minute scores are made.
const TURNS: usize = 125;

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
            desired: Desired::default(),
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
            engine.observe(&Observation { vital, value, ..observation(i, 0) }, t(0), &mut Vec::new());
        }
    }
    engine
}

fn observation(i: usize, ms: i64) -> Observation {
    Observation {
        patient: format!("p{i:05}").parse().unwrap(),
        device: format!("d{i:05}").parse().unwrap(),
        vital: HR,
        value: 72.0,
        text: None,
        observed_at: t(ms),
        received_at: t(ms),
        correction: false,
        interval: None,
    }
}

/// In which order monitors send.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Admission,
    Mixed,
}

/// A ward with its monitors at work.
struct Running {
    engine: Engine,
    /// Its patients in the order in which their monitors send.
    order: Vec<usize>,
    seconds: i64,
    events: Vec<Event>,
}

impl Running {
    fn new(patients: usize, sends: Order) -> Self {
        let mut order: Vec<usize> = (0..patients).collect();
        let mut random = Pcg64::new(1, 1);
        for last in (1..patients).rev().filter(|_| sends == Order::Mixed) {
            let other = random.next_u64() % (last as u64 + 1);
            order.swap(last, usize::try_from(other).unwrap());
        }
        let mut running = Self { engine: ward(patients), order, seconds: 0, events: Vec::new() };
        for _ in 0..WARM_UP_SECONDS {
            running.second(|engine, group, events| {
                for o in group {
                    engine.observe(o, o.received_at, events);
                }
            });
        }
        running
    }

    /// One second of the ward, group by group: most values are normal, those of one patient in ten are beyond a limit for
    /// half of each minute.
    fn second(&mut self, mut take: impl FnMut(&mut Engine, &[Observation], &mut Vec<Event>)) {
        self.seconds += 1;
        let mut group = Vec::with_capacity(GROUP_MESSAGES * VITALS.len());
        for (g, patients) in self.order.chunks(GROUP_MESSAGES).enumerate() {
            group.clear();
            for (n, i) in patients.iter().enumerate() {
                let phase = (g * GROUP_MESSAGES + n) * 1_000 / self.order.len();
                let ms = self.seconds * 1_000 + i64::try_from(phase).unwrap();
                let low = i % 10 == 0 && (ms / 30_000) % 2 == 1;
                let message = observation(*i, ms);
                group.extend(VITALS.map(|(vital, value)| {
                    let value = if vital == SPO2 && low { 87.0 } else { value };
                    Observation { vital, value, ..message.clone() }
                }));
            }
            take(&mut self.engine, &group, &mut self.events);
            self.events.clear();
        }
    }

    /// What the engine takes of a core for one second of the ward.
    fn measured_second(&mut self) -> Duration {
        let mut taken = Duration::ZERO;
        self.second(|engine, group, events| {
            let begun = core_time();
            for message in group.chunks(VITALS.len()) {
                engine.look_ahead(message);
                for o in message {
                    black_box(engine.observe(o, o.received_at, events));
                }
            }
            taken += core_time() - begun;
        });
        taken
    }

    /// What each observation of one second takes, in nanoseconds, the reading of the clock included. Reading ahead is part
    /// of the first one of its message.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    fn each_of_a_second(&mut self, taken: &mut Vec<u128>) {
        self.second(|engine, group, events| {
            for message in group.chunks(VITALS.len()) {
                let mut begun = Instant::now();
                engine.look_ahead(message);
                for o in message {
                    black_box(engine.observe(o, o.received_at, events));
                    taken.push(begun.elapsed().as_nanos());
                    begun = Instant::now();
                }
            }
        });
    }

    /// Observations of one second.
    const fn observations(&self) -> usize {
        self.order.len() * VITALS.len()
    }
}

/// Seconds of a ward in one turn: as many observations as the largest has in one.
fn seconds_of(patients: usize) -> usize {
    (WARDS[2] / patients).max(1)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Prints means, the ratio of largest and smallest ward, and percentiles, which criterion does not show.
fn summary(sends: Order) {
    let mut wards = WARDS.map(|patients| (patients, Running::new(patients, sends)));
    let mut turns = WARDS.map(|_| Vec::with_capacity(TURNS));
    for _ in 0..TURNS {
        for ((patients, ward), turns) in wards.iter_mut().zip(&mut turns) {
            let seconds = seconds_of(*patients);
            let taken: Duration = (0..seconds).map(|_| ward.measured_second()).sum();
            turns.push(taken.as_secs_f64() * 1e9 / f64::from(u32::try_from(seconds * ward.observations()).unwrap()));
        }
    }
    for ((patients, ward), turns) in wards.iter_mut().zip(&turns) {
        let mean = turns.iter().sum::<f64>() / f64::from(u32::try_from(TURNS).unwrap());
        let mut each = Vec::new();
        (0..seconds_of(*patients) * TURNS / 5).for_each(|_| ward.each_of_a_second(&mut each));
        each.sort_unstable();
        let at = |per_mille: usize| each[(each.len() * per_mille / 1_000).min(each.len() - 1)];
        let (p50, p99, p999) = (at(500), at(990), at(999));
        let middle = median(turns.clone());
        println!(
            "{patients} patients, one observation: mean {mean:.0} ns, median of turns {middle:.0} ns; \
             p50 {p50} ns, p99 {p99} ns, p99.9 {p999} ns"
        );
    }
    let ratio = median(turns[2].iter().zip(&turns[0]).map(|(many, few)| many / few).collect());
    println!(
        "{} patients cost {ratio:.2} times as much per observation as {} (median of {TURNS} turns)",
        WARDS[2], WARDS[0]
    );
}

fn main() {
    for (sends, words) in [(Order::Admission, "in the order of admission"), (Order::Mixed, "in mixed order")] {
        println!("Monitors send {words}:");
        summary(sends);
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("engine, per observation");
    for patients in WARDS {
        let mut ward = Running::new(patients, Order::Admission);
        group.throughput(Throughput::Elements(ward.observations() as u64));
        group.sample_size(if patients > 1_000 { 20 } else { 50 });
        group.bench_function(BenchmarkId::new("patients", patients), |b| {
            b.iter_custom(|seconds| (0..seconds).map(|_| ward.measured_second()).sum());
        });
    }
    group.finish();
    criterion.final_summary();
}
