//! JMESPath: specification 1.0, the functions that upstream's library adds, and the eight that MedTech adds.
//!
//! The crate `jmespath` reads the expression. It is evaluated here and not there, because members keep the order of the
//! message, whole numbers stay whole, a message is not copied for each expression, and a wrong count of arguments is found
//! when the mapping is loaded.

mod arithmetic;
mod compile;
mod eval;
mod functions;
mod medtech;
mod standard;
mod value;

#[cfg(test)]
mod tests;

use super::json::Json;
use compile::Node;

pub use arithmetic::Arithmetic;

/// Longest expression, in bytes.
pub const EXPRESSION_MAX_BYTES: usize = 4096;
/// Most brackets, stars, `!` and `&` in an expression, outside of texts: each may nest what follows.
pub const NESTING_MARKS_MAX: usize = 128;
/// Deepest expression, in operators within one another.
pub const DEPTH_MAX: usize = 64;
/// Most steps of one evaluation. The longest message holds half a million values, so each can be looked at a few times.
pub const STEPS_MAX: usize = 4_000_000;
/// Most values that an evaluation may give back or put into a new object; each [`TEXT_UNIT_BYTES`] of a text count as one.
pub const RESULT_VALUES_MAX: usize = 1_000_000;
/// So many bytes of a text are as much work as one value.
pub const TEXT_UNIT_BYTES: usize = 64;

/// An expression, read once.
#[derive(Debug, Clone)]
pub struct JmesPath {
    root: Node,
    arithmetic: Arithmetic,
}

/// An expression that is no JMESPath.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JmesError {
    /// The text cannot be read.
    #[error("it cannot be read as JMESPath: {0}")]
    Syntax(String),
    /// Longer than [`EXPRESSION_MAX_BYTES`].
    #[error("the JMESPath is longer than {EXPRESSION_MAX_BYTES} bytes")]
    TooLong,
    /// Deeper than [`DEPTH_MAX`], or more than [`NESTING_MARKS_MAX`] marks that nest.
    #[error("the JMESPath is nested too deep: at most {DEPTH_MAX} levels and {NESTING_MARKS_MAX} brackets")]
    TooDeep,
    /// No such function.
    #[error("the JMESPath calls {0:?}, and there is no such function")]
    NoFunction(String),
    /// The function takes another number of arguments.
    #[error("the function {name} takes {wanted}, not {found}")]
    Arguments {
        /// The function.
        name: &'static str,
        /// How many it takes, in words.
        wanted: String,
        /// How many it is given.
        found: usize,
    },
    /// `&` stands where it has no meaning.
    #[error("an expression reference (&…) stands only where a function takes one")]
    Reference,
    /// A slice with step 0.
    #[error("the JMESPath has a slice with step 0")]
    SliceStep,
}

/// Why an evaluation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JmesFault {
    /// One value was wanted.
    #[error("the expression finds more than one value where one is wanted")]
    Multiple,
    /// An argument of the wrong kind.
    #[error("the function {function} takes {wanted} as argument {argument}, not {found}")]
    Argument {
        /// The function.
        function: &'static str,
        /// Which argument; the first is 1.
        argument: usize,
        /// What it takes.
        wanted: &'static str,
        /// What it was given.
        found: &'static str,
    },
    /// A result that no number can hold.
    #[error("the result of {0} is too large for a number")]
    Overflow(&'static str),
    /// A division by a whole 0.
    #[error("a division by 0")]
    DivisionByZero,
    /// A place outside of the text.
    #[error("insertString cannot insert at {position}: the text has {length} characters")]
    Outside {
        /// Where to insert.
        position: i64,
        /// How long the text is.
        length: usize,
    },
    /// More than [`STEPS_MAX`] steps or [`RESULT_VALUES_MAX`] values.
    #[error("the expression does too much: at most {STEPS_MAX} steps and {RESULT_VALUES_MAX} values")]
    TooMuch,
}

impl JmesPath {
    /// Reads an expression.
    ///
    /// # Errors
    /// If it is no JMESPath, or calls a function that does not exist or with the wrong number of arguments.
    pub fn parse(expression: &str, arithmetic: Arithmetic) -> Result<Self, JmesError> {
        Ok(Self { root: compile::compile(expression)?, arithmetic })
    }

    /// The value of the expression: `None` for `null`.
    ///
    /// # Errors
    /// If a function cannot do its work, or a projection finds more than one value.
    pub fn select_one(&self, root: &Json) -> Result<Option<Json>, JmesFault> {
        let value = eval::run(&self.root, root, self.arithmetic)?;
        if value.projected().is_some_and(|items| items.len() > 1) {
            return Err(JmesFault::Multiple);
        }
        let json = value.to_json()?;
        Ok((!json.is_null()).then_some(json))
    }

    /// The values of the expression. A projection gives each of its values; everything else, also an array, is one value.
    ///
    /// # Errors
    /// If a function cannot do its work.
    pub fn select_many(&self, root: &Json) -> Result<Vec<Json>, JmesFault> {
        let value = eval::run(&self.root, root, self.arithmetic)?;
        if let Some(items) = value.projected() {
            return items.iter().map(value::Value::to_json).collect();
        }
        let json = value.to_json()?;
        Ok(if json.is_null() { Vec::new() } else { vec![json] })
    }
}
