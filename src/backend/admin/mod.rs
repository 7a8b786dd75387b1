//! Administration on the server's own machine: by the socket in the data folder while the server runs, by its lock else.

mod channels;
mod devices;
mod execute;
mod keys;
mod request;
mod retention;
mod socket;
mod users;

pub use execute::execute;
pub use request::{
    ADMIN_LINE_MAX_BYTES, AdminAnswer, AdminError, AdminRequest, ChannelInfo, DeviceStatus, StationInfo, Status,
    UserInfo, UserKeyInfo, WardStatus,
};
pub use socket::{ask, listen};
