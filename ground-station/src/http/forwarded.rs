//! What proxies in front say of the clients before them. Anybody can send these headers; whom to
//! believe is for [`super::origin`].

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// What one proxy says of the client before it, in `for`, `host` and `proto`.
#[derive(Default)]
pub(super) struct Hop<'a> {
    pub client: Option<IpAddr>,
    pub host: Option<&'a str>,
    pub proto: Option<&'a str>,
}

/// The nearest proxy first: by `X-Forwarded-*`, or where there is none of them, by `Forwarded`
/// (RFC 7239). Most proxies know the first only, and pass on a `Forwarded` that the client made up.
pub(super) fn hops(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let clients = list(headers, "x-forwarded-for");
    let hosts = list(headers, "x-forwarded-host");
    let protos = list(headers, "x-forwarded-proto");
    let longest = clients.len().max(hosts.len()).max(protos.len());
    if longest == 0 {
        let forwarded = list(headers, "forwarded");
        return forwarded.into_iter().map(forwarded_hop).collect();
    }
    let hop = |n| Hop {
        client: clients.get(n).copied().and_then(address),
        host: hosts.get(n).copied(),
        proto: protos.get(n).copied(),
    };
    (0..longest).map(hop).collect()
}

/// The elements of a list that each proxy appends to, the last one first.
fn list<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    let mut elements: Vec<&str> = texts.flat_map(|text| text.split(',')).collect();
    elements.reverse();
    elements.into_iter().map(str::trim).collect()
}

/// `for=…;host=…;proto=…`
fn forwarded_hop(element: &str) -> Hop<'_> {
    let mut hop = Hop::default();
    for (name, value) in element.split(';').filter_map(|pair| pair.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.client = address(value),
            "host" => hop.host = Some(value),
            "proto" => hop.proto = Some(value),
            _ => {}
        }
    }
    hop
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or_else(|_| with_port()).ok()
}
