//! The MQTT session against a broker that behaves, and brokers that do not.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use robot_agent::certificates::Certificates;
use robot_agent::endpoint::Endpoint;
use robot_agent::mqtt::{self, MqttConfig, MqttIo, MqttState};
use rumqttc::QoS;
use rumqttc::mqttbytes::v4::{Packet, SubscribeReasonCode};
use tests::in_time;
use tests::process::TIMEOUT;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wire::{Action, Motion};

use crate::broker::{Broker, Connection, message};
use crate::pki::{self, Ca};

/// A session under test, with all of its ends in hand.
struct Robot {
    actions: mpsc::UnboundedReceiver<Action>,
    reports: watch::Sender<Arc<str>>,
    state: watch::Receiver<MqttState>,
    rejected: Arc<AtomicU64>,
    reconnects: Arc<AtomicU64>,
    cancel: CancellationToken,
    task: JoinSet<()>,
}

impl Robot {
    fn start(endpoint: Endpoint, certificates: Certificates) -> Self {
        let (sender, actions) = mpsc::unbounded_channel();
        let (rejected, reconnects) = <(Arc<AtomicU64>, Arc<AtomicU64>)>::default();
        let reports = watch::Sender::new(Arc::from(""));
        let state = watch::Sender::new(MqttState::default());
        let cancel = CancellationToken::new();
        let config = MqttConfig {
            robot: "rover".into(),
            endpoint,
            keep_alive: Duration::from_secs(1),
            certs: PathBuf::new(),
        };
        let mut robot = Self {
            actions,
            reports,
            state: state.subscribe(),
            rejected: rejected.clone(),
            reconnects: reconnects.clone(),
            cancel: cancel.clone(),
            task: JoinSet::new(),
        };
        let io = MqttIo {
            on_action: Box::new(move |action, _| _ = sender.send(action)),
            reports: robot.reports.subscribe(),
            state,
            rejected,
            reconnects,
        };
        robot.task.spawn(async move {
            mqtt::run(config, certificates, io, cancel).await;
        });
        robot
    }

    async fn reaches(&mut self, what: impl FnMut(&MqttState) -> bool) -> MqttState {
        in_time(self.state.wait_for(what)).await.unwrap().clone()
    }

    async fn is_offline_saying(&mut self, words: &str) {
        let says =
            |state: &MqttState| matches!(state, MqttState::Offline(why) if why.contains(words));
        let said = self.state.wait_for(says);
        let said = tokio::time::timeout(TIMEOUT, said).await.is_ok();
        assert!(said, "{words}: {:?}", self.state.borrow());
    }

    async fn action(&mut self) -> Action {
        in_time(self.actions.recv())
            .await
            .expect("the session runs")
    }
}

async fn online() -> (Robot, Broker, Connection) {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let mut robot = Robot::start(broker.endpoint(), pki::robot(&ca, &ca, "rover"));
    let client = broker.online().await;
    robot.reaches(|state| *state == MqttState::Online).await;
    (robot, broker, client)
}

#[tokio::test]
async fn it_introduces_itself_with_a_clean_session_and_a_last_will() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let _robot = Robot::start(broker.endpoint(), pki::robot(&ca, &ca, "rover"));
    let (mut client, connect) = broker.accept().await;
    assert_eq!(connect.client_id, "rover");
    assert!(connect.clean_session);
    assert_eq!(connect.keep_alive, 1);
    let will = connect.last_will.unwrap();
    assert_eq!(will.topic, "rover/telemetry");
    assert_eq!(&will.message[..], br#"{"online":false}"#);
    assert!(!will.retain);
    client.accept_session().await;
    let subscription = client.grant().await;
    assert_eq!(subscription.filters.len(), 1);
    assert_eq!(subscription.filters[0].path, "rover/action");
    assert_eq!(subscription.filters[0].qos, QoS::AtLeastOnce);
    assert_eq!(client.alpn(), None);
}

#[tokio::test]
async fn a_bare_host_is_asked_for_mqtt_by_name() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start_with(&ca, &[b"x-amzn-mqtt-ca"]).await;
    let endpoint = Endpoint {
        alpn: true,
        ..broker.endpoint()
    };
    let _robot = Robot::start(endpoint, pki::robot(&ca, &ca, "rover"));
    let (client, _) = broker.accept().await;
    assert_eq!(client.alpn().as_deref(), Some(&b"x-amzn-mqtt-ca"[..]));
}

#[tokio::test]
async fn bad_messages_are_counted_and_the_session_goes_on() {
    let (mut robot, _broker, mut client) = online().await;
    let padded = |bytes: usize| {
        let head = r#"{"action":"forward","note":""#;
        format!("{head}{}\"}}", "x".repeat(bytes - head.len() - 2))
    };
    let nested = format!("{}1{}", "[".repeat(400), "]".repeat(400));
    let bad = [
        "not json",
        r#"{"action":"jump"}"#,
        r#"{"action":"drive","linear":NaN,"angular":0}"#,
        r#"{"action":"drive","linear":1e308,"angular":0}"#,
        r#"{"action":"forward","speed":"fast"}"#,
        &nested,
        &padded(1025),
        &padded(128 * 1024),
    ];
    for payload in bad {
        client.publish(payload).await;
    }
    client.publish(padded(1024)).await;
    assert_eq!(robot.action().await.motion, Motion::Forward);
    assert_eq!(robot.rejected.load(Ordering::Relaxed), bad.len() as u64);
    assert_eq!(robot.reconnects.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn retained_actions_and_foreign_topics_never_get_through() {
    let (mut robot, _broker, mut client) = online().await;
    let mut retained = message(r#"{"action":"forward"}"#);
    retained.retain = true;
    client.send(&Packet::Publish(retained)).await;
    let mut foreign = message(r#"{"action":"left"}"#);
    foreign.topic = "other/action".into();
    client.send(&Packet::Publish(foreign)).await;
    client.publish(r#"{"action":"right"}"#).await;
    assert_eq!(robot.action().await.motion, Motion::Right);
}

#[tokio::test]
async fn a_flood_is_obeyed_to_the_newest() {
    let (mut robot, _broker, mut client) = online().await;
    let mut bytes = BytesMut::new();
    for seq in 0..2000 {
        let payload = format!(r#"{{"action":"forward","seq":{seq}}}"#);
        Packet::Publish(message(payload))
            .write(&mut bytes, 1 << 20)
            .unwrap();
    }
    client.send_bytes(&bytes).await;
    for seq in 0..2000 {
        assert_eq!(robot.action().await.seq, Some(seq));
    }
}

#[tokio::test]
async fn it_comes_back_and_subscribes_anew() {
    let (mut robot, broker, client) = online().await;
    drop(client);
    let mut client = broker.online().await;
    client.publish(r#"{"action":"left"}"#).await;
    assert_eq!(robot.action().await.motion, Motion::Left);
    assert_eq!(robot.reconnects.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn half_a_message_at_the_end_is_no_message() {
    let (mut robot, broker, mut client) = online().await;
    let mut bytes = BytesMut::new();
    Packet::Publish(message(r#"{"action":"forward"}"#))
        .write(&mut bytes, 1024)
        .unwrap();
    client.send_bytes(&bytes[..bytes.len() - 3]).await;
    drop(client);
    let mut client = broker.online().await;
    client.publish(r#"{"action":"left"}"#).await;
    assert_eq!(robot.action().await.motion, Motion::Left);
}

/// An MQTT client that keeps what it read with the end of a connection would act on it
/// after the next connect, perhaps half a minute late.
#[tokio::test]
async fn what_was_read_with_the_end_is_obeyed_at_once_and_not_later() {
    let (mut robot, broker, mut client) = online().await;
    let mut bytes = BytesMut::new();
    for word in ["forward", "stop"] {
        Packet::Publish(message(format!(r#"{{"action":"{word}"}}"#)))
            .write(&mut bytes, 1024)
            .unwrap();
    }
    // A packet type that does not exist ends the session in the same read.
    bytes.extend_from_slice(&[0xf0, 0]);
    client.send_bytes(&bytes).await;
    assert_eq!(robot.action().await.motion, Motion::Forward);
    assert_eq!(robot.action().await.motion, Motion::Stop);
    let mut client = broker.online().await;
    client.publish(r#"{"action":"left"}"#).await;
    assert_eq!(robot.action().await.motion, Motion::Left);
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_left() {
    let (mut robot, broker, client) = online().await;
    // Held open, but no ping is answered from now on.
    let silent = client;
    robot.is_offline_saying("gone silent").await;
    drop(silent);
    broker.online().await;
}

#[tokio::test]
async fn a_refused_subscription_is_said_and_tried_again() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let mut robot = Robot::start(broker.endpoint(), pki::robot(&ca, &ca, "rover"));
    let (mut client, _) = broker.accept().await;
    client.accept_session().await;
    let subscription = client.subscription().await;
    client
        .answer(&subscription, SubscribeReasonCode::Failure)
        .await;
    robot
        .is_offline_saying("does not let this certificate read rover/action")
        .await;
    broker.online().await;
}

#[tokio::test]
async fn a_close_instead_of_a_subscription_points_at_the_policy() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let mut robot = Robot::start(broker.endpoint(), pki::robot(&ca, &ca, "rover"));
    let (mut client, _) = broker.accept().await;
    client.accept_session().await;
    client.subscription().await;
    drop(client);
    robot.is_offline_saying("its policy probably").await;
}

#[tokio::test]
async fn a_client_with_its_name_is_suspected_when_it_is_thrown_out_again_and_again() {
    let (mut robot, broker, client) = online().await;
    drop(client);
    for _ in 0..2 {
        drop(broker.online().await);
    }
    robot
        .is_offline_saying("another client probably connects as \"rover\"")
        .await;
}

#[tokio::test]
async fn a_broker_with_a_foreign_certificate_gets_nothing() {
    let (mine, theirs) = (Ca::new("Mine"), Ca::new("Theirs"));
    let broker = Broker::start(&theirs).await;
    let mut robot = Robot::start(broker.endpoint(), pki::robot(&mine, &theirs, "rover"));
    assert!(broker.handshake().await.is_err());
    robot
        .is_offline_saying("not signed by any CA in cacert.pem")
        .await;
}

#[tokio::test]
async fn a_robot_with_a_foreign_certificate_is_told() {
    let (mine, theirs) = (Ca::new("Mine"), Ca::new("Theirs"));
    let broker = Broker::start(&theirs).await;
    let mut robot = Robot::start(broker.endpoint(), pki::robot(&theirs, &mine, "rover"));
    assert!(broker.handshake().await.is_err());
    robot
        .is_offline_saying("does not know the CA that signed certificate.pem")
        .await;
}

#[tokio::test]
async fn an_absent_broker_is_said_to_be_absent() {
    let ca = Ca::new("Test CA");
    let endpoint = Broker::start(&ca).await.endpoint();
    let mut robot = Robot::start(endpoint, pki::robot(&ca, &ca, "rover"));
    robot.is_offline_saying("nothing listens there").await;
}

#[tokio::test]
async fn reports_are_sent_while_online_and_the_newest_on_coming_online() {
    let (mut robot, broker, client) = online().await;
    drop(client);
    robot.reaches(|state| *state != MqttState::Online).await;
    robot.reports.send_replace("one".into());
    robot.reports.send_replace("two".into());
    let mut client = broker.online().await;
    let report = client.report().await;
    assert_eq!(report.topic, "rover/telemetry");
    assert_eq!(report.qos, QoS::AtLeastOnce);
    assert_eq!(&report.payload[..], b"two");
    robot.reports.send_replace("three".into());
    assert_eq!(&client.report().await.payload[..], b"three");
}

#[tokio::test]
async fn it_says_goodbye() {
    let (mut robot, _broker, mut client) = online().await;
    robot.cancel.cancel();
    assert_eq!(&client.report().await.payload[..], br#"{"online":false}"#);
    assert_eq!(client.next().await, Some(Packet::Disconnect));
    in_time(robot.task.join_next()).await.unwrap().unwrap();
}

#[tokio::test]
async fn it_ends_at_once_while_it_waits_for_the_next_attempt() {
    let ca = Ca::new("Test CA");
    let endpoint = Broker::start(&ca).await.endpoint();
    let mut robot = Robot::start(endpoint, pki::robot(&ca, &ca, "rover"));
    robot.is_offline_saying("nothing listens there").await;
    robot.cancel.cancel();
    in_time(robot.task.join_next()).await.unwrap().unwrap();
}
