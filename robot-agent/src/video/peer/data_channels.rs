//! The data channels of one viewer: `drive` takes actions, `telemetry` tells how the robot
//! is, answers `{"ping":n}` with `{"pong":n}`, and takes `{"release":true}`, which lets go of
//! the wheel. The viewer opens both, and who closes all that it opened has left: that is all
//! that is heard of a page that is closed, the rest is silence.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use webrtc::data_channel::RTCDataChannel;
use webrtc::data_channel::data_channel_message::DataChannelMessage;
use webrtc::peer_connection::RTCPeerConnection;
use wire::{Action, Motion};

use super::{Host, Seat, now};

/// What all viewers are told, ten times a second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// A [`wire::Telemetry`] as JSON.
    pub telemetry: String,
    /// Who drives.
    pub driver: Option<String>,
}

/// Longest message on `telemetry`; a ping has 20 bytes.
const MAX_ASIDE_BYTES: usize = 256;

/// With more than this unsent, a viewer does not read, and gets no further report: the next
/// one will be newer.
const MAX_UNSENT_BYTES: usize = 16 * 1024;

/// Most channels one viewer may open in its life. It needs two; each costs a task.
const MAX_CHANNELS: u32 = 8;

/// What the channels of one viewer share.
pub(super) struct Channels {
    host: Arc<Host>,
    seat: Arc<Seat>,
    state: Mutex<State>,
    /// Cancelled when the viewer has closed its channels.
    pub hung_up: CancellationToken,
}

#[derive(Default)]
struct State {
    telemetry: Option<Weak<RTCDataChannel>>,
    opened: u32,
    /// Of those that are known, how many are open.
    open: u32,
    rejected: u64,
}

/// What a viewer may say on `telemetry`.
#[derive(Deserialize)]
struct Aside {
    ping: Option<serde_json::Number>,
    #[serde(default)]
    release: bool,
}

impl Channels {
    /// Takes the channels that the other end of `connection` opens.
    pub(super) fn attach(
        connection: &RTCPeerConnection,
        host: Arc<Host>,
        seat: Arc<Seat>,
    ) -> Arc<Self> {
        let channels = Arc::new(Self {
            host,
            seat,
            state: Mutex::new(State::default()),
            hung_up: CancellationToken::new(),
        });
        let weak = Arc::downgrade(&channels);
        connection.on_data_channel(Box::new(move |channel| {
            let channels = weak.upgrade();
            Box::pin(async move {
                if let Some(channels) = channels {
                    channels.take(&channel);
                }
            })
        }));
        channels
    }

    fn take(self: &Arc<Self>, channel: &Arc<RTCDataChannel>) {
        let opened = {
            let mut state = self.state();
            state.opened += 1;
            state.open += u32::from(matches!(channel.label(), "drive" | "telemetry"));
            if channel.label() == "telemetry" {
                state.telemetry = Some(Arc::downgrade(channel));
            }
            state.opened
        };
        let weak = Arc::downgrade(self);
        match channel.label() {
            _ if opened > MAX_CHANNELS => {
                tracing::warn!(viewer = %self.seat.id, "opens too many channels, is dropped");
                self.seat.leave.cancel();
            }
            "drive" => {
                self.listen_for_close(channel);
                channel.on_message(Box::new(move |message| {
                    if let Some(channels) = weak.upgrade() {
                        channels.drive(&message.data);
                    }
                    Box::pin(std::future::ready(()))
                }));
            }
            "telemetry" => {
                self.listen_for_close(channel);
                let answers = Arc::downgrade(channel);
                channel.on_message(Box::new(move |message| {
                    let (channels, answers) = (weak.upgrade(), answers.upgrade());
                    Box::pin(async move {
                        if let (Some(channels), Some(answers)) = (channels, answers) {
                            channels.aside(&message, &answers).await;
                        }
                    })
                }));
            }
            other => {
                tracing::debug!(viewer = %self.seat.id, channel = other, "is not known");
            }
        }
    }

    fn listen_for_close(self: &Arc<Self>, channel: &RTCDataChannel) {
        let weak = Arc::downgrade(self);
        let drives = channel.label() == "drive";
        channel.on_close(Box::new(move || {
            if let Some(channels) = weak.upgrade() {
                channels.closed(drives);
            }
            Box::pin(std::future::ready(()))
        }));
    }

    fn closed(&self, drives: bool) {
        if drives {
            self.let_go();
        }
        let mut state = self.state();
        state.open = state.open.saturating_sub(1);
        if state.open == 0 {
            self.hung_up.cancel();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An action, on its way to the wheels: nothing here waits.
    fn drive(&self, payload: &[u8]) {
        let viewer = &self.seat.id;
        let action = match Action::from_json(payload) {
            Ok(action) => action,
            Err(rejected) => {
                self.host.robot.rejected();
                self.grumble(&rejected.to_string());
                return;
            }
        };
        let mut wheel = self.host.wheel();
        if action.motion == Motion::Stop {
            wheel.stopped(viewer, now());
        } else if !wheel.may_drive(viewer, now()) {
            tracing::debug!(%viewer, "does not hold the wheel");
            return;
        }
        drop(wheel);
        self.host.robot.act(&action, viewer);
    }

    async fn aside(&self, message: &DataChannelMessage, channel: &RTCDataChannel) {
        if message.data.len() > MAX_ASIDE_BYTES {
            return self.grumble("a message on telemetry has at most 256 bytes");
        }
        let Ok(aside) = serde_json::from_slice::<Aside>(&message.data) else {
            return self.grumble("telemetry takes {\"ping\":n} and {\"release\":true}");
        };
        if aside.release {
            self.let_go();
        }
        if let Some(n) = aside.ping
            && channel.buffered_amount().await < MAX_UNSENT_BYTES
        {
            let _ = channel.send_text(format!("{{\"pong\":{n}}}")).await;
        }
    }

    /// The viewer drives no more. Wheels it left turning are stopped, but not another's.
    pub(super) fn let_go(&self) {
        let viewer = &self.seat.id;
        if self.host.wheel().release(viewer, now()) {
            tracing::info!(%viewer, "lets go of the wheel");
            self.host.robot.let_go(viewer);
        }
    }

    /// Sends every report until there are no more.
    pub(super) async fn tell(self: Arc<Self>, mut reports: watch::Receiver<Arc<Report>>) {
        while reports.changed().await.is_ok() {
            let report = Arc::clone(&reports.borrow_and_update());
            let channel = {
                let state = self.state();
                state.telemetry.as_ref().and_then(Weak::upgrade)
            };
            let Some(channel) = channel.filter(|_| !report.telemetry.is_empty()) else {
                continue;
            };
            if channel.buffered_amount().await < MAX_UNSENT_BYTES {
                let _ = channel.send_text(report.to(&self.seat.id)).await;
            }
        }
    }

    /// Says what is wrong with a message, the first time and then ever more seldom: whoever
    /// sends garbage must not fill the log.
    fn grumble(&self, reason: &str) {
        let mut state = self.state();
        state.rejected += 1;
        if state.rejected.is_power_of_two() {
            tracing::warn!(
                viewer = %self.seat.id,
                rejected = state.rejected,
                "data channel: {reason}"
            );
        }
    }
}

impl Report {
    /// As it is told to `viewer`.
    fn to(&self, viewer: &str) -> String {
        let name = serde_json::Value::from(self.driver.clone());
        let you = self.driver.as_deref() == Some(viewer);
        let telemetry = &self.telemetry;
        format!("{{\"telemetry\":{telemetry},\"driver\":{{\"you\":{you},\"name\":{name}}}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_who_drives_and_whether_it_is_you() {
        let report = Report {
            telemetry: "{\"online\":true}".to_owned(),
            driver: Some("an\"na".to_owned()),
        };
        let read =
            |viewer| -> serde_json::Value { serde_json::from_str(&report.to(viewer)).unwrap() };
        assert_eq!(read("an\"na")["driver"]["you"], true);
        assert_eq!(read("bert")["driver"]["you"], false);
        assert_eq!(read("bert")["driver"]["name"], "an\"na");
        let nobody = Report {
            driver: None,
            ..report
        };
        let value: serde_json::Value = serde_json::from_str(&nobody.to("anna")).unwrap();
        assert!(value["driver"]["name"].is_null());
        assert_eq!(value["telemetry"]["online"], true);
    }
}
