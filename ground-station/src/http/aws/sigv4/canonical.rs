//! The canonical form of a request: what both sides hash, so that it must come out the same
//! whatever client, proxy or library wrote the bytes.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method};

use crate::http::error::Refusal;

/// What is signed: the request as it arrived.
#[derive(Clone, Copy, Debug)]
pub(in crate::http::aws) struct Signed<'a> {
    pub method: &'a Method,
    /// As it stood on the wire.
    pub path: &'a str,
    /// As it stood on the wire.
    pub query: &'a str,
    /// `host` is among them.
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// The parameter that carries the signature, and so cannot be under it.
const SIGNATURE: &str = "X-Amz-Signature";

/// Most parameters of one query; a presigned socket URL has nine.
const MAX_PARAMETERS: usize = 32;

pub(super) fn request(
    request: Signed,
    signed_headers: &[String],
    body_hash: &str,
) -> Result<String, Refusal> {
    let path = if request.path.is_empty() {
        "/"
    } else {
        request.path
    };
    Ok([
        request.method.as_str(),
        &encoded(path.as_bytes(), b"/"),
        &query(request.query)?,
        &headers(request.headers, signed_headers)?,
        &signed_headers.join(";"),
        body_hash,
    ]
    .join("\n"))
}

/// The decoded names and values of a query. A `+` is a space, as the official library for
/// Rust has it; the others write neither, but `%2B` and `%20`.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    let pairs: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    if pairs.len() > MAX_PARAMETERS {
        return Err(Refusal::incomplete_signature(
            "the query has too many parameters",
        ));
    }
    pairs
        .into_iter()
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// The decoded query; a name that appears twice could be read in two ways, so it is refused.
pub(super) fn parameters(query: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let mut parameters = BTreeMap::new();
    for (name, value) in pairs(query)? {
        if parameters.insert(name.clone(), value).is_some() {
            return Err(Refusal::incomplete_signature(format!(
                "the query has more than one {name}"
            )));
        }
    }
    Ok(parameters)
}

/// The value of one parameter of a query.
pub(in crate::http::aws) fn parameter(query: &str, name: &str) -> Result<Option<String>, Refusal> {
    Ok(parameters(query)?.remove(name))
}

fn query(query: &str) -> Result<String, Refusal> {
    let mut pairs: Vec<(String, String)> = pairs(query)?
        .into_iter()
        .filter(|(name, _)| name != SIGNATURE)
        .map(|(name, value)| {
            (
                encoded(name.as_bytes(), b""),
                encoded(value.as_bytes(), b""),
            )
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(pairs.join("&"))
}

/// One line for each signed header, and an empty one to end them.
fn headers(headers: &HeaderMap, signed: &[String]) -> Result<String, Refusal> {
    let mut lines = String::new();
    for name in signed {
        let values: Vec<String> = headers
            .get_all(name.as_str())
            .iter()
            .map(|value| Some(trimmed(value.to_str().ok()?)))
            .collect::<Option<_>>()
            .ok_or_else(|| {
                Refusal::incomplete_signature(format!("the {name} header is not ASCII"))
            })?;
        if values.is_empty() {
            return Err(Refusal::bad_signature(format!(
                "'{name}' is among the SignedHeaders, but not in the request"
            )));
        }
        lines.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    Ok(lines)
}

/// Without space around it, and with runs of spaces as one.
fn trimmed(value: &str) -> String {
    let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Percent-encoded but for letters, digits, `-._~`, and what is in `kept`.
fn encoded(bytes: &[u8], kept: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn decoded(text: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(if byte == b'+' { b' ' } else { byte });
            continue;
        }
        let pair = [rest.next(), rest.next()].map(|b| b.and_then(|b| char::from(b).to_digit(16)));
        let [Some(high), Some(low)] = pair else {
            return Err(Refusal::incomplete_signature(
                "the query has a broken %-escape",
            ));
        };
        bytes.push((high << 4 | low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| Refusal::incomplete_signature("the query is not UTF-8"))
}
