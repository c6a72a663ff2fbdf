//! An address of the picture that works from where the display is, which may be another machine
//! or the far side of a proxy.
//!
//! Pure. What a request says about itself goes into the answer to that request alone.

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use url::Url;

/// How a request came in; the listener for HTTPS says so in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTPS.
    Https,
}

/// The address under which whoever sent `asked` reaches this station, without a last slash: the
/// owner's word if there is one, else what a proxy in front says, else what the request used.
pub(super) fn base(asked: &Parts, public: Option<&Url>) -> Option<String> {
    if let Some(public) = public {
        return Some(public.as_str().trim_end_matches('/').to_owned());
    }
    let header = |name: &str| {
        asked
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let first = |name| {
        header(name)
            .and_then(|list| list.split(',').next())
            .map(str::trim)
    };
    let forwarded = |key| header("forwarded").and_then(|list| forwarded_pair(list, key));
    let authority = asked.uri.authority().map(Authority::as_str);
    let host = forwarded("host")
        .or_else(|| first("x-forwarded-host"))
        .or(authority)
        .or_else(|| header(HOST.as_str()))
        .filter(|host| is_host(host))?;
    let encrypted = match forwarded("proto").or_else(|| first("x-forwarded-proto")) {
        Some(proto) => proto.eq_ignore_ascii_case("https"),
        None => asked.extensions.get() == Some(&Scheme::Https),
    };
    Some(format!(
        "{}://{host}",
        if encrypted { "https" } else { "http" }
    ))
}

/// The first proxy's word in RFC 7239's `Forwarded: for=…;host=…;proto=…, …`.
fn forwarded_pair<'a>(list: &'a str, key: &str) -> Option<&'a str> {
    let pairs = list.split(',').next()?.split(';');
    let mut named = pairs.filter_map(|pair| pair.split_once('='));
    let (_, value) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case(key))?;
    Some(value.trim().trim_matches('"'))
}

/// The longest host name DNS allows, and a port.
const MAX_HOST: usize = 253 + 6;

/// A name or address with perhaps a port: nothing that could make another address of ours.
fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !host.is_empty() && host.len() <= MAX_HOST && host.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    fn asked(headers: Headers<'_>) -> Parts {
        let mut request = Request::builder().uri("/mars");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("plain headers").into_parts().0
    }

    #[test]
    fn the_address_is_the_one_the_display_used() {
        let cases: [(Headers<'_>, Option<&str>); 10] = [
            (
                &[("host", "192.168.1.20:8080")],
                Some("http://192.168.1.20:8080"),
            ),
            (&[("host", "[fe80::1]:8080")], Some("http://[fe80::1]:8080")),
            (
                &[("host", "a"), ("x-forwarded-proto", "https")],
                Some("https://a"),
            ),
            (
                &[
                    ("host", "a"),
                    ("x-forwarded-host", "mars.example, b"),
                    ("x-forwarded-proto", "https,http"),
                ],
                Some("https://mars.example"),
            ),
            (
                &[
                    ("host", "a"),
                    (
                        "forwarded",
                        "for=1.2.3.4; Proto=https;host=\"m.example:444\", for=5",
                    ),
                ],
                Some("https://m.example:444"),
            ),
            (&[("host", "a\"onload=")], None),
            (&[("host", "a/../b")], None),
            (&[("host", "user@evil")], None),
            (&[("host", "")], None),
            (&[], None),
        ];
        for (headers, expected) in cases {
            assert_eq!(
                base(&asked(headers), None).as_deref(),
                expected,
                "{headers:?}"
            );
        }
        let mut over_tls = asked(&[("host", "station.local:8443")]);
        over_tls.extensions.insert(Scheme::Https);
        assert_eq!(
            base(&over_tls, None).as_deref(),
            Some("https://station.local:8443")
        );
    }

    #[test]
    fn the_owners_address_comes_first() {
        let public = Url::parse("https://mars.example/outpost/").expect("a constant");
        let address = base(&asked(&[("host", "10.0.0.1")]), Some(&public));
        assert_eq!(address.as_deref(), Some("https://mars.example/outpost"));
    }
}
