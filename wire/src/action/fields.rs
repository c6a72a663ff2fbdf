//! Fields of an action: how long and how large they may be, and in which words a wrong one is
//! rejected.

use serde_json::{Map, Value};

/// Longest payload that is looked at. The fullest valid action takes about 400 bytes.
pub const MAX_BYTES: usize = 1024;

/// Longest `id`, `sender` and `user`: a UUID with room to spare.
pub const MAX_NAME_BYTES: usize = 64;

/// Longest `duration_ms` that any robot may be configured to accept. A robot that drives
/// for ten seconds without hearing from anybody is out of control.
pub const MAX_DURATION_MS: u64 = 10_000;

/// Largest integer that survives a browser's `number`, the bound of `seq`, `sent_at` and
/// `clock_ms`.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why a payload is not an action, in words for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// More than [`MAX_BYTES`].
    #[error("an action has at most {MAX_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// Not a JSON text.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but no object.
    #[error("an action is a JSON object like {{\"action\":\"forward\"}}, this is {0}")]
    NotAnObject(&'static str),
    /// A field that must be there is not.
    #[error("\"{0}\" is missing: {1}")]
    Missing(&'static str, &'static str),
    /// `action` is none of the words.
    #[error("\"action\" is {0}: it must be forward, backwards, left, right, stop or drive")]
    UnknownAction(String),
    /// A field of the wrong type or out of range.
    #[error("\"{field}\" is {found}: it must be {expected}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it holds, shortened.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
}

/// A field that may be absent or null, but not wrong.
pub(super) fn optional<T>(
    fields: &Map<String, Value>,
    field: &'static str,
    expected: &'static str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, Rejected> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| Rejected::Field {
            field,
            found: shortened(value),
            expected,
        }),
    }
}

pub(super) fn integer(value: &Value) -> Option<u64> {
    value.as_u64().filter(|n| *n <= MAX_INTEGER)
}

pub(super) fn name(value: &Value) -> Option<String> {
    let name = value.as_str()?;
    (1..=MAX_NAME_BYTES)
        .contains(&name.len())
        .then(|| name.to_owned())
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value as it stood in the payload, short enough for a log line.
pub(super) fn shortened(value: &Value) -> String {
    const SHOWN_CHARS: usize = 40;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
