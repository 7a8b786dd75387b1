//! Reading back the Observations that we wrote ourselves, to merge further values into them.

use super::{
    CodeableConcept, Coding, Component, Decimal, Identifier, Instant, Observation, ObservationValue, Period, Quantity,
    Reference, SampledData, Status,
    json::{Node, read},
};
use crate::domain::Timestamp;
use chrono::DateTime;

/// The Observation of this text, if it is one as we write it: written again it is the same, byte for byte. What somebody
/// else wrote or changed may say more than [`Observation`] holds, and nothing of it may be lost.
#[must_use]
pub fn written(body: &[u8]) -> Option<Observation> {
    let made = observation(&read(body).ok()?)?;
    (serde_json::to_vec(&made).ok()? == body).then_some(made)
}

fn observation(root: &Node<'_>) -> Option<Observation> {
    let period = root.get("effectivePeriod")?;
    let status = match root.text_of("status")? {
        "final" => Status::Final,
        "amended" => Status::Amended,
        _ => return None,
    };
    let identifier = |node: &Node<'_>| Some(Identifier { system: own(node, "system"), value: own(node, "value")? });
    let component = |node: &Node<'_>| Some(Component { code: concept(node.get("code")?), value: value(node)? });
    let issued = DateTime::parse_from_rfc3339(root.text_of("issued")?).ok()?;
    Some(Observation {
        id: own(root, "id"),
        identifier: root.list("identifier").iter().map(identifier).collect::<Option<_>>()?,
        status,
        category: root.list("category").iter().map(concept).collect(),
        code: concept(root.get("code")?),
        subject: reference(root, "subject"),
        encounter: reference(root, "encounter"),
        effective: Period { start: instant(period, "start")?, end: instant(period, "end")? },
        issued: Timestamp::from_ms(issued.timestamp_millis()),
        value: value(root)?,
        device: reference(root, "device"),
        component: root.list("component").iter().map(component).collect::<Option<_>>()?,
    })
}

fn own(node: &Node<'_>, name: &str) -> Option<String> {
    node.text_of(name).map(str::to_owned)
}

fn instant(node: &Node<'_>, name: &str) -> Option<Instant> {
    Some(Instant::of_utc(DateTime::parse_from_rfc3339(node.text_of(name)?).ok()?.to_utc()))
}

fn reference(node: &Node<'_>, name: &str) -> Option<Reference> {
    Some(Reference { reference: own(node.get(name)?, "reference")? })
}

fn concept(node: &Node<'_>) -> CodeableConcept {
    let coding = |c: &Node<'_>| Coding { system: own(c, "system"), code: own(c, "code"), display: own(c, "display") };
    CodeableConcept { coding: node.list("coding").iter().map(coding).collect(), text: own(node, "text") }
}

/// The value of an Observation or a component, if it has one; `None` if that cannot be read.
fn value(node: &Node<'_>) -> Option<Option<ObservationValue>> {
    let made = if let Some(amount) = node.get("valueQuantity") {
        ObservationValue::Quantity(quantity(amount)?)
    } else if let Some(stream) = node.get("valueSampledData") {
        ObservationValue::SampledData(sampled(stream)?)
    } else if let Some(fixed) = node.get("valueCodeableConcept") {
        ObservationValue::CodeableConcept(concept(fixed))
    } else if let Some(text) = own(node, "valueString") {
        ObservationValue::String(text)
    } else {
        return Some(None);
    };
    Some(Some(made))
}

fn decimal(node: &Node<'_>, name: &str) -> Option<Decimal> {
    node.get(name)?.number()?.parse().ok()
}

fn quantity(node: &Node<'_>) -> Option<Quantity> {
    Some(Quantity {
        value: decimal(node, "value")?,
        unit: own(node, "unit"),
        system: own(node, "system"),
        code: own(node, "code"),
    })
}

fn sampled(node: &Node<'_>) -> Option<SampledData> {
    Some(SampledData {
        origin: quantity(node.get("origin")?)?,
        period: decimal(node, "period")?,
        dimensions: node.get("dimensions")?.number()?.parse().ok()?,
        data: own(node, "data")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Observation {
        let amount = |value: &str| Quantity {
            value: value.parse().unwrap(),
            unit: Some("%".into()),
            system: Some("urn:u".into()),
            code: None,
        };
        let code = |text: &str| CodeableConcept {
            coding: vec![Coding { system: Some("urn:c".into()), code: Some("1".into()), display: None }],
            text: Some(text.into()),
        };
        let values = [
            Some(ObservationValue::Quantity(amount("97.50"))),
            Some(ObservationValue::SampledData(SampledData {
                origin: amount("0"),
                period: "3.90625".parse().unwrap(),
                dimensions: 1,
                data: "1 E 2.50".into(),
            })),
            Some(ObservationValue::CodeableConcept(code("up"))),
            Some(ObservationValue::String("a \"b\" \u{e9}".into())),
            None,
        ];
        Observation {
            id: Some("ab".into()),
            identifier: vec![Identifier { system: None, value: "x".into() }],
            status: Status::Amended,
            category: vec![code("vital")],
            code: code("t"),
            subject: Some(Reference::to("Patient", "1")),
            encounter: None,
            effective: Period { start: Instant::from_ticks(-1), end: Instant::from_ticks(7) },
            issued: Timestamp::from_ms(1_546_300_801_003),
            value: Some(ObservationValue::Quantity(amount("-0.10"))),
            device: Some(Reference::to("Device", "d")),
            component: values.into_iter().map(|value| Component { code: code("c"), value }).collect(),
        }
    }

    #[test]
    fn what_we_wrote_is_read_back_whole() {
        let body = serde_json::to_vec(&made()).unwrap();
        assert_eq!(written(&body), Some(made()));
    }

    #[test]
    fn what_somebody_changed_is_not_taken_for_ours() {
        let text = serde_json::to_string(&made()).unwrap();
        for (from, to) in [
            ("\"status\"", "\"note\":[{\"text\":\"seen\"}],\"status\""),
            ("\"amended\"", "\"corrected\""),
            ("97.50", "9.75e1"),
            ("\"value\":-0.10", "\"comparator\":\"<\",\"value\":-0.10"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            assert_eq!(written(changed.as_bytes()), None, "{changed}");
        }
    }
}
