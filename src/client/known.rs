//! The servers that are known by their keys: a file of lines `HOST:PORT FINGERPRINT`, as SSH keeps one.

use crate::access::Fingerprint;
use std::{
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Longest file of known servers that is read, in bytes.
const KNOWN_MAX_BYTES: u64 = 1024 * 1024;

/// The file of known servers.
#[derive(Debug, Clone)]
pub struct KnownServers {
    path: PathBuf,
}

/// A server as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// In which line it stands, from 1.
    pub line: usize,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// The system refuses.
    #[error("the known servers in {} cannot be used", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is not understood: a server might be in it.
    #[error("line {line} of {} is no known server: HOST:PORT sha256:DIGITS is wanted", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Others may write it.
    #[error("others may write {}: run `chmod 600` on it when you have looked at it", .0.display())]
    Open(PathBuf),
    /// It is somebody else's.
    #[error("{} belongs to uid {owner}: whoever owns it says which servers are known; make one of your own", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It is too long.
    #[error("{} is longer than {KNOWN_MAX_BYTES} bytes", .0.display())]
    TooLong(PathBuf),
}

impl KnownServers {
    /// The file at a path; it may be absent.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn io(&self, source: std::io::Error) -> KnownError {
        KnownError::Io { path: self.path.clone(), source }
    }

    /// A server by `HOST:PORT`, if it is known. Of several lines the first counts.
    ///
    /// # Errors
    /// If the file cannot be read, others may write it, or a line is not understood.
    pub fn find(&self, authority: &str) -> Result<Option<Known>, KnownError> {
        let meta = match std::fs::metadata(&self.path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.io(e)),
        };
        if !is_own(meta.uid(), rustix::process::geteuid().as_raw()) {
            return Err(KnownError::Foreign { path: self.path.clone(), owner: meta.uid() });
        }
        if meta.mode() & 0o022 != 0 {
            return Err(KnownError::Open(self.path.clone()));
        }
        if meta.len() > KNOWN_MAX_BYTES {
            return Err(KnownError::TooLong(self.path.clone()));
        }
        let text = std::fs::read_to_string(&self.path).map_err(|e| self.io(e))?;
        let mut found = None;
        for (no, line) in text.lines().enumerate().map(|(no, line)| (no + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || KnownError::Line { path: self.path.clone(), line: no };
            let (name, fingerprint) = line.split_once(' ').ok_or_else(wrong)?;
            let fingerprint = fingerprint.trim().parse().map_err(|_| wrong())?;
            if name == authority && found.is_none() {
                found = Some(Known { fingerprint, line: no });
            }
        }
        Ok(found)
    }

    /// Adds a server, as the last line; the file is made for its owner alone.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&self, authority: &str, fingerprint: Fingerprint) -> Result<(), KnownError> {
        if let Some(folder) = self.path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| self.io(e))?;
        }
        let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path);
        let mut file = file.map_err(|e| self.io(e))?;
        // One write, so that two programs do not write into each other's line; a last line without an end gets one.
        let before = std::fs::read(&self.path).map_err(|e| self.io(e))?;
        let end = if before.last().is_none_or(|byte| *byte == b'\n') { "" } else { "\n" };
        let line = format!("{end}{authority} {fingerprint}\n");
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| self.io(e))
    }
}

/// Whether a file may be relied on by its owner: one's own, or root's, as SSH has it.
const fn is_own(owner: u32, me: u32) -> bool {
    owner == me || owner == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn key(digit: &str) -> Fingerprint {
        format!("sha256:{}", digit.repeat(64)).parse().unwrap()
    }

    #[test]
    fn who_was_added_is_known_by_place() {
        let dir = tempfile::tempdir().unwrap();
        let known = KnownServers::at(&dir.path().join("state/wardwatch/known-servers"));
        assert_eq!(known.find("monitor:8470").unwrap(), None);
        known.add("monitor:8470", key("a")).unwrap();
        known.add("other:8470", key("b")).unwrap();
        assert_eq!(known.find("monitor:8470").unwrap(), Some(Known { fingerprint: key("a"), line: 1 }));
        assert_eq!(known.find("other:8470").unwrap(), Some(Known { fingerprint: key("b"), line: 2 }));
        assert_eq!(known.find("monitor:8471").unwrap(), None, "another port is another server");
        assert_eq!(std::fs::metadata(known.path()).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_of_somebody_else_is_no_word_of_ones_own() {
        assert!(is_own(1_000, 1_000) && is_own(0, 1_000));
        assert!(!is_own(1_001, 1_000) && !is_own(1_000, 0));
    }

    #[test]
    fn a_file_that_cannot_be_relied_on_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known");
        let known = KnownServers::at(&path);
        std::fs::write(&path, format!("# by hand\n\nmonitor:8470 {}", key("a"))).unwrap();
        known.add("other:8470", key("b")).unwrap();
        assert_eq!(known.find("other:8470").unwrap().map(|k| k.line), Some(4), "a last line without an end");
        std::fs::write(&path, format!("monitor:8470 {}\nother:8470 sha1:00\n", key("a"))).unwrap();
        assert!(matches!(known.find("monitor:8470"), Err(KnownError::Line { line: 2, .. })));
        std::fs::write(&path, format!("monitor:8470 {}\n", key("a"))).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(known.find("monitor:8470"), Err(KnownError::Open(_))));
    }
}
