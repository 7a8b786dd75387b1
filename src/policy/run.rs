//! Running the program of a rule on a resource, within bounds of steps and of time.

use super::{definition::last_line, effect::Effect};
use crate::domain::Timestamp;
use regorus::{
    Rc, Value,
    rvm::{RegoVM, program::Program},
    utils::limits::{ExecutionTimerConfig, monotonic_now},
};
use serde_json::json;
use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

/// Most steps of a rule for one resource; a rule that needs more is not evaluated.
const STEPS_MAX: usize = 100_000;
/// Longest time of a rule for one resource; a rule that needs more is not evaluated.
const RUN_MAX: Duration = Duration::from_secs(2);
/// Longest time of one look: all that is assigned, on all resources. What is not reached within it is not evaluated.
pub const LOOK_MAX: Duration = Duration::from_secs(60);
/// Steps of a rule between two looks at the time.
const STEPS_BETWEEN_LOOKS: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);

/// What runs the rules of one look, until its time is over.
pub(super) struct Runner {
    /// What expressions may ask for besides the resource.
    context: Value,
    most: Duration,
    /// By the clock of the language, which is only for its bound; `None` if there is none.
    begun: Option<Duration>,
}

impl Runner {
    /// For one look, which begins now and judges as of `now`.
    pub(super) fn new(now: Timestamp, most: Duration) -> Self {
        let context = Value::from(json!({
            "utcNow": now.to_string(),
            "subscription": {"subscriptionId": "site", "displayName": "site"},
            "resourceGroup": {"name": "site", "location": "site"},
        }));
        Self { context, most, begun: monotonic_now() }
    }

    /// The time that is left; why nothing further is judged if there is none.
    pub(super) fn left(&self) -> Result<Duration, String> {
        let spent = monotonic_now().zip(self.begun).map_or(Duration::ZERO, |(now, begun)| now.saturating_sub(begun));
        let left = self.most.checked_sub(spent).filter(|left| !left.is_zero());
        left.ok_or_else(|| {
            format!(
                "it was not reached: one look takes {} s at most; assign less, or simpler rules",
                self.most.as_secs()
            )
        })
    }

    /// Runs a program on a resource: the effect if its condition holds.
    pub(super) fn run(
        &self,
        program: &Rc<Program>,
        resource: &Value,
        parameters: &Value,
        related: Option<Value>,
    ) -> Result<Option<Effect>, String> {
        let limit = self.left()?.min(RUN_MAX);
        let input: BTreeMap<Value, Value> =
            [(Value::from("resource"), resource.clone()), (Value::from("parameters"), parameters.clone())].into();
        let mut vm = RegoVM::new();
        vm.set_max_instructions(STEPS_MAX);
        vm.set_execution_timer_config(Some(ExecutionTimerConfig { limit, check_interval: STEPS_BETWEEN_LOOKS }));
        vm.load_program(Rc::clone(program));
        vm.set_input(Value::from(input));
        vm.set_context(self.context.clone());
        if let Some(related) = related {
            vm.set_host_await_responses([(Value::from("azure.policy.existence_check"), vec![related])]);
        }
        let result = vm
            .execute_entry_point_by_name("main")
            .map_err(|e| format!("its rule could not be evaluated: {}", last_line(&e.to_string())))?;
        if result == Value::Undefined {
            return Ok(None);
        }
        let named = result.as_object().ok().and_then(|object| object.get(&Value::from("effect")));
        let word = named.and_then(|value| value.as_string().ok()).and_then(|word| Effect::read(word));
        word.map(Some).ok_or_else(|| "its rule gave no effect that is known here".to_owned())
    }
}
