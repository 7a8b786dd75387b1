//! The number of the next entry to be delivered, kept over restarts with whom it counts for and what history it is of.

use crate::{audit::Hash, store::DataFolder};
use std::path::PathBuf;

/// The number of the next entry, in a file of the data folder.
pub(super) struct Cursor {
    folder: DataFolder,
    path: PathBuf,
    address: String,
    next: u64,
}

/// How many entries a receiver at this address has confirmed, as the folder says: none if what it says is of another receiver,
/// or the last of these entries is not the one that was delivered. Then the trail was set back or is another one, and what was
/// delivered is not this. `hash_of` gives the hash of an entry.
pub(in crate::backend) fn confirmed(
    folder: &DataFolder,
    address: &str,
    hash_of: impl FnOnce(u64) -> Option<Hash>,
) -> Result<u64, String> {
    let text = match std::fs::read_to_string(folder.audit_delivered()) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(e.to_string()),
    };
    let mut words = text.split_whitespace();
    let next: u64 = words.next().and_then(|word| word.parse().ok()).ok_or("it has no number")?;
    let (to, hash) = (words.next(), words.next());
    let Some(last) = next.checked_sub(1) else { return Ok(0) };
    match (to, hash) {
        (Some(to), _) if to != address => Err(format!("{to} was the receiver, now it is {address}")),
        (Some(_), Some(hash)) if hash_of(last).map(|h| hex(&h)).as_deref() == Some(hash) => Ok(next),
        (Some(_), Some(_)) => Err(format!("entry {last} is not the one that was delivered")),
        _ => Err("it does not say to whom".to_owned()),
    }
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Cursor {
    /// That of a folder for a receiver; the first entry if nothing is kept, or what is kept does not count (see
    /// [`confirmed`]): what was delivered is then delivered again.
    pub(super) fn open(folder: &DataFolder, address: &str, hash_of: impl FnOnce(u64) -> Option<Hash>) -> Self {
        let path = folder.audit_delivered();
        let next = confirmed(folder, address, hash_of).unwrap_or_else(|why| {
            tracing::warn!(why, path = %path.display(), "what was delivered does not count: all of the trail is sent again");
            0
        });
        Self { folder: folder.clone(), path, address: address.to_owned(), next }
    }

    /// The number of the next entry.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Everything before `next` was delivered; the entry before it has this hash.
    pub(super) fn advance(&mut self, next: u64, last: &Hash) -> std::io::Result<()> {
        if next != self.next {
            let text = format!("{next} {} {}\n", self.address, hex(last));
            self.folder.write(&self.path, text.as_bytes(), 0o600)?;
            self.next = next;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_for_this_receiver_and_this_history_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&dir.path().join("data")).unwrap();
        let hash_of = |index: u64| (index < 10).then(|| [u8::try_from(index).unwrap(); 32]);
        let mut cursor = Cursor::open(&folder, "siem:6514", hash_of);
        assert_eq!(cursor.next(), 0);
        cursor.advance(7, &[6; 32]).unwrap();
        assert_eq!(Cursor::open(&folder, "siem:6514", hash_of).next(), 7);
        assert_eq!(Cursor::open(&folder, "other:6514", hash_of).next(), 0, "that one has nothing yet");
        assert_eq!(Cursor::open(&folder, "siem:6514", |_| Some([9; 32])).next(), 0, "another history");
        assert_eq!(Cursor::open(&folder, "siem:6514", |_| None).next(), 0, "a backup was restored, it is shorter");
        for text in ["x", "7", "7 siem:6514", ""] {
            std::fs::write(folder.audit_delivered(), text).unwrap();
            assert_eq!(Cursor::open(&folder, "siem:6514", hash_of).next(), 0, "{text:?}");
        }
    }
}
