//! Who may connect to the broker, read what, write what, and what becomes of the revoked.

use ground_station::ca::Ca;
use ground_station::state_dir::StateDir;
use rcgen::KeyPair;
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tests::mqtt::{Client, options, will};
use tests::station::message;
use tests::tls::{self, Identity};
use tests::{Station, eventually};

const FORWARD: &str = r#"{"action":"forward"}"#;

/// As the station passes it on, for the holder of the first key.
const BY_KEY: &str = r#"{"action":"forward","user":"key-1"}"#;

async fn certs(station: &Station, robot: &str) -> PathBuf {
    station.new_robot(robot).await.certs()
}

fn tls(certs: &Path) -> Arc<rustls::ClientConfig> {
    tls::client(certs, Identity::Shown)
}

/// Process id of the broker that was started last.
async fn broker_pid(station: &mut Station) -> Pid {
    let log = station.process().logged("broker started").await;
    let line = log
        .lines()
        .rfind(|line| line.contains("broker started"))
        .unwrap();
    let (_, rest) = line.split_once("pid=").unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Pid::from_raw(digits.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn a_published_action_reaches_its_robot_and_is_not_kept() {
    let station = Station::start().await;
    let certs = certs(&station, "rover").await;
    let key = station.new_key("rover").await;
    let mut robot = Client::connect(&station, &certs).await;
    robot.subscribe("rover/action").await;
    let (status, answer) = station.publish("rover", &key, FORWARD).await;
    assert_eq!((status, &answer["topic"]), (200, &"rover/action".into()));
    let packet = robot.publish_packet().await;
    assert_eq!(packet.topic, "rover/action");
    assert_eq!(packet.payload, BY_KEY);
    assert_eq!(packet.qos, rumqttc::QoS::AtLeastOnce);
    // A retained copy would come first now.
    let mut later = Client::connect(&station, &certs).await;
    later.subscribe("rover/action").await;
    let (status, _) = station.publish("rover", &key, r#"{"action":"left"}"#).await;
    assert_eq!(status, 200);
    assert_eq!(
        later.message().await.1,
        r#"{"action":"left","user":"key-1"}"#
    );
}

#[tokio::test]
async fn a_robot_reads_only_its_own_action() {
    let station = Station::start().await;
    let (a, _) = (certs(&station, "a").await, certs(&station, "b").await);
    let mut operator = Client::connect(&station, &station.new_operator("ann").await).await;
    let mut robot = Client::connect(&station, &a).await;
    for topic in ["b/action", "+/action", "#", "a/action"] {
        robot.subscribe(topic).await;
    }
    operator.publish("b/action", FORWARD).await;
    operator.publish("a/action", FORWARD).await;
    assert_eq!(robot.message().await.0, "a/action");
}

#[tokio::test]
async fn a_robot_writes_only_its_own_telemetry() {
    let station = Station::start().await;
    let (a, b) = (certs(&station, "a").await, certs(&station, "b").await);
    let mut operator = Client::connect(&station, &station.new_operator("ann").await).await;
    operator.subscribe("+/telemetry").await;
    let mut other = Client::connect(&station, &b).await;
    other.subscribe("b/action").await;
    let mut robot = Client::connect(&station, &a).await;
    robot.publish("b/telemetry", "not a's").await;
    robot.publish("b/action", FORWARD).await;
    robot.publish("a/telemetry", "a's").await;
    let heard = operator.message().await;
    assert_eq!(heard, ("a/telemetry".to_owned(), "a's".to_owned()));
    operator.publish("b/action", "from the operator").await;
    assert_eq!(other.message().await.1, "from the operator");
}

#[tokio::test]
async fn a_robots_last_will_cannot_speak_for_another() {
    let station = Station::start().await;
    let a = certs(&station, "a").await;
    certs(&station, "b").await;
    let mut operator = Client::connect(&station, &station.new_operator("ann").await).await;
    operator.subscribe("+/telemetry").await;
    for topic in ["b/telemetry", "a/telemetry"] {
        let mut dying = options(&station, &tls(&a), "a");
        dying.set_last_will(will(topic));
        // Dropped without a goodbye.
        drop(Client::try_connect(dying).await.unwrap());
    }
    assert_eq!(operator.message().await.0, "a/telemetry");
}

#[tokio::test]
async fn whoever_calls_itself_by_anothers_name_stays_who_it_is() {
    let station = Station::start().await;
    let (a, b) = (certs(&station, "a").await, certs(&station, "b").await);
    let mut operator = Client::connect(&station, &station.new_operator("ann").await).await;
    let mut other = Client::connect(&station, &b).await;
    other.subscribe("b/action").await;
    let mut disguised = options(&station, &tls(&a), "b");
    disguised.set_credentials("b", "whatever");
    let mut disguised = Client::try_connect(disguised).await.unwrap();
    disguised.subscribe("b/action").await;
    disguised.subscribe("a/action").await;
    operator.publish("b/action", FORWARD).await;
    operator.publish("a/action", FORWARD).await;
    assert_eq!(disguised.message().await.0, "a/action");
    // And b was not thrown out by it.
    assert_eq!(other.message().await.0, "b/action");
}

#[tokio::test]
async fn an_operator_neither_reads_actions_nor_writes_telemetry() {
    let station = Station::start().await;
    let a = certs(&station, "a").await;
    let ann = station.new_operator("ann").await;
    let bob = station.new_operator("bob").await;
    let mut robot = Client::connect(&station, &a).await;
    let mut ann = Client::connect(&station, &ann).await;
    let mut bob = Client::connect(&station, &bob).await;
    ann.subscribe("+/action").await;
    ann.subscribe("+/telemetry").await;
    bob.publish("a/action", FORWARD).await;
    bob.publish("a/telemetry", "a lie").await;
    robot.publish("a/telemetry", "the truth").await;
    assert_eq!(ann.message().await.1, "the truth");
}

#[tokio::test]
async fn certificates_of_another_ca_and_no_certificate_are_refused() {
    let station = Station::start().await;
    let certs = certs(&station, "rover").await;
    let foreign = tempfile::tempdir().unwrap();
    let folder = StateDir::open(&foreign.path().join("state")).unwrap();
    let now = ground_station::clock::utc();
    let ca = Ca::open(&folder, now).unwrap();
    let key = KeyPair::generate().unwrap();
    let issued = ca.issue_client("rover", &key, now).unwrap();
    let write = |file: &str, text: &str| std::fs::write(foreign.path().join(file), text).unwrap();
    write("certificate.pem", &issued.pem);
    write("private.pem.key", &key.serialize_pem());
    std::fs::copy(certs.join("cacert.pem"), foreign.path().join("cacert.pem")).unwrap();
    let uncertified = options(&station, &tls(foreign.path()), "rover");
    assert!(Client::try_connect(uncertified).await.is_err());

    // And who trusts the other CA does not talk to this station.
    write("cacert.pem", ca.pem());
    std::fs::copy(
        certs.join("certificate.pem"),
        foreign.path().join("certificate.pem"),
    )
    .unwrap();
    std::fs::copy(
        certs.join("private.pem.key"),
        foreign.path().join("private.pem.key"),
    )
    .unwrap();
    let wary = options(&station, &tls(foreign.path()), "rover");
    let error = Client::try_connect(wary).await.err().unwrap().to_string();
    assert!(error.contains("UnknownIssuer"), "{error}");

    let nobody = tls::client(&certs, Identity::Hidden);
    let nobody = options(&station, &nobody, "rover");
    assert!(Client::try_connect(nobody).await.is_err());

    Client::connect(&station, &certs).await;
}

#[tokio::test]
async fn the_revoked_are_thrown_out_and_stay_out() {
    let station = Station::start().await;
    let (rover, scout) = (
        certs(&station, "rover").await,
        certs(&station, "scout").await,
    );
    // One TLS configuration for both connections: it remembers a session that could be
    // resumed, as a robot that reconnects does.
    let rovers = tls(&rover);
    let connect = || Client::try_connect(options(&station, &rovers, "rover"));
    let mut robot = connect().await.unwrap();
    robot.subscribe("rover/action").await;
    station.command(&["revoke", "rover"]).await;
    robot.disconnected().await;
    // Until another robot gets in, a refusal proves nothing.
    eventually("another robot gets in again", async || {
        let scouts = options(&station, &tls(&scout), "scout");
        Client::try_connect(scouts).await.ok()
    })
    .await;
    assert!(connect().await.is_err());

    let out = rover.parent().unwrap().to_str().unwrap();
    let again = ["new-robot", "rover", "--out", out, "--force"];
    station.command(&again).await;
    let fresh = options(&station, &tls(&rover), "rover");
    Client::try_connect(fresh).await.unwrap();
    assert!(connect().await.is_err());
}

#[tokio::test]
async fn an_operator_made_while_the_station_runs_is_let_in_without_a_restart() {
    let mut station = Station::start().await;
    let certs = certs(&station, "rover").await;
    let mut robot = Client::connect(&station, &certs).await;
    robot.subscribe("rover/action").await;
    let before = broker_pid(&mut station).await;
    let mut operator = Client::connect(&station, &station.new_operator("ann").await).await;
    // The access list is read again within about a second; until then nothing arrives.
    let arrived = eventually("an operator's action arrives", async || {
        operator.publish("rover/action", FORWARD).await;
        operator.publish("rover/action", FORWARD).await;
        tokio::time::timeout(std::time::Duration::from_millis(50), robot.message())
            .await
            .ok()
    })
    .await;
    assert_eq!(arrived.0, "rover/action");
    assert_eq!(broker_pid(&mut station).await, before);
}

#[tokio::test]
async fn a_broker_that_dies_is_started_again_and_actions_pass_again() {
    let mut station = Station::start().await;
    let certs = certs(&station, "rover").await;
    let key = station.new_key("rover").await;
    let mut robot = Client::connect(&station, &certs).await;
    let before = broker_pid(&mut station).await;
    kill_process(before, Signal::KILL).unwrap();
    robot.disconnected().await;
    let mut robot = eventually("the broker is back", async || {
        let again = options(&station, &tls(&certs), "rover");
        Client::try_connect(again).await.ok()
    })
    .await;
    robot.subscribe("rover/action").await;
    eventually("publish works again", async || {
        let (status, answer) = station.publish("rover", &key, FORWARD).await;
        assert!(status == 200 || status == 503, "{status}: {answer}");
        (status == 200).then_some(())
    })
    .await;
    assert_eq!(robot.message().await.1, BY_KEY);
    assert_ne!(broker_pid(&mut station).await, before);
    station.process().logged("the broker ended").await;
}

#[tokio::test]
async fn a_broker_that_stops_answering_is_said_so_and_the_action_is_not_sent_later() {
    let mut station = Station::start().await;
    let certs = certs(&station, "rover").await;
    let key = station.new_key("rover").await;
    let broker = broker_pid(&mut station).await;
    kill_process(broker, Signal::STOP).unwrap();
    let (status, answer) = station.publish("rover", &key, FORWARD).await;
    assert_eq!(status, 503);
    assert!(message(&answer).contains("broker"), "{answer}");
    kill_process(broker, Signal::KILL).unwrap();
    let mut robot = eventually("the broker is back", async || {
        let again = options(&station, &tls(&certs), "rover");
        Client::try_connect(again).await.ok()
    })
    .await;
    robot.subscribe("rover/action").await;
    eventually("publish works again", async || {
        let left = station.publish("rover", &key, r#"{"action":"left"}"#);
        (left.await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(
        robot.message().await.1,
        r#"{"action":"left","user":"key-1"}"#
    );
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test is the robot, and keeps its clock"
)]
async fn what_a_broker_that_hung_delivers_after_a_503_is_stale() {
    /// As long as a robot obeys an action, and how much younger it may seem.
    const STALE_MS: u64 = 1250;
    let mut station = Station::start().await;
    let certs = certs(&station, "rover").await;
    let key = station.new_key("rover").await;
    let mut robot = Client::connect(&station, &certs).await;
    robot.subscribe("rover/action").await;
    let begun = tokio::time::Instant::now();
    let clock_ms = || 7_000_000 + begun.elapsed().as_millis() as u64;
    let report = format!(r#"{{"online":true,"clock_ms":{}}}"#, clock_ms());
    robot.publish("rover/telemetry", &report).await;
    station.telemetry("rover", &key).await;
    let broker = broker_pid(&mut station).await;
    kill_process(broker, Signal::STOP).unwrap();
    let (status, answer) = station.publish("rover", &key, FORWARD).await;
    assert_eq!(status, 503);
    assert!(message(&answer).contains("not obeyed any more"), "{answer}");
    kill_process(broker, Signal::CONT).unwrap();
    let action: serde_json::Value = serde_json::from_str(&robot.message().await.1).unwrap();
    let age_ms = clock_ms() - action["clock_ms"].as_u64().unwrap();
    assert!(age_ms >= STALE_MS, "only {age_ms} ms old: {action}");
    // And actions pass again.
    eventually("publish works again", async || {
        let left = station.publish("rover", &key, r#"{"action":"left"}"#);
        (left.await.0 == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_is_slow_now_and_then_is_left_alone() {
    let mut station = Station::start().await;
    let _certs = certs(&station, "rover").await;
    let key = station.new_key("rover").await;
    let broker = broker_pid(&mut station).await;
    for _ in 0..2 {
        eventually("actions pass", async || {
            let (status, _) = station.publish("rover", &key, FORWARD).await;
            (status == 200).then_some(())
        })
        .await;
        kill_process(broker, Signal::STOP).unwrap();
        assert_eq!(station.publish("rover", &key, FORWARD).await.0, 503);
        kill_process(broker, Signal::CONT).unwrap();
    }
    eventually("actions pass", async || {
        let (status, _) = station.publish("rover", &key, FORWARD).await;
        (status == 200).then_some(())
    })
    .await;
    assert!(!station.process().log().contains("the broker ended"));
}

#[tokio::test]
async fn a_broker_that_hangs_is_killed_and_started_again() {
    let mut station = Station::start().await;
    let certs = certs(&station, "rover").await;
    let key = station.new_key("rover").await;
    let hung = broker_pid(&mut station).await;
    kill_process(hung, Signal::STOP).unwrap();
    let mut robot = eventually("another broker is there", async || {
        let again = options(&station, &tls(&certs), "rover");
        Client::try_connect(again).await.ok()
    })
    .await;
    robot.subscribe("rover/action").await;
    eventually("publish works again", async || {
        let sent = station.publish("rover", &key, FORWARD);
        (sent.await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(robot.message().await.1, BY_KEY);
    assert!(rustix::process::test_kill_process(hung).is_err());
    station.process().logged("it answered nobody").await;
}

/// As on a full disk: nothing that the broker reads can be written any more.
#[tokio::test]
async fn a_broker_comes_back_though_nothing_can_be_written() {
    let mut station = Station::start().await;
    let certs = certs(&station, "rover").await;
    station.new_operator("ann").await;
    station.new_robot("scout").await;
    station.command(&["revoke", "scout"]).await;
    for file in ["access.list", "revoked.pem", "mosquitto.conf"] {
        // Where the new content would be written before it takes the old one's place.
        let blocked = station.state().join("broker").join(format!("{file}.new"));
        std::fs::create_dir(blocked).unwrap();
    }
    let before = broker_pid(&mut station).await;
    kill_process(before, Signal::KILL).unwrap();
    eventually("another broker is there", async || {
        let again = options(&station, &tls(&certs), "rover");
        let broker = broker_pid(&mut station).await;
        let connected = Client::try_connect(again).await.is_ok();
        (connected && broker != before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_killed_station_leaves_no_broker_behind() {
    let mut station = Station::start().await;
    let broker = broker_pid(&mut station).await;
    station.process().kill().await;
    eventually("the broker is gone", async || {
        // A process of root's may be a zombie until init has looked at it.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", broker.as_raw_nonzero()));
        stat.map_or(true, |stat| stat.contains(") Z "))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn too_long_a_packet_ends_its_senders_connection_only() {
    let station = Station::start().await;
    let (a, b) = (certs(&station, "a").await, certs(&station, "b").await);
    let mut quiet = Client::connect(&station, &b).await;
    quiet.subscribe("b/action").await;
    let mut settings = options(&station, &tls(&a), "a");
    settings.set_max_packet_size(1 << 20, 1 << 20);
    let mut loud = Client::try_connect(settings).await.unwrap();
    let long = "x".repeat(20 * 1024);
    loud.send("a/telemetry", rumqttc::QoS::AtLeastOnce, &long)
        .await;
    loud.disconnected().await;
    let key = station.new_key("b").await;
    assert_eq!(station.publish("b", &key, FORWARD).await.0, 200);
    assert_eq!(quiet.message().await.0, "b/action");
    let (status, _) = station.ask("GET", "/healthz", &[], "").await;
    assert_eq!(status, 200);
}
