//! Reading ahead: what the values of a message need is fetched before the first of them is judged.
//!
//! Of a large ward, nothing of a patient lies in the caches when a message comes. Judged one by one, each value waits for
//! its own lines of memory. Read here with no work between, they come together, and the processor waits once. It is a
//! hint: it changes nothing, and nothing is made of what it reads.

use super::{Engine, patients::PatientSeries, series::Series};
use crate::domain::Observation;
use std::hint::black_box;

impl Engine {
    /// Fetches what `values` need. Values of one patient are best next to each other, as in a message.
    pub fn look_ahead<'a>(&self, values: impl IntoIterator<Item = &'a Observation>) {
        let mut last = None;
        for value in values {
            if last.replace(&value.patient) == Some(&value.patient) {
                continue;
            }
            let Some(place) = self.patients.place_of(&value.patient) else { continue };
            let Some(patient) = self.patients.get(place) else { continue };
            black_box(self.timers.looks.of(place));
            black_box(self.devices.get_index(patient.device_at).map(|(_, device)| device.kept.last_observed));
            patient.read();
        }
    }
}

impl PatientSeries {
    fn read(&self) {
        black_box((self.category, self.scores.armed.at()));
        self.series.iter().for_each(Series::read);
    }
}

impl Series {
    /// Reads each line of memory that a value of this series reads.
    fn read(&self) {
        black_box((
            self.timers.stale.at(),
            self.state.last.map(|last| last.observed_at),
            self.state.stale.is_raised(),
            self.state.flatline.is_flat(),
            self.state.inop,
            self.state.window.newest(),
        ));
    }
}
