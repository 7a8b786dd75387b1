//! The few traits behind which time, randomness and the disk's fill level sit, so that tests can stand in for them.
//!
//! No logic lives here. Sockets are used behind `impl AsyncRead + AsyncWrite`, the database behind `store::Store`.

mod clock;
mod disk;
mod entropy;

pub use clock::{BOOT_ID_UNKNOWN, Clock, EngineClock, LaggingClock, ManualClock, OsClock};
pub use disk::{Disk, DiskUsage, OsDisk};
pub use entropy::{Entropy, EntropyError, OsEntropy, SeededEntropy};
