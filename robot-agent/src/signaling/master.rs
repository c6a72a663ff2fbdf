//! Keeps the robot's socket open and its ICE servers fresh, as [`super::schedule`] decides. A
//! new socket is opened before the old one is left, whenever the service says so early enough.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon::log_limit::LogLimiter;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use wire::signaling::permitted::REVOKED;

use super::channel::Channel;
use super::ice_servers::FetchedIceServers;
use super::messages::Event;
use super::outbox::Outbox;
use super::schedule::{Loss, Schedule, SocketTiming, Step};
use super::socket::Socket;
use crate::address;
use crate::aws::error::Error;
use crate::clock::now;
use crate::video::messages::{IceServer, Incoming, Outgoing, Permitted};

/// How often the machine's address is looked at.
const ADDRESS_EVERY: Duration = Duration::from_secs(1);

/// How often the same error is logged.
const ERROR_EVERY: Duration = Duration::from_secs(60);

/// How long ending viewers may take. It is done at once, unless video is beginning again.
const PERMIT_LIMIT: Duration = Duration::from_secs(2);

/// What signaling shares with the rest of the robot.
pub(crate) struct SignalingIo {
    pub(crate) incoming: mpsc::Sender<Incoming>,
    pub(crate) permitted: mpsc::Sender<Permitted>,
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    pub(crate) ice_servers: watch::Sender<Vec<IceServer>>,
}

/// A call that takes its time while the socket is listened to, once it is done.
enum CallDone {
    Connect(Result<Box<Socket>, Error>),
    IceServers(Result<FetchedIceServers, Error>),
}

/// The robot on its channel.
pub(super) struct Master<'a> {
    channel: Arc<Channel>,
    io: &'a mut SignalingIo,
    schedule: Schedule,
    timing: SocketTiming,
    socket: Option<Socket>,
    calls: JoinSet<CallDone>,
    outbox: Outbox,
    error_log: LogLimiter,
}

impl<'a> Master<'a> {
    pub(super) fn new(
        channel: Arc<Channel>,
        io: &'a mut SignalingIo,
        timing: SocketTiming,
    ) -> Self {
        Self {
            channel,
            io,
            schedule: Schedule::new(timing, now()),
            timing,
            socket: None,
            calls: JoinSet::new(),
            outbox: Outbox::default(),
            error_log: LogLimiter::new(1, ERROR_EVERY),
        }
    }

    pub(super) async fn run(mut self, shutdown: &CancellationToken) {
        let mut outgoing_open = true;
        loop {
            if let Err(reason) = self.do_due().await {
                self.lose(&reason);
            }
            let wake_at = self.wake_at(now());
            tokio::select! {
                () = shutdown.cancelled() => break,
                event = next_event(&mut self.socket) => {
                    let handled = match event {
                        Ok(event) => self.handle(event).await,
                        Err(reason) => Err(reason),
                    };
                    if let Err(reason) = handled {
                        self.lose(&reason);
                    }
                }
                Some(done) = self.calls.join_next() => self.call_done(done).await,
                message = self.io.outgoing.recv(), if outgoing_open => match message {
                    Some(outgoing) => self.queue(outgoing),
                    None => outgoing_open = false,
                },
                () = tokio::time::sleep_until(wake_at.into()) => {}
            }
        }
        if let Some(socket) = self.socket.take() {
            socket.close().await;
        }
    }

    /// When to look again if nothing happens.
    fn wake_at(&self, now: Instant) -> Instant {
        let send_at = self.socket.as_ref().and_then(|_| self.outbox.due(now));
        [self.schedule.wake_at(), send_at]
            .into_iter()
            .flatten()
            .fold(now + ADDRESS_EVERY, Instant::min)
    }

    /// Does what is due and sends what may be sent.
    ///
    /// # Errors
    /// Why the socket is of no use any more.
    async fn do_due(&mut self) -> Result<(), String> {
        while let Some(step) = self.schedule.next(now()) {
            match (step, &mut self.socket) {
                (Step::Connect, _) => {
                    let channel = Arc::clone(&self.channel);
                    self.calls.spawn(async move {
                        CallDone::Connect(channel.connect().await.map(Box::new))
                    });
                }
                (Step::FetchIceServers, _) => {
                    let channel = Arc::clone(&self.channel);
                    self.calls
                        .spawn(async move { CallDone::IceServers(channel.ice_servers().await) });
                }
                (Step::Ping, Some(socket)) => socket.ping().await?,
                (Step::Ping, None) => {}
                (Step::GiveUp, _) => {
                    return Err(format!("silent for {:?}", self.timing.dead_after));
                }
            }
        }
        let Some(socket) = &mut self.socket else {
            return Ok(());
        };
        while let Some(outgoing) = self.outbox.next(now()) {
            socket.send(outgoing).await?;
            self.outbox.sent(now());
        }
        if socket.lost_its_address() {
            return Err(address::LOST.to_owned());
        }
        Ok(())
    }

    fn queue(&mut self, outgoing: Outgoing) {
        if !self.outbox.push(outgoing, now()) {
            debug!("signaling is away too long, a message to a viewer is dropped");
        }
    }

    /// # Errors
    /// Why the socket is of no use any more.
    async fn handle(&mut self, event: Event) -> Result<(), String> {
        self.schedule.received(now());
        match event {
            Event::Message(incoming) => {
                // A full queue is a storm; whoever means it asks again.
                if self.io.incoming.try_send(incoming).is_err() {
                    debug!("too many messages from viewers, one is dropped");
                }
            }
            Event::GoAway => {
                info!("signaling: the service goes away (GO_AWAY), reconnecting");
                self.schedule.reconnect(now());
            }
            Event::IceServersChanged => {
                info!("signaling: the service has new ICE servers (RECONNECT_ICE_SERVER)");
                self.schedule.ice_servers_changed(now());
            }
            Event::Permitted(list) => permit(&self.io.permitted, list.principals).await?,
            Event::Revoked => {
                permit(&self.io.permitted, BTreeSet::new()).await?;
                return Err(format!("{REVOKED}: was this robot's certificate revoked?"));
            }
            Event::Nothing => {}
        }
        Ok(())
    }

    fn lose(&mut self, reason: &str) {
        self.socket = None;
        match self.schedule.lost(now(), rand::random()) {
            None => {}
            Some(Loss::Replaced) => debug!("the old socket is gone ({reason})"),
            Some(Loss::Reconnecting { lived, taken_over }) => {
                warn!("signaling was lost after {lived:.0?} ({reason}), reconnecting");
                if taken_over {
                    warn!(
                        channel = self.channel.name,
                        "signaling is lost again and again: does another robot use the same \
                         channel?"
                    );
                }
            }
        }
    }

    async fn call_done(&mut self, done: Result<CallDone, JoinError>) {
        match done {
            Ok(CallDone::Connect(Ok(socket))) => {
                info!(channel = self.channel.name, "signaling is connected");
                self.schedule.connected(now());
                self.error_log.reset();
                if let Some(old) = self.socket.replace(*socket) {
                    old.close().await;
                }
            }
            Ok(CallDone::Connect(Err(error))) => {
                self.schedule.connect_failed(now(), rand::random());
                self.log_error(&error);
            }
            Ok(CallDone::IceServers(Ok(fetched))) => {
                debug!(servers = ?fetched.servers, "ICE servers");
                self.io.ice_servers.send_replace(fetched.servers);
                self.schedule
                    .ice_servers_fetched(Some(fetched.renew_after), now());
            }
            Ok(CallDone::IceServers(Err(error))) => {
                self.schedule.ice_servers_fetched(None, now());
                self.log_error(&error);
            }
            Err(error) => {
                error!("signaling: {error}");
                self.schedule.call_panicked(now());
            }
        }
    }

    fn log_error(&mut self, error: &Error) {
        let text = error.to_string();
        match self.error_log.allow_text(&text, now()) {
            Some(_) => warn!("signaling: {text}; trying again"),
            None => debug!("signaling: {text}"),
        }
    }
}

/// Has `video` act by a list. Nothing more of the socket is read before that is done, so a pong,
/// which answers what was read later, says that it is.
///
/// # Errors
/// When it is not done in time; without the socket, nothing says that it was.
async fn permit(
    video: &mpsc::Sender<Permitted>,
    principals: BTreeSet<String>,
) -> Result<(), String> {
    let (acted, done) = oneshot::channel();
    let told = async {
        video.send(Permitted { principals, acted }).await.ok()?;
        done.await.ok()
    };
    let told = tokio::time::timeout(PERMIT_LIMIT, told).await;
    let told = told.ok().flatten();
    told.ok_or_else(|| "video does not end who may no longer watch".to_owned())
}

async fn next_event(socket: &mut Option<Socket>) -> Result<Event, String> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}
