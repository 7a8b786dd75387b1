//! Upstream's documents and its code disagree about whole numbers.

/// How the four operations treat whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arithmetic {
    /// As upstream's code: `divide(40, 50)` is 0, and what is too large for 64 bits wraps around.
    #[default]
    Medtech,
    /// As upstream's documents: `divide(40, 50)` is 0.8, and what is too large is an error.
    Documented,
}
