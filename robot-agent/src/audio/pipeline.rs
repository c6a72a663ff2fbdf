//! A running GStreamer pipeline of sound, which tells its errors in words and is taken down when dropped.
//! It keeps the system's time, not its device's, so that packets and pictures have one clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::device::Direction;
use super::device_thread::DeviceControl;

pub(super) struct Pipeline {
    pipeline: gst::Pipeline,
}

impl Pipeline {
    /// Builds one from its description, where an `identity name=device` stands for `device`, if there is one.
    pub(super) fn build(description: &str, device: Option<gst::Element>) -> Result<Self, String> {
        tracing::debug!(pipeline = description, "sound");
        let pipeline = gst::parse::launch(description)
            .map_err(|error| format!("GStreamer cannot build it: {error}"))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| "GStreamer built no pipeline".to_owned())?;
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        let built = Self { pipeline };
        if let Some(device) = device {
            built.attach(&device)?;
        }
        Ok(built)
    }

    /// Before or behind the element `device`, wherever nothing is linked yet.
    fn attach(&self, device: &gst::Element) -> Result<(), String> {
        let neighbour = self.named("device")?;
        let added = self.pipeline.add(device);
        let is_source = device.static_pad("src").is_some();
        let linked = added.and_then(|()| {
            if is_source {
                device.link(&neighbour)
            } else {
                neighbour.link(device)
            }
        });
        linked.map_err(|error| format!("the device cannot be linked: {error}"))
    }

    pub(super) fn named(&self, name: &str) -> Result<gst::Element, String> {
        self.pipeline
            .by_name(name)
            .ok_or_else(|| format!("the pipeline has no element {name}"))
    }

    /// Its first sample is of the next whole second after `wall`.
    pub(super) fn begin_on_a_second(&self, wall: SystemTime) {
        let into = wall.duration_since(SystemTime::UNIX_EPOCH);
        let into = Duration::from_nanos(into.unwrap_or_default().subsec_nanos().into());
        let wait = Duration::from_secs(1).saturating_sub(into);
        self.pipeline.set_start_time(None);
        let time = self.pipeline.pipeline_clock().time();
        if let Ok(wait) = gst::ClockTime::try_from(wait) {
            self.pipeline.set_base_time(time + wait);
        }
    }

    /// Starts it; `control` gets its errors.
    pub(super) fn start(
        &self,
        control: &Arc<DeviceControl>,
        direction: Direction,
    ) -> Result<(), String> {
        if let Some(bus) = self.pipeline.bus() {
            let control = Arc::clone(control);
            bus.set_sync_handler(move |_, message| {
                if let Some(error) = error_of(message, direction) {
                    control.fail(error);
                }
                gst::BusSyncReply::Drop
            });
        }
        // The bus usually has better words, and has delivered them by now.
        let started = self.pipeline.set_state(gst::State::Playing);
        started.map(|_| ()).map_err(|_| {
            let said = control.wait(None).err();
            said.unwrap_or_else(|| "its pipeline does not start".to_owned())
        })
    }

    /// Since it started, by its clock.
    pub(super) fn running_time(&self) -> Option<gst::ClockTime> {
        self.pipeline.current_running_time()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn error_of(message: &gst::Message, direction: Direction) -> Option<String> {
    match message.view() {
        gst::MessageView::Error(error) => {
            tracing::debug!(detail = ?error.debug(), "{} error", direction.word());
            Some(error.error().to_string())
        }
        gst::MessageView::Eos(_) => Some("it ended".to_owned()),
        _ => None,
    }
}
