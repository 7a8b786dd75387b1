//! The policies in force: what is built in, and the files of the site's folder.

use crate::policy::{FILE_MAX_BYTES, PolicyFault, PolicySet, built_in};
use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Most files of a folder.
const FILES_MAX: usize = 1_000;
/// The bit of a mode by which everybody may write.
const EVERYBODY_WRITES: u32 = 0o002;
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
    /// Anybody may change a policy, and so exempt what he likes.
    #[error("everybody may write to {}: run `chmod o-w` on it", .0.display())]
    Writable(PathBuf),
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
        let meta = std::fs::metadata(&path).map_err(failed)?;
        if meta.len() > FILE_MAX_BYTES {
            return Err(PolicyError::TooMuch(path));
        }
        if meta.mode() & EVERYBODY_WRITES != 0 {
            return Err(PolicyError::Writable(path));
        }
        let content = std::fs::read_to_string(&path).map_err(failed)?;
        set.add(&path.display().to_string(), &content)?;
    }
    set.check()?;
    Ok(set)
}

fn gather(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), PolicyError> {
    let failed = |source| PolicyError::Read { path: folder.to_owned(), source };
    if std::fs::metadata(folder).map_err(failed)?.mode() & EVERYBODY_WRITES != 0 {
        return Err(PolicyError::Writable(folder.to_owned()));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    const RULE: &str = r#"{"policyRule": {"if": {"field": "type", "equals": "a/b"}, "then": {"effect": "audit"}}}"#;

    #[test]
    fn files_are_read_in_folders_below_and_by_the_name_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("below")).unwrap();
        std::fs::write(dir.path().join("below/site-02.JSON"), RULE.replace("audit", "deny")).unwrap();
        std::fs::write(dir.path().join("site-01.json"), RULE).unwrap();
        std::fs::write(dir.path().join("notes.txt"), "no policy").unwrap();
        let set = load(Some(dir.path())).unwrap();
        let own: Vec<String> =
            set.list().into_iter().filter(|l| !l.file.starts_with("built-in/")).map(|l| l.name).collect();
        assert_eq!(own, ["site-01", "site-02"]);
        assert!(load(Some(&dir.path().join("none"))).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn a_folder_or_file_that_everybody_may_change_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.json");
        std::fs::write(&file, RULE).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o646)).unwrap();
        assert!(load(Some(dir.path())).unwrap_err().to_string().contains("p.json: run `chmod o-w`"));
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(load(Some(dir.path())).unwrap_err().to_string().contains("everybody may write"));
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        load(Some(dir.path())).unwrap();
    }
}
