//! The number of the next entry to be delivered, kept over restarts.

use crate::store::DataFolder;
use std::path::PathBuf;

/// The number of the next entry, in a file of the data folder.
pub(super) struct Cursor {
    folder: DataFolder,
    path: PathBuf,
    next: u64,
}

impl Cursor {
    /// That of a folder whose trail has `size` entries; the first entry if nothing is kept, or not to be read: what was
    /// delivered is then delivered again. A trail that was set back to a backup goes on from its own end.
    pub(super) fn open(folder: &DataFolder, size: u64) -> Self {
        let path = folder.audit_delivered();
        let kept = match std::fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|e: std::num::ParseIntError| e.to_string()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(e) => Err(e.to_string()),
        };
        let next = kept.unwrap_or_else(|why| {
            tracing::warn!(why, path = %path.display(), "what was delivered is not known: all of the trail is sent again");
            0
        });
        if next > size {
            tracing::warn!(
                next,
                size,
                "more was delivered than the trail has: it was set back, and is sent from its end on"
            );
        }
        Self { folder: folder.clone(), path, next: next.min(size) }
    }

    /// The number of the next entry.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Everything before `next` was delivered.
    pub(super) fn advance(&mut self, next: u64) -> std::io::Result<()> {
        if next != self.next {
            self.folder.write(&self.path, format!("{next}\n").as_bytes(), 0o600)?;
            self.next = next;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_outlives_the_process_and_never_passes_the_trail() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&dir.path().join("data")).unwrap();
        let mut cursor = Cursor::open(&folder, 10);
        assert_eq!(cursor.next(), 0);
        cursor.advance(7).unwrap();
        assert_eq!(Cursor::open(&folder, 10).next(), 7);
        assert_eq!(Cursor::open(&folder, 5).next(), 5, "a backup was restored");
        std::fs::write(folder.audit_delivered(), "x").unwrap();
        assert_eq!(Cursor::open(&folder, 10).next(), 0);
    }
}
