//! Running the program of a rule on a resource, within bounds of steps and of time.
//!
//! How long a look has taken is told by the caller: no clock is read here. How long one rule takes the language bounds itself.

use super::{definition::last_line, effect::Effect};
use crate::domain::{Millis, Timestamp};
use core::time::Duration;
use regorus::{
    Rc, Value,
    rvm::{RegoVM, program::Program},
    utils::limits::ExecutionTimerConfig,
};
use serde_json::json;
use std::{collections::BTreeMap, num::NonZeroU32};

/// Most steps of a rule for one resource; a rule that needs more is not evaluated.
const STEPS_MAX: usize = 100_000;
/// Longest time of a rule for one resource, by the timer of the language; a rule that needs more is not evaluated.
const RUN_MAX: Duration = Duration::from_secs(2);
/// Longest time of one look: all that is assigned, on all resources. What is not reached within it is not evaluated.
pub const LOOK_MAX: Millis = Millis::from_secs(60);
/// Steps of a rule between two looks at the timer.
const STEPS_BETWEEN_LOOKS: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);

/// What runs the rules of one look, until its time is over.
pub(super) struct Runner<'a> {
    /// What expressions may ask for besides the resource.
    context: Value,
    /// How long the look has taken, by the clock of the caller.
    spent: &'a dyn Fn() -> Millis,
}

impl<'a> Runner<'a> {
    /// For one look, which judges as of `now`.
    pub(super) fn new(now: Timestamp, spent: &'a dyn Fn() -> Millis) -> Self {
        let context = Value::from(json!({
            "utcNow": now.to_string(),
            "subscription": {"subscriptionId": "site", "displayName": "site"},
            "resourceGroup": {"name": "site", "location": "site"},
        }));
        Self { context, spent }
    }

    /// Whether there is time left; why nothing further is judged if there is none.
    pub(super) fn in_time(&self) -> Result<(), String> {
        if (self.spent)() < LOOK_MAX {
            return Ok(());
        }
        let most = LOOK_MAX.0 / 1_000;
        Err(format!("it was not reached: one look takes {most} s at most; assign less, or simpler rules"))
    }

    /// Runs a program on a resource: the effect if its condition holds.
    pub(super) fn run(
        &self,
        program: &Rc<Program>,
        resource: &Value,
        parameters: &Value,
        related: Option<Value>,
    ) -> Result<Option<Effect>, String> {
        self.in_time()?;
        let input: BTreeMap<Value, Value> =
            [(Value::from("resource"), resource.clone()), (Value::from("parameters"), parameters.clone())].into();
        let mut vm = RegoVM::new();
        vm.set_max_instructions(STEPS_MAX);
        vm.set_execution_timer_config(Some(ExecutionTimerConfig {
            limit: RUN_MAX,
            check_interval: STEPS_BETWEEN_LOOKS,
        }));
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
