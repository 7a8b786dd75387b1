//! Whose value it is: from a reading to an observation, by the census and nothing else.

use super::reading::Reading;
use crate::{
    domain::{Assignment, Census, DeviceId, Observation, PatientId, Timestamp},
    protocol::RejectionCode,
    rights::{Decision, Denial, Object, Principal, Verb, decide},
};

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(pub DeviceId);

/// Why a reading is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Why, for programs.
    pub code: RejectionCode,
    /// Why, for people.
    pub detail: String,
}

/// Looks up whose readings are, remembering the last answer: readings mostly come in runs of one device.
pub struct Resolver<'a> {
    census: &'a Census,
    principal: Principal,
    last: Option<Found<'a>>,
}

/// The last answer: the census's own device and span.
struct Found<'a> {
    device: &'a DeviceId,
    span: Option<&'a Assignment>,
}

impl<'a> Resolver<'a> {
    /// A resolver for one sender. It must not outlive a change of the census.
    #[must_use]
    pub fn new(census: &'a Census, sender: &Sender) -> Self {
        Self { census, principal: Principal::Machine(sender.0.clone()), last: None }
    }

    /// Makes the observation of a reading.
    ///
    /// # Errors
    /// If the device is unknown, the sender may not send for it, it measures nobody at that time, or the reading names
    /// another patient than the one it measures.
    pub fn resolve(&mut self, reading: &Reading, received_at: Timestamp) -> Result<Observation, Unresolved> {
        let (device, patient) = self.whose(&reading.device, reading.named_patient.as_ref(), reading.observed_at)?;
        Ok(Observation {
            patient,
            // The census's own copy: comparing it with itself costs nothing.
            device: device.clone(),
            vital: reading.vital,
            value: reading.value,
            text: reading.text.clone(),
            observed_at: reading.observed_at,
            received_at,
            correction: reading.correction,
            interval: reading.interval,
        })
    }

    /// The device as the census knows it, and the patient whom it measures at that time.
    ///
    /// # Errors
    /// As [`Resolver::resolve`].
    pub fn whose(
        &mut self,
        device: &DeviceId,
        named: Option<&PatientId>,
        at: Timestamp,
    ) -> Result<(&'a DeviceId, PatientId), Unresolved> {
        let known = self.device(device)?;
        let patient = self.patient_of(known, at)?;
        if let Some(named) = named.filter(|named| **named != patient) {
            let detail = format!(
                "device {device} does not measure patient {named} at {at}: nothing is stored; check the device's assignment"
            );
            return Err(Unresolved { code: RejectionCode::WrongPatient, detail });
        }
        Ok((known, patient))
    }

    /// Whether the sender may send for a device.
    pub fn may_send(&mut self, device: &DeviceId) -> bool {
        self.device(device).is_ok()
    }

    /// The device as the census knows it, if the sender may send for it.
    fn device(&mut self, wanted: &DeviceId) -> Result<&'a DeviceId, Unresolved> {
        if let Some(last) = self.last.as_ref().filter(|last| last.device == wanted) {
            return Ok(last.device);
        }
        let Some((device, known)) = self.census.devices.get_key_value(wanted) else {
            let detail = format!("device {wanted} is not known: add it with `wardwatch device add`");
            return Err(Unresolved { code: RejectionCode::UnknownDevice, detail });
        };
        let object = Object::Device { id: device, gateway: known.gateway.as_ref() };
        match decide(&self.principal, Verb::SendObservations, object) {
            Decision::Allow => {
                self.last = Some(Found { device, span: None });
                Ok(device)
            }
            refused => {
                let denial = refused.denial().unwrap_or(Denial::OtherDevice);
                let detail = format!("device {device}: {denial}");
                Err(Unresolved { code: RejectionCode::OtherDevice, detail })
            }
        }
    }

    fn patient_of(&mut self, device: &'a DeviceId, at: Timestamp) -> Result<PatientId, Unresolved> {
        if let Some(span) = self.last.as_ref().and_then(|last| last.span).filter(|span| span.covers(at)) {
            return Ok(span.patient.clone());
        }
        let spans = self.census.assignments.get(device).map(Vec::as_slice).unwrap_or_default();
        let Some(span) = spans.iter().rev().find(|a| a.covers(at)) else {
            let detail = format!("device {device} is assigned to nobody at {at}: assign it first");
            return Err(Unresolved { code: RejectionCode::NotAssigned, detail });
        };
        self.last = Some(Found { device, span: Some(span) });
        Ok(span.patient.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Assignment, Desired, Device, DeviceKind, Millis, vital::HR};
    use std::collections::BTreeMap;

    fn t(s: i64) -> Timestamp {
        Timestamp::from_ms(s * 1000)
    }

    fn census() -> Census {
        let mut census = Census::default();
        for (id, kind, gateway) in [
            ("gw", DeviceKind::Gateway, None),
            ("d1", DeviceKind::Monitor, Some("gw")),
            ("d2", DeviceKind::Monitor, None),
        ] {
            let device = Device {
                id: id.parse().unwrap(),
                name: id.into(),
                kind,
                gateway: gateway.map(|g| g.parse().unwrap()),
                intervals_ms: BTreeMap::new(),
                desired: Desired::default(),
            };
            census.devices.insert(device.id.clone(), device);
        }
        let span = |patient: &str, start, end: Option<i64>| Assignment {
            device: "d1".parse().unwrap(),
            patient: patient.parse().unwrap(),
            start: t(start),
            end: end.map(t),
        };
        census.assignments.insert("d1".parse().unwrap(), vec![span("a", 0, Some(100)), span("b", 200, None)]);
        census
    }

    fn reading(device: &str, s: i64, named: Option<&str>) -> Reading {
        Reading {
            device: device.parse().unwrap(),
            named_patient: named.map(|n| n.parse().unwrap()),
            vital: HR,
            value: 70.0,
            text: None,
            observed_at: t(s),
            correction: false,
            interval: None,
        }
    }

    #[test]
    fn the_timeline_decides_whose_it_is() {
        let census = census();
        let mut resolver = Resolver::new(&census, &Sender("gw".parse().unwrap()));
        let mut whose = |s: i64, named: Option<&str>| {
            resolver.resolve(&reading("d1", s, named), t(s)).map(|o| o.patient.to_string()).map_err(|e| e.code)
        };
        assert_eq!(whose(0, None), Ok("a".into()));
        assert_eq!(whose(99, Some("a")), Ok("a".into()));
        assert_eq!(whose(100, None), Err(RejectionCode::NotAssigned));
        assert_eq!(whose(300, None), Ok("b".into()));
        assert_eq!(whose(50, None), Ok("a".into()), "late data go to the patient of their time");
        assert_eq!(whose(300, Some("a")), Err(RejectionCode::WrongPatient));
    }

    #[test]
    fn a_token_sends_for_itself_and_for_devices_behind_it() {
        let census = census();
        let code = |sender: &str, device: &str| {
            let mut resolver = Resolver::new(&census, &Sender(sender.parse().unwrap()));
            resolver.resolve(&reading(device, 0, None), t(0) + Millis(1)).map(|_| ()).map_err(|e| e.code)
        };
        assert_eq!(code("gw", "d1"), Ok(()));
        assert_eq!(code("d1", "d1"), Ok(()));
        assert_eq!(code("d2", "d1"), Err(RejectionCode::OtherDevice));
        assert_eq!(code("gw", "d2"), Err(RejectionCode::OtherDevice));
        assert_eq!(code("gw", "d9"), Err(RejectionCode::UnknownDevice));
    }
}
