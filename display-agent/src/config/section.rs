//! One JSON object, asked for its keys one by one; what was not asked for is unknown.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// How alike two keys must be for one to be meant by the other; 1 is equal.
const ALIKE: f64 = 0.7;

/// An object under its name, and where its problems go.
pub(super) struct Section<'a, 'p> {
    name: &'static str,
    json: &'a Map<String, Value>,
    known: Vec<&'static str>,
    ignored: &'a [&'static str],
    problems: &'p mut Vec<String>,
}

impl<'a, 'p> Section<'a, 'p> {
    pub(super) fn new(
        name: &'static str,
        json: &'a Map<String, Value>,
        problems: &'p mut Vec<String>,
    ) -> Self {
        Self {
            name,
            json,
            known: Vec::new(),
            ignored: &[],
            problems,
        }
    }

    /// Keys that are somebody else's.
    pub(super) fn ignore(&mut self, keys: &'a [&'static str]) {
        self.ignored = keys;
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            other => self.wrong(key, other, "a text"),
        }
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(flag) => Some(*flag),
            other => self.wrong(key, other, "true or false"),
        }
    }

    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.get(key)?;
        let number = value.as_f64().filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong::<()>(
                key,
                value,
                &format!("a number from {} to {}", range.start(), range.end()),
            );
        }
        number
    }

    /// One of a few words; a number that is written like one of them will do.
    pub(super) fn choice(
        &mut self,
        key: &'static str,
        words: &[&'static str],
    ) -> Option<&'static str> {
        let value = self.get(key)?;
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let chosen = words
            .iter()
            .find(|word| word.eq_ignore_ascii_case(&text))
            .copied();
        if chosen.is_none() {
            self.wrong::<()>(key, value, &format!("one of {}", words.join(", ")));
        }
        chosen
    }

    pub(super) fn section(&mut self, key: &'static str) -> Option<&'a Map<String, Value>> {
        match self.get(key)? {
            Value::Object(section) => Some(section),
            other => self.wrong(key, other, "an object"),
        }
    }

    pub(super) fn problem(&mut self, key: &str, words: &str) {
        self.problems.push(format!("{}{key} {words}", self.name));
    }

    /// Names every key that nobody asked for, with the nearest that somebody did.
    pub(super) fn finish(self) {
        let all = || self.known.iter().chain(self.ignored);
        for key in self
            .json
            .keys()
            .filter(|key| !all().any(|known| known == key))
        {
            let likeness =
                |known: &&&str| strsim::jaro_winkler(&key.to_lowercase(), &known.to_lowercase());
            let nearest = all().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            let hint = match nearest.filter(|nearest| likeness(nearest) >= ALIKE) {
                Some(nearest) => format!(": did you mean {nearest}?"),
                None => format!(": known are {}", self.known.join(", ")),
            };
            self.problems
                .push(format!("{}{key} is not a known key{hint}", self.name));
        }
    }

    /// `null` is the same as leaving a key out.
    fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.json.get(key).filter(|value| !value.is_null())
    }

    fn wrong<T>(&mut self, key: &str, value: &Value, right: &str) -> Option<T> {
        self.problem(key, &format!("is {value}: it must be {right}"));
        None
    }
}
