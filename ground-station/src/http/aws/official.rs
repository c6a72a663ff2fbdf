//! For tests: requests signed by the official library, as robot-agent signs them.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign as official_sign,
};
use aws_sigv4::sign::v4;
use axum::http::{HeaderValue, Request, header};
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
    let identity = aws_credential_types::Credentials::new(
        &credentials.access_key_id,
        &credentials.secret_access_key,
        Some(credentials.session_token.clone()),
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    if form == Form::Query {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(299));
    }
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(at)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = request.uri().to_string();
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        uri,
        headers.iter().map(|(n, v)| (n.as_str(), v.as_str())),
        SignableBody::Bytes(request.body().as_ref()),
    )
    .unwrap();
    let (instructions, _) = official_sign(signable, &parameters).unwrap().into_parts();
    instructions.apply_to_request_http1x(request);
    let host = HeaderValue::from_str(request.uri().authority().unwrap().as_str()).unwrap();
    request.headers_mut().insert(header::HOST, host);
}
