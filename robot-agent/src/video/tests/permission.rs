//! Viewers whose right to watch is taken away.

use wire::Motion;

use super::video_task::{VideoTask, config};
use super::viewer::Viewer;
use super::*;

const ANNA: &str = "user-anna/1";
const BERT: &str = "user-bert/1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_off_the_list_is_stopped_and_disconnected_and_nobody_else() {
    let mut task = VideoTask::start(config());
    task.permit(&[ANNA, BERT]).await;
    let anna = Viewer::new("anna").await;
    let mut bert = Viewer::new("bert").await;
    let guest = Viewer::new("guest").await;
    task.connect_as(&anna, Some(ANNA)).await;
    task.connect_as(&bert, Some(BERT)).await;
    task.connect(&guest).await;
    task.until("all watch", |video| video.viewers == 3).await;
    anna.send(&anna.drive, r#"{"action":"forward","sent_at":1}"#)
        .await;
    let by_anna = |(action, by): &(Action, String)| {
        by == "anna" && action.user.as_deref() == Some("user-anna")
    };
    task.acted(by_anna).await;

    task.permit(&[BERT]).await;
    // Nothing is waited for from here: it was acted by when `permit` returned.
    let acts = task.robot.acts.lock().unwrap().clone();
    let last = acts.last().map(|(action, by)| (action.motion, by.clone()));
    assert_eq!(last, Some((Motion::Stop, "anna".to_owned())));
    for _ in 0..50 {
        let _ = anna
            .drive
            .send_text(r#"{"action":"forward","sent_at":1}"#)
            .await;
    }
    task.until("anna is gone", |video| video.viewers == 2).await;
    bert.next_picture().await;
    bert.send(&bert.drive, r#"{"action":"left","sent_at":1}"#)
        .await;
    task.acted(|(_, by)| by == "bert").await;
    let moves = |acts: &[(Action, String)]| {
        let moves = acts.iter();
        let moves = moves.filter(|(action, by)| action.motion != Motion::Stop && by == "anna");
        moves.count()
    };
    let now = task.robot.acts.lock().unwrap().clone();
    assert_eq!(moves(&now), moves(&acts));
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_of_somebody_who_may_not_watch_is_refused_with_the_reason() {
    let mut task = VideoTask::start(config());
    let anna = Viewer::new("anna").await;
    for list in [None, Some(&[BERT][..])] {
        if let Some(list) = list {
            task.permit(list).await;
        }
        task.to.send(anna.offer_as(Some(ANNA)).await).await.unwrap();
        match task.next().await.message {
            Message::Answer {
                refused: Some(reason),
                ..
            } => assert!(reason.contains("may no longer watch"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    task.permit(&[ANNA]).await;
    task.connect_as(&anna, Some(ANNA)).await;
    task.until("let in", |video| video.viewers == 1).await;
    task.stop().await;
}
