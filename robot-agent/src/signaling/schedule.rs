//! When the master connects, pings, asks for ICE servers, and gives a socket up or replaces it.
//! Pure: what happened goes in with its time, what to do comes out.

use std::time::{Duration, Instant};

use daemon::backoff::Backoff;

/// The first wait: a socket that the service closed is wanted back at once.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest: an owner who mends the network looks at the robot about so long.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A socket that lived this long was a good one. Two masters on one channel take it from each
/// other much sooner than that.
const GOOD_SOCKET: Duration = Duration::from_secs(30);

/// Sockets lost young, in a row, that are no accident.
const TAKEN_OVER_TIMES: u32 = 4;

/// How long to wait before ICE servers are asked for again, where that failed.
const ICE_SERVERS_RETRY: Duration = Duration::from_secs(2);

/// The times of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct SocketTiming {
    pub(super) ping_every: Duration,
    /// A socket on which nothing was received for so long is dead.
    pub(super) dead_after: Duration,
    /// A socket this old is replaced.
    pub(super) replace_after: Duration,
}

impl Default for SocketTiming {
    /// A ping more often than the C SDK's ten seconds: a service that has another address now does
    /// not say so. Death after one was missed and more; replacement before the service ends the
    /// socket, which it does after an hour.
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(2),
            dead_after: Duration::from_millis(4500),
            replace_after: Duration::from_secs(55 * 60),
        }
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    FetchIceServers,
    Ping,
    /// The socket is dead: drop it and call [`Schedule::lost`].
    GiveUp,
}

/// What the loss of a socket means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The next one is under way already: the service closes the old socket when it gets it.
    Replaced,
    /// It is connected again after a wait.
    Reconnecting {
        lived: Duration,
        /// It looks as if another robot used the channel too; said once.
        taken_over: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum Connect {
    /// Not needed, unless the socket grows old.
    Idle,
    At(Instant),
    UnderWay,
}

/// What is known of the open socket.
#[derive(Clone, Copy, Debug)]
struct SocketTimes {
    opened: Instant,
    received: Instant,
    pinged: Instant,
}

/// The state of the master, without its I/O.
#[derive(Debug)]
pub(super) struct Schedule {
    timing: SocketTiming,
    connect: Connect,
    /// None while they are asked for.
    ice_servers_at: Option<Instant>,
    socket: Option<SocketTimes>,
    backoff: Backoff,
    lost_young: u32,
}

impl Schedule {
    /// Begins with the ICE servers: whoever offers at once needs them.
    pub(super) fn new(timing: SocketTiming, now: Instant) -> Self {
        Self {
            timing,
            connect: Connect::Idle,
            ice_servers_at: Some(now),
            socket: None,
            // Spread, because many robots lose the same service at once.
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT).with_jitter(0.5, 1.0),
            lost_young: 0,
        }
    }

    /// What to do at `now`; asked until there is nothing.
    pub(super) fn next(&mut self, now: Instant) -> Option<Step> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.dead_at()) {
            return Some(Step::GiveUp);
        }
        if is_due(self.connect_at()) {
            self.connect = Connect::UnderWay;
            return Some(Step::Connect);
        }
        if is_due(self.ice_servers_at) {
            self.ice_servers_at = None;
            return Some(Step::FetchIceServers);
        }
        if is_due(self.ping_at()) {
            self.socket.as_mut()?.pinged = now;
            return Some(Step::Ping);
        }
        None
    }

    /// When [`Self::next`] has something to do, if nothing happens before.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        [
            self.dead_at(),
            self.connect_at(),
            self.ice_servers_at,
            self.ping_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn dead_at(&self) -> Option<Instant> {
        Some(self.socket?.received + self.timing.dead_after)
    }

    fn ping_at(&self) -> Option<Instant> {
        Some(self.socket?.pinged + self.timing.ping_every)
    }

    fn connect_at(&self) -> Option<Instant> {
        match self.connect {
            Connect::Idle => Some(self.socket?.opened + self.timing.replace_after),
            Connect::At(at) => Some(at),
            Connect::UnderWay => None,
        }
    }

    /// A new socket is open; an older one is left.
    pub(super) fn connected(&mut self, now: Instant) {
        self.connect = Connect::Idle;
        self.socket = Some(SocketTimes {
            opened: now,
            received: now,
            pinged: now,
        });
    }

    /// `chance` in [0, 1] spreads the wait.
    pub(super) fn connect_failed(&mut self, now: Instant, chance: f64) {
        self.connect = Connect::At(now + self.backoff.next_wait(chance));
    }

    pub(super) fn received(&mut self, now: Instant) {
        if let Some(socket) = &mut self.socket {
            socket.received = now;
        }
    }

    /// The open socket is gone.
    pub(super) fn lost(&mut self, now: Instant, chance: f64) -> Option<Loss> {
        let socket = self.socket.take()?;
        if matches!(self.connect, Connect::UnderWay) {
            return Some(Loss::Replaced);
        }
        let lived = now.saturating_duration_since(socket.opened);
        if lived >= GOOD_SOCKET {
            self.lost_young = 0;
        } else {
            self.lost_young += 1;
        }
        // Any socket shows that the service is there. Only two who take it from each other must not
        // do so ten times a second.
        if self.lost_young < TAKEN_OVER_TIMES {
            self.backoff.reset();
        }
        let at = now + self.backoff.next_wait(chance);
        self.connect = Connect::At(at);
        // A service that went away may have come back with other ICE servers.
        self.ice_servers_at = self.ice_servers_at.map(|planned| planned.min(at));
        Some(Loss::Reconnecting {
            lived,
            taken_over: self.lost_young == TAKEN_OVER_TIMES,
        })
    }

    /// Connects again while the old socket, if there is one, is still listened to.
    pub(super) fn reconnect(&mut self, now: Instant) {
        if matches!(self.connect, Connect::Idle) {
            self.connect = Connect::At(now);
        }
    }

    /// The service has other ICE servers.
    pub(super) fn ice_servers_changed(&mut self, now: Instant) {
        self.ice_servers_at = Some(now);
    }

    /// ICE servers were asked for; they are good for `renew_after`, or there are none. Either
    /// way, whoever offers from now on gets those there are.
    pub(super) fn ice_servers_fetched(&mut self, renew_after: Option<Duration>, now: Instant) {
        self.ice_servers_at = Some(now + renew_after.unwrap_or(ICE_SERVERS_RETRY));
        if self.socket.is_none() {
            self.reconnect(now);
        }
    }

    /// A call ended by a fault of this program, and nobody knows which.
    pub(super) fn call_panicked(&mut self, now: Instant) {
        self.connect = Connect::At(now + ICE_SERVERS_RETRY);
        self.ice_servers_at = Some(now + ICE_SERVERS_RETRY);
    }
}

#[cfg(test)]
mod tests;
