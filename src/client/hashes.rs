//! The hashes of entries that a witness keeps, so that it can name the first entry that was changed.

use crate::audit::{Hash, Tree, pin};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

/// The hashes of one server's entries: a file of 32 bytes each, in order. Only what gave a root that was signed is kept.
pub(super) struct KeptHashes {
    path: PathBuf,
    tree: Tree,
}

/// Why hashes are not kept.
#[derive(Debug, thiserror::Error)]
pub enum HashesError {
    /// The file cannot be used.
    #[error("{path} cannot be used: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// They do not give the root that was signed: the server shows others, or the file was damaged.
    #[error(
        "the hashes that the server shows do not continue those in {0} to the root that it signed: if what was \
         remembered was removed, remove that file too"
    )]
    NotSigned(String),
}

impl KeptHashes {
    /// Those of a file; none if it is absent.
    pub(super) fn open(path: PathBuf) -> Result<Self, HashesError> {
        let mut kept = Self { path, tree: Tree::default() };
        let mut tree = Tree::default();
        for hash in kept.read()? {
            tree.push(hash);
        }
        kept.tree = tree;
        Ok(kept)
    }

    fn failed(&self, source: std::io::Error) -> HashesError {
        HashesError::File { path: self.path.display().to_string(), source }
    }

    /// All of them. What a broken write has left of a hash is none.
    pub(super) fn read(&self) -> Result<Vec<Hash>, HashesError> {
        let mut bytes = Vec::new();
        match File::open(&self.path) {
            Ok(file) => {
                let all = pin::PIN_ENTRIES_MAX * 32;
                file.take(all).read_to_end(&mut bytes).map_err(|e| self.failed(e))?;
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(self.failed(e)),
        }
        Ok(bytes.as_chunks::<32>().0.to_vec())
    }

    /// How many there are.
    pub(super) const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Keeps further ones, up to the size and root that were signed.
    pub(super) fn extend(&mut self, further: &[Hash], root: &Hash) -> Result<(), HashesError> {
        let mut tree = self.tree.clone();
        further.iter().for_each(|hash| tree.push(*hash));
        if tree.root() != *root {
            return Err(HashesError::NotSigned(self.path.display().to_string()));
        }
        self.append(further).map_err(|e| self.failed(e))?;
        self.tree = tree;
        Ok(())
    }

    fn append(&self, further: &[Hash]) -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        file.set_len(self.tree.size() * 32)?;
        file.write_all(&further.concat())?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{leaf_hash, pin::root_over};

    #[test]
    fn what_was_signed_is_kept_and_goes_on_after_a_broken_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("h");
        let all: Vec<Hash> = (0..9_u8).map(|n| leaf_hash(&[n])).collect();
        let mut kept = KeptHashes::open(path.clone()).unwrap();
        kept.extend(&all[..4], &root_over(&all[..4])).unwrap();
        assert!(matches!(kept.extend(&all[5..], &root_over(&all)), Err(HashesError::NotSigned(_))));
        assert_eq!((kept.size(), kept.read().unwrap()), (4, all[..4].to_vec()));
        OpenOptions::new().append(true).open(&path).unwrap().write_all(&[7; 11]).unwrap();
        let mut again = KeptHashes::open(path).unwrap();
        assert_eq!(again.size(), 4);
        again.extend(&all[4..], &root_over(&all)).unwrap();
        assert_eq!(again.read().unwrap(), all);
    }
}
