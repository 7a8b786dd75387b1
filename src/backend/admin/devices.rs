//! Devices: enrolment codes.

use super::{
    execute::{Done, allow, refused},
    request::AdminAnswer,
};
use crate::{
    backend::{
        app::App,
        enrol::{CODE_VALID_MAX, CODE_VALID_MIN},
    },
    domain::{Actor, DeviceId, Millis},
    rights::Verb,
};

pub(super) async fn enrol(app: &App, by: &Actor, device: &DeviceId, valid: Millis, replace: bool) -> Done {
    allow(Verb::ManageDevices)?;
    if app.hub.ward_of_device(device).is_none() {
        return Err(refused(format!("there is no device {device}: add it first (`wardwatch device add`)")));
    }
    if !(CODE_VALID_MIN..=CODE_VALID_MAX).contains(&valid) {
        let (min, max) = (CODE_VALID_MIN.as_secs() / 60, CODE_VALID_MAX.as_secs() / 86_400);
        return Err(refused(format!("a code is good for {min} minute to {max} days")));
    }
    let made = app.make_code(by, device, valid, replace).await.map_err(refused)?;
    Ok(AdminAnswer::Code { code: made.code.expose().to_owned(), expires_at: made.expires_at })
}
