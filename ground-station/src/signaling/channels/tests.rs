use std::time::Duration;

use super::outbox::LINE_FRAMES;
use super::*;
use crate::clock::instant;

struct Room {
    board: Switchboard,
    now: Instant,
}

impl Room {
    fn new() -> Self {
        Self {
            board: Switchboard::new(Times::DOCUMENTED),
            now: instant(),
        }
    }

    fn master(&mut self) -> (Place, Ears) {
        self.board.join("rover", Side::Master, self.now).unwrap()
    }

    fn viewer(&mut self, id: &str) -> Result<(Place, Ears), Refusal> {
        self.board.join("rover", Side::Viewer(id.into()), self.now)
    }

    fn says(&mut self, from: &Place, action: Content, payload: &str, to: Option<&str>) -> bool {
        let message = ToService {
            action,
            message_payload: payload.into(),
            recipient_client_id: to.map(str::to_owned),
            correlation_id: None,
        };
        self.board.route(from, message, self.now).is_ok()
    }

    fn passes(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

fn heard(ears: &mut Ears) -> Vec<String> {
    std::iter::from_fn(|| ears.frames.try_recv().ok())
        .map(|frame| {
            let sender = frame.sender_client_id.unwrap_or_default();
            format!("{sender}:{}", frame.message_payload.unwrap_or_default())
        })
        .collect()
}

fn why_cut(ears: &Ears) -> Option<Reason> {
    ears.end.reason_now()
}

#[test]
fn a_viewer_speaks_to_the_master_by_name_and_hears_it_without() {
    let mut room = Room::new();
    let (master, mut at_master) = room.master();
    let (viewer, mut at_viewer) = room.viewer("v1").unwrap();
    let (_, mut at_other) = room.viewer("v2").unwrap();
    assert!(room.says(&viewer, Content::SdpOffer, "b2Zm", Some("v2")));
    assert!(room.says(&master, Content::SdpAnswer, "YW5z", Some("v1")));
    assert_eq!(heard(&mut at_master), ["v1:b2Zm"]);
    assert_eq!(heard(&mut at_viewer), [":YW5z"]);
    assert!(
        heard(&mut at_other).is_empty(),
        "viewers never hear viewers"
    );
}

#[test]
fn channels_do_not_mix() {
    let mut room = Room::new();
    let (_, mut at_rover) = room.master();
    let other = room
        .board
        .join("other", Side::Viewer("v1".into()), room.now);
    let (place, _ears) = other.unwrap();
    assert!(room.says(&place, Content::SdpOffer, "b2Zm", None));
    assert!(heard(&mut at_rover).is_empty());
}

#[test]
fn a_message_for_nobody_is_refused() {
    let mut room = Room::new();
    let (master, _ears) = room.master();
    assert!(!room.says(&master, Content::SdpAnswer, "YW5z", Some("gone")));
}

#[test]
fn the_newest_master_wins_and_the_old_one_is_told() {
    let mut room = Room::new();
    let (old, at_old) = room.master();
    let (new, mut at_new) = room.master();
    let (viewer, mut at_viewer) = room.viewer("v1").unwrap();
    assert_eq!(why_cut(&at_old), Some(Reason::Replaced));
    assert!(!room.says(&old, Content::SdpAnswer, "b2xk", Some("v1")));
    room.board.leave(&old);
    assert!(room.says(&viewer, Content::SdpOffer, "b2Zm", None));
    assert!(room.says(&new, Content::SdpAnswer, "bmV3", Some("v1")));
    assert_eq!(
        heard(&mut at_new),
        ["v1:b2Zm"],
        "the old one's leaving changes nothing"
    );
    assert_eq!(heard(&mut at_viewer), [":bmV3"]);
}

#[test]
fn ten_may_watch_and_the_eleventh_when_one_has_left() {
    let mut room = Room::new();
    let mut seats: Vec<_> = (0..10)
        .map(|n| room.viewer(&format!("v{n}")).unwrap())
        .collect();
    room.passes(60);
    let full = room.viewer("v10").unwrap_err();
    assert_eq!(full.kind, "ClientLimitExceededException");
    let again = room.viewer("v3").unwrap();
    assert_eq!(why_cut(&seats[3].1), Some(Reason::Replaced));
    seats[3] = again;
    let (place, _) = seats.remove(0);
    room.board.leave(&place);
    assert!(room.viewer("v10").is_ok());
}

#[test]
fn what_is_said_while_the_master_is_away_waits_for_it() {
    let mut room = Room::new();
    let (v1, _e1) = room.viewer("v1").unwrap();
    let (v2, _e2) = room.viewer("v2").unwrap();
    let (v3, _e3) = room.viewer("v3").unwrap();
    room.says(&v1, Content::SdpOffer, "bGF0ZQ==", None);
    room.passes(61);
    room.says(&v2, Content::SdpOffer, "Zmlyc3Q=", None);
    room.says(&v2, Content::IceCandidate, "Y2FuZDE=", None);
    room.says(&v3, Content::SdpOffer, "Z29uZQ==", None);
    room.board.leave(&v3);
    room.says(&v2, Content::SdpOffer, "c2Vjb25k", None);
    room.says(&v2, Content::IceCandidate, "Y2FuZDI=", None);
    let (_, mut at_master) = room.master();
    assert_eq!(heard(&mut at_master), ["v2:c2Vjb25k", "v2:Y2FuZDI="]);
}

#[test]
fn not_everything_waits() {
    let mut room = Room::new();
    let (v1, _e1) = room.viewer("v1").unwrap();
    for n in 0..10 * MAX_HELD {
        room.says(&v1, Content::IceCandidate, &format!("{n:04}"), None);
    }
    let (_, mut at_master) = room.master();
    let heard = heard(&mut at_master);
    assert_eq!(heard.len(), MAX_HELD);
    assert_eq!(
        heard.last().unwrap(),
        &format!("v1:{:04}", 10 * MAX_HELD - 1)
    );
}

#[test]
fn who_does_not_read_is_cut_and_holds_up_nobody() {
    let mut room = Room::new();
    let (master, _ears) = room.master();
    let (_, at_slow) = room.viewer("slow").unwrap();
    let (_, mut at_quick) = room.viewer("quick").unwrap();
    for _ in 0..=LINE_FRAMES {
        assert!(room.says(&master, Content::IceCandidate, "e30=", Some("slow")));
    }
    assert_eq!(why_cut(&at_slow), Some(Reason::SlowReader));
    assert!(room.says(&master, Content::IceCandidate, "e30=", Some("quick")));
    assert_eq!(heard(&mut at_quick).len(), 1);
}

#[test]
fn connecting_again_and_again_is_slowed_down() {
    let mut room = Room::new();
    let joined = (0..50)
        .filter(|_| room.board.join("rover", Side::Master, room.now).is_ok())
        .count();
    assert_eq!(joined, JOIN_BURST as usize);
    assert!(room.viewer("v1").is_ok(), "each side has its own rate");
    room.passes(1);
    assert!(room.board.join("rover", Side::Master, room.now).is_ok());
}

#[test]
fn everyone_on_the_channel_hears_an_announcement() {
    let mut room = Room::new();
    let (_, mut at_master) = room.master();
    let (_, mut at_viewer) = room.viewer("v1").unwrap();
    assert_eq!(
        room.board
            .announce("rover", MessageType::ReconnectIceServer),
        2
    );
    for ears in [&mut at_master, &mut at_viewer] {
        let frame = ears.frames.try_recv().unwrap();
        assert_eq!(frame, FromService::bare(MessageType::ReconnectIceServer));
    }
    assert_eq!(room.board.cut("rover", Reason::OnDemand), 2);
    assert_eq!(why_cut(&at_viewer), Some(Reason::OnDemand));
    assert_eq!(room.board.announce("nobody", MessageType::GoAway), 0);
}
