//! The camera against the real GStreamer of this machine, with the test picture.

use std::sync::mpsc;

use gstreamer::prelude::*;

use super::pipeline::{Deliver, Fault};
use super::*;

/// How long any of these may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn settings() -> Settings {
    Settings {
        source: Source::Test,
        device: None,
        width: 640,
        height: 480,
        fps: 30,
        bitrate_kbps: 1500,
        encoder: Choice::Auto,
        warm: true,
    }
}

struct Stage {
    camera: Camera,
    thread: Option<CameraThread>,
    frames: mpsc::Receiver<Frame>,
}

impl Stage {
    fn new(settings: Settings) -> Self {
        let (to, frames) = mpsc::channel();
        let (camera, thread) = start(settings, move |frame| {
            let _ = to.send(frame);
        })
        .unwrap();
        Self {
            camera,
            thread: Some(thread),
            frames,
        }
    }

    fn next(&self) -> Frame {
        self.frames.recv_timeout(PATIENCE).expect("a frame")
    }

    fn next_key(&self) -> Frame {
        let until = now() + PATIENCE;
        while now() < until {
            let frame = self.next();
            if frame.key {
                return frame;
            }
        }
        panic!("no key frame");
    }

    fn until(&self, what: &str, mut true_of: impl FnMut(&Status) -> bool) -> Status {
        let until = now() + PATIENCE;
        loop {
            let status = self.camera.status().borrow().clone();
            if true_of(&status) {
                return status;
            }
            assert!(now() < until, "never {what}: {status:?}");
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    fn drain_queue(&self) {
        while self.frames.try_recv().is_ok() {}
    }

    /// Frames until nothing comes any more.
    fn drain_until_quiet(&self) {
        while self.frames.recv_timeout(Duration::from_millis(300)).is_ok() {}
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.stop_and_join();
        }
    }
}

fn nal_types(data: &[u8]) -> Vec<u8> {
    data.windows(4)
        .filter(|window| window[..3] == [0, 0, 1])
        .map(|window| window[3] & 0x1f)
        .collect()
}

#[test]
fn a_key_frame_carries_its_parameter_sets_and_baseline() {
    for encoder in [Encoder::X264, Encoder::OpenH264] {
        let stage = Stage::new(Settings {
            encoder: Choice::Only(encoder),
            ..settings()
        });
        stage.camera.watched(true);
        let key = stage.next_key();
        let types = nal_types(&key.data);
        let (sps, pps, idr) = (7, 8, 5);
        for kind in [sps, pps, idr] {
            assert!(types.contains(&kind), "{encoder:?}: {types:?}");
        }
        let sps_at = key
            .data
            .windows(4)
            .position(|w| w[..3] == [0, 0, 1] && w[3] & 0x1f == sps);
        let profile = &key.data[sps_at.unwrap() + 4..][..2];
        assert_eq!(profile[0], 66, "{encoder:?}: baseline");
        assert_ne!(profile[1] & 0x40, 0, "{encoder:?}: constrained");
    }
}

#[test]
fn after_the_first_frame_the_encoder_rests_until_somebody_watches() {
    let stage = Stage::new(settings());
    stage.next();
    stage.drain_until_quiet();
    stage.camera.watched(true);
    assert!(stage.next().key, "whoever comes begins with a key frame");
    assert!(!stage.next().key);
    stage.camera.watched(false);
    stage.drain_until_quiet();
}

#[test]
fn a_cold_camera_does_not_run_unwatched() {
    let stage = Stage::new(Settings {
        warm: false,
        ..settings()
    });
    stage.drain_until_quiet();
    assert_eq!(stage.camera.status().borrow().frames, 0);
    stage.camera.watched(true);
    assert!(stage.next().key);
    stage.camera.watched(false);
    stage.until("at rest", |status| status.running.is_none());
}

#[test]
fn a_key_frame_comes_when_asked_for_and_not_before() {
    let stage = Stage::new(settings());
    stage.camera.watched(true);
    stage.next_key();
    let others = (0..40).filter(|_| stage.next().key).count();
    assert!(others <= 1, "{others} key frames nobody asked for");
    stage.camera.key_frame();
    stage.next_key();
}

#[test]
fn the_bitrate_follows_its_wish_while_running() {
    let bytes_of_a_second =
        |stage: &Stage| -> usize { (0..30).map(|_| stage.next().data.len()).sum() };
    let stage = Stage::new(settings());
    stage.camera.watched(true);
    stage.next_key();
    let _settling = bytes_of_a_second(&stage);
    let at_1500 = bytes_of_a_second(&stage);
    stage.camera.bitrate(300);
    stage.until("at 300", |status| status.bitrate_kbps == 300);
    let _settling = bytes_of_a_second(&stage);
    let at_300 = bytes_of_a_second(&stage);
    assert!(
        at_300 * 2 < at_1500,
        "{at_1500} bytes at 1500 kbit/s, {at_300} at 300"
    );
}

#[test]
fn the_burned_in_clock_survives_the_encoder() {
    let stage = Stage::new(settings());
    stage.camera.watched(true);
    let key = stage.next_key();
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
        .push_buffer(gstreamer::Buffer::from_slice(key.data))
        .unwrap();
    input.end_of_stream().unwrap();
    let output = pipeline.by_name("out").unwrap();
    let output = output.downcast_ref::<gstreamer_app::AppSink>().unwrap();
    let sample = output.pull_sample().expect("a decoded picture");
    let picture = sample.buffer().unwrap().map_readable().unwrap();
    let shown = test_timestamp::read(&picture, 640).expect("a clock that is not torn");
    #[expect(
        clippy::disallowed_methods,
        reason = "what the picture shows is compared with it"
    )]
    let wall = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u32;
    let age = wall.wrapping_sub(shown);
    assert!(age < 30_000, "the picture says {shown}, the wall {wall}");
    pipeline.set_state(gstreamer::State::Null).unwrap();
}

#[test]
fn a_missing_camera_is_said_and_tried_again() {
    let stage = Stage::new(Settings {
        source: Source::V4l2,
        device: Some("/dev/video-that-is-not-there".to_owned()),
        ..settings()
    });
    let status = stage.until("said", |status| status.fault.is_some());
    assert!(
        status
            .fault
            .unwrap()
            .contains("/dev/video-that-is-not-there")
    );
    assert!(!stage.thread.as_ref().unwrap().has_ended());
}

#[test]
fn a_camera_unplugged_while_streaming_is_started_again() {
    let stage = Stage::new(settings());
    stage.camera.watched(true);
    stage.next_key();
    stage
        .camera
        .desk
        .fault(Fault::new("Could not read from resource. (source)"));
    let status = stage.until("said", |status| status.fault.is_some());
    assert!(status.fault.unwrap().contains("Could not read"));
    stage.drain_queue();
    stage.until("running again", |status| {
        status.fault.is_none() && status.running.is_some()
    });
    stage.next_key();
}

#[test]
fn another_encoder_is_tried_when_one_fails() {
    let stage = Stage::new(settings());
    stage.camera.watched(true);
    stage.next_key();
    let first = stage.camera.status().borrow().running.clone();
    stage.camera.desk.fault(Fault {
        words: "the hardware is taken (encoder)".to_owned(),
        of_encoder: true,
    });
    stage.until("another", |status| {
        status.running.is_some() && status.running != first
    });
}
