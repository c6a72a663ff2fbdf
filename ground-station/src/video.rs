//! Signaling and its relay, made of the arguments of `run` and of the secrets that the store
//! keeps: a restart forgets neither credentials nor channels.

use crate::auth::{CredentialIssuer, Grant};
use crate::clock;
use crate::config::VideoConfig;
use crate::robot_config;
use crate::signaling::{Settings, Signaling};
use crate::store::Store;
use crate::turn::{self, Relay};
use anyhow::{Context, ensure};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Where TURN listens when nobody says: its registered port.
const TURN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3478);

/// The setting that keeps the key of temporary credentials.
const KEY_SETTING: &str = "credentials-key";

/// The setting that keeps the secret behind the relay's passwords.
const RELAY_SETTING: &str = "relay-secret";

/// The setting that keeps when the channels were made.
const CREATED_SETTING: &str = "channels-made-ms";

/// Makes the service, and the relay that has yet to run unless there is another.
pub(crate) fn open(
    config: &VideoConfig,
    store: &Arc<Store>,
    shutdown: CancellationToken,
) -> anyhow::Result<(Signaling, Option<turn::Server>)> {
    let key = secret_setting(store, KEY_SETTING)?;
    let created = store.setting_or(CREATED_SETTING, || {
        clock::unix_ms().to_string().into_bytes()
    })?;
    robot_config::store_region(store, &config.region)?;
    let settings = Settings {
        region: config.region.clone(),
        created_ms: String::from_utf8(created)?.parse()?,
        times: config.times(),
    };
    let (relay, server) = match &config.external_turn {
        Some(address) => {
            let external = turn::External {
                address: address.clone(),
                tls: config.external_turn_tls.clone(),
            };
            let secret = external_secret(config)?;
            (Relay::external(external, &secret), None)
        }
        None => {
            let server = bind_relay(config, store)?;
            (server.relay(), Some(server))
        }
    };
    let directory = store.changes();
    let signaling = Signaling::new(
        settings,
        CredentialIssuer::new(&key),
        directory,
        relay,
        shutdown,
    );
    Ok((signaling, server))
}

fn bind_relay(config: &VideoConfig, store: &Arc<Store>) -> anyhow::Result<turn::Server> {
    // Robots fetched their passwords before a restart, and use them after it.
    let secret = secret_setting(store, RELAY_SETTING)?;
    let bind = |listen| {
        let directory = store.changes();
        let settings = turn::Settings {
            listen,
            public_ip: config.turn_public_ip,
            ports: config.turn_ports.clone(),
        };
        let holds = move |name: &str| Grant::relay_name_holds(name, &directory.borrow());
        turn::Server::bind(settings, secret, Box::new(holds))
    };
    match config.turn {
        Some(listen) => bind(listen),
        None => bind(TURN).or_else(|error| {
            tracing::warn!("{error:#}: another port will do");
            bind(SocketAddr::new(TURN.ip(), 0))
        }),
    }
}

fn external_secret(config: &VideoConfig) -> anyhow::Result<String> {
    let file = config
        .external_turn_secret
        .as_deref()
        .unwrap_or(Path::new(""));
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read --external-turn-secret {}", file.display()))?;
    let secret = text.trim();
    ensure!(
        !secret.is_empty(),
        "--external-turn-secret {} is empty: coturn's static-auth-secret belongs there",
        file.display()
    );
    Ok(secret.to_owned())
}

/// A secret that is made once, and outlives restarts.
fn secret_setting(store: &Store, setting: &str) -> anyhow::Result<[u8; 32]> {
    let secret = store.setting_or(setting, || rand::random::<[u8; 32]>().to_vec())?;
    secret
        .try_into()
        .map_err(|_| anyhow::anyhow!("the setting {setting} must have 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn video(arguments: &[&str]) -> VideoConfig {
        config::parse(arguments).unwrap().video
    }

    fn store() -> (tempfile::TempDir, Arc<Store>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("station.db")).unwrap();
        (dir, Arc::new(store))
    }

    #[tokio::test]
    async fn a_restart_forgets_neither_credentials_nor_channels() {
        let (_dir, store) = store();
        let config = video(&["--turn", "127.0.0.1:0"]);
        let open = || open(&config, &store, CancellationToken::new()).unwrap().0;
        let (before, after) = (open(), open());
        assert_eq!(robot_config::region(&store), robot_config::DEFAULT_REGION);
        assert_eq!(before.arn("rover"), after.arn("rover"));
        let life = std::time::Duration::from_secs(300);
        let password =
            |signaling: &Signaling| signaling.relay.server_for("rover", life, 1, None).password;
        assert_eq!(password(&before), password(&after));
        let grant = Grant {
            role: crate::auth::Role::Master,
            robot: "rover".into(),
            principal: crate::auth::Principal::Certificate("0a".into(), "rover".into()),
        };
        let made = before.credentials.issue(grant.clone(), 10);
        let token = Some(made.session_token.as_str());
        let known = after.credentials.verify(&made.access_key_id, token, 9);
        assert_eq!(known.unwrap().grant, grant);
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_only_where_it_was_asked_for() {
        let (_dir, store) = store();
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let asked = video(&["--turn", &address]);
        let error = open(&asked, &store, CancellationToken::new());
        let error = format!("{:#}", error.err().unwrap());
        assert!(error.contains(&address), "{error}");
        let _usual = std::net::UdpSocket::bind(TURN);
        let other = open(&video(&[]), &store, CancellationToken::new());
        let relay = other.unwrap().0.relay.address();
        assert!(!relay.ends_with(":3478"), "{relay}");
    }

    #[tokio::test]
    async fn an_external_relay_is_handed_out_instead_of_our_own() {
        let (dir, store) = store();
        let file = dir.path().join("secret");
        std::fs::write(&file, "north\n").unwrap();
        let options = [
            "--external-turn",
            "turn.example:3478",
            "--external-turn-tls",
            "turn.example:443",
            "--external-turn-secret",
            file.to_str().unwrap(),
        ];
        let config = video(&options);
        let (signaling, server) = open(&config, &store, CancellationToken::new()).unwrap();
        assert!(server.is_none());
        let life = std::time::Duration::from_secs(300);
        let given = signaling
            .relay
            .server_for("rover", life, 1000, Some("a:8443"));
        let uris = [
            "turn:turn.example:3478?transport=udp",
            "turns:turn.example:443?transport=tcp",
            "turn:turn.example:3478?transport=tcp",
        ];
        assert_eq!(given.uris, uris);
        assert_eq!(given.username, "1300:rover");
        std::fs::write(&file, "\n").unwrap();
        assert!(open(&config, &store, CancellationToken::new()).is_err());
    }
}
