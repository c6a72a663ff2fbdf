//! Two peers that may use nothing but the relay, with the passwords that the channel hands
//! out: the ICE agent is the one that robot-agent has.

use std::sync::Arc;
use tests::kvs::{Access, Client};
use tests::{Station, in_time};
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
