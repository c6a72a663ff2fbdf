//! Pictures of a narrow path: smaller, and fewer.

use super::*;

/// Bytes of a decoded picture, I420.
const fn bytes(width: usize, height: usize) -> usize {
    width * height * 3 / 2
}

/// The next key frame has this size, and all that comes between is whole.
fn becomes(test: &TestCamera, codec: Codec, width: usize, height: usize) {
    let until = now() + TIMEOUT;
    while now() < until {
        let frame = test.next_of(codec);
        if frame.key && decoded(frame.data, codec).len() == bytes(width, height) {
            return;
        }
    }
    panic!("{codec:?} never has {width}x{height}");
}

/// With so many key frames at a change.
fn follows_the_bitrate(
    config: CameraConfig,
    codec: Codec,
    at_change: std::ops::RangeInclusive<u64>,
) {
    let test = TestCamera::new(config);
    // The first picture, which warms the encoder.
    test.next();
    test.drain_until_quiet();
    test.camera.set_watched(codec, true);
    becomes(&test, codec, 640, 480);
    let key_frames = |test: &TestCamera| test.camera.requests.lock().of(codec).key_frames;
    let before = key_frames(&test);
    test.camera.set_bitrate(codec, 150);
    becomes(&test, codec, 320, 240);
    test.camera.set_bitrate(codec, 350);
    becomes(&test, codec, 480, 360);
    test.camera.set_bitrate(codec, 1500);
    becomes(&test, codec, 640, 480);
    assert_eq!(test.camera.status().borrow().error, None);
    let key_frames = key_frames(&test) - before;
    assert!(
        at_change.contains(&(key_frames / 3)),
        "{key_frames} at three changes"
    );
}

#[test]
fn the_size_of_h264_follows_the_bitrate_with_a_key_frame_at_a_change() {
    // OpenH264 gives a second of the new size.
    for (encoder, most) in [(Encoder::X264, 1), (Encoder::OpenH264, 2)] {
        let encoder = Some(encoder);
        follows_the_bitrate(
            CameraConfig {
                encoder,
                ..config()
            },
            Codec::H264,
            1..=most,
        );
    }
}

#[test]
fn the_size_of_vp8_follows_the_bitrate_with_a_key_frame_at_a_change() {
    follows_the_bitrate(config(), Codec::Vp8, 1..=1);
}

#[test]
fn at_the_least_bitrates_every_other_picture_is_left_out() {
    let test = TestCamera::new(config());
    test.camera.set_watched(Codec::H264, true);
    test.camera.set_bitrate(Codec::H264, 100);
    becomes(&test, Codec::H264, 320, 240);
    let frames: Vec<_> = (0..40).map(|_| test.next()).collect();
    let took = frames[39].captured - frames[0].captured;
    assert!(
        took > Duration::from_millis(39 * 60),
        "{took:?} for 39 frames"
    );
    let bytes: usize = frames[10..].iter().map(|frame| frame.data.len()).sum();
    let kbps =
        bytes as f64 * 8.0 / 1000.0 / (frames[39].captured - frames[9].captured).as_secs_f64();
    assert!((50.0..150.0).contains(&kbps), "{kbps} of 100 kbit/s");
}
