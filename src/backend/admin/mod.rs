//! Administration on the server's own machine: by the socket in the data folder while the server runs, by its lock else.

mod channels;
mod devices;
mod execute;
mod guarded;
mod keys;
mod plan;
mod request;
mod retention;
mod socket;
mod users;

pub use execute::execute;
pub use guarded::{
    ApproveError, GivenPassphrase, Proposals, approve, end, look_after_proposals, lose_proposals, proposals,
};
pub use plan::{Change, Plan};
pub use request::{
    ADMIN_LINE_MAX_BYTES, AdminAnswer, AdminError, AdminRequest, Asker, ChannelInfo, DeviceStatus, StationInfo, Status,
    UserInfo, UserKeyInfo, WardStatus, Whose,
};
pub use socket::{ask, ask_as, listen};
