use super::*;
use crate::ingest::medtech::{
    fault::Unusable,
    measurement::Property,
    trace::{Found, MatchTrace},
};
use proptest::prelude::*;
use rstest::rstest;

fn json(text: &str) -> Json {
    Json::read(text.as_bytes()).unwrap()
}

fn collection(templates: &str) -> Loaded {
    let text = format!("{{'templateType': 'CollectionContent', 'template': [{templates}]}}");
    DeviceMapping::load(text.as_bytes(), Arithmetic::Medtech)
}

fn mapping(templates: &str) -> DeviceMapping {
    collection(templates).sound().unwrap_or_else(|errors| panic!("{errors}"))
}

/// A template of this type for messages of a device that calls its values by the type's name.
fn simple(type_name: &str) -> String {
    format!(
        "{{'templateType': 'JsonPathContent', 'template': {{'typeName': '{type_name}',
        'typeMatchExpression': '$..[?(@{type_name})]', 'deviceIdExpression': '$.device', 'timestampExpression': '$.at',
        'values': [{{'valueName': 'v', 'valueExpression': '$.{type_name}', 'required': true}}]}}}}"
    )
}

fn types(outcome: &Normalised) -> Vec<&str> {
    outcome.measurements.iter().map(|m| &*m.type_name).collect()
}

const CALCULATED: &str = "{'templateType': 'CalculatedContent', 'template': {'typeName': 'bp',
    'typeMatchExpression': {'value': 'Body.list[?sys]', 'language': 'JmesPath'}, 'deviceIdExpression': '$.Body.device',
    'timestampExpression': '$.matchedToken.at', 'patientIdExpression': '$.Body.who',
    'values': [{'valueName': 'sys', 'valueExpression': '$.matchedToken.sys', 'required': 'true'},
               {'valueName': 'note', 'valueExpression': '$.matchedToken.note'}]}}";

const BATCH: &str = "{'device': 'd', 'who': 7, 'list': [
    {'sys': 120, 'at': '2024-01-15T10:20:30Z', 'note': ''}, {'sys': [1], 'at': '2024-01-15T10:21:30Z'},
    {'sys': 130.5, 'at': '2024-01-15T10:22:30+02:00', 'note': {'a': 1}}]}";

#[test]
fn a_failure_costs_one_measurement_and_upstream_the_rest() {
    let mapping = mapping(&[simple("a"), simple("b"), simple("c")].join(","));
    let message = json("{'a': 1, 'b': null, 'c': 3, 'device': 'd', 'at': '2024-01-15'}");
    let safe = mapping.normalise(&message, Compat::Safe);
    assert_eq!(types(&safe), ["a", "c"]);
    assert_eq!(safe.faults.len(), 1);
    assert_eq!(safe.faults[0].template, 1);
    let upstream = mapping.normalise(&message, Compat::Medtech);
    assert_eq!(types(&upstream), ["a"]);
    assert_eq!(upstream.faults, safe.faults);
}

#[test]
fn each_match_is_one_measurement() {
    let mapping = mapping(CALCULATED);
    let safe = mapping.normalise(&json(BATCH), Compat::Safe);
    let told: Vec<_> = safe.measurements.iter().map(|m| serde_json::to_string(m).unwrap()).collect();
    let wire = |time: &str, properties: &str| {
        format!(
            r#"{{"Type":"bp","OccurrenceTimeUtc":"{time}","IngestionTimeUtc":null,"DeviceId":"d","PatientId":"7","EncounterId":null,"CorrelationId":null,"Properties":[{properties}]}}"#
        )
    };
    let first = wire("2024-01-15T10:20:30Z", r#"{"Name":"sys","Value":"120"},{"Name":"note","Value":""}"#);
    let last = wire("2024-01-15T08:22:30Z", r#"{"Name":"sys","Value":"130.5"}"#);
    assert_eq!(told, [first, last]);
    let [fault] = safe.faults.as_slice() else { panic!("{:?}", safe.faults) };
    let FaultKind::Required { why, .. } = &fault.kind else { panic!("{fault}") };
    assert_eq!(*why, Unusable::NotSingle("array"));
    assert_eq!(mapping.normalise(&json(BATCH), Compat::Medtech).measurements.len(), 1);
}

#[test]
fn a_bare_message_is_put_into_an_envelope_where_one_is_spoken_of() {
    let mapping = mapping(&[CALCULATED.to_owned(), simple("device")].join(","));
    let bare = mapping.normalise(&json(BATCH.replace("'list'", "'at': '2024-01-15', 'list'").as_str()), Compat::Safe);
    assert_eq!(types(&bare), ["bp", "bp", "device"]);
    let enveloped = json(&format!("{{'Body': {BATCH}, 'Properties': {{}}}}"));
    assert_eq!(mapping.normalise(&enveloped, Compat::Safe).measurements.len(), 2);
    let list = json("[{'device': 'd', 'at': '2024-01-15'}]");
    assert_eq!(types(&mapping.normalise(&list, Compat::Safe)), ["device"]);
}

#[test]
fn a_hub_message_takes_the_next_time_when_the_first_is_missing_or_unusable() {
    let hub = "{'templateType': 'IotJsonPathContentTemplate', 'template': {'typeName': 'hr',
        'typeMatchExpression': '$..[?(@Body.hr)]', 'values': [{'valueName': 'hr', 'valueExpression': '$.Body.hr'}]}}";
    let mapping = mapping(hub);
    let message = |created: &str| {
        json(&format!(
            "{{'Body': {{'hr': 60}}, 'Properties': {{'iothub-creation-time-utc': {created}}}, 'SystemProperties':
            {{'iothub-connection-device-id': 'd', 'iothub-enqueuedtime': '2024-01-15T10:20:30Z'}}}}"
        ))
    };
    for (created, minute) in [("'2024-01-15T10:19:30Z'", 19), ("null", 20), ("5", 20), ("'soon'", 20)] {
        let outcome = mapping.normalise(&message(created), Compat::Safe);
        let time = outcome.measurements[0].occurred_at.format("%M").to_string();
        assert_eq!(time, minute.to_string(), "{created}");
    }
}

#[rstest]
#[case(
    "'device': ' '",
    "Unable to extract required value for [DeviceIdExpression] using $.device: a null or empty value is found"
)]
#[case("'other': 1", "Unable to extract required value for [DeviceIdExpression] using $.device: nothing is found")]
#[case(
    "'device': 'd', 'at': 1705314030",
    "Unable to extract required value for [TimestampExpression] using $.at: 1705314030 is found, and that is not a date and time"
)]
#[case(
    "'device': 'd', 'at': {}",
    "Unable to extract required value for [TimestampExpression] using $.at: an object is found, and a single value is wanted"
)]
fn what_is_missing_is_told(#[case] members: &str, #[case] message: &str) {
    let outcome = mapping(&simple("a")).normalise(&json(&format!("{{'a': 1, {members}}}")), Compat::Safe);
    assert_eq!(outcome.faults[0].kind.to_string(), message);
    assert_eq!(outcome.faults[0].kind.class(), "IncompatibleDataException");
}

#[test]
fn an_expression_that_fails_is_told_even_for_an_optional_value() {
    let templates =
        CALCULATED.replace("'$.matchedToken.note'", "{'value': 'add(Body.device, `1`)', 'language': 'JmesPath'}");
    let outcome = mapping(&templates).normalise(&json(BATCH), Compat::Medtech);
    let told = outcome.faults[0].to_string();
    let kind = "[note] add(Body.device, `1`): the function add takes a number as argument 1, not string";
    assert_eq!(told, format!("template 1, \"bp\" at line 1, column 102 of the mapping: {kind}"));
}

#[test]
fn a_message_that_is_its_own_match_is_refused() {
    let message = json("{'Body': {}, 'matchedToken': 1}");
    let outcome = mapping(CALCULATED).normalise(&message, Compat::Safe);
    assert_eq!(outcome.faults[0].kind, FaultKind::MatchedToken);
}

#[test]
fn a_blank_match_fails_on_each_message() {
    let blank = simple("a").replace("'$..[?(@a)]'", "' '");
    let outcome = mapping(&blank).normalise(&json("{'a': 1}"), Compat::Safe);
    assert_eq!(outcome.faults[0].kind.to_string(), "An expression must be set for [TypeMatchExpression]");
}

#[test]
fn a_trace_tells_each_step() {
    let mapping = mapping(&[CALCULATED.to_owned(), simple("zz")].join(","));
    let trace = mapping.trace(&json(BATCH), Compat::Medtech);
    let [calculated, other] = trace.templates.as_slice() else { panic!() };
    assert!(calculated.tried && !other.tried);
    let made: Vec<_> = calculated.matches.iter().map(|m| (m.measurement.is_some(), m.fault.is_some())).collect();
    assert_eq!(made, [(true, false), (false, true)]);
    let fields = |m: &MatchTrace| m.expressions.iter().map(|e| e.field.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(fields(&calculated.matches[0]), "DeviceIdExpression TimestampExpression PatientIdExpression sys note");
    assert!(matches!(&calculated.matches[1].expressions[3].found, Found::Value(value) if value.to_string() == "[1]"));
    assert!(matches!(&mapping.trace(&json(BATCH), Compat::Safe).templates[1], t if t.tried && t.matches.is_empty()));
}

#[test]
fn all_that_is_wrong_is_told_with_its_place() {
    let text = "{\n  \"templateType\": \"collectioncontenttemplate\",\n  \"template\": [\n    {\"templateType\": \"JsonPathContent\", \"template\": {\n      \"typename\": 5,\n      \"typo\": 1,\n      \"typeMatchExpression\": \"$..[?(\",\n      \"deviceIdExpression\": {\"value\": \"$.d\"},\n      \"values\": [{\"valueName\": \"v\", \"valueExpression\": \"$.v\", \"required\": \"perhaps\"}]\n    }},\n    {\"templateType\": \"Other\"},\n    7,\n    {\"templateType\": \"CalculatedContent\", \"template\": {\"typeName\": \"t\", \"typeMatchExpression\": {\"value\": \"add(a)\", \"language\": \"jmespath\"}, \"deviceIdExpression\": \"\", \"timestampExpression\": {\"language\": \"Latin\", \"value\": \"$.t\"}}}\n  ]\n}";
    let loaded = DeviceMapping::load(text.as_bytes(), Arithmetic::Medtech);
    let told: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "line 6, column 13: Could not find member 'typo' on object of type 'JsonPathContent'.",
            "line 7, column 37: The following JsonPath expression could not be parsed: $..[?(. Cause: it ends too early, at character 7 of the JSONPath",
            "line 8, column 29: Error reading string for 'DeviceIdExpression': an object stands there.",
            "line 4, column 53: Required property 'TimestampExpression' not found in JSON.",
            "line 9, column 83: Could not convert to boolean for 'Required': \"perhaps\".",
            "line 11, column 5: No match found for template type 'Other'.",
            "line 12, column 5: Expected an object for 'TemplateContainer', not integer.",
            "line 13, column 113: The following JmesPath expression could not be parsed: add(a). Cause: the function add takes 2 arguments, not 1",
            "line 13, column 164: An expression must be set for [DeviceIdExpression].",
            "line 13, column 209: \"Latin\" is not a language of expressions; JsonPath and JmesPath are.",
        ]
    );
    assert!(loaded.mapping.templates().is_empty());
}

#[test]
fn templates_that_are_right_work_beside_wrong_ones() {
    let loaded = collection(&[simple("a"), "{'templateType': 'Other'}".to_owned(), simple("c")].join(","));
    assert_eq!(loaded.errors.count(), 1);
    let message = json("{'a': 1, 'c': 3, 'device': 'd', 'at': '2024-01-15'}");
    assert_eq!(types(&loaded.mapping.normalise(&message, Compat::Safe)), ["a", "c"]);
    assert!(loaded.sound().is_err());
}

#[test]
fn templates_and_measurements_are_bounded() {
    let many = vec![simple("a"); load::TEMPLATES_MAX + 1].join(",");
    let loaded = collection(&many);
    assert_eq!(loaded.mapping.templates().len(), load::TEMPLATES_MAX);
    assert_eq!(loaded.errors.count(), 1);
    let reading = "{'a': 1, 'device': 'd', 'at': '2024-01-15'},";
    let message = json(&format!("[{}]", reading.repeat(MEASUREMENTS_MAX + 1)));
    let outcome = mapping(&simple("a")).normalise(&message, Compat::Safe);
    assert_eq!(outcome.measurements.len(), MEASUREMENTS_MAX);
    assert_eq!(outcome.faults[0].kind, FaultKind::TooMany(MEASUREMENTS_MAX));
}

/// The bounds on work do not stand in the way of the longest message there can be.
#[rstest]
#[case(simple("v").replace("@v", "@v && @at && @device"))]
#[case(CALCULATED.replace("Body.list[?sys]", "to_array(Body)[?v && length(wave) > `2`]").replace("'true'", "'false'")
    .replace("matchedToken.at", "Body.at"))]
fn the_longest_message_is_taken(#[case] template: String) {
    let ends = "'v': 1, 'device': 'd', 'at': '2024-01-15'}";
    let samples = (crate::ingest::medtech::json::TEXT_MAX_BYTES - ends.len() - 16) / 2;
    let message = json(&format!("{{'wave': [{}], {ends}", "1,".repeat(samples)));
    let outcome = mapping(&template).normalise(&message, Compat::Safe);
    assert_eq!((outcome.measurements.len(), outcome.faults), (1, Vec::new()));
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("'2024-01-15T10:20:30Z'".to_owned()),
        Just("''".to_owned()),
        Just("[1]".to_owned()),
        Just("{'sys': 1, 'at': '2024-01-15'}".to_owned()),
        any::<i32>().prop_map(|n| n.to_string()),
        (-1e3..1e3).prop_map(|x: f64| format!("{x:?}")),
    ]
}

proptest! {
    /// Upstream's outcome is the beginning of the safe one, and a trace changes nothing.
    #[test]
    fn safe_keeps_all_that_upstream_keeps(
        values in prop::collection::vec(any_value(), 5), order in Just(vec!["a", "b", "c", "device", "at"]).prop_shuffle(),
    ) {
        let members: Vec<_> = order.iter().zip(&values).map(|(name, value)| format!("'{name}': {value}")).collect();
        let message = json(&format!("{{{}, 'list': [{}, {}]}}", members.join(","), values[0], values[1]));
        let mapping = mapping(&[simple("a"), CALCULATED.to_owned(), simple("b"), simple("c")].join(","));
        let (upstream, safe) = (mapping.normalise(&message, Compat::Medtech), mapping.normalise(&message, Compat::Safe));
        prop_assert!(safe.measurements.starts_with(&upstream.measurements));
        prop_assert_eq!(upstream.faults.first(), safe.faults.first());
        prop_assert!(upstream.faults.len() <= 1);
        for compat in [Compat::Medtech, Compat::Safe] {
            let trace = mapping.trace(&message, compat);
            prop_assert_eq!(&trace.normalised, &mapping.normalise(&message, compat));
            let matches = trace.templates.iter().flat_map(|t| &t.matches);
            let made: Vec<_> = matches.filter_map(|m| m.measurement.clone()).collect();
            prop_assert_eq!(made, trace.normalised.measurements);
        }
    }

    #[test]
    fn a_value_keeps_its_text(value in any::<i64>()) {
        let message = json(&format!("{{'a': {value}, 'device': {value}, 'at': '2024-01-15'}}"));
        let outcome = mapping(&simple("a")).normalise(&message, Compat::Safe);
        let text = value.to_string();
        prop_assert_eq!(&outcome.measurements[0].device_id, &text);
        prop_assert_eq!(&outcome.measurements[0].properties, &[Property { name: "v".into(), value: text }]);
    }
}
