//! The relay over real sockets on loopback, used by the client of the same crate that
//! robot-agent uses, and by bare datagrams where a client would not do it.

mod limits;
mod streams;

use std::sync::atomic::{AtomicBool, Ordering};

use stun::message::{CLASS_REQUEST, METHOD_ALLOCATE, METHOD_BINDING, Message, MessageType, Setter};
use tokio::task::JoinSet;
use turn::client::{Client, ClientConfig};
use webrtc_util::conn::Conn;
use wire::signaling::control::IceServer;

use super::*;
use crate::turn::password::parts;

const SECRET: [u8; 32] = [7; 32];
const HOUR: Duration = Duration::from_secs(3600);
const TIMEOUT: Duration = Duration::from_secs(10);

struct Bench {
    relay: Relay,
    address: SocketAddr,
    roots: Arc<rustls::RootCertStore>,
    allowed: Arc<AtomicBool>,
    shutdown: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
}

async fn bench() -> Bench {
    bench_at(None).await
}

async fn bench_at(public_ip: Option<IpAddr>) -> Bench {
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        public_ip,
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
    let (relay, address) = (server.relay(), server.address.bound);
    let mut tasks = JoinSet::new();
    let (tls, roots) = tls();
    tasks.spawn(server.run(Box::new(move || Arc::clone(&tls)), shutdown.clone()));
    Bench {
        relay,
        address,
        roots,
        allowed,
        shutdown,
        tasks,
    }
}

/// A certificate for 127.0.0.1, and who trusts it.
fn tls() -> (Arc<ServerConfig>, Arc<rustls::RootCertStore>) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (Arc::new(server), Arc::new(roots))
}

impl Bench {
    async fn client(&self, server: &IceServer) -> Client {
        let conn = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        self.client_over(Arc::new(conn), server).await
    }

    async fn client_over(&self, conn: Arc<dyn Conn + Send + Sync>, server: &IceServer) -> Client {
        let config = ClientConfig {
            stun_serv_addr: self.address.to_string(),
            turn_serv_addr: self.address.to_string(),
            username: server.username.clone(),
            password: server.password.clone(),
            realm: String::new(),
            software: String::new(),
            rto_in_ms: 0,
            conn,
            vnet: None,
        };
        let client = Client::new(config).await.unwrap();
        client.listen().await.unwrap();
        client
    }

    fn server(&self, name: &str) -> IceServer {
        self.relay.server_for(name, HOUR, clock::unix_s(), None)
    }
}

/// Sends until it is heard, as media does.
async fn heard_by(
    to: &(impl Conn + ?Sized),
    send: impl AsyncFn(),
) -> Option<(Vec<u8>, SocketAddr)> {
    let mut buffer = [0; 1500];
    tokio::time::timeout(TIMEOUT, async {
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
        .server_for("rover", HOUR, clock::unix_s() - 7200, None);
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
    let server = bench.relay.server_for("rover", life, clock::unix_s(), None);
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
async fn behind_a_nat_two_allocations_meet_under_the_public_address() {
    // Nobody has this address (RFC 5737), so no packet to it comes back by itself.
    let public: IpAddr = "192.0.2.9".parse().unwrap();
    let bench = bench_at(Some(public)).await;
    let (one, other) = (
        bench.client(&bench.server("rover")).await,
        bench.client(&bench.server("ann")).await,
    );
    let (here, there) = (
        one.allocate().await.unwrap(),
        other.allocate().await.unwrap(),
    );
    let (here_at, there_at) = (here.local_addr().unwrap(), there.local_addr().unwrap());
    assert_eq!((here_at.ip(), there_at.ip()), (public, public));
    // Each asks for a permission with what it sends first.
    let (heard, from) = heard_by(&there, async || {
        there.send_to(b"knock", here_at).await.unwrap();
        here.send_to(b"hello", there_at).await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!((heard.as_slice(), from), (&b"hello"[..], here_at));
    one.close().await.unwrap();
    other.close().await.unwrap();
}
