//! Names and addresses of this machine, as they stand in certificates.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// The names and addresses under which this machine is reached, as far as it knows itself.
pub fn own() -> BTreeSet<String> {
    let mut hosts: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    if let Some(name) = host_name() {
        hosts.insert(format!("{name}.local"));
        hosts.insert(name);
    }
    for interface in webrtc_util::ifaces::ifaces().unwrap_or_default() {
        if let Some(address) = interface.addr {
            hosts.insert(address.ip().to_string());
        }
    }
    hosts
}

/// This machine's name, when it can stand in a certificate.
pub fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    let fits = !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    fits.then(|| name.to_ascii_lowercase())
}

/// A host name or an address, as it can stand in a certificate.
pub fn parse(text: &str) -> Result<String, String> {
    let name = |text: &str| {
        text.len() <= 253
            && text.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        Ok(address.to_string())
    } else if name(text) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "{text:?} is neither a host name nor an address (and has no port)"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_at_least_localhost() {
        assert!(own().contains("localhost"));
        assert!(own().contains("127.0.0.1"));
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for good in ["localhost", "Station.LAN", "10.0.0.7", "fe80::1", "7up"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a:80", "https://a", "a..b", "*", "ü"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
