//! From text to steps.

use super::{
    CONDITIONS_MAX, FILTERS_WITHIN_MAX, JsonPath, Operator, PATH_MAX_CHARS, PathError, STEPS_MAX, Side, Slice, Step,
    Test,
};
use crate::ingest::medtech::json::{Json, JsonValue};
use regex::{Regex, RegexBuilder};

/// Largest compiled pattern, in bytes.
const PATTERN_MAX_BYTES: usize = 256 * 1024;

pub(super) fn parse(expression: &str) -> Result<JsonPath, PathError> {
    let chars: Vec<char> = expression.chars().take(PATH_MAX_CHARS.saturating_add(1)).collect();
    if chars.len() > PATH_MAX_CHARS {
        return Err(PathError { message: format!("longer than {PATH_MAX_CHARS} characters"), at: PATH_MAX_CHARS });
    }
    let mut parser = Parser { chars, at: 0, filters: 0 };
    let mut steps = Vec::new();
    parser.space();
    if parser.chars.get(parser.at..) == Some(&['$']) {
        return Ok(JsonPath { steps });
    }
    // A name may itself begin with the sign.
    if parser.peek() == Some('$') && matches!(parser.ahead(1), Some('.' | '[')) {
        parser.at = parser.at.saturating_add(1);
    }
    parser.path(&mut steps, false)?;
    parser.space();
    match parser.peek() {
        None => Ok(JsonPath { steps }),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    /// Filters open around the current place.
    filters: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Option<char> {
        self.chars.get(self.at.saturating_add(by)).copied()
    }

    const fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Passes over blanks; Newtonsoft.Json knows no other space here.
    fn space(&mut self) {
        while self.peek() == Some(' ') {
            self.step();
        }
    }

    /// Passes over this text if it stands here.
    fn take(&mut self, text: &str) -> bool {
        let here = text.chars().enumerate().all(|(i, c)| self.ahead(i) == Some(c));
        if here {
            self.at = self.at.saturating_add(text.chars().count());
        }
        here
    }

    fn fail(&self, message: impl Into<String>) -> PathError {
        PathError { message: message.into(), at: self.at.saturating_add(1) }
    }

    fn unexpected(&self) -> PathError {
        match self.peek() {
            Some(found) => self.fail(format!("unexpected {found:?}")),
            None => self.fail("it ends too early"),
        }
    }

    fn between(&self, start: usize) -> String {
        self.chars.get(start..self.at).unwrap_or_default().iter().collect()
    }

    /// Reads steps up to the end, or up to what ends a path within a filter.
    fn path(&mut self, steps: &mut Vec<Step>, in_filter: bool) -> Result<(), PathError> {
        let mut start = self.at;
        let (mut scan, mut after_index, mut after_dot) = (false, false, false);
        while let Some(c) = self.peek() {
            if steps.len() > STEPS_MAX {
                return Err(self.fail(format!("more than {STEPS_MAX} steps")));
            }
            match c {
                '[' | '(' => {
                    if self.at > start {
                        steps.push(member(&self.between(start), scan));
                        scan = false;
                    }
                    steps.push(self.indexer(if c == '[' { ']' } else { ')' }, scan)?);
                    self.step();
                    start = self.at;
                    (scan, after_index, after_dot) = (false, true, false);
                }
                ']' | ')' | ' ' => break,
                '.' => {
                    if self.at > start {
                        steps.push(member(&self.between(start), scan));
                        scan = false;
                    }
                    if self.ahead(1) == Some('.') {
                        scan = true;
                        self.step();
                    }
                    self.step();
                    start = self.at;
                    (after_index, after_dot) = (false, true);
                }
                '=' | '<' | '>' | '!' | '|' | '&' if in_filter => break,
                _ if after_index => return Err(self.unexpected()),
                _ => self.step(),
            }
        }
        if self.at > start {
            steps.push(member(self.between(start).trim_end(), scan));
        } else if after_dot && (in_filter || self.peek().is_none()) {
            return Err(self.fail("a name is missing after the dot"));
        }
        Ok(())
    }

    /// What stands in brackets; ends on the closing one.
    fn indexer(&mut self, close: char, scan: bool) -> Result<Step, PathError> {
        self.step();
        self.space();
        match self.peek() {
            Some('\'') => self.quoted_members(close, scan),
            Some('?') => {
                self.filters = self.filters.saturating_add(1);
                if self.filters > FILTERS_WITHIN_MAX {
                    return Err(self.fail(format!("more than {FILTERS_WITHIN_MAX} filters within one another")));
                }
                let test = self.filter(close)?;
                self.filters = self.filters.saturating_sub(1);
                Ok(if scan { Step::ScanFilter(test) } else { Step::Filter(test) })
            }
            _ => self.array_index(close),
        }
    }

    fn quoted_members(&mut self, close: char, scan: bool) -> Result<Step, PathError> {
        let mut names: Vec<Box<str>> = Vec::new();
        loop {
            if self.peek() != Some('\'') {
                return Err(self.unexpected());
            }
            names.push(self.quoted()?.into());
            self.space();
            match self.peek() {
                Some(',') => {
                    self.step();
                    self.space();
                }
                Some(c) if c == close => break,
                _ => return Err(self.unexpected()),
            }
        }
        let single = if names.len() == 1 { names.pop() } else { None };
        Ok(match (single, scan) {
            (Some(name), false) => Step::Member(Some(name)),
            (Some(name), true) => Step::ScanMember(Some(name)),
            (None, false) => Step::Members(names),
            (None, true) => Step::ScanMembers(names),
        })
    }

    /// `0`, `0,2`, `1:3`, `*`. A scan before it has no effect, as upstream.
    fn array_index(&mut self, close: char) -> Result<Step, PathError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c != close) {
            self.step();
        }
        if self.peek().is_none() {
            return Err(self.fail("a bracket is left open"));
        }
        let text = self.between(start);
        let number = |text: &str| {
            text.trim().parse::<i32>().map_err(|_| self.fail(format!("{:?} is not an index", text.trim())))
        };
        if text.trim() == "*" {
            return Ok(Step::Index(None));
        }
        if text.contains(',') {
            return Ok(Step::Indexes(text.split(',').map(number).collect::<Result<_, _>>()?));
        }
        if !text.contains(':') {
            return Ok(Step::Index(Some(number(&text)?)));
        }
        let parts: Vec<Option<i32>> = text
            .split(':')
            .map(|part| if part.trim().is_empty() { Ok(None) } else { number(part).map(Some) })
            .collect::<Result<_, _>>()?;
        let part = |i: usize| parts.get(i).copied().flatten();
        match (parts.len(), part(2).unwrap_or(1)) {
            (2 | 3, 0) => Err(self.fail("a step of 0")),
            (2 | 3, step) => Ok(Step::Slice(Slice { start: part(0), end: part(1), step })),
            _ => Err(self.fail("too many colons")),
        }
    }

    fn filter(&mut self, close: char) -> Result<Test, PathError> {
        self.step();
        if self.peek() != Some('(') {
            return Err(self.unexpected());
        }
        self.step();
        let test = self.test(1)?;
        self.step();
        self.space();
        if self.peek() != Some(close) {
            return Err(self.unexpected());
        }
        Ok(test)
    }

    /// Conditions joined from left to right, each join taking all that follows; ends on `)`.
    fn test(&mut self, count: usize) -> Result<Test, PathError> {
        if count > CONDITIONS_MAX {
            return Err(self.fail(format!("more than {CONDITIONS_MAX} conditions")));
        }
        let first = self.condition()?;
        let more = count.saturating_add(1);
        match self.peek() {
            Some(')') => Ok(first),
            Some('&') if self.take("&&") => Ok(Test::And(Box::new(first), Box::new(self.test(more)?))),
            Some('|') if self.take("||") => Ok(Test::Or(Box::new(first), Box::new(self.test(more)?))),
            _ => Err(self.unexpected()),
        }
    }

    fn condition(&mut self) -> Result<Test, PathError> {
        let left = self.side()?;
        if matches!(self.peek(), Some(')' | '|' | '&')) {
            return Ok(Test::Exists(left));
        }
        if self.take("=~") {
            self.space();
            let pattern = self.pattern()?;
            self.space();
            return Ok(Test::Matches(left, pattern));
        }
        let operator = self.operator()?;
        Ok(Test::Compare(left, operator, self.side()?))
    }

    fn operator(&mut self) -> Result<Operator, PathError> {
        const OPERATORS: [(&str, Operator); 9] = [
            ("===", Operator::StrictlyEqual),
            ("==", Operator::Equal),
            ("!==", Operator::StrictlyNotEqual),
            ("!=", Operator::NotEqual),
            ("<>", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            ("<", Operator::Less),
            (">=", Operator::GreaterOrEqual),
            (">", Operator::Greater),
        ];
        OPERATORS
            .iter()
            .find_map(|(text, operator)| self.take(text).then_some(*operator))
            .ok_or_else(|| self.fail("a comparison is wanted: == != < <= > >= =~ === !=="))
    }

    fn side(&mut self) -> Result<Side, PathError> {
        self.space();
        let side = match self.peek() {
            Some(sign @ ('@' | '$')) => {
                self.step();
                let mut steps = Vec::new();
                self.path(&mut steps, true)?;
                if sign == '@' { Side::Here(steps) } else { Side::Root(steps) }
            }
            _ => Side::Value(Json::of(self.literal()?)),
        };
        self.space();
        if self.peek().is_none() {
            return Err(self.fail("a filter is left open"));
        }
        Ok(side)
    }

    fn literal(&mut self) -> Result<JsonValue, PathError> {
        match self.peek() {
            Some('\'') => self.quoted().map(JsonValue::Text),
            Some('0'..='9' | '-') => self.number(),
            _ if self.take("true") => Ok(JsonValue::Bool(true)),
            _ if self.take("false") => Ok(JsonValue::Bool(false)),
            _ if self.take("null") => Ok(JsonValue::Null),
            _ => Err(self.unexpected()),
        }
    }

    /// A number ends only at a blank or a closing parenthesis.
    fn number(&mut self) -> Result<JsonValue, PathError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c != ' ' && c != ')') {
            self.step();
        }
        let text = self.between(start);
        let value = if text.contains(['.', 'e', 'E']) {
            text.parse().ok().filter(|x: &f64| x.is_finite()).map(JsonValue::Float)
        } else {
            text.parse().ok().map(JsonValue::Integer)
        };
        value.ok_or_else(|| self.fail(format!("{text:?} is not a number; put a blank after a number")))
    }

    fn quoted(&mut self) -> Result<String, PathError> {
        self.step();
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.step();
            match c {
                '\'' => return Ok(text),
                '\\' => {
                    text.push(match self.peek() {
                        Some('b') => '\u{8}',
                        Some('t') => '\t',
                        Some('n') => '\n',
                        Some('f') => '\u{c}',
                        Some('r') => '\r',
                        Some(c @ ('\\' | '"' | '\'' | '/')) => c,
                        _ => return Err(self.fail("an unknown escape")),
                    });
                    self.step();
                }
                c => text.push(c),
            }
        }
        Err(self.fail("a text is left open"))
    }

    /// `/…/` with options behind it.
    fn pattern(&mut self) -> Result<Regex, PathError> {
        if self.peek() != Some('/') {
            return Err(self.fail("a pattern is wanted: /…/"));
        }
        self.step();
        let start = self.at;
        loop {
            match self.peek() {
                Some('/') => break,
                Some('\\') => self.at = self.at.saturating_add(2),
                Some(_) => self.step(),
                None => return Err(self.fail("a pattern is left open")),
            }
        }
        let text = self.between(start);
        self.step();
        let mut builder = RegexBuilder::new(&text);
        builder.size_limit(PATTERN_MAX_BYTES);
        while let Some(option) = self.peek().filter(char::is_ascii_alphabetic) {
            match option {
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                // It changes only what groups are called.
                'x' => &mut builder,
                _ => return Err(self.fail(format!("{option:?} is no option of a pattern; i, m, s and x are"))),
            };
            self.step();
        }
        builder.build().map_err(|_| self.fail("the pattern is not one that wardwatch can search for"))
    }
}

fn member(name: &str, scan: bool) -> Step {
    let name = (name != "*").then(|| name.into());
    if scan { Step::ScanMember(name) } else { Step::Member(name) }
}
