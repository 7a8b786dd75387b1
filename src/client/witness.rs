//! A witness on another host: looks at a server's audit trail, remembers it, cosigns what has grown, refuses all else.

use super::{
    endpoint::Endpoint,
    http::{HttpError, get, post_text},
    trail::{Follower, Offer, TrailMemory, TrailStanding},
};
use crate::{
    audit::{CheckpointError, CosignatureVerifier, Cosigner, NoteVerifier, Shown, memory::hash_text},
    domain::{Mode, Timestamp},
    seam::Entropy,
};
use std::{
    fs::{DirBuilder, OpenOptions},
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
}

/// Why a witness has not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The server cannot be asked, or will not have the cosignature.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What it says is not understood.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
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
    /// The trail could not be remembered: then it is not cosigned.
    #[error("not cosigned: {0}")]
    NotWitnessed(String),
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
        let follower = Follower::new(&memory, endpoint.authority(), Mode::Live).expecting(key);
        Ok(Self { endpoint, follower, cosigner })
    }

    /// The public key of the witness.
    #[must_use]
    pub fn key(&self) -> CosignatureVerifier {
        self.cosigner.verifier()
    }

    /// Looks once: fetches the newest checkpoint with its proof, remembers it, cosigns it, and hands that to the server.
    /// Gives how many entries were cosigned.
    ///
    /// # Errors
    /// If any of it fails; nothing is cosigned then.
    pub async fn look(&mut self, now: Timestamp) -> Result<u64, WitnessError> {
        let old = self.follower.next().map_err(not_good)?;
        let text = |bytes: bytes::Bytes| String::from_utf8_lossy(&bytes).into_owned();
        let key = text(get(&self.endpoint, "/v1/audit/key").await?);
        let shown: Shown = text(get(&self.endpoint, &format!("/v1/audit/checkpoint?old={old}")).await?).parse()?;
        let offer = Offer {
            key: key.trim().to_owned(),
            old: shown.old,
            proof: shown.proof.iter().map(hash_text).collect(),
            note: shown.note.clone(),
        };
        // It is remembered before it is cosigned: a witness never signs two pasts.
        match self.follower.take(&offer) {
            TrailStanding::Witnessed { size } => {
                let unix_s = u64::try_from(now.as_ms().div_euclid(1000)).unwrap_or(0);
                let line = self.cosigner.cosign(&shown.note, unix_s)?;
                post_text(&self.endpoint, "/v1/audit/cosigned", format!("{}{line}", shown.note)).await?;
                Ok(size)
            }
            standing => Err(not_good(standing)),
        }
    }
}

fn not_good(standing: TrailStanding) -> WitnessError {
    match standing {
        TrailStanding::Forked { what } => WitnessError::Forked(what),
        TrailStanding::NotWitnessed { why } => WitnessError::NotWitnessed(why),
        TrailStanding::Witnessed { .. } => WitnessError::NotWitnessed("nothing new was seen".to_owned()),
    }
}
