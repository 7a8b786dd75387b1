//! Figures for operators, as OpenMetrics text. No label names a patient, a user or a device.

use crate::{
    domain::{Alert, AlertClass, Priority},
    protocol::IntakeReport,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// The media type of OpenMetrics text.
pub const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Label = [(&'static str, &'static str); 1];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlertLabels {
    class: &'static str,
    priority: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    source: String,
    result: &'static str,
}

/// All figures of a server.
pub struct Metrics {
    registry: Registry,
    observations: Family<Label, Counter>,
    logins: Family<Label, Counter>,
    events: Counter,
    group_seconds: Histogram,
    group_samples: Counter,
    streams: Gauge,
    open_alerts: Family<AlertLabels, Gauge>,
    recording: Gauge,
    audit_leaves: Gauge,
    audit_delivered: Gauge,
    disk_used_percent: Gauge,
    refused: Family<Label, Counter>,
    notices: Family<Label, Counter>,
    medtech: Family<Label, Counter>,
    hl7_messages: Family<Label, Counter>,
    mqtt_messages: Family<MessageLabels, Counter>,
    mqtt_connected: Family<SourceLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = exponential_buckets(0.000_25, 2.0, 16);
        let mut metrics = Self {
            registry: Registry::with_prefix("wardwatch"),
            observations: Family::default(),
            logins: Family::default(),
            events: Counter::default(),
            group_seconds: Histogram::new(seconds),
            group_samples: Counter::default(),
            streams: Gauge::default(),
            open_alerts: Family::default(),
            recording: Gauge::default(),
            audit_leaves: Gauge::default(),
            audit_delivered: Gauge::default(),
            disk_used_percent: Gauge::default(),
            refused: Family::default(),
            notices: Family::default(),
            medtech: Family::default(),
            hl7_messages: Family::default(),
            mqtt_messages: Family::default(),
            mqtt_connected: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("observations", "Observations received, by result", self.observations.clone());
        r.register("logins", "Logins, by result", self.logins.clone());
        r.register("events", "Journal entries recorded", self.events.clone());
        let help = "Time from the first input of a group to its news after the commit";
        r.register_with_unit("group", help, Unit::Seconds, self.group_seconds.clone());
        r.register("group_samples", "Samples committed", self.group_samples.clone());
        r.register("streams", "Open websocket connections", self.streams.clone());
        r.register("open_alerts", "Alerts that are not closed, by class and priority", self.open_alerts.clone());
        r.register("recording", "1 while the server can record, else 0", self.recording.clone());
        r.register("audit_leaves", "Entries of the audit trail", self.audit_leaves.clone());
        let help = "Entries of the audit trail that the receiver of syslog has confirmed; 0 without one";
        r.register("audit_delivered", help, self.audit_delivered.clone());
        r.register("disk_used_percent", "Used part of the data folder's disk", self.disk_used_percent.clone());
        r.register("refused", "Requests that were not served, by reason", self.refused.clone());
        let help = "Mapped messages, by the names of the MedTech service's metrics";
        r.register("medtech", help, self.medtech.clone());
        r.register("notices", "What became of messages about alerts, by outcome", self.notices.clone());
        r.register("hl7_messages", "Messages of HL7 v2, by result", self.hl7_messages.clone());
        r.register("mqtt_messages", "Messages by MQTT, by source and result", self.mqtt_messages.clone());
        let help = "1 while a source of MQTT is connected and subscribed, else 0";
        r.register("mqtt_connected", help, self.mqtt_connected.clone());
    }

    /// Counts what became of observations, and of the Observations of FHIR that a mapping made of them.
    pub fn intake(&self, report: &IntakeReport) {
        let count = |result: &'static str, n: usize| {
            let counter = self.observations.get_or_create_owned(&[("result", result)]);
            counter.inc_by(u64::try_from(n).unwrap_or_default());
        };
        count("accepted", report.accepted);
        count("duplicate", report.duplicate);
        count("rejected", report.rejected);
        count("late", report.late);
        let fhir = &report.fhir;
        self.count_medtech("Measurement", fhir.measurements);
        self.count_medtech("MeasurementGroup", fhir.groups);
        self.count_medtech("FhirResourceSaved", fhir.created + fhir.updated);
    }

    fn count_medtech(&self, metric: &'static str, n: usize) {
        if n > 0 {
            let counter = self.medtech.get_or_create_owned(&[("metric", metric)]);
            counter.inc_by(u64::try_from(n).unwrap_or_default());
        }
    }

    /// Counts messages that came in by mappings, under the names that the MedTech service's dashboards know.
    pub fn medtech(&self, messages: usize, unmatched: usize, measurements: usize) {
        for (metric, n) in [("DeviceEvent", messages), ("DroppedEvent", unmatched), ("NormalizedEvent", measurements)] {
            self.medtech.get_or_create_owned(&[("metric", metric)]).inc_by(u64::try_from(n).unwrap_or_default());
        }
    }

    /// Counts a login.
    pub fn login(&self, good: bool) {
        self.logins.get_or_create_owned(&[("result", if good { "success" } else { "refused" })]).inc();
    }

    /// Counts a request that was not served.
    pub fn refused(&self, reason: &'static str) {
        self.refused.get_or_create_owned(&[("reason", reason)]).inc();
    }

    /// Counts what became of a message about an alert.
    pub fn notice(&self, outcome: &'static str) {
        self.notices.get_or_create_owned(&[("outcome", outcome)]).inc();
    }

    /// Counts what became of a message of HL7 v2.
    pub fn hl7(&self, result: &'static str) {
        self.hl7_messages.get_or_create_owned(&[("result", result)]).inc();
    }

    /// Counts what became of a message by MQTT, or what was found of it; `source` is a name of the configuration.
    pub fn mqtt(&self, source: &str, result: &'static str) {
        self.mqtt_messages.get_or_create_owned(&MessageLabels { source: source.to_owned(), result }).inc();
    }

    /// Notes whether a source of MQTT is connected.
    pub fn mqtt_connected(&self, source: &str, so: bool) {
        self.mqtt_connected.get_or_create_owned(&SourceLabels { source: source.to_owned() }).set(so.into());
    }

    /// Notes a committed group.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a group stay far below 2^52")]
    pub fn group(&self, samples: usize, took_us: u64) {
        self.group_seconds.observe(took_us as f64 / 1e6);
        self.group_samples.inc_by(u64::try_from(samples).unwrap_or_default());
    }

    /// Counts journal entries.
    pub fn events(&self, n: usize) {
        self.events.inc_by(u64::try_from(n).unwrap_or_default());
    }

    /// Notes a websocket connection that began or ended.
    pub fn stream(&self, began: bool) {
        if began {
            self.streams.inc()
        } else {
            self.streams.dec()
        };
    }

    /// Notes whether the server can record.
    pub fn recording(&self, so: bool) {
        self.recording.set(i64::from(so));
    }

    /// Notes the size of the audit trail.
    pub fn audit(&self, leaves: u64) {
        self.audit_leaves.set(i64::try_from(leaves).unwrap_or(i64::MAX));
    }

    /// Notes how many entries of the audit trail are delivered.
    pub fn audit_delivered(&self, entries: u64) {
        self.audit_delivered.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// Notes how full the disk is.
    pub fn disk(&self, percent: u8) {
        self.disk_used_percent.set(percent.into());
    }

    /// Notes which alerts are open.
    pub fn alerts<'a>(&self, open: impl Iterator<Item = &'a Alert>) {
        let mut counts = std::collections::BTreeMap::<(AlertClass, Priority), i64>::new();
        for class in [AlertClass::Physiological, AlertClass::Technical] {
            for priority in [Priority::Low, Priority::Medium, Priority::High] {
                counts.insert((class, priority), 0);
            }
        }
        for alert in open {
            *counts.entry((alert.class, alert.priority)).or_default() += 1;
        }
        for ((class, priority), n) in counts {
            let labels = AlertLabels { class: class.as_str(), priority: priority.as_str() };
            self.open_alerts.get_or_create_owned(&labels).set(n);
        }
    }

    /// All figures as OpenMetrics text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            tracing::error!("the metrics could not be written");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_openmetrics() {
        let metrics = Metrics::default();
        metrics.intake(&IntakeReport { accepted: 3, rejected: 1, ..IntakeReport::default() });
        metrics.alerts(std::iter::empty());
        metrics.group(3, 1500);
        let text = metrics.text();
        assert!(text.contains("wardwatch_observations_total{result=\"accepted\"} 3"), "{text}");
        assert!(text.contains("wardwatch_open_alerts{class=\"technical\",priority=\"high\"} 0"), "{text}");
        assert!(text.contains("# UNIT wardwatch_group_seconds seconds"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
