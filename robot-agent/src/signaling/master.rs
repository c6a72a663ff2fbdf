//! Keeps the robot's socket open and its servers fresh. A new socket is opened before the
//! old one is left, whenever the service says so early enough.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Ends;
use super::channel::Channel;
use super::ice_servers::Servers;
use super::messages::Heard;
use super::outbox::Outbox;
use super::patience::Patience;
use super::socket::Socket;
use crate::address;
use crate::aws::error::Fault;
use crate::clock::now;
use crate::video::messages::Outgoing;

/// The times of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How often the service is asked for a sign of life.
    pub ping_every: Duration,
    /// A socket that was silent this long is dead.
    pub dead_after: Duration,
    /// A socket this old is replaced.
    pub oldest: Duration,
}

impl Default for Pace {
    /// A ping as often as the C SDK's; death after one was missed and more; replacement
    /// before the service ends the socket, which it does after an hour.
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(10),
            dead_after: Duration::from_secs(18),
            oldest: Duration::from_secs(55 * 60),
        }
    }
}

/// How long to wait before servers are asked for again, where that failed.
const SERVERS_AGAIN: Duration = Duration::from_secs(2);

/// How often to look around if nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the same complaint is made.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// Something that takes its time while the socket is listened to.
enum Errand {
    Connect(Result<Box<Socket>, Fault>),
    Servers(Result<Servers, Fault>),
}

/// The robot on its channel.
pub(super) struct Master<'a> {
    channel: Arc<Channel>,
    ends: &'a mut Ends,
    pace: Pace,
    socket: Option<Socket>,
    errands: JoinSet<Errand>,
    outbox: Outbox,
    patience: Patience,
    connecting: bool,
    /// When to connect, unless that is under way or not needed.
    connect_at: Option<Instant>,
    /// When to ask for servers, unless that is under way.
    servers_at: Option<Instant>,
    complaint: Option<(String, Instant)>,
}

impl<'a> Master<'a> {
    pub(super) fn new(channel: Arc<Channel>, ends: &'a mut Ends, pace: Pace) -> Self {
        Self {
            channel,
            ends,
            pace,
            socket: None,
            errands: JoinSet::new(),
            outbox: Outbox::default(),
            patience: Patience::default(),
            connecting: false,
            connect_at: None,
            // The servers first: whoever offers at once needs them.
            servers_at: Some(now()),
            complaint: None,
        }
    }

    pub(super) async fn work(mut self, shutdown: &CancellationToken) {
        let mut dumb = false;
        loop {
            self.send_errands(now());
            let alarm = self.alarm(now());
            tokio::select! {
                () = shutdown.cancelled() => break,
                heard = listen(&mut self.socket) => match heard {
                    Ok(heard) => self.hear(heard),
                    Err(why) => self.lose(&why),
                },
                Some(done) = self.errands.join_next() => self.done(done).await,
                said = self.ends.outgoing.recv(), if !dumb => match said {
                    Some(outgoing) => self.put(outgoing),
                    None => dumb = true,
                },
                () = tokio::time::sleep_until(alarm.into()) => {}
            }
            if let Err(why) = self.tend().await {
                self.lose(&why);
            }
        }
        if let Some(socket) = self.socket.take() {
            socket.close().await;
        }
    }

    fn send_errands(&mut self, now: Instant) {
        if self.connect_at.is_some_and(|at| at <= now) {
            self.connect_at = None;
            self.connecting = true;
            let channel = Arc::clone(&self.channel);
            self.errands
                .spawn(async move { Errand::Connect(channel.connect().await.map(Box::new)) });
        }
        if self.servers_at.is_some_and(|at| at <= now) {
            self.servers_at = None;
            let channel = Arc::clone(&self.channel);
            self.errands
                .spawn(async move { Errand::Servers(channel.servers().await) });
        }
    }

    /// When to look again if nothing happens.
    fn alarm(&self, now: Instant) -> Instant {
        let saying = self.socket.as_ref().and_then(|_| self.outbox.due(now));
        [self.connect_at, self.servers_at, saying]
            .into_iter()
            .flatten()
            .fold(now + LOOK_EVERY.min(self.pace.ping_every), Instant::min)
    }

    /// Says what may be said, and looks whether the socket is alive and young.
    async fn tend(&mut self) -> Result<(), String> {
        let Some(socket) = &mut self.socket else {
            return Ok(());
        };
        let Pace {
            ping_every,
            dead_after,
            oldest,
        } = self.pace;
        while let Some(outgoing) = self.outbox.next(now()) {
            socket.say(outgoing).await?;
            self.outbox.said(now());
        }
        let now = now();
        if now.saturating_duration_since(socket.heard) > dead_after {
            return Err(format!("silent for {dead_after:?}"));
        }
        if socket.is_stranded() {
            return Err(address::LOST.to_owned());
        }
        if now.saturating_duration_since(socket.pinged) > ping_every {
            socket.ping().await?;
        }
        if now.saturating_duration_since(socket.opened) > oldest {
            self.replace();
        }
        Ok(())
    }

    fn put(&mut self, outgoing: Outgoing) {
        if !self.outbox.put(outgoing, now()) {
            tracing::debug!("signaling is away too long, a message to a viewer is lost");
        }
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Viewer(incoming) => {
                // A full queue is a storm; whoever means it asks again.
                if self.ends.incoming.try_send(incoming).is_err() {
                    tracing::debug!("too much at once from viewers, a message is lost");
                }
            }
            Heard::GoAway => {
                tracing::info!("signaling asks to come anew");
                self.replace();
            }
            Heard::NewRelays => {
                tracing::info!("signaling has new relays");
                self.servers_at = Some(now());
            }
            Heard::Nothing => {}
        }
    }

    /// Connects anew while the old socket is still listened to.
    fn replace(&mut self) {
        if !self.connecting && self.connect_at.is_none() {
            self.connect_at = Some(now());
        }
    }

    fn lose(&mut self, why: &str) {
        let Some(socket) = self.socket.take() else {
            return;
        };
        if self.connecting {
            // The service closes the old socket when it gets the new one.
            tracing::debug!("the old socket is gone ({why})");
            return;
        }
        let lived = now().saturating_duration_since(socket.opened);
        let wait = self.patience.after_loss(lived, rand::random());
        tracing::warn!("signaling was lost after {lived:.0?} ({why}); connecting again");
        if self.patience.suspects_another() {
            tracing::warn!(
                channel = self.channel.name,
                "signaling is lost again and again: does another robot use the same channel?"
            );
        }
        self.connect_at = Some(now() + wait);
        // A service that went away may have come back with other relays.
        if let Some(at) = &mut self.servers_at {
            *at = (*at).min(now() + wait);
        }
    }

    async fn done(&mut self, done: Result<Errand, JoinError>) {
        match done {
            Ok(Errand::Connect(Ok(socket))) => {
                self.connecting = false;
                tracing::info!(channel = self.channel.name, "signaling is connected");
                self.patience.calmed();
                self.complaint = None;
                if let Some(old) = self.socket.replace(*socket) {
                    old.close().await;
                }
            }
            Ok(Errand::Connect(Err(fault))) => {
                self.connecting = false;
                let wait = self.patience.after_failure(rand::random());
                self.connect_at = Some(now() + wait);
                self.complain(&fault.to_string());
            }
            Ok(Errand::Servers(Ok(servers))) => {
                self.servers_at = Some(now() + servers.renew_after);
                tracing::debug!(servers = ?servers.list, "servers");
                self.ends.ice_servers.send_replace(servers.list);
                self.connect_first();
            }
            Ok(Errand::Servers(Err(fault))) => {
                self.servers_at = Some(now() + SERVERS_AGAIN);
                self.complain(&fault.to_string());
                self.connect_first();
            }
            Err(error) => {
                tracing::error!("signaling: {error}");
                self.connecting = false;
                self.connect_at = Some(now() + SERVERS_AGAIN);
                self.servers_at = Some(now() + SERVERS_AGAIN);
            }
        }
    }

    /// The servers were asked for, so whoever offers from now on can have them.
    fn connect_first(&mut self) {
        if self.socket.is_none() {
            self.replace();
        }
    }

    /// Says what is wrong, but not the same again and again.
    fn complain(&mut self, words: &str) {
        let now = now();
        let known = self.complaint.as_ref().is_some_and(|(said, at)| {
            said == words && now.saturating_duration_since(*at) < COMPLAIN_EVERY
        });
        if known {
            tracing::debug!("signaling: {words}");
        } else {
            tracing::warn!("signaling: {words}; trying again");
            self.complaint = Some((words.to_owned(), now));
        }
    }
}

async fn listen(socket: &mut Option<Socket>) -> Result<Heard, String> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}
