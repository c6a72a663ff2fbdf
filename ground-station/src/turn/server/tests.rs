//! The relay over real sockets on loopback, used by the client of the same crate that
//! robot-agent uses, and by bare datagrams where a client would not do it.

use std::sync::atomic::{AtomicBool, Ordering};

use stun::message::{MessageType, Setter};
use tokio::task::JoinSet;
use turn::client::{Client, ClientConfig};
use wire::signaling::control::IceServer;

use super::*;
use crate::turn::limits::{MAX_NONCES, MAX_PER_NAME, REQUEST_BURST};
use crate::turn::password::parts;

const SECRET: [u8; 32] = [7; 32];
const HOUR: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(10);

struct Bench {
    relay: Relay,
    address: SocketAddr,
    allowed: Arc<AtomicBool>,
    shutdown: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
}

async fn bench() -> Bench {
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        public_ip: None,
        ports: Ports::default(),
    };
    let allowed = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&allowed);
    let server = Server::bind(
        settings,
        SECRET,
        Box::new(move |_| still.load(Ordering::Relaxed)),
    );
    let server = server.unwrap();
    let shutdown = CancellationToken::new();
    let (relay, address) = (server.relay(), server.address());
    let mut tasks = JoinSet::new();
    tasks.spawn(server.run(shutdown.clone()));
    Bench {
        relay,
        address,
        allowed,
        shutdown,
        tasks,
    }
}

impl Bench {
    async fn client(&self, server: &IceServer) -> Client {
        let conn = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let config = ClientConfig {
            stun_serv_addr: self.address.to_string(),
            turn_serv_addr: self.address.to_string(),
            username: server.username.clone(),
            password: server.password.clone(),
            realm: String::new(),
            software: String::new(),
            rto_in_ms: 0,
            conn: Arc::new(conn),
            vnet: None,
        };
        let client = Client::new(config).await.unwrap();
        client.listen().await.unwrap();
        client
    }

    fn server(&self, name: &str) -> IceServer {
        self.relay.server_for(name, HOUR, clock::unix_s())
    }
}

/// Sends until it is heard, as media does.
async fn heard_by(
    to: &(impl Conn + ?Sized),
    send: impl AsyncFn(),
) -> Option<(Vec<u8>, SocketAddr)> {
    let mut buffer = [0; 1500];
    tokio::time::timeout(PATIENCE, async {
        loop {
            send().await;
            let wait = Duration::from_millis(100);
            if let Ok(got) = tokio::time::timeout(wait, to.recv_from(&mut buffer)).await {
                let (bytes, from) = got.unwrap();
                return (buffer[..bytes].to_vec(), from);
            }
        }
    })
    .await
    .ok()
}

#[tokio::test]
async fn stun_tells_a_client_where_it_comes_from() {
    let bench = bench().await;
    let client = bench.client(&bench.server("rover")).await;
    let seen = client.send_binding_request().await.unwrap();
    assert!(seen.ip().is_loopback());
    client.close().await.unwrap();
}

#[tokio::test]
async fn two_peers_reach_each_other_through_the_relay() {
    let bench = bench().await;
    let client = bench.client(&bench.server("rover")).await;
    let relayed = client.allocate().await.unwrap();
    let relayed_at = relayed.local_addr().unwrap();
    assert!(Ports::default().0.contains(&relayed_at.port()));
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer_at = peer.local_addr().unwrap();
    let (ping, from) = heard_by(&peer, async || {
        relayed.send_to(b"ping", peer_at).await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!((ping.as_slice(), from), (&b"ping"[..], relayed_at));
    let (pong, from) = heard_by(&relayed, async || {
        peer.send_to(b"pong", relayed_at).await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!((pong.as_slice(), from), (&b"pong"[..], peer_at));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_wrong_or_expired_password_allocates_nothing() {
    let bench = bench().await;
    let good = bench.server("rover");
    let wrong = IceServer {
        password: "d3Jvbmc=".into(),
        ..good.clone()
    };
    let expired = bench
        .relay
        .server_for("rover", HOUR, clock::unix_s() - 7200);
    let prolonged = IceServer {
        username: good.username.clone(),
        ..expired.clone()
    };
    for server in [wrong, expired, prolonged] {
        let client = bench.client(&server).await;
        assert!(client.allocate().await.is_err(), "{server:?}");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_was_allocated_in_time_is_kept_when_the_password_has_expired() {
    let bench = bench().await;
    let life = Duration::from_secs(4);
    let server = bench.relay.server_for("rover", life, clock::unix_s());
    let (expiry_s, _) = parts(&server.username).unwrap();
    let client = bench.client(&server).await;
    let relayed = client.allocate().await.unwrap();
    while clock::unix_s() <= expiry_s {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The first packet to a peer asks for a permission, under the expired password.
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer_at = peer.local_addr().unwrap();
    let heard = heard_by(&peer, async || {
        relayed.send_to(b"late", peer_at).await.unwrap();
    });
    assert_eq!(heard.await.unwrap().0, b"late");
    let late = bench.client(&server).await;
    assert!(
        late.allocate().await.is_err(),
        "but nothing new is allocated"
    );
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_service_behind_the_relay_is_out_of_reach() {
    let bench = bench().await;
    let client = bench.client(&bench.server("rover")).await;
    let relayed = client.allocate().await.unwrap();
    // A STUN server answers everybody, so an answer would tell that it was reached. It must
    // be on an ordinary port to be one that only the rule about the relay itself protects.
    let mut binding = Message::new();
    let setters: [Box<dyn Setter>; 2] = [
        Box::new(stun::agent::TransactionId::new()),
        Box::new(MessageType::new(METHOD_BINDING, CLASS_REQUEST)),
    ];
    binding.build(&setters).unwrap();
    let ordinary = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let ordinary_at = ordinary.local_addr().unwrap();
    relayed.send_to(&binding.raw, bench.address).await.unwrap();
    let (_, from) = heard_by(&relayed, async || {
        relayed.send_to(b"there", ordinary_at).await.unwrap();
        let mut buffer = [0; 64];
        if let Ok((_, from)) = ordinary.try_recv_from(&mut buffer) {
            ordinary.send_to(b"back", from).await.unwrap();
        }
    })
    .await
    .unwrap();
    assert_eq!(from, ordinary_at, "the relay did not talk to itself first");
    client.close().await.unwrap();
}

#[tokio::test]
async fn one_name_has_fifty_allocations_and_another_still_gets_one() {
    let bench = bench().await;
    let server = bench.server("rover");
    let mut kept = Vec::new();
    for _ in 0..MAX_PER_NAME {
        let client = bench.client(&server).await;
        kept.push((client.allocate().await.unwrap(), client));
    }
    let later = bench.relay.server_for("rover", 2 * HOUR, clock::unix_s());
    for server in [server, later] {
        let client = bench.client(&server).await;
        assert!(client.allocate().await.is_err(), "{server:?}");
    }
    let client = bench.client(&bench.server("other")).await;
    assert!(client.allocate().await.is_ok());
}

#[tokio::test]
async fn who_is_no_longer_allowed_loses_the_relay() {
    let bench = bench().await;
    let client = bench.client(&bench.server("rover")).await;
    let relayed = client.allocate().await.unwrap();
    let relayed_at = relayed.local_addr().unwrap();
    bench.allowed.store(false, Ordering::Relaxed);
    // The port is free again once the allocation is gone.
    let deadline = clock::instant() + PATIENCE;
    while StdSocket::bind(relayed_at).is_err() {
        assert!(clock::instant() < deadline, "the allocation is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn garbage_and_floods_are_survived() {
    let mut bench = bench().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut stun_like = vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42];
    stun_like.extend([0; 12]);
    for garbage in [
        &b""[..],
        b"x",
        &[0x40; 3],
        &[0x40, 0, 0xff, 0xff, 1],
        &[0xff; 1500],
        &stun_like,
        &stun_like[..10],
    ] {
        socket.send_to(garbage, bench.address).await.unwrap();
    }
    let mut allocate = Message::new();
    let setters: [Box<dyn Setter>; 2] = [
        Box::new(stun::agent::TransactionId::new()),
        Box::new(MessageType::new(METHOD_ALLOCATE, CLASS_REQUEST)),
    ];
    allocate.build(&setters).unwrap();
    for _ in 0..2 * REQUEST_BURST {
        socket.send_to(&allocate.raw, bench.address).await.unwrap();
    }
    // The flood has used up what its address may ask; that comes back.
    let deadline = clock::instant() + PATIENCE;
    loop {
        let client = bench.client(&bench.server("rover")).await;
        if client.allocate().await.is_ok() {
            break;
        }
        assert!(clock::instant() < deadline, "the relay no longer answers");
    }
    bench.shutdown.cancel();
    bench.tasks.join_next().await.unwrap().unwrap().unwrap();
}

#[test]
fn a_flood_of_nonces_is_bounded() {
    let now = tokio::time::Instant::from_std(clock::instant());
    let mut nonces = HashMap::new();
    for n in 0..3 * MAX_NONCES {
        bound(&mut nonces);
        nonces.insert(n.to_string(), now);
    }
    assert!(nonces.len() <= MAX_NONCES);
}

#[test]
fn an_address_for_others_is_never_all_addresses() {
    for bound in ["0.0.0.0", "::", "127.0.0.1", "10.0.0.7"] {
        let bound: IpAddr = bound.parse().unwrap();
        assert!(!own_address(bound).is_unspecified(), "{bound}");
    }
}
