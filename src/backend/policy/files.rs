//! The policies in force: what is built in, and the files of the site's folder.

use crate::policy::{FILE_MAX_BYTES, PolicyFault, PolicySet, built_in};
use std::path::{Path, PathBuf};

/// Most files of a folder.
const FILES_MAX: usize = 1_000;
/// How deep folders within it may lie.
const DEPTH_MAX: usize = 4;

/// Why the policies cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The folder or a file in it cannot be read.
    #[error("the policies {} cannot be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There are too many files, or one is too long.
    #[error("{}: at most {FILES_MAX} files of {FILE_MAX_BYTES} bytes each are read", .0.display())]
    TooMuch(PathBuf),
    /// A file is wrong.
    #[error("a policy cannot be used: {0}")]
    Wrong(#[from] PolicyFault),
}

/// What is built in, with the files of a folder.
///
/// # Errors
/// If a file cannot be read or used; it says which, where and why.
pub fn load(folder: Option<&Path>) -> Result<PolicySet, PolicyError> {
    let mut set = built_in()?;
    let mut files = Vec::new();
    if let Some(folder) = folder {
        gather(folder, 0, &mut files)?;
    }
    files.sort();
    for path in files {
        let failed = |source| PolicyError::Read { path: path.clone(), source };
        if std::fs::metadata(&path).map_err(failed)?.len() > FILE_MAX_BYTES {
            return Err(PolicyError::TooMuch(path));
        }
        let content = std::fs::read_to_string(&path).map_err(failed)?;
        set.add(&path.display().to_string(), &content)?;
    }
    set.check()?;
    Ok(set)
}

fn gather(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), PolicyError> {
    let failed = |source| PolicyError::Read { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() && depth < DEPTH_MAX {
            gather(&path, depth + 1, files)?;
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(PolicyError::TooMuch(folder.to_owned()));
        }
    }
    Ok(())
}
