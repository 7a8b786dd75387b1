//! The data folder: who may use it, what lies in it, and that only one program writes there.

use super::StoreError;
use crate::seam::Entropy;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// What stands between two cosigned checkpoints of a file: no line of a note.
const BETWEEN_NOTES: &str = "%%\n";

/// A folder that holds one site's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    path: PathBuf,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It does not exist.
    #[error("there is no data folder {path}: `wardwatch serve --data {path}` makes it")]
    Absent {
        /// Where it should be.
        path: String,
    },
    /// Another program writes there.
    #[error("another wardwatch uses the data folder {path}: stop it first")]
    Taken {
        /// Which.
        path: String,
    },
    /// Others may read it.
    #[error("others may read {path} (mode {mode:o}): run `chmod {wanted:o} {path}`")]
    TooOpen {
        /// Which.
        path: String,
        /// Its mode.
        mode: u32,
        /// The mode that is wanted.
        wanted: u32,
    },
    /// The system refuses it.
    #[error("{path} cannot be used")]
    Io {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Holds the folder for one program; released when dropped.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl DataFolder {
    /// The folder at `path`, made if it is absent.
    ///
    /// # Errors
    /// If it cannot be made, or others may read it.
    pub fn make(path: &Path) -> Result<Self, FolderError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| io(path, source))?;
        Self::open(path)
    }

    /// The folder at `path`.
    ///
    /// # Errors
    /// If it is absent, or others may read it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(FolderError::Absent { path: path.display().to_string() });
            }
            Err(source) => return Err(io(path, source)),
        };
        let mode = meta.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(FolderError::TooOpen { path: path.display().to_string(), mode, wanted: 0o700 });
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join("wardwatch.db")
    }

    /// The socket for administration.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        self.path.join("admin.sock")
    }

    /// The secret key of the audit trail.
    #[must_use]
    pub fn audit_key(&self) -> PathBuf {
        self.path.join("audit.key")
    }

    /// The key that signs links in messages.
    #[must_use]
    pub fn link_key_file(&self) -> PathBuf {
        self.path.join("links.key")
    }

    /// The 32 secret bytes that sign links in messages, made if there are none.
    ///
    /// # Errors
    /// If the file cannot be used, has another length, or others may read it.
    pub fn link_key(&self, entropy: &dyn Entropy) -> Result<[u8; 32], StoreError> {
        secret_of(&self.link_key_file(), entropy)
    }

    /// The secret key by which the server is known over TLS, if it makes its own certificate.
    #[must_use]
    pub fn tls_key(&self) -> PathBuf {
        self.path.join("tls.key")
    }

    /// The certificate of that key.
    #[must_use]
    pub fn tls_certificate(&self) -> PathBuf {
        self.path.join("tls.crt")
    }

    /// Writes a file of the folder so that after a crash it is the old one or the new one, whole.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
        write_durably(path, bytes, mode)
    }

    /// The key for passphrases and seeds, where it lies in the folder.
    #[must_use]
    pub fn pepper_file(&self) -> PathBuf {
        self.path.join("pepper.key")
    }

    /// The 32 secret bytes for passphrases and seeds, made if there are none: in a file elsewhere, if one is named.
    ///
    /// # Errors
    /// If the file cannot be used, has another length, or others may read it.
    pub fn pepper(&self, elsewhere: Option<&Path>, entropy: &dyn Entropy) -> Result<[u8; 32], StoreError> {
        secret_of(elsewhere.unwrap_or(&self.pepper_file()), entropy)
    }

    /// The public key of the audit trail.
    #[must_use]
    pub fn audit_public_key(&self) -> PathBuf {
        self.path.join("audit.pub")
    }

    /// The newest signed checkpoint of the audit trail.
    #[must_use]
    pub fn audit_checkpoint(&self) -> PathBuf {
        self.path.join("audit.checkpoint")
    }

    /// The number of the next entry of the audit trail that the receiver of syslog wants.
    #[must_use]
    pub fn audit_delivered(&self) -> PathBuf {
        self.path.join("audit.delivered")
    }

    fn cosigned_path(&self) -> PathBuf {
        self.path.join("audit.cosigned")
    }

    /// The newest checkpoint that each witness has cosigned, with all cosignatures on it; the newest first.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn cosigned_checkpoints(&self) -> Result<Vec<String>, StoreError> {
        let path = self.cosigned_path();
        match std::fs::read_to_string(&path) {
            Ok(notes) => Ok(notes.split(BETWEEN_NOTES).filter(|note| !note.is_empty()).map(str::to_owned).collect()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(StoreError::File { path: path.display().to_string(), source }),
        }
    }

    /// Keeps cosigned checkpoints in the place of those before.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn keep_cosigned_checkpoints(&self, notes: &[String]) -> Result<(), StoreError> {
        let path = self.cosigned_path();
        let failed = |source| StoreError::File { path: path.display().to_string(), source };
        write_durably(&path, notes.join(BETWEEN_NOTES).as_bytes(), 0o644).map_err(failed)
    }

    /// Takes the folder for this program.
    ///
    /// # Errors
    /// If another program has it.
    pub fn lock(&self) -> Result<FolderLock, FolderError> {
        let path = self.path.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(|source| io(&path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(FolderError::Taken { path: self.path.display().to_string() }),
            Err(e) => Err(io(&path, e.into())),
        }
    }

    /// The 32 secret bytes of the audit key, made if there are none.
    ///
    /// # Errors
    /// If the file cannot be used, has another length, or others may read it.
    pub(super) fn secret_key(&self, entropy: &dyn Entropy) -> Result<[u8; 32], StoreError> {
        secret_of(&self.audit_key(), entropy)
    }
}

/// The 32 secret bytes of a file, made if there are none.
fn secret_of(path: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], StoreError> {
    let file_error = |source| StoreError::File { path: path.display().to_string(), source };
    match std::fs::read(path) {
        Ok(bytes) => {
            let mode = std::fs::metadata(path).map_err(file_error)?.mode() & 0o777;
            if mode & 0o077 != 0 {
                let why = format!("others may read it (mode {mode:o}): run `chmod 600` on it");
                return Err(file_error(std::io::Error::other(why)));
            }
            bytes.try_into().map_err(|_| file_error(std::io::Error::other("it has not 32 bytes")))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let mut secret = [0; 32];
            entropy.fill(&mut secret)?;
            write_durably(path, &secret, 0o600).map_err(file_error)?;
            Ok(secret)
        }
        Err(e) => Err(file_error(e)),
    }
}

/// Writes a file so that after a crash it is the old one or the new one, whole.
///
/// # Errors
/// If the system refuses.
pub(super) fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(mode).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn io(path: &Path, source: std::io::Error) -> FolderError {
    FolderError::Io { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_has_one_writer() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&dir.path().join("data")).unwrap();
        let lock = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(FolderError::Taken { .. })));
        drop(lock);
        folder.lock().unwrap();
    }

    #[test]
    fn a_folder_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = DataFolder::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
        assert!(matches!(DataFolder::open(&dir.path().join("none")), Err(FolderError::Absent { .. })));
    }

    #[test]
    fn the_audit_key_is_made_once_and_kept_secret() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&dir.path().join("data")).unwrap();
        let entropy = crate::seam::OsEntropy;
        let key = folder.secret_key(&entropy).unwrap();
        assert_eq!(folder.secret_key(&entropy).unwrap(), key);
        assert_eq!(std::fs::metadata(folder.audit_key()).unwrap().mode() & 0o777, 0o600);
        std::fs::set_permissions(folder.audit_key(), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(folder.secret_key(&entropy).is_err());
    }
}
