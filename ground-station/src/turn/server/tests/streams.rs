//! The relay over TCP and TLS: the same protocol, connection by connection.

use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use webrtc_util::Error;
use wire::turn_stream::{Deframer, framed};

use super::*;

/// A client's end of a connection, for the crate's client, which knows datagrams only.
struct ClientStream<S> {
    reader: Mutex<(ReadHalf<S>, Deframer)>,
    writer: Mutex<WriteHalf<S>>,
    relay: SocketAddr,
    local: SocketAddr,
    sent: StdMutex<usize>,
}

impl<S: AsyncRead + AsyncWrite> ClientStream<S> {
    fn new(stream: S, relay: SocketAddr, local: SocketAddr) -> Arc<Self> {
        let (reader, writer) = tokio::io::split(stream);
        Arc::new(Self {
            reader: Mutex::new((reader, Deframer::default())),
            writer: Mutex::new(writer),
            relay,
            local,
            sent: StdMutex::new(0),
        })
    }
}

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Send + 'static> Conn for ClientStream<S> {
    async fn connect(&self, _: SocketAddr) -> Result<(), Error> {
        Ok(())
    }

    async fn recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut reader = self.reader.lock().await;
        loop {
            if let Some(message) = reader.1.next_message().unwrap() {
                buffer[..message.len()].copy_from_slice(&message);
                return Ok(message.len());
            }
            let mut chunk = [0; 700];
            let bytes = reader.0.read(&mut chunk).await?;
            if bytes == 0 {
                return Err(Error::ErrBufferClosed);
            }
            reader.1.push(&chunk[..bytes]);
        }
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        Ok((self.recv(buffer).await?, self.relay))
    }

    async fn send(&self, message: &[u8]) -> Result<usize, Error> {
        let mut writer = self.writer.lock().await;
        writer.write_all(&framed(message).unwrap()).await?;
        writer.flush().await?;
        *self.sent.lock().unwrap() += 1;
        Ok(message.len())
    }

    async fn send_to(&self, message: &[u8], _: SocketAddr) -> Result<usize, Error> {
        self.send(message).await
    }

    fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.local)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(self.relay)
    }

    async fn close(&self) -> Result<(), Error> {
        self.writer.lock().await.shutdown().await?;
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}

impl Bench {
    async fn by_tcp(&self) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let local = stream.local_addr().unwrap();
        let conn = ClientStream::new(stream, self.address, local);
        self.client_over(conn, &self.server("rover")).await
    }

    async fn by_tls(&self) -> Client {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let local = stream.local_addr().unwrap();
        let name = "127.0.0.1".try_into().unwrap();
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .unwrap();
        let conn = ClientStream::new(stream, self.address, local);
        self.client_over(conn, &self.server("rover")).await
    }
}

/// Every length of padding goes there and back.
async fn relays(client: &Client) {
    let relayed = client.allocate().await.unwrap();
    let relayed_at = relayed.local_addr().unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer_at = peer.local_addr().unwrap();
    for bytes in [1, 2, 3, 4, 1200] {
        let message = vec![bytes as u8; bytes];
        let heard = heard_by(&peer, async || {
            relayed.send_to(&message, peer_at).await.unwrap();
        });
        assert_eq!(heard.await.unwrap(), (message.clone(), relayed_at));
        let heard = heard_by(&relayed, async || {
            peer.send_to(&message, relayed_at).await.unwrap();
        });
        assert_eq!(heard.await.unwrap(), (message, peer_at));
        drain(&peer).await;
        drain(&relayed).await;
    }
}

/// What was sent twice is still on its way.
async fn drain(conn: &(impl Conn + ?Sized)) {
    let mut buffer = [0; 1500];
    let quiet = Duration::from_millis(50);
    while let Ok(got) = tokio::time::timeout(quiet, conn.recv_from(&mut buffer)).await {
        got.unwrap();
    }
}

#[tokio::test]
async fn tcp_and_tls_lead_to_the_relay_by_its_one_port() {
    let bench = bench().await;
    for client in [bench.by_tcp().await, bench.by_tls().await] {
        relays(&client).await;
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_connection_allocated_ends_with_it() {
    let bench = bench().await;
    let stream = TcpStream::connect(bench.address).await.unwrap();
    let local = stream.local_addr().unwrap();
    let conn = ClientStream::new(stream, bench.address, local);
    let client = bench
        .client_over(Arc::clone(&conn) as _, &bench.server("rover"))
        .await;
    let relayed_at = client.allocate().await.unwrap().local_addr().unwrap();
    assert!(StdSocket::bind(relayed_at).is_err(), "it was allocated");
    conn.close().await.unwrap();
    let deadline = clock::instant() + TIMEOUT;
    while StdSocket::bind(relayed_at).is_err() {
        assert!(clock::instant() < deadline, "the allocation is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn who_is_no_longer_allowed_loses_what_they_had_by_tcp() {
    let bench = bench().await;
    let client = bench.by_tcp().await;
    let relayed_at = client.allocate().await.unwrap().local_addr().unwrap();
    bench.allowed.store(false, Ordering::Relaxed);
    let deadline = clock::instant() + TIMEOUT;
    while StdSocket::bind(relayed_at).is_err() {
        assert!(clock::instant() < deadline, "the allocation is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn what_is_no_turn_is_disconnected_and_others_go_on() {
    let bench = bench().await;
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0, 1, 0, 3, 9, 9, 9, 9],
        &[0xff; 64],
    ] {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        // TLS first says what it thinks of that.
        let mut read = Vec::new();
        let ended = stream.read_to_end(&mut read);
        assert!(
            tokio::time::timeout(TIMEOUT, ended).await.is_ok(),
            "{garbage:?}"
        );
    }
    let client = bench.by_tcp().await;
    assert!(client.allocate().await.is_ok());
}

#[tokio::test]
async fn an_address_that_opens_too_many_loses_its_oldest_but_none_with_an_allocation() {
    let bench = bench().await;
    let used = bench.by_tcp().await;
    let _relayed = used.allocate().await.unwrap();
    used.send_binding_request().await.unwrap();
    let mut oldest = TcpStream::connect(bench.address).await.unwrap();
    let mut kept = Vec::new();
    for _ in 0..STREAMS.of_network {
        kept.push(bench.by_tcp().await);
    }
    kept.last().unwrap().send_binding_request().await.unwrap();
    let mut read = Vec::new();
    let ended = oldest.read_to_end(&mut read);
    assert!(tokio::time::timeout(TIMEOUT, ended).await.is_ok());
    used.send_binding_request().await.unwrap();
}

#[tokio::test]
async fn a_client_that_reads_nothing_holds_up_nobody() {
    let bench = bench().await;
    let slow = bench.by_tcp().await;
    let relayed = slow.allocate().await.unwrap();
    let relayed_at = relayed.local_addr().unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    relayed
        .send_to(b"knock", peer.local_addr().unwrap())
        .await
        .unwrap();
    // Nobody reads what the crate's client has no room for.
    for _ in 0..20_000 {
        let _ = peer.send_to(&[1; 1200], relayed_at).await;
    }
    let quick = bench.by_tcp().await;
    let answered = tokio::time::timeout(TIMEOUT, quick.send_binding_request());
    assert!(answered.await.unwrap().is_ok());
}
