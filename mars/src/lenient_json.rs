//! Reading JSON that was not written with care: odd bytes, `NaN`, numbers as strings, `"--"`.
//!
//! A list is parsed one record at a time, so a feed of the whole mission costs one record of
//! memory beside its bytes. Knows no feed.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One record of a feed.
pub(crate) type Record = Map<String, Value>;

/// The records of the list under `key`; items that are no objects are passed over. The error says
/// what the body is instead.
pub(crate) fn records<'a>(
    body: &'a mut [u8],
    key: &str,
) -> Result<impl Iterator<Item = Record> + use<'a>, String> {
    repair(body);
    let body: &'a [u8] = body;
    let object: HashMap<String, &RawValue> = serde_json::from_slice(body).map_err(|error| {
        format!(
            "the answer is broken: {error}; it starts with {}",
            head(body)
        )
    })?;
    let list = object
        .get(key)
        .ok_or_else(|| format!("the answer has no list {key:?}"))?;
    let items: Vec<&RawValue> =
        serde_json::from_str(list.get()).map_err(|error| format!("{key:?} is no list: {error}"))?;
    let parsed = |item: &RawValue| serde_json::from_str(item.get()).ok();
    Ok(items.into_iter().filter_map(parsed))
}

/// A finite number, also when it comes as a string.
pub(crate) fn number(record: &Record, key: &str) -> Option<f64> {
    let number = match record.get(key)? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A whole number that is not negative, also when it comes as a string or as `12.0`.
pub(crate) fn whole(record: &Record, key: &str) -> Option<u32> {
    let number = number(record, key)?;
    let fits = number >= 0.0 && number <= f64::from(u32::MAX) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range and the fraction were just checked"
    )]
    fits.then_some(number as u32)
}

/// A text that says something: not empty, not `--`.
pub(crate) fn text<'a>(record: &'a Record, key: &str) -> Option<&'a str> {
    let text = record.get(key)?.as_str()?.trim();
    (!text.is_empty() && text != "--").then_some(text)
}

/// Whether a flag is set, also when it comes as a string or a number.
pub(crate) fn flag(record: &Record, key: &str) -> bool {
    match record.get(key) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.trim().eq_ignore_ascii_case("true"),
        Some(Value::Number(number)) => number.as_f64() == Some(1.0),
        _ => false,
    }
}

/// The record inside a record.
pub(crate) fn object<'a>(record: &'a Record, key: &str) -> Option<&'a Record> {
    record.get(key)?.as_object()
}

/// How much of a wrong answer is shown: enough to recognise an error page.
const HEAD: usize = 40;

fn head(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(HEAD)]);
    format!("{:?}", text.trim_start())
}

/// Makes bytes that are nearly JSON into JSON, in place: bytes that are no UTF-8 become `?`, and
/// the words `NaN` and `Infinity`, which some writers emit outside strings, become `""`.
fn repair(body: &mut [u8]) {
    let mut from = 0;
    while let Err(error) = std::str::from_utf8(&body[from..]) {
        from += error.valid_up_to();
        body[from] = b'?';
    }
    if body.starts_with(BYTE_ORDER_MARK) {
        body[..BYTE_ORDER_MARK.len()].fill(b' ');
    }
    let (mut at, mut quoted) = (0, false);
    while at < body.len() {
        match body[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'N' | b'I' | b'-' if !quoted => {
                if let Some(word) = NO_NUMBERS.iter().find(|word| body[at..].starts_with(word)) {
                    body[at..at + word.len()].fill(b' ');
                    body[at..at + 2].fill(b'"');
                    at += word.len() - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const NO_NUMBERS: [&[u8]; 4] = [b"NaN", b"-NaN", b"Infinity", b"-Infinity"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sols(body: &[u8]) -> Result<Vec<Option<f64>>, String> {
        let mut body = body.to_vec();
        let records = records(&mut body, "soles")?;
        Ok(records.map(|record| number(&record, "sol")).collect())
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        let body = br#"{"soles":[{"sol":1},{"sol":"2"},{"sol":" 3.5 "},{"sol":"--"},{"sol":null},
            {"sol":NaN},{"sol":-Infinity},{"sol":"NaN"},{"sol":[4]},{}, null, 7, "x"]}"#;
        let mut expected = vec![Some(1.0), Some(2.0), Some(3.5)];
        expected.resize(10, None);
        assert_eq!(sols(body), Ok(expected));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_spoil_the_rest() {
        let body = b"{\"descriptions\":{\"es\":\"presi\xf3n \xff\"},\"soles\":[{\"sol\":\"12\"}]}";
        assert_eq!(sols(body), Ok(vec![Some(12.0)]));
        let marked = b"\xef\xbb\xbf{\"soles\":[{\"sol\":7}]}";
        assert_eq!(sols(marked), Ok(vec![Some(7.0)]));
    }

    #[test]
    fn nan_inside_a_text_stays() {
        let body = br#"{"soles":[{"sol":1,"t":"NaN \" Infinity"}]}"#;
        let mut body = body.to_vec();
        let record = records(&mut body, "soles").expect("valid JSON").next();
        let record = record.expect("it has one");
        assert_eq!(text(&record, "t"), Some("NaN \" Infinity"));
    }

    #[test]
    fn a_wrong_answer_is_described() {
        let cases: [(&[u8], &str); 5] = [
            (b"", "starts with \"\""),
            (
                b"  <!DOCTYPE html><title>503",
                "starts with \"<!DOCTYPE html>",
            ),
            (b"{\"soles\":{}}", "\"soles\" is no list"),
            (b"{\"items\":[]}", "no list \"soles\""),
            (b"{\"soles\":[{\"sol\":1},{\"so", "broken"),
        ];
        for (body, expected) in cases {
            let error = sols(body).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fall_over(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = sols(&body);
        }

        #[test]
        fn repairing_leaves_good_json_alone(text in "\\PC*", number in -1e9..1e9f64) {
            let good = serde_json::json!({"text": text, "number": number});
            let mut bytes = serde_json::to_vec(&good).expect("plain values");
            let before = bytes.clone();
            repair(&mut bytes);
            prop_assert_eq!(bytes, before);
        }
    }
}
