//! The policies in force: what is built in, and the files of the site's folder.

use crate::{
    domain::Timestamp,
    policy::{FILE_MAX_BYTES, PolicyFault, PolicySet, Scope, built_in},
};
use rustix::fs::{Mode, OFlags};
use std::{
    fmt,
    fs::File,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Most files of a folder.
const FILES_MAX: usize = 1_000;
/// Most names of whatever kind in all of its folders.
const NAMES_MAX: usize = 10_000;
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
    /// There are too many names in the folder, or folders lie too deep in one another.
    #[error("{}: at most {NAMES_MAX} names in folders {DEPTH_MAX} deep are looked at", .0.display())]
    TooWide(PathBuf),
    /// What is called like a file of policies is none.
    #[error("{} is no file: take it away, or give it a name that does not end in .json", .0.display())]
    NoFile(PathBuf),
    /// The folder does not answer, as one of a network may not.
    #[error("the policies were not read within {0:?}: look at the folder policy.folder")]
    Late(Duration),
    /// What judges broke off.
    #[error("the look at this server broke off, and nothing was judged: the log of the server tells where")]
    Broken,
    /// Anybody may change a policy, and so exempt what he likes.
    #[error("everybody may write to {}: run `chmod o-w` on it", .0.display())]
    Writable(PathBuf),
    /// There is no such place.
    #[error(
        "{scope} is no place of this server: {wards}; `wardwatch policy check --all` shows how a resource is named"
    )]
    Nowhere {
        /// What was asked for.
        scope: Scope,
        /// What there is.
        wards: Wards,
    },
    /// A file is wrong.
    #[error("a policy cannot be used: {0}")]
    Wrong(#[from] PolicyFault),
}

/// The wards of a server, as they are told.
#[derive(Debug)]
pub struct Wards(pub Vec<String>);

impl fmt::Display for Wards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("it has no ward yet"),
            wards => write!(f, "its wards are {}", wards.join(", ")),
        }
    }
}

/// What is built in, with the files of a folder, as they may be at a time.
///
/// # Errors
/// If a file cannot be read or used; it says which, where and why.
pub fn load(folder: Option<&Path>, now: Timestamp) -> Result<PolicySet, PolicyError> {
    let mut set = built_in()?;
    let mut found = Found::default();
    if let Some(folder) = folder {
        gather(folder, 0, &mut found)?;
    }
    found.files.sort();
    for path in found.files {
        set.add(&path.display().to_string(), &content(&path)?)?;
    }
    set.check(now)?;
    Ok(set)
}

/// What was found in the folder.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    /// Names of whatever kind.
    names: usize,
}

/// What a file holds. A pipe or a device is never waited for.
fn content(path: &Path) -> Result<String, PolicyError> {
    let failed = |source| PolicyError::Read { path: path.to_owned(), source };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(PolicyError::NoFile(path.to_owned()));
    }
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|e| failed(e.into()))?);
    // Of what was opened: the name may stand for something else by now.
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(PolicyError::NoFile(path.to_owned()));
    }
    if meta.mode() & EVERYBODY_WRITES != 0 {
        return Err(PolicyError::Writable(path.to_owned()));
    }
    let mut content = String::new();
    let read = file.take(FILE_MAX_BYTES + 1).read_to_string(&mut content).map_err(failed)?;
    if u64::try_from(read).is_ok_and(|read| read <= FILE_MAX_BYTES) {
        return Ok(content);
    }
    Err(PolicyError::TooMuch(path.to_owned()))
}

fn gather(folder: &Path, depth: usize, found: &mut Found) -> Result<(), PolicyError> {
    let failed = |source| PolicyError::Read { path: folder.to_owned(), source };
    if std::fs::metadata(folder).map_err(failed)?.mode() & EVERYBODY_WRITES != 0 {
        return Err(PolicyError::Writable(folder.to_owned()));
    }
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        found.names += 1;
        if found.names > NAMES_MAX {
            return Err(PolicyError::TooWide(folder.to_owned()));
        }
        if path.is_dir() {
            if depth == DEPTH_MAX {
                return Err(PolicyError::TooWide(path));
            }
            gather(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            found.files.push(path);
        }
        if found.files.len() > FILES_MAX {
            return Err(PolicyError::TooMuch(folder.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    fn now() -> Timestamp {
        Timestamp::from_ms(1_790_000_000_000)
    }

    const RULE: &str = r#"{"policyRule": {"if": {"field": "type", "equals": "a/b"}, "then": {"effect": "audit"}}}"#;

    #[test]
    fn files_are_read_in_folders_below_and_by_the_name_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("below")).unwrap();
        std::fs::write(dir.path().join("below/site-02.JSON"), RULE.replace("audit", "deny")).unwrap();
        std::fs::write(dir.path().join("site-01.json"), RULE).unwrap();
        std::fs::write(dir.path().join("notes.txt"), "no policy").unwrap();
        let set = load(Some(dir.path()), now()).unwrap();
        let own: Vec<String> =
            set.list().into_iter().filter(|l| !l.file.starts_with("built-in/")).map(|l| l.name).collect();
        assert_eq!(own, ["site-01", "site-02"]);
        assert!(load(Some(&dir.path().join("none")), now()).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn a_folder_or_file_that_everybody_may_change_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.json");
        std::fs::write(&file, RULE).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o646)).unwrap();
        assert!(load(Some(dir.path()), now()).unwrap_err().to_string().contains("p.json: run `chmod o-w`"));
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(load(Some(dir.path()), now()).unwrap_err().to_string().contains("everybody may write"));
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        load(Some(dir.path()), now()).unwrap();
    }

    #[test]
    fn a_pipe_is_not_waited_for_and_folders_within_folders_come_to_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("p.json");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert!(load(Some(dir.path()), now()).unwrap_err().to_string().contains("p.json is no file"));
        std::fs::remove_file(&pipe).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("round")).unwrap();
        assert!(load(Some(dir.path()), now()).unwrap_err().to_string().contains("in folders 4 deep"));
        std::fs::remove_file(dir.path().join("round")).unwrap();
        std::fs::write(&pipe, " ".repeat(usize::try_from(FILE_MAX_BYTES).unwrap() + 1)).unwrap();
        assert!(load(Some(dir.path()), now()).unwrap_err().to_string().contains("files of 1048576 bytes"));
    }
}
