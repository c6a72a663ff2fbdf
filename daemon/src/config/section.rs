//! One object of a document, read key by key.

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// Longest value that is shown in a problem.
const SHOWN_CHARS: usize = 60;

/// The least likeness of two keys for one to be meant by the other; equal keys have 1.
const ALIKE: f64 = 0.6;

/// One thing that is wrong in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `motors.left.output`.
    pub key: String,
    /// What is there and what would be right.
    pub text: String,
}

impl Problem {
    /// The key of a problem with the whole document.
    pub const WHOLE: &str = "the file";
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.text)
    }
}

/// An object and the keys that were asked for. When it is dropped, every other key is a problem.
pub struct Section<'a> {
    path: String,
    fields: Option<&'a Map<String, Value>>,
    problems: &'a RefCell<Vec<Problem>>,
    known: Vec<&'static str>,
    ignored: &'static [&'static str],
}

impl<'a> Section<'a> {
    pub(super) fn top(value: &'a Value, problems: &'a RefCell<Vec<Problem>>) -> Self {
        let section = Self::new(String::new(), value.as_object(), problems);
        if section.fields.is_none() {
            section.note(Problem::WHOLE, value, "an object like {\"key\": …}");
        }
        section
    }

    fn new(
        path: String,
        fields: Option<&'a Map<String, Value>>,
        problems: &'a RefCell<Vec<Problem>>,
    ) -> Self {
        Self {
            path,
            fields,
            problems,
            known: Vec::new(),
            ignored: &[],
        }
    }

    /// The object under `key`; an absent one has no fields.
    pub fn section(&mut self, key: &'static str) -> Section<'a> {
        let value = self.get(key);
        if let Some(wrong) = value.filter(|value| !value.is_object()) {
            self.note(key, wrong, "an object");
        }
        let fields = value.and_then(Value::as_object);
        Section::new(self.path_of(key), fields, self.problems)
    }

    /// Accepts whatever is under these keys: they are another program's.
    pub fn ignore(&mut self, keys: &'static [&'static str]) {
        self.ignored = keys;
    }

    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.fields.is_some_and(|fields| fields.contains_key(key))
    }

    /// What `read` makes of the value under `key`; none if it is absent or wrong.
    pub fn optional<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let read = read(value);
        if read.is_none() {
            self.note(key, value, expected);
        }
        read
    }

    /// Like [`Section::optional`], but its absence is a problem too.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        if self.get(key).is_none() && self.fields.is_some() {
            self.problem(key, format!("is missing: it must be {expected}"));
        }
        self.optional(key, expected, read)
    }

    /// A string that is not empty.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.optional(key, "a string that is not empty", text)
    }

    /// A whole number within bounds.
    pub fn integer(&mut self, key: &'static str, min: u64, max: u64, default: u64) -> u64 {
        let expected = format!("a whole number from {min} to {max}");
        self.optional(key, &expected, |value| {
            value.as_u64().filter(|n| (min..=max).contains(n))
        })
        .unwrap_or(default)
    }

    /// A number within bounds.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.optional(key, &expected, |value| {
            value.as_f64().filter(|number| range.contains(number))
        })
    }

    /// true or false.
    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.optional(key, "true or false", Value::as_bool)
            .unwrap_or(default)
    }

    /// One of `choices`, by its word.
    pub fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|choice| word(*choice)).collect();
        let expected = match words.as_slice() {
            [] => String::new(),
            [only] => format!("\"{only}\""),
            [first @ .., last] => format!("\"{}\" or \"{last}\"", first.join("\", \"")),
        };
        self.optional(key, &expected, |value| {
            let given = value.as_str()?;
            choices
                .iter()
                .copied()
                .find(|choice| word(*choice) == given)
        })
    }

    /// Notes something that is wrong with the value under `key`.
    pub fn problem(&self, key: &str, text: String) {
        let key = self.path_of(key);
        self.problems.borrow_mut().push(Problem { key, text });
    }

    fn note(&self, key: &str, value: &Value, expected: &str) {
        self.problem(key, format!("is {}: it must be {expected}", shown(value)));
    }

    /// The value; null is as good as absent.
    fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.fields?.get(key).filter(|value| !value.is_null())
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn unknown(&self, key: &str) -> String {
        let alike = |known: &&str| strsim::jaro_winkler(&key.to_lowercase(), &known.to_lowercase());
        let nearest = (self.known.iter().chain(self.ignored).copied())
            .max_by(|a, b| alike(a).total_cmp(&alike(b)))
            .filter(|nearest| alike(nearest) >= ALIKE);
        match nearest {
            Some(nearest) => format!("is not a known key: did you mean {nearest}?"),
            None => format!("is not a known key: known are {}", self.known.join(", ")),
        }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        for key in self.fields.into_iter().flat_map(Map::keys) {
            let key = key.as_str();
            if !self.known.contains(&key) && !self.ignored.contains(&key) {
                self.problem(key, self.unknown(key));
            }
        }
    }
}

/// A string that is not empty.
pub fn text(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.trim().is_empty())?;
    Some(text.to_owned())
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
