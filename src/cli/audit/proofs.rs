//! Verifying the trail, and proofs that leave the house.

use super::{
    super::{FOUND, admin::SiteArgs, terminal},
    pins,
};
use crate::{
    audit::{
        Checkpoint, CosignatureVerifier, Evidence, Fault, FaultKind, Hash, NoteVerifier, ProofText, Removed, Verified,
        cosignature::signatures_on, leaf::claimed_index, leaf_hash, proof_text::PROOF_TEXT_MAX_BYTES, verify,
    },
    domain::{Timestamp, text::is_unsafe},
    seam::{Clock, OsClock},
    store::{DataFolder, StoreReader, sqlite::SqliteReader},
};
use anyhow::{Context, bail};
use std::{
    convert::Infallible,
    io::{BufRead, BufReader, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

/// Most checkpoints of the folder that are checked, the newest ones.
const CHECKPOINTS_CHECKED_MAX: u32 = 20_000;
/// Leaves that are on their way from the database to the check.
const LEAVES_IN_HAND: usize = 1_024;
/// Longest line of an archive that is read, in bytes: an entry holds identifiers and codes.
const LINE_MAX_BYTES: u64 = 64 * 1024;
/// How far it is, is said after so many entries.
const PROGRESS_EVERY: u64 = 50_000;

/// A key from a file, or from the text itself.
fn read_key(text: &str) -> anyhow::Result<String> {
    if text.contains('+') && !Path::new(text).exists() {
        return Ok(text.to_owned());
    }
    std::fs::read_to_string(text).with_context(|| format!("the public key {text} cannot be read"))
}

fn key_of(folder: &DataFolder, key: Option<&str>) -> anyhow::Result<NoteVerifier> {
    let path = folder.audit_public_key();
    let text = key.map_or_else(|| path.display().to_string(), str::to_owned);
    Ok(read_key(&text)?.parse()?)
}

/// Checks the whole trail.
pub(super) fn verify_trail(site: &SiteArgs, from: &[PathBuf], key: Option<&str>) -> anyhow::Result<u8> {
    let folder = site.existing()?.folder;
    let key = key_of(&folder, key)?;
    let reader = SqliteReader::open(&folder)?;
    let now = Some(OsClock.wall());
    let mut evidence = Evidence { now, ..Evidence::default() };
    for path in from {
        if let Err(e) = pins::read(path, &key, &mut evidence)? {
            terminal::note(&format!("{}: {e}", path.display()));
            return Ok(FOUND);
        }
    }
    let mut unsigned = 0_u64;
    for note in reader.checkpoints(CHECKPOINTS_CHECKED_MAX)? {
        match key.open(&note) {
            Ok(checkpoint) => evidence.own.push(checkpoint),
            Err(_) => unsigned += 1,
        }
    }
    if evidence.pinned.is_empty() && evidence.own.is_empty() && unsigned == 0 {
        bail!("there is no signed checkpoint to verify against: keep one with `wardwatch audit checkpoint`");
    }
    let mut out = std::io::stdout().lock();
    match check(&reader, &evidence)? {
        Ok(verified) if unsigned == 0 => {
            let Verified { leaves, covered, checkpoints, removed } = verified;
            writeln!(out, "good: {leaves} entries, {covered} of them signed, {checkpoints} checkpoints{}", {
                let sizes: Vec<String> = evidence.pinned.iter().map(|c| c.size.to_string()).collect();
                if sizes.is_empty() { String::new() } else { format!("; grown from {}", sizes.join(", ")) }
            })?;
            if let Some(Removed { upto, at, who, entry, years }) = removed {
                let last = upto.saturating_sub(1);
                writeln!(
                    out,
                    "entries 0 to {last} removed by retention on {at} by {who} (entry {entry}), older than {years} years; their hashes hold, their texts cannot be verified here"
                )?;
            }
            Ok(0)
        }
        Ok(_) => {
            writeln!(out, "BAD: {unsigned} checkpoints in the folder do not carry the key's signature")?;
            Ok(FOUND)
        }
        Err(fault) if fault.what == FaultKind::Checkpoint => {
            writeln!(out, "BAD: {fault}")?;
            Ok(FOUND)
        }
        Err(fault) => {
            writeln!(out, "BAD: {fault}; first bad index: {}", fault.index)?;
            Ok(FOUND)
        }
    }
}

fn check(reader: &SqliteReader, evidence: &Evidence) -> anyhow::Result<Result<Verified, Fault>> {
    let shown = std::io::stderr().is_terminal();
    let mut done = 0_u64;
    // Leaves come from the database as they are verified: a long trail is never in memory as a whole.
    let (sender, receiver) = std::sync::mpsc::sync_channel(LEAVES_IN_HAND);
    let verdict = std::thread::scope(|scope| {
        let verdict = scope.spawn(move || verify(receiver.into_iter().map(Ok::<_, Infallible>), evidence));
        reader.each_leaf(0, &mut |leaf| {
            done += 1;
            if shown && done.is_multiple_of(PROGRESS_EVERY) {
                terminal::overwrite(&format!("{done} entries verified"));
            }
            sender.send(leaf).is_ok()
        })?;
        drop(sender);
        match verdict.join() {
            Ok(Ok(verdict)) => Ok(verdict),
            Ok(Err(never)) => match never {},
            Err(_) => bail!("the verification failed"),
        }
    });
    if shown && done >= PROGRESS_EVERY {
        terminal::overwrite("");
    }
    verdict
}

/// Writes the proof that an entry is in the trail: with what witnesses have cosigned, if that covers the entry.
pub(super) fn prove(folder: &DataFolder, index: u64, archive: Option<&Path>) -> anyhow::Result<u8> {
    let reader = SqliteReader::open(folder)?;
    let size = |note: &str| Checkpoint::parse(note).map(|c| c.size);
    let covers = |note: &String| size(note).is_ok_and(|size| index < size);
    // What more witnesses have cosigned is worth more than what is newer.
    let cosigned = folder.cosigned_checkpoints()?.into_iter().filter(covers);
    let cosigned = cosigned.max_by_key(|note| (signatures_on(note), size(note).unwrap_or(0)));
    let newest = || Ok::<_, anyhow::Error>(reader.newest_checkpoint()?.filter(covers));
    let Some(note) = cosigned.map_or_else(newest, |note| Ok(Some(note)))? else {
        bail!("no signed checkpoint covers entry {index} yet: the server signs one within a second");
    };
    let leaf = reader.leaves(index, 1)?.into_iter().find(|row| row.index == index);
    let proof = reader.audit_inclusion(index, size(&note)?)?;
    let Some((leaf, hashes)) = leaf.zip(proof) else { bail!("there is no entry {index}") };
    let leaf = match (leaf.leaf.is_empty(), archive) {
        (false, _) => leaf.leaf,
        (true, Some(path)) => {
            let hash = reader.audit_hashes(index, 1)?.pop();
            archived(path, index, hash).with_context(|| format!("the archive {}", path.display()))?
        }
        (true, None) => bail!("entry {index} was removed by retention: name the file that has it now with --archive"),
    };
    let proof = ProofText { leaf: leaf.into_bytes(), index, hashes, note };
    write!(std::io::stdout().lock(), "{proof}")?;
    Ok(0)
}

/// The line of an archive that is this entry, as it was signed.
fn archived(path: &Path, index: u64, hash: Option<Hash>) -> anyhow::Result<String> {
    let mut lines = BufReader::new(std::fs::File::open(path)?);
    loop {
        let mut line = String::new();
        if lines.by_ref().take(LINE_MAX_BYTES).read_line(&mut line)? == 0 {
            bail!("entry {index} is not in it");
        }
        let line = line.trim_end_matches('\n');
        if claimed_index(line.as_bytes()) != Some(index) {
            continue;
        }
        if Some(leaf_hash(line.as_bytes())) != hash {
            bail!("entry {index} in it is not as it was signed");
        }
        return Ok(line.to_owned());
    }
}

/// Checks a proof without a server, by public keys alone.
pub(super) fn check_proof(path: &Path, key: &str, witnesses: &[String], quorum: Option<usize>) -> anyhow::Result<u8> {
    let key: NoteVerifier = read_key(key)?.parse()?;
    let witnesses: Vec<CosignatureVerifier> =
        witnesses.iter().map(|text| Ok(read_key(text)?.parse()?)).collect::<anyhow::Result<_>>()?;
    let quorum = quorum.unwrap_or(witnesses.len());
    if quorum > witnesses.len() {
        bail!("--quorum {quorum} is more than the {} witnesses that are named", witnesses.len());
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(|| format!("the proof {} cannot be read", path.display()))?;
    let read = file.take(PROOF_TEXT_MAX_BYTES as u64 + 1).read_to_string(&mut text);
    let proof = match read {
        Ok(_) => text.parse::<ProofText>(),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
            terminal::note(&format!("{}: this is not a proof: it is no text", path.display()));
            return Ok(FOUND);
        }
        Err(e) => return Err(e.into()),
    };
    let checked = proof.and_then(|proof| Ok((proof.check(&key, &witnesses, quorum)?, proof)));
    let mut out = std::io::stdout().lock();
    match checked {
        Ok((proven, proof)) => {
            let leaf: String = String::from_utf8_lossy(&proof.leaf).chars().filter(|c| !is_unsafe(*c)).collect();
            writeln!(out, "{leaf}")?;
            writeln!(out, "good: entry {} of {} in {}", proof.index, proven.size, proven.origin)?;
            for (name, unix_s) in proven.witnesses {
                let at = i64::try_from(unix_s).unwrap_or(i64::MAX).saturating_mul(1000);
                writeln!(out, "cosigned by {name} at {}", Timestamp::from_ms(at))?;
            }
            Ok(0)
        }
        Err(e) => {
            writeln!(out, "BAD: {e}")?;
            Ok(FOUND)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_in_an_archive_as_it_was_signed_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("archive.jsonl");
        let lines: Vec<String> = (0..5).map(|i| format!(r#"{{"v":1,"i":{i},"act":"user.add"}}"#)).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let hash = |i: usize| Some(leaf_hash(lines[i].as_bytes()));
        assert_eq!(archived(&path, 3, hash(3)).unwrap(), lines[3]);
        assert_eq!(archived(&path, 4, hash(4)).unwrap(), lines[4], "the last line may have no end");
        assert!(archived(&path, 3, hash(2)).unwrap_err().to_string().contains("entry 3 in it is not as it was signed"));
        assert!(archived(&path, 5, hash(4)).unwrap_err().to_string().contains("entry 5 is not in it"));
    }
}
