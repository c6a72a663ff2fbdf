//! Who may watch, as robot-agents are told and nobody else.

use wire::signaling::MessageType;
use wire::signaling::permitted::Permitted;

use super::*;

const ANN: &str = "user-ann/1";

/// Who is on the next list.
async fn list(socket: &mut Socket) -> Vec<String> {
    let frame = receive(socket).await;
    assert_eq!(frame.message_type, MessageType::Permitted, "{frame:?}");
    let list = Permitted::from_payload(&frame.message_payload.unwrap()).unwrap();
    list.principals.into_iter().collect()
}

fn change(bench: &Bench, change: impl FnOnce(&mut Directory)) {
    bench.directory.send_modify(|directory| {
        let directory = Arc::make_mut(directory);
        directory.revision += 1;
        change(directory);
    });
}

async fn hears_an_offer(bench: &Bench, socket: &mut Socket) -> Option<String> {
    let mut viewer = bench.viewer("v1").await.unwrap();
    send_frame(&mut viewer, &offer("hello")).await;
    let frame = receive(socket).await;
    assert_eq!(frame.message_type, MessageType::SdpOffer);
    frame.principal
}

#[tokio::test]
async fn a_robot_agent_is_told_who_may_watch_before_any_offer_and_with_every_change() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut waits = bench.viewer("v0").await.unwrap();
    send_frame(&mut waits, &offer("early")).await;
    let mut master = bench.master_named("robot-agent/1.2.3").await;
    assert_eq!(list(&mut master).await, [ANN]);
    let early = receive(&mut master).await;
    assert_eq!(early.principal.as_deref(), Some(ANN));
    let principal = hears_an_offer(&bench, &mut master).await;
    assert_eq!(principal.as_deref(), Some(ANN));
    change(&bench, |directory| {
        let ann = directory.users.get_mut("ann").unwrap();
        ann.robots = vec!["other".to_owned()].into();
    });
    assert_eq!(list(&mut master).await, [""; 0]);
}

#[tokio::test]
async fn a_master_of_another_make_hears_nothing_that_is_not_aws() {
    let bench = bench(Times::DOCUMENTED).await;
    for agent in ["AWS-SDK-KVS/3.0.0", "not robot-agent/1"] {
        let mut master = bench.master_named(agent).await;
        assert_eq!(hears_an_offer(&bench, &mut master).await, None);
        let before = bench.directory.borrow().clone();
        change(&bench, |directory| directory.users.clear());
        let after = bench.directory.borrow().clone();
        assert_eq!(bench.signaling.unreached(&before, &after).await, []);
        let away = MessageType::GoAway;
        bench.signaling.channels().broadcast("rover", away);
        assert_eq!(receive(&mut master).await.message_type, away);
        change(&bench, |directory| {
            let ann = User {
                password: String::new(),
                robots: vec!["rover".to_owned()].into(),
                password_version: "1".into(),
            };
            directory.users.insert("ann".into(), ann);
        });
    }
}

#[tokio::test]
async fn a_change_is_waited_for_until_the_robot_answers_the_ping_after_its_list() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut master = bench.master_named("robot-agent/1.2.3").await;
    assert_eq!(list(&mut master).await, [ANN]);
    let before = bench.directory.borrow().clone();
    change(&bench, |directory| directory.users.clear());
    let after = bench.directory.borrow().clone();
    // It reads nothing meanwhile, and so answers nothing.
    let unreached = bench.signaling.unreached(&before, &after).await;
    assert_eq!(unreached.len(), 1);
    assert!(unreached[0].connected && unreached[0].robot == "rover");
    let waiting = bench.signaling.unreached(&before, &after);
    let reading = async {
        assert_eq!(list(&mut master).await, [""; 0]);
        let _ = receive(&mut master).await;
    };
    tokio::select! {
        unreached = waiting => assert_eq!(unreached, []),
        () = reading => unreachable!("nothing more is sent"),
    }
}

#[tokio::test]
async fn a_robot_that_is_revoked_is_told_that_nobody_may_watch_before_it_is_closed() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut master = bench.master_named("robot-agent/1.2.3").await;
    assert_eq!(list(&mut master).await, [ANN]);
    change(&bench, |directory| {
        directory.revoked.insert("0a".into(), 1);
    });
    assert_eq!(list(&mut master).await, [""; 0]);
    assert_eq!(closed(&mut master).await, CloseReason::Revoked.words());
}
