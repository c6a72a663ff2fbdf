//! The ground station: everything an Outpost needs from the cloud, in one process.
//!
//! Reading order: [`settings`] says what is asked for, [`run`] starts it. [`folder`], [`store`]
//! and [`signing`] keep and make what must last; [`accounts`] says who may ask; [`broker`] is
//! the way to the robots and [`fleet`] what they say; [`credentials`], [`signaling`] and [`turn`]
//! bring their video to who may see it; [`api`] is the HTTP side, served by
//! [`listen`]; [`station`] is what they share.

pub mod accounts;
pub mod api;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod credentials;
pub mod effect;
pub mod fleet;
pub mod folder;
pub mod listen;
pub mod mars;
pub mod metrics;
pub mod robot_config;
pub mod settings;
pub mod signaling;
pub mod signing;
pub mod station;
pub mod store;
pub mod turn;
mod upkeep;

use accounts::{Accounts, Now};
use anyhow::{Context, bail};
use broker::mosquitto::{self, Mosquitto};
use broker::session::{INBOX, Session};
use broker::{Publisher, Remote};
use cli::BadSetup;
use fleet::Fleet;
use folder::Folder;
use listen::{Addresses, Listeners};
use metrics::Metrics;
use settings::Settings;
use signing::Ca;
use station::{Parts, Station};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use upkeep::Upkeep;

/// How long the first connection to the broker may take before the station says that it is
/// ready without one. Ours is there in a fraction of a second.
const BROKER_PATIENCE: Duration = Duration::from_secs(10);

/// A station that was killed leaves its broker behind for the moment that it takes to end.
const PORT_PATIENCE: Duration = Duration::from_secs(2);

/// How often the broker's port is looked at meanwhile.
const PORT_LOOK: Duration = Duration::from_millis(20);

/// How long everything may take to end; past that the process ends anyway.
const LAST_GRACE: Duration = Duration::from_secs(6);

/// Runs a station until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or a part of it ends unasked.
pub fn run_until_signalled(state: &Path, settings: Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let mut signals = JoinSet::new();
        signals.spawn(upkeep::signals(shutdown.clone()));
        run(state, settings, shutdown).await
    });
    // Requests that hang in a blocking call must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Starts everything, prints the ready line, and stops everything when `shutdown` is
/// cancelled or a part ends unasked.
///
/// # Errors
/// When it cannot start, or a part of it ends unasked.
pub async fn run(
    state: &Path,
    settings: Settings,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let folder = Folder::open(state)?;
    let _running = folder.lock_run()?;
    let listeners = Listeners::bind(&settings)?;
    let addresses = listeners.addresses()?;
    let (station, relay) = furnish(folder, settings, addresses, shutdown.clone())?;
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    if let Some(relay) = relay {
        tasks.spawn(relay.run(shutdown.clone()));
    }
    let mut way = start(&mut tasks, &station, listeners).await?;
    let supervised = supervise(&mut tasks, &shutdown, async {
        if tokio::time::timeout(BROKER_PATIENCE, way.connected.wait_for(|yes| *yes))
            .await
            .is_err()
        {
            warn!("no MQTT broker yet; the station goes on without");
        }
        ready(&station, &way)
    })
    .await;
    upkeep::stopping();
    shutdown.cancel();
    drain(&mut tasks).await;
    station
        .accounts
        .flush(Now::read())
        .context("writing down what the keys have spent")?;
    supervised
}

/// Opens what must last and makes what the rooms share; nothing runs yet.
fn furnish(
    folder: Folder,
    settings: Settings,
    addresses: Addresses,
    shutdown: CancellationToken,
) -> anyhow::Result<(Station, Option<turn::Server>)> {
    let store = Arc::new(Store::open(&folder.database())?);
    let ca = Ca::open(&folder, clock::utc()).map_err(|error| BadSetup(format!("{error:#}")))?;
    for host in &settings.hosts {
        store.add_host(host)?;
    }
    let (signaling, relay) = settings.video.open(&store, shutdown.clone())?;
    let mut metrics = Metrics::default();
    metrics.show(|registry| signaling.counters.register(registry));
    if let Some(relay) = &relay {
        metrics.show(|registry| relay.counters().register(registry));
    }
    let station = Station::from(Parts {
        accounts: Arc::new(Accounts::new(store.clone(), Now::read())?),
        fleet: Arc::new(Fleet::new(store.clone())),
        ca: Arc::new(ca),
        metrics: Arc::new(metrics),
        signaling: Arc::new(signaling),
        publisher: Publisher::default(),
        folder,
        store,
        addresses,
        settings,
        shutdown,
    });
    Ok((station, relay))
}

/// Starts every part. What a room of its own needs beside its routes is started here.
async fn start(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    station: &Station,
    listeners: Listeners,
) -> anyhow::Result<Way> {
    let shutdown = &station.shutdown;
    let upkeep = Upkeep::new(station)?;
    let tls = upkeep.tls();
    let (inbox, reports) = mpsc::channel(INBOX);
    let connected = watch::Sender::new(false);
    let (remote, mqtt) = match &station.settings.external_broker {
        Some(remote) => (watch::Sender::new(remote.clone()).subscribe(), None),
        None => {
            let (remote, address) = start_broker(tasks, station, &upkeep).await?;
            (remote, Some(address))
        }
    };
    let way = Way {
        connected: connected.subscribe(),
        remote: remote.clone(),
        mqtt,
    };
    let session = Session {
        broker: remote,
        ca: station.ca.clone(),
        publisher: station.publisher.clone(),
        inbox,
        connected,
    };
    tasks.spawn(session.keep_up(shutdown.clone()));
    tasks.spawn(upkeep::reports(station.clone(), reports));
    tasks.spawn(upkeep.keep(station.clone()));
    let router = api::router(station);
    tasks.spawn(listen::serve_http(
        listeners.http,
        router.clone(),
        shutdown.clone(),
    ));
    tasks.spawn(listen::serve_https(
        listeners.https,
        router,
        tls,
        shutdown.clone(),
    ));
    Ok(way)
}

/// The way to the robots.
struct Way {
    /// Whether the session stands.
    connected: watch::Receiver<bool>,
    /// Where clients on this machine find the broker.
    remote: watch::Receiver<Remote>,
    /// Where our own broker listens.
    mqtt: Option<watch::Receiver<SocketAddr>>,
}

type Watched = (watch::Receiver<Remote>, watch::Receiver<SocketAddr>);

/// Starts our own broker; where to reach it, and where it listens.
async fn start_broker(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    station: &Station,
    upkeep: &Upkeep,
) -> anyhow::Result<Watched> {
    let settings = &station.settings;
    let program = mosquitto::find().ok_or_else(|| {
        BadSetup(
            "mosquitto is not installed: `apt install mosquitto` does it, or name a broker that runs elsewhere with --external-broker HOST:PORT"
                .to_owned(),
        )
    })?;
    let wanted = if settings.mqtt.port() == 0 {
        mosquitto::free_port(settings.mqtt)?
    } else {
        let mut tries = tokio::time::interval(PORT_LOOK);
        let deadline = clock::instant() + PORT_PATIENCE;
        loop {
            // Only to say in words that it is taken; the broker takes it a moment later.
            match listen::bind(settings.mqtt, "mqtt") {
                Ok(_) => break settings.mqtt,
                Err(error) if clock::instant() >= deadline => return Err(error),
                Err(_) => tries.tick().await,
            };
        }
    };
    let address = watch::Sender::new(wanted);
    let remote = watch::Sender::new(Remote::from(wanted));
    let watched = (remote.subscribe(), address.subscribe());
    let mosquitto = Mosquitto {
        own_program: std::env::current_exe().context("cannot find my own program")?,
        program,
        folder: station.folder.clone(),
        ca: station.ca.clone(),
        orders: upkeep.orders(),
        any_port: settings.mqtt.port() == 0,
        address,
        remote,
    };
    tasks.spawn(mosquitto.keep_running(station.shutdown.clone()));
    Ok(watched)
}

/// Says once, on standard output, that everything listens.
fn ready(station: &Station, way: &Way) -> anyhow::Result<()> {
    let Addresses { http, https } = station.addresses;
    let (mqtt, port) = match &way.mqtt {
        Some(address) => (address.borrow().to_string(), address.borrow().port()),
        None => (way.remote.borrow().to_string(), way.remote.borrow().port),
    };
    let ports = robot_config::Ports {
        mqtt: port,
        https: https.port(),
    };
    ports.keep(&station.store)?;
    info!(%http, %https, mqtt, state = %station.folder.root().display(), "ready");
    let turn = station.signaling.relay().address();
    let line = serde_json::json!({
        "ready": true, "http": http, "https": https, "mqtt": mqtt, "turn": turn,
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())?;
    upkeep::ready();
    Ok(())
}

/// Waits for the order to stop, or for a part that ends without it. `starting` is done beside.
async fn supervise(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    shutdown: &CancellationToken,
    starting: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    tokio::pin!(starting);
    let mut started = false;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            done = &mut starting, if !started => {
                done?;
                started = true;
            }
            ended = tasks.join_next() => match ended {
                _ if shutdown.is_cancelled() => return Ok(()),
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(error)) => bail!("a part of the station crashed: {error}"),
                Some(Ok(Ok(()))) | None => bail!("a part of the station ended unasked"),
            },
        }
    }
}

async fn drain(tasks: &mut JoinSet<anyhow::Result<()>>) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => warn!("while stopping: {error:#}"),
                Err(error) => warn!("while stopping: {error}"),
            }
        }
    };
    if tokio::time::timeout(LAST_GRACE, all).await.is_err() {
        warn!("a part of the station does not end; leaving without it");
        tasks.abort_all();
    }
}
