//! What a running station does by the clock: notice what commands have changed, write down
//! counts, renew the server certificate, notice silent robots, feed systemd's watchdog.

use crate::applied_revision;
use crate::auth::Now;
use crate::broker::mosquitto::Orders;
use crate::ca::{Ca, own_hosts};
use crate::clock;
use crate::http::app_state::AppState;
use crate::http::listener;
use crate::state_dir::StateDir;
use crate::store::{Directory, Store};
use anyhow::Context;
use axum_server::tls_rustls::RustlsConfig;
use bytes::Bytes;
use sd_notify::NotifyState;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

/// How soon a command's change is noticed: asking SQLite for its version reads one page.
const NOTICE: Duration = Duration::from_millis(100);

/// How often counts go to the disk: a crash gives back at most so much of a quota, and a card
/// in a Raspberry Pi is not worn out.
const FLUSH: Duration = Duration::from_secs(5);

/// How often it is looked whether the server certificate must be renewed.
const RENEW: Duration = Duration::from_secs(60 * 60);

/// How often silence is looked for.
const LISTEN: Duration = Duration::from_secs(1);

/// The certificate that both HTTPS and the broker show, kept valid.
pub(crate) struct Maintenance {
    folder: StateDir,
    ca: Arc<Ca>,
    tls: RustlsConfig,
    orders: watch::Sender<Orders>,
}

impl Maintenance {
    pub(crate) fn new(station: &AppState) -> anyhow::Result<Self> {
        let (folder, ca) = (station.folder.clone(), station.ca.clone());
        let server = ca.server(&folder, &hosts(&station.store), clock::utc())?;
        Ok(Self {
            tls: RustlsConfig::from_config(listener::tls(&ca, &server)?),
            folder,
            ca,
            orders: watch::Sender::new(Orders {
                directory: station.store.directory(),
                renewals: 0,
            }),
        })
    }

    pub(crate) fn tls(&self) -> RustlsConfig {
        self.tls.clone()
    }

    /// What our own broker must act by. It is told of a change when everything else acts by
    /// it already, so that it has the last word on what is in force.
    pub(crate) fn orders(&self) -> watch::Receiver<Orders> {
        self.orders.subscribe()
    }

    /// Does all of it until the station stops.
    pub(crate) async fn keep(self, station: AppState) -> anyhow::Result<()> {
        let every = |period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut notice, mut flush) = (every(NOTICE), every(FLUSH));
        let (mut renew, mut listen) = (every(RENEW), every(LISTEN));
        // Half of what systemd allows, as sd_watchdog_enabled(3) recommends.
        let fed = sd_notify::watchdog_enabled();
        let mut feed = every(fed.map_or(RENEW, |limit| limit / 2));
        let mut changes = station.store.changes();
        let directory = changes.borrow_and_update().clone();
        self.take_up(directory, &station);
        let mut unreadable = None;
        loop {
            tokio::select! {
                () = station.shutdown.cancelled() => return Ok(()),
                _ = notice.tick() => {
                    let failed = station.store.refresh().err().map(|error| error.to_string());
                    if failed != unreadable {
                        if let Some(error) = &failed {
                            warn!(error, "commands are not noticed");
                        }
                        unreadable = failed;
                    }
                }
                _ = flush.tick() => {
                    let accounts = station.accounts.clone();
                    let flushed = tokio::task::spawn_blocking(move || accounts.flush(Now::read()));
                    if let Err(error) = flushed.await.context("flushing crashed")? {
                        warn!(%error, "cannot write down what the keys have spent");
                    }
                }
                _ = listen.tick() => station.robots.notice_silence(clock::unix_ms()),
                _ = renew.tick() => self.renew(&station.store),
                changed = changes.changed() => {
                    changed.context("the store is gone")?;
                    let directory = changes.borrow_and_update().clone();
                    self.renew(&station.store);
                    self.take_up(directory, &station);
                }
                _ = feed.tick() => if fed.is_some() { tell(NotifyState::Watchdog) },
            }
        }
    }

    /// What cannot be renewed today may be tomorrow: that is why it is tried a month ahead.
    fn renew(&self, store: &Store) {
        match self.renewed(store) {
            Ok(Some(tls)) => {
                info!("server certificate renewed");
                self.tls.reload_from_config(tls);
                self.orders.send_modify(|orders| orders.renewals += 1);
            }
            Ok(None) => {}
            Err(error) => error!("the server certificate cannot be renewed: {error:#}"),
        }
    }

    fn renewed(&self, store: &Store) -> anyhow::Result<Option<Arc<rustls::ServerConfig>>> {
        let server = self.ca.server(&self.folder, &hosts(store), clock::utc())?;
        server
            .renewed
            .then(|| listener::tls(&self.ca, &server))
            .transpose()
    }

    /// Passes a change on. Whoever runs an external broker restarts it themselves.
    fn take_up(&self, directory: Arc<Directory>, station: &AppState) {
        let revision = directory.revision;
        self.orders
            .send_modify(|orders| orders.directory = directory);
        if station.settings.external_broker.is_some() {
            applied_revision::record(&self.folder, revision);
        }
    }
}

fn hosts(store: &Store) -> BTreeSet<String> {
    let mut hosts = own_hosts();
    hosts.extend(store.directory().hosts.iter().cloned());
    hosts
}

/// Takes in what the robots say.
pub(crate) async fn reports(
    station: AppState,
    mut inbox: mpsc::Receiver<(String, Bytes)>,
) -> anyhow::Result<()> {
    loop {
        let report = tokio::select! {
            report = inbox.recv() => report,
            () = station.shutdown.cancelled() => return Ok(()),
        };
        let (topic, payload) = report.context("the MQTT session is gone")?;
        match station.robots.hear(&topic, &payload, clock::unix_ms()) {
            Ok(()) => station.metrics.telemetry.inc(),
            Err(unheard) => {
                debug!(topic, %unheard, "telemetry dropped");
                station.metrics.telemetry_rejected.inc()
            }
        };
    }
}

/// Cancels `shutdown` when the process is asked to stop.
pub(crate) async fn signals(shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    info!("{name}: stopping");
    shutdown.cancel();
    Ok(())
}

/// Tells systemd that everything listens.
pub(crate) fn ready() {
    tell(NotifyState::Ready);
}

/// Tells systemd that the station stops.
pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        debug!(%error, "systemd cannot be told");
    }
}
