//! Two peers that may use nothing but the relay, with the passwords that the channel hands
//! out: the ICE agent is the one that robot-agent has. And every address that it hands out answers.

use std::path::Path;
use std::sync::Arc;
use stun::agent::TransactionId;
use stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message};
use tests::kvs::{Access, Client};
use tests::tls::{self, Identity};
use tests::{Station, in_time};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use webrtc::api::APIBuilder;
use webrtc::data_channel::data_channel_message::DataChannelMessage;
use webrtc::ice_transport::ice_server::RTCIceServer;
use webrtc::peer_connection::RTCPeerConnection;
use webrtc::peer_connection::configuration::RTCConfiguration;
use webrtc::peer_connection::policy::ice_transport_policy::RTCIceTransportPolicy;
use wire::signaling::control::IceServer;

/// A peer that goes through `server` or not at all.
async fn relayed(server: &IceServer) -> Arc<RTCPeerConnection> {
    let configuration = RTCConfiguration {
        ice_servers: vec![RTCIceServer {
            // The others are for clients that speak TURN over TCP.
            urls: vec![server.uris[0].clone()],
            username: server.username.clone(),
            credential: server.password.clone(),
        }],
        ice_transport_policy: RTCIceTransportPolicy::Relay,
        ..RTCConfiguration::default()
    };
    let api = APIBuilder::new().build();
    Arc::new(api.new_peer_connection(configuration).await.unwrap())
}

/// Sets the local description, waits for all candidates, and gives it with them in it.
macro_rules! gathered {
    ($peer:expr, $description:expr) => {{
        let mut complete = $peer.gathering_complete_promise().await;
        $peer.set_local_description($description).await.unwrap();
        in_time(complete.recv()).await;
        $peer.local_description().await.unwrap()
    }};
}

#[tokio::test]
async fn two_peers_meet_at_the_relay() {
    let station = Station::start_with(&["--turn", "127.0.0.1:0"]).await;
    let rover = station.new_robot("rover").await;
    let robot = Client::master(&station, &rover).await;
    let token = station.new_token(&[]).await;
    let access = Access::Token(&token);
    let viewer = Client::secure_viewer(&station, "rover", access, &rover.certs()).await;
    let page = relayed(&viewer.ice_server().await).await;
    let agent = relayed(&robot.ice_server().await).await;

    let (heard, mut hears) = mpsc::unbounded_channel();
    agent.on_data_channel(Box::new(move |channel| {
        let heard = heard.clone();
        channel.on_message(Box::new(move |message: DataChannelMessage| {
            let _ = heard.send(message.data);
            Box::pin(async {})
        }));
        Box::pin(async {})
    }));
    let drive = page.create_data_channel("drive", None).await.unwrap();
    let (opened, mut open) = mpsc::unbounded_channel();
    drive.on_open(Box::new(move || {
        let _ = opened.send(());
        Box::pin(async {})
    }));

    let offer = page.create_offer(None).await.unwrap();
    let offer = gathered!(page, offer);
    assert!(offer.sdp.contains("typ relay"), "{}", offer.sdp);
    agent.set_remote_description(offer).await.unwrap();
    let answer = agent.create_answer(None).await.unwrap();
    let answer = gathered!(agent, answer);
    page.set_remote_description(answer).await.unwrap();

    in_time(open.recv()).await.unwrap();
    drive.send(&"forward".into()).await.unwrap();
    assert_eq!(in_time(hears.recv()).await.unwrap(), "forward");
    page.close().await.unwrap();
    agent.close().await.unwrap();
    // Who closes gives back what it had at the relay.
    tests::eventually("the relay is empty", async || {
        let metrics = station.metrics().await;
        let relayed = !metrics.contains("outpost_turn_relayed_bytes_total 0");
        (relayed && metrics.contains("outpost_turn_allocations 0")).then_some(())
    })
    .await;
}

/// Whether STUN is answered by `uri` of TURN.
async fn answers(uri: &str, certs: &Path) -> bool {
    let (address, transport) = uri.split_once("?transport=").unwrap();
    let (scheme, address) = address.split_once(':').unwrap();
    if transport == "udp" {
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.send_to(&binding().raw, address).await.unwrap();
        let mut answer = [0; 1500];
        let bytes = in_time(socket.recv(&mut answer)).await.unwrap();
        return is_success(&answer[..bytes]);
    }
    let stream = TcpStream::connect(address).await.unwrap();
    match scheme {
        "turn" => answers_over(stream).await,
        _ => answers_over(encrypted(stream, address, certs, None).await).await,
    }
}

async fn encrypted(
    stream: TcpStream,
    address: &str,
    certs: &Path,
    alpn: Option<&[u8]>,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let host = address.rsplit_once(':').unwrap().0.to_owned();
    let mut config = tls::client(certs, Identity::Hidden);
    if let Some(alpn) = alpn {
        Arc::make_mut(&mut config).alpn_protocols = vec![alpn.to_vec()];
    }
    let connector = TlsConnector::from(config);
    let name = host.try_into().unwrap();
    in_time(connector.connect(name, stream)).await.unwrap()
}

async fn answers_over(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> bool {
    stream.write_all(&binding().raw).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = [0; 1500];
    let bytes = in_time(stream.read(&mut answer)).await.unwrap();
    is_success(&answer[..bytes])
}

fn binding() -> Message {
    let mut message = Message::new();
    message
        .build(&[Box::new(TransactionId::new()), Box::new(BINDING_REQUEST)])
        .unwrap();
    message
}

fn is_success(answer: &[u8]) -> bool {
    let mut message = Message::new();
    message.raw = answer.to_vec();
    message.decode().is_ok() && message.typ == BINDING_SUCCESS
}

#[tokio::test]
async fn every_address_that_is_handed_out_answers_and_https_alone_is_enough() {
    let station = Station::start_with(&["--turn", "127.0.0.1:0"]).await;
    let rover = station.new_robot("rover").await;
    let certs = rover.certs();
    let robot = Client::master(&station, &rover).await;
    let uris = robot.ice_server().await.uris;
    let https = station.secure_host();
    assert!(uris[0].starts_with("turn:127.0.0.1:") && uris[0].ends_with("udp"));
    let over_https = [
        format!("turns:{https}?transport=tcp"),
        format!("turn:{https}?transport=tcp"),
    ];
    assert_eq!(uris[1..], over_https);
    for uri in &uris {
        assert!(answers(uri, &certs).await, "{uri}");
    }
    // The relay's own port speaks all three, for whoever knows of no HTTPS.
    let own = uris[0].trim_end_matches("?transport=udp");
    for uri in [
        format!("{own}?transport=tcp"),
        own.replace("turn:", "turns:") + "?transport=tcp",
    ] {
        assert!(answers(&uri, &certs).await, "{uri}");
    }
    // A client that says by ALPN what it wants is not refused (RFC 7443).
    let stream = TcpStream::connect(&https).await.unwrap();
    let named = encrypted(stream, &https, &certs, Some(b"stun.turn")).await;
    assert!(answers_over(named).await);
    // And HTTP is served as ever, in both its versions.
    let http = tls::http_client(&certs, Identity::Hidden);
    let health = http.get(format!("https://{https}/healthz")).send().await;
    assert_eq!(health.unwrap().status(), 200);
}
