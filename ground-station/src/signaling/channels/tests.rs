use std::time::Duration;

use wire::signaling::permitted::LIFE;

use super::channel::JOINS;
use super::*;
use crate::auth::{Grant, Principal, Role};
use crate::clock::instant;
use crate::store::{Directory, User};

struct Bench {
    channels: Channels,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = instant();
        Self {
            channels: Channels::new(Times::DOCUMENTED, now),
            now,
        }
    }

    fn master(&mut self) -> (ConnectionId, Receiver) {
        self.channels.join("rover", Side::Master, self.now).unwrap()
    }

    fn viewer(&mut self, id: &str) -> Result<(ConnectionId, Receiver), Rejection> {
        self.channels.join("rover", viewer(id), self.now)
    }

    fn says(
        &mut self,
        from: &ConnectionId,
        action: Content,
        payload: &str,
        to: Option<&str>,
    ) -> bool {
        let message = ToService {
            action,
            message_payload: payload.into(),
            recipient_client_id: to.map(str::to_owned),
            correlation_id: None,
        };
        self.channels.route(from, message, self.now).is_ok()
    }

    fn passes(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

fn viewer(id: &str) -> Side {
    Side::Viewer {
        id: id.into(),
        principal: format!("user-{id}/1"),
    }
}

fn received(receiver: &mut Receiver) -> Vec<String> {
    std::iter::from_fn(|| receiver.frames.try_recv().ok())
        .map(|frame| {
            let sender = frame.sender_client_id.unwrap_or_default();
            format!("{sender}:{}", frame.message_payload.unwrap_or_default())
        })
        .collect()
}

fn why_closed(receiver: &Receiver) -> Option<CloseReason> {
    receiver.close.reason_now()
}

#[test]
fn a_viewer_reaches_the_master_under_its_name_and_is_answered_without_one() {
    let mut bench = Bench::new();
    let (master, mut at_master) = bench.master();
    let (viewer, mut at_viewer) = bench.viewer("v1").unwrap();
    let (_, mut at_other) = bench.viewer("v2").unwrap();
    assert!(bench.says(&viewer, Content::SdpOffer, "b2Zm", Some("v2")));
    assert!(bench.says(&master, Content::SdpAnswer, "YW5z", Some("v1")));
    assert_eq!(received(&mut at_master), ["v1:b2Zm"]);
    assert_eq!(received(&mut at_viewer), [":YW5z"]);
    assert!(
        received(&mut at_other).is_empty(),
        "viewers never hear viewers"
    );
}

#[test]
fn nobody_takes_the_place_of_somebody_else_by_their_client_id() {
    let mut bench = Bench::new();
    let (_, at_anna) = bench.viewer("anna").unwrap();
    let bert = Side::Viewer {
        id: "anna".into(),
        principal: "user-bert/1".into(),
    };
    let rejected = bench.channels.join("rover", bert, bench.now).unwrap_err();
    assert!(rejected.to_string().contains("somebody else"), "{rejected}");
    assert_eq!(why_closed(&at_anna), None);
}

#[test]
fn a_client_id_stays_theirs_who_left_until_their_connection_has_ended() {
    let mut bench = Bench::new();
    let (anna, _receiver) = bench.viewer("anna").unwrap();
    bench.channels.leave(&anna, bench.now);
    let of = |principal: &str| Side::Viewer {
        id: "anna".into(),
        principal: principal.into(),
    };
    bench.passes(29);
    assert!(
        bench
            .channels
            .join("rover", of("user-bert/1"), bench.now)
            .is_err()
    );
    let again = bench.channels.join("rover", of("user-anna/2"), bench.now);
    bench.channels.leave(&again.unwrap().0, bench.now);
    bench.passes(30);
    assert!(
        bench
            .channels
            .join("rover", of("user-bert/1"), bench.now)
            .is_ok()
    );
}

#[test]
fn channels_do_not_mix() {
    let mut bench = Bench::new();
    let (_, mut at_rover) = bench.master();
    let other = bench.channels.join("other", viewer("v1"), bench.now);
    let (place, _receiver) = other.unwrap();
    assert!(bench.says(&place, Content::SdpOffer, "b2Zm", None));
    assert!(received(&mut at_rover).is_empty());
}

#[test]
fn a_message_for_nobody_is_refused() {
    let mut bench = Bench::new();
    let (master, _receiver) = bench.master();
    assert!(!bench.says(&master, Content::SdpAnswer, "YW5z", Some("gone")));
}

#[test]
fn the_newest_master_wins_and_the_old_one_is_told() {
    let mut bench = Bench::new();
    let (old, at_old) = bench.master();
    let (new, mut at_new) = bench.master();
    let (viewer, mut at_viewer) = bench.viewer("v1").unwrap();
    assert_eq!(why_closed(&at_old), Some(CloseReason::Replaced));
    assert!(!bench.says(&old, Content::SdpAnswer, "b2xk", Some("v1")));
    bench.channels.leave(&old, bench.now);
    assert!(bench.says(&viewer, Content::SdpOffer, "b2Zm", None));
    assert!(bench.says(&new, Content::SdpAnswer, "bmV3", Some("v1")));
    assert_eq!(
        received(&mut at_new),
        ["v1:b2Zm"],
        "the old one's leaving changes nothing"
    );
    assert_eq!(received(&mut at_viewer), [":bmV3"]);
}

#[test]
fn ten_may_watch_and_the_eleventh_when_one_has_left() {
    let mut bench = Bench::new();
    let mut viewers: Vec<_> = (0..10)
        .map(|n| bench.viewer(&format!("v{n}")).unwrap())
        .collect();
    bench.passes(60);
    let full = bench.viewer("v10").unwrap_err();
    assert_eq!(full.error_type(), "ClientLimitExceededException");
    let again = bench.viewer("v3").unwrap();
    assert_eq!(why_closed(&viewers[3].1), Some(CloseReason::Replaced));
    viewers[3] = again;
    let (place, _) = viewers.remove(0);
    bench.channels.leave(&place, bench.now);
    assert!(bench.viewer("v10").is_ok());
}

#[test]
fn what_is_said_while_the_master_is_away_waits_for_it() {
    let mut bench = Bench::new();
    let (v1, _e1) = bench.viewer("v1").unwrap();
    let (v2, _e2) = bench.viewer("v2").unwrap();
    let (v3, _e3) = bench.viewer("v3").unwrap();
    bench.says(&v1, Content::SdpOffer, "bGF0ZQ==", None);
    bench.passes(61);
    bench.says(&v2, Content::SdpOffer, "Zmlyc3Q=", None);
    bench.says(&v2, Content::IceCandidate, "Y2FuZDE=", None);
    bench.says(&v3, Content::SdpOffer, "Z29uZQ==", None);
    bench.channels.leave(&v3, bench.now);
    bench.says(&v2, Content::SdpOffer, "c2Vjb25k", None);
    bench.says(&v2, Content::IceCandidate, "Y2FuZDI=", None);
    let (_, mut at_master) = bench.master();
    assert_eq!(received(&mut at_master), ["v2:c2Vjb25k", "v2:Y2FuZDI="]);
}

#[test]
fn an_offer_says_whose_it_is_also_when_it_had_to_wait() {
    let mut bench = Bench::new();
    let (v1, _e1) = bench.viewer("v1").unwrap();
    let heard = |bench: &mut Bench, at_master: &mut Receiver| {
        bench.says(&v1, Content::IceCandidate, "Y2FuZA==", None);
        let frames = std::iter::from_fn(|| at_master.frames.try_recv().ok());
        frames.map(|frame| frame.principal).collect::<Vec<_>>()
    };
    bench.says(&v1, Content::SdpOffer, "b2Zm", None);
    let (_, mut at_master) = bench.master();
    let whose = [Some("user-v1/1".to_owned()), None];
    assert_eq!(heard(&mut bench, &mut at_master), whose);
    bench.says(&v1, Content::SdpOffer, "b2Zm", None);
    assert_eq!(heard(&mut bench, &mut at_master), whose);
}

#[test]
fn not_everything_waits() {
    let mut bench = Bench::new();
    let (v1, _e1) = bench.viewer("v1").unwrap();
    for n in 0..10 * MAX_HELD {
        bench.says(&v1, Content::IceCandidate, &format!("{n:04}"), None);
    }
    let (_, mut at_master) = bench.master();
    let heard = received(&mut at_master);
    assert_eq!(heard.len(), MAX_HELD);
    assert_eq!(
        heard.last().unwrap(),
        &format!("v1:{:04}", 10 * MAX_HELD - 1)
    );
}

#[test]
fn who_does_not_read_is_cut_and_holds_up_nobody() {
    let mut bench = Bench::new();
    let (master, _receiver) = bench.master();
    let (_, at_slow) = bench.viewer("slow").unwrap();
    let (_, mut at_quick) = bench.viewer("quick").unwrap();
    for _ in 0..=OUTBOX_CAPACITY {
        assert!(bench.says(&master, Content::IceCandidate, "e30=", Some("slow")));
    }
    assert_eq!(why_closed(&at_slow), Some(CloseReason::SlowReader));
    assert!(bench.says(&master, Content::IceCandidate, "e30=", Some("quick")));
    assert_eq!(received(&mut at_quick).len(), 1);
}

#[test]
fn connecting_again_and_again_is_slowed_down() {
    let mut bench = Bench::new();
    let joined = (0..50)
        .filter(|_| {
            bench
                .channels
                .join("rover", Side::Master, bench.now)
                .is_ok()
        })
        .count();
    assert_eq!(joined, JOINS.burst as usize);
    assert!(bench.viewer("v1").is_ok(), "each side has its own rate");
    bench.passes(1);
    assert!(
        bench
            .channels
            .join("rover", Side::Master, bench.now)
            .is_ok()
    );
}

#[test]
fn everyone_on_the_channel_receives_a_broadcast() {
    let mut bench = Bench::new();
    let (_, mut at_master) = bench.master();
    let (_, mut at_viewer) = bench.viewer("v1").unwrap();
    assert_eq!(
        bench
            .channels
            .broadcast("rover", MessageType::ReconnectIceServer),
        2
    );
    for receiver in [&mut at_master, &mut at_viewer] {
        let frame = receiver.frames.try_recv().unwrap();
        assert_eq!(frame, FromService::bare(MessageType::ReconnectIceServer));
    }
    assert_eq!(bench.channels.close("rover", CloseReason::OnDemand), 2);
    assert_eq!(why_closed(&at_viewer), Some(CloseReason::OnDemand));
    assert_eq!(bench.channels.broadcast("nobody", MessageType::GoAway), 0);
}

/// Two directories: before, and after the removal of who watches `rover`.
fn removal() -> (Directory, Directory) {
    let ann = User {
        password: String::new(),
        robots: vec!["rover".to_owned()].into(),
        password_version: "1".into(),
    };
    let before = Directory {
        revision: 4,
        robots: ["rover".to_owned(), "other".to_owned()].into(),
        users: [("ann".to_owned(), ann)].into(),
        ..Directory::default()
    };
    let mut after = before.clone();
    after.revision = 5;
    after.users.clear();
    (before, after)
}

fn robot() -> Grant {
    Grant {
        role: Role::Master,
        robot: "rover".into(),
        principal: Principal::Certificate("0a".into(), "rover".into()),
    }
}

#[test]
fn a_removal_has_reached_a_robot_once_it_says_so_or_five_minutes_later() {
    let mut bench = Bench::new();
    let (before, after) = removal();
    let (master, _receiver) = bench.master();
    bench.channels.told(&master, Some(&robot()), bench.now);
    bench.passes(20);
    bench.channels.told(&master, Some(&robot()), bench.now);
    bench.channels.acts_by(&master, 4);
    let rover = Unreached {
        robot: "rover".into(),
        connected: true,
        until: bench.now + LIFE,
    };
    let unreached = |bench: &Bench| bench.channels.unreached(&before, &after, bench.now);
    assert_eq!(unreached(&bench), std::slice::from_ref(&rover));
    bench.channels.leave(&master, bench.now);
    bench.channels.acts_by(&master, 5);
    let away = Unreached {
        connected: false,
        ..rover
    };
    assert_eq!(unreached(&bench), [away], "who has left says nothing");
    let (master, _receiver) = bench.master();
    bench.channels.told(&master, Some(&robot()), bench.now);
    bench.channels.acts_by(&master, 5);
    assert_eq!(unreached(&bench), []);
}

#[test]
fn a_robot_that_does_not_come_back_has_ended_its_viewers_after_five_minutes() {
    let mut bench = Bench::new();
    let (before, after) = removal();
    let (master, _receiver) = bench.master();
    bench.channels.told(&master, Some(&robot()), bench.now);
    bench.channels.leave(&master, bench.now);
    bench.passes(LIFE.as_secs() - 1);
    assert_eq!(
        bench.channels.unreached(&before, &after, bench.now).len(),
        1
    );
    bench.passes(1);
    assert_eq!(bench.channels.unreached(&before, &after, bench.now), []);
}

#[test]
fn whoever_loses_nothing_is_not_waited_for() {
    let mut bench = Bench::new();
    let (before, after) = removal();
    let (master, _receiver) = bench.master();
    bench.channels.told(&master, Some(&robot()), bench.now);
    assert_eq!(count(&bench, &after, &before), 0, "one more may watch");
    let mut revoked = before.clone();
    revoked.revoked.insert("ff".into(), 1);
    revoked.revision = 5;
    // Of `other` it is not known whose certificate it had before the station started.
    assert_eq!(count(&bench, &before, &revoked), 1);
    revoked.revoked.insert("0a".into(), 1);
    assert_eq!(count(&bench, &before, &revoked), 2);
    bench.passes(LIFE.as_secs());
    bench.channels.told(&master, None, bench.now);
    assert_eq!(
        count(&bench, &before, &after),
        0,
        "a master of another make is promised nothing"
    );
}

fn count(bench: &Bench, from: &Directory, to: &Directory) -> usize {
    bench.channels.unreached(from, to, bench.now).len()
}
