//! What policies ask of this machine: its addresses, files, disk and clock.

use crate::{
    access::CertificateFacts,
    domain::{Millis, Timestamp},
};
use std::{
    fs::Metadata,
    net::{IpAddr, Ipv6Addr},
    os::unix::fs::MetadataExt,
    path::Path,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

/// Most files of a folder of backups that are looked at.
const BACKUPS_MAX: usize = 10_000;
/// So far a file may be ahead of the clock: that of another machine wrote it.
const AHEAD_MAX: Millis = Millis::from_mins(5);
/// Where systemd-timesyncd says that the clock is synchronised. Folder and file may outlive it: the file is touched at each
/// synchronisation, and says nothing when it is old.
const TIMESYNC: &str = "/run/systemd/timesync";
/// So old that file may be: three of the longest pauses between two looks of systemd-timesyncd (2,048 s).
pub(super) const SYNCHRONISED_MAX: Millis = Millis::from_secs(3 * 2_048);

/// From where an address is reached. Those for examples (RFC 5737, RFC 3849) are reached from nowhere outside either.
pub(super) fn network(ip: IpAddr) -> &'static str {
    let example = |ip: &Ipv6Addr| matches!(ip.segments(), [0x2001, 0xdb8, ..]);
    let local_v6 = |ip: &Ipv6Addr| ip.is_unique_local() || ip.is_unicast_link_local() || example(ip);
    match ip.to_canonical() {
        ip if ip.is_unspecified() => "any",
        ip if ip.is_loopback() => "loopback",
        IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() || ip.is_documentation() => "private",
        IpAddr::V6(ip) if local_v6(&ip) => "private",
        _ => "public",
    }
}

/// Whole days until the certificate of a file ends; why that is not known.
pub(super) fn certificate_days_left(path: &Path, now: Timestamp) -> Result<i64, String> {
    let named = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = std::fs::read(path).map_err(|e| named(&e))?;
    let der = CertificateDer::from_pem_slice(&text).map_err(|e| named(&e))?;
    let facts = CertificateFacts::read(&der).ok_or_else(|| named(&"the certificate cannot be read"))?;
    Ok(facts.days_left(now))
}

/// How long ago a file was written, in milliseconds. One of the future is not known to be young: a clock was wrong.
pub(super) fn age(meta: &Metadata, now: Timestamp) -> Result<Millis, String> {
    since(Timestamp::from_ms(meta.mtime().saturating_mul(1_000)), now)
}

/// How long ago something was, in milliseconds; what is in the future by more than [`AHEAD_MAX`] tells of a wrong clock, and of no age.
pub(super) fn since(at: Timestamp, now: Timestamp) -> Result<Millis, String> {
    if at > now + AHEAD_MAX {
        return Err(format!("its time is in the future: {at}"));
    }
    Ok(Millis(now.since(at).0.max(0)))
}

/// The age of the newest file in a folder that holds something.
pub(super) fn newest_age(folder: &Path, now: Timestamp) -> Result<Millis, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut newest: Option<Millis> = None;
    for (at, entry) in std::fs::read_dir(folder).map_err(failed)?.enumerate() {
        if at >= BACKUPS_MAX {
            return Err(format!("{}: it holds more than {BACKUPS_MAX} names", folder.display()));
        }
        let entry = entry.map_err(failed)?;
        let meta = match entry.metadata() {
            // Removed since it was listed.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            meta => meta.map_err(failed)?,
        };
        if meta.is_file() && meta.len() > 0 {
            let age = age(&meta, now).map_err(|why| format!("{}: {why}", entry.path().display()))?;
            newest = Some(newest.map_or(age, |newest| newest.min(age)));
        }
    }
    newest.ok_or_else(|| format!("{}: there is no file in it that holds something", folder.display()))
}

/// Whether the clock of this machine is synchronised, and who says so; why that is not known.
pub(super) fn clock_synchronised(now: Timestamp) -> Result<(bool, &'static str), String> {
    synchronised_by(Path::new(TIMESYNC), now)
}

fn synchronised_by(folder: &Path, now: Timestamp) -> Result<(bool, &'static str), String> {
    if !folder.exists() {
        return Err(format!(
            "{} is not there: no systemd-timesyncd runs, and others do not say it without privileges",
            folder.display()
        ));
    }
    let file = folder.join("synchronized");
    let named = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
    match std::fs::metadata(&file) {
        Ok(meta) => {
            let age = age(&meta, now).map_err(|why| named(&why))?;
            if age > SYNCHRONISED_MAX {
                let (was, most) = (age.0 / 60_000, SYNCHRONISED_MAX.0 / 60_000);
                let why = format!(
                    "systemd-timesyncd set the clock {was} min ago; while it runs that is {most} min at the most"
                );
                return Err(named(&why));
            }
            Ok((true, "systemd-timesyncd"))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok((false, "systemd-timesyncd")),
        Err(e) => Err(named(&e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0.0.0.0", "any")]
    #[case("::", "any")]
    #[case("127.0.0.1", "loopback")]
    #[case("::1", "loopback")]
    #[case("::ffff:127.0.0.1", "loopback")]
    #[case("10.1.2.3", "private")]
    #[case("172.31.0.1", "private")]
    #[case("172.32.0.1", "public")]
    #[case("192.168.7.1", "private")]
    #[case("::ffff:192.168.7.1", "private")]
    #[case("fd00::1", "private")]
    #[case("fe80::1", "private")]
    #[case("100.64.0.1", "public")]
    #[case("8.8.8.8", "public")]
    #[case("192.0.2.7", "private")]
    #[case("2001:db8::1", "private")]
    #[case("2a00:1450::1", "public")]
    fn an_address_is_of_a_network(#[case] ip: IpAddr, #[case] of: &str) {
        assert_eq!(network(ip), of);
    }

    #[test]
    fn the_newest_backup_counts() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_ms(10_000_000_000);
        assert!(newest_age(dir.path(), now).unwrap_err().contains("there is no file"));
        std::fs::File::create(dir.path().join("empty")).unwrap();
        assert!(newest_age(dir.path(), now).unwrap_err().contains("that holds something"));
        for (name, hours) in [("a", 50_u64), ("b", 5), ("c", 80)] {
            let path = dir.path().join(name);
            std::fs::write(&path, "a backup").unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(10_000_000 - hours * 3_600);
            file.set_modified(at).unwrap();
        }
        std::fs::create_dir(dir.path().join("younger")).unwrap();
        assert_eq!(newest_age(dir.path(), now).unwrap(), Millis::from_mins(5 * 60));
        assert!(newest_age(&dir.path().join("none"), now).is_err());
        let path = dir.path().join("ahead");
        std::fs::write(&path, "a backup").unwrap();
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(10_000_000 + 3_600);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
        let why = newest_age(dir.path(), now).unwrap_err();
        assert!(why.contains("ahead: its time is in the future: 1970-04-26"), "{why}");
    }

    #[test]
    fn the_clock_is_synchronised_while_that_was_said_lately() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_ms(10_000_000_000);
        let asked = || synchronised_by(dir.path(), now);
        assert_eq!(asked().unwrap(), (false, "systemd-timesyncd"));
        let path = dir.path().join("synchronized");
        let touched = |at_s: i64| {
            let file = std::fs::File::create(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(at_s.unsigned_abs())).unwrap();
        };
        let most_s = SYNCHRONISED_MAX.0 / 1_000;
        touched(10_000_000 - most_s);
        assert_eq!(asked().unwrap(), (true, "systemd-timesyncd"));
        touched(10_000_000 - most_s - 1);
        assert!(asked().unwrap_err().contains("set the clock 102 min ago"), "{:?}", asked());
        touched(10_000_000 + 3_600);
        assert!(asked().unwrap_err().contains("in the future"));
        assert!(synchronised_by(&dir.path().join("none"), now).unwrap_err().contains("no systemd-timesyncd runs"));
    }
}
