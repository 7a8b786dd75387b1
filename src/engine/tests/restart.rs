//! What a stop of the server does not change.

use super::*;

/// How often values went beyond again, as the alert has it once it can be judged again after `between`.
fn again(between: impl FnOnce(&mut Bench)) -> u32 {
    let mut bench = Bench::new(1);
    bench.feed(0, 30, 1, SPO2, 85.0);
    between(&mut bench);
    bench.feed(32, 60, 1, SPO2, 85.0);
    let alert = bench.alert("spo2.low");
    assert_eq!(alert.condition, Condition::Present);
    alert.again
}

#[test]
fn a_condition_that_never_ended_is_not_counted_again_by_a_restart() {
    let stopped = |bench: &mut Bench| {
        bench.input(31.0, Input::Start { ward: ward() });
    };
    assert_eq!(again(stopped), 0);
    let lost = |bench: &mut Bench| {
        bench.value(31.0, 1, SPO2, 0.0);
    };
    assert_eq!(again(lost), 1, "a loss of the signal is another matter");
    let well = |bench: &mut Bench| {
        bench.value(30.0, 1, SPO2, 97.0);
        bench.input(31.0, Input::Start { ward: ward() });
    };
    assert_eq!(again(well), 1, "it was well before the stop, and is beyond after it");
}
