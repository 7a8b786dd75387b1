//! Pins: written, and read with the checkpoints that were kept elsewhere.

use super::super::{FOUND, terminal};
use crate::{
    audit::{Checkpoint, Evidence, Hash, NoteVerifier, Pin, PinError, pin},
    store::{DataFolder, StoreReader, sqlite::SqliteReader},
};
use anyhow::{Context, bail};
use std::{
    io::{Read, Write},
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
    let checkpoint = text.parse::<NoteVerifier>()?.open(&note)?;
    let hashes = hashes_of(&reader, &checkpoint)?;
    if hashes.len() as u64 != checkpoint.size || pin::root_over(&hashes) != checkpoint.root {
        terminal::note("BAD: the trail is not as it was signed, and was not pinned: run `wardwatch audit verify`");
        return Ok(FOUND);
    }
    let bytes = Pin { note, hashes }.to_bytes();
    match out {
        Some(path) => {
            let failed = || format!("the pin {} cannot be written", path.display());
            std::fs::write(path, bytes).with_context(failed)?;
            terminal::note(&format!("pinned {} entries in {}", checkpoint.size, path.display()));
        }
        None => std::io::stdout().lock().write_all(&bytes)?,
    }
    Ok(0)
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
