//! Makes pictures fewer and smaller on their way to an encoder, on the thread that brings them: a new
//! size finds no picture half way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::VideoInfo;

use super::adaptation::Reduction;

/// The piece of the pipeline before an encoder that takes another size while it runs.
pub(super) const RESIZING: &str =
    "videoscale name=reducer add-borders=false ! capsfilter name=size";

/// Before one that does not.
pub(super) const NOT_RESIZING: &str = "identity name=reducer";

#[derive(Clone)]
pub(super) struct Reducer(Arc<Mutex<State>>);

struct State {
    wanted: Reduction,
    /// The eighths of which pictures are now.
    eighths: u32,
    /// Since the last that passed.
    pictures: u32,
}

impl Reducer {
    /// In a pipeline that has one of those pieces.
    pub(super) fn of(pipeline: &gst::Pipeline) -> Self {
        let reducer = Self(Arc::new(Mutex::new(State {
            wanted: Reduction::NONE,
            eighths: Reduction::NONE.eighths,
            pictures: 0,
        })));
        let element = pipeline.by_name("reducer");
        if let Some(pad) = element.and_then(|element| element.static_pad("sink")) {
            let (reducer, size) = (reducer.clone(), pipeline.by_name("size"));
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
                let mut state = reducer.lock();
                if !state.passes() {
                    return gst::PadProbeReturn::Drop;
                }
                let caps = pad.current_caps();
                if let (Some(size), Some(caps)) = (&size, caps)
                    && state.eighths != state.wanted.eighths
                {
                    state.eighths = state.wanted.eighths;
                    size.set_property("caps", sized(&caps, state.eighths));
                }
                gst::PadProbeReturn::Ok
            });
        }
        reducer
    }

    pub(super) fn set(&self, wanted: Reduction) {
        self.lock().wanted = wanted;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn passes(&mut self) -> bool {
        self.pictures += 1;
        let passes = self.pictures >= self.wanted.every;
        if passes {
            self.pictures = 0;
        }
        passes
    }
}

/// What is left of pictures with these capabilities, in whole pairs of pixels, as encoders want them.
fn sized(caps: &gst::Caps, eighths: u32) -> gst::Caps {
    let raw = gst::Caps::builder("video/x-raw");
    match VideoInfo::from_caps(caps) {
        Ok(video) if eighths != Reduction::NONE.eighths => {
            let left = |pixels: u32| {
                let pairs = (pixels * eighths / 16).max(1);
                i32::try_from(2 * pairs).unwrap_or(i32::MAX)
            };
            raw.field("width", left(video.width()))
                .field("height", left(video.height()))
                .build()
        }
        _ => raw.build(),
    }
}
