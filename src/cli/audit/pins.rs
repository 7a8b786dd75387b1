//! Pins: written, and read with the checkpoints that were kept elsewhere.

use super::super::{FOUND, terminal};
use crate::{
    audit::{Checkpoint, Evidence, Hash, NoteVerifier, Pin, PinError, pin},
    store::{DataFolder, StoreReader, sqlite::SqliteReader},
};
use anyhow::{Context, bail};
use std::{
    fs::OpenOptions,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Hashes that are read from the database at once.
const PAGE: u64 = 65_536;
/// Longest file that is read as a pin, in bytes: all its hashes, and its checkpoint.
const PIN_MAX_BYTES: u64 = pin::PIN_ENTRIES_MAX * 32 + 64 * 1024;

/// Writes the newest checkpoint with the hashes of its entries. What does not fit its checkpoint is not pinned.
pub(super) fn write(folder: &DataFolder, out: Option<&Path>) -> anyhow::Result<u8> {
    let reader = SqliteReader::open(folder)?;
    let Some(note) = reader.newest_checkpoint()? else {
        bail!("there is no checkpoint yet: the server signs one within a second of its start")
    };
    let text = std::fs::read_to_string(folder.audit_public_key()).context("audit.pub of the folder cannot be read")?;
    let key = text.parse::<NoteVerifier>()?;
    let checkpoint = key.open(&note)?;
    let hashes = hashes_of(&reader, &checkpoint)?;
    if hashes.len() as u64 != checkpoint.size || pin::root_over(&hashes) != checkpoint.root {
        terminal::note("BAD: the trail is not as it was signed, and was not pinned: run `wardwatch audit verify`");
        return Ok(FOUND);
    }
    let bytes = Pin { note, hashes }.to_bytes();
    match out {
        Some(path) => {
            keep(path, &bytes, &key).with_context(|| format!("the pin {} cannot be written", path.display()))?;
            terminal::note(&format!("pinned {} entries in {}", checkpoint.size, path.display()));
        }
        None => std::io::stdout().lock().write_all(&bytes)?,
    }
    Ok(0)
}

/// Writes a pin in the place of none, or of one that it continues: a good pin is never lost to a trail that was written anew.
fn keep(path: &Path, bytes: &[u8], key: &NoteVerifier) -> anyhow::Result<()> {
    match std::fs::read(path) {
        Ok(before) => {
            let what = "it is there and is no pin that this one continues: name another file";
            let (_, before) = Pin::open(&before, key).context(what)?;
            let (_, now) = Pin::open(bytes, key)?;
            if pin::first_difference(&before.hashes, &now.hashes).is_some() {
                bail!("{what}, and run `wardwatch audit verify --from` with it");
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(e.into()),
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = Path::new(&name);
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(beside, path)?;
    Ok(())
}

fn hashes_of(reader: &SqliteReader, checkpoint: &Checkpoint) -> anyhow::Result<Vec<Hash>> {
    let size = checkpoint.size;
    if size > pin::PIN_ENTRIES_MAX {
        bail!("a pin holds at most {} entries: keep `wardwatch audit checkpoint`", pin::PIN_ENTRIES_MAX);
    }
    let mut hashes = Vec::new();
    while (hashes.len() as u64) < size {
        let from = hashes.len() as u64;
        let page = reader.audit_hashes(from, PAGE.min(size - from))?;
        if page.is_empty() {
            break;
        }
        hashes.extend(page);
    }
    Ok(hashes)
}

/// Reads a checkpoint or a pin into the evidence. Of several pins the longest names entries.
pub(super) fn read(path: &Path, key: &NoteVerifier, evidence: &mut Evidence) -> anyhow::Result<Result<(), PinError>> {
    let what = || format!("the checkpoint {} cannot be read", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(what)?;
    file.take(PIN_MAX_BYTES).read_to_end(&mut bytes).with_context(what)?;
    if !Pin::is_one(&bytes) {
        let opened = std::str::from_utf8(&bytes).map_err(|_| PinError::Form("it is no text"));
        let opened = opened.and_then(|note| Ok(key.open(note)?));
        return Ok(opened.map(|checkpoint| evidence.pinned.push(checkpoint)));
    }
    Ok(Pin::open(&bytes, key).map(|(checkpoint, pin)| {
        evidence.pinned.push(checkpoint);
        if pin.hashes.len() > evidence.hashes.len() {
            evidence.hashes = pin.hashes;
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::NoteSigner;

    #[test]
    fn a_good_pin_is_replaced_by_one_that_continues_it_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("site.pin");
        let signer = NoteSigner::new("wardwatch/site".into(), &[1; 32]);
        let of = |hashes: Vec<Hash>| {
            let note = signer.sign(hashes.len() as u64, pin::root_over(&hashes));
            Pin { note, hashes }.to_bytes()
        };
        let (first, longer) = (of(vec![[1; 32], [2; 32]]), of(vec![[1; 32], [2; 32], [3; 32]]));
        keep(&path, &first, &signer.verifier()).unwrap();
        keep(&path, &longer, &signer.verifier()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), longer);
        for other in [of(vec![[1; 32], [9; 32], [3; 32], [4; 32]]), first] {
            assert!(keep(&path, &other, &signer.verifier()).is_err(), "another past, or a shorter one");
        }
        std::fs::write(&path, "notes of somebody").unwrap();
        assert!(keep(&path, &longer, &signer.verifier()).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"notes of somebody");
    }
}
