//! From a tree and a message to a value.

use super::{
    JmesFault, STEPS_MAX,
    arithmetic::Arithmetic,
    compile::{Comparison, Node},
    value::{Value, spend},
};
use crate::ingest::medtech::json::{Json, JsonValue, Member, Position, TEXT_MAX_BYTES};

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
        spend(&mut self.steps_left, 1)?;
        match node {
            Node::Here => Ok(here.clone()),
            Node::Field(name) => Ok(self.field(name, here)),
            Node::Index(index) => Ok(item(here, *index)),
            Node::Slice { start, stop, step } => {
                spend(&mut self.steps_left, here.breadth())?;
                Ok(slice(here, *start, *stop, *step))
            }
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
            Node::Flatten(list) => {
                let list = self.eval(list, here)?;
                for item in list.items().unwrap_or_default() {
                    spend(&mut self.steps_left, item.breadth())?;
                }
                Ok(list.items().map_or_else(Value::null, flattened))
            }
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
                Ok(match comparison {
                    Comparison::Equal => Value::bool(self.equals(&left, &right)?),
                    Comparison::NotEqual => Value::bool(!self.equals(&left, &right)?),
                    ordered => order(&left, *ordered, &right),
                })
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
                args.iter().try_for_each(|arg| spend(&mut self.steps_left, arg.breadth()))?;
                let value = (function.run)(&args, here, self)?;
                match value.as_text() {
                    Some(text) if text.len() > TEXT_MAX_BYTES => Err(JmesFault::TooMuch),
                    _ => Ok(value),
                }
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

    /// Counts work of a function that is more than its arguments are broad.
    pub(super) fn work(&mut self, cost: usize) -> Result<(), JmesFault> {
        spend(&mut self.steps_left, cost)
    }

    /// The value on its own. To make it is work.
    pub(super) fn own(&mut self, value: &Value<'a>) -> Result<Json, JmesFault> {
        value.measure(&mut self.steps_left)?;
        value.to_json()
    }

    /// Whether both are the same. To compare them is work.
    pub(super) fn equals(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<bool, JmesFault> {
        a.measure(&mut self.steps_left)?;
        b.measure(&mut self.steps_left)?;
        Ok(a.equals(b))
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
            let value = self.eval(node, here)?;
            let value = self.own(&value)?;
            match members.iter_mut().find(|m| m.name == *name) {
                Some(member) => member.value = value,
                None => members.push(Member { name: name.clone(), at: Position::default(), value }),
            }
        }
        Ok(Value::new(JsonValue::Object(members)))
    }
}

fn item<'a>(here: &Value<'a>, index: i32) -> Value<'a> {
    let place = usize::try_from(index).ok().or_else(|| {
        let back = usize::try_from(index.unsigned_abs()).ok()?;
        here.count()?.checked_sub(back)
    });
    place.and_then(|place| here.item(place)).unwrap_or_else(Value::null)
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
fn order<'a>(left: &Value<'a>, comparison: Comparison, right: &Value<'a>) -> Value<'a> {
    let (Some(a), Some(b)) = (left.as_number(), right.as_number()) else {
        return Value::null();
    };
    let order = a.order(b);
    Value::bool(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}
