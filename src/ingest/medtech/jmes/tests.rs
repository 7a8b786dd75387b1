use super::*;
use proptest::prelude::*;
use rstest::rstest;

fn json(text: &str) -> Json {
    Json::read(text.as_bytes()).unwrap()
}

fn one(expression: &str, text: &str) -> String {
    let path = JmesPath::parse(expression, Arithmetic::Medtech).unwrap();
    path.select_one(&json(text)).map_or_else(|f| format!("! {f}"), |v| v.map_or_else(String::new, |v| v.to_string()))
}

#[rstest]
#[case("a.b.c", r#"{"a":{"b":{"c":5}}}"#, "5")]
#[case("@.a", r#"{"a":1.0}"#, "1.0")]
#[case("a.missing", r#"{"a":{}}"#, "")]
#[case("a[0] ", r#"{"a":[7,8]}"#, "7")]
#[case("a[-1]", r#"{"a":[7,8]}"#, "8")]
#[case("a[-3]", r#"{"a":[7,8]}"#, "")]
#[case("a[1:] | @", r#"{"a":[7,8,9]}"#, "[8,9]")]
#[case("a[::-1] | @", r#"{"a":[7,8,9]}"#, "[9,8,7]")]
#[case("a[:-1] | @", r#"{"a":[7,8,9]}"#, "[7,8]")]
#[case("a[?b > `1`].b | [0]", r#"{"a":[{"b":1},{"b":2},{"b":3}]}"#, "2")]
#[case("a[?b == 'x' && !c] | [0].b", r#"{"a":[{"b":"x","c":true},{"b":"x"}]}"#, "\"x\"")]
#[case("*.v | @", r#"{"z":{"v":1},"a":{"v":2}}"#, "[1,2]")]
#[case("a[].b | @", r#"{"a":[[{"b":1}],{"b":2}]}"#, "[1,2]")]
#[case("{x: a, y: [a, b]}", r#"{"a":1,"b":null}"#, r#"{"x":1,"y":[1,null]}"#)]
#[case("a || b", r#"{"a":"","b":2}"#, "2")]
#[case("a < 'x'", r#"{"a":1}"#, "")]
#[case("a == `1`", r#"{"a":1.0}"#, "true")]
#[case("a == `[1, {\"b\": 2}]`", r#"{"a":[1,{"b":2}]}"#, "true")]
#[case("@", "5", "5")]
fn expressions_of_the_specification(#[case] expression: &str, #[case] text: &str, #[case] value: &str) {
    assert_eq!(one(expression, text), value);
}

#[rstest]
#[case("abs(a)", r#"{"a":-5}"#, "5")]
#[case("avg(a)", r#"{"a":[1,2]}"#, "1.5")]
#[case("avg(a)", r#"{"a":[]}"#, "")]
#[case("ceil(a)", r#"{"a":1.2}"#, "2.0")]
#[case("floor(a)", r#"{"a":7}"#, "7")]
#[case("sum(a)", r#"{"a":[1,2]}"#, "3")]
#[case("sum(a)", r#"{"a":[1,0.5]}"#, "1.5")]
#[case("contains(a, 'bc')", r#"{"a":"abcd"}"#, "true")]
#[case("contains(a, `2`)", r#"{"a":[1,2]}"#, "true")]
#[case("[starts_with(a, 'ab'), ends_with(a, 'ab')]", r#"{"a":"abc"}"#, "[true,false]")]
#[case("join('-', a)", r#"{"a":["x","y"]}"#, "\"x-y\"")]
#[case("keys(@)", r#"{"z":1,"a":2}"#, r#"["z","a"]"#)]
#[case("values(@)", r#"{"z":1,"a":2}"#, "[1,2]")]
#[case("items(@)", r#"{"z":1}"#, r#"[["z",1]]"#)]
#[case("to_object(items(@))", r#"{"z":1,"a":[2]}"#, r#"{"z":1,"a":[2]}"#)]
#[case("zip(a, b)", r#"{"a":[1,2],"b":["x","y","z"]}"#, r#"[[1,"x"],[2,"y"]]"#)]
#[case("let({d: device}, &a[0].[d, v]) ", r#"{"device":"x","a":[{"v":1}]}"#, r#"["x",1]"#)]
#[case("length(a)", r#"{"a":"aé😀"}"#, "3")]
#[case("map(&v, a)", r#"{"a":[{"v":1},{}]}"#, "[1,null]")]
#[case("max(a)", r#"{"a":[1,3.5,2]}"#, "3.5")]
#[case("min(a)", r#"{"a":["b","a"]}"#, "\"a\"")]
#[case("max_by(a, &v).n", r#"{"a":[{"v":1,"n":"x"},{"v":2,"n":"y"}]}"#, "\"y\"")]
#[case("min_by(a, &v)", r#"{"a":[]}"#, "")]
#[case("sort_by(a, &v)[*].n | @", r#"{"a":[{"v":2,"n":"x"},{"v":1,"n":"y"}]}"#, r#"["y","x"]"#)]
#[case("sort(a)", r#"{"a":[3,1,2.5]}"#, "[1,2.5,3]")]
#[case("merge(a, `{\"y\": 3}`)", r#"{"a":{"x":1,"y":2}}"#, r#"{"x":1,"y":3}"#)]
#[case("not_null(a, b)", r#"{"a":null,"b":false}"#, "false")]
#[case("reverse(a)", r#"{"a":"abc"}"#, "\"cba\"")]
#[case("to_array(a)", r#"{"a":1}"#, "[1]")]
#[case("[to_number('60'), to_number('1.5'), to_number('x'), to_number(a)]", r#"{"a":2}"#, "[60,1.5,null,2]")]
#[case("[to_string(a), to_string('x')]", r#"{"a":[1, 2.0]}"#, r#"["[1,2.0]","x"]"#)]
#[case("[type(a), type(`1`), type(`null`)]", r#"{"a":{}}"#, r#"["object","number","null"]"#)]
fn functions_of_the_specification(#[case] expression: &str, #[case] text: &str, #[case] value: &str) {
    assert_eq!(one(expression, text), value);
}

#[rstest]
#[case("divide(a, b)", r#"{"a":40,"b":50}"#, "0", "0.8")]
#[case("divide(a, b)", r#"{"a":100,"b":25}"#, "4", "4")]
#[case("divide(a, b)", r#"{"a":-7,"b":2}"#, "-3", "-3.5")]
#[case("divide(a, b)", r#"{"a":1,"b":0}"#, "! a division by 0", "! a division by 0")]
#[case("divide(a, b)", r#"{"a":1.0,"b":0}"#, "null", "! a division by 0")]
#[case(
    "add(a, `1`)",
    r#"{"a":9223372036854775807}"#,
    "-9223372036854775808",
    "! the result of add is too large for a number"
)]
#[case("multiply(a, a)", r#"{"a":4611686018427387904}"#, "0", "! the result of multiply is too large for a number")]
#[case(
    "pow(a, `10`)",
    r#"{"a":9223372036854775807}"#,
    "! the result of pow is too large for a number",
    "! the result of pow is too large for a number"
)]
#[case("pow(a, `-1`)", r#"{"a":4}"#, "0", "0.25")]
#[case("multiply(a, `0.0254`)", r#"{"a":78}"#, "1.9811999999999999", "1.9811999999999999")]
#[case("fromUnixTimestampMs(a)", r#"{"a":1626799080500}"#, "\"2021-07-20T16:38:00.5Z\"", "\"2021-07-20T16:38:00.5Z\"")]
fn both_arithmetics(#[case] expression: &str, #[case] text: &str, #[case] medtech: &str, #[case] documented: &str) {
    let value = |arithmetic| {
        let path = JmesPath::parse(expression, arithmetic).unwrap();
        path.select_one(&json(text)).map_or_else(|f| format!("! {f}"), |v| v.unwrap().to_string())
    };
    assert_eq!(value(Arithmetic::Medtech), medtech);
    assert_eq!(value(Arithmetic::Documented), documented);
}

#[rstest]
#[case("add(a, b)", r#"{"a":"5","b":1}"#, "! the function add takes a number as argument 1, not string")]
#[case("insertString(a, 'x', `4`)", r#"{"a":"abc"}"#, "! insertString cannot insert at 4: the text has 3 characters")]
#[case("insertString(a, 'x', `1`)", r#"{"a":"éb"}"#, "\"éxb\"")]
#[case(
    "fromUnixTimestamp(a)",
    r#"{"a":1.5}"#,
    "! the function fromUnixTimestamp takes a whole number as argument 1, not number"
)]
#[case(
    "sort(a)",
    r#"{"a":[1,"x"]}"#,
    "! the function sort takes an array of only strings or only numbers as argument 1, not something else"
)]
#[case("a[*]", r#"{"a":[1,2]}"#, "! the expression finds more than one value where one is wanted")]
fn what_goes_wrong_is_told(#[case] expression: &str, #[case] text: &str, #[case] fault: &str) {
    assert_eq!(one(expression, text), fault);
}

#[rstest]
#[case("a", r#"{"a":[1,2]}"#, "[1,2]")]
#[case("a[*]", r#"{"a":[1,null,2]}"#, "1 2")]
#[case("a[*] | @", r#"{"a":[1,2]}"#, "[1,2]")]
#[case("Body[?v]", r#"{"Body":[{"v":1},{"w":2}]}"#, "{\"v\":1}")]
#[case("to_array(@.Body) | [?d && starts_with(d, 'x')].data[] ", r#"{"Body":{"d":"xy","data":[1,2]}}"#, "1 2")]
#[case("b.*", r#"{"b":{"y":1,"x":2}}"#, "1 2")]
#[case("b[0:2].v", r#"{"b":[{"v":1},{"v":2},{"v":3}]}"#, "1 2")]
#[case("a[*].b[*]", r#"{"a":[{"b":[1,2]},{"b":[3]}]}"#, "[1,2] [3]")]
#[case("missing[*]", "{}", "")]
#[case("missing", "{}", "")]
fn only_a_projection_fans_out(#[case] expression: &str, #[case] text: &str, #[case] values: &str) {
    let path = JmesPath::parse(expression, Arithmetic::Medtech).unwrap();
    let found: Vec<_> = path.select_many(&json(text)).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found.join(" "), values);
}

#[rstest]
#[case("add(a)", "the function add takes 2 arguments, not 1")]
#[case("add(a, b, c)", "the function add takes 2 arguments, not 3")]
#[case("merge()", "the function merge takes at least 1 argument, not 0")]
#[case("length()", "the function length takes 1 argument, not 0")]
#[case("plus(a, b)", "the JMESPath calls \"plus\", and there is no such function")]
#[case("map(a, b)", "an expression reference (&…) stands only where a function takes one")]
#[case("abs(&a)", "an expression reference (&…) stands only where a function takes one")]
#[case("a[::0]", "the JMESPath has a slice with step 0")]
fn calls_are_checked_before_any_message_comes(#[case] expression: &str, #[case] error: &str) {
    assert_eq!(JmesPath::parse(expression, Arithmetic::Medtech).unwrap_err().to_string(), error);
}

#[rstest]
#[case("add(left, right")]
#[case("[Body][?contains(keys(@), `heartRate`)] | @[0]")]
#[case("a b")]
#[case("")]
fn what_cannot_be_read_is_refused(#[case] expression: &str) {
    assert!(matches!(JmesPath::parse(expression, Arithmetic::Medtech), Err(JmesError::Syntax(_))));
}

#[test]
fn depth_length_and_work_are_bounded() {
    let parse = |text: &str| JmesPath::parse(text, Arithmetic::Medtech);
    assert_eq!(parse(&"a".repeat(EXPRESSION_MAX_BYTES + 1)).unwrap_err(), JmesError::TooLong);
    assert_eq!(parse(&"(".repeat(NESTING_MARKS_MAX + 1)).unwrap_err(), JmesError::TooDeep);
    assert_eq!(parse(&format!("{}a", "!".repeat(DEPTH_MAX + 1))).unwrap_err(), JmesError::TooDeep);
    assert_eq!(parse(&vec!["a"; DEPTH_MAX * 3].join(".")).unwrap_err(), JmesError::TooDeep);
    assert!(parse(&format!("'{}'", "(".repeat(NESTING_MARKS_MAX + 1))).is_ok());
    for doubling in ["[@,@]", "{a: @, b: @}", "join('', [@,@])", "insertString(@, @, `0`)", "to_string([@,@])"] {
        let expression = vec![doubling; 40].join("|");
        assert_eq!(parse(&expression).unwrap().select_one(&json("'x'")), Err(JmesFault::TooMuch), "{doubling}");
    }
    let long = json(&format!("{{'a': [{}]}}", "1,".repeat(50_000)));
    for slow in ["map(&contains(a, `2`), a)", "let({l: a}, &a[?l == l])", "a[?length(to_array(@)) == `2`]"] {
        let within = parse(&format!("let({{a: a}}, &{slow})")).unwrap().select_one(&long);
        assert_eq!(within.is_err(), !slow.starts_with("a["), "{slow}");
    }
}

proptest! {
    #[test]
    fn no_expression_breaks_it(expression in "[a-c@.\\[\\]()?*'`0-2:,=<>!&|{} -]{0,30}") {
        if let Ok(path) = JmesPath::parse(&expression, Arithmetic::Medtech) {
            let message = json(r#"{"a":[{"b":1},{"b":[2]}],"b":{"c":"x"},"c":0}"#);
            let _ = path.select_one(&message);
            let _ = path.select_many(&message);
        }
    }
}
