//! The socket: replaced, lost, silent, and full of garbage.

use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message as Frame};
use wire::signaling::permitted::{Permitted as Permissions, REVOKED};

use super::*;

#[tokio::test]
async fn after_go_away_the_new_socket_is_there_before_the_old_is_left() {
    let mut service = Service::start().await;
    let mut robot = Robot::start(&service, SocketTiming::default());
    let mut old = service.next().await;
    let held_up = (1, 500, "");
    let failing = [(CONNECT.to_owned(), held_up)].into();
    service.state.lock().unwrap().failing = failing;
    old.send_text(r#"{"messageType":"GO_AWAY"}"#).await;
    old.send_text(&offer("anna")).await;
    robot.receives_offer_of("anna").await;
    let mut new = service.next().await;
    new.send_text(&offer("bert")).await;
    robot.receives_offer_of("bert").await;
    old.closed().await;
    robot.stop().await;
}

#[tokio::test]
async fn what_is_said_while_the_socket_is_away_is_said_on_the_next() {
    let mut service = Service::start().await;
    let robot = Robot::start(&service, SocketTiming::default());
    let held_up = (3, 500, "");
    let failing = [(CONNECT.to_owned(), held_up)].into();
    let socket = service.next().await;
    service.state.lock().unwrap().failing = failing;
    drop(socket);
    until("noticed", || service.calls(CONNECT) >= 2).await;
    robot.answers("anna").await;
    let (_, viewer, _) = service.next().await.next().await;
    assert_eq!(viewer, "anna");
    robot.stop().await;
}

#[tokio::test]
async fn an_old_socket_is_replaced_and_a_silent_one_is_given_up() {
    let mut service = Service::start().await;
    let young = SocketTiming {
        replace_after: Duration::from_millis(300),
        ping_every: Duration::from_millis(50),
        ..SocketTiming::default()
    };
    let robot = Robot::start(&service, young);
    let mut first = service.next().await;
    let _second = service.next().await;
    first.closed().await;
    robot.stop().await;

    let impatient = SocketTiming {
        ping_every: Duration::from_millis(50),
        dead_after: Duration::from_millis(300),
        ..SocketTiming::default()
    };
    let robot = Robot::start(&service, impatient);
    while service.sockets.try_recv().is_ok() {}
    let _never_read = service.next_raw().await;
    let _next = service.next_raw().await;
    robot.stop().await;
}

#[tokio::test]
async fn garbage_on_the_socket_is_ignored() {
    let mut service = Service::start().await;
    let mut robot = Robot::start(&service, SocketTiming::default());
    let mut socket = service.next().await;
    for garbage in [
        "",
        " ",
        "{",
        "garbage",
        "{\"messageType\":\"SDP_OFFER\",\"senderClientId\":\"x\",\"messagePayload\":\"e30\"}",
        "{\"messageType\":\"SDP_OFFER\",\"senderClientId\":\"x\",\"messagePayload\":\"eyJ0eXB\"}",
        "{\"messageType\":\"STATUS_RESPONSE\",\"statusResponse\":{\"statusCode\":\"400\"}}",
        "{\"messageType\":\"WHAT\"}",
    ] {
        socket.send_text(garbage).await;
    }
    socket.send(Frame::binary(vec![0u8; 100])).await;
    socket.send_text(&offer("anna")).await;
    robot.receives_offer_of("anna").await;
    robot.stop().await;
}

#[tokio::test]
async fn a_frame_that_is_broken_or_too_long_or_never_ends_costs_only_the_socket() {
    let mut service = Service::start().await;
    let impatient = SocketTiming {
        ping_every: Duration::from_millis(100),
        dead_after: Duration::from_millis(500),
        ..SocketTiming::default()
    };
    let mut robot = Robot::start(&service, impatient);
    // A reserved opcode; half a frame, and then the end; a frame of a megabyte.
    for bad in [
        &[0x83u8, 0x00][..],
        &[0x81, 0x7e, 0x01],
        &[0x81, 0x7f, 0, 0, 0, 0, 0, 16, 0, 0],
    ] {
        let mut raw = service.next_raw().await;
        raw.write_all(bad).await.unwrap();
        raw.flush().await.unwrap();
        let _ = raw.shutdown().await;
    }
    // One byte at a time, and never all of them.
    let mut raw = service.next_raw().await;
    raw.write_all(&[0x81, 0x7e, 0x10, 0x00]).await.unwrap();
    let mut next = loop {
        if raw.write_all(b"x").await.is_err() {
            break service.next().await;
        }
        let _ = raw.flush().await;
        let pause = tokio::time::timeout(Duration::from_millis(50), service.sockets.recv());
        if let Ok(Some(raw)) = pause.await {
            break service::ServiceSocket::new(raw).await;
        }
    };
    next.send_text(&offer("anna")).await;
    robot.receives_offer_of("anna").await;
    robot.stop().await;
}

#[tokio::test]
async fn servers_are_fetched_again_before_they_expire_and_when_told_to() {
    let mut service = Service::start().await;
    service.state.lock().unwrap().ice_ttl_s = 2;
    let robot = Robot::start(&service, SocketTiming::default());
    let mut socket = service.next().await;
    until("refreshed twice", || service.calls(ICE) >= 3).await;
    service.state.lock().unwrap().ice_ttl_s = 300;
    let before = service.calls(ICE);
    until("refreshed for long", || service.calls(ICE) > before).await;
    let before = service.calls(ICE);
    socket
        .send_text(r#"{"messageType":"RECONNECT_ICE_SERVER"}"#)
        .await;
    until("refreshed at once", || service.calls(ICE) > before).await;
    let before = service.calls(ICE);
    drop(socket);
    let _socket = service.next().await;
    until("refreshed with the socket", || service.calls(ICE) > before).await;
    robot.stop().await;
}

#[tokio::test]
async fn credentials_are_renewed_before_they_expire() {
    let mut service = Service::start().await;
    {
        let mut state = service.state.lock().unwrap();
        (state.credentials_life_s, state.ice_ttl_s) = (4, 2);
    }
    let robot = Robot::start(&service, SocketTiming::default());
    let _socket = service.next().await;
    until("renewed", || service.calls(CREDENTIALS) >= 3).await;
    robot.stop().await;
}

#[tokio::test]
async fn a_ping_after_a_list_is_answered_once_the_list_is_acted_by() {
    let mut service = Service::start().await;
    let mut robot = Robot::start(&service, SocketTiming::default());
    let mut socket = service.next().await;
    let agent = format!("user-agent: robot-agent/{}", env!("CARGO_PKG_VERSION"));
    let head = service.state.lock().unwrap().heads[CONNECT].to_ascii_lowercase();
    assert!(head.contains(&agent), "{head}");
    let (list, _) = Permissions::of(["user-anna/1".to_owned()]);
    socket.send_text(&list.to_frame().to_json()).await;
    socket.send(Frame::Ping("7".into())).await;
    let told = robot.permitted.recv().await.unwrap();
    assert_eq!(told.principals, list.principals);
    told.acted.send(()).unwrap();
    assert!(socket.answers("7").await);
    robot.stop().await;
}

#[tokio::test]
async fn a_list_that_nobody_acts_by_costs_the_socket_and_leaves_the_ping_unanswered() {
    let mut service = Service::start().await;
    let mut robot = Robot::start(&service, SocketTiming::default());
    let mut socket = service.next().await;
    let list = Permissions::default().to_frame().to_json();
    socket.send_text(&list).await;
    socket.send(Frame::Ping("7".into())).await;
    drop(robot.permitted.recv().await);
    assert!(!socket.answers("7").await);
    let _next = service.next().await;
    robot.stop().await;
}

#[tokio::test]
async fn a_socket_that_is_closed_as_revoked_leaves_nobody_who_may_watch() {
    let mut service = Service::start().await;
    let mut robot = Robot::start(&service, SocketTiming::default());
    let mut socket = service.next().await;
    let why = CloseFrame {
        code: CloseCode::Policy,
        reason: REVOKED.into(),
    };
    socket.send(Frame::Close(Some(why))).await;
    let told = robot.permitted.recv().await.unwrap();
    assert!(told.principals.is_empty());
    told.acted.send(()).unwrap();
    robot.stop().await;
}
