//! CSV recordings: `time_s,channel,value`, one value a line.
//!
//! The decoder takes one line at a time, so a file of any length streams through it. There is no quoting: a name or a
//! number holds no comma. A line that cannot be used is counted and named, and the next one goes on.

use super::{
    channel::{self, Scaling},
    text::value_text,
};
use crate::{
    domain::{Millis, VitalCode, VitalTable, text},
    quality::{self, Impossible},
};
use std::{collections::BTreeMap, sync::Arc};

/// The first line of a recording.
pub const HEADER: &str = "time_s,channel,value";
/// Longest line, in bytes. A longer one is a bad line.
pub const LINE_MAX_BYTES: usize = 256;
/// How many faults of a file are kept with line and reason. Further ones are only counted.
pub const FAULTS_KEPT_MAX: usize = 20;
/// How many unknown channels of a file are counted by name. Further ones are counted together, as `…`.
pub const UNKNOWN_NAMES_MAX: usize = 100;
/// Greatest distance from second 0, in seconds: 100 years.
pub const TIME_MAX_S: f64 = 3_155_760_000.0;

/// The first line is not [`HEADER`]: this is another kind of file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the first line is {found:?}; a recording begins with {HEADER:?}")]
pub struct WrongHeader {
    /// The first line, cleaned and cut.
    pub found: String,
}

/// One value of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvReading {
    /// Time from second 0 of the recording; may be negative.
    pub at: Millis,
    /// The vital.
    pub vital: VitalCode,
    /// The value in the vital's unit; finite and physically possible.
    pub value: f64,
    /// The value as the file wrote it, where that says more than the number (`37.00`).
    pub text: Option<Arc<str>>,
}

/// Why a line gave no reading.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LineFault {
    /// Not three columns.
    #[error("three columns are wanted: {HEADER}")]
    Columns,
    /// Longer than [`LINE_MAX_BYTES`].
    #[error("longer than {LINE_MAX_BYTES} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("not UTF-8 text")]
    NotText,
    /// The time is no number of seconds, or too far from second 0.
    #[error("{0:?} is not a time: seconds are wanted, within 100 years of second 0")]
    Time(String),
    /// The value is no number.
    #[error("{0:?} is not a number")]
    Value(String),
    /// The value cannot be one of the vital.
    #[error(transparent)]
    Impossible(#[from] Impossible),
}

/// Why values of a vital were refused, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// Not a number, or infinite.
    NotFinite,
    /// Outside the physically possible range.
    OutsidePossible,
    /// No code of a coded vital.
    NoSuchCode,
}

impl Rejection {
    const fn of(why: &Impossible) -> Self {
        match why {
            Impossible::NotFinite => Self::NotFinite,
            Impossible::OutsidePossible { .. } => Self::OutsidePossible,
            Impossible::NoSuchCode { .. } => Self::NoSuchCode,
        }
    }

    /// The reason in a few words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFinite => "not a finite number",
            Self::OutsidePossible => "outside what is possible",
            Self::NoSuchCode => "no such code",
        }
    }
}

/// A line that gave no reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Number of the line; the header is line 1.
    pub line: u64,
    /// Why.
    pub why: LineFault,
}

/// What became of the lines of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CsvReport {
    /// Lines that gave a reading.
    pub readings: u64,
    /// Lines that could not be read.
    pub bad_lines: u64,
    /// Values that were refused, by vital and reason.
    pub rejected: BTreeMap<(VitalCode, Rejection), u64>,
    /// Lines of unknown channels, by name.
    pub unknown: BTreeMap<String, u64>,
    /// The first [`FAULTS_KEPT_MAX`] lines that were bad or refused.
    pub faults: Vec<Fault>,
}

/// Decodes the lines of one file.
#[derive(Debug)]
pub struct CsvDecoder<'a> {
    vitals: &'a VitalTable,
    line: u64,
    report: CsvReport,
}

impl<'a> CsvDecoder<'a> {
    /// Begins with the first line of the file, with or without its line end.
    ///
    /// # Errors
    /// If it is not [`HEADER`].
    pub fn new(first_line: &[u8], vitals: &'a VitalTable) -> Result<Self, WrongHeader> {
        let line = first_line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(first_line).trim_ascii();
        if line != HEADER.as_bytes() {
            let shown: String = String::from_utf8_lossy(line).chars().take(60).collect();
            return Err(WrongHeader { found: text::clean(&shown) });
        }
        Ok(Self { vitals, line: 1, report: CsvReport::default() })
    }

    /// Takes the next line, with or without its line end. An empty line is passed over.
    pub fn line(&mut self, line: &[u8]) -> Option<CsvReading> {
        self.line += 1;
        let line = line.trim_ascii();
        if line.is_empty() {
            return None;
        }
        match self.decode(line) {
            Ok(reading) => {
                self.report.readings += u64::from(reading.is_some());
                reading
            }
            Err(why) => {
                self.note(why);
                None
            }
        }
    }

    /// What became of the lines so far.
    #[must_use]
    pub fn into_report(self) -> CsvReport {
        self.report
    }

    fn decode(&mut self, line: &[u8]) -> Result<Option<CsvReading>, LineFault> {
        if line.len() > LINE_MAX_BYTES {
            return Err(LineFault::TooLong);
        }
        let line = std::str::from_utf8(line).map_err(|_| LineFault::NotText)?;
        let mut columns = line.split(',').map(str::trim);
        let (Some(time), Some(name), Some(raw), None) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        else {
            return Err(LineFault::Columns);
        };
        let at = time_ms(time).ok_or_else(|| LineFault::Time(shown(time)))?;
        let Some((vital, scaling)) = channel::find(name, self.vitals) else {
            self.note_unknown(name);
            return Ok(None);
        };
        let Some(def) = self.vitals.get(vital) else { return Ok(None) };
        let number = raw.parse().ok().or_else(|| def.coded_value(raw));
        // Adding 0 makes -0 a plain 0.
        let value = scaling.apply(number.ok_or_else(|| LineFault::Value(shown(raw)))?) + 0.0;
        if let Err(why) = quality::check_possible(def, value) {
            *self.report.rejected.entry((vital, Rejection::of(&why))).or_default() += 1;
            return Err(why.into());
        }
        let text = if scaling == Scaling::AsIs { value_text(raw, value) } else { None };
        Ok(Some(CsvReading { at, vital, value, text }))
    }

    fn note(&mut self, why: LineFault) {
        self.report.bad_lines += u64::from(!matches!(why, LineFault::Impossible(_)));
        if self.report.faults.len() < FAULTS_KEPT_MAX {
            self.report.faults.push(Fault { line: self.line, why });
        }
    }

    fn note_unknown(&mut self, name: &str) {
        let unknown = &mut self.report.unknown;
        let mut name = shown(name);
        if !unknown.contains_key(&name) && unknown.len() >= UNKNOWN_NAMES_MAX {
            "…".clone_into(&mut name);
        }
        *unknown.entry(name).or_default() += 1;
    }
}

fn shown(raw: &str) -> String {
    text::clean(raw).chars().take(40).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by TIME_MAX_S")]
fn time_ms(text: &str) -> Option<Millis> {
    let seconds: f64 = text.parse().ok()?;
    (seconds.abs() <= TIME_MAX_S).then(|| Millis((seconds * 1000.0).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::vital::{CONSCIOUSNESS, HR, NBP_SYS, SPO2, TEMP};
    use proptest::prelude::*;
    use rstest::rstest;

    fn read(lines: &str) -> (Vec<CsvReading>, CsvReport) {
        let vitals = VitalTable::builtin();
        let mut decoder = CsvDecoder::new(HEADER.as_bytes(), &vitals).unwrap();
        let readings = lines.lines().filter_map(|line| decoder.line(line.as_bytes())).collect();
        (readings, decoder.into_report())
    }

    fn reading(at: i64, vital: VitalCode, value: f64, text: Option<&str>) -> CsvReading {
        CsvReading { at: Millis(at), vital, value, text: text.map(Into::into) }
    }

    #[test]
    fn reads_times_and_texts_as_they_are_meant() {
        let (readings, report) = read("-1236,HR,78\r\n0.5, SPO2 ,97\n\n60,TEMP_C,37.00\n61,FIO2,0.40\n62,ACVPU,V\n");
        let expected = [
            reading(-1_236_000, HR, 78.0, None),
            reading(500, SPO2, 97.0, None),
            reading(60_000, TEMP, 37.0, Some("37.00")),
            reading(61_000, VitalCode::of("fio2"), 40.0, None),
            reading(62_000, CONSCIOUSNESS, 2.0, Some("V")),
        ];
        assert_eq!(readings, expected);
        assert_eq!(report, CsvReport { readings: 5, ..CsvReport::default() });
    }

    #[rstest]
    #[case(HEADER)]
    #[case("\u{feff}time_s,channel,value\r\n")]
    fn the_header_may_carry_a_byte_order_mark_and_a_line_end(#[case] line: &str) {
        assert!(CsvDecoder::new(line.as_bytes(), &VitalTable::builtin()).is_ok());
    }

    #[test]
    fn another_header_is_another_kind_of_file() {
        let error = CsvDecoder::new(b"pid,Age,\x1b[31mGender", &VitalTable::builtin()).unwrap_err();
        insta::assert_snapshot!(error, @r#"the first line is "pid,Age,[31mGender"; a recording begins with "time_s,channel,value""#);
        assert!(CsvDecoder::new(b"", &VitalTable::builtin()).is_err());
    }

    #[test]
    fn a_bad_line_is_named_and_does_not_stop_the_rest() {
        let long = "9".repeat(LINE_MAX_BYTES);
        let (readings, report) = read(&format!(
            "0,HR\n0,HR,1,2\nx,HR,70\n1e12,HR,70\nNaN,HR,70\n3,HR,high\n4,HR,NaN\n5,NBP_SYS,11647\n6,ACVPU,1.5\n7,HR,{long}\n8,HR,70\n"
        ));
        assert_eq!(readings, [reading(8_000, HR, 70.0, None)]);
        assert_eq!((report.readings, report.bad_lines), (1, 7));
        let rejected = [
            ((CONSCIOUSNESS, Rejection::NoSuchCode), 1),
            ((HR, Rejection::NotFinite), 1),
            ((NBP_SYS, Rejection::OutsidePossible), 1),
        ];
        assert_eq!(report.rejected, rejected.into());
        let faults: Vec<String> = report.faults.iter().map(|f| format!("line {}: {}", f.line, f.why)).collect();
        insta::assert_snapshot!(faults.join("\n"), @r#"
        line 2: three columns are wanted: time_s,channel,value
        line 3: three columns are wanted: time_s,channel,value
        line 4: "x" is not a time: seconds are wanted, within 100 years of second 0
        line 5: "1e12" is not a time: seconds are wanted, within 100 years of second 0
        line 6: "NaN" is not a time: seconds are wanted, within 100 years of second 0
        line 7: "high" is not a number
        line 8: the value is not a finite number
        line 9: 11647 mmHg is outside what is possible for nbp_sys (0 to 400 mmHg)
        line 10: 1.5 is not one of the codes of consciousness
        line 11: longer than 256 bytes
        "#);
    }

    #[test]
    fn what_is_kept_of_a_bad_file_is_bounded() {
        let lines: String = (0..500).map(|i| format!("{i},X{i},1\n{i},HR,?\n")).collect();
        let (_, report) = read(&lines);
        assert_eq!((report.bad_lines, report.faults.len()), (500, FAULTS_KEPT_MAX));
        assert_eq!(report.unknown.len(), UNKNOWN_NAMES_MAX + 1);
        assert_eq!(report.unknown["…"], 400);
        assert_eq!(report.unknown.values().sum::<u64>(), 500);
    }

    #[test]
    fn bytes_that_are_no_text_are_a_bad_line() {
        let vitals = VitalTable::builtin();
        let mut decoder = CsvDecoder::new(HEADER.as_bytes(), &vitals).unwrap();
        assert_eq!(decoder.line(b"0,HR,\xff70"), None);
        assert_eq!(decoder.into_report().faults, [Fault { line: 2, why: LineFault::NotText }]);
    }

    #[rstest]
    #[case("37.00", true)]
    #[case("37.", true)]
    #[case("+37", true)]
    #[case("3.7e1", true)]
    #[case("037", true)]
    #[case(".5", true)]
    #[case("37", false)]
    #[case("37.05", false)]
    #[case("0", false)]
    #[case("0.5", false)]
    #[case("-5", false)]
    #[case("100", false)]
    fn text_is_kept_where_it_says_more(#[case] raw: &str, #[case] more: bool) {
        assert_eq!(value_text(raw, raw.parse().unwrap()).is_some(), more);
        assert_eq!(raw.parse::<f64>().unwrap().to_string() != raw, more);
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic_and_none_vanishes(lines in prop::collection::vec(
            prop_oneof!["[0-9.eE+-]{0,6},(HR|SPO2|spo2|X|FIO2),[0-9.naif-]{0,6}", "\\PC{0,40}"], 0..50))
        {
            let vitals = VitalTable::builtin();
            let mut decoder = CsvDecoder::new(HEADER.as_bytes(), &vitals).unwrap();
            let read = lines.iter().filter(|line| decoder.line(line.as_bytes()).is_some()).count() as u64;
            let report = decoder.into_report();
            let empty = lines.iter().filter(|line| line.as_bytes().trim_ascii().is_empty()).count() as u64;
            let told = report.bad_lines + report.rejected.values().sum::<u64>() + report.unknown.values().sum::<u64>();
            prop_assert_eq!(report.readings, read);
            prop_assert_eq!(read + told + empty, lines.len() as u64);
        }
    }
}
