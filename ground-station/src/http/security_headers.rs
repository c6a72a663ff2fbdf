//! What browsers are told to keep from pages: whatever is not named here.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};

/// For the console, whose build names less still: its own scripts and styles, pictures and sound that
/// it makes or is sent, a worker and a manifest beside it, and, for robots at AWS, AWS.
pub(super) const CONSOLE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     media-src 'self' blob: mediastream:; font-src 'self'; worker-src 'self'; manifest-src 'self'; \
     connect-src 'self' https://*.amazonaws.com wss://*.amazonaws.com https://*.api.aws wss://*.api.aws; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// For everything that is no page.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Beside the policy. What a page may use of the machine is what the console does.
const OTHERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), geolocation=(), payment=(), usb=(), microphone=(self)",
        ),
    ),
];

/// Adds them, where a response has none of its own.
pub(super) async fn add(mut response: Response) -> Response {
    let headers = response.headers_mut();
    set(headers, header::CONTENT_SECURITY_POLICY, NOTHING);
    for (name, value) in OTHERS {
        set(headers, name, value);
    }
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

/// For a page whose one script and one style stand in it: these, and no others.
pub(super) fn of_page(page: &str) -> HeaderValue {
    let hash = |tag: &str| {
        let (_, rest) = page.split_once(&format!("<{tag}>")).unwrap_or_default();
        let (text, _) = rest.split_once(&format!("</{tag}>")).unwrap_or_default();
        BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()))
    };
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    );
    HeaderValue::try_from(policy).expect("base64 is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pages_own_script_is_allowed_by_its_hash() {
        let policy = of_page("<style></style><script>alert(1)</script>");
        // As `printf 'alert(1)' | openssl dgst -sha256 -binary | base64` says.
        let script = "script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='";
        assert!(policy.to_str().unwrap().contains(script), "{policy:?}");
    }
}
