//! The `config.json` of a robot that belongs to this station.

use crate::ca::hosts;
use crate::store::{Store, StoreError};
use serde_json::{Value, json};

/// Where agents reach the station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub mqtt: u16,
    /// Everything else.
    pub https: u16,
}

/// The role alias that every robot of ours is configured with.
pub(crate) const ROLE_ALIAS: &str = "outpost-robot";

/// The region when nobody says; the one that AWS' own tools assume, too.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

const PORTS_SETTING: &str = "ports";
const REGION_SETTING: &str = "region";

impl Ports {
    /// Those of the station that runs, or ran last; the usual ones before the first run.
    pub(crate) fn of(store: &Store) -> Self {
        let text = text_setting(store, PORTS_SETTING);
        let pair = text.as_deref().and_then(|text| text.split_once(' '));
        pair.and_then(|(mqtt, https)| {
            Some(Self {
                mqtt: mqtt.parse().ok()?,
                https: https.parse().ok()?,
            })
        })
        .unwrap_or(Self {
            mqtt: 8883,
            https: 8443,
        })
    }

    /// Remembers them for the commands.
    pub(crate) fn store(self, store: &Store) -> Result<(), StoreError> {
        store.set_setting(
            PORTS_SETTING,
            format!("{} {}", self.mqtt, self.https).as_bytes(),
        )
    }
}

/// The region of the station that runs, or ran last.
pub(crate) fn region(store: &Store) -> String {
    text_setting(store, REGION_SETTING).unwrap_or_else(|| DEFAULT_REGION.to_owned())
}

fn text_setting(store: &Store, name: &str) -> Option<String> {
    let bytes = store.setting(name).ok().flatten()?;
    String::from_utf8(bytes).ok()
}

/// Remembers the region for the commands.
pub(crate) fn store_region(store: &Store, region: &str) -> Result<(), StoreError> {
    store.set_setting(REGION_SETTING, region.as_bytes())
}

/// The file's content: the sample's five keys, and where our stand-in for KVS is.
pub(crate) fn config(robot: &str, host: &str, ports: Ports, region: &str) -> Value {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    json!({
        "IOT_THINGNAME": robot,
        "IOT_CORE_ENDPOINT": format!("{host}:{}", ports.mqtt),
        "IOT_GET_CREDENTIAL_ENDPOINT": format!("{host}:{}", ports.https),
        "ROLE_ALIAS": ROLE_ALIAS,
        "AWS_DEFAULT_REGION": region,
        "KVS_ENDPOINT": format!("https://{host}:{}", ports.https),
    })
}

/// The host under which this machine is most likely found: its name, if it has one.
pub(crate) fn default_host() -> String {
    hosts::host_name().unwrap_or_else(|| "localhost".to_owned())
}

/// The host of a `Host` header, when it could stand in a certificate.
pub(crate) fn host_of(header: &str) -> Option<String> {
    let host = match header.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => header.split(':').next()?,
    };
    hosts::parse(host).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_says_where_the_station_is() {
        let ports = Ports {
            mqtt: 8883,
            https: 8443,
        };
        let value = config("rover", "station.lan", ports, "eu-west-1");
        assert_eq!(value["AWS_DEFAULT_REGION"], "eu-west-1");
        assert_eq!(value["IOT_THINGNAME"], "rover");
        assert_eq!(value["IOT_CORE_ENDPOINT"], "station.lan:8883");
        assert_eq!(value["KVS_ENDPOINT"], "https://station.lan:8443");
        assert_eq!(
            config("rover", "fe80::1", ports, "us-east-1")["IOT_CORE_ENDPOINT"],
            "[fe80::1]:8883"
        );
    }

    #[test]
    fn a_host_header_loses_its_port_and_nonsense_is_refused() {
        assert_eq!(host_of("station.lan:8080").as_deref(), Some("station.lan"));
        assert_eq!(host_of("[::1]:8080").as_deref(), Some("::1"));
        assert_eq!(host_of("a b\"c"), None);
        assert_eq!(host_of(""), None);
    }
}
