//! The header of a message (MSH), and which answer it asks for.

use super::{
    message::Location,
    tokens::{Segment, Separators},
};
use crate::domain::text::clean;

/// Longest control identifier, in bytes. The standard says 20, later 199.
const CONTROL_ID_MAX_BYTES: usize = 199;

/// Under which condition an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// If it went wrong.
    OnError,
    /// If it went well.
    OnSuccess,
}

/// Which answer is wanted. There is one answer to a message: who asks for both gets that of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Neither MSH-15 nor MSH-16 is there: `AA`, `AE`, `AR`.
    Original,
    /// MSH-15: `CA`, `CE`, `CR`.
    Accept(When),
    /// MSH-16 without MSH-15: `AA`, `AE`, `AR`.
    Application(When),
    /// None.
    Nothing,
}

impl Wanted {
    fn of(accept: &str, application: &str) -> Self {
        let when = |code: &str| match code {
            "" | "NE" => None,
            "ER" => Some(When::OnError),
            "SU" => Some(When::OnSuccess),
            _ => Some(When::Always),
        };
        match (accept, application) {
            ("", "") => Self::Original,
            (accept, application) => match (when(accept), when(application)) {
                (Some(accept), _) => Self::Accept(accept),
                (None, Some(application)) => Self::Application(application),
                (None, None) => Self::Nothing,
            },
        }
    }
}

/// What the header of a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub(super) separators: Separators,
    /// MSH-3 to MSH-6 as they are: sender and receiver.
    pub(super) parties: [String; 4],
    /// The time of sending as it is; never the time of a value.
    pub(super) sent: String,
    /// Type and trigger, such as `ORU^R01`.
    pub kind: String,
    /// The control identifier.
    pub control_id: String,
    /// Production, training or debugging.
    pub processing: String,
    /// The version as it is.
    pub(super) version: String,
    /// Which answer is wanted.
    pub wanted: Wanted,
}

impl Header {
    /// Reads the header.
    pub(super) fn of(msh: &Segment<'_>, separators: Separators) -> Self {
        let text = |number: usize| msh.field(number).to_owned();
        let first = |number: usize| separators.component(msh.field(number), 1).to_owned();
        let kind = msh.field(9);
        let (message, trigger) = (separators.component(kind, 1), separators.component(kind, 2));
        Self {
            separators,
            parties: [text(3), text(4), text(5), text(6)],
            sent: text(7),
            kind: if trigger.is_empty() { clean(message) } else { clean(&format!("{message}^{trigger}")) },
            control_id: msh.field(10).to_owned(),
            processing: first(11),
            version: first(12),
            wanted: Wanted::of(msh.field(15), msh.field(16)),
        }
    }

    /// What is wrong with it, if anything.
    pub(super) fn fault(&self) -> Option<(Location, &'static str)> {
        let at = |field| Location::new("MSH", 1, field);
        if self.control_id.is_empty() {
            return Some((at(10), "there is no control identifier: an answer could not name the message"));
        }
        if self.control_id.len() > CONTROL_ID_MAX_BYTES {
            return Some((at(10), "the control identifier is longer than 199 bytes"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", "", Wanted::Original)]
    #[case("AL", "NE", Wanted::Accept(When::Always))]
    #[case("AL", "", Wanted::Accept(When::Always))]
    #[case("NE", "AL", Wanted::Application(When::Always))]
    #[case("", "AL", Wanted::Application(When::Always))]
    #[case("ER", "AL", Wanted::Accept(When::OnError))]
    #[case("NE", "SU", Wanted::Application(When::OnSuccess))]
    #[case("NE", "NE", Wanted::Nothing)]
    #[case("AL", "AL", Wanted::Accept(When::Always))]
    fn the_header_says_which_answer_is_wanted(#[case] accept: &str, #[case] application: &str, #[case] wanted: Wanted) {
        assert_eq!(Wanted::of(accept, application), wanted);
    }
}
