//! The room with real viewers, over real sockets, in one process.

mod guest;
mod refusals;

use std::sync::Mutex;

use bytes::Bytes;
use gstreamer::prelude::*;
use webrtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use webrtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use wire::Motion;

use super::camera::{Choice, Source};
use super::*;
use crate::kvs::Message;
use guest::{Guest, PATIENCE};

fn settings() -> Settings {
    Settings {
        camera: camera::Settings {
            source: Source::Test,
            device: None,
            width: 640,
            height: 480,
            fps: 30,
            bitrate_kbps: 1000,
            encoder: Choice::Auto,
            warm: true,
        },
        bitrate_kbps_min: 150,
        viewers_max: 3,
        connect_limit: CONNECT_LIMIT,
    }
}

/// Keeps what it is told to do.
#[derive(Default)]
struct Recorder {
    acts: Mutex<Vec<(Action, String)>>,
    rejected: Mutex<u32>,
}

impl Robot for Recorder {
    fn act(&self, action: &Action, viewer: &Arc<str>) {
        let act = (action.clone(), viewer.to_string());
        self.acts.lock().unwrap().push(act);
    }

    fn let_go(&self, viewer: &Arc<str>) {
        self.act(&Action::new(Motion::Stop), viewer);
    }

    fn rejected(&self) {
        *self.rejected.lock().unwrap() += 1;
    }
}

/// An open room.
struct Stage {
    robot: Arc<Recorder>,
    to: mpsc::Sender<Incoming>,
    from: mpsc::Receiver<Outgoing>,
    status: watch::Receiver<Option<Video>>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _ice_servers: watch::Sender<Vec<IceServer>>,
    _reports: watch::Sender<Arc<str>>,
}

impl Stage {
    fn open(settings: Settings) -> Self {
        let robot = Arc::new(Recorder::default());
        let (to, incoming) = mpsc::channel(64);
        let (outgoing, from) = mpsc::channel(64);
        let (ice, ice_servers) = watch::channel(Vec::new());
        let (reports_to, reports) = watch::channel(Arc::from("{\"online\":true}"));
        let (status_to, status) = watch::channel(None);
        let ways = Ways {
            incoming,
            outgoing,
            ice_servers,
            reports,
            status: status_to,
        };
        let shutdown = CancellationToken::new();
        let room = run(settings, Arc::clone(&robot) as _, ways, shutdown.clone());
        #[expect(clippy::disallowed_methods, reason = "awaited in `close`")]
        let task = tokio::spawn(room);
        Self {
            robot,
            to,
            from,
            status,
            shutdown,
            task,
            _ice_servers: ice,
            _reports: reports_to,
        }
    }

    async fn next(&mut self) -> Outgoing {
        tokio::time::timeout(PATIENCE, self.from.recv())
            .await
            .expect("an answer in time")
            .expect("an answer")
    }

    /// Brings a guest in until it is answered.
    async fn bring(&mut self, guest: &Guest) {
        self.to.send(guest.offer().await).await.unwrap();
        loop {
            let said = self.next().await;
            let answers = matches!(said.message, Message::Answer { .. });
            if said.viewer == guest.name {
                guest.hear(said.message).await;
                if answers {
                    return;
                }
            }
        }
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&Video) -> bool) -> Video {
        let mut status = self.status.clone();
        let found = status.wait_for(|status| status.as_ref().is_some_and(&wanted));
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found.unwrap().clone().unwrap(),
            Err(_) => panic!("never {what}: {:?}", *self.status.borrow()),
        }
    }

    async fn acted(&self, wanted: impl Fn(&(Action, String)) -> bool) {
        let waiting = async {
            while !self.robot.acts.lock().unwrap().iter().any(&wanted) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("only {:?}", self.robot.acts.lock().unwrap());
        }
    }

    async fn close(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the room closes")
            .expect("without a panic");
    }
}

/// Decodes a key frame and returns its luma.
fn decoded(picture: Bytes) -> Vec<u8> {
    let pipeline = gstreamer::parse::launch(
        "appsrc name=in caps=video/x-h264,stream-format=byte-stream,alignment=au format=time \
         ! h264parse ! openh264dec ! videoconvert ! video/x-raw,format=I420 \
         ! appsink name=out sync=false",
    )
    .unwrap()
    .downcast::<gstreamer::Pipeline>()
    .unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    let input = pipeline.by_name("in").unwrap();
    let input = input.downcast_ref::<gstreamer_app::AppSrc>().unwrap();
    input
        .push_buffer(gstreamer::Buffer::from_slice(picture))
        .unwrap();
    input.end_of_stream().unwrap();
    let output = pipeline.by_name("out").unwrap();
    let output = output.downcast_ref::<gstreamer_app::AppSink>().unwrap();
    let sample = output.pull_sample().expect("a decoded picture");
    let luma = sample.buffer().unwrap().map_readable().unwrap().to_vec();
    pipeline.set_state(gstreamer::State::Null).unwrap();
    luma
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_picture_of_a_viewer_is_whole() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    let picture = guest.next_picture().await;
    let luma = tokio::task::spawn_blocking(move || decoded(picture))
        .await
        .unwrap();
    assert_eq!(luma.len(), 640 * 480 * 3 / 2);
    assert_ne!(camera::read_clock(&luma, 640), 0);
    let video = stage.until("watched", |video| video.fps > 20.0).await;
    assert_eq!(video.viewers, 1);
    guest.peer.close().await.unwrap();
    stage.until("empty", |video| video.viewers == 0).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_before_the_offer_are_used() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    let Incoming::Offer { viewer, sdp } = guest.offer().await else {
        unreachable!()
    };
    let bare = sdp
        .lines()
        .filter(|line| !line.starts_with("a=candidate") && !line.starts_with("a=end-of"))
        .fold(String::new(), |sdp, line| sdp + line + "\r\n");
    for candidate in guest.candidates() {
        stage.to.send(candidate).await.unwrap();
    }
    let offer = Incoming::Offer { viewer, sdp: bare };
    stage.to.send(offer).await.unwrap();
    let said = stage.next().await;
    guest.hear(said.message).await;
    guest.next_picture().await;
    stage.close().await;
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_without_a_picture_gets_a_key_frame() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    let ssrc = guest.next_packet().await.header.ssrc;
    let before = stage
        .until("running", |video| video.fps > 20.0)
        .await
        .key_frames;
    let pli = PictureLossIndication {
        sender_ssrc: 0,
        media_ssrc: ssrc,
    };
    for _ in 0..20 {
        guest
            .peer
            .write_rtcp(&[Box::new(pli.clone())])
            .await
            .unwrap();
    }
    let video = stage
        .until("mended", |video| video.key_frames > before)
        .await;
    assert!(
        video.key_frames <= before + 2,
        "{} for one storm",
        video.key_frames - before
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_packet_comes_again_and_the_past_comes_as_a_key_frame() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    for _ in 0..3 {
        guest.next_picture().await;
    }
    let lost = guest.next_packet().await.header;
    let nack = |first: u16| TransportLayerNack {
        sender_ssrc: 0,
        media_ssrc: lost.ssrc,
        nacks: vec![NackPair::new(first)],
    };
    let missing = nack(lost.sequence_number);
    guest.peer.write_rtcp(&[Box::new(missing)]).await.unwrap();
    loop {
        if guest.next_packet().await.header.sequence_number == lost.sequence_number {
            break;
        }
    }
    // Until it is too old, then once more.
    let before = stage
        .until("running", |video| video.fps > 20.0)
        .await
        .key_frames;
    let missing = nack(lost.sequence_number);
    guest.peer.write_rtcp(&[Box::new(missing)]).await.unwrap();
    stage
        .until("past mending", |video| video.key_frames > before)
        .await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_anew_takes_their_own_seat() {
    let mut stage = Stage::open(Settings {
        viewers_max: 1,
        ..settings()
    });
    let mut before = Guest::new("anna").await;
    stage.bring(&before).await;
    before.next_picture().await;
    let mut after = Guest::new("anna").await;
    stage.bring(&after).await;
    after.next_picture().await;
    let video = stage.until("one", |video| video.viewers == 1).await;
    assert_eq!(video.viewers, 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_offer_again_gets_the_same_answer_again() {
    let mut stage = Stage::open(settings());
    let guest = Guest::new("anna").await;
    let offer = guest.offer().await;
    stage.to.send(offer.clone()).await.unwrap();
    let first = stage.next().await;
    stage.to.send(offer).await.unwrap();
    loop {
        let again = stage.next().await;
        if matches!(again.message, Message::Answer { .. }) {
            assert_eq!(again, first);
            break;
        }
    }
    stage.close().await;
}

#[test]
fn a_viewer_that_falls_silent_loses_its_seat() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let (ours, theirs) = (runtime(), runtime());
    ours.block_on(async {
        let mut stage = Stage::open(settings());
        let visit = theirs.spawn(async move {
            let guest = Guest::new("anna").await;
            stage.bring(&guest).await;
            (stage, guest)
        });
        let guest;
        (stage, guest) = visit.await.unwrap();
        stage.until("there", |video| video.viewers == 1).await;
        // Its process is gone, without a goodbye.
        theirs.shutdown_background();
        stage.until("gone", |video| video.viewers == 0).await;
        stage.close().await;
        std::mem::forget(guest);
    });
}
