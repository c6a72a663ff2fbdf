//! By which address a client came, and where it is: by its connection, its request, and those
//! proxies in front that the owner trusts. Whatever anybody else forwards counts for nothing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::Refusal;
use super::forwarded::hops;
use super::listener::Peer;
use super::trusted_proxy::TrustedProxy;

/// The longest host name DNS allows, and a port.
const MAX_HOST_BYTES: usize = 253 + 6;

/// Proxies in a row that are believed; more is a loop.
const MAX_PROXIES: usize = 8;

/// The address of this station as the client knows it, which may be that of a proxy. Whoever
/// extracts it refuses requests that have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Whether the client talks TLS.
    pub secure: bool,
    /// A name or address, perhaps with a port.
    pub host: String,
    /// Whether there is no proxy between the client and this station.
    pub direct: bool,
}

impl Origin {
    /// The same for WebSockets.
    pub(crate) fn websocket(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}", self.host)
    }

    /// The `host:port` at which the client reaches the HTTPS port of this station itself.
    pub(crate) fn https_port(&self) -> Option<String> {
        let Self { host, .. } = self;
        // The colons within an IPv6 address are followed by its bracket.
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.ends_with(']'));
        let named = if has_port {
            host.clone()
        } else {
            format!("{host}:443")
        };
        (self.secure && self.direct).then_some(named)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)
    }
}

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Self::of(parts)
    }
}

impl Origin {
    pub(crate) fn of(parts: &Parts) -> Result<Self, Refusal> {
        let origin = parts.extensions.get::<Self>().cloned();
        origin.ok_or_else(|| Refusal::bad("the request has no usable Host header"))
    }
}

/// Where the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub IpAddr);

/// Notes [`Origin`] and [`ClientAddress`] in every request's extensions.
pub(crate) async fn note(
    State(trusted): State<Arc<[TrustedProxy]>>,
    mut request: Request,
    next: Next,
) -> Response {
    let extensions = request.extensions();
    let connected = extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = connected.map_or(Ipv4Addr::UNSPECIFIED.into(), |from| from.0.ip());
    let secure = extensions.get::<Peer>().is_some_and(|peer| peer.secure);
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return Refusal::bad("the request has two Host headers: one must be chosen")
            .into_response();
    }
    let authority = request.uri().authority().map(|host| host.as_str());
    let host = authority.or_else(|| request.headers().get(header::HOST)?.to_str().ok());
    let (origin, client) = resolve(request.headers(), host, secure, peer, &trusted);
    if let Some(origin) = origin {
        request.extensions_mut().insert(origin);
    }
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// Follows the proxies from the nearest on for as long as they are trusted.
fn resolve<'a>(
    headers: &'a HeaderMap,
    mut host: Option<&'a str>,
    mut secure: bool,
    peer: IpAddr,
    trusted: &[TrustedProxy],
) -> (Option<Origin>, ClientAddress) {
    let mut client = peer.to_canonical();
    let mut direct = true;
    for hop in hops(headers).into_iter().take(MAX_PROXIES) {
        if !trusted.iter().any(|proxy| proxy.contains(client)) {
            break;
        }
        direct = false;
        host = hop.host.or(host);
        secure = hop
            .proto
            .map_or(secure, |proto| proto.eq_ignore_ascii_case("https"));
        match hop.client {
            Some(before) => client = before.to_canonical(),
            None => break,
        }
    }
    let origin = host.filter(|host| is_host(host)).map(|host| Origin {
        secure,
        host: host.to_owned(),
        direct,
    });
    (origin, ClientAddress(client))
}

/// A name or address with perhaps a port: nothing that could make another address of ours.
fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    (1..=MAX_HOST_BYTES).contains(&host.len()) && host.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    type Headers<'a> = &'a [(&'static str, &'a str)];

    const PROXY: &str = "10.0.0.7";
    const OUTSIDER: &str = "203.0.113.9";

    /// What a request over plain HTTP from `peer` comes to, where 10.0.0.0/24 is trusted.
    fn resolved(peer: &str, list: Headers<'_>) -> (Option<String>, String) {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let host = headers.get("host").map(|host| host.to_str().unwrap());
        let trusted = ["10.0.0.0/24", "fd00::1"].map(|net| net.parse().unwrap());
        let (origin, client) = resolve(&headers, host, false, peer.parse().unwrap(), &trusted);
        (
            origin.map(|origin| origin.to_string()),
            client.0.to_string(),
        )
    }

    fn origin(peer: &str, list: Headers<'_>) -> String {
        resolved(peer, list).0.unwrap_or_default()
    }

    #[test]
    fn a_direct_client_is_answered_under_the_host_it_asked_for() {
        let direct = |host| origin(OUTSIDER, &[("host", host)]);
        assert_eq!(direct("192.168.1.20:8080"), "http://192.168.1.20:8080");
        assert_eq!(direct("[fe80::1]:8080"), "http://[fe80::1]:8080");
        for bad in ["a\"onload=", "a/../b", "user@evil", ""] {
            assert_eq!(direct(bad), "", "{bad}");
        }
        assert_eq!(origin(OUTSIDER, &[]), "");
        let secure = resolve(
            &HeaderMap::new(),
            Some("station.local:8443"),
            true,
            OUTSIDER.parse().unwrap(),
            &[],
        );
        let secure = secure.0.unwrap();
        assert_eq!(secure.to_string(), "https://station.local:8443");
        assert_eq!(secure.websocket(), "wss://station.local:8443");
    }

    #[test]
    fn the_https_port_is_named_to_whom_it_is_open() {
        let port = |host: &str, secure, direct| {
            let host = host.to_owned();
            Origin {
                secure,
                host,
                direct,
            }
            .https_port()
        };
        for (host, named) in [
            ("station.local:8443", "station.local:8443"),
            ("station.example", "station.example:443"),
            ("[fd00::1]", "[fd00::1]:443"),
            ("[fd00::1]:8443", "[fd00::1]:8443"),
        ] {
            assert_eq!(port(host, true, true).as_deref(), Some(named));
            assert_eq!(port(host, false, true), None);
            assert_eq!(port(host, true, false), None);
        }
        let behind = resolve(
            &HeaderMap::from_iter([(
                "x-forwarded-host".parse().unwrap(),
                HeaderValue::from_static("outpost.example"),
            )]),
            Some("inner"),
            true,
            PROXY.parse().unwrap(),
            &["10.0.0.0/24".parse().unwrap()],
        );
        assert!(!behind.0.unwrap().direct);
    }

    const FORWARDED: [Headers<'_>; 3] = [
        &[
            ("host", "inner"),
            ("x-forwarded-host", "outpost.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "198.51.100.4"),
        ],
        &[
            ("host", "inner"),
            (
                "forwarded",
                "For=\"198.51.100.4:4711\"; Proto=https;host=\"outpost.example\"",
            ),
        ],
        &[
            ("host", "outpost.example"),
            ("x-forwarded-proto", "HTTPS"),
            ("x-forwarded-for", "198.51.100.4"),
        ],
    ];

    #[test]
    fn a_trusted_proxy_says_how_the_client_came_and_from_where() {
        for headers in FORWARDED {
            for proxy in [PROXY, "::ffff:10.0.0.7", "fd00::1"] {
                let (origin, client) = resolved(proxy, headers);
                assert_eq!(origin.as_deref(), Some("https://outpost.example"));
                assert_eq!(client, "198.51.100.4", "{headers:?}");
            }
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        for headers in FORWARDED {
            let (origin, client) = resolved(OUTSIDER, headers);
            let host = headers[0].1;
            assert_eq!(origin, Some(format!("http://{host}")), "{headers:?}");
            assert_eq!(client, OUTSIDER);
        }
    }

    #[test]
    fn what_a_client_made_up_before_the_proxy_does_not_count() {
        let made_up: Headers<'_> = &[
            ("host", "inner"),
            ("x-forwarded-host", "evil.example, outpost.example"),
            ("x-forwarded-proto", "http, https"),
            ("x-forwarded-for", "192.0.2.66, 198.51.100.4"),
        ];
        let (origin, client) = resolved(PROXY, made_up);
        assert_eq!(origin.as_deref(), Some("https://outpost.example"));
        assert_eq!(client, "198.51.100.4");
        let chain: Headers<'_> = &[
            ("host", "inner"),
            ("x-forwarded-host", "outpost.example, middle"),
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-for", "198.51.100.4"),
            ("x-forwarded-for", "10.0.0.8"),
        ];
        let (origin, client) = resolved(PROXY, chain);
        assert_eq!(origin.as_deref(), Some("https://outpost.example"));
        assert_eq!(client, "198.51.100.4");
        let unreadable: Headers<'_> = &[("host", "inner"), ("x-forwarded-for", "198.51.100.4, ?")];
        assert_eq!(resolved(PROXY, unreadable).1, PROXY);
    }

    #[test]
    fn a_clients_own_forwarded_header_does_not_count_beside_the_proxys() {
        let made_up = "for=192.0.2.66;host=evil.example;proto=http";
        let both: Headers<'_> = &[
            ("host", "inner"),
            ("forwarded", made_up),
            ("x-forwarded-host", "outpost.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "198.51.100.4"),
        ];
        let (origin, client) = resolved(PROXY, both);
        assert_eq!(origin.as_deref(), Some("https://outpost.example"));
        assert_eq!(client, "198.51.100.4");
        for (name, value) in &both[2..] {
            let one: Headers<'_> = &[("host", "inner"), ("forwarded", made_up), (name, value)];
            let (origin, client) = resolved(PROXY, one);
            assert!(!origin.unwrap().contains("evil"), "{name}");
            assert_ne!(client, "192.0.2.66", "{name}");
        }
    }
}
