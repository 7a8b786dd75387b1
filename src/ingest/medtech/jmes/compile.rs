//! From text to a tree whose functions and arguments are known to be right.

use super::{DEPTH_MAX, EXPRESSION_MAX_BYTES, JmesError, NESTING_MARKS_MAX, functions, functions::Function};
use crate::ingest::medtech::json::{Json, JsonValue, Member, Position};
use jmespath::{
    ErrorReason, Variable,
    ast::{Ast, Comparator},
};

/// One operator of an expression.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// `@`.
    Here,
    /// A member.
    Field(String),
    /// An item; negative from the end.
    Index(i32),
    Slice {
        start: Option<i32>,
        stop: Option<i32>,
        step: i32,
    },
    Literal(Json),
    /// The first, then the second on its outcome.
    Then(Box<Node>, Box<Node>),
    /// The second on each item of the first; `null` is left out.
    Project(Box<Node>, Box<Node>),
    Flatten(Box<Node>),
    /// The values of an object's members.
    Members(Box<Node>),
    /// The second if the first is true, else `null`.
    If(Box<Node>, Box<Node>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Box<Node>, Comparison, Box<Node>),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
    Call(&'static Function, Vec<Node>),
    Reference(Box<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

pub(super) fn compile(expression: &str) -> Result<Node, JmesError> {
    if expression.len() > EXPRESSION_MAX_BYTES {
        return Err(JmesError::TooLong);
    }
    if nesting_marks(expression) > NESTING_MARKS_MAX {
        return Err(JmesError::TooDeep);
    }
    let ast = jmespath::parse(expression).map_err(|error| syntax(&error))?;
    node(&ast, DEPTH_MAX)
}

fn syntax(error: &jmespath::JmespathError) -> JmesError {
    let reason = match &error.reason {
        ErrorReason::Parse(text) => text.clone(),
        ErrorReason::Runtime(other) => other.to_string(),
    };
    JmesError::Syntax(format!("{reason} at character {}", error.offset.saturating_add(1)))
}

/// Characters that may open a level, outside of quoted parts.
fn nesting_marks(expression: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    let mut marks: usize = 0;
    for c in expression.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"' | '`') => quote = Some(c),
            None if matches!(c, '(' | '[' | '{' | '!' | '&' | '*') => marks = marks.saturating_add(1),
            Some(_) | None => {}
        }
    }
    marks
}

fn node(ast: &Ast, depth_left: usize) -> Result<Node, JmesError> {
    let left = depth_left.checked_sub(1).ok_or(JmesError::TooDeep)?;
    let one = |ast: &Ast| node(ast, left).map(Box::new);
    let all = |list: &[Ast]| list.iter().map(|ast| node(ast, left)).collect::<Result<Vec<_>, _>>();
    Ok(match ast {
        Ast::Identity { .. } => Node::Here,
        Ast::Field { name, .. } => Node::Field(name.clone()),
        Ast::Index { idx, .. } => Node::Index(*idx),
        Ast::Slice { step: 0, .. } => return Err(JmesError::SliceStep),
        Ast::Slice { start, stop, step, .. } => Node::Slice { start: *start, stop: *stop, step: *step },
        Ast::Literal { value, .. } => Node::Literal(literal(value)),
        Ast::Subexpr { lhs, rhs, .. } => Node::Then(one(lhs)?, one(rhs)?),
        Ast::Projection { lhs, rhs, .. } => Node::Project(one(lhs)?, one(rhs)?),
        Ast::Flatten { node, .. } => Node::Flatten(one(node)?),
        Ast::ObjectValues { node, .. } => Node::Members(one(node)?),
        Ast::Condition { predicate, then, .. } => Node::If(one(predicate)?, one(then)?),
        Ast::Not { node, .. } => Node::Not(one(node)?),
        Ast::And { lhs, rhs, .. } => Node::And(one(lhs)?, one(rhs)?),
        Ast::Or { lhs, rhs, .. } => Node::Or(one(lhs)?, one(rhs)?),
        Ast::Comparison { comparator, lhs, rhs, .. } => Node::Compare(one(lhs)?, comparison(comparator), one(rhs)?),
        Ast::MultiList { elements, .. } => Node::List(all(elements)?),
        Ast::MultiHash { elements, .. } => Node::Object(
            elements.iter().map(|pair| Ok((pair.key.clone(), node(&pair.value, left)?))).collect::<Result<_, _>>()?,
        ),
        Ast::Expref { .. } => return Err(JmesError::Reference),
        Ast::Function { name, args, .. } => call(name, args, left)?,
    })
}

fn call(name: &str, args: &[Ast], depth_left: usize) -> Result<Node, JmesError> {
    let function = functions::find(name).ok_or_else(|| JmesError::NoFunction(name.to_owned()))?;
    function.check_count(args.len())?;
    let mut nodes = Vec::with_capacity(args.len());
    for (i, arg) in args.iter().enumerate() {
        nodes.push(match (arg, function.reference == Some(i)) {
            (Ast::Expref { ast, .. }, true) => Node::Reference(Box::new(node(ast, depth_left)?)),
            (_, true) | (Ast::Expref { .. }, false) => return Err(JmesError::Reference),
            (other, false) => node(other, depth_left)?,
        });
    }
    Ok(Node::Call(function, nodes))
}

const fn comparison(comparator: &Comparator) -> Comparison {
    match comparator {
        Comparator::Equal => Comparison::Equal,
        Comparator::NotEqual => Comparison::NotEqual,
        Comparator::LessThan => Comparison::Less,
        Comparator::LessThanEqual => Comparison::LessOrEqual,
        Comparator::GreaterThan => Comparison::Greater,
        Comparator::GreaterThanEqual => Comparison::GreaterOrEqual,
    }
}

fn literal(value: &Variable) -> Json {
    Json::of(match value {
        Variable::Null | Variable::Expref(_) => JsonValue::Null,
        Variable::Bool(b) => JsonValue::Bool(*b),
        Variable::String(text) => JsonValue::Text(text.clone()),
        Variable::Number(number) => return Json::from(&serde_json::Value::Number(number.clone())),
        Variable::Array(items) => JsonValue::Array(items.iter().map(|item| literal(item)).collect()),
        Variable::Object(members) => JsonValue::Object(
            members
                .iter()
                .map(|(name, value)| Member { name: name.clone(), at: Position::default(), value: literal(value) })
                .collect(),
        ),
    })
}
