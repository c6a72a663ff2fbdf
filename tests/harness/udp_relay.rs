//! A path between robot and viewer that can be bad in the ways paths are: far, lossy, narrow,
//! or gone. A UDP relay on this machine; the viewer is told its port in place of the robot's.

use ::tests::unix_ns;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Longer than any datagram of WebRTC, which fit into an Ethernet frame.
const DATAGRAM: usize = 2048;

/// What becomes of datagrams from now on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    /// On the way for this long, each way.
    pub delay: Duration,
    /// Share that is lost, each way.
    pub loss: f64,
    /// Nothing passes.
    pub gone: bool,
    /// How narrow it is from the robot to the viewer.
    pub narrow: Option<Narrow>,
}

/// A bottleneck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrow {
    pub bits_per_s: f64,
    /// What waits longer than this is dropped; without a queue, what exceeds a bucket that
    /// fills in this time.
    pub depth: Duration,
    /// Whether there is a queue; without one it only drops.
    pub queues: bool,
}

pub(crate) struct Path {
    /// Where the viewer is to send to.
    pub port: u16,
    shared: Arc<Mutex<Shared>>,
    _relay: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    shape: Shape,
    /// What the robot put on the wire: Unix milliseconds and bytes.
    sent: Vec<(f64, usize)>,
}

impl Path {
    pub(crate) async fn to(robot: SocketAddr) -> anyhow::Result<Self> {
        let viewer = UdpSocket::bind("0.0.0.0:0").await?;
        let inner = UdpSocket::bind("0.0.0.0:0").await?;
        inner.connect(robot).await?;
        let port = viewer.local_addr()?.port();
        let shared = Arc::default();
        let mut relay = JoinSet::new();
        relay.spawn(run(viewer, inner, Arc::clone(&shared)));
        Ok(Self {
            port,
            shared,
            _relay: relay,
        })
    }

    pub(crate) fn set(&self, shape: Shape) {
        lock(&self.shared).shape = shape;
    }

    /// What the robot put on the wire between two moments, as `(Unix ms, bytes)`.
    pub(crate) fn sent(&self, from_ms: f64, to_ms: f64) -> Vec<(f64, usize)> {
        let inside = |(at, _): &&(f64, usize)| (from_ms..to_ms).contains(at);
        let shared = lock(&self.shared);
        shared.sent.iter().filter(inside).copied().collect()
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One direction.
struct Way {
    on_it: VecDeque<(Instant, Vec<u8>)>,
    /// When the bottleneck has passed on all that it holds.
    free: Instant,
}

impl Way {
    fn new(now: Instant) -> Self {
        Self {
            on_it: VecDeque::new(),
            free: now,
        }
    }

    /// When a datagram comes out; `None` if it never does. `dice` is in `0..1`.
    fn out(&mut self, bytes: usize, shape: &Shape, dice: f64, now: Instant) -> Option<Instant> {
        if shape.gone || dice < shape.loss {
            return None;
        }
        let mut out = now;
        if let Some(narrow) = shape.narrow {
            let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / narrow.bits_per_s);
            let free = self.free.max(now) + takes;
            if free - now > narrow.depth {
                return None;
            }
            self.free = free;
            out = if narrow.queues { free } else { now };
        }
        // A path that gets shorter lets nothing overtake.
        let last = self.on_it.back().map_or(out, |(due, _)| *due);
        Some((out + shape.delay).max(last))
    }
}

async fn run(viewer: UdpSocket, robot: UdpSocket, shared: Arc<Mutex<Shared>>) {
    let (mut up, mut down) = (Way::new(now()), Way::new(now()));
    let mut back_to = None;
    let (mut from_viewer, mut from_robot) = ([0; DATAGRAM], [0; DATAGRAM]);
    loop {
        tokio::select! {
            Ok((len, from)) = viewer.recv_from(&mut from_viewer) => {
                back_to = Some(from);
                let wide = Shape { narrow: None, ..lock(&shared).shape };
                if let Some(due) = up.out(len, &wide, rand::random(), now()) {
                    up.on_it.push_back((due, from_viewer[..len].to_vec()));
                }
            }
            Ok(len) = robot.recv(&mut from_robot) => {
                let shape = {
                    let mut shared = lock(&shared);
                    shared.sent.push((unix_ms(), len));
                    shared.shape
                };
                if let Some(due) = down.out(len, &shape, rand::random(), now()) {
                    down.on_it.push_back((due, from_robot[..len].to_vec()));
                }
            }
            () = until(up.on_it.front()) => {
                if let Some((_, datagram)) = up.on_it.pop_front() {
                    let _ = robot.send(&datagram).await;
                }
            }
            () = until(down.on_it.front()) => {
                if let (Some((_, datagram)), Some(to)) = (down.on_it.pop_front(), back_to) {
                    let _ = viewer.send_to(&datagram, to).await;
                }
            }
        }
    }
}

async fn until(next: Option<&(Instant, Vec<u8>)>) {
    match next {
        Some((due, _)) => tokio::time::sleep_until((*due).into()).await,
        None => std::future::pending().await,
    }
}

pub(crate) fn unix_ms() -> f64 {
    unix_ns() as f64 / 1e6
}

#[expect(clippy::disallowed_methods, reason = "the relay says when bytes pass")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Narrow = Narrow {
        bits_per_s: 800_000.0,
        depth: Duration::from_millis(25),
        queues: true,
    };

    fn outs(narrow: Narrow) -> Vec<Option<Duration>> {
        let shape = Shape {
            narrow: Some(narrow),
            ..Shape::default()
        };
        let start = now();
        let mut way = Way::new(start);
        // A thousand bytes take ten milliseconds.
        (0..3)
            .map(|_| way.out(1000, &shape, 0.5, start).map(|out| out - start))
            .collect()
    }

    #[test]
    fn a_queue_delays_until_it_is_full() {
        let ms = Duration::from_millis;
        assert_eq!(outs(NARROW), [Some(ms(10)), Some(ms(20)), None]);
    }

    #[test]
    fn without_a_queue_what_is_too_much_is_dropped() {
        let drops = Narrow {
            queues: false,
            ..NARROW
        };
        let at_once = Some(Duration::ZERO);
        assert_eq!(outs(drops), [at_once, at_once, None]);
    }

    #[test]
    fn loss_and_an_outage_drop_and_distance_delays() {
        let start = now();
        let mut way = Way::new(start);
        let mut shape = Shape {
            delay: Duration::from_millis(7),
            loss: 0.1,
            ..Shape::default()
        };
        assert_eq!(way.out(1, &shape, 0.05, start), None);
        assert_eq!(way.out(1, &shape, 0.2, start), Some(start + shape.delay));
        shape.gone = true;
        assert_eq!(way.out(1, &shape, 0.2, start), None);
    }
}
