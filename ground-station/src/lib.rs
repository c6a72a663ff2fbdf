//! The ground station: everything an Outpost needs from the cloud, in one process.
//!
//! ```text
//!  main ─ cli ─ run ─┬─ maintenance ─ broker/mosquitto ◄─ broker/client ◄─┐
//!                    └─ http ─► auth, signaling, turn, ca, robots, mars ──┴─► store ─ state_dir
//! ```
//!
//! [`cli`] reads what is asked for, `run` starts it and stops it. `http` answers everybody;
//! what it asks knows nothing of HTTP. Commands write the store while `run` runs;
//! `maintenance` notices, and `applied_revision` tells the command when all act by it.

mod applied_revision;
#[doc(hidden)]
pub mod auth;
mod broker;
#[doc(hidden)]
pub mod ca;
pub mod cli;
#[doc(hidden)]
pub mod clock;
mod config;
mod connections;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod hex;
mod http;
mod maintenance;
mod metrics;
mod network;
mod placed;
mod ready;
mod robot_config;
mod robots;
mod signaling;
#[doc(hidden)]
pub mod state_dir;
#[doc(hidden)]
pub mod store;
mod tcp_port;
mod turn;
mod video;

use anyhow::{Context, bail};
use auth::{Accounts, Now};
use axum_server::tls_rustls::RustlsConfig;
use broker::address::BrokerAddress;
use broker::client::{Client, INBOX, Publisher};
use broker::front::{Front, Sessions};
use broker::mosquitto::{DesiredState, Mosquitto};
use bytes::Bytes;
use ca::Ca;
use config::Config;
use connections::{Connections, Limits};
use daemon::systemd;
use http::app_state::AppState;
use http::arrival::Stalls;
use http::{listener, router};
use maintenance::{Maintenance, robots_revision};
use mars::Mars;
use metrics::Metrics;
use robots::{RobotStates, drive_log};
use state_dir::StateDir;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long the first connection to the broker may take before the station says that it is
/// ready without one. Ours is there in a fraction of a second.
const BROKER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long everything may take to end; past that the process ends anyway.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);

/// Connections over HTTP and HTTPS together: each costs some 20 kB, with TLS 50.
const MAX_HTTP_CONNECTIONS: usize = 4096;

/// What is started, by what it ends with.
type Tasks = JoinSet<anyhow::Result<()>>;

/// Runs a station until SIGTERM or SIGINT.
fn run_until_signalled(state: &Path, config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(run(state, config));
    // Requests that hang in a blocking call must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Starts everything, prints the ready line, and stops everything when the process is asked to
/// or a part of it ends unasked.
async fn run(state: &Path, mut config: Config) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let mut tasks = Tasks::new();
    tasks.spawn(stop_on_signal(shutdown.clone()));

    let state_dir = StateDir::open(state)?;
    let _running = state_dir.lock_run()?;
    state_dir.remove_leftovers()?;
    let http = tcp_port::bind(config.http, "http")?;
    let https = tcp_port::bind(config.https, "https")?;
    let listening = (http.local_addr()?, https.local_addr()?);
    config.https = listening.1;
    let (drive_log, drives) = mpsc::channel(drive_log::QUEUE);
    let (app, relay) = build(&state_dir, &config, drive_log, &shutdown)?;
    let (tls, certificate_holds) = maintenance::tls(&state_dir, &app.store, &app.ca)?;
    let desired = watch::Sender::new(DesiredState {
        directory: app.store.directory(),
        renewals: 0,
    });
    let maintenance = Maintenance {
        state_dir: state_dir.clone(),
        store: app.store.clone(),
        ca: app.ca.clone(),
        accounts: app.accounts.clone(),
        robots: app.robots.clone(),
        external_broker: config.external_broker.is_some(),
        tls: tls.clone(),
        certificate_holds,
        desired: desired.clone(),
    };
    let (inbox, reports) = mpsc::channel(INBOX);
    let desired = desired.subscribe();
    let root = state_dir.root().to_owned();
    let until = || shutdown.clone();
    let signaling = app.signaling.clone();
    tasks.spawn(robots_revision::run(signaling, state_dir.clone(), until()));
    let mut broker = start_broker(&mut tasks, &app, config, state_dir, desired, inbox)?;

    let (robots, metrics) = (app.robots.clone(), app.metrics.clone());
    tasks.spawn(robots.receive(reports, broker.clients.clone(), metrics, until()));
    tasks.spawn(drive_log::write(app.store.clone(), drives, until()));
    let streams = relay.as_ref().map(turn::Server::streams);
    if let Some(relay) = relay {
        let tls = tls.clone();
        tasks.spawn(relay.run(Box::new(move || tls.get_inner()), until()));
    }
    tasks.spawn(maintenance.run(until()));
    let (mars, stop) = (app.clone(), until());
    tasks.spawn(async move {
        stop.run_until_cancelled(mars.mars.run()).await;
        Ok(())
    });
    listen(&mut tasks, &app, http, (https, tls, streams), &shutdown);

    let supervised = supervise(&mut tasks, &shutdown, async {
        let first = broker.connected.wait_for(|connected| *connected);
        if tokio::time::timeout(BROKER_TIMEOUT, first).await.is_err() {
            warn!("no MQTT broker yet; the station goes on without");
        }
        ready::announce(&app, &root, listening, &broker.reached)
    })
    .await;
    systemd::stopping();
    shutdown.cancel();
    drain(&mut tasks).await;
    app.accounts
        .flush(Now::read())
        .context("writing down what the keys have spent")?;
    supervised
}

/// Serves HTTP and HTTPS until `shutdown`. Where the relay is ours, it shares the port of HTTPS.
fn listen(
    tasks: &mut Tasks,
    app: &Arc<AppState>,
    http: TcpListener,
    (https, tls, turn): (TcpListener, RustlsConfig, Option<turn::Streams>),
    shutdown: &CancellationToken,
) {
    let until = || shutdown.clone();
    let (router, stalls) = (router::router(app), Stalls::new());
    tasks.spawn(stalls.clone().run(until()));
    let limits = Limits::of_files(connections::open_files(), 1, MAX_HTTP_CONNECTIONS);
    let arrivals = listener::Arrivals {
        stalls,
        connections: Connections::new(limits),
        proxies: Arc::from(&app.trusted_proxies[..]),
    };
    tasks.spawn(listener::serve_http(
        http,
        router.clone(),
        arrivals.clone(),
        until(),
    ));
    let encrypted = listener::Encrypted::new(tls, turn, arrivals);
    tasks.spawn(listener::serve_https(https, router, encrypted, until()));
}

/// Opens what must last and makes what request handlers share; nothing runs yet.
fn build(
    state_dir: &StateDir,
    config: &Config,
    drive_log: mpsc::Sender<drive_log::NamedEntry>,
    shutdown: &CancellationToken,
) -> anyhow::Result<(Arc<AppState>, Option<turn::Server>)> {
    let store = Arc::new(Store::open_in(state_dir)?);
    let ca = Ca::open(state_dir, clock::utc())?;
    for host in &config.hosts {
        store.add_host(host)?;
    }
    let (signaling, relay) = video::open(&config.video, &store, shutdown.clone())?;
    let mut metrics = Metrics::default();
    metrics.register(|registry| signaling.counters.register(registry));
    if let Some(relay) = &relay {
        metrics.register(|registry| relay.counters().register(registry));
    }
    let app = AppState {
        accounts: Arc::new(Accounts::new(store.clone(), Now::read())?),
        robots: Arc::new(RobotStates::new(store.clone(), drive_log)),
        ca: Arc::new(ca),
        metrics: Arc::new(metrics),
        signaling: Arc::new(signaling),
        role_aliases: config.video.role_aliases(),
        time_scale: config.video.time_scale,
        mars: Mars::new(config.mars.settings(state_dir.root())),
        publisher: Publisher::default(),
        display: config.display.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        console: config.console.clone(),
        https_port: config.https.port(),
        streams: Mutex::default(),
        store,
        shutdown: shutdown.clone(),
    };
    Ok((Arc::new(app), relay))
}

/// Where the broker is, and whether we are connected to it.
struct Broker {
    reached: BrokerAddress,
    connected: watch::Receiver<bool>,
    /// Who else is connected to it, where it tells.
    clients: watch::Receiver<BTreeSet<String>>,
}

/// Starts our own broker unless there is another, and the client of either.
fn start_broker(
    tasks: &mut Tasks,
    app: &AppState,
    config: Config,
    state_dir: StateDir,
    desired: watch::Receiver<DesiredState>,
    inbox: mpsc::Sender<(String, Bytes)>,
) -> anyhow::Result<Broker> {
    let silences = watch::Sender::new(0);
    let reached;
    let (address, clients) = if let Some(address) = config.external_broker {
        reached = address.clone();
        (
            watch::Sender::new(address).subscribe(),
            watch::Sender::default().subscribe(),
        )
    } else {
        let listener = tcp_port::bind(config.mqtt, "mqtt")?;
        reached = listener.local_addr()?.into();
        let (ca, silent, sessions) = (app.ca.clone(), silences.subscribe(), Sessions::default());
        let (program, passes) = (config.mosquitto, sessions.clone());
        let mosquitto = Mosquitto::new(program, passes, state_dir, ca, desired, silent)?;
        let found = (mosquitto.address(), mosquitto.clients());
        let files = connections::open_files();
        let front = Front::new(listener, mosquitto.address(), sessions, files)?;
        tasks.spawn(mosquitto.run(app.shutdown.clone()));
        tasks.spawn(front.run(app.shutdown.clone()));
        found
    };
    let connection = watch::Sender::new(false);
    let connected = connection.subscribe();
    let client = Client {
        broker: address,
        ca: app.ca.clone(),
        publisher: app.publisher.clone(),
        inbox,
        connected: connection,
        silences,
    };
    tasks.spawn(client.run(app.shutdown.clone()));
    Ok(Broker {
        reached,
        connected,
        clients,
    })
}

/// Cancels `shutdown` when the process is asked to stop.
async fn stop_on_signal(shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        () = shutdown.cancelled() => return Ok(()),
    };
    info!("{name}: stopping");
    shutdown.cancel();
    Ok(())
}

/// Waits for the order to stop, or for a part that ends without it. `starting` is done beside.
async fn supervise(
    tasks: &mut Tasks,
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

async fn drain(tasks: &mut Tasks) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => warn!("while stopping: {error:#}"),
                Err(error) => warn!("while stopping: {error}"),
            }
        }
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, all).await.is_err() {
        warn!("a part of the station does not end; leaving without it");
        tasks.abort_all();
    }
}
