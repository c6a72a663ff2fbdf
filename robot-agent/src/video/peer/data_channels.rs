//! The data channels of one viewer, as [`wire::data_channel`] has them: actions in, reports
//! out. The viewer opens both, and who closes all that it opened has left: that is all that is
//! heard of a page that is closed, the rest is silence. Actions and requests are also taken from
//! any other channel, and from those that a viewer negotiated by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use daemon::log_limit::LogLimiter;
use tokio_util::sync::CancellationToken;
use webrtc::data_channel::RTCDataChannel;
use webrtc::data_channel::data_channel_init::RTCDataChannelInit;
use webrtc::dtls_transport::dtls_role::DTLSRole;
use webrtc::peer_connection::RTCPeerConnection;
use wire::Action;
use wire::data_channel::{DRIVE, Driver, Message, Request, TELEMETRY};
use wire::signaling::permitted::label;

use super::session::{Session, Shared};
use crate::clock::now;

/// With more than this unsent, a viewer does not read, and gets no further report: the next
/// one will be newer.
const MAX_UNSENT_BYTES: usize = 16 * 1024;

/// Most channels one viewer may open in its life. It needs two; each costs a task.
const MAX_CHANNELS: u32 = 8;

/// How many channels are open for viewers who negotiate them by themselves, so that nobody says
/// which. Examples take the first; each costs a buffer.
const NEGOTIATED_CHANNELS: u16 = 8;

/// SCTP keeps what it could not send, and sends it once the path is there again: seconds later, and the
/// robot sees no difference.
const NO_TIME: &str = "a motion must say when it was given: set \"clock_ms\", the robot's clock by its \
                       last report, or \"sent_at\", Unix milliseconds";

/// How often rejected messages are logged.
const REJECTED_LOG_EVERY: Duration = Duration::from_secs(60);

/// What the channels of one viewer share.
pub(super) struct DataChannels {
    shared: Arc<Shared>,
    session: Arc<Session>,
    state: Mutex<State>,
    /// Cancelled when the viewer has closed its channels.
    pub closed: CancellationToken,
}

struct State {
    telemetry: Option<Weak<RTCDataChannel>>,
    opened: u32,
    /// Of the two that are known, how many are open.
    open: u32,
    rejected_log: LogLimiter,
}

impl DataChannels {
    /// Accepts the channels that the other end of `peer` opens, and listens on those that it may
    /// have negotiated; this end has this `role`.
    pub(super) async fn attach(
        peer: &RTCPeerConnection,
        role: DTLSRole,
        shared: &Arc<Shared>,
        session: &Arc<Session>,
    ) -> Result<Arc<Self>, webrtc::Error> {
        let channels = Arc::new(Self {
            shared: Arc::clone(shared),
            session: Arc::clone(session),
            state: Mutex::new(State {
                telemetry: None,
                opened: 0,
                open: 0,
                rejected_log: LogLimiter::new(1, REJECTED_LOG_EVERY),
            }),
            closed: CancellationToken::new(),
        });
        let weak = Arc::downgrade(&channels);
        peer.on_data_channel(Box::new(move |channel| {
            if let Some(channels) = weak.upgrade() {
                channels.accept(&channel);
            }
            Box::pin(std::future::ready(()))
        }));
        // The numbers that are this end's to give, as it opens no channel (RFC 8832, section 6).
        let first = u16::from(role == DTLSRole::Server);
        for number in (first..).step_by(2).take(NEGOTIATED_CHANNELS.into()) {
            let negotiated = RTCDataChannelInit {
                negotiated: Some(number),
                ..RTCDataChannelInit::default()
            };
            let channel = peer.create_data_channel("", Some(negotiated)).await?;
            channels.hear_all(&channel);
        }
        Ok(channels)
    }

    /// Takes requests, and all else as actions.
    fn hear_all(self: &Arc<Self>, channel: &Arc<RTCDataChannel>) {
        let (weak, answers) = (Arc::downgrade(self), Arc::downgrade(channel));
        let drove = Arc::new(AtomicBool::new(false));
        let drives = Arc::clone(&drove);
        channel.on_message(Box::new(move |message| {
            let (channels, answers) = (weak.upgrade(), answers.upgrade());
            let request = Request::from_json(&message.data);
            let is_request = request.is_ok_and(|request| request != Request::default());
            drives.fetch_or(!is_request, Ordering::Relaxed);
            Box::pin(async move {
                match (channels, answers) {
                    (Some(channels), Some(answers)) if is_request => {
                        channels.request(&message.data, &answers).await;
                    }
                    (Some(channels), _) => channels.drive(&message.data),
                    (None, _) => {}
                }
            })
        }));
        let weak = Arc::downgrade(self);
        channel.on_close(Box::new(move || {
            if let Some(channels) = weak.upgrade().filter(|_| drove.load(Ordering::Relaxed)) {
                channels.release();
            }
            Box::pin(std::future::ready(()))
        }));
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
            other => {
                tracing::debug!(%viewer, channel = other, "data channel");
                return self.hear_all(channel);
            }
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
        let mut action = match Action::from_json(payload) {
            Ok(action) => action,
            Err(rejected) => {
                self.shared.robot.count_rejected();
                return self.reject(&rejected.to_string());
            }
        };
        if !action.says_when() {
            self.shared.robot.count_rejected();
            return self.reject(NO_TIME);
        }
        // Whatever the viewer calls itself.
        let principal = self.session.principal.as_deref();
        action.user = principal.map(|principal| label(principal).to_owned());
        let Some(_acts) = self.session.acts() else {
            return tracing::debug!(%viewer, "action dropped: about to be disconnected");
        };
        self.shared.robot.act(&action, viewer);
    }

    async fn request(&self, payload: &[u8], channel: &RTCDataChannel) {
        let request = match Request::from_json(payload) {
            Ok(request) => request,
            Err(rejected) => return self.reject(&rejected.to_string()),
        };
        if request.release {
            self.release();
        }
        if let Some(listens) = request.listen {
            self.session.set_listens(listens);
            self.shared.changed.notify_one();
        }
        if request.talk {
            self.talk();
        }
        if let Some(pong) = &request.ping {
            send(channel, Message::Pong { pong }).await;
        }
    }

    /// Nobody is heard but who drives.
    fn talk(&self) {
        let principal = self.session.principal.as_deref().map(label);
        if let Some(_acts) = self.session.acts() {
            self.shared.robot.talk(&self.session.viewer, principal);
        }
    }

    pub(super) fn release(&self) {
        self.shared.release(&self.session.viewer);
    }

    /// Sends the last report and every one that follows, until there are no more.
    pub(super) async fn send_reports(self: Arc<Self>) {
        let mut reports = self.shared.reports.subscribe();
        reports.mark_changed();
        while reports.changed().await.is_ok() {
            let report = Arc::clone(&reports.borrow_and_update());
            let channel = self.state().telemetry.as_ref().and_then(Weak::upgrade);
            if let (Some(channel), Some(report)) = (channel, report.as_ref()) {
                let driver = Driver::as_seen_by(&self.session.viewer, report.driver.as_deref());
                let telemetry = &report.telemetry;
                send(&channel, Message::Report { telemetry, driver }).await;
            }
        }
    }

    /// Whoever sends garbage must not fill the log.
    fn reject(&self, reason: &str) {
        if let Some(suppressed) = self.state().rejected_log.allow(now()) {
            tracing::warn!(viewer = %self.session.viewer, suppressed, "data channel: {reason}");
        }
    }
}

async fn send(channel: &RTCDataChannel, message: Message<'_>) {
    if channel.buffered_amount().await < MAX_UNSENT_BYTES {
        let _ = channel.send_text(message.to_json()).await;
    }
}
