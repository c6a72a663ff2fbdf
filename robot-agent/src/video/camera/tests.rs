//! The camera against the real GStreamer of this machine, with the test picture.

use std::sync::mpsc;

use bytes::Bytes;
use gstreamer::prelude::*;

use super::drawn::unix_ms;
use super::requests::PipelineError;
use super::*;

mod adaptation;
mod damaged_jpeg;

/// How long any of these may take on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

fn config() -> CameraConfig {
    CameraConfig {
        source: VideoSource::Test,
        device: None,
        format: Format {
            width: 640,
            height: 480,
            fps: 30,
        },
        bitrate_kbps: 1500,
        encoder: None,
        painter: None,
        timestamp: true,
        warm: true,
    }
}

struct TestCamera {
    camera: Camera,
    thread: CameraThread,
    frames: mpsc::Receiver<Frame>,
}

impl TestCamera {
    fn new(config: CameraConfig) -> Self {
        let (to, frames) = mpsc::channel();
        let (camera, thread) = start(config, move |frame| {
            let _ = to.send(frame);
        })
        .unwrap();
        Self {
            camera,
            thread,
            frames,
        }
    }

    fn next(&self) -> Frame {
        self.frames.recv_timeout(TIMEOUT).expect("a frame")
    }

    fn next_key(&self) -> Frame {
        let until = now() + TIMEOUT;
        while now() < until {
            let frame = self.next();
            if frame.key {
                return frame;
            }
        }
        panic!("no key frame");
    }

    fn until(&self, what: &str, mut true_of: impl FnMut(&Status) -> bool) -> Status {
        let until = now() + TIMEOUT;
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

/// Decodes a key frame and returns its luma.
pub(in crate::video) fn decoded(picture: Bytes, codec: Codec) -> Vec<u8> {
    let decoder = match codec {
        Codec::H264 => {
            "video/x-h264,stream-format=byte-stream,alignment=au format=time \
             ! h264parse ! openh264dec"
        }
        Codec::Vp8 => "video/x-vp8 format=time ! vp8dec",
    };
    let pipeline = gstreamer::parse::launch(&format!(
        "appsrc name=in caps={decoder} ! videoconvert ! video/x-raw,format=I420 \
         ! appsink name=out sync=false",
    ))
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

fn nal_types(data: &[u8]) -> Vec<u8> {
    data.windows(4)
        .filter(|window| window[..3] == [0, 0, 1])
        .map(|window| window[3] & 0x1f)
        .collect()
}

#[test]
fn a_key_frame_carries_its_parameter_sets_and_baseline() {
    for encoder in [Encoder::X264, Encoder::OpenH264] {
        let test = TestCamera::new(CameraConfig {
            encoder: Some(encoder),
            ..config()
        });
        test.camera.set_watched(Codec::H264, true);
        let key = test.next_key();
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
    let test = TestCamera::new(config());
    test.next();
    test.drain_until_quiet();
    test.camera.set_watched(Codec::H264, true);
    assert!(test.next().key, "whoever comes begins with a key frame");
    assert!(!test.next().key);
    test.camera.set_watched(Codec::H264, false);
    test.drain_until_quiet();
}

#[test]
fn a_cold_camera_does_not_run_unwatched() {
    let test = TestCamera::new(CameraConfig {
        warm: false,
        ..config()
    });
    test.drain_until_quiet();
    assert_eq!(test.camera.requests.lock().h264.frames, 0);
    test.camera.set_watched(Codec::H264, true);
    assert!(test.next().key);
    test.camera.set_watched(Codec::H264, false);
    test.until("at rest", |status| status.running.is_none());
}

#[test]
fn a_key_frame_comes_when_asked_for_and_not_before() {
    let test = TestCamera::new(config());
    test.camera.set_watched(Codec::H264, true);
    test.next_key();
    let others = (0..40).filter(|_| test.next().key).count();
    assert!(others <= 1, "{others} key frames nobody asked for");
    test.camera.key_frame(Codec::H264);
    test.next_key();
}

#[test]
fn the_bitrate_follows_its_wish_while_running() {
    let bytes_of_a_second =
        |test: &TestCamera| -> usize { (0..30).map(|_| test.next().data.len()).sum() };
    let test = TestCamera::new(config());
    test.camera.set_watched(Codec::H264, true);
    test.next_key();
    let _settling = bytes_of_a_second(&test);
    let at_1500 = bytes_of_a_second(&test);
    test.camera.set_bitrate(Codec::H264, 300);
    let _settling = bytes_of_a_second(&test);
    let at_300 = bytes_of_a_second(&test);
    assert!(
        at_300 * 2 < at_1500,
        "{at_1500} bytes at 1500 kbit/s, {at_300} at 300"
    );
}

#[test]
fn the_burned_in_timestamp_survives_the_encoder() {
    let test = TestCamera::new(config());
    test.camera.set_watched(Codec::H264, true);
    let key = test.next_key();
    let luma = decoded(key.data, Codec::H264);
    let shown = read_timestamp(&luma, 640).expect("a timestamp that is not torn");
    let wall = unix_ms() as u32;
    let age = wall.wrapping_sub(shown);
    assert!(age < 30_000, "the picture says {shown}, the wall {wall}");
}

#[test]
fn a_missing_camera_is_reported_and_tried_again() {
    let test = TestCamera::new(CameraConfig {
        source: VideoSource::V4l2,
        device: Some("/dev/video-that-is-not-there".to_owned()),
        ..config()
    });
    let status = test.until("failed", |status| status.error.is_some());
    assert!(
        status
            .error
            .unwrap()
            .contains("/dev/video-that-is-not-there")
    );
    assert!(!test.thread.thread.as_ref().unwrap().is_finished());
}

#[test]
fn a_camera_unplugged_while_streaming_is_started_again() {
    let test = TestCamera::new(config());
    test.camera.set_watched(Codec::H264, true);
    test.next_key();
    test.camera
        .requests
        .fail(PipelineError::new("Could not read from resource. (source)"));
    let status = test.until("failed", |status| status.error.is_some());
    assert!(status.error.unwrap().contains("Could not read"));
    test.drain_queue();
    test.until("running again", |status| {
        status.error.is_none() && status.running.is_some()
    });
    test.next_key();
}

#[test]
fn another_encoder_is_tried_when_one_fails() {
    let test = TestCamera::new(config());
    test.camera.set_watched(Codec::H264, true);
    test.next_key();
    let first = test.camera.status().borrow().running.clone();
    test.camera.requests.fail(PipelineError {
        message: "the hardware is taken (encoder)".to_owned(),
        from_encoder: true,
    });
    test.until("another", |status| {
        status.running.is_some() && status.running != first
    });
}

impl TestCamera {
    /// The next of `codec`.
    fn next_of(&self, codec: Codec) -> Frame {
        let until = now() + TIMEOUT;
        while now() < until {
            let frame = self.next();
            if frame.codec == codec {
                return frame;
            }
        }
        panic!("no frame of {codec:?}");
    }
}

#[test]
fn vp8_is_encoded_while_it_is_watched_from_the_same_pictures() {
    let test = TestCamera::new(config());
    test.next();
    test.drain_until_quiet();
    test.camera.set_watched(Codec::Vp8, true);
    let key = test.next();
    assert_eq!((key.codec, key.key), (Codec::Vp8, true));
    let age = unix_ms() as u32;
    let shown = read_timestamp(&decoded(key.data, Codec::Vp8), 640);
    let age = age.wrapping_sub(shown.expect("a timestamp that is not torn"));
    assert!(age < 30_000, "{age}");
    assert!(
        (0..30).all(|_| test.next().codec == Codec::Vp8),
        "nobody watches H.264"
    );
    test.until("told", |status| status.encoders == ["vp8enc"]);

    test.camera.set_watched(Codec::H264, true);
    assert!(test.next_of(Codec::H264).key);
    test.next_of(Codec::Vp8);
    test.until("both", |status| status.encoders.len() == 2);

    test.camera.set_watched(Codec::Vp8, false);
    test.until("one", |status| status.encoders.len() == 1);
    test.drain_queue();
    assert!((0..30).all(|_| test.next().codec == Codec::H264));
    test.camera.set_watched(Codec::H264, false);
    test.drain_until_quiet();
}

#[test]
fn a_key_frame_of_vp8_comes_when_asked_for_and_its_bitrate_follows() {
    let test = TestCamera::new(config());
    test.camera.set_watched(Codec::Vp8, true);
    test.next_of(Codec::Vp8);
    // Of thirty frames: kilobits per second of their own time, and how many are key frames.
    let some = |test: &TestCamera| -> (f64, usize) {
        let frames: Vec<_> = (0..30).map(|_| test.next_of(Codec::Vp8)).collect();
        let bytes: usize = frames[1..].iter().map(|frame| frame.data.len()).sum();
        let seconds = (frames[29].captured - frames[0].captured).as_secs_f64();
        let keys = frames.iter().filter(|frame| frame.key).count();
        (bytes as f64 * 8.0 / 1000.0 / seconds, keys)
    };
    some(&test);
    let (at_1500, keys) = some(&test);
    assert_eq!(keys, 0, "nobody asked");
    test.camera.key_frame(Codec::Vp8);
    let (_, keys) = some(&test);
    assert_eq!(keys, 1);
    test.camera.set_bitrate(Codec::Vp8, 150);
    some(&test);
    let (at_150, _) = some(&test);
    assert!(
        at_150 * 2.0 < at_1500,
        "{at_1500} kbit/s of 1500, {at_150} of 150"
    );
}

#[test]
fn a_vp8_encoder_that_fails_is_made_again_and_h264_goes_on() {
    let test = TestCamera::new(config());
    test.camera.set_watched(Codec::H264, true);
    test.camera.set_watched(Codec::Vp8, true);
    test.next_of(Codec::Vp8);
    test.camera
        .requests
        .fail_vp8(PipelineError::new("no memory"));
    test.until("alone", |status| status.encoders.len() == 1);
    test.drain_queue();
    loop {
        let frame = test.next();
        if frame.codec == Codec::Vp8 {
            assert!(frame.key, "it begins anew");
            break;
        }
        assert!(!frame.key, "H.264 does not");
    }
    assert_eq!(test.camera.status().borrow().error, None);
}
