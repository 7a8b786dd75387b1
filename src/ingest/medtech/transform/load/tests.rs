use super::*;
use crate::{
    domain::VitalTable,
    ingest::medtech::{
        lint::{LintRules, Severity, lint},
        transform::TransformFault,
    },
};
use proptest::prelude::*;

fn load(text: &str) -> (FhirMapping, String) {
    let (mapping, errors) = FhirMapping::load(text.as_bytes());
    (mapping, errors.to_string())
}

#[test]
fn everything_that_a_template_can_say_is_taken() {
    let (mapping, errors) = load(
        r#"{ // as people write it
          'templateType': 'collectionFhirTemplate',
          "template": [{"TemplateType": "CODEVALUEFHIR", "Template": {
            "TypeName": "Vitals", "periodInterval": "daily", "codes": [{"code": "1", "system": "s", "display": "d"}],
            "category": [{"text": "c", "codes": []}, {"text": "n"}],
            "value": {"valueType": "STRING", "valueName": "a", "unknown": 1},
            "components": [
              {"codes": [], "value": {"valueType": "sampleddata", "valueName": "b", "defaultPeriod": 2.50, "unit": "u"}},
              {"codes": [], "value": {"valueType": "Quantity", "valueName": "c", "unit": "u", "code": "k", "system": "y"}},
              {"codes": [], "value": {"valueType": "CodeableConcept", "valueName": "d", "text": "t",
                                      "codes": [{"code": "2", "unknown": 1}]}},
            ],
          }}],
        }"#,
    );
    assert_eq!(errors, "");
    let template = mapping.get("vItAlS").unwrap();
    assert_eq!(template.period, PeriodInterval::Daily);
    assert_eq!(template.category.len(), 2);
    assert_eq!(template.value_names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    let kinds: Vec<&str> = template.values().map(|v| v.kind.as_str()).collect();
    assert_eq!(kinds, ["String", "SampledData", "Quantity", "CodeableConcept"]);
    let missing = TransformFault::TemplateNotFound { type_name: "other".into() };
    assert_eq!(mapping.get("other"), Err(missing));
}

#[test]
fn all_faults_are_told_with_their_places_and_what_is_sound_is_kept() {
    let (mapping, errors) = load(
        r#"{"templateType": "CollectionFhir", "template": [
  {"templateType": "CodeValueFhir", "template": {"typeName": "good", "codes": []}},
  {"templateType": "CodeValueFhir", "template": {"typeName": "GOOD", "codes": []}},
  {"templateType": "CodeValueFhir", "template": {"typeName": " ", "codes": []}},
  {"templateType": "CodeValueFhir", "template": {"codes": null, "colour": 1}},
  {"templateType": "CodeValueFhir", "template": {"typeName": "a", "codes": [{"kode": "1"}], "periodInterval": "weekly"}},
  {"templateType": "CodeValueFhir", "template": {"typeName": "b", "codes": [], "value": {"valueName": "x"}}},
  {"templateType": "CodeValueFhir", "template": {"typeName": "c", "codes": [], "value": {"valueType": "Range"}}},
  {"templateType": "CodeValueFhir", "template": {"typeName": "d", "codes": {}, "components": [{"value": 1}]}},
  {"templateType": "CodeValueFhir", "template": {"typeName": "e", "codes": [],
    "value": {"valueType": "SampledData", "defaultPeriod": "often"}}},
  {"templateType": "CodeValueFhir", "template": []},
  {"templateType": "Other", "template": {}},
  7
]}"#,
    );
    insta::assert_snapshot!(errors);
    assert_eq!(mapping.iter().map(|t| t.type_name.as_str()).collect::<Vec<_>>(), ["good"]);
}

#[test]
fn another_file_is_told_apart() {
    for (text, says) in [
        ("", "line"),
        ("[]", "Expected an object for 'CollectionFhirTemplate', not array."),
        ("{}", "Expected TemplateType value CollectionFhirTemplate, actual Not Found."),
        (r#"{"templateType": "CollectionContent", "template": []}"#, "actual CollectionContent."),
        (r#"{"templateType": "CollectionFhir"}"#, "There is no template property"),
        (r#"{"templateType": "CollectionFhir", "template": {}}"#, "Expected an array for the template property"),
    ] {
        let (_, errors) = load(text);
        assert!(errors.contains(says), "{text}: {errors}");
    }
}

proptest! {
    /// A mapping that was cut, doubled or scribbled into loads or says why not, and what it loads can be looked at.
    #[test]
    fn no_text_makes_it_panic(cut in 0_usize..900, scribble in "[\\[\\]{}\",:0-9a-z]{0,6}", junk in "\\PC{0,60}") {
        let sound = include_str!("../../../../../fixtures/mapping/monitor.fhir.json");
        let (head, tail) = sound.split_at(cut.min(sound.len()));
        let vitals = VitalTable::builtin();
        for text in [junk, format!("{head}{scribble}{tail}"), head.to_owned()] {
            let loaded = FhirMapping::load(text.as_bytes());
            let findings = lint(None, Some(&loaded), LintRules { identity: None, vitals: &vitals });
            prop_assert!(loaded.1.is_empty() || findings.count(Severity::Error) > 0);
        }
    }
}
