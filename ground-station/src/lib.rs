//! The ground station: everything an Outpost needs from the cloud, in one process.
//!
//! Reading order: [`config`] says what is asked for, [`run`] starts it. [`state_dir`], [`store`]
//! and [`ca`] keep and make what must last; [`auth`] says who may ask; [`broker`] is the way to
//! the robots and [`robots`] what they report; [`signaling`] and [`turn`] bring their video to
//! who may see it; [`::mars`] is what a display shows; [`http`] is all of it over HTTP.

pub mod applied_revision;
pub mod auth;
pub mod broker;
pub mod ca;
pub mod cli;
pub mod clock;
pub mod config;
pub mod http;
mod maintenance;
pub mod mars_options;
pub mod metrics;
pub mod robot_config;
pub mod robots;
pub mod signaling;
pub mod state_dir;
pub mod store;
pub mod turn;

use anyhow::{Context, bail};
use auth::{Accounts, Now};
use broker::client::INBOX;
use broker::{Publisher, Way};
use ca::Ca;
use cli::BadSetup;
use config::Settings;
use http::app_state::{AppState, Parts};
use http::listener::{self, Addresses, Listeners};
use http::router;
use maintenance::Maintenance;
use mars::Mars;
use metrics::Metrics;
use robots::RobotStates;
use state_dir::StateDir;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long the first connection to the broker may take before the station says that it is
/// ready without one. Ours is there in a fraction of a second.
const BROKER_PATIENCE: Duration = Duration::from_secs(10);

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
        signals.spawn(maintenance::signals(shutdown.clone()));
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
    let folder = StateDir::open(state)?;
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
    maintenance::stopping();
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
    folder: StateDir,
    settings: Settings,
    addresses: Addresses,
    shutdown: CancellationToken,
) -> anyhow::Result<(AppState, Option<turn::Server>)> {
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
    let station = AppState::from(Parts {
        accounts: Arc::new(Accounts::new(store.clone(), Now::read())?),
        robots: Arc::new(RobotStates::new(store.clone())),
        ca: Arc::new(ca),
        metrics: Arc::new(metrics),
        signaling: Arc::new(signaling),
        mars: Mars::new(settings.mars.settings(folder.root())),
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
    station: &AppState,
    listeners: Listeners,
) -> anyhow::Result<Way> {
    let shutdown = &station.shutdown;
    let maintenance = Maintenance::new(station)?;
    let tls = maintenance.tls();
    let (inbox, reports) = mpsc::channel(INBOX);
    let way = broker::start(tasks, station, maintenance.orders(), inbox).await?;
    tasks.spawn(maintenance::reports(station.clone(), reports));
    tasks.spawn(maintenance.keep(station.clone()));
    tasks.spawn(station.mars.clone().keep_fresh(shutdown.clone()));
    let router = router::router(station);
    tasks.spawn(listener::serve_http(
        listeners.http,
        router.clone(),
        shutdown.clone(),
    ));
    tasks.spawn(listener::serve_https(
        listeners.https,
        router,
        tls,
        shutdown.clone(),
    ));
    Ok(way)
}

/// Says once, on standard output, that everything listens.
fn ready(station: &AppState, way: &Way) -> anyhow::Result<()> {
    let Addresses { http, https } = station.addresses;
    let (mqtt, port) = match &way.own {
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
    maintenance::ready();
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
