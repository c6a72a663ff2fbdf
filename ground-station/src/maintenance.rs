//! What a running station does by the clock: notice what commands have changed, write down
//! counts, renew the server certificate, notice silent robots, feed systemd's watchdog.

pub(crate) mod robots_revision;

use crate::applied_revision;
use crate::auth::{Accounts, Now};
use crate::broker::mosquitto::DesiredState;
use crate::ca::Ca;
use crate::ca::hosts;
use crate::clock;
use crate::robots::RobotStates;
use crate::state_dir::StateDir;
use crate::store::{Directory, Store};
use anyhow::Context;
use axum_server::tls_rustls::RustlsConfig;
use daemon::systemd;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// How soon a command's change is noticed: asking SQLite for its version reads one page.
const REFRESH: Duration = Duration::from_millis(100);

/// How often counts go to the disk: a crash gives back at most so much of a quota, and a card
/// in a Raspberry Pi is not worn out.
const FLUSH: Duration = Duration::from_secs(5);

/// How often the server certificate is looked at on the disk, and a failed renewal is tried again.
const RENEW: Duration = Duration::from_secs(60);

/// How often silent robots are looked for, and whether the certificate holds by the time of day: a
/// Pi's clock jumps by weeks when the network has told it the time.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) struct Maintenance {
    pub(crate) state_dir: StateDir,
    pub(crate) store: Arc<Store>,
    pub(crate) ca: Arc<Ca>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) robots: Arc<RobotStates>,
    /// Whoever runs an external broker restarts it themselves.
    pub(crate) external_broker: bool,
    /// TLS of the HTTPS listener; the certificate in it is kept valid.
    pub(crate) tls: RustlsConfig,
    /// When it needs no renewal.
    pub(crate) certificate_holds: Range<OffsetDateTime>,
    /// What our own broker must act by. It is told of a change when everything else acts by
    /// it already, so that it has the last word on what is applied.
    pub(crate) desired: watch::Sender<DesiredState>,
}

/// TLS as it is at the start.
pub(crate) fn tls(
    state_dir: &StateDir,
    store: &Store,
    ca: &Ca,
) -> anyhow::Result<(RustlsConfig, Range<OffsetDateTime>)> {
    let server = ca.server_certificate(state_dir, &certificate_hosts(store), clock::utc())?;
    Ok((RustlsConfig::from_config(server.tls(ca)?), server.holds))
}

impl Maintenance {
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let (mut refresh, mut flush) = (every(REFRESH), every(FLUSH));
        let (mut renew, mut look) = (every(RENEW), every(LOOK));
        let mut renewable = true;
        let watchdog = systemd::watchdog_interval();
        let mut feed = every(watchdog.unwrap_or(RENEW));
        let mut changes = self.store.changes();
        let directory = changes.borrow_and_update().clone();
        self.pass_on(directory);
        let mut unreadable = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                _ = refresh.tick() => {
                    let failed = self.store.refresh().err().map(|error| error.to_string());
                    if failed != unreadable {
                        if let Some(error) = &failed {
                            warn!(error, "commands are not noticed");
                        }
                        unreadable = failed;
                    }
                }
                _ = flush.tick() => {
                    let accounts = self.accounts.clone();
                    let flushed = tokio::task::spawn_blocking(move || accounts.flush(Now::read()));
                    if let Err(error) = flushed.await.context("flushing crashed")? {
                        warn!(%error, "cannot write down what the keys have spent");
                    }
                }
                _ = look.tick() => {
                    self.robots.mark_silent(clock::unix_ms());
                    // One that cannot be renewed is tried again with `renew`.
                    if renewable && !self.certificate_holds.contains(&clock::utc()) {
                        renewable = self.renew();
                    }
                }
                _ = renew.tick() => renewable = self.renew(),
                changed = changes.changed() => {
                    changed.context("the store is gone")?;
                    let directory = changes.borrow_and_update().clone();
                    renewable = self.renew();
                    self.pass_on(directory);
                }
                _ = feed.tick() => if watchdog.is_some() { systemd::feed_watchdog() },
            }
        }
    }

    /// What cannot be renewed today may be tomorrow: that is why it is tried a month ahead. False if
    /// it cannot.
    fn renew(&mut self) -> bool {
        let renewed = self.try_to_renew();
        if let Err(error) = &renewed {
            error!("the server certificate cannot be renewed: {error:#}");
        }
        renewed.is_ok()
    }

    fn try_to_renew(&mut self) -> anyhow::Result<()> {
        let hosts = certificate_hosts(&self.store);
        let server = self
            .ca
            .server_certificate(&self.state_dir, &hosts, clock::utc())?;
        if server.renewed {
            self.tls.reload_from_config(server.tls(&self.ca)?);
            self.desired.send_modify(|desired| desired.renewals += 1);
            info!("server certificate renewed");
        }
        self.certificate_holds = server.holds;
        Ok(())
    }

    /// Passes a change on to the broker.
    fn pass_on(&self, directory: Arc<Directory>) {
        let revision = directory.revision;
        self.desired
            .send_modify(|desired| desired.directory = directory);
        if self.external_broker {
            applied_revision::record(&self.state_dir, revision);
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// What the server certificate is for: this machine as it knows itself, and what was asked for.
fn certificate_hosts(store: &Store) -> BTreeSet<String> {
    let mut hosts = hosts::own();
    hosts.extend(store.directory().hosts.iter().cloned());
    hosts
}
