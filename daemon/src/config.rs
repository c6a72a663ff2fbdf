//! A configuration file: one JSON document, read key by key. Every problem is noted with its key,
//! its value and what would be right, and reading goes on without the value, so that all problems
//! come out together. Knows no key.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

mod section;

pub use section::{Problem, Section, text};

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
        Section::top(&self.value, &self.problems)
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
