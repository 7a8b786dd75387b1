//! The client as a witness of the server's audit trail: it remembers the last checkpoint of each server, and demands a proof
//! that the next one has grown from it.

use crate::{
    audit::{CheckpointError, Fork, NoteVerifier, Remembered, Shown, memory::hashes},
    domain::Mode,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{DirBuilder, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Longest file of memory that is read, in bytes.
const MEMORY_MAX_BYTES: u64 = 64 * 1024;

/// Where the last checkpoint of each server is remembered.
#[derive(Debug, Clone, Default)]
pub struct TrailMemory {
    folder: Option<PathBuf>,
}

impl TrailMemory {
    /// In this folder, which is made when it is needed.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// The file of a server.
    fn file(&self, server: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{}.json", file_name(server))))
    }
}

/// The name of a server's files.
pub(super) fn file_name(server: &str) -> String {
    server.chars().map(|c| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' }).collect()
}

/// What is known of the audit trail of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrailStanding {
    /// It has grown from what was seen before, or is seen for the first time.
    Witnessed {
        /// Its signed entries.
        size: u64,
    },
    /// It could not be looked at, or not be remembered.
    NotWitnessed {
        /// Why.
        why: String,
    },
    /// The past was changed, or the server shows different pasts to different people. It stays so until a person removes
    /// what is remembered.
    Forked {
        /// What was seen.
        what: String,
    },
}

/// What a file of memory holds.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    server: String,
    key: String,
    checkpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forked: Option<String>,
}

/// What the server showed: its key, and the newest checkpoint with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) key: String,
    pub(super) old: u64,
    pub(super) proof: Vec<String>,
    pub(super) note: String,
}

/// Why what the server showed is not taken.
enum NotSeen {
    /// It is not understood, or not signed: that proves nothing, and the next answer may be good.
    Unclear(String),
    /// It is signed, and contradicts what was seen: that stays.
    Forked(String),
}

impl NotSeen {
    fn unclear(e: &CheckpointError) -> Self {
        Self::Unclear(e.to_string())
    }
}

impl From<Fork> for NotSeen {
    fn from(fork: Fork) -> Self {
        match fork {
            Fork::NotGood(e) => Self::unclear(&e),
            Fork::OtherKey { .. } | Fork::RolledBack { .. } | Fork::Rewritten { .. } => Self::Forked(fork.to_string()),
        }
    }
}

/// Follows the trail of one server.
pub(super) struct Follower {
    server: String,
    file: Option<PathBuf>,
    seen: Option<Remembered>,
    /// The key that is believed at first sight; any if absent.
    expected: Option<NoteVerifier>,
    forked: Option<String>,
}

impl Follower {
    /// Follows the trail of a server. Of a demonstration nothing is kept on the disk: it begins anew each time.
    pub(super) fn new(memory: &TrailMemory, server: String, mode: Mode) -> Self {
        let file = memory.file(&server).filter(|_| mode == Mode::Live);
        Self { server, file, seen: None, expected: None, forked: None }
    }

    /// With the key that the trail must have.
    pub(super) fn expecting(self, key: Option<NoteVerifier>) -> Self {
        Self { expected: key, ..self }
    }

    /// Reads what is remembered. Another client of this person may have seen more meanwhile.
    fn recall(&mut self) -> Result<(), String> {
        let Some(path) = &self.file else { return Ok(()) };
        let Some(kept) = read(path)? else { return Ok(()) };
        let bad = |e: &dyn std::fmt::Display| format!("{} is not what was remembered: {e}", path.display());
        let key: NoteVerifier = kept.key.parse().map_err(|e| bad(&e))?;
        let seen = Remembered::first(key, &kept.checkpoint).map_err(|e| bad(&e))?;
        if self.seen.as_ref().is_none_or(|own| own.checkpoint.size <= seen.checkpoint.size) {
            self.seen = Some(seen);
        }
        if self.forked.is_none() {
            self.forked = kept.forked;
        }
        Ok(())
    }

    /// From which size on the next proof is wanted; the standing instead if there is nothing to ask any more.
    pub(super) fn next(&mut self) -> Result<u64, TrailStanding> {
        self.recall().map_err(|why| TrailStanding::NotWitnessed { why })?;
        match &self.forked {
            Some(what) => Err(TrailStanding::Forked { what: what.clone() }),
            None => Ok(self.seen.as_ref().map_or(0, |seen| seen.checkpoint.size)),
        }
    }

    /// Judges what the server showed.
    pub(super) fn take(&mut self, offer: &Offer) -> TrailStanding {
        if let Some(what) = &self.forked {
            return TrailStanding::Forked { what: what.clone() };
        }
        // More may have been seen since it was asked for.
        if self.seen.as_ref().is_some_and(|seen| seen.checkpoint.size > offer.old) {
            return TrailStanding::NotWitnessed { why: "an answer to an older question".to_owned() };
        }
        match self.judge(offer) {
            Ok(seen) => {
                let size = seen.checkpoint.size;
                self.seen = Some(seen);
                self.keep()
                    .map_or_else(|why| TrailStanding::NotWitnessed { why }, |()| TrailStanding::Witnessed { size })
            }
            Err(NotSeen::Unclear(why)) => TrailStanding::NotWitnessed { why },
            Err(NotSeen::Forked(what)) => {
                self.forked = Some(what.clone());
                // It is said whether or not it can be kept.
                drop(self.keep());
                TrailStanding::Forked { what }
            }
        }
    }

    fn judge(&self, offer: &Offer) -> Result<Remembered, NotSeen> {
        let key: NoteVerifier = offer.key.parse().map_err(|e| NotSeen::unclear(&e))?;
        if let Some(expected) = self.expected.as_ref().filter(|expected| **expected != key) {
            return Err(Fork::OtherKey { was: expected.to_string(), is: key.to_string() }.into());
        }
        let Some(seen) = &self.seen else {
            return Remembered::first(key, &offer.note).map_err(|e| NotSeen::unclear(&e));
        };
        let from = seen.checkpoint.size;
        let proof = hashes(offer.proof.iter().map(String::as_str));
        let proof =
            proof.ok_or_else(|| NotSeen::Unclear(format!("size {from}: what should prove the growth is no proof")))?;
        let shown = Shown { old: offer.old, proof, note: offer.note.clone() };
        Ok(seen.again(&key, &shown)?)
    }

    /// What is remembered now.
    pub(super) const fn remembered(&self) -> Option<&Remembered> {
        self.seen.as_ref()
    }

    fn keep(&self) -> Result<(), String> {
        let (Some(path), Some(seen)) = (&self.file, &self.seen) else { return Ok(()) };
        let failed = |e: &dyn std::fmt::Display| format!("{} cannot be written: {e}", path.display());
        let known = read(path).ok().flatten();
        let size = |kept: &Kept| crate::audit::Checkpoint::parse(&kept.checkpoint).map_or(0, |c| c.size);
        // Another client of this person has seen more: that stays.
        if self.forked.is_none() && known.as_ref().is_some_and(|kept| size(kept) > seen.checkpoint.size) {
            return Ok(());
        }
        let forked = self.forked.clone().or(known.and_then(|kept| kept.forked));
        let kept =
            Kept { server: self.server.clone(), key: seen.key.to_string(), checkpoint: seen.note.clone(), forked };
        let text = serde_json::to_string_pretty(&kept).map_err(|e| failed(&e))?;
        write(path, &text).map_err(|e| failed(&e))
    }
}

fn read(path: &Path) -> Result<Option<Kept>, String> {
    use std::io::Read;
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("{} cannot be read: {e}", path.display())),
    };
    let mut text = String::new();
    let read = file.take(MEMORY_MAX_BYTES).read_to_string(&mut text);
    read.map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    let kept = serde_json::from_str(&text);
    kept.map(Some).map_err(|e| format!("{} is not what was remembered: {e}", path.display()))
}

/// Writes the file so that it is the old one or the new one, whole, and for its owner alone.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Hash, NoteSigner, Subtrees, Tree, leaf_hash, memory::hash_text, proof};

    /// What a server of `size` entries shows to somebody who has seen `old`; its entries are others from `other` on.
    fn offer(old: u64, size: u64, other: u64, secret: u8) -> Offer {
        let signer = NoteSigner::new("wardwatch/site".into(), &[secret; 32]);
        let leaf = |n: u64| leaf_hash(format!("{n}{}", if n < other { "" } else { "!" }).as_bytes());
        let all: Vec<Hash> = (0..size).map(leaf).collect();
        let (mut tree, mut subtrees) = (Tree::default(), Subtrees::default());
        all.iter().for_each(|hash| {
            tree.push(*hash);
            subtrees.push(*hash);
        });
        let made = proof::consistency(&subtrees.with(&all), old, size).unwrap().unwrap_or_default();
        let proof = made.iter().map(hash_text).collect();
        Offer { key: signer.verifier().to_string(), old, proof, note: signer.sign(size, tree.root()) }
    }

    const HONEST: u64 = 1_000;

    fn follower(dir: &Path, mode: Mode) -> Follower {
        Follower::new(&TrailMemory::at(dir.join("trails")), "ward:8470".into(), mode)
    }

    #[test]
    fn what_was_seen_outlives_the_client() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mut first = follower(dir.path(), Mode::Live);
        assert_eq!(first.next(), Ok(0));
        assert_eq!(first.take(&offer(0, 20, HONEST, 1)), TrailStanding::Witnessed { size: 20 });
        let file = dir.path().join("trails/ward_8470.json");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let mut second = follower(dir.path(), Mode::Live);
        assert_eq!(second.next(), Ok(20));
        assert_eq!(second.take(&offer(20, 31, HONEST, 1)), TrailStanding::Witnessed { size: 31 });
        assert_eq!(first.next(), Ok(31), "another client has seen more");
        let back = "size 31 → 25: entries that were signed are gone".to_owned();
        assert_eq!(first.take(&offer(31, 25, HONEST, 1)), TrailStanding::Forked { what: back.clone() });
        // It never goes away by itself: not when the server is good again, not in another client.
        assert_eq!(first.take(&offer(31, 40, HONEST, 1)), TrailStanding::Forked { what: back.clone() });
        assert_eq!(follower(dir.path(), Mode::Live).next(), Err(TrailStanding::Forked { what: back }));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(follower(dir.path(), Mode::Live).next(), Ok(0));
    }

    #[test]
    fn another_past_and_another_key_are_told() {
        let told = |offer: &Offer| {
            let dir = tempfile::tempdir().unwrap();
            let mut follower = follower(dir.path(), Mode::Live);
            follower.take(&self::offer(0, 20, HONEST, 1));
            let TrailStanding::Forked { what } = follower.take(offer) else { panic!("not told") };
            what
        };
        let rewritten = "size 20 → 30: entries that were signed are not as they were";
        assert_eq!(told(&offer(20, 30, 7, 1)), rewritten);
        assert_eq!(told(&Offer { proof: Vec::new(), ..offer(20, 30, HONEST, 1) }), rewritten);
        assert!(told(&offer(20, 30, HONEST, 2)).starts_with("another key: "));
    }

    /// An answer that is not understood or not signed proves nothing: it is said, and the next one may be good.
    #[test]
    fn an_answer_that_is_not_understood_is_no_fork() {
        let dir = tempfile::tempdir().unwrap();
        let mut follower = follower(dir.path(), Mode::Live);
        follower.take(&offer(0, 20, HONEST, 1));
        let good = offer(20, 30, HONEST, 1);
        let unsigned = good.note.rsplit_once("\n\n").unwrap().0.to_owned();
        for (bad, says) in [
            (Offer { proof: vec!["?".into()], ..good.clone() }, "no proof"),
            (Offer { key: "?".into(), ..good.clone() }, "not a verifier key"),
            (Offer { note: String::new(), ..good.clone() }, "not a checkpoint"),
            (Offer { note: format!("{unsigned}\n\n"), ..good.clone() }, "no signature"),
        ] {
            let TrailStanding::NotWitnessed { why } = follower.take(&bad) else { panic!("{says}") };
            assert!(why.contains(says), "{why}");
        }
        assert_eq!(follower.take(&good), TrailStanding::Witnessed { size: 30 });
        let mut new = self::follower(&dir.path().join("new"), Mode::Live);
        assert!(matches!(new.take(&Offer { key: "?".into(), ..good }), TrailStanding::NotWitnessed { .. }));
    }

    #[test]
    fn memory_that_cannot_be_read_is_said_and_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = follower(dir.path(), Mode::Live);
        first.take(&offer(0, 20, HONEST, 1));
        let file = dir.path().join("trails/ward_8470.json");
        std::fs::write(&file, "{").unwrap();
        let Err(TrailStanding::NotWitnessed { why }) = follower(dir.path(), Mode::Live).next() else {
            panic!("not said")
        };
        assert!(why.contains("is not what was remembered"), "{why}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{");
    }

    #[test]
    fn of_a_demonstration_nothing_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = follower(dir.path(), Mode::Demo);
        assert_eq!(first.take(&offer(0, 20, HONEST, 1)), TrailStanding::Witnessed { size: 20 });
        assert!(matches!(first.take(&offer(20, 10, HONEST, 1)), TrailStanding::Forked { .. }));
        assert_eq!(follower(dir.path(), Mode::Demo).next(), Ok(0));
        assert!(!dir.path().join("trails").exists());
    }
}
