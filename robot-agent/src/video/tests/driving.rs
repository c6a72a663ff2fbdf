//! What goes over the data channels.

use wire::Motion;

use super::video_task::{Stage, settings};
use super::viewer::Guest;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn driving_by_data_channel_reaches_the_robot_and_garbage_does_not() {
    let mut stage = Stage::open(settings());
    let guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    for garbage in ["", "{", "{\"action\":\"jump\"}", &"x".repeat(5000)] {
        if !garbage.is_empty() {
            guest.say(&guest.drive, garbage).await;
        }
    }
    let drive = r#"{"action":"drive","linear":0.5,"angular":0,"seq":1}"#;
    guest.say(&guest.drive, drive).await;
    let motion = Motion::Drive {
        linear: 0.5,
        angular: 0.0,
    };
    stage
        .acted(|(action, by)| action.motion == motion && by == "anna")
        .await;
    assert_eq!(*stage.robot.rejected.lock().unwrap(), 3);
    stage
        .until("driven", |video| video.driver.as_deref() == Some("anna"))
        .await;
    guest.peer.close().await.unwrap();
    stage
        .acted(|(action, by)| action.motion == Motion::Stop && by == "anna")
        .await;
    stage.until("free", |video| video.driver.is_none()).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_viewer_drives_and_the_other_is_told_who() {
    let mut stage = Stage::open(settings());
    let mut anna = Guest::new("anna").await;
    let mut bert = Guest::new("bert").await;
    stage.bring(&anna).await;
    stage.bring(&bert).await;
    anna.say(&anna.drive, r#"{"action":"forward"}"#).await;
    let driver = |message: &serde_json::Value| {
        let driver = message.get("driver")?;
        let name = driver["name"].as_str()?.to_owned();
        Some((driver["you"].as_bool()?, name))
    };
    assert_eq!(anna.told(driver).await, (true, "anna".to_owned()));
    assert_eq!(bert.told(driver).await, (false, "anna".to_owned()));

    bert.say(&bert.drive, r#"{"action":"left"}"#).await;
    bert.say(&bert.drive, r#"{"action":"stop"}"#).await;
    stage
        .acted(|(action, by)| action.motion == Motion::Stop && by == "bert")
        .await;
    let left = |(action, _): &(Action, String)| action.motion == Motion::Left;
    assert!(!stage.robot.acts.lock().unwrap().iter().any(left));

    anna.say(&anna.telemetry, r#"{"release":true}"#).await;
    stage
        .acted(|(action, by)| action.motion == Motion::Stop && by == "anna")
        .await;
    bert.say(&bert.drive, r#"{"action":"left"}"#).await;
    stage.acted(|(_, by)| by == "bert").await;
    stage.acted(left).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_is_answered_and_reports_come() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    guest.say(&guest.telemetry, r#"{"ping":41.5}"#).await;
    let pong = guest.told(|message| message["pong"].as_f64()).await;
    assert!((pong - 41.5).abs() < 1e-9);
    let online = guest.told(|message| message["telemetry"]["online"].as_bool());
    assert!(online.await);
    stage.close().await;
}
