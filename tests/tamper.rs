//! The tamper campaign: seeded edits of each kind against one pin that was kept elsewhere, as `wardwatch audit pin` writes it.
//! All are found, the first bad entry is named exactly, nothing panics, and no untouched log raises an alarm. Against the
//! checkpoint alone all are found too, and the first bad entry is named or bracketed.
//!
//! Each run does [`ROUNDS`] edits of each kind. The whole campaign, 10,000 of each, is run before a release:
//!
//! ```text
//! WARDWATCH_TAMPER_ROUNDS=10000 cargo test --test tamper
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

use std::{convert::Infallible, process::ExitCode, sync::LazyLock};
use wardwatch::audit::{
    Checkpoint, Evidence, Fault, FaultKind, Fork, Hash, NoteSigner, NoteVerifier, Pin, ProofText, Remembered, Shown,
    StoredLeaf, Subtrees, Tree, Verified, leaf_hash, proof, verify,
};

/// Edits of each kind, and untouched logs, if the environment names no other number.
const ROUNDS: u64 = 2_000;
/// Where the environment names it.
const ROUNDS_VARIABLE: &str = "WARDWATCH_TAMPER_ROUNDS";
/// Longest log, in entries.
const ENTRIES_MAX: u64 = 20;
/// Hashes of a tile in logs as small as these.
const TILE: usize = 4;
/// The time of each check.
const NOW: &str = "2026-11-24T00:00:00.000Z";
/// The key of the log: who tampers has it too.
const KEY: [u8; 32] = [7; 32];

/// A small generator (SplitMix64), so that a seed is a case for ever.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `from` to before `to`.
    fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    fn heads(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

fn stored(index: u64, text: String) -> StoredLeaf {
    let bytes = text.into_bytes();
    StoredLeaf { index, hash: leaf_hash(&bytes), bytes, text_fits: true }
}

fn text(index: u64, utc_s: u64, who: u64, act: &str) -> String {
    format!(
        r#"{{"v":1,"i":{index},"utc":"2026-11-23T04:{:02}:{:02}.000Z","boot_ms":{},"boot_id":"b","actor":{{"kind":"user","user":"u{who}"}},"act":"{act}","outcome":"success"}}"#,
        utc_s / 60 % 60,
        utc_s % 60,
        utc_s * 1000
    )
}

/// A log, and what was kept of it elsewhere.
#[derive(Clone)]
struct Log {
    leaves: Vec<StoredLeaf>,
    /// Checkpoints beside the log.
    own: Vec<Checkpoint>,
    pinned: Checkpoint,
    /// The pin, as the bytes that lie elsewhere.
    pin: Vec<u8>,
}

fn head(leaves: &[StoredLeaf], size: usize) -> Checkpoint {
    let mut tree = Tree::default();
    leaves[..size].iter().for_each(|leaf| tree.push(leaf_hash(&leaf.bytes)));
    Checkpoint { origin: "wardwatch/site".into(), size: size as u64, root: tree.root() }
}

impl Log {
    fn honest(dice: &mut Dice) -> Self {
        let size = dice.within(4, ENTRIES_MAX + 1);
        let mut utc_s = dice.within(0, 1_000);
        let leaves: Vec<StoredLeaf> = (0..size)
            .map(|i| {
                utc_s += dice.within(0, 9);
                let act = ["user.login", "patient.view", "alert.acknowledge"][dice.within(0, 3) as usize];
                stored(i, text(i, utc_s, dice.within(0, 5), act))
            })
            .collect();
        let pinned = head(&leaves, dice.within(3, size + 1) as usize);
        let hashes: Vec<Hash> = leaves[..pinned.size as usize].iter().map(|leaf| leaf.hash).collect();
        let pin = Pin { note: signer().sign(pinned.size, pinned.root), hashes }.to_bytes();
        let own = vec![head(&leaves, dice.within(0, size + 1) as usize), head(&leaves, leaves.len())];
        Self { leaves, own, pinned, pin }
    }

    /// An entry that the pinned checkpoint covers.
    fn covered(&self, dice: &mut Dice) -> usize {
        dice.within(0, self.pinned.size) as usize
    }

    /// Signs anew what is there now, with the true key.
    fn sign_anew(&mut self) {
        let sizes: Vec<usize> = self.own.iter().map(|c| (c.size as usize).min(self.leaves.len())).collect();
        self.own = sizes.into_iter().map(|size| head(&self.leaves, size)).collect();
    }

    fn renumber(&mut self) {
        self.leaves.iter_mut().enumerate().for_each(|(i, leaf)| leaf.index = i as u64);
    }

    /// Another text in the place of an entry, with its hash.
    fn forge(&mut self, at: usize) {
        self.leaves[at] = stored(at as u64, text(at as u64, 3_599, 99, "user.forged"));
    }

    /// Verifies the log by public keys alone: against the pin, or against its checkpoint alone.
    fn check(&self, with_pin: bool) -> Result<Verified, Fault> {
        let mut evidence = Evidence {
            pinned: vec![self.pinned.clone()],
            own: self.own.clone(),
            hashes: Vec::new(),
            now: NOW.parse().ok(),
        };
        if with_pin {
            let (checkpoint, pin) = Pin::open(&self.pin, key()).unwrap();
            assert_eq!(checkpoint, self.pinned);
            evidence.hashes = pin.hashes;
        }
        verify(self.leaves.iter().cloned().map(Ok::<_, Infallible>), &evidence).unwrap()
    }

    /// What the log shows to a client that remembers the pinned checkpoint.
    fn shown(&self, size: u64) -> Shown {
        let hashes: Vec<Hash> = self.leaves.iter().map(|leaf| leaf_hash(&leaf.bytes)).collect();
        let mut subtrees = Subtrees::default();
        hashes.iter().for_each(|hash| subtrees.push(*hash));
        let proof = proof::consistency(&subtrees.with(&hashes), self.pinned.size, size).unwrap().unwrap_or_default();
        let root = head(&self.leaves, size as usize).root;
        Shown { old: self.pinned.size, proof, note: signer().sign(size, root) }
    }
}

fn signer() -> &'static NoteSigner {
    static SIGNER: LazyLock<NoteSigner> = LazyLock::new(|| NoteSigner::new("wardwatch/site".into(), &KEY));
    &SIGNER
}

/// What is known everywhere: the public key.
fn key() -> &'static NoteVerifier {
    static KEY: LazyLock<NoteVerifier> = LazyLock::new(|| signer().verifier());
    &KEY
}

/// What was done to a log.
struct Harm {
    /// The first entry that is not as it was.
    first: u64,
    /// Whether it must be named exactly even by the checkpoint alone.
    exact: bool,
}

type Kind = (&'static str, fn(&mut Log, &mut Dice) -> Harm);

const KINDS: [Kind; 15] = [
    ("bit flip", bit_flip),
    ("delete", delete),
    ("swap", swap),
    ("insert", insert),
    ("duplicate", duplicate),
    ("truncate", truncate),
    ("truncate, sign anew", truncate_and_sign),
    ("edit, sign anew", edit_and_sign),
    ("old checkpoint", old_checkpoint),
    ("fork", fork),
    ("tile swap", tile_swap),
    ("clock", clock),
    ("blank, say removed", blank_unsigned),
    ("blank, sign removal", blank_and_sign),
    ("blank more", blank_more),
];

fn bit_flip(log: &mut Log, dice: &mut Dice) -> Harm {
    let at = log.covered(dice);
    let leaf = &mut log.leaves[at];
    let bytes = if dice.heads() { &mut leaf.hash[..] } else { &mut leaf.bytes[..] };
    let byte = dice.within(0, bytes.len() as u64) as usize;
    bytes[byte] ^= 1 << dice.within(0, 8);
    Harm { first: at as u64, exact: true }
}

fn delete(log: &mut Log, dice: &mut Dice) -> Harm {
    let at = log.covered(dice);
    log.leaves.remove(at);
    Harm { first: at as u64, exact: true }
}

/// Two entries change places, with their hashes or without.
fn swap(log: &mut Log, dice: &mut Dice) -> Harm {
    let (a, mut b) = (log.covered(dice), log.covered(dice));
    if a == b {
        b = (a + 1) % log.pinned.size as usize;
    }
    log.leaves.swap(a, b);
    if dice.heads() {
        let hash = log.leaves[a].hash;
        log.leaves[a].hash = log.leaves[b].hash;
        log.leaves[b].hash = hash;
    }
    log.renumber();
    Harm { first: a.min(b) as u64, exact: true }
}

fn insert(log: &mut Log, dice: &mut Dice) -> Harm {
    let at = log.covered(dice);
    let forged = stored(at as u64, text(at as u64, 3_599, 99, "user.forged"));
    log.leaves.insert(at, forged);
    log.renumber();
    Harm { first: at as u64, exact: false }
}

fn duplicate(log: &mut Log, dice: &mut Dice) -> Harm {
    let at = dice.within(0, log.pinned.size - 1) as usize;
    log.leaves.insert(at + 1, log.leaves[at].clone());
    log.renumber();
    Harm { first: at as u64 + 1, exact: true }
}

fn truncate(log: &mut Log, dice: &mut Dice) -> Harm {
    let left = log.covered(dice);
    log.leaves.truncate(left);
    log.own.retain(|c| c.size <= left as u64);
    Harm { first: left as u64, exact: true }
}

fn truncate_and_sign(log: &mut Log, dice: &mut Dice) -> Harm {
    let left = log.covered(dice);
    log.leaves.truncate(left);
    log.sign_anew();
    Harm { first: left as u64, exact: true }
}

fn edit_and_sign(log: &mut Log, dice: &mut Dice) -> Harm {
    let at = log.covered(dice);
    log.forge(at);
    log.sign_anew();
    Harm { first: at as u64, exact: false }
}

/// The log is set back to an older checkpoint, which is truly signed; a client that saw a later one is shown it.
fn old_checkpoint(log: &mut Log, dice: &mut Dice) -> Harm {
    let left = log.covered(dice);
    let seen = Remembered::first(key().clone(), &log.shown(log.pinned.size).note).unwrap();
    let told = seen.again(key(), &log.shown(left as u64)).unwrap_err();
    assert_eq!(told, Fork::RolledBack { from: log.pinned.size, to: left as u64 });
    log.leaves.truncate(left);
    log.own = vec![head(&log.leaves, left)];
    Harm { first: left as u64, exact: true }
}

/// Everything from an entry on is written anew, to any length, and signed; a client that saw the other is shown it.
fn fork(log: &mut Log, dice: &mut Dice) -> Harm {
    let at = log.covered(dice);
    let seen = Remembered::first(key().clone(), &log.shown(log.pinned.size).note).unwrap();
    let length = dice.within(log.pinned.size, ENTRIES_MAX + 8) as usize;
    log.leaves.truncate(at);
    (at..length).for_each(|i| log.leaves.push(stored(i as u64, text(i as u64, i as u64, 99, "user.forged"))));
    log.sign_anew();
    let told = seen.again(key(), &log.shown(length as u64)).unwrap_err();
    assert_eq!(told, Fork::Rewritten { from: log.pinned.size, to: length as u64 });
    Harm { first: at as u64, exact: false }
}

/// Two tiles of stored hashes change places.
fn tile_swap(log: &mut Log, dice: &mut Dice) -> Harm {
    let tiles = log.leaves.len() / TILE;
    if tiles < 2 {
        return bit_flip(log, dice);
    }
    let a = dice.within(0, tiles as u64 - 1) as usize;
    let b = dice.within(a as u64 + 1, tiles as u64) as usize;
    for i in 0..TILE {
        let hash = log.leaves[a * TILE + i].hash;
        log.leaves[a * TILE + i].hash = log.leaves[b * TILE + i].hash;
        log.leaves[b * TILE + i].hash = hash;
    }
    Harm { first: (a * TILE) as u64, exact: true }
}

/// An entry says another time, with its hash and signed anew, or without.
fn clock(log: &mut Log, dice: &mut Dice) -> Harm {
    let at = log.covered(dice);
    let leaf = &mut log.leaves[at];
    let said = String::from_utf8(leaf.bytes.clone()).unwrap();
    let anew = said.replacen("2026-11-23T04:", "2026-11-22T04:", 1);
    assert_ne!(said, anew);
    leaf.bytes = anew.into_bytes();
    let thorough = dice.heads();
    if thorough {
        leaf.hash = leaf_hash(&leaf.bytes);
        log.sign_anew();
    }
    Harm { first: at as u64, exact: !thorough }
}

/// An entry that says that those before `upto` were removed by retention, as nobody but the server should write it.
fn say_removed(log: &mut Log, upto: usize, years: u16, at: &str, until: &str) {
    let index = log.leaves.len() as u64;
    let text = format!(
        r#"{{"v":1,"i":{index},"utc":"{at}","boot_ms":7,"boot_id":"b","actor":{{"kind":"console","uid":0}},"act":"audit.retain","outcome":"success","upto":{upto},"retained":{{"years":{years},"how":"archived","until":"{until}"}}}}"#
    );
    log.leaves.push(stored(index, text));
}

/// Entries are emptied, and an entry at the end says that retention did it; no checkpoint covers that one. It lies about
/// their age or does not.
fn blank_unsigned(log: &mut Log, dice: &mut Dice) -> Harm {
    let upto = log.covered(dice) + 1;
    let until = if dice.heads() { "2019-11-23T00:00:00.000Z" } else { "2026-11-23T04:00:00.000Z" };
    say_removed(log, upto, 6, "2026-11-23T23:00:00.000Z", until);
    log.leaves[..upto].iter_mut().for_each(|leaf| leaf.bytes.clear());
    Harm { first: 0, exact: true }
}

/// The same by somebody who has the key and signs it: the entries are recent, whatever is said of them.
fn blank_and_sign(log: &mut Log, dice: &mut Dice) -> Harm {
    let upto = log.covered(dice) + 1;
    let (years, at) =
        [(6, "2026-11-23T23:00:00.000Z"), (0, "2026-11-23T23:00:00.000Z"), (6, "2036-11-23T00:00:00.000Z")]
            [dice.within(0, 3) as usize];
    let until = if dice.heads() { "2019-11-23T00:00:00.000Z" } else { "2026-11-23T04:00:00.000Z" };
    say_removed(log, upto, years, at, until);
    log.sign_anew();
    log.own.push(head(&log.leaves, log.leaves.len()));
    log.leaves[..upto].iter_mut().for_each(|leaf| leaf.bytes.clear());
    Harm { first: 0, exact: true }
}

/// Entries that nobody says anything of are emptied.
fn blank_more(log: &mut Log, dice: &mut Dice) -> Harm {
    let upto = log.covered(dice) + 1;
    log.leaves[..upto].iter_mut().for_each(|leaf| leaf.bytes.clear());
    Harm { first: 0, exact: true }
}

/// Whether the fault names the first bad entry; exactly if it must.
fn names(fault: &Fault, harm: &Harm, exact: bool) -> bool {
    let upto = fault.upto.unwrap_or(fault.index + 1);
    let within = fault.index <= harm.first && harm.first < upto;
    if exact { within && upto == fault.index + 1 } else { within }
}

struct Counts {
    /// Named exactly with the pin.
    pinned: u64,
    /// Named exactly by the checkpoint alone.
    exact: u64,
    bracketed: u64,
}

fn campaign(name: &str, harm: fn(&mut Log, &mut Dice) -> Harm, rounds: u64) -> Counts {
    let mut counts = Counts { pinned: 0, exact: 0, bracketed: 0 };
    for seed in 0..rounds {
        let mut dice = Dice(seed);
        let mut log = Log::honest(&mut dice);
        let done = harm(&mut log, &mut dice);
        let at = || format!("{name}, seed {seed}: entry {}", done.first);
        let fault = log.check(false).err().unwrap_or_else(|| panic!("{} was not found", at()));
        assert!(names(&fault, &done, done.exact), "{}: {fault} ({fault:?})", at());
        let upto = fault.upto.unwrap_or(fault.index + 1);
        if upto == fault.index + 1 {
            counts.exact += 1;
        } else {
            counts.bracketed += 1;
        }
        let fault = log.check(true).err().unwrap_or_else(|| panic!("{} was not found with the pin", at()));
        assert_eq!(fault.index, done.first, "{} with the pin: {fault} ({fault:?})", at());
        assert!(fault.upto.is_none_or(|upto| upto == done.first + 1), "{} with the pin: {fault} ({fault:?})", at());
        counts.pinned += 1;
    }
    counts
}

/// A proof for an entry, from a log that was signed with this key.
fn proof_of(log: &Log, index: u64, secret: &[u8; 32]) -> ProofText {
    let hashes: Vec<Hash> = log.leaves.iter().map(|leaf| leaf.hash).collect();
    let mut subtrees = Subtrees::default();
    hashes.iter().for_each(|hash| subtrees.push(*hash));
    let size = hashes.len() as u64;
    ProofText {
        leaf: log.leaves[index as usize].bytes.clone(),
        index,
        hashes: proof::inclusion(&subtrees.with(&hashes), index, size).unwrap().unwrap(),
        note: NoteSigner::new("wardwatch/site".into(), secret).sign(size, head(&log.leaves, hashes.len()).root),
    }
}

/// What another log proves, proves nothing of this one.
fn other_logs_proofs(rounds: u64) {
    let key = key();
    for seed in 0..rounds {
        let mut dice = Dice(seed);
        let (ours, theirs) = (Log::honest(&mut dice), Log::honest(&mut dice));
        let index = dice.within(0, ours.leaves.len().min(theirs.leaves.len()) as u64);
        let foreign = proof_of(&theirs, index, &[8; 32]);
        assert!(foreign.check(key, &[], 0).is_err(), "seed {seed}: signed by another log");
        let own = proof_of(&ours, index, &KEY);
        let mixed = ProofText { note: own.note.clone(), ..foreign };
        assert!(mixed.check(key, &[], 0).is_err(), "seed {seed}: under the checkpoint of this one");
        let seen = Remembered::first(key.clone(), &ours.shown(ours.pinned.size).note).unwrap();
        let size = ours.pinned.size.max(theirs.leaves.len() as u64);
        let longer = Log { pinned: ours.pinned.clone(), ..theirs };
        let told = seen.again(key, &longer.shown(size.min(longer.leaves.len() as u64)));
        assert!(told.is_err(), "seed {seed}: the growth of another log");
    }
}

/// A checkpoint that somebody else has signed with the key names no entry while the pin says that all are good.
fn forged_checkpoints(rounds: u64) {
    for seed in 0..rounds {
        let mut dice = Dice(seed);
        let mut log = Log::honest(&mut dice);
        let size = log.covered(&mut dice) as u64 + 1;
        log.own.push(Checkpoint { origin: "wardwatch/site".into(), size, root: [seed as u8; 32] });
        assert!(log.check(false).is_err(), "seed {seed}");
        let fault = log.check(true).unwrap_err();
        assert_eq!((fault.what, fault.index), (FaultKind::Checkpoint, size), "seed {seed}: {fault}");
    }
}

fn untouched(rounds: u64) {
    let key = key();
    for seed in 0..rounds {
        let mut dice = Dice(seed);
        let log = Log::honest(&mut dice);
        for hashes in [false, true] {
            let verified = log.check(hashes).unwrap_or_else(|fault| panic!("seed {seed}: false alarm: {fault}"));
            assert_eq!((verified.leaves, verified.covered), (log.leaves.len() as u64, log.leaves.len() as u64));
        }
        let seen = Remembered::first(key.clone(), &log.shown(log.pinned.size).note).unwrap();
        let size = dice.within(log.pinned.size, log.leaves.len() as u64 + 1);
        assert!(seen.again(key, &log.shown(size)).is_ok(), "seed {seed}: false alarm at {size}");
        let index = dice.within(0, log.leaves.len() as u64);
        assert!(proof_of(&log, index, &KEY).check(key, &[], 0).is_ok(), "seed {seed}: false alarm at {index}");
    }
}

fn main() -> ExitCode {
    // Whoever asks for a list or for another test by name gets nothing to do.
    let mut args = std::env::args().skip(1);
    if args.any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let rounds = std::env::var(ROUNDS_VARIABLE).ok().map_or(ROUNDS, |n| n.parse().unwrap());
    println!("{:<22} {:>8} {:>8} {:>10} {:>10} {:>10}", "kind", "edits", "found", "named", "alone", "bracketed");
    for (name, harm) in KINDS {
        let Counts { pinned, exact, bracketed } = campaign(name, harm, rounds);
        let found = exact + bracketed;
        assert_eq!([found, pinned], [rounds; 2]);
        println!("{name:<22} {rounds:>8} {found:>8} {pinned:>10} {exact:>10} {bracketed:>10}");
    }
    other_logs_proofs(rounds);
    println!("{:<22} {rounds:>8} {rounds:>8} {:>10} {:>10} {:>10}", "another log's proof", "-", "-", "-");
    forged_checkpoints(rounds);
    println!("{:<22} {rounds:>8} {rounds:>8} {:>10} {:>10} {:>10}", "forged checkpoint", "-", "-", "-");
    untouched(rounds);
    println!("{:<22} {rounds:>8} {:>8} {:>10} {:>10} {:>10}", "untouched", 0, "-", "-", "-");
    println!("named: exactly, with the pin; alone, bracketed: by its checkpoint alone");
    ExitCode::SUCCESS
}
