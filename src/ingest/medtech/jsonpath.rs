//! JSONPath as Newtonsoft.Json understands it, which is what mapping files are written for.
//!
//! It differs from RFC 9535: `@name` needs no dot, `$` may be left out, `$..[?(…)]` tries the start itself too, a filter asks
//! whether a member is there and not whether it is true, and `a && b || c` means `a && (b || c)`.

mod compare;
mod parse;
mod walk;

#[cfg(test)]
mod tests;

use super::json::Json;
use std::ops::ControlFlow;

/// Longest expression, in characters.
pub const PATH_MAX_CHARS: usize = 4096;
/// Most steps of a path.
pub const STEPS_MAX: usize = 64;
/// Most conditions joined in one filter.
pub const CONDITIONS_MAX: usize = 64;
/// How many filters may stand within one another.
pub const FILTERS_WITHIN_MAX: usize = 8;
/// Most values that one search looks at. The longest message holds half a million, each tried by a few conditions.
pub const VISITS_MAX: usize = 10_000_000;

/// A path, read once.
#[derive(Debug, Clone)]
pub struct JsonPath {
    steps: Vec<Step>,
}

/// An expression that is no JSONPath.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}, at character {at} of the JSONPath")]
pub struct PathError {
    /// What is wrong.
    message: String,
    /// Where; the first character is 1.
    at: usize,
}

/// Why a search failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// One value was wanted.
    #[error("the path finds more than one value where one is wanted")]
    Multiple,
    /// An index from the end, which Newtonsoft.Json does not know.
    #[error("the path has the index {0}; an index must not be negative, use [-1:] for the last")]
    NegativeIndex(i32),
    /// A comparison of things that cannot be compared.
    #[error("the filter compares {0:?} with a {1}, which it cannot become")]
    NotComparable(String, &'static str),
    /// More than [`VISITS_MAX`] values were looked at.
    #[error("the path looks at more than {VISITS_MAX} values")]
    TooMuch,
}

impl JsonPath {
    /// Reads an expression.
    ///
    /// # Errors
    /// If it is no JSONPath, with the place.
    pub fn parse(expression: &str) -> Result<Self, PathError> {
        parse::parse(expression)
    }

    /// All values that the path finds, in the order of the text.
    ///
    /// # Errors
    /// If the search fails; upstream fails then too.
    pub fn select_many<'a>(&self, root: &'a Json) -> Result<Vec<&'a Json>, PathFault> {
        let mut found = Vec::new();
        walk::walk(&self.steps, root, &mut |json| {
            found.push(json);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// The one value that the path finds, if any.
    ///
    /// # Errors
    /// If it finds more than one, or the search fails.
    pub fn select_one<'a>(&self, root: &'a Json) -> Result<Option<&'a Json>, PathFault> {
        let mut found = None;
        let mut more = false;
        walk::walk(&self.steps, root, &mut |json| {
            if found.replace(json).is_some() {
                more = true;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if more { Err(PathFault::Multiple) } else { Ok(found) }
    }
}

/// One step: from values to values.
#[derive(Debug, Clone)]
enum Step {
    /// `.name`, `['name']`; `None` for `.*`.
    Member(Option<Box<str>>),
    /// `['a','b']`.
    Members(Vec<Box<str>>),
    /// `..name`; `None` for `..*`.
    ScanMember(Option<Box<str>>),
    /// `..['a','b']`.
    ScanMembers(Vec<Box<str>>),
    /// `[0]`; `None` for `[*]`.
    Index(Option<i32>),
    /// `[0,2]`.
    Indexes(Vec<i32>),
    /// `[1:3]`, `[::-1]`.
    Slice(Slice),
    /// `[?(…)]`.
    Filter(Test),
    /// `..[?(…)]`.
    ScanFilter(Test),
}

#[derive(Debug, Clone, Copy)]
struct Slice {
    start: Option<i32>,
    end: Option<i32>,
    step: i32,
}

/// What a filter asks of a value.
#[derive(Debug, Clone)]
enum Test {
    /// The side finds something.
    Exists(Side),
    /// Both sides find something, and any pair compares so.
    Compare(Side, Operator, Side),
    /// The left side finds a text in which the pattern is found.
    Matches(Side, regex::Regex),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
}

/// One side of a comparison.
#[derive(Debug, Clone)]
enum Side {
    /// A path from the value tested (`@`).
    Here(Vec<Step>),
    /// A path from the root (`$`).
    Root(Vec<Step>),
    /// A literal.
    Value(Json),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    StrictlyEqual,
    StrictlyNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
