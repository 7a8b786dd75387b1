//! What the pipeline tells the engines of gateways and clocks.

use super::*;
use crate::{
    domain::{SystemFault, system::FaultReport},
    ingest::{Refused, Way},
    protocol::Rejection,
};

fn moves(bench: &Bench, code: &str) -> Vec<Cause> {
    let moved = |(_, e): &(u64, Event)| match &e.body {
        EventBody::Alert { cause, alert, .. } if alert.key.code.to_string() == code => Some(*cause),
        _ => None,
    };
    bench.memory.recorded.lock().unwrap().iter().filter_map(moved).collect()
}

#[test]
fn a_clock_so_far_ahead_that_all_is_refused_is_told() {
    let (_dir, folder) = folder();
    let clock = ManualClock::at(OsClock.wall());
    let bench = Bench::with_ward_at(folder, Arc::new(clock.clone()));
    let refused = |device: &str| {
        let rejection = Rejection { index: 0, code: RejectionCode::InTheFuture, detail: "ahead".to_owned() };
        let at = bench.clock.now() + Millis::from_mins(60);
        Err(Refused { rejection, payload: String::new(), way: Way::Own, ahead: Some((device.parse().unwrap(), at)) })
    };
    for _ in 0..6 {
        let decoded = vec![refused("d1"), refused("d1"), refused("gw2")];
        let sender = "gw".parse().unwrap();
        let report =
            bench.handle.ask_blocking(|reply| Job::Observations { sender, decoded, mapped: None, reply }).unwrap();
        assert_eq!(report.rejected, 3);
        clock.advance(Millis::from_secs(20));
    }
    assert_eq!(moves(&bench, "device.clock_skew"), [Cause::Raised]);
    bench.stop();
}

#[test]
fn a_message_of_a_lost_gateway_is_a_sign_of_life_whatever_is_in_it() {
    let (_dir, folder) = folder();
    let clock = ManualClock::at(OsClock.wall());
    let bench = Bench::with_ward_at(folder, Arc::new(clock.clone()));
    let device = Device {
        id: "d2".parse().unwrap(),
        name: "d2".into(),
        kind: DeviceKind::Monitor,
        gateway: Some("gw".parse().unwrap()),
        intervals_ms: [(SPO2, Millis::from_secs(1))].into(),
        desired: Desired::default(),
    };
    let start = bench.clock.now() - Millis::from_mins(60);
    let assignment = Assignment { device: "d2".parse().unwrap(), patient: "p1".parse().unwrap(), start, end: None };
    for command in [Command::SetDevice { device }, Command::Assign { assignment }] {
        assert_eq!(bench.command(command, Actor::Console { uid: 0 }).unwrap().refusal, None);
    }
    let now = bench.clock.now();
    bench.send(vec![reading(now, 97.0), Reading { device: "d2".parse().unwrap(), ..reading(now, 97.0) }]).unwrap();
    clock.advance(Millis::from_secs(30));
    bench.wait_for("the silence of the gateway", |_| moves(&bench, "gateway.lost") == [Cause::Raised]);
    bench.send(Vec::new()).unwrap();
    clock.advance(Millis::from_secs(6));
    bench.wait_for("its return", |_| moves(&bench, "gateway.lost") == [Cause::Raised, Cause::Cleared]);
    // What a kill leaves behind drives an engine to the same state.
    let folder = bench.kill();
    let bench = Bench::start_at(folder, Arc::new(clock));
    assert_eq!(*bench.memory.alerts.lock().unwrap(), ["#2 device.lost", "#3 device.lost"]);
    bench.stop();
}

#[test]
fn the_end_of_a_fault_that_could_not_be_kept_is_told_again() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let fault = |present| {
        let report = FaultReport { fault: SystemFault::ReviewsOverdue, present, detail: "1".into() };
        bench.handle.send(Job::WardFault { ward: ward(), report }).unwrap();
    };
    fault(true);
    bench.wait_for("the fault", |_| moves(&bench, "system.reviews_overdue") == [Cause::Raised]);
    bench.refusing.store(true, SeqCst);
    fault(false);
    bench.wait_for("its end", |_| moves(&bench, "system.reviews_overdue") == [Cause::Raised, Cause::Cleared]);
    assert_eq!(bench.memory.rebuilt.load(SeqCst), 2, "its end was refused first");
    bench.stop();
}
