//! What it costs to decode HL7 v2: an ORU^R01 with six values, as a monitor gateway sends it. Figures are printed, never
//! asserted.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod allocator;
mod core_time;

use core_time::core_time;
use std::{collections::BTreeMap, hint::black_box, time::Duration};
use wardwatch::{
    domain::{Timestamp, VitalTable},
    ingest::{
        DecodeRules,
        hl7::{Body, Charset, CodeTable, SENTINELS, Source, decode},
    },
};

/// So much of a core's time is measured.
const MEASURED: Duration = Duration::from_secs(3);
/// Messages between two looks at the clock.
const ROUND: u32 = 1_000;

const ROWS: [(&str, &str, &str); 6] = [
    ("147842^MDC_ECG_HEART_RATE^MDC", "77", "264864^MDC_DIM_BEAT_PER_MIN^MDC"),
    ("149530^MDC_PULS_OXIM_PULS_RATE^MDC", "78", "264864^MDC_DIM_BEAT_PER_MIN^MDC"),
    ("150456^MDC_PULS_OXIM_SAT_O2^MDC", "97", "262688^MDC_DIM_PERCENT^MDC"),
    ("151562^MDC_RESP_RATE^MDC", "16", "264928^MDC_DIM_RESP_PER_MIN^MDC"),
    ("150344^MDC_TEMP^MDC", "36.9", "268192^MDC_DIM_DEGC^MDC"),
    ("150033^MDC_PRESS_BLD_ART_SYS^MDC", "121", "266016^MDC_DIM_MMHG^MDC"),
];

fn message() -> String {
    let mut text =
        "MSH|^~\\&|GATEWAY^00A0370027000143^EUI-64|H|||20260301080000+0100||ORU^R01^ORU_R01|900001|P|2.6|||AL|NE||\
                    UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r\
                    PID|||P-1001^^^Hospital^PI||Álvarez^Ana^^^^^L||19710203|F\rPV1||I|ICU^^12\r\
                    OBR|1|15419^GATEWAY^00A0370027000143^EUI-64|15419^GATEWAY^00A0370027000143^EUI-64|\
                    182777000^monitoring of patient^SCT|||20260301075958+0100\r"
            .to_owned();
    for (number, (code, value, unit)) in (1..).zip(ROWS) {
        text += &format!("OBX|{number}|NM|{code}|1.{number}.1.1|{value}|{unit}|50-120||||F|||20260301075958+0100\r");
    }
    text
}

fn main() {
    let (vitals, sender) = (VitalTable::builtin(), "gateway".parse().unwrap());
    let source = Source {
        codes: CodeTable::new(&vitals, &BTreeMap::new(), &BTreeMap::new()).unwrap(),
        zone: chrono_tz::Tz::UTC,
        charset: Charset::default(),
        sentinels: SENTINELS.to_vec(),
        beds: BTreeMap::new(),
        x_is_no_value: false,
    };
    let now = "2026-03-01T07:00:00Z".parse().unwrap();
    let rules = DecodeRules { vitals: &vitals, sender: &sender, now, oldest: Timestamp::MIN, max_items: 10_000 };
    let text = message();
    let values = match decode(text.as_bytes(), &source, rules).unwrap().body {
        Body::Values(groups) => groups.iter().flat_map(|g| &g.values).filter(|v| v.read.is_ok()).count(),
        Body::Adt(_) | Body::Alerts(_) => 0,
    };
    assert_eq!(values, ROWS.len(), "every value is read");
    let began = core_time();
    let mut done = 0_u32;
    while core_time() - began < MEASURED {
        for _ in 0..ROUND {
            black_box(decode(black_box(text.as_bytes()), &source, rules).unwrap());
        }
        done += ROUND;
    }
    let each = (core_time() - began).as_secs_f64() * 1e9 / f64::from(done);
    println!("{} bytes, {values} values: {each:.0} ns a message, {:.0} messages/s on one core", text.len(), 1e9 / each);
}
