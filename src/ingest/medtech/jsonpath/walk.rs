//! From a root to the values that the steps find.

use super::{PathFault, Side, Slice, Step, Test, VISITS_MAX, compare};
use crate::ingest::medtech::json::{Json, JsonValue};
use std::{cell::Cell, ops::ControlFlow};

/// What becomes of each value found; it may end the search.
type Sink<'s, 'a> = &'s mut dyn FnMut(&'a Json) -> ControlFlow<()>;

/// Hands each value that the steps find to the sink, in order.
pub(super) fn walk<'a>(steps: &[Step], root: &'a Json, sink: Sink<'_, 'a>) -> Result<(), PathFault> {
    let visits_left = Cell::new(VISITS_MAX);
    Walk { root, visits_left: &visits_left }.steps(steps, root, sink).map(|_| ())
}

type Flow = Result<ControlFlow<()>, PathFault>;

#[derive(Clone, Copy)]
struct Walk<'w, 'a> {
    root: &'a Json,
    visits_left: &'w Cell<usize>,
}

fn visit(left: &Cell<usize>) -> Result<(), PathFault> {
    left.set(left.get().checked_sub(1).ok_or(PathFault::TooMuch)?);
    Ok(())
}

/// Goes on with the next value unless the search has ended.
macro_rules! each {
    ($flow:expr) => {
        if $flow?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    };
}

impl<'a> Walk<'_, 'a> {
    fn steps(self, steps: &[Step], at: &'a Json, sink: Sink<'_, 'a>) -> Flow {
        visit(self.visits_left)?;
        let Some((step, rest)) = steps.split_first() else {
            return Ok(sink(at));
        };
        match step {
            Step::Member(Some(name)) => match at.get(name) {
                Some(value) => self.steps(rest, value, sink),
                None => Ok(ControlFlow::Continue(())),
            },
            Step::Member(None) => {
                for member in at.as_object().unwrap_or_default() {
                    each!(self.steps(rest, &member.value, sink));
                }
                Ok(ControlFlow::Continue(()))
            }
            Step::Members(names) => {
                for value in names.iter().filter_map(|name| at.get(name)) {
                    each!(self.steps(rest, value, sink));
                }
                Ok(ControlFlow::Continue(()))
            }
            Step::Index(Some(index)) => match item(at, *index)? {
                Some(value) => self.steps(rest, value, sink),
                None => Ok(ControlFlow::Continue(())),
            },
            Step::Index(None) => {
                for value in at.as_array().unwrap_or_default() {
                    each!(self.steps(rest, value, sink));
                }
                Ok(ControlFlow::Continue(()))
            }
            Step::Indexes(indexes) => {
                for index in indexes {
                    if let Some(value) = item(at, *index)? {
                        each!(self.steps(rest, value, sink));
                    }
                }
                Ok(ControlFlow::Continue(()))
            }
            Step::Slice(slice) => {
                for value in sliced(at.as_array().unwrap_or_default(), *slice) {
                    each!(self.steps(rest, value, sink));
                }
                Ok(ControlFlow::Continue(()))
            }
            Step::Filter(test) => {
                for value in at.as_array().unwrap_or_default() {
                    if self.holds(test, value)? {
                        each!(self.steps(rest, value, sink));
                    }
                }
                Ok(ControlFlow::Continue(()))
            }
            Step::ScanMember(None) => self.scan_all(at, rest, sink),
            Step::ScanMember(Some(name)) => self.scan_named(at, &|found| found == &**name, rest, sink),
            Step::ScanMembers(names) => {
                self.scan_named(at, &|found| names.iter().any(|name| found == &**name), rest, sink)
            }
            Step::ScanFilter(test) => self.scan_filter(at, test, rest, sink),
        }
    }

    /// The value and all within it, each before what it holds.
    fn scan_all(self, at: &'a Json, rest: &[Step], sink: Sink<'_, 'a>) -> Flow {
        each!(self.steps(rest, at, sink));
        for child in children(at) {
            each!(self.scan_all(child, rest, sink));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn scan_named(self, at: &'a Json, named: &dyn Fn(&str) -> bool, rest: &[Step], sink: Sink<'_, 'a>) -> Flow {
        visit(self.visits_left)?;
        match &at.value {
            JsonValue::Object(members) => {
                for member in members {
                    if named(&member.name) {
                        each!(self.steps(rest, &member.value, sink));
                    }
                    each!(self.scan_named(&member.value, named, rest, sink));
                }
            }
            JsonValue::Array(items) => {
                for item in items {
                    each!(self.scan_named(item, named, rest, sink));
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn scan_filter(self, at: &'a Json, test: &Test, rest: &[Step], sink: Sink<'_, 'a>) -> Flow {
        if self.holds(test, at)? {
            each!(self.steps(rest, at, sink));
        }
        for child in children(at) {
            each!(self.scan_filter(child, test, rest, sink));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn holds(self, test: &Test, here: &'a Json) -> Result<bool, PathFault> {
        visit(self.visits_left)?;
        match test {
            Test::And(left, right) => Ok(self.holds(left, here)? && self.holds(right, here)?),
            Test::Or(left, right) => Ok(self.holds(left, here)? || self.holds(right, here)?),
            Test::Exists(side) => self.any(side, here, &mut |_| Ok(true)),
            Test::Matches(side, pattern) => self
                .any(side, here, &mut |found| Ok(compare::is_plain_text(found).is_some_and(|t| pattern.is_match(t)))),
            Test::Compare(left, operator, Side::Value(right)) => {
                self.any(left, here, &mut |found| compare::holds(*operator, found, right))
            }
            Test::Compare(left, operator, right) => {
                // The right side is looked for only once the left one has found something.
                let mut rights = None;
                self.any(left, here, &mut |found| {
                    let rights = match &mut rights {
                        Some(rights) => rights,
                        none => none.insert(self.all(right, here)?),
                    };
                    for right in rights.iter() {
                        visit(self.visits_left)?;
                        if compare::holds(*operator, found, right)? {
                            return Ok(true);
                        }
                    }
                    Ok(false)
                })
            }
        }
    }

    /// All that the side finds.
    fn all<'s>(self, side: &'s Side, here: &'a Json) -> Result<Vec<&'s Json>, PathFault>
    where
        'a: 's,
    {
        let (steps, start) = match side {
            Side::Here(steps) => (steps, here),
            Side::Root(steps) => (steps, self.root),
            Side::Value(value) => return Ok(vec![value]),
        };
        let mut found: Vec<&'s Json> = Vec::new();
        let _ = self.steps(steps, start, &mut |json| {
            found.push(json);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Whether anything that the side finds passes.
    fn any(
        self,
        side: &Side,
        here: &'a Json,
        passes: &mut dyn FnMut(&Json) -> Result<bool, PathFault>,
    ) -> Result<bool, PathFault> {
        let (steps, start) = match side {
            Side::Here(steps) => (steps, here),
            Side::Root(steps) => (steps, self.root),
            Side::Value(value) => return passes(value),
        };
        let mut outcome = Ok(false);
        let _ = self.steps(steps, start, &mut |found| {
            outcome = passes(found);
            if matches!(outcome, Ok(false)) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome
    }
}

fn children(at: &Json) -> impl Iterator<Item = &Json> {
    let members = at.as_object().unwrap_or_default().iter().map(|member| &member.value);
    members.chain(at.as_array().unwrap_or_default())
}

fn item(at: &Json, index: i32) -> Result<Option<&Json>, PathFault> {
    let Some(items) = at.as_array() else {
        return Ok(None);
    };
    let index = usize::try_from(index).map_err(|_| PathFault::NegativeIndex(index))?;
    Ok(items.get(index))
}

/// The items from start to end, both counted from the end when negative, in the direction of the step.
fn sliced(items: &[Json], slice: Slice) -> Vec<&Json> {
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let step = i64::from(slice.step);
    let forward = step > 0;
    let from_end = |index: i32| {
        let index = i64::from(index);
        if index < 0 { index.saturating_add(count) } else { index }
    };
    let (lowest, highest) = if forward { (0, count) } else { (i64::MIN, count.saturating_sub(1)) };
    let start =
        slice.start.map_or(if forward { 0 } else { count.saturating_sub(1) }, from_end).max(lowest).min(highest);
    let end = slice.end.map_or(if forward { count } else { -1 }, from_end).max(-1).min(count);
    let mut found = Vec::new();
    let mut at = start;
    while if forward { at < end } else { at > end } {
        found.extend(usize::try_from(at).ok().and_then(|i| items.get(i)));
        at = at.saturating_add(step);
    }
    found
}
