//! Messages as monitors send them.

use super::{
    AckKind, Body, Faulty, Group, Message, Reason, Severity, Source, ack,
    testing::{decode_with, message, now, source},
};
use crate::{ingest::Reading, protocol::RejectionCode};
use proptest::prelude::*;
use rstest::rstest;

const PID: &str = "PID|||P-1^^^HOSP^MR";
const PV1: &str = "PV1||I|ICU^^12";
const OBR: &str = "OBR|1|||182777000^monitoring of patient^SCT|||20260301115950+0000|20260301120000+0000";
const HR: &str = "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|77|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F";

fn groups_with(lines: &[&str], source: &Source) -> Vec<Group> {
    match decode_with(message("ORU^R01^ORU_R01", lines).as_bytes(), source).unwrap().body {
        Body::Values(groups) => groups,
        Body::Adt(_) | Body::Alerts(_) => panic!("no values"),
    }
}

fn groups(lines: &[&str]) -> Vec<Group> {
    groups_with(lines, &source())
}

/// The readings of all groups: vital, value, text, device, time.
fn read(lines: &[&str]) -> Vec<String> {
    let show = |r: &Reading| {
        let text = r.text.as_deref().unwrap_or("-");
        format!("{} {} {text} {} {}", r.vital, r.value, r.device, r.observed_at)
    };
    let values = groups(lines).into_iter().flat_map(|g| g.values);
    values.map(|v| v.read.map_or_else(|e| format!("{:?}", e.rejection.code), |r| show(&r))).collect()
}

fn fault(raw: &str) -> Box<Faulty> {
    decode_with(raw.as_bytes(), &source()).unwrap_err()
}

#[test]
fn a_row_is_a_reading_of_its_bed() {
    assert_eq!(read(&[PID, PV1, OBR, HR]), ["hr 77 - gw/ICU-12 2026-03-01T11:59:50.000Z"]);
    let group = groups(&[PID, PV1, OBR, HR]).remove(0);
    assert_eq!(group.patient.unwrap().as_str(), "P-1");
    assert_eq!(group.bed.unwrap().as_str(), "ICU-12");
}

#[rstest]
#[case::own_time(
    "OBX|1|NM|150344^MDC_TEMP^MDC|1.2.1.1|37.00|Cel|||||F|||20260301125959+0100",
    "temp 37 37.00 gw/ICU-12 2026-03-01T11:59:59.000Z"
)]
#[case::fahrenheit("OBX|1|NM|8310-5^T^LN||98.6|[degF]|||||F", "temp 37 - gw/ICU-12 2026-03-01T11:59:50.000Z")]
#[case::structured("OBX|1|SN|8867-4^HR^LN||^77|/min|||||F", "hr 77 - gw/ICU-12 2026-03-01T11:59:50.000Z")]
#[case::letter("OBX|1|CWE|67775-7^ACVPU^LN||V^Voice^L||||||F", "consciousness 2 - gw/ICU-12 2026-03-01T11:59:50.000Z")]
#[case::equipment("OBX|1|NM|HR||77||||||F|||||||D-9^x^y^EUI64", "hr 77 - D-9 2026-03-01T11:59:50.000Z")]
#[case::comparison("OBX|1|SN|8867-4^HR^LN||>^77|/min|||||F", "NotANumber")]
#[case::range("OBX|1|SN|8867-4^HR^LN||^100^-^200|/min|||||F", "NotANumber")]
#[case::ratio("OBX|1|SN|8867-4^HR^LN||^120^/^80|/min|||||F", "NotANumber")]
#[case::ratio_without_its_comparison("OBX|1|SN|8867-4^HR^LN||120^/^80|/min|||||F", "NotANumber")]
#[case::number_with_empty_parts(
    "OBX|1|SN|8867-4^HR^LN||^77^^|/min|||||F",
    "hr 77 - gw/ICU-12 2026-03-01T11:59:50.000Z"
)]
#[case::comma("OBX|1|NM|8310-5^T^LN||36,6|Cel|||||F", "NotANumber")]
#[case::infinite("OBX|1|NM|8867-4^HR^LN||inf|/min|||||F", "NotANumber")]
#[case::impossible("OBX|1|NM|8867-4^HR^LN||777|/min|||||F", "Impossible")]
#[case::bare_pressure("OBX|1|NM|150021^^MDC||16||||||F", "WrongUnit")]
#[case::wrong_unit("OBX|1|NM|8867-4^HR^LN||77|mm[Hg]|||||F", "WrongUnit")]
#[case::a_day("OBX|1|NM|8867-4^HR^LN||77|/min|||||F|||20260301", "BadTime")]
#[case::ahead("OBX|1|NM|8867-4^HR^LN||77|/min|||||F|||20260301130100+0000", "InTheFuture")]
#[case::old("OBX|1|NM|8867-4^HR^LN||77|/min|||||F|||20250301130100+0000", "TooOld")]
#[case::deleted("OBX|1|NM|8867-4^HR^LN||77|/min|||||D", "Malformed")]
#[case::bad_device("OBX|1|NM|8867-4^HR^LN||77|/min|||||F|||||||a b", "UnknownDevice")]
fn rows_of_all_kinds(#[case] row: &str, #[case] expected: &str) {
    assert_eq!(read(&[PID, PV1, OBR, row]), [expected]);
}

#[rstest]
#[case("")]
#[case("\"\"")]
#[case("-1")]
#[case("-100")]
#[case("-100.0")]
#[case("8388607")]
fn a_sentinel_is_no_value(#[case] raw: &str) {
    let row = format!("OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|{raw}|264864^x^MDC|||||F");
    let group = groups(&[PID, PV1, OBR, &row]).remove(0);
    assert!(group.values.is_empty(), "{:?}", group.values);
    assert_eq!(group.no_value.len(), 1);
}

#[rstest]
#[case::as_sent("8310-5^T^LN||37.00|Cel|35.0-38.50", Some("35.0-38.50"))]
#[case::fahrenheit("8310-5^T^LN||98.6|[degF]|95-101", Some("35.0-38.3"))]
#[case::one_end("8310-5^T^LN||98.6|[degF]|<101", Some("below 38.3"))]
#[case::kilopascal("8480-6^NBPs^LN||16|kPa|12^20", Some("90-150"))]
#[case::unknown_unit("8310-5^T^LN||98.6|furlongs|95-101", None)]
#[case::no_unit("8310-5^T^LN||98.6||95-101", None)]
fn limits_have_the_unit_of_the_value_beside_them(#[case] row: &str, #[case] limits: Option<&str>) {
    let group = groups(&[PID, PV1, OBR, &format!("OBX|1|NM|{row}||||F")]).remove(0);
    assert_eq!(group.values[0].limits.map(|limits| limits.to_string()).as_deref(), limits);
}

#[test]
fn x_is_a_value_unless_the_source_says_otherwise() {
    let row = HR.replace("|F", "|X");
    assert_eq!(groups(&[PID, OBR, &row])[0].values.len(), 1);
    let strict = Source { x_is_no_value: true, ..source() };
    assert_eq!(groups_with(&[PID, OBR, &row], &strict)[0].no_value.len(), 1);
}

#[test]
fn several_values_divide_their_interval() {
    let row = "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|70~71~-1~73|264864^x^MDC|||||F";
    let times: Vec<String> = read(&[PID, PV1, OBR, row]);
    let expected = [
        "70 - gw/ICU-12 2026-03-01T11:59:50.000Z",
        "71 - gw/ICU-12 2026-03-01T11:59:52.500Z",
        "73 - gw/ICU-12 2026-03-01T11:59:57.500Z",
    ];
    assert_eq!(times, expected.map(|e| format!("hr {e}")), "the end is no part of it");
    let open = OBR.replace("|20260301120000+0000", "");
    assert_eq!(read(&[PID, PV1, &open, row]), ["BadTime"]);
}

#[test]
fn containment_says_which_monitor_measured() {
    let lines = [
        PID,
        PV1,
        OBR,
        "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||M-1^V^v.com^DNS",
        "OBX|2||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|2.0.0.0|||||||X|||||||M-2^V^v.com^DNS",
        "OBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|77|264864^x^MDC|||||F",
        "OBX|4|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|2.5.1.1|97|262688^x^MDC|||||F",
        "OBX|5|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|2.5.1.1.4|5|262688^x^MDC|||||F",
        "OBX|6|NM|149514^MDC_PULS_RATE^MDC|3.5.1.1|78|264864^x^MDC|||||F",
    ];
    let devices: Vec<String> = read(&lines).iter().map(|r| r.split(' ').nth(3).unwrap().to_owned()).collect();
    assert_eq!(devices, ["M-1", "M-2", "gw/ICU-12"], "a facet is no value");
}

#[test]
fn several_patients_in_one_message_keep_apart() {
    let other = "PID|||P-2^^^HOSP^MR";
    let groups = groups(&[PID, PV1, OBR, HR, other, OBR, HR, "PV1||I|ICU^^14", OBR, HR]);
    let whose: Vec<_> = groups
        .iter()
        .map(|g| (g.patient.as_ref().map(ToString::to_string), g.bed.as_ref().map(ToString::to_string), g.values.len()))
        .collect();
    let text = |t: &str| Some(t.to_owned());
    assert_eq!(whose, [(text("P-1"), text("ICU-12"), 1), (text("P-2"), None, 1), (None, text("ICU-14"), 1)]);
}

#[test]
fn a_patient_that_is_none_keeps_the_values_out_of_every_chart() {
    let refused = groups(&["PID|||no good^^^HOSP^MR", PV1, OBR, HR]).remove(0).values.remove(0).read.unwrap_err();
    assert_eq!(refused.rejection.code, RejectionCode::WrongPatient);
    assert!(refused.rejection.detail.contains("PID-3: an identifier holds ' '"), "{}", refused.rejection.detail);
    assert_eq!(refused.payload, HR);
}

#[rstest]
#[case("\r")]
#[case("\n")]
#[case("\r\n")]
#[case("\r\n\r\n")]
fn any_end_of_line_will_do(#[case] end: &str) {
    let text = message("ORU^R01", &[PID, PV1, OBR, HR]).replace('\r', end);
    let Body::Values(groups) = decode_with(text.as_bytes(), &source()).unwrap().body else { panic!("no values") };
    assert_eq!(groups[0].values.len(), 1);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let text = format!("\u{feff}{}", message("ORU^R01", &[PID, PV1, OBR, HR]));
    assert!(decode_with(text.as_bytes(), &source()).is_ok());
}

#[test]
fn lines_that_are_none_refuse_the_message() {
    let fault = fault(&message("ORU^R01", &[PID, OBR, HR, "what is this?"]));
    assert_eq!((fault.kind, fault.reason.code), (AckKind::Error, 100));
    assert!(
        fault.reason.text.starts_with("the message: a line begins with \"what is this?\""),
        "{}",
        fault.reason.text
    );
}

#[rstest]
#[case::values("ORU^R01^ORU_R01", &[PID, OBR, HR])]
#[case::alerts("ORU^R40^ORU_R40", &[PID, OBR])]
#[case::acts("ADT^A03", &[PID])]
fn a_second_header_refuses_the_message(#[case] kind: &str, #[case] lines: &[&str]) {
    for second in ["MSH|^~\\&|OTHER|H|WW|H|20260301120000+0000||ORU^R01|C2|P|2.6", "MSH#^~\\&#OTHER"] {
        let with = fault(&message(kind, &[lines, &[second, OBR, HR]].concat()));
        assert_eq!(with.kind, AckKind::Error);
        assert!(with.reason.text.contains("MSH 2: a second header"), "{}", with.reason.text);
        assert!(decode_with(message(kind, lines).as_bytes(), &source()).is_ok(), "one is a message");
    }
}

#[test]
fn what_is_not_taken_is_rejected_with_its_place() {
    let rejected = fault(&message("DFT^P03", &[PID]));
    assert_eq!((rejected.kind, rejected.reason.code), (AckKind::Rejected, 200));
    assert!(rejected.reason.text.contains("\"DFT^P03\" is not taken"), "{}", rejected.reason.text);
    assert_eq!(fault("GET / HTTP/1.1\r\n\r\n").header, None, "there is nobody to answer to");
    assert_eq!(fault("").header, None);
    let nameless = fault("MSH|^~\\&|A|B|C|D|20260301||ORU^R01||P|2.5\rPID|1");
    assert_eq!((nameless.kind, nameless.reason.code), (AckKind::Rejected, 101));
}

#[test]
fn an_answer_says_what_was_wrong_and_where() {
    let Message { header, body } =
        decode_with(message("ORU^R01^ORU_R01", &[PID, OBR, &HR.replace("77", "E|R")]).as_bytes(), &source()).unwrap();
    let Body::Values(groups) = body else { panic!("no values") };
    let value = &groups[0].values[0];
    let reason = Reason {
        severity: Severity::Warning,
        code: 102,
        location: Some(value.location),
        text: "50 % | 2^3\u{1b}".to_owned(),
    };
    let answer = ack(&header, AckKind::Error, &[reason], "A7", now()).unwrap();
    insta::assert_snapshot!(answer.replace('\r', "\n"), @r"
    MSH|^~\&|WW|H|APP|FAC|20260301120000+0000||ACK^R01^ACK|A7|P|2.6
    MSA|CE|C1|50 % \F\ 2\S\3
    ERR||OBX^1^5|102^Data type error^HL70357|W||||50 % \F\ 2\S\3
    ");
}

#[rstest]
#[case("AL|NE", AckKind::Accepted, Some("CA"))]
#[case("AL|NE", AckKind::Rejected, Some("CR"))]
#[case("NE|AL", AckKind::Accepted, Some("AA"))]
#[case("|", AckKind::Error, Some("AE"))]
#[case("ER|NE", AckKind::Accepted, None)]
#[case("ER|NE", AckKind::Error, Some("CE"))]
#[case("SU|NE", AckKind::Error, None)]
#[case("NE|NE", AckKind::Error, None)]
fn answers_follow_the_mode(#[case] mode: &str, #[case] kind: AckKind, #[case] code: Option<&str>) {
    let text = message("ORU^R01", &[PID]).replace("AL|NE", mode);
    let header = decode_with(text.as_bytes(), &source()).unwrap().header;
    let answer = ack(&header, kind, &[], "1", now());
    assert_eq!(answer.as_ref().and_then(|a| a.split("MSA|").nth(1)).and_then(|a| a.get(..2)), code);
}

proptest! {
    #[test]
    fn junk_never_harms(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_with(&raw, &source());
        let _ = decode_with(&[b"MSH|^~\\&|||||||ORU^R01|1|P|2.6\r", &raw[..]].concat(), &source());
    }

    #[test]
    fn a_changed_byte_never_harms(at in 0_usize..330, byte in any::<u8>()) {
        let mut raw = message("ORU^R01", &[PID, PV1, OBR, HR]).into_bytes();
        let place = at % raw.len();
        raw[place] = byte;
        if let Ok(Message { body: Body::Values(groups), .. }) = decode_with(&raw, &source()) {
            for reading in groups.into_iter().flat_map(|g| g.values).filter_map(|v| v.read.ok()) {
                prop_assert!(reading.value.is_finite());
            }
        }
    }
}
