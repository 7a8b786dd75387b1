//! A witness on another host: looks at a server's audit trail, remembers it, cosigns what has grown, refuses all else.

use super::{
    endpoint::Endpoint,
    hashes::{HashesError, KeptHashes},
    http::{HttpError, ask_text, get, post_text},
    trail::{Follower, Offer, TrailMemory, TrailStanding, file_name},
};
use crate::{
    audit::{
        Checkpoint, CheckpointError, CosignatureVerifier, Cosigner, Hash, NoteVerifier, Shown, memory::hash_text, pin,
    },
    domain::{Mode, Timestamp},
    seam::Entropy,
};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// What a witness is made with.
pub struct WitnessParts {
    /// The server.
    pub endpoint: Endpoint,
    /// The witness's name, as it stands in its cosignatures.
    pub name: String,
    /// The folder of its key and its memory.
    pub folder: PathBuf,
    /// The trail's key, if it is known; else the first that is seen is believed.
    pub key: Option<NoteVerifier>,
}

/// Looks at one server's audit trail.
pub struct Witness {
    endpoint: Endpoint,
    follower: Follower,
    cosigner: Cosigner,
    hashes: PathBuf,
    /// Those that are kept, once they were read.
    kept: Option<KeptHashes>,
    /// What is wrong, once the past was changed and the entry named.
    named: Option<String>,
}

/// Holds a witness's folder for one process; released when dropped.
pub struct WitnessLock {
    _file: File,
}

/// Most pages of hashes that are asked for in one look, of 8,192 entries each: as many as a pin holds.
const PAGES_MAX: usize = 8_192;

/// Why a witness has not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The server cannot be asked, or will not have the cosignature.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What it says is not understood.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes that are kept cannot be used.
    #[error(transparent)]
    Hashes(#[from] HashesError),
    /// The folder cannot be used.
    #[error("{path} cannot be used")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No random bytes could be had.
    #[error(transparent)]
    Entropy(#[from] crate::seam::EntropyError),
    /// Another process witnesses with this folder: two of them would sign what the other has not seen.
    #[error("another `wardwatch witness` uses {path}: stop it first, or name another folder with --state")]
    Taken {
        /// Which.
        path: String,
    },
    /// The hashes of the entries were not kept: the next changed entry may not be named.
    #[error("cosigned {size} entries, but their hashes were not kept: {why}")]
    NoHashes {
        /// Entries that were cosigned.
        size: u64,
        /// Why.
        why: String,
    },
    /// The trail could not be remembered: then it is not cosigned.
    #[error("not cosigned: {0}")]
    NotWitnessed(String),
    /// The hashes that are shown are not those under the checkpoint: which entry they name is the server's choice.
    #[error("the server shows hashes that it has not signed")]
    NotSigned,
    /// The past was changed. Nothing is cosigned any more until a person removes what is remembered.
    #[error("AUDIT FORKED: {0}")]
    Forked(String),
}

/// The secret key of a witness, made if there is none.
fn secret(folder: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], WitnessError> {
    let path = folder.join("witness.key");
    let failed = |source| WitnessError::File { path: path.display().to_string(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    match std::fs::read(&path) {
        Ok(bytes) => {
            if std::fs::metadata(&path).map_err(failed)?.mode() & 0o077 != 0 {
                return Err(failed(std::io::Error::other("others may read it: run `chmod 600` on it")));
            }
            bytes.try_into().map_err(|_| failed(std::io::Error::other("it has not 32 bytes")))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let mut secret = [0; 32];
            entropy.fill(&mut secret)?;
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path).map_err(failed)?;
            file.write_all(&secret).and_then(|()| file.sync_all()).map_err(failed)?;
            Ok(secret)
        }
        Err(e) => Err(failed(e)),
    }
}

impl Witness {
    /// A witness with the key and the memory of its folder.
    ///
    /// # Errors
    /// If the folder cannot be used or the name is none of a key.
    pub fn new(parts: WitnessParts, entropy: &dyn Entropy) -> Result<Self, WitnessError> {
        let WitnessParts { endpoint, name, folder, key } = parts;
        let cosigner = Cosigner::new(name, &secret(&folder, entropy)?)?;
        let memory = TrailMemory::at(folder.join("trails"));
        // What is a demonstration is as good as any: whoever asks for a witness gets one.
        let hashes = folder.join("trails").join(format!("{}.hashes", file_name(&endpoint.authority())));
        let follower = Follower::new(&memory, endpoint.authority(), Mode::Live).expecting(key);
        Ok(Self { endpoint, follower, cosigner, hashes, kept: None, named: None })
    }

    /// Takes a witness's folder for this process.
    ///
    /// # Errors
    /// If another process has it, or it cannot be used.
    pub fn lock(folder: &Path) -> Result<WitnessLock, WitnessError> {
        let path = folder.join("lock");
        let failed = |source| WitnessError::File { path: path.display().to_string(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(WitnessLock { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(WitnessError::Taken { path: folder.display().to_string() }),
            Err(e) => Err(failed(e.into())),
        }
    }

    /// The public key of the witness.
    #[must_use]
    pub fn key(&self) -> CosignatureVerifier {
        self.cosigner.verifier()
    }

    /// Looks once: fetches the newest checkpoint with its proof, remembers it, cosigns it, hands that to the server, and keeps
    /// the hashes of the entries. Gives how many entries were cosigned. If the past was changed, the first changed entry is
    /// named by those hashes.
    ///
    /// # Errors
    /// If any of it fails; nothing is cosigned then, except where only the hashes are missing.
    pub async fn look(&mut self, now: Timestamp) -> Result<u64, WitnessError> {
        let unix_s = u64::try_from(now.as_ms().div_euclid(1000)).unwrap_or(0);
        match self.cosign(unix_s).await {
            Ok(size) => match self.keep_hashes(unix_s).await {
                Ok(()) => Ok(size),
                Err(e) => Err(WitnessError::NoHashes { size, why: e.to_string() }),
            },
            Err(WitnessError::Forked(what)) => Err(WitnessError::Forked(self.name_first(what, unix_s).await)),
            Err(e) => Err(e),
        }
    }

    /// What was seen, with the first entry that is not as it was.
    async fn name_first(&mut self, what: String, unix_s: u64) -> String {
        if self.named.is_none() {
            match self.first_bad(unix_s).await {
                Ok(named) => self.named = named,
                Err(e) => return format!("{what}; the first bad entry is not known: {e}"),
            }
        }
        self.named.as_ref().map_or_else(|| what.clone(), |named| format!("{what}; first bad entry: {named}"))
    }

    /// The first entry whose hash is not the one that was kept; the number of entries that are left if they are fewer. The
    /// server chooses what it shows, so it counts only if it is what the server has signed.
    async fn first_bad(&self, unix_s: u64) -> Result<Option<String>, WitnessError> {
        let Some(seen) = self.follower.remembered() else { return Ok(None) };
        let kept = KeptHashes::open(self.hashes.clone())?.read()?;
        let bytes = get(&self.endpoint, "/v1/audit/checkpoint?old=0").await?;
        let shown: Shown = String::from_utf8_lossy(&bytes).parse()?;
        let signed = seen.key.open(&shown.note)?;
        let mut hashes = Vec::new();
        for _ in 0..PAGES_MAX {
            let from = hashes.len() as u64;
            if from >= signed.size {
                break;
            }
            let page = self.page(from, unix_s).await?;
            if page.is_empty() {
                break;
            }
            hashes.extend(page);
        }
        hashes.truncate(usize::try_from(signed.size).unwrap_or(usize::MAX));
        differs(&kept, &hashes, &signed)
    }

    /// Hashes that the server shows, from an entry on. It shows them to whoever has cosigned just now; the checkpoint that is
    /// remembered is cosigned again for it, which says nothing new.
    async fn page(&self, from: u64, unix_s: u64) -> Result<Vec<Hash>, WitnessError> {
        let Some(seen) = self.follower.remembered() else { return Ok(Vec::new()) };
        let asked = format!("{}{}", seen.note, self.cosigner.cosign(&seen.note, unix_s)?);
        let bytes = ask_text(&self.endpoint, &format!("/v1/audit/hashes?from={from}"), asked).await?;
        Ok(bytes.as_chunks::<32>().0.to_vec())
    }

    /// Keeps the hashes of all entries that are remembered.
    async fn keep_hashes(&mut self, unix_s: u64) -> Result<(), WitnessError> {
        let mut kept = match self.kept.take() {
            Some(kept) => kept,
            None => KeptHashes::open(self.hashes.clone())?,
        };
        let Some(seen) = self.follower.remembered() else { return Ok(()) };
        let (size, root) = (seen.checkpoint.size, seen.checkpoint.root);
        let mut further = Vec::new();
        for _ in 0..PAGES_MAX {
            let from = kept.size() + further.len() as u64;
            if from >= size {
                break;
            }
            let page = self.page(from, unix_s).await?;
            if page.is_empty() {
                break;
            }
            further.extend(page);
        }
        further.truncate(usize::try_from(size.saturating_sub(kept.size())).unwrap_or(usize::MAX));
        kept.extend(&further, &root)?;
        self.kept = Some(kept);
        Ok(())
    }

    async fn cosign(&mut self, unix_s: u64) -> Result<u64, WitnessError> {
        let old = self.follower.next().map_err(not_good)?;
        let text = |bytes: bytes::Bytes| String::from_utf8_lossy(&bytes).into_owned();
        let key = text(get(&self.endpoint, "/v1/audit/key").await?);
        let path = format!("/v1/audit/checkpoint?old={old}");
        // A server of before does not know that witnesses meet, and refuses the word.
        let met = match get(&self.endpoint, &format!("{path}&meet")).await {
            Err(HttpError::Problem(problem)) if problem.status == 400 => get(&self.endpoint, &path).await?,
            met => met?,
        };
        let shown: Shown = text(met).parse()?;
        let offer = Offer {
            key: key.trim().to_owned(),
            old: shown.old,
            proof: shown.proof.iter().map(hash_text).collect(),
            note: shown.note.clone(),
        };
        // It is remembered before it is cosigned: a witness never signs two pasts.
        match self.follower.take(&offer) {
            TrailStanding::Witnessed { size } => {
                let line = self.cosigner.cosign(&shown.note, unix_s)?;
                post_text(&self.endpoint, "/v1/audit/cosigned", format!("{}{line}", shown.note)).await?;
                Ok(size)
            }
            standing => Err(not_good(standing)),
        }
    }
}

/// The first hash that differs, if those that are shown are those that were signed.
fn differs(kept: &[Hash], shown: &[Hash], signed: &Checkpoint) -> Result<Option<String>, WitnessError> {
    if shown.len() as u64 != signed.size || pin::root_over(shown) != signed.root {
        return Err(WitnessError::NotSigned);
    }
    Ok(pin::first_difference(kept, shown).map(|first| first.to_string()))
}

fn not_good(standing: TrailStanding) -> WitnessError {
    match standing {
        TrailStanding::Forked { what } => WitnessError::Forked(what),
        TrailStanding::NotWitnessed { why } => WitnessError::NotWitnessed(why),
        TrailStanding::Witnessed { .. } => WitnessError::NotWitnessed("nothing new was seen".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_does_not_choose_which_entry_is_named() {
        let kept: Vec<Hash> = (0..8).map(|n| [n; 32]).collect();
        let mut changed = kept.clone();
        changed[3] = [99; 32];
        let signed = |hashes: &[Hash]| Checkpoint {
            origin: "o".into(),
            size: hashes.len() as u64,
            root: pin::root_over(hashes),
        };
        let named = |shown: &[Hash], of: &[Hash]| differs(&kept, shown, &signed(of)).map_err(|e| e.to_string());
        assert_eq!(named(&changed, &changed), Ok(Some("3".to_owned())));
        assert_eq!(named(&kept[..5], &kept[..5]), Ok(Some("5".to_owned())), "it was set back");
        let mut other = kept.clone();
        other[6] = [99; 32];
        let lie = Err("the server shows hashes that it has not signed".to_owned());
        assert_eq!(named(&other, &changed), lie, "another entry than the one that was changed");
        assert_eq!(named(&changed[..2], &changed), lie, "too few");
    }
}
