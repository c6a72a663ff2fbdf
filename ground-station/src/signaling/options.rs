//! What `run` is told about video, and the service made of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{Settings, Signaling, Times};
use crate::auth::{Grant, Issuer};
use crate::clock;
use crate::http::aws::credentials_provider::RoleAlias;
use crate::store::Store;
use crate::turn::{self, Ports, Relay};

/// Where TURN listens when nobody says: its registered port.
const TURN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3478);

/// The setting that keeps the key of temporary credentials.
const KEY_SETTING: &str = "credentials-key";

/// The setting that keeps the secret behind the relay's passwords.
const RELAY_SETTING: &str = "relay-secret";

/// The setting that keeps the region, for the configs of new robots.
const REGION_SETTING: &str = "region";

/// The region when nobody says; the one that AWS' own tools assume, too.
const REGION: &str = "us-east-1";

/// The setting that keeps when the channels were made.
const MADE_SETTING: &str = "channels-made-ms";

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Video")]
pub struct Options {
    /// The region of channels and signatures; robots have it as AWS_DEFAULT_REGION
    #[arg(long, default_value = REGION, value_parser = checked_region)]
    pub region: String,

    /// A further role alias under which robots get credentials, beside `outpost-robot`; its
    /// credentials last an hour or SECONDS
    #[arg(long = "role-alias", value_name = "NAME[=SECONDS]")]
    pub role_aliases: Vec<RoleAlias>,

    /// Where STUN and TURN listen (UDP) [default: 0.0.0.0:3478, or another port if it is taken]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub turn: Option<SocketAddr>,

    /// The address under which the TURN relay is reached, where it is not this machine's own
    #[arg(long, value_name = "IP")]
    pub turn_public_ip: Option<IpAddr>,

    /// The ports from which the TURN relay sends
    #[arg(long, value_name = "FIRST-LAST", default_value_t = Ports::default())]
    pub turn_ports: Ports,

    /// Send clients to this coturn instead of a relay of our own
    #[arg(long, value_name = "HOST:PORT", requires = "external_turn_secret",
          conflicts_with_all = ["turn", "turn_public_ip"])]
    pub external_turn: Option<String>,

    /// File that holds the coturn's static-auth-secret
    #[arg(long, value_name = "FILE", requires = "external_turn")]
    pub external_turn_secret: Option<PathBuf>,

    /// Multiply the service's times, for tests: 0.01 makes of an hour 36 seconds
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = scale)]
    pub time_scale: f64,
}

impl Options {
    /// How long things last.
    pub fn times(&self) -> Times {
        Times::DOCUMENTED.scaled(self.time_scale)
    }

    /// All role aliases there are.
    pub fn aliases(&self) -> Vec<RoleAlias> {
        let mut aliases = vec![RoleAlias::default()];
        aliases.extend(self.role_aliases.iter().cloned());
        aliases
    }

    /// Makes the service, and the relay that has yet to run.
    ///
    /// # Errors
    /// When the store or the secret cannot be read, or the relay's port is taken.
    pub fn open(
        &self,
        store: &Arc<Store>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<(Signaling, Option<turn::Server>)> {
        let key = kept(store, KEY_SETTING)?;
        let made = store.setting_or(MADE_SETTING, || clock::unix_ms().to_string().into_bytes())?;
        store.set_setting(REGION_SETTING, self.region.as_bytes())?;
        let settings = Settings {
            region: self.region.clone(),
            created_ms: String::from_utf8(made)?.parse()?,
            times: self.times(),
        };
        let (relay, server) = match &self.external_turn {
            Some(address) => (Relay::external(address, &self.secret()?), None),
            None => {
                let server = self.relay(store)?;
                (server.relay(), Some(server))
            }
        };
        let directory = store.changes();
        let signaling = Signaling::new(settings, Issuer::new(&key), directory, relay, shutdown);
        Ok((signaling, server))
    }

    fn relay(&self, store: &Arc<Store>) -> anyhow::Result<turn::Server> {
        // Robots fetched their passwords before a restart, and use them after it.
        let secret = kept(store, RELAY_SETTING)?;
        let bind = |listen| {
            let directory = store.changes();
            let settings = turn::Settings {
                listen,
                public_ip: self.turn_public_ip,
                ports: self.turn_ports.clone(),
            };
            let still = move |name: &str| Grant::relay_name_holds(name, &directory.borrow());
            turn::Server::bind(settings, secret, Box::new(still))
        };
        match self.turn {
            Some(listen) => bind(listen),
            None => bind(TURN).or_else(|error| {
                tracing::warn!("{error:#}: another port will do");
                bind(SocketAddr::new(TURN.ip(), 0))
            }),
        }
    }

    fn secret(&self) -> anyhow::Result<String> {
        let file = self
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
}

/// A secret that is made once, and outlives restarts.
fn kept(store: &Store, setting: &str) -> anyhow::Result<[u8; 32]> {
    let secret = store.setting_or(setting, || rand::random::<[u8; 32]>().to_vec())?;
    secret
        .try_into()
        .map_err(|_| anyhow::anyhow!("the setting {setting} must have 32 bytes"))
}

/// The region of the station that runs, or ran last.
pub fn region(store: &Store) -> String {
    let kept = store.setting(REGION_SETTING).ok().flatten();
    kept.and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| REGION.to_owned())
}

fn checked_region(text: &str) -> Result<String, String> {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=32).contains(&text.len()) && text.bytes().all(letter) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} must be a region like us-east-1"))
    }
}

fn scale(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|scale: &f64| *scale > 0.0 && *scale <= 1.0)
        .ok_or_else(|| format!("{text:?} must be a number above 0 and at most 1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parsed(arguments: &[&str]) -> Result<Options, clap::Error> {
        let line = std::iter::once("run").chain(arguments.iter().copied());
        Line::try_parse_from(line).map(|line| line.options)
    }

    fn store() -> (tempfile::TempDir, Arc<Store>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("station.db")).unwrap();
        (dir, Arc::new(store))
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            &["--region", "US East"][..],
            &["--time-scale", "0"],
            &["--time-scale", "2"],
            &["--turn-ports", "1-2"],
            &["--external-turn", "turn.example:3478"],
            &["--role-alias", "a b"],
            &["--role-alias", "a=soon"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_restart_forgets_neither_credentials_nor_channels() {
        let (_dir, store) = store();
        let options = parsed(&["--turn", "127.0.0.1:0"]).unwrap();
        let open = || options.open(&store, CancellationToken::new()).unwrap().0;
        let (before, after) = (open(), open());
        assert_eq!(region(&store), REGION);
        assert_eq!(before.arn("rover"), after.arn("rover"));
        let life = std::time::Duration::from_secs(300);
        let password =
            |signaling: &Signaling| signaling.relay().server_for("rover", life, 1).password;
        assert_eq!(password(&before), password(&after));
        let grant = Grant {
            role: crate::auth::Role::Master,
            robot: "rover".into(),
            holder: crate::auth::Holder::Certificate("0a".into()),
            expires_s: 10,
        };
        let made = before.issuer().issue(grant.clone());
        let token = Some(made.session_token.as_str());
        let known = after.issuer().redeem(&made.access_key_id, token, 9);
        assert_eq!(known.unwrap().grant, grant);
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_only_where_it_was_asked_for() {
        let (_dir, store) = store();
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let asked = parsed(&["--turn", &address]).unwrap();
        let error = asked.open(&store, CancellationToken::new());
        let error = format!("{:#}", error.err().unwrap());
        assert!(error.contains(&address), "{error}");
        let _usual = std::net::UdpSocket::bind(TURN);
        let other = parsed(&[]).unwrap().open(&store, CancellationToken::new());
        assert_ne!(other.unwrap().1.unwrap().address().port(), TURN.port());
    }

    #[tokio::test]
    async fn an_external_relay_is_handed_out_instead_of_our_own() {
        let (dir, store) = store();
        let file = dir.path().join("secret");
        std::fs::write(&file, "north\n").unwrap();
        let options = [
            "--external-turn",
            "turn.example:3478",
            "--external-turn-secret",
            file.to_str().unwrap(),
        ];
        let options = parsed(&options).unwrap();
        let (signaling, server) = options.open(&store, CancellationToken::new()).unwrap();
        assert!(server.is_none());
        let life = std::time::Duration::from_secs(300);
        let given = signaling.relay().server_for("rover", life, 1000);
        assert_eq!(given.uris[0], "turn:turn.example:3478?transport=udp");
        assert_eq!(given.username, "1300:rover");
        std::fs::write(&file, "\n").unwrap();
        assert!(options.open(&store, CancellationToken::new()).is_err());
    }
}
