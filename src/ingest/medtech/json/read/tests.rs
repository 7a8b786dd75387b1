use super::*;
use proptest::prelude::*;
use rstest::rstest;

fn json(text: &str) -> Json {
    Json::read(text.as_bytes()).unwrap()
}

#[rstest]
#[case("{\"a\": 1, // one\n 'b': [1, 2, ], /* two */ c: 'x',}", r#"{"a":1,"b":[1,2],"c":"x"}"#)]
#[case("\u{feff}[null, undefined, true]", "[null,null,true]")]
#[case("[1, 1.0, 1e2, -3, .5, 97.50]", "[1,1.0,100.0,-3,0.5,97.5]")]
#[case("[18446744073709551615]", "[18446744073709551615]")]
#[case(r#"["\u00e9\ud83d\ude00\ud83d x\n'", 'it\'s "']"#, "[\"é😀\u{fffd} x\\n'\",\"it's \\\"\"]")]
#[case("{\"z\":1,\"a\":2,\"z\":3}", r#"{"z":3,"a":2}"#)]
#[case("// nothing\n 5 // more", "5")]
fn reads_what_upstream_reads(#[case] text: &str, #[case] printed: &str) {
    assert_eq!(json(text).to_string(), printed);
}

#[rstest]
#[case("", "line 1, column 0: the text ends where a value is wanted")]
#[case("{\n  \"templateType\":\n}\n", "line 3, column 0: '}' stands where a value is wanted")]
#[case("{\"a\" 1}", "line 1, column 5: '1' stands where a colon is wanted")]
#[case("[1 2]", "line 1, column 3: '2' stands where a comma or ] is wanted")]
#[case("[1,,2]", "line 1, column 3: ',' stands where a value is wanted")]
#[case("[072]", "line 1, column 4: \"072\" is not a number; a whole number has no leading zero")]
#[case("[0x10]", "line 1, column 5: \"0x10\" is not a number; a whole number has no leading zero")]
#[case("[1e999]", "line 1, column 6: \"1e999\" is not a number; a whole number has no leading zero")]
#[case("nil", "line 1, column 3: \"nil\" is not a value; texts need quotes")]
#[case("'abc", "line 1, column 4: the text ends where the quote that ends a text is wanted")]
#[case("{} {}", "line 1, column 3: '{' stands where the end is wanted")]
#[case("/* a", "line 1, column 4: the text ends where the end of a comment, */, is wanted")]
fn tells_what_is_wrong_and_where(#[case] text: &str, #[case] error: &str) {
    assert_eq!(Json::read(text.as_bytes()).unwrap_err().to_string(), error);
}

#[test]
fn places_are_counted_as_upstream_counts_them() {
    let text = "{\n  \"a\": \"é\",\n  \"b\": {\n    \"c\": [\n      1\n    ]\n  }\n}";
    let json = json(text);
    let at = |line, column| Position { line, column };
    assert_eq!(json.at, at(1, 1));
    let a = json.member("A").unwrap();
    assert_eq!((a.at, a.value.at), (at(2, 6), at(2, 10)));
    let b = json.get("b").unwrap();
    assert_eq!(b.at, at(3, 8));
    assert_eq!(b.get("c").unwrap().at, at(4, 10));
    assert_eq!(b.get("c").unwrap().as_array().unwrap()[0].at, at(5, 7));
}

#[test]
fn a_name_in_its_own_case_comes_first() {
    let json = json(r#"{"Hr": 1, "hr": 2}"#);
    assert_eq!(json.member("hr").unwrap().value, Json::of(JsonValue::Integer(2)));
    assert_eq!(json.member("HR").unwrap().value, Json::of(JsonValue::Integer(1)));
    assert!(json.get("HR").is_none());
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Json::read(nested(DEPTH_MAX).as_bytes()).is_ok());
    let too_deep = Json::read(nested(DEPTH_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!(too_deep.fault, JsonFault::TooDeep);
    let too_long = Json::read(" ".repeat(TEXT_MAX_BYTES + 1).as_bytes()).unwrap_err();
    assert_eq!(too_long.fault, JsonFault::TooLong);
}

#[test]
fn many_members_keep_the_last_of_a_name() {
    let members: Vec<_> = (0..100).map(|i| format!("\"m{}\":{i}", i % 60)).collect();
    let json = json(&format!("{{{}}}", members.join(",")));
    let list = json.as_object().unwrap();
    assert_eq!(list.len(), 60);
    assert_eq!(list[7].value, Json::of(JsonValue::Integer(67)));
    assert_eq!(list[45].value, Json::of(JsonValue::Integer(45)));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e12..1e12).prop_map(|x: f64| x.into()),
        ".{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map(".{0,6}", inner, 0..5)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn strict_json_is_read_as_it_is(value in any_json()) {
        let read = json(&value.to_string());
        prop_assert_eq!(read.to_string(), value.to_string());
        prop_assert_eq!(Json::from(&value), read);
    }

    #[test]
    fn nothing_makes_the_reader_fail_badly(text in "[\\[\\]{}:,'\"/*\\\\u0-9a-f. \n-]{0,60}") {
        if let Err(error) = Json::read(text.as_bytes()) {
            prop_assert!(error.at.line >= 1);
        }
    }
}
