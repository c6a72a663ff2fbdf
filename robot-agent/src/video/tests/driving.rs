//! What goes over the data channels.

use wire::Motion;

use super::video_task::{VideoTask, config};
use super::viewer::Viewer;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn driving_by_data_channel_reaches_the_robot_and_garbage_does_not() {
    let mut task = VideoTask::start(config());
    let viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    // The last does not say when it was given.
    for garbage in [
        "{",
        r#"{"action":"jump"}"#,
        &"x".repeat(5000),
        r#"{"action":"left"}"#,
    ] {
        viewer.send(&viewer.drive, garbage).await;
    }
    let drive = r#"{"action":"drive","linear":0.5,"angular":0,"seq":1,"clock_ms":1}"#;
    viewer.send(&viewer.drive, drive).await;
    let motion = Motion::Drive {
        linear: 0.5,
        angular: 0.0,
    };
    task.acted(|(action, by)| action.motion == motion && by == "anna")
        .await;
    assert_eq!(*task.robot.rejected.lock().unwrap(), 4);
    viewer.peer.close().await.unwrap();
    task.acted(|(action, by)| action.motion == Motion::Stop && by == "anna")
        .await;
    assert_eq!(task.robot.driver(), None);
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_viewer_is_told_who_drives() {
    let mut task = VideoTask::start(config());
    let mut anna = Viewer::new("anna").await;
    let mut bert = Viewer::new("bert").await;
    task.connect(&anna).await;
    task.connect(&bert).await;
    anna.send(&anna.drive, r#"{"action":"forward","sent_at":1}"#)
        .await;
    let driver_is = |name: &'static str| {
        move |message: &serde_json::Value| {
            let driver = message.get("driver")?;
            let you = driver["you"].as_bool()?;
            (driver["name"] == name).then(|| (you, name.to_owned()))
        }
    };
    assert_eq!(
        anna.report(driver_is("anna")).await,
        (true, "anna".to_owned())
    );
    assert_eq!(
        bert.report(driver_is("anna")).await,
        (false, "anna".to_owned())
    );

    bert.send(&bert.drive, r#"{"action":"stop"}"#).await;
    task.acted(|(action, by)| action.motion == Motion::Stop && by == "bert")
        .await;

    anna.send(&anna.telemetry, r#"{"release":true}"#).await;
    task.acted(|(action, by)| action.motion == Motion::Stop && by == "anna")
        .await;
    bert.send(&bert.drive, r#"{"action":"left","sent_at":1}"#)
        .await;
    task.acted(|(action, by)| action.motion == Motion::Left && by == "bert")
        .await;
    assert_eq!(
        bert.report(driver_is("bert")).await,
        (true, "bert".to_owned())
    );
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_is_answered_and_reports_come() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    viewer.send(&viewer.telemetry, r#"{"ping":41.5}"#).await;
    let pong = viewer.report(|message| message["pong"].as_f64()).await;
    assert!((pong - 41.5).abs() < 1e-9);
    let online = viewer.report(|message| message["telemetry"]["online"].as_bool());
    assert!(online.await);
    task.stop().await;
}
