//! The bridge between a socket, in the library's place, and a server that counts what comes.

use tokio::net::TcpListener;

use super::*;
use crate::certificates::tls_builder;

const TIMEOUT: Duration = Duration::from_secs(10);

fn request(id: u8) -> Vec<u8> {
    let mut message = ALLOCATE.to_vec();
    message.extend([0, 0, 0x21, 0x12, 0xa4, 0x42]);
    message.extend([id; 12]);
    message
}

fn tls() -> Arc<rustls::ClientConfig> {
    let roots = rustls::RootCertStore::empty();
    Arc::new(tls_builder(roots).with_no_client_auth())
}

fn plain(port: u16) -> StreamRelay {
    let host = "127.0.0.1".to_owned();
    let tls = false;
    StreamRelay { host, port, tls }
}

fn unconnected() -> watch::Receiver<RTCPeerConnectionState> {
    watch::channel(RTCPeerConnectionState::New).1
}

/// Asks as often as the library does until it is served.
async fn ask(client: &UdpSocket, id: u8) {
    for _ in 0..ASKS {
        client.send(&request(id)).await.unwrap();
    }
}

async fn client(bridge: &RelayBridge) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(("127.0.0.1", bridge.port)).await.unwrap();
    socket
}

async fn in_time<T>(done: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, done).await.unwrap()
}

#[tokio::test]
async fn datagrams_go_there_and_back_and_a_request_only_once() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let bridge = RelayBridge::open(vec![plain(port)], tls(), unconnected())
        .await
        .unwrap();
    let client = client(&bridge).await;
    assert!(!bridge.is_used_from(client.local_addr().unwrap().port()));
    // Another socket of the library asks for its address; it is not the one to serve.
    let other = self::client(&bridge).await;
    let mut binding = request(7);
    binding[1] = 1;
    other.send(&binding).await.unwrap();
    let mut refusal = [0; 100];
    let bytes = in_time(other.recv(&mut refusal)).await.unwrap();
    assert_eq!(refusal[..2], [0x01, 0x11]);
    assert_eq!(refusal[4..bytes], binding[4..]);
    for id in [1, 1, 1, 1, 2] {
        client.send(&request(id)).await.unwrap();
    }
    let (mut stream, _) = in_time(server.accept()).await.unwrap();
    let mut read = [0; 40];
    in_time(stream.read_exact(&mut read)).await.unwrap();
    assert_eq!(read[..], [request(1), request(2)].concat());
    assert!(bridge.is_used_from(client.local_addr().unwrap().port()));
    // Two messages in one piece, the second with three bytes of padding.
    let data = [0x40, 1, 0, 5, 1, 2, 3, 4, 5];
    stream.write_all(&request(9)).await.unwrap();
    stream.write_all(&data).await.unwrap();
    stream.write_all(&[0; 3]).await.unwrap();
    let mut datagram = [0; 100];
    for expected in [&request(9)[..], &data] {
        let bytes = in_time(client.recv(&mut datagram)).await.unwrap();
        assert_eq!(&datagram[..bytes], expected);
    }
    // With the bridge its connection ends.
    drop(bridge);
    assert_eq!(in_time(stream.read(&mut read)).await.unwrap(), 0);
}

#[tokio::test]
async fn the_next_relay_is_used_where_one_cannot_be_reached_and_none_before_it_is_asked_for() {
    let gone = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap().port()
    };
    let no_tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let encrypted = StreamRelay {
        tls: true,
        ..plain(no_tls.local_addr().unwrap().port())
    };
    let relays = vec![
        plain(gone),
        encrypted,
        plain(server.local_addr().unwrap().port()),
    ];
    let bridge = RelayBridge::open(relays, tls(), unconnected())
        .await
        .unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), no_tls.accept());
    assert!(early.await.is_err(), "nobody has asked for it yet");
    let client = client(&bridge).await;
    client.send(&request(1)).await.unwrap();
    let soon = tokio::time::timeout(Duration::from_millis(200), no_tls.accept());
    assert!(soon.await.is_err(), "there may be another path");
    ask(&client, 1).await;
    let (mut refused, _) = in_time(no_tls.accept()).await.unwrap();
    refused.write_all(b"this is no TLS").await.unwrap();
    let (mut stream, _) = in_time(server.accept()).await.unwrap();
    let mut read = [0; 20];
    in_time(stream.read_exact(&mut read)).await.unwrap();
    assert_eq!(read[..], request(1));
}

#[tokio::test]
async fn each_client_has_a_connection_and_one_that_is_lost_is_made_again_by_an_allocate() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let bridge = RelayBridge::open(vec![plain(port)], tls(), unconnected())
        .await
        .unwrap();
    let (before, after) = (client(&bridge).await, client(&bridge).await);
    let mut read = [0; 20];
    let mut answer = [0; 100];
    for (client, id) in [(&before, 1), (&after, 2)] {
        ask(client, id).await;
        let (mut stream, _) = in_time(server.accept()).await.unwrap();
        in_time(stream.read_exact(&mut read)).await.unwrap();
        stream.write_all(&request(id)).await.unwrap();
        let bytes = in_time(client.recv(&mut answer)).await.unwrap();
        assert_eq!(answer[..bytes], request(id));
        // Both ways in which a server can leave.
        stream
            .write_all(&[0xff; 8][..usize::from(id - 1) * 8])
            .await
            .unwrap();
    }
    for id in 3.. {
        ask(&after, id).await;
        let again = tokio::time::timeout(Duration::from_millis(100), server.accept());
        if let Ok(again) = again.await {
            in_time(again.unwrap().0.read_exact(&mut read))
                .await
                .unwrap();
            assert_eq!(read[..], request(id));
            break;
        }
        assert!(id < 100, "the connection is not made again");
    }
}

#[tokio::test]
async fn who_has_another_path_is_refused_at_once_and_nothing_is_connected() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let (to, state) = watch::channel(RTCPeerConnectionState::Connected);
    let bridge = RelayBridge::open(vec![plain(port)], tls(), state)
        .await
        .unwrap();
    let client = client(&bridge).await;
    let mut answer = [0; 100];
    for id in 0..5 {
        client.send(&request(id)).await.unwrap();
        let bytes = in_time(client.recv(&mut answer)).await.unwrap();
        assert_eq!(answer[..2], [0x01, 0x13]);
        assert_eq!(answer[4..bytes], request(id)[4..]);
    }
    let connected = tokio::time::timeout(Duration::from_millis(200), server.accept());
    assert!(connected.await.is_err());
    // A path that is lost counts no more.
    to.send_replace(RTCPeerConnectionState::Disconnected);
    ask(&client, 9).await;
    in_time(server.accept()).await.unwrap();
}
