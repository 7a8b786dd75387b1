//! Which functions there are, and how many arguments each takes.

use super::{JmesError, JmesFault, eval::Context, medtech, standard, value::Value};

/// What a function does with its arguments, on the current value.
pub(super) type Run = for<'a> fn(&[Value<'a>], &Value<'a>, &mut Context<'a>) -> Result<Value<'a>, JmesFault>;

/// A function.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Fewest arguments.
    fewest: usize,
    /// Most arguments; `None` for any number.
    most: Option<usize>,
    /// Which argument is an expression reference, from 0.
    pub(super) reference: Option<usize>,
    pub(super) run: Run,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Function {
    pub(super) fn check_count(&self, found: usize) -> Result<(), JmesError> {
        if found >= self.fewest && self.most.is_none_or(|most| found <= most) {
            return Ok(());
        }
        let plural = if self.fewest == 1 { "argument" } else { "arguments" };
        let wanted = match self.most {
            Some(_) => format!("{} {plural}", self.fewest),
            None => format!("at least {} {plural}", self.fewest),
        };
        Err(JmesError::Arguments { name: self.name, wanted, found })
    }
}

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

const fn exactly(name: &'static str, count: usize, run: Run) -> Function {
    Function { name, fewest: count, most: Some(count), reference: None, run }
}

const fn at_least(name: &'static str, count: usize, run: Run) -> Function {
    Function { name, fewest: count, most: None, reference: None, run }
}

const fn with_reference(name: &'static str, reference: usize, run: Run) -> Function {
    Function { name, fewest: 2, most: Some(2), reference: Some(reference), run }
}

static FUNCTIONS: [Function; 38] = [
    // The specification.
    exactly("abs", 1, standard::abs),
    exactly("avg", 1, standard::avg),
    exactly("ceil", 1, standard::ceil),
    exactly("contains", 2, standard::contains),
    exactly("ends_with", 2, standard::ends_with),
    exactly("floor", 1, standard::floor),
    exactly("join", 2, standard::join),
    exactly("keys", 1, standard::keys),
    exactly("length", 1, standard::length),
    with_reference("map", 0, standard::map),
    exactly("max", 1, standard::max),
    with_reference("max_by", 1, standard::max_by),
    at_least("merge", 1, standard::merge),
    exactly("min", 1, standard::min),
    with_reference("min_by", 1, standard::min_by),
    at_least("not_null", 1, standard::not_null),
    exactly("reverse", 1, standard::reverse),
    exactly("sort", 1, standard::sort),
    with_reference("sort_by", 1, standard::sort_by),
    exactly("starts_with", 2, standard::starts_with),
    exactly("sum", 1, standard::sum),
    exactly("to_array", 1, standard::to_array),
    exactly("to_number", 1, standard::to_number),
    exactly("to_string", 1, standard::to_string),
    exactly("type", 1, standard::type_of),
    exactly("values", 1, standard::values),
    // What upstream's library adds.
    exactly("items", 1, standard::items),
    with_reference("let", 1, standard::let_scope),
    exactly("to_object", 1, standard::to_object),
    at_least("zip", 1, standard::zip),
    // What MedTech adds.
    exactly("add", 2, medtech::add),
    exactly("divide", 2, medtech::divide),
    exactly("fromUnixTimestamp", 1, medtech::from_unix_timestamp),
    exactly("fromUnixTimestampMs", 1, medtech::from_unix_timestamp_ms),
    exactly("insertString", 3, medtech::insert_string),
    exactly("multiply", 2, medtech::multiply),
    exactly("pow", 2, medtech::pow),
    exactly("subtract", 2, medtech::subtract),
];

/// The arguments of a call, with what each may be.
pub(super) struct Args<'s, 'a> {
    pub(super) function: &'static str,
    pub(super) values: &'s [Value<'a>],
}

impl<'a> Args<'_, 'a> {
    pub(super) fn value(&self, i: usize) -> Value<'a> {
        self.values.get(i).cloned().unwrap_or_else(Value::null)
    }

    pub(super) fn refuse(&self, i: usize, wanted: &'static str) -> JmesFault {
        JmesFault::Argument {
            function: self.function,
            argument: i.saturating_add(1),
            wanted,
            found: self.values.get(i).map_or("nothing", Value::kind),
        }
    }

    /// The argument as this; an error if it is something else.
    pub(super) fn get<T>(
        &self,
        i: usize,
        wanted: &'static str,
        take: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Result<T, JmesFault> {
        self.values.get(i).and_then(take).ok_or_else(|| self.refuse(i, wanted))
    }

    pub(super) fn text(&self, i: usize) -> Result<String, JmesFault> {
        self.get(i, "a string", |value| value.as_text().map(str::to_owned))
    }

    pub(super) fn array(&self, i: usize) -> Result<Vec<Value<'a>>, JmesFault> {
        self.get(i, "an array", Value::items)
    }
}
