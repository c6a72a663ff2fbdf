//! Checks AWS signatures, version 4, in the two forms that clients of Kinesis Video Streams
//! use: an `Authorization` header on the control calls, a presigned query on the sockets.
//!
//! A [`ParsedSignature`] is what a request says about its signer, already checked for form, scope
//! and time; [`ParsedSignature::verify`] proves it with the secret that belongs to it. Where secrets come
//! from is not known here. Source: the SigV4 pages of the AWS IAM user guide.

mod canonical;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod timestamp;

pub(super) use canonical::{Signed, parameter};

use axum::http::{HeaderMap, StatusCode};
use ring::{digest, hmac};

use crate::hex;
use crate::http::error::Refusal;
use canonical::parameters;
use timestamp::{timestamp, unix_s};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

const SESSION_TOKEN: &str = "x-amz-security-token";

/// How far a client's clock may be off, as AWS has it.
pub(super) const MAX_SKEW_S: i64 = 300;

/// Longest validity of a presigned URL: AWS' seven days.
const MAX_EXPIRES_S: i64 = 604_800;

/// Most headers that are looked up for one signature; official clients sign about six.
const MAX_SIGNED_HEADERS: usize = 32;

/// What a signature must be for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// Such as `kinesisvideo`.
    pub service: &'a str,
}

/// Who a request says it is from, and the proof it offers.
#[derive(Clone, Debug)]
pub(super) struct ParsedSignature {
    pub access_key_id: String,
    /// Comes with temporary keys.
    pub session_token: Option<String>,
    /// `yyyymmdd/region/service/aws4_request`.
    scope: String,
    /// `yyyymmddThhmmssZ`.
    timestamp: String,
    signed_headers: Vec<String>,
    signature: Vec<u8>,
    presigned: bool,
}

impl ParsedSignature {
    /// The signature of a request signed in its `Authorization` header.
    pub(super) fn from_header(
        headers: &HeaderMap,
        scope: Scope,
        now_s: i64,
    ) -> Result<Self, Refusal> {
        let authorization = header(headers, "authorization")?.ok_or_else(missing)?;
        let fields = authorization
            .strip_prefix(ALGORITHM)
            .filter(|rest| rest.starts_with(' '))
            .ok_or_else(|| incomplete(&format!("Authorization must start with {ALGORITHM}")))?;
        let field = |name: &str| {
            fields
                .split(',')
                .filter_map(|field| field.trim().split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
                .ok_or_else(|| incomplete(&format!("Authorization has no {name}")))
        };
        let timestamp = header(headers, "x-amz-date")?
            .ok_or_else(|| incomplete("there is no X-Amz-Date header"))?;
        let signature = Self::new(
            field("Credential")?,
            timestamp,
            field("SignedHeaders")?,
            field("Signature")?,
            scope,
        )?;
        signature.within(now_s, MAX_SKEW_S)?;
        Ok(Self {
            session_token: header(headers, SESSION_TOKEN)?.map(str::to_owned),
            ..signature
        })
    }

    /// The signature of a request presigned in its query.
    pub(super) fn from_query(query: &str, scope: Scope, now_s: i64) -> Result<Self, Refusal> {
        let parameters = parameters(query)?;
        let get = |name: &str| {
            parameters
                .get(name)
                .map(String::as_str)
                .ok_or_else(|| incomplete(&format!("the query has no {name}")))
        };
        match parameters.get("X-Amz-Algorithm").map(String::as_str) {
            None => return Err(missing()),
            Some(ALGORITHM) => {}
            Some(_) => {
                return Err(incomplete(&format!("X-Amz-Algorithm must be {ALGORITHM}")));
            }
        }
        let signature = Self::new(
            get("X-Amz-Credential")?,
            get("X-Amz-Date")?,
            get("X-Amz-SignedHeaders")?,
            get("X-Amz-Signature")?,
            scope,
        )?;
        let expires = get("X-Amz-Expires")?
            .parse()
            .ok()
            .filter(|s| (1..=MAX_EXPIRES_S).contains(s))
            .ok_or_else(|| incomplete("X-Amz-Expires must be 1 to 604800 seconds"))?;
        signature.within(now_s, expires)?;
        Ok(Self {
            session_token: parameters.get("X-Amz-Security-Token").cloned(),
            presigned: true,
            ..signature
        })
    }

    fn new(
        credential: &str,
        timestamp: &str,
        signed_headers: &str,
        signature: &str,
        wanted: Scope,
    ) -> Result<Self, Refusal> {
        let (access_key_id, scope) = credential
            .split_once('/')
            .ok_or_else(|| incomplete("Credential must be key/date/region/service/aws4_request"))?;
        check_scope(scope, timestamp, wanted)?;
        let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_owned).collect();
        if signed_headers.len() > MAX_SIGNED_HEADERS {
            return Err(incomplete("too many SignedHeaders"));
        }
        if !signed_headers.iter().any(|name| name == "host") {
            return Err(Refusal::bad_signature(
                "'host' must be among the SignedHeaders",
            ));
        }
        let signature = hex::decode(signature)
            .filter(|bytes| bytes.len() == digest::SHA256_OUTPUT_LEN)
            .ok_or_else(|| incomplete("Signature must be 64 hexadecimal digits"))?;
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            session_token: None,
            scope: scope.to_owned(),
            timestamp: timestamp.to_owned(),
            signed_headers,
            signature,
            presigned: false,
        })
    }

    /// Whether it was signed neither in the future nor longer ago than `lifetime_s`.
    fn within(&self, now_s: i64, lifetime_s: i64) -> Result<(), Refusal> {
        let signed_s = unix_s(&self.timestamp)
            .ok_or_else(|| incomplete("X-Amz-Date must be like 20251121T115500Z"))?;
        if signed_s > now_s + MAX_SKEW_S {
            return Err(Refusal::bad_signature(format!(
                "Signature not yet current: {} is more than 5 minutes ahead of {}",
                self.timestamp,
                timestamp(now_s)
            )));
        }
        if now_s > signed_s + lifetime_s {
            return Err(Refusal::bad_signature(format!(
                "Signature expired: {} was good for {lifetime_s} seconds, and it is {}",
                self.timestamp,
                timestamp(now_s)
            )));
        }
        Ok(())
    }

    /// Whether the request bears the signature of whoever knows `secret`.
    pub(super) fn verify(&self, secret: &str, request: Signed) -> Result<(), Refusal> {
        if !self.presigned {
            self.check_amz_headers(request.headers)?;
        }
        let body_hash = hex::encode(digest::digest(&digest::SHA256, request.body).as_ref());
        check_declared_hash(request.headers, &body_hash)?;
        let canonical = canonical::request(request, &self.signed_headers, &body_hash)?;
        let hash = digest::digest(&digest::SHA256, canonical.as_bytes());
        let to_sign = [
            ALGORITHM,
            &self.timestamp,
            &self.scope,
            &hex::encode(hash.as_ref()),
        ]
        .join("\n");
        hmac::verify(
            &signing_key(secret, &self.scope),
            to_sign.as_bytes(),
            &self.signature,
        )
        .map_err(|_| {
            Refusal::bad_signature(
                "The request signature we calculated does not match the signature you provided. \
                 Check your secret access key and signing method.",
            )
        })
    }

    /// Every `x-amz-` header must be under the signature, or anybody could add one. But Amazon's
    /// SDK in C adds the session token after it has signed, and AWS takes that: the token says
    /// which secret must have signed, so another one only makes the signature wrong.
    fn check_amz_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let unsigned = headers
            .keys()
            .map(axum::http::HeaderName::as_str)
            .find(|name| {
                name.starts_with("x-amz-")
                    && *name != SESSION_TOKEN
                    && !self.signed_headers.iter().any(|s| s == name)
            });
        match unsigned {
            None => Ok(()),
            Some(name) => Err(Refusal::bad_signature(format!(
                "'{name}' must be among the SignedHeaders"
            ))),
        }
    }
}

fn check_scope(scope: &str, timestamp: &str, wanted: Scope) -> Result<(), Refusal> {
    let parts: Vec<&str> = scope.split('/').collect();
    let [date, region, service, end] = parts[..] else {
        return Err(incomplete(
            "Credential must be key/date/region/service/aws4_request",
        ));
    };
    let wrong = |what: &str, right: &str| {
        Err(Refusal::bad_signature(format!(
            "Credential should be scoped to {what}: '{right}'"
        )))
    };
    if region != wanted.region {
        return wrong("a valid region", wanted.region);
    }
    if service != wanted.service {
        return wrong("the correct service", wanted.service);
    }
    if end != "aws4_request" {
        return wrong("a valid terminator", "aws4_request");
    }
    if !timestamp.starts_with(date) || date.len() != 8 {
        return wrong("the date of X-Amz-Date", timestamp.get(..8).unwrap_or(""));
    }
    Ok(())
}

/// A client that declares a hash of the body must declare the right one.
fn check_declared_hash(headers: &HeaderMap, body_hash: &str) -> Result<(), Refusal> {
    match header(headers, "x-amz-content-sha256")? {
        Some(declared) if declared != body_hash => Err(Refusal::bad_signature(
            "x-amz-content-sha256 is not the SHA-256 of the body",
        )),
        _ => Ok(()),
    }
}

fn signing_key(secret: &str, scope: &str) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    scope.split('/').fold(first, |key, part| {
        hmac::Key::new(
            hmac::HMAC_SHA256,
            hmac::sign(&key, part.as_bytes()).as_ref(),
        )
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(incomplete(&format!("there is more than one {name} header")));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| incomplete(&format!("the {name} header is not ASCII")))
}

fn missing() -> Refusal {
    Refusal::aws(
        StatusCode::FORBIDDEN,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    )
}

fn incomplete(message: &str) -> Refusal {
    Refusal::incomplete_signature(message)
}

#[cfg(test)]
mod tests;
