//! What a viewer that has left leaves behind: nothing.

use super::video_task::{VideoTask, config};
use super::viewer::{TIMEOUT, Viewer};
use super::*;
use crate::video::messages::IceServer;
use tokio::net::UdpSocket;
use webrtc::stun::message::{BINDING_SUCCESS, Message as StunMessage};
use webrtc::stun::xoraddr::XorMappedAddress;

/// The socket from which somebody asks, and the answer that they are yet to get.
async fn asked(server: &UdpSocket) -> (std::net::SocketAddr, Vec<u8>) {
    let mut request = StunMessage::new();
    request.raw.resize(1500, 0);
    let (bytes, from) = server.recv_from(&mut request.raw).await.unwrap();
    request.raw.truncate(bytes);
    request.decode().unwrap();
    let mut answer = StunMessage::new();
    let mapped = XorMappedAddress {
        ip: from.ip(),
        port: from.port(),
    };
    answer
        .build(&[
            Box::new(request.transaction_id),
            Box::new(BINDING_SUCCESS),
            Box::new(mapped),
        ])
        .unwrap();
    (from, answer.raw)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_leaves_while_servers_are_asked_leaves_no_socket() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut task = VideoTask::start(config());
    task.ice_servers.send_replace(vec![IceServer {
        urls: vec![format!("stun:{}", server.local_addr().unwrap())],
        username: String::new(),
        password: String::new(),
    }]);
    let viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    let (from, answer) = tokio::time::timeout(TIMEOUT, asked(&server)).await.unwrap();
    let left = Incoming::Left {
        viewer: "anna".to_owned(),
    };
    task.to.send(left).await.unwrap();
    // Once the session has ended as far as others see it.
    let next = Viewer::new("anna").await;
    task.connect(&next).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.send_to(&answer, from).await.unwrap();
    let closed = async {
        while std::net::UdpSocket::bind(("0.0.0.0", from.port())).is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let closed = tokio::time::timeout(TIMEOUT, closed).await;
    assert!(closed.is_ok(), "port {} is still open", from.port());
    task.stop().await;
}
