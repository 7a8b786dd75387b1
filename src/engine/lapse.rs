//! What a gateway or its protocol says of devices that do not speak themselves: they are gone, or messages are missing.

use super::{
    Engine,
    observe::{Judged, hold},
};
use crate::domain::{DeviceId, Event, InopReason, Lapse, PatientId};

impl Engine {
    /// Takes in what is said of devices. One that measures nobody is nobody's.
    pub(super) fn lapsed(&mut self, devices: &[DeviceId], lapse: Lapse, events: &mut Vec<Event>) {
        if lapse == Lapse::Gone {
            self.gateway_gone(devices, events);
        }
        for device in devices {
            let Some(patient) = self.census.open_assignment(device).map(|a| a.patient.clone()) else { continue };
            match lapse {
                Lapse::Gone => self.device_gone(&patient, device, events),
                Lapse::Missed => self.device_missed(&patient, device, events),
            }
        }
    }

    /// Messages of a device are missing: as after a stop, nothing of it is known to be so until it speaks. When its silence
    /// becomes an alert is not put off by that.
    fn device_missed(&mut self, patient: &PatientId, device: &DeviceId, events: &mut Vec<Event>) {
        let Some(index) = self.patients.place_of(patient) else { return };
        let count = self.patients.get(index).map_or(0, |p| p.series.len());
        for found in 0..count {
            let Some(series) = self.series_mut((index, found)).filter(|s| s.state.device == *device) else { continue };
            if !series.is_watched() || matches!(series.state.inop, Some(InopReason::Stale | InopReason::DeviceLost)) {
                continue;
            }
            let mut judged = Judged::default();
            series.state.not_measured.suspend();
            hold(series, InopReason::Awaiting, &mut judged);
            self.settle((index, found), &judged, events);
        }
        self.score_again(index, events);
    }
}
