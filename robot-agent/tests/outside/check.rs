//! `robot-agent check` against set-ups that work and set-ups that do not.

use std::fs;
use std::sync::Arc;

use rumqttc::mqttbytes::v4::{Packet, SubscribeReasonCode};
use serde_json::{Value, json};
use tests::in_time;
use tests::robot::{Folder, Robot};

use crate::broker::{Broker, Connection};
use crate::pki::Ca;
use crate::process::robot;
use crate::web::{Answer, Web, serve};

fn granting() -> Answer {
    let credentials = json!({"credentials": {
        "accessKeyId": "AKIA", "secretAccessKey": "hush", "sessionToken": "hush",
        "expiration": "2036-01-01T00:00:00Z",
    }});
    Arc::new(move |_| (200, credentials.to_string()))
}

async fn cloud(ca: &Ca, answer: Answer) -> Web {
    serve(Some(ca.server_config(&[])), answer).await
}

fn configure(robot: &Folder, broker: &Broker, web: &Web) {
    robot.write_config(&json!({
        "IOT_THINGNAME": "rover",
        "IOT_CORE_ENDPOINT": broker.endpoint().to_string(),
        "IOT_GET_CREDENTIAL_ENDPOINT": format!("localhost:{}", web.port),
        "ROLE_ALIAS": "outpost-robot",
        "AWS_DEFAULT_REGION": "us-east-1",
        "motors": {"driver": "simulated"},
        "video": {"source": "test"},
    }));
}

/// Exit code and report, while `beside` plays the broker.
async fn check(robot: &Folder, beside: impl Future<Output = ()>) -> (i32, Value) {
    let (output, ()) = tokio::join!(robot.run_agent(&["check", "--json"]), beside);
    let (status, stdout, stderr) = output;
    let report =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    (status.code().unwrap(), report)
}

/// `(verdict, found and advice)` of one thing.
fn of<'a>(report: &'a Value, name: &str) -> (&'a str, String) {
    let checks = report["checks"].as_array().unwrap();
    let line = checks.iter().find(|line| line["name"] == name).unwrap();
    let advice = line["advice"].as_str().unwrap_or("");
    let found = line["found"].as_str().unwrap();
    (
        line["verdict"].as_str().unwrap(),
        format!("{found} {advice}"),
    )
}

async fn farewell(mut client: Connection) {
    assert_eq!(client.next().await, Some(Packet::Disconnect));
}

#[tokio::test]
async fn a_set_up_that_works_is_all_ok_and_ends_with_0() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let mut web = cloud(&ca, granting()).await;
    let (_folder, robot) = robot(&ca, &broker.endpoint());
    configure(&robot, &broker, &web);
    robot.configure(&json!({"audio": {"microphone": "test", "speaker": "test"}}));
    let (code, report) = check(&robot, async { farewell(broker.online().await).await }).await;
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["ok"], true);
    let checks = report["checks"].as_array().unwrap();
    assert!(
        checks.iter().all(|line| line["verdict"] == "ok"),
        "{report:#}"
    );
    assert!(!report.to_string().contains("hush"));
    let asked = in_time(web.asked.recv()).await.unwrap().head;
    assert!(
        asked.starts_with("get /role-aliases/outpost-robot/credentials "),
        "{asked}"
    );
    assert!(asked.contains("x-amzn-iot-thingname: rover"), "{asked}");
}

#[tokio::test]
async fn every_thing_that_is_wrong_is_named() {
    let ca = Ca::new("Test CA");
    let web = cloud(
        &ca,
        Arc::new(|_| (404, r#"{"message":"Role alias does not exist"}"#.into())),
    )
    .await;
    let (_folder, robot) = robot(&ca, &Broker::start(&ca).await.endpoint());
    configure(&robot, &Broker::start(&ca).await, &web);
    robot.configure(&json!({
        "motors": {"driver": "adafruit-motor-hat", "i2c_bus": "/nowhere/i2c"},
        "video": {"source": "v4l2", "device": "/nowhere/video"},
        "audio": {"microphone": "file:/nowhere/tone.wav"},
    }));
    let (code, report) = check(&robot, async {}).await;
    assert_eq!(code, 1, "{report:#}");
    for (name, verdict, says) in [
        ("config", "ok", "is complete"),
        ("certificates", "ok", "rover, valid until"),
        ("clock", "ok", "agrees"),
        ("broker", "fault", "nothing listens there"),
        ("subscription", "skipped", "needs the broker"),
        ("credentials", "fault", "ROLE_ALIAS must name"),
        ("board", "fault", "/nowhere/i2c"),
        ("camera", "fault", "/nowhere/video does not exist"),
        ("microphone", "warning", "/nowhere/tone.wav cannot be read"),
        ("speaker", "skipped", "audio.speaker is off"),
    ] {
        let (is, text) = of(&report, name);
        assert_eq!(is, verdict, "{name}: {text}");
        assert!(text.contains(says), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_subscription_that_is_refused_is_told_from_a_broker_that_refuses() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let (_folder, robot) = robot(&ca, &broker.endpoint());
    let refuse = async {
        let (mut client, _) = broker.accept().await;
        client.accept_session().await;
        let subscription = client.subscription().await;
        client
            .answer(&subscription, SubscribeReasonCode::Failure)
            .await;
    };
    let (code, report) = check(&robot, refuse).await;
    assert_eq!(code, 1);
    assert_eq!(of(&report, "broker").0, "ok");
    let (verdict, text) = of(&report, "subscription");
    assert_eq!(verdict, "fault");
    assert!(text.contains("iot:Subscribe"), "{text}");
    assert_eq!(of(&report, "credentials").0, "skipped");
}

#[tokio::test]
async fn a_running_robot_is_not_thrown_out() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let (_folder, robot) = robot(&ca, &broker.endpoint());
    let _agent = Robot::start(robot.clone());
    let _client = broker.online().await;
    let greeted = async {
        let mut visitor = broker.handshake().await.unwrap();
        assert_eq!(visitor.next().await, None, "it did not log in");
    };
    let (code, report) = check(&robot, greeted).await;
    assert_eq!(code, 0, "{report:#}");
    let (verdict, text) = of(&report, "broker");
    assert_eq!(verdict, "ok");
    assert!(text.contains("a robot-agent runs"), "{text}");
    assert_eq!(of(&report, "subscription").0, "skipped");
}

#[tokio::test]
async fn a_refused_certificate_is_noticed_without_logging_in_too() {
    let (ca, other) = (Ca::new("Test CA"), Ca::new("Other"));
    let broker = Broker::start(&ca).await;
    let (_folder, robot) = robot(&ca, &broker.endpoint());
    let _agent = Robot::start(robot.clone());
    let _client = broker.online().await;
    // The robot is online with a certificate that the broker has forgotten since.
    let forgetful = Broker::start(&other).await;
    robot.configure(&json!({"IOT_CORE_ENDPOINT": forgetful.endpoint().to_string()}));
    fs::write(
        robot.certs().join("cacert.pem"),
        ca.pem.clone() + &other.pem,
    )
    .unwrap();
    let refused = async { assert!(forgetful.handshake().await.is_err()) };
    let (code, report) = check(&robot, refused).await;
    assert_eq!(code, 1);
    let (_, text) = of(&report, "broker");
    assert!(text.contains("does not know the CA"), "{text}");
}

#[tokio::test]
async fn without_a_configuration_its_problems_are_the_report() {
    let ca = Ca::new("Test CA");
    let (_folder, robot) = robot(&ca, &Broker::start(&ca).await.endpoint());
    robot.write_config(&json!({"IOT_THINGNAME": 5}));
    let (code, report) = check(&robot, async {}).await;
    assert_eq!(code, 78);
    let (verdict, text) = of(&report, "config");
    assert_eq!(verdict, "fault");
    assert!(text.contains("IOT_THINGNAME is 5"), "{text}");
    let (_, page, _) = robot.run_agent(&["check"]).await;
    assert!(page.contains("FAIL  config"), "{page}");
    assert!(page.contains("A drive would not work: 1 fault."), "{page}");
}
