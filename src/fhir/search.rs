//! Search: from the parameters of a URL to what is looked for.

use super::{
    index::literal,
    is_id,
    kind::ResourceKind,
    moment::Moment,
    outcome::{Issue, IssueCode},
};

/// Resources of one page if nothing else is asked for.
pub const COUNT_DEFAULT: usize = 50;
/// Most resources of one page.
pub const COUNT_MAX: usize = 1_000;
/// Most parameters of one search, and most values of one parameter.
pub const PARAMS_MAX: usize = 64;

/// How a parameter is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// `system|code`, `|code`, `code`, `system|`
    Token,
    /// The beginning of a text, without regard to case.
    Text,
    /// A date or time with a prefix.
    Date,
    /// A patient.
    Patient,
    /// A reference to another resource.
    Reference,
    /// Ids.
    Id,
    /// When the version was made.
    Updated,
    /// An identifier of the patient.
    PatientIdentifier,
}

/// A search parameter.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// How it is read.
    pub kind: ParamKind,
    /// Under which names it is indexed.
    pub index: &'static [&'static str],
}

const fn token(name: &'static str, index: &'static [&'static str]) -> Param {
    Param { name, kind: ParamKind::Token, index }
}

const fn other(name: &'static str, kind: ParamKind) -> Param {
    Param { name, kind, index: &[] }
}

const ID: Param = other("_id", ParamKind::Id);
const UPDATED: Param = other("_lastUpdated", ParamKind::Updated);
const IDENTIFIER: Param = token("identifier", &["identifier"]);
const STATUS: Param = token("status", &["status"]);
const PATIENT: Param = other("patient", ParamKind::Patient);
const SUBJECT: Param = other("subject", ParamKind::Patient);

const OBSERVATION: &[Param] = &[
    ID,
    UPDATED,
    PATIENT,
    SUBJECT,
    token("category", &["category"]),
    token("code", &["code"]),
    token("component-code", &["component-code"]),
    token("combo-code", &["code", "component-code"]),
    other("date", ParamKind::Date),
    STATUS,
    IDENTIFIER,
    Param { name: "device", kind: ParamKind::Reference, index: &["device"] },
    Param { name: "encounter", kind: ParamKind::Reference, index: &["encounter"] },
    other("patient.identifier", ParamKind::PatientIdentifier),
    other("subject:Patient.identifier", ParamKind::PatientIdentifier),
];

const OF_PATIENT: &[Param] = &[
    ID,
    UPDATED,
    IDENTIFIER,
    Param { name: "name", kind: ParamKind::Text, index: &["name", "family", "given"] },
    Param { name: "family", kind: ParamKind::Text, index: &["family"] },
    Param { name: "given", kind: ParamKind::Text, index: &["given"] },
    token("gender", &["gender"]),
    other("birthdate", ParamKind::Date),
];

const DEVICE: &[Param] = &[ID, UPDATED, IDENTIFIER, STATUS, token("type", &["type"]), PATIENT];

const ENCOUNTER: &[Param] =
    &[ID, UPDATED, IDENTIFIER, STATUS, token("class", &["class"]), PATIENT, SUBJECT, other("date", ParamKind::Date)];

/// The parameters of a type; the CapabilityStatement lists these.
#[must_use]
pub const fn params(kind: ResourceKind) -> &'static [Param] {
    match kind {
        ResourceKind::Observation => OBSERVATION,
        ResourceKind::Patient => OF_PATIENT,
        ResourceKind::Device => DEVICE,
        ResourceKind::Encounter => ENCOUNTER,
    }
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// Within.
    Eq,
    /// Not within.
    Ne,
    /// Some of it later.
    Gt,
    /// Some of it earlier.
    Lt,
    /// Later or within.
    Ge,
    /// Earlier or within.
    Le,
    /// All of it later.
    Sa,
    /// All of it earlier.
    Eb,
}

/// A time to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateValue {
    /// How.
    pub prefix: Prefix,
    /// With which time.
    pub moment: Moment,
}

/// A code to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenValue {
    /// The system; `Some("")` is none, `None` is any.
    pub system: Option<String>,
    /// The code; `None` is any.
    pub code: Option<String>,
}

/// One condition; all of a search have to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// One of these ids.
    Ids(Vec<String>),
    /// Of one of these patients, by the ids of their resources.
    Patients(Vec<String>),
    /// Of a patient with one of these identifiers.
    PatientIdentifiers(Vec<TokenValue>),
    /// One of these codes under one of these names.
    Tokens(&'static [&'static str], Vec<TokenValue>),
    /// None of these codes under any of these names.
    NoTokens(&'static [&'static str], Vec<TokenValue>),
    /// A text that begins with one of these, in small letters.
    Texts(&'static [&'static str], Vec<String>),
    /// One of these times.
    Dates(Vec<DateValue>),
    /// A version that was made at one of these times.
    Updated(Vec<DateValue>),
}

/// By what a page is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// When it was true.
    Date,
    /// When the version was made.
    Updated,
}

/// The order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// The newest first.
    pub descending: bool,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Of this type.
    pub kind: ResourceKind,
    /// All of these hold.
    pub filters: Vec<Filter>,
    /// In this order.
    pub sort: Sort,
    /// So many on a page; 0 asks for the number of all.
    pub count: usize,
    /// From here on, as an earlier page said.
    pub page: Option<String>,
    /// Whether the patients belong to the page.
    pub with_patients: bool,
    /// `max` of `$lastn`.
    pub max: usize,
    /// The parameters that were used, as they were written.
    pub used: Vec<(String, String)>,
    /// What was left aside.
    pub ignored: Vec<Issue>,
}

impl Search {
    /// Whether it asks for the resources of certain patients, or for certain resources: not for what there is of all.
    #[must_use]
    pub fn names_patients(&self) -> bool {
        let whole = |tokens: &[TokenValue]| {
            !tokens.is_empty() && tokens.iter().all(|t| t.code.as_deref().is_some_and(|c| !c.is_empty()))
        };
        self.filters.iter().any(|filter| match filter {
            Filter::Ids(ids) | Filter::Patients(ids) => !ids.is_empty(),
            Filter::PatientIdentifiers(tokens) => whole(tokens),
            Filter::Tokens(params, tokens) => {
                matches!(self.kind, ResourceKind::Patient) && params.contains(&"identifier") && whole(tokens)
            }
            _ => false,
        })
    }
}

/// The parameters of a query or a form.
///
/// # Errors
/// If there are more than [`PARAMS_MAX`], or an escape is wrong.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>, Issue> {
    let parts: Vec<&str> = query.split('&').filter(|p| !p.is_empty()).collect();
    if parts.len() > PARAMS_MAX {
        let detail = format!("more than {PARAMS_MAX} parameters in one search");
        return Err(Issue::error(IssueCode::TooLong, "http.query", detail));
    }
    let pair = |part: &&str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Some((unescaped(name)?, unescaped(value)?))
    };
    let wrong = || Issue::error(IssueCode::Value, "http.query", "a %-escape is wrong, or the text is not UTF-8");
    parts.iter().map(|part| pair(part).ok_or_else(wrong)).collect()
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |b: u8| char::from(b).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A text as it may stand in a query.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:,/$".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Parameters that say how to answer, not what to look for.
const ANSWER_PARAMS: [&str; 3] = ["_format", "_pretty", "_total"];

/// Reads a search.
///
/// # Errors
/// If a parameter cannot be read; if `strict`, also if one is not known.
pub fn parse(kind: ResourceKind, given: &[(String, String)], strict: bool) -> Result<Search, Vec<Issue>> {
    let key = if matches!(kind, ResourceKind::Observation) { SortKey::Date } else { SortKey::Updated };
    let mut search = Search {
        kind,
        filters: Vec::new(),
        sort: Sort { key, descending: true },
        count: COUNT_DEFAULT,
        page: None,
        with_patients: false,
        max: 1,
        used: Vec::new(),
        ignored: Vec::new(),
    };
    let mut wrong = Vec::new();
    for (name, value) in given {
        if ANSWER_PARAMS.contains(&name.as_str()) {
            continue;
        }
        match search.take(name, value) {
            Ok(true) => {
                if name != "_page" {
                    search.used.push((name.clone(), value.clone()));
                }
            }
            Ok(false) => {
                let detail = format!("parameter {:?} is not known here: it was left aside", shown(name));
                let mut issue = Issue::error(IssueCode::NotSupported, place(name), detail);
                if strict {
                    wrong.push(issue);
                } else {
                    issue.severity = super::outcome::Severity::Warning;
                    search.ignored.push(issue);
                }
            }
            Err(detail) => wrong.push(Issue::error(IssueCode::Value, place(name), detail)),
        }
    }
    if wrong.is_empty() { Ok(search) } else { Err(wrong) }
}

fn shown(text: &str) -> String {
    crate::domain::text::clean(text).chars().take(60).collect()
}

fn place(name: &str) -> String {
    format!("http.{}", shown(name))
}

impl Search {
    /// Takes a parameter; whether it is known.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "_count" => {
                let count: usize = value.parse().map_err(|_| format!("a number from 0 to {COUNT_MAX} is wanted"))?;
                self.count = count.min(COUNT_MAX);
                return Ok(true);
            }
            "_sort" => return self.sort(value),
            "_page" => {
                self.page = Some(value.to_owned());
                return Ok(true);
            }
            "_summary" if value == "count" => {
                self.count = 0;
                return Ok(true);
            }
            "_summary" => return Ok(value == "false"),
            "_include" => {
                let known = ["Observation:subject", "Observation:patient", "Observation:subject:Patient"];
                self.with_patients |= known.contains(&value);
                return Ok(self.with_patients);
            }
            _ => {}
        }
        let params = params(self.kind);
        let Some(param) = params.iter().find(|p| p.name == name) else {
            return match name.split_once(':') {
                Some((base, "Patient")) if params.iter().any(|p| p.name == base && p.kind == ParamKind::Patient) => {
                    self.filters.push(Filter::Patients(patients(value)?));
                    Ok(true)
                }
                Some((base, modifier)) if params.iter().any(|p| p.name == base) => {
                    Err(format!("the modifier :{} is not known here", shown(modifier)))
                }
                _ => Ok(false),
            };
        };
        let filter = filter(param, value)?;
        self.filters.push(filter);
        Ok(true)
    }

    fn sort(&mut self, value: &str) -> Result<bool, String> {
        let (descending, key) = value.strip_prefix('-').map_or((false, value), |key| (true, key));
        let key = match key {
            "date" if params(self.kind).iter().any(|p| p.name == "date") => SortKey::Date,
            "_lastUpdated" => SortKey::Updated,
            _ => return Ok(false),
        };
        self.sort = Sort { key, descending };
        Ok(true)
    }
}

fn filter(param: &Param, value: &str) -> Result<Filter, String> {
    let values = divided(value, ',');
    if values.len() > PARAMS_MAX {
        return Err(format!("more than {PARAMS_MAX} values in one parameter"));
    }
    if values.iter().all(String::is_empty) {
        return Err("a value is wanted".to_owned());
    }
    Ok(match param.kind {
        ParamKind::Token => Filter::Tokens(param.index, tokens(&values)?),
        ParamKind::PatientIdentifier => Filter::PatientIdentifiers(tokens(&values)?),
        ParamKind::Text => {
            let texts = values.iter().map(|v| unquoted(v).to_lowercase()).collect();
            Filter::Texts(param.index, texts)
        }
        ParamKind::Date => Filter::Dates(dates(&values)?),
        ParamKind::Updated => Filter::Updated(dates(&values)?),
        ParamKind::Patient => Filter::Patients(patients(value)?),
        ParamKind::Reference => Filter::Tokens(param.index, references(&values)?),
        ParamKind::Id => Filter::Ids(values.iter().map(|v| unquoted(v)).collect()),
    })
}

fn patients(value: &str) -> Result<Vec<String>, String> {
    let one = |text: &String| {
        let path = if text.contains("://") { last_two(text) } else { text.clone() };
        match literal(&path) {
            Some(("Patient", id)) => Ok(id.to_owned()),
            None if is_id(text) => Ok(text.clone()),
            _ => Err(format!("{:?} is no patient: Patient/ID or ID is wanted", shown(text))),
        }
    };
    divided(value, ',').iter().map(one).collect()
}

/// Type and id at the end of an address.
fn last_two(text: &str) -> String {
    let mut parts = text.rsplit('/');
    let (id, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{kind}/{id}")
}

fn references(values: &[String]) -> Result<Vec<TokenValue>, String> {
    let one = |text: &String| {
        let path = if text.contains("://") { last_two(text) } else { text.clone() };
        match literal(&path) {
            Some((kind, id)) => Ok(TokenValue { system: Some(kind.to_owned()), code: Some(id.to_owned()) }),
            None if is_id(text) => Ok(TokenValue { system: None, code: Some(text.clone()) }),
            None => Err(format!("{:?} is no reference: TYPE/ID or ID is wanted", shown(text))),
        }
    };
    values.iter().map(one).collect()
}

fn tokens(values: &[String]) -> Result<Vec<TokenValue>, String> {
    let one = |text: &String| {
        let parts = divided(text, '|');
        let some = |text: &str| (!text.is_empty()).then(|| unquoted(text));
        match parts.as_slice() {
            [code] => Ok(TokenValue { system: None, code: some(code) }),
            [system, code] => Ok(TokenValue { system: Some(unquoted(system)), code: some(code) }),
            _ => Err(format!("{:?} is no token: system|code is wanted", shown(text))),
        }
    };
    let found: Vec<TokenValue> = values.iter().map(one).collect::<Result<_, _>>()?;
    let empty = |t: &TokenValue| t.code.is_none() && t.system.as_ref().is_none_or(String::is_empty);
    if found.iter().any(empty) { Err("a token without system and code".to_owned()) } else { Ok(found) }
}

fn dates(values: &[String]) -> Result<Vec<DateValue>, String> {
    let one = |text: &String| {
        let known = [
            ("eq", Prefix::Eq),
            ("ne", Prefix::Ne),
            ("gt", Prefix::Gt),
            ("lt", Prefix::Lt),
            ("ge", Prefix::Ge),
            ("le", Prefix::Le),
            ("sa", Prefix::Sa),
            ("eb", Prefix::Eb),
        ];
        let prefixed = known.iter().find_map(|(name, prefix)| text.strip_prefix(name).map(|rest| (*prefix, rest)));
        let (prefix, rest) = prefixed.unwrap_or((Prefix::Eq, text));
        // A plus of an offset becomes a blank where somebody did not escape it.
        let moment =
            Moment::parse(rest).or_else(|| Moment::parse(&rest.replace(' ', "+"))).or_else(|| without_offset(rest));
        moment.map(|moment| DateValue { prefix, moment }).ok_or_else(|| {
            format!("{:?} is no date or time with one of the prefixes eq ne gt lt ge le sa eb", shown(text))
        })
    };
    values.iter().map(one).collect()
}

/// In a search a time may come without an offset or without seconds; it is taken for UTC.
fn without_offset(text: &str) -> Option<Moment> {
    match text.len() {
        16 => Moment::parse(&format!("{text}:00Z"))
            .map(|m| Moment { until: m.from + crate::domain::Millis::from_mins(1), ..m }),
        _ => Moment::parse(&format!("{text}Z")),
    }
}

/// Divides a text at a character that no backslash stands before.
fn divided(text: &str, at: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == at && !escaped {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    parts
}

fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            other => out.push(other),
        }
    }
    out
}

/// The statuses of an Observation that is no value.
const NO_VALUE: [&str; 2] = ["entered-in-error", "cancelled"];

/// Reads `$lastn`: a search with `max`, the newest first. What is no value is not the last one, unless a status is asked for.
///
/// # Errors
/// As [`parse`]; also if no patient is named, or `max` is none.
pub fn parse_lastn(given: &[(String, String)], strict: bool) -> Result<Search, Vec<Issue>> {
    let rest: Vec<(String, String)> = given.iter().filter(|(name, _)| name != "max").cloned().collect();
    let mut search = parse(ResourceKind::Observation, &rest, strict)?;
    if let Some((_, max)) = given.iter().find(|(name, _)| name == "max") {
        search.max = max.parse().ok().filter(|max| (1..=COUNT_MAX).contains(max)).ok_or_else(|| {
            let detail = format!("max is a number from 1 to {COUNT_MAX}");
            vec![Issue::error(IssueCode::Value, "http.max", detail)]
        })?;
    }
    if !search.filters.iter().any(|f| matches!(f, Filter::Tokens(params, _) if params.contains(&"status"))) {
        let none = |code: &str| TokenValue { system: None, code: Some(code.to_owned()) };
        search.filters.push(Filter::NoTokens(&["status"], NO_VALUE.map(none).to_vec()));
    }
    let whose = |f: &Filter| matches!(f, Filter::Patients(_) | Filter::PatientIdentifiers(_));
    if search.filters.iter().any(whose) {
        Ok(search)
    } else {
        let detail = "$lastn is of one patient: add patient=ID";
        Err(vec![Issue::error(IssueCode::Required, "http.patient", detail)])
    }
}

/// The identifier of a conditional create: `identifier=system|value`, nothing else.
///
/// # Errors
/// If it is something else.
pub fn parse_if_none_exist(text: &str) -> Result<TokenValue, Issue> {
    let wrong = || {
        let detail = "ifNoneExist takes identifier=system|value and nothing else here";
        Issue::error(IssueCode::NotSupported, "http.If-None-Exist", detail)
    };
    let pairs = pairs(text.trim_start_matches('?'))?;
    let [(name, value)] = pairs.as_slice() else { return Err(wrong()) };
    let mut found = tokens(&divided(value, ',')).map_err(|_| wrong())?;
    match (name.as_str(), found.pop(), found.is_empty()) {
        ("identifier", Some(one), true) if one.code.is_some() => Ok(one),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn observation(query: &str) -> Result<Search, Vec<Issue>> {
        parse(ResourceKind::Observation, &pairs(query).unwrap(), false)
    }

    #[rstest]
    #[case(ResourceKind::Observation, "patient=p1", true)]
    #[case(ResourceKind::Observation, "patient=p1&subject.identifier=x", true)]
    #[case(ResourceKind::Observation, "patient.identifier=urn:x|1", true)]
    #[case(ResourceKind::Patient, "_id=p1", true)]
    #[case(ResourceKind::Patient, "identifier=1", true)]
    #[case(ResourceKind::Observation, "", false)]
    #[case::not_understood(ResourceKind::Observation, "subject.identifier=x", false)]
    #[case::not_understood(ResourceKind::Device, "subject=x", false)]
    #[case::not_understood(ResourceKind::Encounter, "patient.identifier=x&patientt=1", false)]
    #[case::a_system_alone(ResourceKind::Patient, "identifier=urn:x|", false)]
    #[case::name(ResourceKind::Patient, "name=o", false)]
    fn a_search_names_patients_or_asks_for_all(#[case] kind: ResourceKind, #[case] query: &str, #[case] names: bool) {
        let search = parse(kind, &pairs(query).unwrap(), false);
        assert_eq!(search.is_ok_and(|search| search.names_patients()), names, "{query}");
    }

    #[test]
    fn a_search_of_us_core_is_read() {
        let search = observation(
            "patient=Patient/p1&category=http://terminology.hl7.org/CodeSystem/observation-category%7Cvital-signs\
             &code=http://loinc.org|8867-4,|x,y&date=ge2026-03&date=lt2026-03-02T10:00:00%2B01:00&_count=5&_sort=-date&zip=1",
        )
        .unwrap();
        insta::assert_debug_snapshot!(search.filters);
        assert_eq!((search.count, search.sort.descending, search.ignored.len()), (5, true, 1));
        assert_eq!(search.used.len(), 7);
    }

    #[rstest]
    #[case("date=maerz", "http.date")]
    #[case("date=ap2026", "http.date")]
    #[case("_count=many", "http._count")]
    #[case("code:not=1", "http.code:not")]
    #[case("patient=Group/1", "http.patient")]
    #[case("code=", "http.code")]
    #[case("code=a|b|c", "http.code")]
    #[case("_lastUpdated=1", "http._lastUpdated")]
    fn what_cannot_be_read_is_told(#[case] query: &str, #[case] place: &str) {
        assert_eq!(observation(query).unwrap_err()[0].expression[0], place);
    }

    #[test]
    fn what_is_not_known_is_left_aside_unless_strict() {
        let given = pairs("colour=red&_sort=code").unwrap();
        assert_eq!(parse(ResourceKind::Observation, &given, false).unwrap().ignored.len(), 2);
        assert_eq!(parse(ResourceKind::Observation, &given, true).unwrap_err().len(), 2);
    }

    #[test]
    fn commas_and_bars_can_be_escaped() {
        let search = observation("identifier=urn:x|a\\,b\\|c").unwrap();
        let wanted = TokenValue { system: Some("urn:x".into()), code: Some("a,b|c".into()) };
        assert_eq!(search.filters, [Filter::Tokens(&["identifier"], vec![wanted])]);
    }

    #[test]
    fn lastn_wants_a_patient_and_a_number() {
        let lastn = |query: &str| parse_lastn(&pairs(query).unwrap(), false);
        assert_eq!(lastn("patient=p1&max=3").unwrap().max, 3);
        assert_eq!(lastn("patient=p1").unwrap().max, 1);
        assert_eq!(lastn("max=3").unwrap_err()[0].expression[0], "http.patient");
        assert_eq!(lastn("patient=p1&max=0").unwrap_err()[0].expression[0], "http.max");
    }

    #[test]
    fn a_conditional_create_names_one_identifier() {
        assert_eq!(parse_if_none_exist("identifier=urn:a|1").unwrap().code.as_deref(), Some("1"));
        for wrong in ["", "name=x", "identifier=a,b", "identifier=urn:a|", "identifier=a&name=b"] {
            assert!(parse_if_none_exist(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_escaped_comes_back() {
        let text = "http://x|y z+é&=";
        assert_eq!(pairs(&format!("a={}", escaped(text))).unwrap(), [("a".to_owned(), text.to_owned())]);
        assert!(pairs("a=%zz").is_err() && pairs(&"a=1&".repeat(100)).is_err());
    }
}
