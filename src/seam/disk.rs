//! How full the disk is.

use std::path::Path;

/// Fill level of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsage {
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes that we may still write.
    pub free_bytes: u64,
}

impl DiskUsage {
    /// Used part of what can be used, in percent, rounded up as `df` does.
    #[must_use]
    pub fn used_percent(self) -> u8 {
        let used = u128::from(self.used_bytes);
        let all = (used + u128::from(self.free_bytes)).max(1);
        u8::try_from((used * 100).div_ceil(all)).unwrap_or(100)
    }
}

/// Tells how full the file system of a path is.
pub trait Disk: Send + Sync {
    /// Fill level of the file system that holds `path`.
    ///
    /// # Errors
    /// If the system does not tell.
    fn usage(&self, path: &Path) -> std::io::Result<DiskUsage>;
}

/// The operating system's answer (`statvfs`).
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn usage(&self, path: &Path) -> std::io::Result<DiskUsage> {
        let stat = rustix::fs::statvfs(path)?;
        let unit = stat.f_frsize;
        Ok(DiskUsage {
            used_bytes: stat.f_blocks.saturating_sub(stat.f_bfree).saturating_mul(unit),
            free_bytes: stat.f_bavail.saturating_mul(unit),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_rounded_up_and_bounded() {
        let usage = |used_bytes, free_bytes| DiskUsage { used_bytes, free_bytes }.used_percent();
        assert_eq!(usage(80, 20), 80);
        assert_eq!(usage(799, 201), 80);
        assert_eq!(usage(0, 0), 0);
        assert_eq!(usage(0, 50), 0);
        assert_eq!(usage(u64::MAX, u64::MAX), 50);
        assert_eq!(usage(5, 0), 100);
        assert!(OsDisk.usage(Path::new("/")).unwrap().used_bytes > 0);
    }
}
