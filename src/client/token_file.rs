//! The file in which a session's token is kept: whoever proves a factor puts another token into it.

use crate::access::Secret;
use std::{
    io::{Error, ErrorKind, Read},
    path::Path,
};

/// Longest file that is read, in bytes.
const TOKEN_FILE_MAX_BYTES: u64 = 4 * 1024;

/// Reads the token of a file.
///
/// # Errors
/// If it cannot be read, or nothing is in it.
pub fn read_token_file(path: &Path) -> Result<Secret, Error> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(TOKEN_FILE_MAX_BYTES).read_to_string(&mut text)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(Error::new(ErrorKind::InvalidData, "it is empty"));
    }
    Ok(Secret::new(token.to_owned()))
}
