use super::*;
use proptest::prelude::*;
use rstest::rstest;

const MESSAGE: &str = r#"{
  "hr": 60, "none": null, "off": false, "text": "90", "My Name": "x", "a-b": 7, "when": "2024-01-15T10:20:30.1230Z",
  "list": [{"v": 1, "k": "a"}, {"v": 2.0, "k": "b"}, {"k": "Bc"}],
  "deep": {"list": [{"v": 3}], "hr": 61}, "$odd": 8
}"#;

fn many(path: &str, text: &str) -> String {
    let json = Json::read(text.as_bytes()).unwrap();
    let found: Vec<_> =
        JsonPath::parse(path).unwrap().select_many(&json).unwrap().iter().map(ToString::to_string).collect();
    found.join(" ")
}

#[rstest]
#[case("$.hr", "60")]
#[case("hr", "60")]
#[case("$.none", "null")]
#[case("$.missing", "")]
#[case("$.['My Name']", "\"x\"")]
#[case("$['hr','a-b','no']", "60 7")]
#[case("$.a-b", "7")]
#[case("$odd", "8")]
#[case("$.list[0].v", "1")]
#[case("$.list[9].v", "")]
#[case("$.list[0,2].k", "\"a\" \"Bc\"")]
#[case("$.list[*].k", "\"a\" \"b\" \"Bc\"")]
#[case("$.list.*", "")]
#[case("$.deep.*", "[{\"v\":3}] 61")]
#[case("$.list[1:].k", "\"b\" \"Bc\"")]
#[case("$.list[-1:].k", "\"Bc\"")]
#[case("$.list[::-1].k", "\"Bc\" \"b\" \"a\"")]
#[case("$.list[0:3:2].k", "\"a\" \"Bc\"")]
#[case("$.list[ 1 : 2 ].k", "\"b\"")]
#[case("$..v", "1 2.0 3")]
#[case("$..['v','hr']", "60 1 2.0 3 61")]
#[case("$.list[?(@.v)].k", "\"a\" \"b\"")]
#[case("$.list[?(@v > 1.5 )].k", "\"b\"")]
#[case("$.list[?(@.k =~ /^b/i)].k", "\"b\" \"Bc\"")]
#[case("$.list[?(@.k == 'a' || @.v == 2)].v", "1 2.0")]
#[case("$.list[?('a' == @.k)].v", "1")]
#[case("$.list[?(@.v != 1)].k", "\"b\"")]
#[case("$.list[?(@.v === 2)].k", "\"b\"")]
#[case("$.list[?(@.v == $.list[0].v)].k", "\"a\"")]
#[case("$.deep[?(@.hr)]", "")]
#[case("$..[?(@.hr == 61)].hr", "61")]
#[case("$..[?(@none)].hr", "60")]
#[case("$..[?(@off == false)].hr", "60")]
#[case("$..[?(@.none == null)].hr", "60")]
#[case("$..[?(@.text > 80)].hr", "60")]
#[case("$..[?(@.text == 90)].hr", "")]
#[case("$..[?(@.when == '2024-01-15T10:20:30.123Z')].hr", "60")]
#[case("$..[?(@.when > '2024-01-15')].hr", "60")]
fn paths_find_what_upstream_finds(#[case] path: &str, #[case] found: &str) {
    assert_eq!(many(path, MESSAGE), found);
}

#[test]
fn conditions_nest_to_the_right() {
    let list = r#"{"list":[{"a":1,"c":1},{"c":1},{"a":1},{"a":1,"b":1},{"b":1,"c":1}]}"#;
    assert_eq!(many("$..[?(@a && @b || @c)]", list), "{\"a\":1,\"c\":1} {\"a\":1,\"b\":1}");
    assert_eq!(many("$..[?(@a || @b && @c)]", list).split(' ').count(), 4);
}

#[test]
fn the_start_itself_is_tried_first() {
    assert_eq!(many("$..[?(@a)]", r#"{"a":1,"n":{"a":2}}"#), "{\"a\":1,\"n\":{\"a\":2}} {\"a\":2}");
    assert_eq!(many("$", "{}"), "{}");
    assert_eq!(many("", "5"), "5");
}

#[test]
fn one_value_is_one() {
    let json = Json::read(MESSAGE.as_bytes()).unwrap();
    let one = |path: &str| JsonPath::parse(path).unwrap().select_one(&json).map(|found| found.map(ToString::to_string));
    assert_eq!(one("$.hr"), Ok(Some("60".to_owned())));
    assert_eq!(one("$.nothing"), Ok(None));
    assert_eq!(one("$..v"), Err(PathFault::Multiple));
    assert_eq!(one("$.list[-1]"), Err(PathFault::NegativeIndex(-1)));
    assert_eq!(one("$..[?(@.k > 5)]"), Err(PathFault::NotComparable("\"a\"".to_owned(), "whole number")));
}

#[rstest]
#[case("$.", "a name is missing after the dot, at character 3 of the JSONPath")]
#[case("$.a b", "unexpected 'b', at character 5 of the JSONPath")]
#[case("$.a[", "a bracket is left open, at character 5 of the JSONPath")]
#[case("$.a[x]", "\"x\" is not an index, at character 6 of the JSONPath")]
#[case("$.a[0]b", "unexpected 'b', at character 7 of the JSONPath")]
#[case("$.a['b]", "a text is left open, at character 8 of the JSONPath")]
#[case("$..[?(@a", "a filter is left open, at character 9 of the JSONPath")]
#[case("$..[?(@a)", "it ends too early, at character 10 of the JSONPath")]
#[case("$..[?@a]", "unexpected '@', at character 6 of the JSONPath")]
#[case("$..[?((@a))]", "unexpected '(', at character 7 of the JSONPath")]
#[case("$.a[::0]", "a step of 0, at character 8 of the JSONPath")]
#[case("$..[?(@a == 5&&@b)]", "\"5&&@b\" is not a number; put a blank after a number, at character 18 of the JSONPath")]
#[case("$..[?(@a =~ /(/)]", "the pattern is not one that wardwatch can search for, at character 16 of the JSONPath")]
fn what_is_no_path_is_told(#[case] path: &str, #[case] error: &str) {
    assert_eq!(JsonPath::parse(path).unwrap_err().to_string(), error);
}

#[test]
fn lengths_and_work_are_bounded() {
    assert!(JsonPath::parse(&"a".repeat(PATH_MAX_CHARS + 1)).is_err());
    assert!(JsonPath::parse(&".a".repeat(STEPS_MAX * 2)).is_err());
    let nested = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    let json = Json::read(nested.as_bytes()).unwrap();
    let path = JsonPath::parse("$..*..*..*..*..*..*").unwrap();
    assert_eq!(path.select_many(&json), Err(PathFault::TooMuch));
    let broad = Json::read(format!("[{}]", "1,".repeat(5_000)).as_bytes()).unwrap();
    let pairs = JsonPath::parse("$..[?(@[*] == $[?(@ > 1 )])]").unwrap();
    assert_eq!(pairs.select_many(&broad).map(|found| found.len()), Ok(0));
    let pairs = JsonPath::parse("$..[?($[*] > $[*])]").unwrap();
    assert_eq!(pairs.select_many(&broad), Err(PathFault::TooMuch));
}

proptest! {
    #[test]
    fn no_expression_breaks_the_parser(path in "[$@.\\[\\]()?*'a-c0-2:,=<>!&|/~ -]{0,30}") {
        if let Ok(path) = JsonPath::parse(&path) {
            let json = Json::read(MESSAGE.as_bytes()).unwrap();
            let _ = path.select_many(&json);
        }
    }
}
