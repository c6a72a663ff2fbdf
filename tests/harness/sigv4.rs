//! Signature Version 4 by AWS' own library.

pub use aws_sigv4::http_request::SignatureLocation;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4;
use std::time::{Duration, SystemTime};
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, header};
use wire::signaling::control::Credentials;

/// How long a signed URL is good for; what the official clients say.
const URL_LIFE: Duration = Duration::from_secs(299);

/// Signs `request`, and gives it the `host` header that an HTTP client would.
///
/// # Panics
/// When the request is none that can be signed.
pub fn sign<B: AsRef<[u8]>>(
    request: &mut Request<B>,
    credentials: &Credentials,
    [region, service]: [&str; 2],
    at: SystemTime,
    location: SignatureLocation,
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
    settings.signature_location = location;
    if location == SignatureLocation::QueryParams {
        settings.expires_in = Some(URL_LIFE);
    }
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(settings)
        .build()
        .expect("all of it is set")
        .into();
    let uri = request.uri().to_string();
    let headers = request.headers().clone();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("the tests send text")));
    let body = SignableBody::Bytes(request.body().as_ref());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers, body);
    let signed = aws_sigv4::http_request::sign(signable.expect("a request"), &parameters);
    let (instructions, _) = signed.expect("it can be signed").into_parts();
    instructions.apply_to_request_http1x(request);
    let host = request.uri().authority().map(|host| host.as_str());
    let host = HeaderValue::from_str(host.expect("a request to a host"));
    request
        .headers_mut()
        .insert(header::HOST, host.expect("a host is a header"));
}
