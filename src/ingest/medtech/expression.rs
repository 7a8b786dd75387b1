//! One expression of a mapping, in either language.

use super::{
    jmes::{Arithmetic, JmesError, JmesFault, JmesPath},
    json::{Json, Position},
    jsonpath::{JsonPath, PathError, PathFault},
};
use serde::Serialize;
use std::borrow::Cow;

/// Something of a mapping file, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// What it is.
    pub value: T,
    /// Where it stands.
    pub at: Position,
}

/// In which language an expression is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Language {
    /// JSONPath in the dialect of Newtonsoft.Json.
    #[default]
    JsonPath,
    /// JMESPath with the functions of MedTech.
    JmesPath,
}

impl Language {
    /// The language of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::JsonPath, Self::JmesPath].into_iter().find(|language| language.as_str().eq_ignore_ascii_case(name))
    }

    /// Its name in mapping files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonPath => "JsonPath",
            Self::JmesPath => "JmesPath",
        }
    }
}

/// An expression, read once.
#[derive(Debug, Clone)]
pub struct Expression {
    /// Where it stands: the text, or the object that holds text and language.
    pub at: Position,
    /// Its text.
    pub text: Located<String>,
    /// Its language.
    pub language: Language,
    /// Where the language is named, if it is.
    pub language_at: Option<Position>,
    code: Code,
}

#[derive(Debug, Clone)]
enum Code {
    JsonPath(JsonPath),
    JmesPath(JmesPath),
}

/// An expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// No JSONPath.
    #[error(transparent)]
    JsonPath(#[from] PathError),
    /// No JMESPath.
    #[error(transparent)]
    JmesPath(#[from] JmesError),
}

/// Why an expression could not be evaluated on a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionFault {
    /// In JSONPath.
    #[error(transparent)]
    JsonPath(#[from] PathFault),
    /// In JMESPath.
    #[error(transparent)]
    JmesPath(#[from] JmesFault),
}

impl Expression {
    /// Reads an expression that stands on its own.
    ///
    /// # Errors
    /// If it is none of its language.
    pub fn parse(text: &str, language: Language, arithmetic: Arithmetic) -> Result<Self, ExpressionError> {
        let nowhere = Position::default();
        Self::located(nowhere, Located { value: text.to_owned(), at: nowhere }, language, arithmetic)
    }

    pub(super) fn located(
        at: Position,
        text: Located<String>,
        language: Language,
        arithmetic: Arithmetic,
    ) -> Result<Self, ExpressionError> {
        let code = match language {
            Language::JsonPath => Code::JsonPath(JsonPath::parse(&text.value)?),
            Language::JmesPath => Code::JmesPath(JmesPath::parse(&text.value, arithmetic)?),
        };
        Ok(Self { at, text, language, language_at: None, code })
    }

    /// Notes where the language is named.
    pub(super) const fn named_at(mut self, at: Option<Position>) -> Self {
        self.language_at = at;
        self
    }

    /// The one value that it finds. JSONPath finds `null` where it stands; in JMESPath `null` is nothing.
    ///
    /// # Errors
    /// If it finds more than one, or cannot be evaluated.
    pub fn select_one<'a>(&self, root: &'a Json) -> Result<Option<Cow<'a, Json>>, ExpressionFault> {
        Ok(match &self.code {
            Code::JsonPath(path) => path.select_one(root)?.map(Cow::Borrowed),
            Code::JmesPath(path) => path.select_one(root)?.map(Cow::Owned),
        })
    }

    /// All values that it finds.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub fn select_many<'a>(&self, root: &'a Json) -> Result<Vec<Cow<'a, Json>>, ExpressionFault> {
        Ok(match &self.code {
            Code::JsonPath(path) => path.select_many(root)?.into_iter().map(Cow::Borrowed).collect(),
            Code::JmesPath(path) => path.select_many(root)?.into_iter().map(Cow::Owned).collect(),
        })
    }
}
