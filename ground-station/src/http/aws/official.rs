//! For tests: requests signed by the official library, as robot-agent signs them.

use std::time::SystemTime;

use axum::http::Request;
use tests::sigv4::SignatureLocation;
use wire::signaling::control::Credentials;

use super::authenticated::Form;
use super::sigv4::Scope;

/// Signs `request`, and gives it the `host` header that an HTTP client would.
pub(super) fn sign<B: AsRef<[u8]>>(
    request: &mut Request<B>,
    credentials: &Credentials,
    scope: Scope,
    at: SystemTime,
    form: Form,
) {
    let location = match form {
        Form::Header => SignatureLocation::Headers,
        Form::Query => SignatureLocation::QueryParams,
    };
    let scope = [scope.region, scope.service];
    tests::sigv4::sign(request, credentials, scope, at, location);
}
