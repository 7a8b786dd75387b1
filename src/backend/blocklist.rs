//! The site's list of passphrases that nobody gets, as a file.

use crate::access::{self, BlocklistFault};
use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the list of passphrases {}, which passphrase.blocklist_file names, cannot be used: {why}", .path.display())]
pub struct BlocklistError {
    path: PathBuf,
    why: String,
}

/// Whether the list in a file has a passphrase. Blocks.
///
/// # Errors
/// If the list cannot be used: then nobody knows, and no passphrase is set.
pub fn is_listed(path: &Path, passphrase: &str) -> Result<bool, BlocklistError> {
    let read = |file| access::is_listed(BufReader::new(file), passphrase);
    // A pipe would be waited for without end.
    let file = |meta: std::fs::Metadata| if meta.is_file() { File::open(path) } else { Err(no_file()) };
    let found = std::fs::metadata(path).and_then(file).map_err(BlocklistFault::Io).and_then(read);
    found.map_err(|fault| BlocklistError { path: path.to_owned(), why: fault.to_string() })
}

fn no_file() -> std::io::Error {
    std::io::Error::other("it is no regular file")
}

/// Reads a list to its end, to see whether it can be used. Blocks.
///
/// # Errors
/// If it cannot.
pub fn check(path: &Path) -> Result<(), BlocklistError> {
    is_listed(path, "").map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let said = check(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(said.contains("/dev/null") && said.ends_with("it is no regular file"), "{said}");
    }
}
