//! Who somebody is: passphrases, sessions, tokens, and the back-off that slows guessing.
//!
//! Times are of the boot-time clock and come in as arguments. What may be done is decided in `rights`; what is kept is
//! written by `store`. Called by `backend`.

mod backoff;
mod blocklist;
mod by_key;
mod certificate;
mod common;
mod directory;
mod enrolment;
mod gate;
mod passphrase;
mod pepper;
mod ssh_key;
#[cfg(test)]
mod tests;
mod token;
pub mod totp;

pub use backoff::{ACCOUNT_FAILURES_MAX, Backoff, KNOWN_SOURCES_MAX, LOGIN_DELAYS_S, TRACKED_NAMES_MAX};
pub use blocklist::{BLOCKLIST_LINE_MAX_BYTES, BLOCKLIST_MAX_BYTES, BlocklistFault, is_listed};
pub use by_key::{ByKey, KnowsKey};
pub use certificate::{CertificateFacts, Fingerprint, FingerprintError};
pub use common::{GUESSES_MIN, GUESSES_MIN_WITH_FACTOR, PARTS_MAX, word_count};
pub use directory::{
    Directory, DirectoryError, FORMER_TOKEN_SPAN, PROOF_FRESH_SPAN, SESSIONS_PER_USER_MAX, Session, SessionLimits,
    SessionStanding, UnknownToken,
};
pub use enrolment::{CODE_BITS, hash_code, new_code};
pub use gate::{LoginGate, RefusedTry, UNLOCK_TRIES_MAX, source_of};
pub use passphrase::{
    HASH_QUEUE_MAX, HashError, HashParams, Hasher, PASSPHRASE_MAX_CHARS, PASSPHRASE_MIN_CHARS,
    PASSPHRASE_MIN_CHARS_WITH_FACTOR, PassphraseFault, Verdict, check_passphrase, needs_a_factor,
};
pub use pepper::{NotOurs, PEPPER_BYTES, Pepper, SealError};
pub use ssh_key::{KEY_LINE_MAX_BYTES, SshKey, SshKeyError, is_hardware, keys_of_auth_info};
pub use token::{Secret, TokenKind, hash_token, new_id, new_token};
