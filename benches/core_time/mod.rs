//! The time of a core: what a thread itself has used. What else the machine does at the time is not counted.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// What the calling thread has used of its core so far.
pub(crate) fn core_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec.try_into().unwrap_or_default(), used.tv_nsec.try_into().unwrap_or_default())
}
