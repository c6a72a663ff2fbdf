//! From a signed request to the grant behind it.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use wire::signaling::SIGNING_NAME;

use super::error::Refusal;
use super::kvs_calls::Arn;
use super::sigv4::{Claim, Scope, Signed};
use crate::auth::{Grant, Role};
use crate::clock;
use crate::http::listener::Peer;
use crate::signaling::Signaling;

/// A request whose signer is known.
#[derive(Debug)]
pub(super) struct Known {
    pub grant: Grant,
    /// Under which name the client reaches us.
    pub host: String,
    /// Whether it does so over TLS.
    pub secure: bool,
}

impl Known {
    /// That the caller may do something to `arn` in the role it has.
    pub(super) fn must_own(&self, arn: &Arn, signaling: &Signaling) -> Result<(), Refusal> {
        if arn.robot != self.grant.robot || arn.region != signaling.region() {
            return Err(not_authorized(&arn.to_string()));
        }
        if *arn != signaling.arn(&arn.robot) {
            return Err(Refusal::not_found(format!("there is no channel {arn}")));
        }
        Ok(())
    }

    /// The same for a role.
    pub(super) fn must_be(&self, role: Role) -> Result<(), Refusal> {
        if self.grant.role != role {
            return Err(not_authorized(role.word()));
        }
        Ok(())
    }
}

pub(super) fn not_authorized(what: &str) -> Refusal {
    Refusal::access_denied(format!("these credentials are not authorized for {what}"))
}

/// Where in the request the signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Header,
    Query,
}

/// Who signed a request.
pub(super) fn identify(
    signaling: &Arc<Signaling>,
    parts: &Parts,
    body: &[u8],
    form: Form,
) -> Result<Known, Refusal> {
    let now_s = clock::unix_s();
    let scope = Scope {
        region: signaling.region(),
        service: SIGNING_NAME,
    };
    let headers = with_host(parts)?;
    let query = parts.uri.query().unwrap_or("");
    let claim = match form {
        Form::Header => Claim::from_header(&headers, scope, now_s.cast_signed())?,
        Form::Query => Claim::from_query(query, scope, now_s.cast_signed())?,
    };
    let redeemed =
        signaling
            .issuer()
            .redeem(&claim.access_key_id, claim.session_token.as_deref(), now_s)?;
    let signed = Signed {
        method: &parts.method,
        path: parts.uri.path(),
        query,
        headers: &headers,
        body,
    };
    claim.verify(&redeemed.secret, signed)?;
    if !redeemed.grant.holds(&signaling.directory()) {
        return Err(not_authorized("anything any more"));
    }
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    Ok(Known {
        grant: redeemed.grant,
        host: host.unwrap_or_default().to_owned(),
        secure: parts.extensions.get::<Peer>().is_some_and(|p| p.secure),
    })
}

/// The headers, with a `host` also where HTTP/2 has carried it as `:authority`.
fn with_host(parts: &Parts) -> Result<HeaderMap, Refusal> {
    let mut headers = parts.headers.clone();
    if !headers.contains_key(header::HOST)
        && let Some(authority) = parts.uri.authority()
    {
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|_| Refusal::incomplete_signature("the authority is not ASCII"))?;
        headers.insert(header::HOST, host);
    }
    Ok(headers)
}
