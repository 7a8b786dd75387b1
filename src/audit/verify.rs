//! Whether a stored log is what its checkpoints say, and which leaf is not.

use super::{
    checkpoint::Checkpoint,
    leaf::{Removal, claimed_index, removal, written_at},
    tree::{Hash, Tree, leaf_hash},
};
use crate::domain::Timestamp;
use std::fmt;

/// What a log is held against. Signatures have been checked before.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Checkpoints that were kept elsewhere: whoever has the log's key cannot have changed them.
    pub pinned: Vec<Checkpoint>,
    /// Checkpoints that lie beside the log: whoever has the log's key can sign others.
    pub own: Vec<Checkpoint>,
    /// The hashes of all leaves of a pinned checkpoint, kept elsewhere too: then the first bad leaf is always named exactly.
    pub hashes: Vec<Hash>,
    /// The time of the check: what claims to have been removed later is not believed. Without it nothing may be gone.
    pub now: Option<Timestamp>,
}

/// A leaf as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLeaf {
    /// Its place.
    pub index: u64,
    /// Its bytes; empty if they were removed because their time was over.
    pub bytes: Vec<u8>,
    /// The hash that was stored with it.
    pub hash: Hash,
    /// Whether the text that stands beside it is the one that it was written with; also if none does, for it may be erased.
    pub text_fits: bool,
}

/// Which leaves of a log have no bytes any more, and whether the log itself says so: what else lies in the database can be
/// written by whoever took the bytes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gone {
    /// All leaves before this one are gone.
    upto: u64,
    /// All before this one may be, as an entry says.
    said: u64,
}

impl Gone {
    /// Takes in the next leaf of a log that is signed for its first `covered` leaves. Whether its bytes are as its hash says, or
    /// are gone like those of all leaves before it.
    pub fn takes(&mut self, leaf: &StoredLeaf, covered: u64) -> bool {
        if leaf.bytes.is_empty() && leaf.index == self.upto {
            self.upto += 1;
            return true;
        }
        if self.upto > 0
            && leaf.index < covered
            && let Some(removal) = removal(&leaf.bytes)
            && removal.upto <= leaf.index
            && removal.is_due(removal.retained.until)
        {
            self.said = self.said.max(removal.upto);
        }
        leaf_hash(&leaf.bytes) == leaf.hash
    }

    /// The first leaf that is gone without an entry that says so.
    #[must_use]
    pub const fn unsaid(self) -> Option<u64> {
        if self.upto > self.said { Some(self.said) } else { None }
    }
}

/// What is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The first bad leaf. If `upto` is set, the first bad leaf is at or after this one and before `upto`.
    pub index: u64,
    /// See `index`.
    pub upto: Option<u64>,
    /// What is wrong.
    pub what: FaultKind,
}

/// Kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A leaf is not there.
    Missing,
    /// A leaf's bytes are not those that were written.
    Edited,
    /// A leaf stands in the place of another.
    Moved,
    /// A leaf was removed, and what says so is not signed, or not of an age at which it may go.
    Removed,
    /// A checkpoint beside the log is signed and is not of this log, whose leaves are as they were pinned: `index` is its size,
    /// and no leaf is bad.
    Checkpoint,
    /// The leaf is as it was written, and the text beside it is another than the one it was written with.
    Text,
    /// Leaf and stored hash agree, but not with a signed checkpoint: both were changed.
    NotAsSigned,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index;
        match self.what {
            FaultKind::Missing => write!(f, "leaf {index} is missing"),
            FaultKind::Edited => write!(f, "leaf {index} was edited"),
            FaultKind::Moved => write!(f, "leaf {index} stands in the place of another"),
            FaultKind::Text => write!(f, "the text beside leaf {index} does not fit its entry: it was changed"),
            FaultKind::Removed => {
                write!(f, "leaf {index} was removed, and no signed entry says that its time was over")
            }
            FaultKind::Checkpoint => write!(
                f,
                "a checkpoint over {index} entries in the folder carries the key's signature and is not of this trail: somebody \
                 else has the key; the entries before {index} are as they were pinned"
            ),
            FaultKind::NotAsSigned => write!(f, "leaf {index} is not as the signed checkpoint says"),
        }?;
        match self.upto {
            Some(upto) if upto > index + 1 => write!(f, " (or one up to {})", upto - 1),
            _ => Ok(()),
        }
    }
}

/// What was found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Leaves in the log.
    pub leaves: u64,
    /// Leaves that the greatest checkpoint covers.
    pub covered: u64,
    /// Checkpoints that were checked.
    pub checkpoints: usize,
    /// What was removed by retention, if anything was.
    pub removed: Option<Removed>,
}

/// Entries that were removed because their time was over: their hashes are there and are as they were signed, and an entry of
/// the trail says so that a checkpoint covers. The oldest entry that is there bears the age out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// All entries before this one.
    pub upto: u64,
    /// When, in UTC.
    pub at: String,
    /// Who removed them.
    pub who: String,
    /// The entry that says so.
    pub entry: u64,
    /// Years that entries are kept by it.
    pub years: u16,
}

/// Checks leaves in the order of their index against the evidence.
///
/// # Errors
/// The first fault, or what `leaves` failed with.
pub fn verify<E>(
    leaves: impl Iterator<Item = Result<StoredLeaf, E>>,
    evidence: &Evidence,
) -> Result<Result<Verified, Fault>, E> {
    let mut check = Check::new(evidence);
    if let Some(fault) = check.checkpoints() {
        return Ok(Err(fault));
    }
    for leaf in leaves {
        if let Some(fault) = check.leaf(&leaf?) {
            return Ok(Err(fault));
        }
    }
    Ok(check.end())
}

/// A check under way.
struct Check<'a> {
    /// All checkpoints, the smallest first, each with whether it is pinned.
    checkpoints: Vec<(&'a Checkpoint, bool)>,
    /// How many of them have been reached and hold.
    reached: usize,
    hashes: &'a [Hash],
    /// The tree of the leaves' bytes.
    written: Tree,
    /// The tree of the hashes that are stored with them.
    stored: Tree,
    /// The hash of the leaf before.
    before: Option<Hash>,
    /// The first leaf that does not fit the hash stored with it, or claims another place.
    visible: Option<Fault>,
    /// The first text that does not fit its leaf. What is wrong with leaves comes first.
    text: Option<Fault>,
    /// Leaves at the beginning whose bytes are gone.
    gone: u64,
    /// When the first leaf was written that is there.
    kept_since: Option<Timestamp>,
    /// The entry that says that most were removed, with its place.
    removed: Option<(u64, Removal)>,
    now: Option<Timestamp>,
    /// Leaves that some checkpoint covers.
    covered: u64,
    /// Leaves that are certainly as they were signed. What lies beside the log counts only where nothing was pinned.
    proven: u64,
}

impl<'a> Check<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let pinned = evidence.pinned.iter().map(|c| (c, true));
        let mut checkpoints: Vec<_> = pinned.chain(evidence.own.iter().map(|c| (c, false))).collect();
        checkpoints.sort_by_key(|(c, pinned)| (c.size, !*pinned));
        let covered = checkpoints.last().map_or(0, |(c, _)| c.size);
        Self {
            kept_since: None,
            now: evidence.now,
            covered,
            checkpoints,
            reached: 0,
            hashes: &evidence.hashes,
            written: Tree::default(),
            stored: Tree::default(),
            before: None,
            visible: None,
            text: None,
            gone: 0,
            removed: None,
            proven: 0,
        }
    }

    /// Takes in the next leaf.
    fn leaf(&mut self, leaf: &StoredLeaf) -> Option<Fault> {
        let place = self.written.size();
        if leaf.index != place {
            return Some(self.missing(place));
        }
        let gone = leaf.bytes.is_empty();
        if gone && self.gone != place {
            return Some(self.missing(place));
        }
        // Of what was removed the stored hash is all there is; the checkpoints say whether it is the one that was signed.
        let hash = if gone { leaf.hash } else { leaf_hash(&leaf.bytes) };
        if gone {
            self.gone += 1;
        } else if self.gone > 0 {
            if self.gone == place {
                self.kept_since = written_at(&leaf.bytes);
            }
            self.note_removal(place, &leaf.bytes);
        }
        let pin = usize::try_from(place).ok().and_then(|at| self.hashes.get(at));
        if self.visible.is_none() && !gone {
            self.visible = self.look(leaf, place, hash);
        }
        if self.text.is_none() && !gone && !leaf.text_fits {
            self.text = Some(Fault { index: place, upto: None, what: FaultKind::Text });
        }
        if pin.is_some_and(|pin| *pin != hash) {
            let visible = self.visible.take().filter(|fault| fault.upto.is_none());
            return Some(visible.unwrap_or(Fault { index: place, upto: None, what: FaultKind::NotAsSigned }));
        }
        self.before = Some(hash);
        self.written.push(hash);
        self.stored.push(leaf.hash);
        self.checkpoints()
    }

    /// Takes in that an entry says that others were removed. Whoever can write to the database can write such an entry too:
    /// it counts if a checkpoint covers it, and by its own words they were old enough.
    fn note_removal(&mut self, place: u64, bytes: &[u8]) {
        let Some(removal) = (place < self.covered).then(|| removal(bytes)).flatten() else { return };
        let happened = self.now.is_some_and(|now| removal.at <= now);
        let more = self.removed.as_ref().is_none_or(|(_, before)| before.upto <= removal.upto);
        if happened && more && removal.upto <= place && removal.is_due(removal.retained.until) {
            self.removed = Some((place, removal));
        }
    }

    /// What is wrong with what is gone, if anything is. Its age cannot be seen any more; but nothing is older than the entry
    /// after it, and that one is there.
    fn removed_wrongly(&self) -> Option<Fault> {
        let at = |index| Some(Fault { index, upto: None, what: FaultKind::Removed });
        match &self.removed {
            _ if self.gone == 0 => None,
            None => at(0),
            Some((_, removal)) if self.gone > removal.upto => at(removal.upto),
            Some((_, removal)) if !self.kept_since.is_some_and(|since| removal.is_due(since)) => at(0),
            Some(_) => None,
        }
    }

    /// What a leaf shows by itself and beside the one before it.
    fn look(&self, leaf: &StoredLeaf, place: u64, hash: Hash) -> Option<Fault> {
        let at = |index, upto, what| Some(Fault { index, upto, what });
        if hash != leaf.hash {
            return at(place, None, FaultKind::Edited);
        }
        let claimed = claimed_index(&leaf.bytes);
        if claimed == Some(place) {
            return None;
        }
        // The leaf before was put in, or this one is its copy, or this one stands too late because of something else.
        match (claimed, self.before) {
            (Some(claimed), Some(before)) if claimed + 1 == place && before != hash => {
                at(claimed, Some(place + 1), FaultKind::Moved)
            }
            _ => at(place, None, FaultKind::Moved),
        }
    }

    /// A leaf is not there. One that was seen to be bad before comes first.
    fn missing(&mut self, place: u64) -> Fault {
        self.visible.take().unwrap_or(Fault { index: place, upto: None, what: FaultKind::Missing })
    }

    /// Holds the tree against the checkpoints of its size.
    fn checkpoints(&mut self) -> Option<Fault> {
        while let Some((checkpoint, pinned)) = self.checkpoints.get(self.reached).copied() {
            if checkpoint.size > self.written.size() {
                return None;
            }
            if checkpoint.root != self.written.root() {
                // All leaves so far are those of the pin.
                if !pinned && checkpoint.size <= self.hashes.len() as u64 {
                    return Some(Fault { index: checkpoint.size, upto: None, what: FaultKind::Checkpoint });
                }
                return Some(self.not_as_signed(checkpoint));
            }
            self.reached += 1;
            if pinned || !self.checkpoints.iter().any(|(_, pinned)| *pinned) {
                self.proven = checkpoint.size;
            }
        }
        None
    }

    fn not_as_signed(&mut self, checkpoint: &Checkpoint) -> Fault {
        let signed_hashes_hold = checkpoint.root == self.stored.root();
        let since = |upto| Fault { index: self.proven, upto: Some(upto), what: FaultKind::NotAsSigned };
        match self.visible.clone() {
            // The stored hashes are those that were signed, or all before the leaf was proven: it is the first.
            Some(fault) if signed_hashes_hold || fault.index <= self.proven => fault,
            // One that hides may stand before the one that shows.
            Some(fault) if fault.what == FaultKind::Edited => since(fault.index + 1),
            Some(fault) => fault,
            None => since(checkpoint.size),
        }
    }

    fn end(mut self) -> Result<Verified, Fault> {
        let size = self.written.size();
        let covered = self.covered;
        if size < covered || size < self.hashes.len() as u64 {
            return Err(self.missing(size));
        }
        let wrongly = self.removed_wrongly();
        if let Some(fault) = wrongly {
            return Err(fault);
        }
        let removed = self.removed.map(|(entry, removal)| Removed {
            upto: removal.upto,
            at: removal.at.to_string(),
            who: removal.who,
            entry,
            years: removal.retained.years,
        });
        match self.visible.or(self.text) {
            Some(fault) => Err(fault),
            None => Ok(Verified { leaves: size, covered, checkpoints: self.checkpoints.len(), removed }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn log(n: u64) -> Vec<StoredLeaf> {
        let leaf = |index| {
            let bytes = format!(
                "{{\"v\":1,\"i\":{index},\"utc\":\"2019-11-{:02}T08:00:00.000Z\",\"act\":\"user.login\"}}",
                1 + index % 28
            );
            let bytes = bytes.into_bytes();
            StoredLeaf { index, hash: leaf_hash(&bytes), bytes, text_fits: true }
        };
        (0..n).map(leaf).collect()
    }

    fn checkpoint(leaves: &[StoredLeaf]) -> Checkpoint {
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(leaf.hash));
        Checkpoint { origin: "o".into(), size: tree.size(), root: tree.root() }
    }

    fn check(leaves: Vec<StoredLeaf>, checkpoints: Vec<Checkpoint>) -> Result<Verified, Fault> {
        let now = "2026-11-24T08:00:00.000Z".parse().ok();
        let evidence = Evidence { own: checkpoints, now, ..Evidence::default() };
        verify(leaves.into_iter().map(Ok::<_, Infallible>), &evidence).unwrap()
    }

    #[test]
    fn an_untouched_log_holds_and_may_be_longer_than_its_checkpoint() {
        let leaves = log(20);
        let verified = check(leaves.clone(), vec![checkpoint(&leaves[..13]), checkpoint(&[])]).unwrap();
        assert_eq!(verified, Verified { leaves: 20, covered: 13, checkpoints: 2, removed: None });
    }

    /// A log whose first leaves are gone, and whose last says that those before `upto` were removed.
    fn retained(n: u64, gone: u64, upto: u64) -> Vec<StoredLeaf> {
        let until = format!("2019-11-{:02}T08:00:00.000Z", 1 + upto % 28);
        retained_by(n, gone, (upto, 6, &until), "2026-11-23T08:00:00.000Z")
    }

    fn retained_by(n: u64, gone: u64, (upto, years, until): (u64, u16, &str), at: &str) -> Vec<StoredLeaf> {
        let mut leaves = log(n);
        let bytes = format!(
            r#"{{"v":1,"i":{n},"utc":"{at}","boot_ms":1,"boot_id":"b","actor":{{"kind":"console","uid":7}},"act":"audit.retain","outcome":"success","upto":{upto},"retained":{{"years":{years},"how":"archived","until":"{until}"}}}}"#
        );
        leaves.push(StoredLeaf {
            index: n,
            hash: leaf_hash(bytes.as_bytes()),
            bytes: bytes.into_bytes(),
            text_fits: true,
        });
        leaves.iter_mut().take(usize::try_from(gone).unwrap()).for_each(|leaf| leaf.bytes.clear());
        leaves
    }

    #[test]
    fn what_retention_removed_is_told_and_nothing_else_may_be_gone() {
        let whole = retained(12, 0, 8);
        let signed = || vec![checkpoint(&whole[..5]), checkpoint(&whole)];
        let good = check(retained(12, 8, 8), signed()).unwrap();
        let at = "2026-11-23T08:00:00.000Z".to_owned();
        assert_eq!(good.removed, Some(Removed { upto: 8, at, who: "uid 7".into(), entry: 12, years: 6 }));
        assert!(check(retained(12, 3, 8), signed()).is_ok(), "it is removed a little at a time");
        let fault = |leaves: Vec<StoredLeaf>| check(leaves, signed()).unwrap_err();
        let missing = |index| Fault { index, upto: None, what: FaultKind::Missing };
        let removed = |index| Fault { index, upto: None, what: FaultKind::Removed };
        assert_eq!(fault(retained(12, 9, 8)), removed(8), "more is gone than was removed");
        let mut unsaid = log(12);
        unsaid[..4].iter_mut().for_each(|leaf| leaf.bytes.clear());
        assert_eq!(check(unsaid, vec![checkpoint(&whole[..5])]).unwrap_err(), removed(0));
        let mut middle = retained(12, 0, 8);
        middle[6].bytes.clear();
        assert_eq!(fault(middle), missing(6), "not from the beginning on");
        let mut other = retained(12, 8, 8);
        other[2].hash[0] ^= 1;
        assert_eq!(fault(other).what, FaultKind::NotAsSigned);
        let mut forged = retained(12, 8, 8);
        forged[9].bytes[12] ^= 1;
        assert_eq!(fault(forged).index, 9, "what is there is checked as before");
    }

    #[test]
    fn a_removal_that_is_not_signed_or_not_of_age_is_not_believed() {
        let removed = Fault { index: 0, upto: None, what: FaultKind::Removed };
        let whole = retained(12, 0, 8);
        assert!(check(retained(12, 8, 8), vec![checkpoint(&whole)]).is_ok());
        let older = check(retained(12, 8, 8), vec![checkpoint(&whole[..12])]);
        assert_eq!(older.unwrap_err(), removed, "no checkpoint covers the entry that says so");
        let signed = |until: &str, years, at: &str| {
            let whole = retained_by(12, 0, (8, years, until), at);
            check(retained_by(12, 8, (8, years, until), at), vec![checkpoint(&whole)])
        };
        let (until, at) = ("2019-11-09T08:00:00.000Z", "2026-11-23T08:00:00.000Z");
        assert!(signed(until, 6, at).is_ok());
        assert_eq!(signed(until, 8, at).unwrap_err(), removed, "too young by its own words");
        assert_eq!(signed(until, 0, at).unwrap_err(), removed, "no rule");
        assert_eq!(signed(until, 6, "2026-11-25T08:00:00.000Z").unwrap_err(), removed, "in the future");
        assert_eq!(
            signed("2017-01-01T00:00:00.000Z", 6, at).unwrap_err(),
            removed,
            "what is kept is younger than said"
        );
    }

    proptest! {
        /// Whatever one does to one leaf or two, the first bad index is named.
        #[test]
        fn tampering_is_found_at_its_place(n in 2_u64..40, at in 0_usize..1000, other in 0_usize..1000, kind in 0..5) {
            let original = log(n);
            let signed = checkpoint(&original);
            let (at, other) = (at % original.len(), other % original.len());
            let mut leaves = original.clone();
            let first = match kind {
                0 => { leaves[at].bytes[12] ^= 1; at }
                1 => { leaves.remove(at); at }
                2 => { leaves.truncate(at); at }
                3 => {
                    prop_assume!(at != other);
                    let bytes = leaves[at].bytes.clone();
                    leaves[at].bytes = std::mem::replace(&mut leaves[other].bytes, bytes);
                    at.min(other)
                }
                _ => {
                    prop_assume!(at != other);
                    let (a, b) = (leaves[at].clone(), leaves[other].clone());
                    leaves[at] = StoredLeaf { index: a.index, ..b };
                    leaves[other] = StoredLeaf { index: other as u64, ..a };
                    at.min(other)
                }
            };
            let fault = check(leaves, vec![signed]).unwrap_err();
            prop_assert_eq!(fault.index, first as u64, "{}", fault);
        }

        /// A rewrite that also rewrites the stored hashes is found against any signed checkpoint that covers it.
        #[test]
        fn a_thorough_rewrite_is_bracketed_by_checkpoints(n in 4_u64..60, at in 0_usize..1000, split in 1_usize..1000) {
            let original = log(n);
            let (at, split) = (at % original.len(), 1 + split % (original.len() - 1));
            let signed = vec![checkpoint(&original[..split]), checkpoint(&original)];
            let mut leaves = original.clone();
            leaves[at].bytes = format!("{{\"v\":1,\"i\":{at},\"act\":\"user.logout\"}}").into_bytes();
            leaves[at].hash = leaf_hash(&leaves[at].bytes);
            let fault = check(leaves, signed).unwrap_err();
            prop_assert_eq!(fault.what, FaultKind::NotAsSigned);
            let at = at as u64;
            prop_assert!(fault.index <= at && fault.upto.is_some_and(|upto| at < upto), "{}", fault);
        }
    }
}
