//! The STUN and TURN servers of a channel, and how long they last. Pure.

use std::time::Duration;

use url::Url;
use wire::signaling::control::IceServers;

use crate::video::messages::IceServer;

/// Servers are fetched again this long before they expire, as the C SDK does, or when a
/// quarter of their time is left.
const ICE_MARGIN: Duration = Duration::from_secs(30);
const ICE_MARGIN_SHARE: u32 = 4;

/// Their life where the service does not say, and the bounds of what it may say.
const ICE_LIFE: Duration = Duration::from_secs(300);
const ICE_LIFE_LEAST: Duration = Duration::from_secs(2);

/// ICE servers, and when to fetch them again.
#[derive(Clone, Debug)]
pub(super) struct FetchedIceServers {
    pub(super) servers: Vec<IceServer>,
    pub(super) renew_after: Duration,
}

impl FetchedIceServers {
    /// Those of a channel at `endpoint`, or of AWS. STUN is not in the service's list:
    /// AWS has a server in each region, and every relay is one.
    pub(super) fn new(relays: IceServers, endpoint: Option<&Url>, region: &str) -> Self {
        let life = relays
            .ice_server_list
            .iter()
            .map(|server| Duration::from_secs(server.ttl))
            .filter(|life| !life.is_zero())
            .min()
            .unwrap_or(ICE_LIFE)
            .clamp(ICE_LIFE_LEAST, ICE_LIFE);
        let stun = stun(endpoint, region, &relays);
        let mut servers: Vec<IceServer> = relays
            .ice_server_list
            .into_iter()
            .map(|server| IceServer {
                urls: server.uris,
                username: server.username,
                password: server.password,
            })
            .collect();
        if let Some(url) = stun {
            servers.push(IceServer {
                urls: vec![url],
                username: String::new(),
                password: String::new(),
            });
        }
        Self {
            servers,
            renew_after: life - (life / ICE_MARGIN_SHARE).min(ICE_MARGIN),
        }
    }
}

/// Where AWS' services of a region are found.
pub(super) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// `endpoint` may be AWS' own that also speaks IPv6, `https://kinesisvideo.<region>.api.aws`,
/// whose STUN server does so too.
fn stun(endpoint: Option<&Url>, region: &str, relays: &IceServers) -> Option<String> {
    let host = endpoint.and_then(Url::host_str);
    match host {
        None => Some(format!(
            "stun:stun.kinesisvideo.{region}.{}:443",
            domain(region)
        )),
        Some(host)
            if host.ends_with(".api.aws") || host.ends_with(".api.amazonwebservices.com.cn") =>
        {
            let rest = host.split_once('.').map_or(host, |(_, rest)| rest);
            Some(format!("stun:stun.kinesisvideo.{rest}:443"))
        }
        Some(host) if host.ends_with(domain(region)) => Some(format!(
            "stun:stun.kinesisvideo.{region}.{}:443",
            domain(region)
        )),
        Some(_) => relays
            .ice_server_list
            .iter()
            .flat_map(|server| &server.uris)
            .filter_map(|uri| uri.strip_prefix("turn:"))
            .find(|uri| !uri.contains("transport=tcp"))
            .map(|uri| format!("stun:{}", uri.split('?').next().unwrap_or(uri))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::signaling::control;

    fn relays(uris: &[&str]) -> IceServers {
        IceServers {
            ice_server_list: vec![control::IceServer {
                password: "p".to_owned(),
                ttl: 300,
                uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
                username: "u".to_owned(),
            }],
        }
    }

    fn stun_of(endpoint: Option<&str>, region: &str) -> Option<String> {
        let endpoint = endpoint.map(|endpoint| endpoint.parse().unwrap());
        let relays = relays(&["turns:a:443?transport=tcp", "turn:b:3478?transport=udp"]);
        stun(endpoint.as_ref(), region, &relays)
    }

    #[test]
    fn every_region_and_station_has_its_own_stun_server() {
        for (endpoint, region, url) in [
            (
                None,
                "eu-west-1",
                "stun:stun.kinesisvideo.eu-west-1.amazonaws.com:443",
            ),
            (
                None,
                "cn-north-1",
                "stun:stun.kinesisvideo.cn-north-1.amazonaws.com.cn:443",
            ),
            (
                Some("https://kinesisvideo.us-east-1.api.aws"),
                "us-east-1",
                "stun:stun.kinesisvideo.us-east-1.api.aws:443",
            ),
            (Some("https://localhost:8443"), "us-east-1", "stun:b:3478"),
        ] {
            assert_eq!(stun_of(endpoint, region).as_deref(), Some(url));
        }
    }
}
