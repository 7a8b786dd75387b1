//! From a tree and a message to a value.

use super::{
    JmesFault, STEPS_MAX,
    arithmetic::Arithmetic,
    compile::{Comparison, Node},
    value::Value,
};
use crate::ingest::medtech::json::{Json, JsonValue, Member, Position};
use std::cmp::Ordering;

/// What an evaluation carries along.
pub(super) struct Context<'a> {
    steps_left: usize,
    /// Objects whose members may be named from anywhere within `let`; the innermost is last.
    scopes: Vec<Value<'a>>,
    pub(super) arithmetic: Arithmetic,
}

type Outcome<'a> = Result<Value<'a>, JmesFault>;

pub(super) fn run<'a>(node: &'a Node, root: &'a Json, arithmetic: Arithmetic) -> Outcome<'a> {
    let mut context = Context { steps_left: STEPS_MAX, scopes: Vec::new(), arithmetic };
    context.eval(node, &Value::Part(root))
}

impl<'a> Context<'a> {
    pub(super) fn eval(&mut self, node: &'a Node, here: &Value<'a>) -> Outcome<'a> {
        self.steps_left = self.steps_left.checked_sub(1).ok_or(JmesFault::TooMuch)?;
        match node {
            Node::Here => Ok(here.clone()),
            Node::Field(name) => Ok(self.field(name, here)),
            Node::Index(index) => Ok(item(here, *index)),
            Node::Slice { start, stop, step } => Ok(slice(here, *start, *stop, *step)),
            Node::Literal(json) => Ok(Value::Part(json)),
            Node::Then(first, second) => {
                let outcome = self.eval(first, here)?.whole();
                self.eval(second, &outcome)
            }
            Node::Project(list, each) => {
                let Some(items) = self.eval(list, here)?.items() else {
                    return Ok(Value::null());
                };
                let mut found = Vec::with_capacity(items.len());
                for item in &items {
                    let value = self.eval(each, item)?.whole();
                    if !value.is_null() {
                        found.push(value);
                    }
                }
                Ok(Value::projection(found))
            }
            Node::Flatten(list) => Ok(self.eval(list, here)?.items().map_or_else(Value::null, flattened)),
            Node::Members(object) => Ok(self.eval(object, here)?.member_values().map_or_else(Value::null, Value::list)),
            Node::If(condition, then) => {
                if self.eval(condition, here)?.is_true() {
                    self.eval(then, here)
                } else {
                    Ok(Value::null())
                }
            }
            Node::Not(operand) => Ok(Value::bool(!self.eval(operand, here)?.is_true())),
            Node::And(left, right) => {
                let value = self.eval(left, here)?;
                if value.is_true() { self.eval(right, here) } else { Ok(value) }
            }
            Node::Or(left, right) => {
                let value = self.eval(left, here)?;
                if value.is_true() { Ok(value) } else { self.eval(right, here) }
            }
            Node::Compare(left, comparison, right) => {
                let (left, right) = (self.eval(left, here)?, self.eval(right, here)?);
                compare(&left, *comparison, &right)
            }
            Node::List(nodes) => {
                if here.is_null() {
                    return Ok(Value::null());
                }
                let items = nodes.iter().map(|node| Ok(self.eval(node, here)?.whole())).collect::<Result<_, _>>()?;
                Ok(Value::list(items))
            }
            Node::Object(pairs) => self.object(pairs, here),
            Node::Call(function, nodes) => {
                let args =
                    nodes.iter().map(|node| Ok(self.eval(node, here)?.whole())).collect::<Result<Vec<_>, _>>()?;
                (function.run)(&args, here, self)
            }
            Node::Reference(node) => Ok(Value::Reference(node)),
        }
    }

    /// Evaluates with one more scope.
    pub(super) fn eval_within(&mut self, scope: Value<'a>, node: &'a Node, here: &Value<'a>) -> Outcome<'a> {
        self.scopes.push(scope);
        let outcome = self.eval(node, here);
        self.scopes.pop();
        outcome
    }

    fn field(&self, name: &str, here: &Value<'a>) -> Value<'a> {
        here.member(name)
            .or_else(|| self.scopes.iter().rev().find_map(|scope| scope.member(name)))
            .unwrap_or_else(Value::null)
    }

    fn object(&mut self, pairs: &'a [(String, Node)], here: &Value<'a>) -> Outcome<'a> {
        if here.is_null() {
            return Ok(Value::null());
        }
        let mut members: Vec<Member> = Vec::with_capacity(pairs.len());
        for (name, node) in pairs {
            let value = self.eval(node, here)?.to_json()?;
            match members.iter_mut().find(|m| m.name == *name) {
                Some(member) => member.value = value,
                None => members.push(Member { name: name.clone(), at: Position::default(), value }),
            }
        }
        Ok(Value::new(JsonValue::Object(members)))
    }
}

fn item<'a>(here: &Value<'a>, index: i32) -> Value<'a> {
    let Some(items) = here.items() else {
        return Value::null();
    };
    let place = usize::try_from(index).ok().or_else(|| {
        let back = usize::try_from(index.unsigned_abs()).ok()?;
        items.len().checked_sub(back)
    });
    place.and_then(|place| items.get(place).cloned()).unwrap_or_else(Value::null)
}

fn slice<'a>(here: &Value<'a>, start: Option<i32>, stop: Option<i32>, step: i32) -> Value<'a> {
    let Some(items) = here.items() else {
        return Value::null();
    };
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let (step, forward) = (i64::from(step), step > 0);
    let bounds = if forward { (0, count) } else { (-1, count.saturating_sub(1)) };
    let place = |end: Option<i32>, unsaid: i64| match end.map(i64::from) {
        None => unsaid,
        Some(end) => if end < 0 { end.saturating_add(count) } else { end }.clamp(bounds.0, bounds.1.max(bounds.0)),
    };
    let mut at = place(start, if forward { 0 } else { count.saturating_sub(1) });
    let end = place(stop, if forward { count } else { -1 });
    let mut found = Vec::new();
    while if forward { at < end } else { at > end } {
        found.extend(usize::try_from(at).ok().and_then(|i| items.get(i)).cloned());
        at = at.saturating_add(step);
    }
    Value::list(found)
}

fn flattened<'a>(items: Vec<Value<'a>>) -> Value<'a> {
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        match item.items() {
            Some(within) => found.extend(within),
            None => found.push(item),
        }
    }
    Value::list(found)
}

/// Only numbers have an order; to compare anything else gives `null`.
fn compare<'a>(left: &Value<'a>, comparison: Comparison, right: &Value<'a>) -> Outcome<'a> {
    let order = || Some(left.as_number()?.order(right.as_number()?));
    let ordered = |test: fn(Ordering) -> bool| order().map_or_else(Value::null, |order| Value::bool(test(order)));
    Ok(match comparison {
        Comparison::Equal => Value::bool(left.equals(right)?),
        Comparison::NotEqual => Value::bool(!left.equals(right)?),
        Comparison::Less => ordered(Ordering::is_lt),
        Comparison::LessOrEqual => ordered(Ordering::is_le),
        Comparison::Greater => ordered(Ordering::is_gt),
        Comparison::GreaterOrEqual => ordered(Ordering::is_ge),
    })
}
