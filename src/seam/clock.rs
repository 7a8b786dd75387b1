//! Time.

use crate::domain::{Millis, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::SeqCst},
};

/// The boot id where the system tells none.
pub const BOOT_ID_UNKNOWN: &str = "unknown";

/// The clocks of the machine.
pub trait Clock: Send + Sync {
    /// Wall time: a label, it may step.
    fn wall(&self) -> Timestamp;
    /// Time since boot, suspend included: never steps, the measure of every deadline.
    fn boot(&self) -> Millis;
    /// What tells one boot from the next.
    fn boot_id(&self) -> String;
    /// Time since boot in microseconds, for measuring how long things take.
    fn boot_micros(&self) -> u64 {
        u64::try_from(self.boot().0.saturating_mul(1000)).unwrap_or_default()
    }
}

/// The operating system's clocks (`CLOCK_REALTIME`, `CLOCK_BOOTTIME`).
#[derive(Debug, Clone, Copy, Default)]
pub struct OsClock;

fn read(id: ClockId) -> i64 {
    let t = clock_gettime(id);
    t.tv_sec.saturating_mul(1000).saturating_add(t.tv_nsec / 1_000_000)
}

impl Clock for OsClock {
    fn wall(&self) -> Timestamp {
        Timestamp::from_ms(read(ClockId::Realtime))
    }

    fn boot(&self) -> Millis {
        Millis(read(ClockId::Boottime))
    }

    fn boot_id(&self) -> String {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let id = text.trim();
        if id.is_empty() { BOOT_ID_UNKNOWN.to_owned() } else { id.to_owned() }
    }

    fn boot_micros(&self) -> u64 {
        let t = clock_gettime(ClockId::Boottime);
        u64::try_from(t.tv_sec.saturating_mul(1_000_000).saturating_add(t.tv_nsec / 1000)).unwrap_or_default()
    }
}

/// A clock that stands until it is moved, for tests and offline replay.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    wall_ms: Arc<AtomicI64>,
    boot_ms: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that shows `wall`, one hour after boot.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        let clock = Self::default();
        clock.wall_ms.store(wall.as_ms(), SeqCst);
        clock.boot_ms.store(3_600_000, SeqCst);
        clock
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, span: Millis) {
        self.wall_ms.fetch_add(span.0, SeqCst);
        self.boot_ms.fetch_add(span.0, SeqCst);
    }

    /// Steps the wall clock alone.
    pub fn step_wall(&self, by: Millis) {
        self.wall_ms.fetch_add(by.0, SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        Timestamp::from_ms(self.wall_ms.load(SeqCst))
    }

    fn boot(&self) -> Millis {
        Millis(self.boot_ms.load(SeqCst))
    }

    fn boot_id(&self) -> String {
        "manual".to_owned()
    }
}

/// The operating system's clocks, behind by a span that may shrink: a demonstration begins in its past and then joins
/// the present.
#[derive(Debug, Clone, Default)]
pub struct LaggingClock {
    behind_ms: Arc<AtomicI64>,
}

impl LaggingClock {
    /// A clock that is behind by `span`.
    #[must_use]
    pub fn behind(span: Millis) -> Self {
        let clock = Self::default();
        clock.behind_ms.store(span.0, SeqCst);
        clock
    }

    /// Joins the present.
    pub fn catch_up(&self) {
        self.behind_ms.store(0, SeqCst);
    }

    fn lag(&self) -> Millis {
        Millis(self.behind_ms.load(SeqCst))
    }
}

impl Clock for LaggingClock {
    fn wall(&self) -> Timestamp {
        OsClock.wall() - self.lag()
    }

    fn boot(&self) -> Millis {
        OsClock.boot() - self.lag()
    }

    fn boot_id(&self) -> String {
        OsClock.boot_id()
    }
}

/// Engine time: the wall clock at its start plus the boot time elapsed since. It never goes back, and a step of the
/// wall clock does not move it.
pub struct EngineClock {
    clock: Arc<dyn Clock>,
    start_wall: Timestamp,
    start_boot: Millis,
}

impl EngineClock {
    /// Starts at the wall time of `clock`, but not before `not_before` (the engine time reached in an earlier run).
    #[must_use]
    pub fn start(clock: Arc<dyn Clock>, not_before: Option<Timestamp>) -> Self {
        let wall = clock.wall();
        let start_wall = not_before.map_or(wall, |earlier| wall.max(earlier));
        let start_boot = clock.boot();
        Self { clock, start_wall, start_boot }
    }

    /// Engine time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.start_wall + (self.clock.boot() - self.start_boot)
    }

    /// How far the wall clock is ahead of engine time; negative if behind.
    #[must_use]
    pub fn wall_offset(&self) -> Millis {
        self.clock.wall().since(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_time_ignores_wall_steps() {
        let manual = ManualClock::at(Timestamp::from_ms(1_000_000));
        let engine = EngineClock::start(Arc::new(manual.clone()), None);
        manual.advance(Millis(500));
        manual.step_wall(Millis(-60_000));
        assert_eq!(engine.now(), Timestamp::from_ms(1_000_500));
        assert_eq!(engine.wall_offset(), Millis(-60_000));
    }

    #[test]
    fn engine_time_never_starts_before_it_ended() {
        let manual = ManualClock::at(Timestamp::from_ms(1_000));
        let engine = EngineClock::start(Arc::new(manual), Some(Timestamp::from_ms(5_000)));
        assert_eq!(engine.now(), Timestamp::from_ms(5_000));
    }

    #[test]
    fn os_clock_runs() {
        let clock = OsClock;
        assert!(clock.wall() > "2020-01-01T00:00:00Z".parse().unwrap());
        assert!(clock.boot() > Millis::ZERO);
        assert!(!clock.boot_id().is_empty());
    }
}
