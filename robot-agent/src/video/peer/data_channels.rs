//! The data channels of one viewer: `drive` takes actions, `telemetry` brings reports, answers
//! `{"ping":n}` with `{"pong":n}`, and takes `{"release":true}`, which releases the driver
//! lock. The viewer opens both, and who closes all that it opened has left: that is all that
//! is heard of a page that is closed, the rest is silence.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use webrtc::data_channel::RTCDataChannel;
use webrtc::peer_connection::RTCPeerConnection;
use wire::{Action, Motion};

use super::session::{Report, Session, Shared};
use crate::clock::now;

/// The labels of the two channels.
const DRIVE: &str = "drive";
const TELEMETRY: &str = "telemetry";

/// Longest message on `telemetry`; a ping has 20 bytes.
const MAX_REQUEST_BYTES: usize = 256;

/// With more than this unsent, a viewer does not read, and gets no further report: the next
/// one will be newer.
const MAX_UNSENT_BYTES: usize = 16 * 1024;

/// Most channels one viewer may open in its life. It needs two; each costs a task.
const MAX_CHANNELS: u32 = 8;

/// What the channels of one viewer share.
pub(super) struct DataChannels {
    shared: Arc<Shared>,
    session: Arc<Session>,
    state: Mutex<State>,
    /// Cancelled when the viewer has closed its channels.
    pub closed: CancellationToken,
}

#[derive(Default)]
struct State {
    telemetry: Option<Weak<RTCDataChannel>>,
    opened: u32,
    /// Of the two that are known, how many are open.
    open: u32,
    rejected: u64,
}

/// What a viewer may send on `telemetry`.
#[derive(Deserialize)]
struct Request {
    ping: Option<serde_json::Number>,
    #[serde(default)]
    release: bool,
}

impl DataChannels {
    /// Accepts the channels that the other end of `peer` opens.
    pub(super) fn attach(
        peer: &RTCPeerConnection,
        shared: &Arc<Shared>,
        session: &Arc<Session>,
    ) -> Arc<Self> {
        let channels = Arc::new(Self {
            shared: Arc::clone(shared),
            session: Arc::clone(session),
            state: Mutex::new(State::default()),
            closed: CancellationToken::new(),
        });
        let weak = Arc::downgrade(&channels);
        peer.on_data_channel(Box::new(move |channel| {
            if let Some(channels) = weak.upgrade() {
                channels.accept(&channel);
            }
            Box::pin(std::future::ready(()))
        }));
        channels
    }

    fn accept(self: &Arc<Self>, channel: &Arc<RTCDataChannel>) {
        let viewer = &self.session.viewer;
        let mut state = self.state();
        state.opened += 1;
        if state.opened > MAX_CHANNELS {
            tracing::warn!(%viewer, "disconnected: opens too many data channels");
            return self.session.cancel.cancel();
        }
        let weak = Arc::downgrade(self);
        match channel.label() {
            DRIVE => channel.on_message(Box::new(move |message| {
                if let Some(channels) = weak.upgrade() {
                    channels.drive(&message.data);
                }
                Box::pin(std::future::ready(()))
            })),
            TELEMETRY => {
                let answers = Arc::downgrade(channel);
                state.telemetry = Some(Weak::clone(&answers));
                channel.on_message(Box::new(move |message| {
                    let (channels, answers) = (weak.upgrade(), answers.upgrade());
                    Box::pin(async move {
                        if let (Some(channels), Some(answers)) = (channels, answers) {
                            channels.request(&message.data, &answers).await;
                        }
                    })
                }));
            }
            other => return tracing::debug!(%viewer, channel = other, "unknown data channel"),
        }
        state.open += 1;
        let weak = Arc::downgrade(self);
        let drives = channel.label() == DRIVE;
        channel.on_close(Box::new(move || {
            if let Some(channels) = weak.upgrade() {
                channels.on_close(drives);
            }
            Box::pin(std::future::ready(()))
        }));
    }

    fn on_close(&self, drives: bool) {
        if drives {
            self.release();
        }
        let mut state = self.state();
        state.open = state.open.saturating_sub(1);
        if state.open == 0 {
            self.closed.cancel();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An action, on its way to the wheels: nothing here waits.
    fn drive(&self, payload: &[u8]) {
        let viewer = &self.session.viewer;
        let action = match Action::from_json(payload) {
            Ok(action) => action,
            Err(rejected) => {
                self.shared.robot.count_rejected();
                return self.reject(&rejected.to_string());
            }
        };
        let mut lock = self.shared.driver_lock();
        if action.motion == Motion::Stop {
            lock.renew(viewer, now());
        } else if !lock.acquire(viewer, now()) {
            return tracing::debug!(%viewer, "action dropped: another viewer drives");
        }
        drop(lock);
        self.shared.robot.act(&action, viewer);
    }

    async fn request(&self, payload: &[u8], channel: &RTCDataChannel) {
        if payload.len() > MAX_REQUEST_BYTES {
            return self.reject("a message on telemetry has at most 256 bytes");
        }
        let Ok(request) = serde_json::from_slice::<Request>(payload) else {
            return self.reject("telemetry takes {\"ping\":n} and {\"release\":true}");
        };
        if request.release {
            self.release();
        }
        if let Some(n) = request.ping
            && channel.buffered_amount().await < MAX_UNSENT_BYTES
        {
            let _ = channel.send_text(format!("{{\"pong\":{n}}}")).await;
        }
    }

    /// The viewer drives no more. Wheels it left turning are stopped, but not another's.
    pub(super) fn release(&self) {
        let viewer = &self.session.viewer;
        if self.shared.driver_lock().release(viewer, now()) {
            tracing::info!(%viewer, "no longer drives");
            self.shared.robot.release(viewer);
        }
    }

    /// Sends every report until there are no more.
    pub(super) async fn send_reports(self: Arc<Self>) {
        let mut reports = self.shared.reports.subscribe();
        while reports.changed().await.is_ok() {
            let report = Arc::clone(&reports.borrow_and_update());
            let channel = self.state().telemetry.as_ref().and_then(Weak::upgrade);
            let Some(channel) = channel.filter(|_| !report.telemetry.is_empty()) else {
                continue;
            };
            if channel.buffered_amount().await < MAX_UNSENT_BYTES {
                let text = report.to_json(&self.session.viewer);
                let _ = channel.send_text(text).await;
            }
        }
    }

    /// Logs what is wrong with a message, the first time and then ever more seldom: whoever
    /// sends garbage must not fill the log.
    fn reject(&self, reason: &str) {
        let mut state = self.state();
        state.rejected += 1;
        if state.rejected.is_power_of_two() {
            tracing::warn!(
                viewer = %self.session.viewer,
                rejected = state.rejected,
                "data channel: {reason}"
            );
        }
    }
}

impl Report {
    /// As `viewer` gets it.
    fn to_json(&self, viewer: &str) -> String {
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
        let read = |viewer| -> serde_json::Value {
            serde_json::from_str(&report.to_json(viewer)).unwrap()
        };
        assert_eq!(read("an\"na")["driver"]["you"], true);
        assert_eq!(read("bert")["driver"]["you"], false);
        assert_eq!(read("bert")["driver"]["name"], "an\"na");
        let nobody = Report {
            driver: None,
            ..report
        };
        let value: serde_json::Value = serde_json::from_str(&nobody.to_json("anna")).unwrap();
        assert!(value["driver"]["name"].is_null());
        assert_eq!(value["telemetry"]["online"], true);
    }
}
