//! A path between robot and viewer that can be bad in the ways paths are: far, lossy, narrow,
//! uneven, or gone. A UDP relay on this machine; the viewer is told its port in place of the
//! robot's.

use crate::unix_ms;
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
pub struct Shape {
    /// On the way for this long, each way.
    pub delay: Duration,
    /// And for up to this much longer, evenly spread.
    pub jitter: Duration,
    /// Whether what is quicker overtakes.
    pub overtakes: bool,
    /// Share that comes twice, each way.
    pub twice: f64,
    /// Share that is lost, each way.
    pub loss: f64,
    /// Nothing passes.
    pub gone: bool,
    /// How narrow it is from the robot to the viewer.
    pub narrow: Option<Narrow>,
}

/// A bottleneck.
#[derive(Clone, Copy, Debug)]
pub struct Narrow {
    /// What passes.
    pub bits_per_s: f64,
    /// What waits longer than this is dropped; without a queue, what exceeds a bucket that
    /// fills in this time.
    pub depth: Duration,
    /// Whether there is a queue; without one it only drops.
    pub queues: bool,
}

/// A relay to one robot.
pub struct UdpRelay {
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

impl UdpRelay {
    /// Listens on a port of its own and relays to the robot.
    ///
    /// # Errors
    /// When this machine has no port left.
    pub async fn to(robot: SocketAddr) -> anyhow::Result<Self> {
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

    /// Changes what becomes of datagrams.
    pub fn set(&self, shape: Shape) {
        lock(&self.shared).shape = shape;
    }

    /// What the robot put on the wire between two moments, as `(Unix ms, bytes)`.
    pub fn sent(&self, from_ms: f64, to_ms: f64) -> Vec<(f64, usize)> {
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
        let due = out + shape.delay + shape.jitter.mul_f64(rand::random());
        // A path that gets shorter lets nothing overtake.
        let last = self.on_it.back().filter(|_| !shape.overtakes);
        Some(last.map_or(due, |(last, _)| due.max(*last)))
    }

    fn take(&mut self, datagram: &[u8], shape: &Shape) {
        let copies = 1 + usize::from(rand::random::<f64>() < shape.twice);
        for _ in 0..copies {
            if let Some(due) = self.out(datagram.len(), shape, rand::random(), now()) {
                let at = self.on_it.partition_point(|(other, _)| *other <= due);
                self.on_it.insert(at, (due, datagram.to_vec()));
            }
        }
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
                up.take(&from_viewer[..len], &wide);
            }
            Ok(len) = robot.recv(&mut from_robot) => {
                let shape = {
                    let mut shared = lock(&shared);
                    shared.sent.push((unix_ms(), len));
                    shared.shape
                };
                down.take(&from_robot[..len], &shape);
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

    #[test]
    fn an_uneven_path_reorders_only_where_that_is_asked_for() {
        let mut shape = Shape {
            jitter: Duration::from_millis(300),
            ..Shape::default()
        };
        for overtakes in [false, true] {
            shape.overtakes = overtakes;
            let mut way = Way::new(now());
            for n in 0..100_u8 {
                way.take(&[n], &shape);
            }
            let order: Vec<_> = way.on_it.iter().map(|(_, datagram)| datagram[0]).collect();
            assert_eq!(order.is_sorted(), !overtakes);
            assert_eq!(order.len(), 100);
        }
    }

    #[test]
    fn what_comes_twice_comes_twice() {
        let shape = Shape {
            twice: 1.0,
            ..Shape::default()
        };
        let mut way = Way::new(now());
        way.take(b"once", &shape);
        assert_eq!(way.on_it.len(), 2);
    }
}
