//! What is wrong with a mapping: all of it, not only the first fault.

use super::json::{JsonError, Position};
use std::fmt::{self, Display, Formatter};

/// Most errors of a mapping that are kept. Further ones are only counted.
pub const ERRORS_KEPT_MAX: usize = 200;

/// One fault of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// What is wrong.
    pub message: String,
    /// Where, if it has a place: just behind what it is about.
    pub at: Option<Position>,
}

impl Display for LoadError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "{at}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<JsonError> for LoadError {
    fn from(error: JsonError) -> Self {
        Self { message: error.fault.to_string(), at: Some(error.at) }
    }
}

/// All faults of a mapping, in the order in which they were found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadErrors {
    kept: Vec<LoadError>,
    further: usize,
}

impl LoadErrors {
    /// Notes a fault at a place.
    pub fn push(&mut self, at: Position, message: impl Into<String>) {
        self.add(LoadError { message: message.into(), at: Some(at) });
    }

    /// Notes a fault. Beyond [`ERRORS_KEPT_MAX`] it is only counted.
    pub fn add(&mut self, error: LoadError) {
        if self.kept.len() < ERRORS_KEPT_MAX {
            self.kept.push(error);
        } else {
            self.further = self.further.saturating_add(1);
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many faults there are, kept or not.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.kept.len().saturating_add(self.further)
    }

    /// The faults that were kept.
    pub fn iter(&self) -> impl Iterator<Item = &LoadError> {
        self.kept.iter()
    }
}

impl From<LoadError> for LoadErrors {
    fn from(error: LoadError) -> Self {
        Self { kept: vec![error], further: 0 }
    }
}

impl Display for LoadErrors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, error) in self.kept.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{error}")?;
        }
        match self.further {
            0 => Ok(()),
            n => write!(f, "\nand {n} more"),
        }
    }
}

impl std::error::Error for LoadErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_beyond_the_bound_are_counted() {
        let mut errors = LoadErrors::default();
        assert!(errors.is_empty());
        for _ in 0..ERRORS_KEPT_MAX + 3 {
            errors.push(Position { line: 1, column: 1 }, "wrong");
        }
        assert_eq!(errors.count(), ERRORS_KEPT_MAX + 3);
        assert_eq!(errors.iter().count(), ERRORS_KEPT_MAX);
        assert!(errors.to_string().ends_with("and 3 more"));
    }
}
