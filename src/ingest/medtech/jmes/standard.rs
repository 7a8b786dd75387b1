//! The functions of the JMESPath specification, and `items`, `let`, `to_object` and `zip`.

use super::{
    JmesFault,
    compile::Node,
    eval::Context,
    functions::Args,
    value::{Number, Value},
};
use crate::ingest::medtech::json::{JsonValue, Member, Position};
use std::cmp::Ordering;

type Outcome<'a> = Result<Value<'a>, JmesFault>;

const NUMBERS: &str = "an array of numbers";
const TEXTS_OR_NUMBERS: &str = "an array of only strings or only numbers";

fn number(function: &'static str, values: &[Value<'_>]) -> Result<Number, JmesFault> {
    Args { function, values }.get(0, "a number", Value::as_number)
}

fn numbers(function: &'static str, values: &[Value<'_>]) -> Result<Vec<Number>, JmesFault> {
    let args = Args { function, values };
    args.get(0, NUMBERS, |value| value.items()?.iter().map(Value::as_number).collect())
}

pub(super) fn abs<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    Ok(match number("abs", values)? {
        Number::Whole(n) => Number::Whole(n.checked_abs().ok_or(JmesFault::Overflow("abs"))?),
        Number::Float(x) => Number::Float(x.abs()),
    }
    .value())
}

#[expect(clippy::cast_precision_loss, reason = "an array has far fewer items than 2^53")]
pub(super) fn avg<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let numbers = numbers("avg", values)?;
    if numbers.is_empty() {
        return Ok(Value::null());
    }
    let sum: f64 = numbers.iter().map(|n| n.float()).sum();
    Ok(Number::Float(sum / numbers.len() as f64).value())
}

pub(super) fn ceil<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    Ok(match number("ceil", values)? {
        Number::Float(x) => Number::Float(x.ceil()),
        whole => whole,
    }
    .value())
}

pub(super) fn floor<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    Ok(match number("floor", values)? {
        Number::Float(x) => Number::Float(x.floor()),
        whole => whole,
    }
    .value())
}

pub(super) fn sum<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let numbers = numbers("sum", values)?;
    let whole = numbers.iter().try_fold(0_i64, |sum, n| match n {
        Number::Whole(n) => sum.checked_add(*n),
        Number::Float(_) => None,
    });
    Ok(whole.map_or_else(|| Number::Float(numbers.iter().map(|n| n.float()).sum()), Number::Whole).value())
}

pub(super) fn contains<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "contains", values };
    let wanted = args.value(1);
    if let Some(text) = args.value(0).as_text() {
        return Ok(Value::bool(wanted.as_text().is_some_and(|part| text.contains(part))));
    }
    for item in args.get(0, "a string or an array", Value::items)? {
        if context.equals(&item, &wanted)? {
            return Ok(Value::bool(true));
        }
    }
    Ok(Value::bool(false))
}

pub(super) fn starts_with<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "starts_with", values };
    Ok(Value::bool(args.text(0)?.starts_with(&args.text(1)?)))
}

pub(super) fn ends_with<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "ends_with", values };
    Ok(Value::bool(args.text(0)?.ends_with(&args.text(1)?)))
}

pub(super) fn join<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "join", values };
    let glue = args.text(0)?;
    let items = args.get(1, "an array of strings", |value| {
        value.items().filter(|items| items.iter().all(|item| item.as_text().is_some()))
    })?;
    for item in &items {
        context.work(args.value(0).breadth().saturating_add(item.breadth()))?;
    }
    let texts: Vec<&str> = items.iter().filter_map(Value::as_text).collect();
    Ok(Value::text(texts.join(&glue)))
}

pub(super) fn keys<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "keys", values };
    let names = args.get(0, "an object", |value| {
        Some(value.as_members()?.iter().map(|m| Value::text(m.name.as_str())).collect())
    })?;
    Ok(Value::list(names))
}

pub(super) fn values<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    Args { function: "values", values }.get(0, "an object", Value::member_values).map(Value::list)
}

/// Pairs of name and value.
pub(super) fn items<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "items", values };
    let pairs = args.get(0, "an object", |value| {
        let names = value.as_members()?.iter().map(|m| Value::text(m.name.as_str()));
        Some(names.zip(value.member_values()?).map(|(name, value)| Value::list(vec![name, value])).collect())
    })?;
    Ok(Value::list(pairs))
}

pub(super) fn to_object<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "to_object", values };
    let mut members: Vec<Member> = Vec::new();
    for pair in args.array(0)? {
        let pair = pair.items().unwrap_or_default();
        let (Some(name), Some(value), 2) = (pair.first().and_then(Value::as_text), pair.get(1), pair.len()) else {
            return Err(args.refuse(0, "an array of pairs of name and value"));
        };
        put(&mut members, name, value, context)?;
    }
    Ok(Value::new(JsonValue::Object(members)))
}

fn put<'a>(
    members: &mut Vec<Member>,
    name: &str,
    value: &Value<'a>,
    context: &mut Context<'a>,
) -> Result<(), JmesFault> {
    // To find the name is work too.
    context.work(members.len())?;
    let value = context.own(value)?;
    match members.iter_mut().find(|m| m.name == name) {
        Some(member) => member.value = value,
        None => members.push(Member { name: name.to_owned(), at: Position::default(), value }),
    }
    Ok(())
}

pub(super) fn merge<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "merge", values };
    let mut members: Vec<Member> = Vec::new();
    for (i, value) in values.iter().enumerate() {
        let object = value.as_members().ok_or_else(|| args.refuse(i, "an object"))?;
        for member in object {
            put(&mut members, &member.name, &Value::new(member.value.value.clone()), context)?;
        }
    }
    Ok(Value::new(JsonValue::Object(members)))
}

/// Characters of a text, items of an array, members of an object.
pub(super) fn length<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "length", values };
    let count = args.get(0, "a string, an array or an object", |value| {
        value
            .as_text()
            .map(|text| text.chars().count())
            .or_else(|| value.as_members().map(<[Member]>::len))
            .or_else(|| value.items().map(|items| items.len()))
    })?;
    Ok(Number::Whole(i64::try_from(count).unwrap_or(i64::MAX)).value())
}

pub(super) fn not_null<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    Ok(values.iter().find(|value| !value.is_null()).cloned().unwrap_or_else(Value::null))
}

pub(super) fn reverse<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "reverse", values };
    if let Some(text) = args.value(0).as_text() {
        return Ok(Value::text(text.chars().rev().collect::<String>()));
    }
    let mut items = args.get(0, "a string or an array", Value::items)?;
    items.reverse();
    Ok(Value::list(items))
}

pub(super) fn to_array<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let value = Args { function: "to_array", values }.value(0);
    Ok(if value.kind() == "array" { value } else { Value::list(vec![value]) })
}

pub(super) fn to_number<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let value = Args { function: "to_number", values }.value(0);
    let Some(text) = value.as_text() else {
        return Ok(if value.as_number().is_some() { value } else { Value::null() });
    };
    let written = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    let whole = text.parse().ok().map(Number::Whole);
    let number = whole.or_else(|| text.parse().ok().filter(|x: &f64| x.is_finite()).map(Number::Float));
    Ok(number.filter(|_| written).map_or_else(Value::null, Number::value))
}

pub(super) fn to_string<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    let value = Args { function: "to_string", values }.value(0);
    if value.as_text().is_some() {
        return Ok(value);
    }
    Ok(Value::text(context.own(&value)?.to_string()))
}

pub(super) fn type_of<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    Ok(Value::text(Args { function: "type", values }.value(0).kind()))
}

pub(super) fn zip<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "zip", values };
    let lists = (0..values.len()).map(|i| args.array(i)).collect::<Result<Vec<_>, _>>()?;
    let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
    let row = |i: usize| Value::list(lists.iter().filter_map(|list| list.get(i).cloned()).collect());
    Ok(Value::list((0..shortest).map(row).collect()))
}

pub(super) fn sort<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let items = Args { function: "sort", values }.array(0)?;
    let keys = items.iter().map(Key::of).collect();
    let keyed = keyed("sort", items, keys)?;
    Ok(Value::list(sorted(keyed)))
}

pub(super) fn max<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    extreme("max", values, Ordering::Greater)
}

pub(super) fn min<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    extreme("min", values, Ordering::Less)
}

fn extreme<'a>(function: &'static str, values: &[Value<'a>], wanted: Ordering) -> Outcome<'a> {
    let items = Args { function, values }.array(0)?;
    let keys = items.iter().map(Key::of).collect();
    Ok(first_of(keyed(function, items, keys)?, wanted))
}

pub(super) fn sort_by<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    Ok(Value::list(sorted(keyed_by("sort_by", values, context)?)))
}

pub(super) fn max_by<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    Ok(first_of(keyed_by("max_by", values, context)?, Ordering::Greater))
}

pub(super) fn min_by<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    Ok(first_of(keyed_by("min_by", values, context)?, Ordering::Less))
}

pub(super) fn map<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "map", values };
    let node = reference(&args, 0)?;
    let items = args.array(1)?.iter().map(|item| Ok(context.eval(node, item)?.whole())).collect::<Result<_, _>>()?;
    Ok(Value::list(items))
}

/// The members of the object may be named within the expression.
pub(super) fn let_scope<'a>(values: &[Value<'a>], here: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "let", values };
    if args.value(0).as_members().is_none() {
        return Err(args.refuse(0, "an object"));
    }
    context.eval_within(args.value(0), reference(&args, 1)?, here)
}

fn reference<'a>(args: &Args<'_, 'a>, i: usize) -> Result<&'a Node, JmesFault> {
    args.get(i, "an expression (&…)", |value| match value {
        Value::Reference(node) => Some(*node),
        _ => None,
    })
}

/// What items are ordered by.
enum Key {
    Number(Number),
    Text(String),
}

impl Key {
    fn of(value: &Value<'_>) -> Option<Self> {
        value.as_number().map(Self::Number).or_else(|| value.as_text().map(|text| Self::Text(text.to_owned())))
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.order(*b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

fn keyed<'a>(
    function: &'static str,
    items: Vec<Value<'a>>,
    keys: Vec<Option<Key>>,
) -> Result<Vec<(Key, Value<'a>)>, JmesFault> {
    let refused = || JmesFault::Argument { function, argument: 1, wanted: TEXTS_OR_NUMBERS, found: "something else" };
    let pairs: Vec<_> =
        keys.into_iter().zip(items).map(|(key, item)| Some((key?, item))).collect::<Option<_>>().ok_or_else(refused)?;
    let numbers = pairs.iter().filter(|(key, _)| matches!(key, Key::Number(_))).count();
    if numbers == 0 || numbers == pairs.len() { Ok(pairs) } else { Err(refused()) }
}

fn keyed_by<'a>(
    function: &'static str,
    values: &[Value<'a>],
    context: &mut Context<'a>,
) -> Result<Vec<(Key, Value<'a>)>, JmesFault> {
    let args = Args { function, values };
    let node = reference(&args, 1)?;
    let items = args.array(0)?;
    let keys = items.iter().map(|item| Ok(Key::of(&context.eval(node, item)?))).collect::<Result<_, JmesFault>>()?;
    keyed(function, items, keys)
}

fn sorted<'a>(mut pairs: Vec<(Key, Value<'a>)>) -> Vec<Value<'a>> {
    pairs.sort_by(|(a, _), (b, _)| a.order(b));
    pairs.into_iter().map(|(_, value)| value).collect()
}

/// The first item that no other surpasses.
fn first_of<'a>(pairs: Vec<(Key, Value<'a>)>, wanted: Ordering) -> Value<'a> {
    let best = pairs.into_iter().reduce(|best, next| if next.0.order(&best.0) == wanted { next } else { best });
    best.map_or_else(Value::null, |(_, value)| value)
}
