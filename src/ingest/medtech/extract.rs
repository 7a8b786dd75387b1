//! From one match to one measurement.

use super::{
    expression::Expression,
    fault::{FaultKind, Field, Unusable},
    json::Json,
    mapping::Observer,
    measurement::{Measurement, Property},
    scalar,
    template::DeviceTemplate,
    time,
};
use chrono::{DateTime, Utc};

/// What the expressions of a template are evaluated on.
pub(super) struct Extract<'e, O> {
    pub(super) template: &'e DeviceTemplate,
    pub(super) root: &'e Json,
    pub(super) observer: &'e mut O,
}

impl<O: Observer> Extract<'_, O> {
    /// The measurement, its parts in upstream's order, so that the first failure is the same.
    pub(super) fn measurement(mut self) -> Result<Measurement, FaultKind> {
        let template = self.template;
        let device_id = self.required(&Field::DeviceId, std::slice::from_ref(&template.device_id), filled_text)?;
        let occurred_at = self.required(&Field::Timestamp, &template.timestamp, moment)?;
        let correlation_id = match &template.correlation_id {
            Some(expression) => {
                Some(self.required(&Field::CorrelationId, std::slice::from_ref(expression), filled_text)?)
            }
            None => None,
        };
        let patient_id = self.optional(&Field::PatientId, template.patient_id.as_ref())?;
        let encounter_id = self.optional(&Field::EncounterId, template.encounter_id.as_ref())?;
        let mut properties = Vec::with_capacity(template.values.len());
        for value in &template.values {
            let name = &value.name.value;
            let field = Field::Value(name.clone());
            let text = if value.required {
                Some(self.required(&field, std::slice::from_ref(&value.expression), filled_text)?)
            } else {
                self.optional(&field, Some(&value.expression))?
            };
            properties.extend(text.map(|value| Property { name: name.clone(), value }));
        }
        let type_name = template.type_name.value.clone();
        Ok(Measurement {
            type_name,
            occurred_at,
            ingested_at: None,
            device_id,
            patient_id,
            encounter_id,
            correlation_id,
            properties,
        })
    }

    /// The text of what the expression finds; an array or an object is as good as nothing, as upstream.
    fn optional(&mut self, field: &Field, expression: Option<&Expression>) -> Result<Option<String>, FaultKind> {
        match expression {
            Some(expression) => Ok(self.value(field, expression, |json| Ok(any_text(json)))?.ok().flatten()),
            None => Ok(None),
        }
    }

    /// What the first of the expressions finds that finds something usable.
    fn required<T>(
        &mut self,
        field: &Field,
        expressions: &[Expression],
        take: fn(&Json) -> Result<T, Unusable>,
    ) -> Result<T, FaultKind> {
        let mut why = Unusable::Missing;
        for expression in expressions {
            match self.value(field, expression, take)? {
                Ok(value) => return Ok(value),
                Err(Unusable::Missing) => {}
                Err(unusable) => why = unusable,
            }
        }
        let expressions: Vec<_> = expressions.iter().map(|e| e.text.value.as_str()).collect();
        Err(FaultKind::Required { field: field.clone(), expressions: expressions.join(", "), why })
    }

    /// What an expression finds, taken.
    fn value<T>(
        &mut self,
        field: &Field,
        expression: &Expression,
        take: impl FnOnce(&Json) -> Result<T, Unusable>,
    ) -> Result<Result<T, Unusable>, FaultKind> {
        match expression.select_one(self.root) {
            Ok(found) => {
                let taken = found.as_deref().map_or(Err(Unusable::Missing), take);
                self.observer.found(field, expression, &Ok(found));
                Ok(taken)
            }
            Err(fault) => {
                self.observer.found(field, expression, &Err(fault.to_string()));
                Err(FaultKind::Expression { field: field.clone(), expression: expression.text.value.clone(), fault })
            }
        }
    }
}

fn any_text(json: &Json) -> Option<String> {
    scalar::text_of(json).ok().flatten().map(std::borrow::Cow::into_owned)
}

/// A text that is not blank.
fn filled_text(json: &Json) -> Result<String, Unusable> {
    match scalar::text_of(json) {
        Ok(Some(text)) if !text.trim().is_empty() => Ok(text.into_owned()),
        Ok(_) => Err(Unusable::Empty),
        Err(kind) => Err(Unusable::NotSingle(kind)),
    }
}

fn moment(json: &Json) -> Result<DateTime<Utc>, Unusable> {
    if json.is_null() {
        return Err(Unusable::Empty);
    }
    if scalar::text_of(json).is_err() {
        return Err(Unusable::NotSingle(json.kind()));
    }
    json.as_text().and_then(time::timestamp).ok_or_else(|| Unusable::NotATime(json.to_string()))
}
