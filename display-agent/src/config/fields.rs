//! What this config reads more leniently than others: it began as another program's.

use daemon::config::Section;
use serde_json::Value;

/// Any text, an empty one too.
pub(super) fn text(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    section.optional(key, "a text", |value| value.as_str().map(str::to_owned))
}

/// One of a few words; a number that is written like one of them will do.
pub(super) fn choice(
    section: &mut Section<'_>,
    key: &'static str,
    words: &[&'static str],
) -> Option<&'static str> {
    let expected = format!("one of {}", words.join(", "));
    section.optional(key, &expected, |value| {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        words
            .iter()
            .copied()
            .find(|word| word.eq_ignore_ascii_case(&text))
    })
}
