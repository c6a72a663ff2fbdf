//! A configuration file: one JSON document, read key by key. Every problem is noted with its key,
//! its value and what would be right, and reading goes on without the value, so that all problems
//! come out together. Knows no key.

use std::cell::RefCell;
use std::fmt;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

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

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{} {}", .0.display(), unreadable(.1))]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is not JSON.
    #[error("{} is not JSON: line {}, column {}: {}", .0.display(), .1.line(), .1.column(), without_place(.1))]
    NotJson(PathBuf, #[source] serde_json::Error),
    /// Values are wrong or missing; there is at least one problem.
    #[error("{} has {}:{}", .0.display(), count(.1), list(.1))]
    Wrong(PathBuf, Vec<Problem>),
}

/// A file and what was found wrong in it.
#[derive(Debug)]
pub struct Document {
    file: PathBuf,
    value: Value,
    problems: RefCell<Vec<Problem>>,
}

impl Document {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or is not JSON.
    pub fn load(file: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(file);
        Self::parse(
            &text.map_err(|error| Error::Unreadable(file.to_owned(), error))?,
            file,
        )
    }

    /// Takes the text for that of `file`.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Error> {
        let value = serde_json::from_str(text);
        Ok(Self {
            file: file.to_owned(),
            value: value.map_err(|error| Error::NotJson(file.to_owned(), error))?,
            problems: RefCell::default(),
        })
    }

    /// The whole document, which must be an object.
    pub fn top(&self) -> Section<'_> {
        let section = Section {
            path: String::new(),
            fields: self.value.as_object(),
            problems: &self.problems,
            known: Vec::new(),
            ignored: &[],
        };
        if section.fields.is_none() {
            section.note(Problem::WHOLE, &self.value, "an object like {\"key\": …}");
        }
        section
    }

    /// Where the file is; relative paths in it count from here.
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// What was read, if it is all there and only problems were noted that `matter` not.
    ///
    /// # Errors
    /// [`Error::Wrong`] with the problems that matter.
    pub fn finish<T>(self, read: Option<T>, matter: impl Fn(&Problem) -> bool) -> Result<T, Error> {
        let mut problems = self.problems.into_inner();
        problems.retain(matter);
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            _ => Err(Error::Wrong(self.file, problems)),
        }
    }
}

impl Problem {
    /// The key of a problem with the whole document.
    pub const WHOLE: &str = "the file";
}

impl Error {
    /// Each problem in words, without the file's name.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Unreadable(_, error) => vec![format!("the file {}", unreadable(error))],
            Self::NotJson(_, error) => vec![format!("the file is not JSON: {error}")],
            Self::Wrong(_, problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }
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
            ignored: &[],
        }
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

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "does not exist: give its path with --config, or begin with config.json.example".into()
        }
        io::ErrorKind::InvalidData => "is not text in UTF-8".into(),
        _ => format!("cannot be read: {error}"),
    }
}

/// serde_json repeats the place at the end of its text.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
}

fn count(problems: &[Problem]) -> String {
    match problems.len() {
        1 => "a problem".into(),
        n => format!("{n} problems"),
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|it| format!("\n  {it}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let document = Document::parse(text, Path::new("config.json")).unwrap();
        let mut top = document.top();
        top.ignore(&["robot"]);
        top.required("name", "a name", text_of);
        top.integer("port", 1, 65_535, 8443);
        let mut screen = top.section("screen");
        screen.number("rate", 0.5..=2.0);
        screen.flag("mirror", false);
        screen.one_of("model", &["a", "b", "c"], |word| word);
        drop((screen, top));
        match document.finish(Some(()), |_| true) {
            Ok(()) => Vec::new(),
            Err(error) => error.problems(),
        }
    }

    fn text_of(value: &Value) -> Option<String> {
        text(value)
    }

    #[test]
    fn whatever_is_right_is_no_problem_and_null_is_as_good_as_absent() {
        let text = r#"{"name": "x", "robot": 7, "port": null,
            "screen": {"rate": 1, "mirror": true, "model": "b"}}"#;
        assert_eq!(problems(text), [""; 0]);
        assert_eq!(problems(r#"{"name": "x"}"#), [""; 0]);
    }

    #[test]
    fn all_problems_come_out_together_with_key_value_and_what_would_be_right() {
        let text = r#"{"port": 0, "nmae": "x", "zzz": 1,
            "screen": {"rate": "1", "mirror": 1, "model": "d", "modl": 1}}"#;
        assert_eq!(
            problems(text),
            [
                "name is missing: it must be a name",
                "port is 0: it must be a whole number from 1 to 65535",
                "screen.rate is \"1\": it must be a number from 0.5 to 2",
                "screen.mirror is 1: it must be true or false",
                "screen.model is \"d\": it must be \"a\", \"b\" or \"c\"",
                "screen.modl is not a known key: did you mean model?",
                "nmae is not a known key: did you mean name?",
                "zzz is not a known key: known are name, port, screen",
            ]
        );
    }

    #[test]
    fn a_document_or_section_that_is_no_object_is_a_problem() {
        assert_eq!(
            problems("[1]"),
            ["the file is [1]: it must be an object like {\"key\": …}"]
        );
        assert_eq!(
            problems(r#"{"name": "x", "screen": 5}"#),
            ["screen is 5: it must be an object"]
        );
    }

    #[test]
    fn a_long_value_is_cut_short() {
        let long = "y".repeat(200);
        let problems = problems(&format!(r#"{{"name": "x", "port": "{long}"}}"#));
        assert!(problems[0].contains("yyy…: it must be"), "{problems:?}");
    }

    #[test]
    fn what_is_no_file_or_no_json_is_named_with_its_place() {
        let missing = Document::load(Path::new("/nowhere/config.json")).unwrap_err();
        let missing = missing.to_string();
        assert!(missing.starts_with("/nowhere/config.json does not exist: give its path"));
        let text = "{\n  \"name\": \"a\",\n}";
        let error = Document::parse(text, Path::new("config.json")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "config.json is not JSON: line 3, column 1: trailing comma"
        );
    }
}
