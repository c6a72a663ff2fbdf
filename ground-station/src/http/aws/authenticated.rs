//! From a signed request to the grant behind it.

use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use wire::signaling::SIGNING_NAME;

use super::sigv4::{ParsedSignature, Scope, Signed};
use crate::auth::{Grant, Role};
use crate::clock;
use crate::connections::Known;
use crate::http::error::Refusal;
use crate::http::origin::Origin;
use crate::signaling::{Arn, Signaling};

/// A request whose signer is known.
#[derive(Debug)]
pub(super) struct Authenticated {
    pub grant: Grant,
    /// By which address the client came.
    pub origin: Origin,
}

impl Authenticated {
    /// That the caller may do something to `arn` in the role it has.
    pub(super) fn require_channel(&self, arn: &Arn, signaling: &Signaling) -> Result<(), Refusal> {
        if arn.robot != self.grant.robot || arn.region != signaling.region() {
            return Err(not_authorized(arn));
        }
        if *arn != signaling.arn(&arn.robot) {
            return Err(Refusal::no_channel(format!("there is no channel {arn}")));
        }
        Ok(())
    }

    pub(super) fn require_role(&self, role: Role) -> Result<(), Refusal> {
        if self.grant.role != role {
            return Err(not_authorized(role.word()));
        }
        Ok(())
    }
}

pub(super) fn not_authorized(what: impl std::fmt::Display) -> Refusal {
    Refusal::access_denied(format!("these credentials are not authorized for {what}"))
}

/// Where in the request the signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Header,
    Query,
}

/// Who signed a request.
pub(super) fn authenticate(
    signaling: &Signaling,
    parts: &Parts,
    body: &[u8],
    form: Form,
) -> Result<Authenticated, Refusal> {
    let now_s = clock::unix_s();
    let scope = Scope {
        region: signaling.region(),
        service: SIGNING_NAME,
    };
    let origin =
        Origin::of(parts).map_err(|refusal| Refusal::incomplete_signature(refusal.message))?;
    let mut headers = parts.headers.clone();
    // The client has signed the host that it asked for, be it `:authority` or a proxy's.
    let host = HeaderValue::from_str(&origin.host)
        .map_err(|_| Refusal::incomplete_signature("the host is not ASCII"))?;
    headers.insert(header::HOST, host);
    let query = parts.uri.query().unwrap_or("");
    let signature = match form {
        Form::Header => ParsedSignature::from_header(&headers, scope, now_s.cast_signed())?,
        Form::Query => ParsedSignature::from_query(query, scope, now_s.cast_signed())?,
    };
    let token = signature.session_token.as_deref();
    let verified = signaling
        .credentials
        .verify(&signature.access_key_id, token, now_s)
        .map_err(Refusal::bad_token)?;
    let signed = Signed {
        method: &parts.method,
        path: parts.uri.path(),
        query,
        headers: &headers,
        body,
    };
    signature.verify(&verified.secret, signed)?;
    if !verified.grant.holds(&signaling.directory()) {
        return Err(not_authorized("anything any more"));
    }
    if let Some(connection) = parts.extensions.get::<Known>() {
        connection.mark();
    }
    Ok(Authenticated {
        grant: verified.grant,
        origin,
    })
}
