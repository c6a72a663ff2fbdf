//! A TCP connection to a name with several addresses, some of which may be dead: the next one is
//! tried while the one before has not answered yet (RFC 8305, "Happy Eyeballs"). `mqtt`,
//! `signaling`, `video` and `check` connect by it; calls of AWS by what their library has.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};

/// How long an address has before the next one is tried beside it (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A connection, and what came of the addresses before it.
pub(crate) struct Connected {
    pub stream: TcpStream,
    pub failed: Vec<Attempt>,
}

/// An address that was tried in vain.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub address: SocketAddr,
    pub error: io::Error,
}

/// All addresses of a name failed.
#[derive(Debug)]
pub(crate) struct AllFailed(pub Vec<Attempt>);

impl fmt::Display for AllFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.0.iter();
        let each: Vec<_> = each
            .map(|Attempt { address, error }| format!("{address}: {error}"))
            .collect();
        f.write_str(&each.join("; "))
    }
}

impl std::error::Error for AllFailed {}

/// Connects to `host`, a name or an address, within `limit`. What failed at a single address is
/// that address' own error; at several it holds [`AllFailed`].
pub(crate) async fn connect(host: &str, port: u16, limit: Duration) -> io::Result<Connected> {
    let found = tokio::time::timeout(limit, lookup_host((host, port))).await;
    let found = found.unwrap_or_else(|_| Err(no_answer()))?;
    let stream = race(in_turn(found.collect()), limit).await;
    stream.map_err(|mut failed| match failed.pop() {
        None => io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")),
        Some(only) if failed.is_empty() => only.error,
        Some(last) => {
            let kind = last.error.kind();
            failed.push(last);
            io::Error::new(kind, AllFailed(failed))
        }
    })
}

/// The first that connects.
async fn race(
    mut addresses: VecDeque<SocketAddr>,
    limit: Duration,
) -> Result<Connected, Vec<Attempt>> {
    let deadline = tokio::time::sleep(limit);
    tokio::pin!(deadline);
    let (mut attempts, mut trying, mut failed) = (FuturesUnordered::new(), Vec::new(), Vec::new());
    loop {
        if let Some(address) = addresses.pop_front() {
            trying.push(address);
            attempts.push(async move { (address, TcpStream::connect(address).await) });
        }
        tokio::select! {
            next = attempts.next() => match next {
                None => return Err(failed),
                Some((address, Ok(stream))) => {
                    trying.retain(|other| *other != address);
                    failed.extend(trying.into_iter().map(silent));
                    return Ok(Connected { stream, failed });
                }
                Some((address, Err(error))) => {
                    trying.retain(|other| *other != address);
                    failed.push(Attempt { address, error });
                }
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if !addresses.is_empty() => {}
            () = &mut deadline => {
                failed.extend(trying.into_iter().map(silent));
                return Err(failed);
            }
        }
    }
}

/// The families take turns, beginning with that of the first (RFC 8305, section 4): where one
/// leads nowhere, it does so for all its addresses.
fn in_turn(found: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let Some(first) = found.first().copied() else {
        return VecDeque::new();
    };
    let same = |address: &SocketAddr| address.is_ipv4() == first.is_ipv4();
    let (same, other): (VecDeque<_>, VecDeque<_>) = found.into_iter().partition(same);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut turns = VecDeque::new();
    loop {
        let (one, another) = (same.next(), other.next());
        if one.is_none() && another.is_none() {
            return turns;
        }
        turns.extend(one);
        turns.extend(another);
    }
}

fn silent(address: SocketAddr) -> Attempt {
    let error = no_answer();
    Attempt { address, error }
}

fn no_answer() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_take_turns_and_each_keeps_its_order() {
        for (found, turns) in [
            (&[][..], &[][..]),
            (&["10.0.0.1:1", "10.0.0.2:1"], &["10.0.0.1:1", "10.0.0.2:1"]),
            (
                &["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"],
                &["[::1]:1", "10.0.0.1:1", "[::2]:1", "[::3]:1"],
            ),
            (
                &["10.0.0.1:1", "[::1]:1", "[::2]:1"],
                &["10.0.0.1:1", "[::1]:1", "[::2]:1"],
            ),
        ] {
            assert_eq!(in_turn(addresses(found)), addresses(turns));
        }
    }

    /// A listener whose backlog is full: it answers nobody who comes now.
    async fn black_hole() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        let quick = Duration::from_millis(200);
        while let Ok(stream) = tokio::time::timeout(quick, TcpStream::connect(address)).await {
            filling.push(stream.unwrap());
        }
        (listener, filling, address)
    }

    #[tokio::test]
    async fn a_dead_address_costs_a_quarter_of_a_second_and_is_named() {
        let (_listener, _filling, dead) = black_hole().await;
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = {
            let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let all = [dead, refused, good.local_addr().unwrap()];
        let connected = race(all.into(), Duration::from_secs(5)).await.unwrap();
        assert_eq!(connected.stream.peer_addr().unwrap(), all[2]);
        let mut failed: Vec<_> = connected.failed.iter().map(|one| one.address).collect();
        failed.sort_by_key(|address| *address != dead);
        assert_eq!(failed, [dead, refused]);
    }

    #[tokio::test]
    async fn where_all_are_dead_each_is_named_with_its_reason() {
        let (_listener, _filling, dead) = black_hole().await;
        let refused = {
            let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let limit = Duration::from_millis(600);
        let failed = race([dead, refused].into(), limit).await.err().unwrap();
        let kind = |address| {
            let attempt = failed.iter().find(|attempt| attempt.address == address);
            attempt.unwrap().error.kind()
        };
        assert_eq!(kind(dead), io::ErrorKind::TimedOut);
        assert_eq!(kind(refused), io::ErrorKind::ConnectionRefused);
        let text = AllFailed(failed).to_string();
        assert!(text.contains(&dead.to_string()) && text.contains(&refused.to_string()));
    }

    #[tokio::test]
    async fn the_error_of_a_single_address_is_its_own() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = gone.local_addr().unwrap().port();
        drop(gone);
        let failed = connect("127.0.0.1", port, Duration::from_secs(5)).await;
        assert_eq!(
            failed.err().unwrap().kind(),
            io::ErrorKind::ConnectionRefused
        );
        let nowhere = connect("no such host", 1, Duration::from_secs(5)).await;
        assert!(nowhere.is_err());
    }
}
