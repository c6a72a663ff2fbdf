//! Two peers that may use nothing but the relay, with the passwords that the channel hands
//! out: the ICE agent is the one that robot-agent has.

use crate::client::{End, certs, secure_host, token};
use std::sync::Arc;
use tests::Station;
use tests::process::PATIENCE;
use tokio::sync::mpsc;
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
            // The other two are for clients that speak TURN over TLS.
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
        let waiting = tokio::time::timeout(PATIENCE, complete.recv());
        waiting.await.expect("candidates are gathered");
        $peer.local_description().await.unwrap()
    }};
}

#[tokio::test]
async fn two_peers_meet_at_the_relay() {
    let station = Station::start_with(&["--turn", "127.0.0.1:0"]).await;
    let rover = certs(&station, "rover").await;
    let robot = End::robot(&station, &rover).await;
    let token = token(&station, &[]).await;
    let base = format!("https://{}", secure_host(&station));
    let viewer = End::viewer(&base, "rover", &token, &rover).await;
    let arn = robot.arn("rover").await;
    let page = relayed(&viewer.ice_server(&arn).await).await;
    let agent = relayed(&robot.ice_server(&arn).await).await;

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

    let opens = tokio::time::timeout(PATIENCE, open.recv());
    opens.await.expect("the data channel opens").unwrap();
    drive.send(&"forward".into()).await.unwrap();
    let arrives = tokio::time::timeout(PATIENCE, hears.recv());
    assert_eq!(arrives.await.expect("it arrives").unwrap(), "forward");
    page.close().await.unwrap();
    agent.close().await.unwrap();
    // Who closes gives back what it had at the relay.
    tests::eventually("the relay is empty", async || {
        let url = format!("http://{}/metrics", station.ready.http);
        let metrics = station.client.get(url).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        let relayed = !metrics.contains("outpost_turn_relayed_bytes_total 0");
        (relayed && metrics.contains("outpost_turn_allocations 0")).then_some(())
    })
    .await;
}
