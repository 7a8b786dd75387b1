use super::super::{
    Body,
    testing::{decode_with, message, source},
};
use super::*;
use proptest::prelude::*;
use rstest::rstest;

const PID: &str = "PID|||P-1^^^HOSP^MR";
const PV1: &str = "PV1||I|ICU^^12";
const OBR: &str = "OBR|1|O1|A77^MON^1^EUI-64|196616^MDC_EVT_ALARM^MDC|||20260301115950+0000";
const EVENT: &str =
    "OBX|1|ST|196674^MDC_EVT_LO_VAL_LT_LIM^MDC|1.3.1.150456.1|SpO2 LOW|||L~PM~SP|||F|||||||M-1^^1^EUI-64";
const SOURCE: &str =
    "OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456.2|88.0|262688^MDC_DIM_PERCENT^MDC|90-96||||F";
const START: &str = "OBX|3|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.3.1.150456.3|start||||||F";
const STATE: &str = "OBX|4|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.3.1.150456.4|active||||||F";
const QUIET: &str = "OBX|5|ST|68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC|1.3.1.150456.5|audio-paused||||||F";

fn told(lines: &[&str]) -> Vec<Told> {
    match decode_with(message("ORU^R40^ORU_R40", lines).as_bytes(), &source()).unwrap().body {
        Body::Alerts(groups) => groups.into_iter().flat_map(|group| group.alerts).collect(),
        other => panic!("no alerts: {other:?}"),
    }
}

fn one_of(lines: &[&str]) -> AlertReading {
    let mut told = told(lines);
    assert_eq!(told.len(), 1, "{told:?}");
    *told.remove(0).read.unwrap()
}

#[test]
fn an_alert_of_the_profile_is_read() {
    let AlertReading { device, named_patient, said } = one_of(&[PID, PV1, OBR, EVENT, SOURCE, START, STATE, QUIET]);
    assert_eq!((device.as_str(), named_patient.unwrap().as_str()), ("M-1", "P-1"));
    let expected = ReportedAlert {
        code: DeviceAlertCode::new("lo_val_lt_lim", "spo2"),
        text: "SpO2 LOW".to_owned(),
        episode: EpisodeId::new("A77"),
        linked: false,
        phase: ReportedPhase::Start,
        state: Some(ReportedState::Active),
        quiet: Some(ReportedQuiet::AudioPaused),
        priority: Priority::Medium,
        class: AlertClass::Physiological,
        value: Some("88.0 %".to_owned()),
        limits: Some("90-96".to_owned()),
        observed_at: "2026-03-01T11:59:50Z".parse().unwrap(),
    };
    assert_eq!(said, expected);
}

#[rstest]
#[case::row_wins("|6|ST|68484^MDC_ATTR_ALARM_PRIORITY^MDC|1.3.1.150456.6|PH", "L~PL~SP", Priority::High)]
#[case::older_number("|6|ST|68168^MDC_ATTR_ALARM_PRIORITY^MDC|1.3.1.150456.6|PL", "L~PH~SP", Priority::Low)]
#[case::flag("|6|ST|1^x^99X|1.3.1.150456.9|PH", "L~PL~SP", Priority::Low)]
#[case::neither("|6|ST|1^x^99X|1.3.1.150456.9|PH", "L", Priority::Medium)]
#[case::unknown_word("|6|ST|68484^MDC_ATTR_ALARM_PRIORITY^MDC|1.3.1.150456.6|20", "L~PL", Priority::Medium)]
#[case::said_to_be_unknown("|6|ST|1^x^99X|1.3.1.150456.9|PH", "PU", Priority::Medium)]
fn what_is_unknown_is_never_low(#[case] row: &str, #[case] flags: &str, #[case] priority: Priority) {
    let event = EVENT.replace("L~PM~SP", flags);
    assert_eq!(one_of(&[PID, OBR, &event, SOURCE, START, &format!("OBX{row}")]).said.priority, priority);
}

#[rstest]
#[case::mindray(
    "OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.7.0.196680.1|196680^MDC_EVT_LEAD_OFF^MDC|||A~PL~ST|||R|||20260301115955+0000",
    "lead_off",
    "lead off",
    AlertClass::Technical
)]
#[case::words_in_the_ninth(
    "OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.1.0.0.1|56^56^MDC^^^^^^Door \\T\\ cassette|||PM",
    "56",
    "Door & cassette",
    AlertClass::Physiological
)]
#[case::number_alone("OBX|1|ST|196652|1.1.0.0.1||||H~PM", "hi_val_gt_lim", "hi val gt lim", AlertClass::Physiological)]
#[case::hostile(
    "OBX|1|ST|196616^MDC_EVT_ALARM^MDC|1.1.0.0.1|\u{1b}[31mLOW\u{202e}|||PM",
    "31mlow_165d05e4",
    "[31mLOW",
    AlertClass::Physiological
)]
fn events_of_all_kinds(#[case] row: &str, #[case] code: &str, #[case] text: &str, #[case] class: AlertClass) {
    let said = one_of(&[PID, OBR, row]).said;
    assert_eq!((said.code.as_str(), said.text.as_str(), said.class), (code, text, class));
    assert_eq!(said.phase, ReportedPhase::Continue, "what is told is so");
}

#[test]
fn a_source_without_a_number_is_part_of_the_code() {
    let event = "OBX|1|ST|196616^MDC_EVT_ALARM^MDC|1.1.0.0.1|196670^MDC_EVT_LO^MDC|||PH~ST";
    let source = "OBX|2|CWE|68480^MDC_ATTR_ALERT_SOURCE^MDC|1.1.0.0.2|158776^MDC_HDIALY_BLD_PUMP_PRESS_VEN^MDC";
    let said = one_of(&[PID, OBR, event, source, START]).said;
    assert_eq!(said.code.as_str(), "lo.hdialy_bld_pump_press_ven");
    assert_eq!((said.text.as_str(), said.priority), ("hdialy bld pump press ven lo", Priority::High));
}

#[test]
fn a_plain_group_has_an_alert_for_each_flagged_value() {
    let rows = [
        "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC||82|%|90-100|LL|||F",
        "OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC||131|/min|50^120|H~PL|||F",
        "OBX|3|NM|151562^MDC_RESP_RATE^MDC||16|/min|8-30||||F",
        "OBX|4|ST|ALARM9^Door^99X||Door open|||A~ST|||F",
    ];
    let read = told(&[&[PID, OBR], &rows[..]].concat());
    let show = |told: &Told| {
        let said = &told.read.as_ref().unwrap().said;
        format!("{} {:?} {} {}", said.code, said.text, said.priority, said.limits.as_deref().unwrap_or("-"))
    };
    let shown: Vec<String> = read.iter().map(show).collect();
    assert_eq!(
        shown,
        [
            "lo_val_lt_lim.spo2 \"SpO2 low\" high 90-100",
            "hi_val_gt_lim.hr \"HR high\" low 50-120",
            "alarm9 \"Door open\" medium -",
        ]
    );
    let well = told(&[PID, OBR, "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC||97|%|90-100|N|||F"]);
    assert_eq!(well[0].read.as_ref().unwrap().said.phase, ReportedPhase::End, "all is well");
}

#[rstest]
#[case::mdc_fahrenheit("150344^MDC_TEMP^MDC||103.1|266560^MDC_DIM_FAHR^MDC|95-101", "39.5 °C", "35.0-38.3")]
#[case::word("150344^MDC_TEMP^MDC||103.1|degF|95-101", "39.5 °C", "35.0-38.3")]
#[case::kilopascal("150021^MDC_PRESS_CUFF_SYS^MDC||22.0|265987^MDC_DIM_KILO_PASCAL^MDC|12-20", "165 mmHg", "90-150")]
#[case::ours("150344^MDC_TEMP^MDC||39.50|268192^MDC_DIM_DEGC^MDC|35-38.30", "39.50 °C", "35-38.30")]
#[case::not_known("150344^MDC_TEMP^MDC||103.1|999^MDC_DIM_ODD^MDC|95-101", "103.1 MDC_DIM_ODD", "95-101 MDC_DIM_ODD")]
#[case::no_unit("150344^MDC_TEMP^MDC||103.1||95-101", "103.1", "95-101")]
fn a_number_has_its_own_unit_or_is_converted(#[case] row: &str, #[case] value: &str, #[case] limits: &str) {
    let said = one_of(&[PID, OBR, &format!("OBX|1|NM|{row}|H|||F")]).said;
    assert_eq!((said.value.as_deref(), said.limits.as_deref()), (Some(value), Some(limits)));
}

#[rstest]
#[case::comparison(">^300", Some(">300 /min"))]
#[case::number("^131", Some("131 /min"))]
#[case::range("^100^-^200", None)]
fn a_structured_number_is_no_name(#[case] value: &str, #[case] shown: Option<&str>) {
    let said = one_of(&[PID, OBR, &format!("OBX|1|SN|147842^MDC_ECG_HEART_RATE^MDC||{value}|/min||H|||F")]).said;
    assert_eq!((said.text.as_str(), said.value.as_deref()), ("HR high", shown));
}

#[test]
fn later_messages_name_the_first() {
    let linked = "OBR|1|O2|A78^MON|196616^MDC_EVT_ALARM^MDC|||20260301115950+0000||||||||||||||||||||||^A77&MON";
    let end = START.replace("start", "end");
    let said = one_of(&[PID, linked, EVENT, SOURCE, &end]).said;
    assert_eq!((said.episode.as_str(), said.linked, said.phase), ("A77", true, ReportedPhase::End));
    let unnamed = "OBR|1|||196616^MDC_EVT_ALARM^MDC|||20260301115950+0000";
    assert_eq!(one_of(&[PID, unnamed, EVENT, SOURCE]).said.episode.as_str(), "lo_val_lt_lim.spo2");
}

#[rstest]
#[case::phase(&["OBX|1|ST|196680^MDC_EVT_LEAD_OFF^MDC|1.1.0.0.1|", "OBX|2|ST|68481|1.1.0.0.3|perhaps"], "no phase")]
#[case::disagreement(&["OBX|1|ST|68480^MDC_EVT_ALARM^MDC|1.1.0.0.1|x"], "the name an event's")]
#[case::nothing(&["OBX|1|ST|67972^MDC_ATTR_SYS_ID^MDC|1.1.0.0.9|x"], "names no alert")]
#[case::time(&["OBX|1|ST|196680^MDC_EVT_LEAD_OFF^MDC|1.1.0.0.1||||||||||20260301"], "no time to the minute")]
#[case::ahead(&["OBX|1|ST|196680^MDC_EVT_LEAD_OFF^MDC|1.1.0.0.1||||||||||20260301140000+0000"], "ahead of the server")]
fn what_cannot_be_used_is_told_with_its_place(#[case] rows: &[&str], #[case] says: &str) {
    let refused = told(&[&[PID, OBR], rows].concat()).remove(0).read.unwrap_err();
    assert!(refused.rejection.detail.contains(says), "{}", refused.rejection.detail);
    assert!(refused.rejection.detail.starts_with("OB"), "{}", refused.rejection.detail);
    assert!(refused.payload.starts_with("OBR|"), "{}", refused.payload);
}

#[test]
fn a_watchdog_is_no_alert() {
    let event = "OBX|1|ST|0^MDC_EVT_WATCHDOG^MDC|1.0.0.0.1||||PN~SP";
    let timeout = "OBX|8|NM|67860^MDC_ATTR_CONFIRM_TIMEOUT^MDC|1.0.0.0.8|5|264320^MDC_DIM_SEC^MDC";
    assert_eq!(told(&[PID, OBR, event, STATE, timeout]), []);
}

#[test]
fn the_end_of_a_group_is_the_time_of_an_end() {
    let obr = "OBR|1|O1|A77|196616^MDC_EVT_ALARM^MDC|||20260301115000+0000|20260301115500+0000";
    let at = |phase: &str| one_of(&[PID, obr, EVENT, SOURCE, &START.replace("start", phase)]).said.observed_at;
    assert_eq!(at("end"), "2026-03-01T11:55:00Z".parse().unwrap());
    assert_eq!(at("start"), "2026-03-01T11:50:00Z".parse().unwrap());
}

proptest! {
    #[test]
    fn a_changed_byte_never_harms(at in 0_usize..900, byte in any::<u8>()) {
        let mut raw = message("ORU^R40^ORU_R40", &[PID, PV1, OBR, EVENT, SOURCE, START, STATE, QUIET]).into_bytes();
        let place = at % raw.len();
        raw[place] = byte;
        let _ = decode_with(&raw, &source());
    }

    #[test]
    fn junk_never_harms(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_with(&[b"MSH|^~\\&|||||||ORU^R40|1|P|2.6\rOBR|1|\r", &raw[..]].concat(), &source());
    }
}
