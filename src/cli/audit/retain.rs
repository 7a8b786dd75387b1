//! `wardwatch audit retain`.

use super::{
    super::{
        admin,
        admin::{Site, WhoArgs},
    },
    PAGE,
};
use crate::{
    audit::{RetentionPlan, leaf_hash},
    backend::admin::{AdminAnswer, AdminRequest},
    domain::ApprovalId,
    store::{StoreReader, sqlite::SqliteReader},
};
use anyhow::{Context, bail};
use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Says what may be removed; removes it if the number of entries is confirmed.
pub(super) fn retain(
    site: &Site,
    (who, approved): (&WhoArgs, Option<&ApprovalId>),
    archive: Option<&Path>,
    confirm: Option<u64>,
) -> anyhow::Result<u8> {
    let (plan, years, has_receiver) = match admin::ask(site, AdminRequest::PlanRetention, None)? {
        AdminAnswer::Retention { plan, years, has_receiver } => (plan, years, has_receiver),
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    };
    let RetentionPlan { from, upto, old } = plan;
    let mut out = std::io::stdout().lock();
    if old > upto {
        writeln!(out, "entries {upto} to {} are old enough, and wait for their delivery by syslog", old - 1)?;
    }
    if upto == from {
        writeln!(out, "nothing is to be removed: entries are kept for {years} years, and then go by closed segments")?;
        return Ok(0);
    }
    let (count, last) = (upto - from, upto - 1);
    writeln!(out, "{count} entries, {from} to {last}, are older than {years} years; their hashes stay")?;
    let archived = archive.is_some();
    let Some(confirmed) = confirm else {
        let archive = if has_receiver { "" } else { " --archive FILE" };
        writeln!(out, "remove them: wardwatch audit retain{archive} --confirm {count}")?;
        return Ok(0);
    };
    if confirmed != count {
        bail!("--confirm {confirmed}: {count} entries would be removed");
    }
    if !has_receiver && !archived {
        bail!("no receiver of syslog has these entries: name a file for them with --archive");
    }
    if let Some(path) = archive {
        // Nobody has the entries before it is allowed, and written down.
        admin::ask_done_as(site, who, AdminRequest::ArchiveAudit { upto, approved: approved.cloned() })?;
        keep(site, path, plan).with_context(|| format!("nothing was removed: the archive {}", path.display()))?;
    }
    // Whatever comes of this, a whole archive stays: the entries may be gone although no answer came.
    admin::ask_done_as(site, who, AdminRequest::RetainAudit { upto, archived, approved: approved.cloned() })?;
    writeln!(out, "removed")?;
    Ok(0)
}

/// Writes the entries as they were signed to a new file; one that did not become whole is taken away.
fn keep(site: &Site, path: &Path, plan: RetentionPlan) -> anyhow::Result<()> {
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    let kept = write(site, file, plan);
    if kept.is_err() {
        std::fs::remove_file(path).context("what was written of it could not be removed")?;
    }
    kept
}

/// Writes the entries as they were signed, one a line, and makes them durable. An entry that is not as its hash says is not
/// archived, and nothing is removed.
fn write(site: &Site, file: File, plan: RetentionPlan) -> anyhow::Result<()> {
    let reader = SqliteReader::open(&site.folder)?;
    let mut file = BufWriter::new(file);
    let mut next = plan.from;
    while next < plan.upto {
        let count = u64::from(PAGE).min(plan.upto - next);
        let rows = reader.leaves(next, PAGE)?;
        let hashes = reader.audit_hashes(next, count)?;
        if hashes.is_empty() || rows.is_empty() {
            bail!("entry {next} is missing");
        }
        for (row, hash) in rows.iter().zip(hashes) {
            if row.index != next || leaf_hash(row.leaf.as_bytes()) != hash {
                bail!("entry {next} is not as it was signed: run `wardwatch audit verify`");
            }
            writeln!(file, "{}", row.leaf)?;
            next += 1;
        }
    }
    file.flush()?;
    file.into_inner()?.sync_all()?;
    Ok(())
}
