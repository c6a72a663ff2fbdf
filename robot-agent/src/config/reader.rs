//! One object of a JSON document, read key by key. Every problem is noted with its key,
//! its value and what would be right, and reading goes on with the default, so that all
//! problems come out together.

use std::cell::RefCell;
use std::fmt;

use serde_json::{Map, Value};

/// Longest value that is shown in a problem.
const SHOWN_CHARS: usize = 60;

/// One thing that is wrong in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `motors.left.output`.
    pub key: String,
    /// What is there and what would be right.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}

/// Where problems are gathered.
pub type Problems = RefCell<Vec<Problem>>;

/// An object and the keys that were asked for.
pub struct Section<'a> {
    path: String,
    fields: Option<&'a Map<String, Value>>,
    problems: &'a Problems,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// What stands for a key where the whole document is wrong.
    pub const WHOLE: &'static str = "the file";

    /// The whole document.
    pub fn document(value: &'a Value, problems: &'a Problems) -> Self {
        let section = Self {
            path: String::new(),
            fields: value.as_object(),
            problems,
            known: Vec::new(),
        };
        if section.fields.is_none() {
            section.note(Self::WHOLE, value, "an object like {\"IOT_THINGNAME\": …}");
        }
        section
    }

    /// The object under `key`; an absent one has no fields.
    pub fn section(&mut self, key: &'static str) -> Section<'a> {
        let value = self.get(key);
        if let Some(wrong) = value.filter(|value| !value.is_object()) {
            self.note(key, wrong, "an object");
        }
        Section {
            path: self.path_of(key),
            fields: value.and_then(Value::as_object),
            problems: self.problems,
            known: Vec::new(),
        }
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

    /// Accepts whatever is under `key`: it is another program's.
    pub fn ignore(&mut self, key: &'static str) {
        self.get(key);
    }

    /// Notes something that is wrong with the value under `key`.
    pub fn problem(&self, key: &str, text: String) {
        self.problems.borrow_mut().push(Problem {
            key: self.path_of(key),
            text,
        });
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
}

/// When all keys were asked for, whatever else is there is unknown.
impl Drop for Section<'_> {
    fn drop(&mut self) {
        let Some(fields) = self.fields else { return };
        for key in fields.keys() {
            if !self.known.contains(&key.as_str()) {
                self.problem(key, unknown(key, &self.known));
            }
        }
    }
}

fn unknown(key: &str, known: &[&str]) -> String {
    /// Less alike than this is no slip of the fingers.
    const ALIKE: f64 = 0.6;
    let alike = |known: &&&str| strsim::jaro_winkler(&key.to_lowercase(), &known.to_lowercase());
    let nearest = known
        .iter()
        .max_by(|a, b| alike(a).total_cmp(&alike(b)))
        .filter(|nearest| alike(nearest) >= ALIKE);
    match nearest {
        Some(nearest) => format!("is not a known key: did you mean \"{nearest}\"?"),
        None => format!("is not a known key: known are {}", known.join(", ")),
    }
}

/// A string that is not empty.
pub fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.trim().is_empty())
        .map(str::to_owned)
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
