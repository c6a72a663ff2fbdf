//! Cables that are too long and hubs without power damage pictures on their way.

use std::path::Path;
use std::sync::{Arc, mpsc};

use gstreamer::prelude::*;

use super::super::drawn::Drawn;
use super::super::encoder::Encoder;
use super::super::requests::{Frame, SharedRequests};
use super::super::{pipeline, source};
use super::TIMEOUT;

/// Pictures as a USB camera of JPEG gives them, every tenth of them changed by `damage`.
fn damaged_jpegs(folder: &Path, damage: impl Fn(Vec<u8>) -> Vec<u8>) -> String {
    let files = folder.join("%02d.jpg");
    let write = format!(
        "videotestsrc num-buffers=10 pattern=ball ! video/x-raw,width=320,height=240 ! jpegenc \
         ! multifilesink location={}",
        files.display()
    );
    let pipeline = gstreamer::parse::launch(&write).unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let end = [gstreamer::MessageType::Eos, gstreamer::MessageType::Error];
    let ended = bus.timed_pop_filtered(gstreamer::ClockTime::from_seconds(30), &end);
    assert_eq!(ended.unwrap().type_(), gstreamer::MessageType::Eos);
    pipeline.set_state(gstreamer::State::Null).unwrap();
    let file = folder.join("05.jpg");
    std::fs::write(&file, damage(std::fs::read(&file).unwrap())).unwrap();
    format!(
        "multifilesrc name=source location={} loop=true \
         caps=image/jpeg,width=320,height=240,framerate=30/1 ! identity sync=true",
        files.display()
    )
}

#[test]
fn damaged_pictures_of_a_camera_cost_no_more_than_themselves() {
    gstreamer::init().unwrap();
    let halved = |jpeg: Vec<u8>| jpeg[..jpeg.len() / 2].to_vec();
    let noise = |jpeg: Vec<u8>| jpeg.iter().rev().copied().collect();
    let no_end = |jpeg: Vec<u8>| jpeg[..jpeg.len() - 2].to_vec();
    type Damage = fn(Vec<u8>) -> Vec<u8>;
    for (name, damage) in [
        ("cut in half", halved as Damage),
        ("noise", noise),
        ("without an end", no_end),
        ("of twenty bytes", |jpeg| jpeg[..20].to_vec()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let source = source::SourceDescription {
            pipeline: damaged_jpegs(folder.path(), damage),
            decoder: source::JPEG_DECODER.to_owned(),
            device: None,
            words: name.to_owned(),
        };
        let (to, frames) = mpsc::channel();
        let requests = Arc::new(SharedRequests::new(1000, move |frame: Frame| {
            let _ = to.send(frame);
        }));
        let drawn = Drawn::default();
        let pipeline =
            pipeline::Pipeline::start(&source, &drawn, Encoder::X264, 30, &requests).unwrap();
        // Ten times round: a hundred pictures, of which ten are damaged.
        for number in 0..80 {
            let frame = frames.recv_timeout(TIMEOUT);
            assert!(
                frame.is_ok(),
                "{name}: {number} pictures, {:?}",
                requests.lock().error
            );
        }
        assert_eq!(requests.lock().error, None, "{name}");
        drop(pipeline);
    }
}
