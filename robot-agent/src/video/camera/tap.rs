//! The tap between the source and the encoders: raw pictures pass to the H.264 encoder, which follows
//! in the same pipeline, and to the VP8 encoder beside it, as long as each is watched.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

/// Who gets the pictures.
pub(super) struct Outlets {
    pub h264: bool,
    pub vp8: Option<AppSrc>,
}

#[derive(Clone)]
pub(super) struct Tap(Arc<Mutex<Outlets>>);

impl Tap {
    /// Behind `element`, through which raw pictures go.
    pub(super) fn open(element: &gst::Element) -> Self {
        let tap = Self(Arc::new(Mutex::new(Outlets {
            h264: true,
            vp8: None,
        })));
        if let Some(pad) = element.static_pad("src") {
            let tap = tap.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                tap.pass(pad, info.buffer())
            });
        }
        tap
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Outlets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, pad: &gst::Pad, picture: Option<&gst::Buffer>) -> gst::PadProbeReturn {
        let (h264, vp8) = {
            let outlets = self.lock();
            (outlets.h264, outlets.vp8.clone())
        };
        if let (Some(vp8), Some(picture), Some(caps)) = (vp8, picture, pad.current_caps()) {
            let sample = gst::Sample::builder().buffer(picture).caps(&caps).build();
            // Errors are told on the bus of its own pipeline.
            let _ = vp8.push_sample(&sample);
        }
        if h264 {
            gst::PadProbeReturn::Ok
        } else {
            gst::PadProbeReturn::Drop
        }
    }
}
