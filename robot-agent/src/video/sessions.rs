//! The room: seats, and the loop that fills and empties them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use wire::signaling::Candidate;
use wire::telemetry::Video;

use super::admission::Door;
use super::camera::{self, CameraThread};
use super::driver_lock::Wheel;
use super::messages::{Incoming, Message, Outgoing};
use super::peer::{self, Ended, Engine, Feed, Host, Report, Seat, Visit};
use super::{Limits, Robot, Settings, Ways, now};

/// How often viewers hear of the robot, and the room looks around.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// The room while it is open.
pub(super) struct Room {
    host: Arc<Host>,
    viewers_max: usize,
    door: Door,
    seats: HashMap<String, Taken>,
    viewers: JoinSet<Ended>,
    names: HashMap<Id, Arc<Seat>>,
    reports: watch::Sender<Arc<Report>>,
    leave: CancellationToken,
    told_kbps: u32,
    turned_away: u64,
}

/// A seat and the way to whoever sits there.
struct Taken {
    seat: Arc<Seat>,
    candidates: mpsc::Sender<Candidate>,
}

/// Takes the camera down whatever ends the room.
struct Stage(Option<CameraThread>);

impl Stage {
    /// Taking a pipeline down can block on a driver, so not on a thread of the runtime's.
    async fn strike(mut self) {
        if let Some(thread) = self.0.take() {
            let _ = tokio::task::spawn_blocking(|| thread.stop_and_join()).await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            thread.stop_and_join();
        }
    }
}

impl Room {
    /// Opens the room and keeps it open until `shutdown`.
    pub(super) async fn open(
        settings: &Settings,
        robot: Arc<dyn Robot>,
        ways: &mut Ways,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let feed = Arc::new(Feed::new(now()));
        let pictures = Arc::clone(&feed);
        let (camera, thread) = camera::start(settings.camera.clone(), move |frame| {
            pictures.publish(&frame)
        })?;
        let stage = Stage(Some(thread));
        let (reports, watched) = watch::channel(Arc::default());
        let limits = Limits {
            floor_kbps: settings.bitrate_kbps_min,
            ceiling_kbps: settings.camera.bitrate_kbps,
        };
        let host = Host {
            engine: Engine,
            feed,
            camera,
            robot,
            wheel: Mutex::new(Wheel::default()),
            limits,
            connect_limit: settings.connect_limit,
            reports: watched,
            changed: Notify::new(),
        };
        let mut room = Self {
            host: Arc::new(host),
            viewers_max: settings.viewers_max,
            door: Door::new(now()),
            seats: HashMap::new(),
            viewers: JoinSet::new(),
            names: HashMap::new(),
            reports,
            leave: shutdown.child_token(),
            told_kbps: settings.camera.bitrate_kbps,
            turned_away: 0,
        };
        room.stay_open(ways).await;
        room.leave.cancel();
        while room.viewers.join_next().await.is_some() {}
        stage.strike().await;
        Ok(())
    }

    async fn stay_open(&mut self, ways: &mut Ways) {
        let mut ticks = tokio::time::interval(REPORT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let host = Arc::clone(&self.host);
        loop {
            tokio::select! {
                () = self.leave.cancelled() => return,
                said = ways.incoming.recv() => match said {
                    Some(Incoming::Offer { viewer, sdp }) => self.offer(viewer, sdp, ways),
                    Some(Incoming::Candidate { viewer, candidate }) => {
                        self.candidate(viewer, candidate);
                    }
                    // The channel is gone for good, which it is only at the end.
                    None => return self.leave.cancelled().await,
                },
                () = host.changed.notified() => self.look_around(),
                Some(ended) = self.viewers.join_next_with_id() => self.ended(ended, ways),
                _ = ticks.tick() => {
                    self.look_around();
                    self.report(ways);
                }
            }
        }
    }

    fn offer(&mut self, viewer: String, sdp: String, ways: &Ways) {
        let before = self.seats.get(&viewer).map(|taken| &taken.seat);
        if let Some(seat) = before.filter(|seat| seat.offer == sdp) {
            if let Some(sdp) = seat.answer.get().cloned() {
                tracing::debug!(viewer, "offers again, is answered again");
                say(ways, viewer, Message::Answer { sdp, refused: None });
            }
            return;
        }
        if !self.door.admits(now()) {
            self.turned_away += 1;
            if self.turned_away.is_power_of_two() {
                tracing::warn!(offers = self.turned_away, "too many offers a second");
            }
            return;
        }
        if let Err(reason) = peer::check(&sdp) {
            tracing::warn!(viewer, "{reason}");
            return refuse(ways, viewer, &sdp, reason.to_string());
        }
        let watching = self.seats.len() - usize::from(before.is_some());
        if watching >= self.viewers_max {
            let reason = format!("the house is full: {watching} of {watching} watch");
            tracing::warn!(viewer, "{reason}");
            return refuse(ways, viewer, &sdp, reason);
        }
        // Whoever comes anew leaves their old connection, but not for an offer that failed.
        if let Some(taken) = self.seats.remove(&viewer) {
            tracing::info!(viewer, "comes anew");
            taken.seat.leave.cancel();
        }
        self.seat(viewer, sdp, ways);
    }

    fn seat(&mut self, viewer: String, sdp: String, ways: &Ways) {
        let leave = self.leave.child_token();
        let seat = Arc::new(Seat::new(
            viewer.as_str().into(),
            sdp,
            leave,
            self.host.limits,
        ));
        let (candidates, kept) = mpsc::channel(peer::MAX_CANDIDATES);
        for candidate in self.door.take(&viewer, now()) {
            let _ = candidates.try_send(candidate);
        }
        let visit = Visit {
            host: Arc::clone(&self.host),
            seat: Arc::clone(&seat),
            candidates: kept,
            ice_servers: ways.ice_servers.borrow().clone(),
            out: ways.outgoing.clone(),
        };
        // Boxed, as the future of a whole visit is large.
        let task = self.viewers.spawn(Box::pin(peer::watch(visit)));
        self.names.insert(task.id(), Arc::clone(&seat));
        self.seats.insert(viewer, Taken { seat, candidates });
    }

    fn candidate(&mut self, viewer: String, candidate: Candidate) {
        match self.seats.get(&viewer) {
            // A full queue belongs to a viewer with more candidates than are tried.
            Some(taken) => _ = taken.candidates.try_send(candidate),
            None => self.door.keep(viewer, candidate, now()),
        }
    }

    fn ended(&mut self, ended: Result<(Id, Ended), JoinError>, ways: &Ways) {
        let (id, ended) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Ended::Panicked),
        };
        let Some(seat) = self.names.remove(&id) else {
            return;
        };
        let viewer = seat.id.to_string();
        tracing::info!(viewer, "viewer {ended}");
        if let Ended::Failed(error) = &ended {
            refuse(ways, viewer.clone(), &seat.offer, error.to_string());
        }
        // Another may sit there by now, who came anew.
        if self
            .seats
            .get(&viewer)
            .is_some_and(|taken| Arc::ptr_eq(&taken.seat, &seat))
        {
            self.seats.remove(&viewer);
        }
        self.look_around();
    }

    /// Tells the camera what those who watch need.
    fn look_around(&mut self) {
        let connected = || {
            self.seats
                .values()
                .filter(|taken| taken.seat.is_connected())
        };
        self.host.camera.watched(connected().next().is_some());
        let slowest = connected().map(|taken| taken.seat.kbps()).min();
        let kbps = slowest.unwrap_or(self.host.limits.ceiling_kbps);
        if kbps != self.told_kbps {
            self.told_kbps = kbps;
            self.host.camera.bitrate(kbps);
        }
    }

    fn report(&self, ways: &Ways) {
        let driver = self.host.wheel().driver(now()).map(str::to_owned);
        let camera = self.host.camera.status().borrow().clone();
        let watching = self
            .seats
            .values()
            .filter(|taken| taken.seat.is_connected())
            .count();
        let video = Video {
            viewers: u32::try_from(watching).unwrap_or(u32::MAX),
            driver: driver.clone(),
            fps: camera.fps,
            bitrate_kbps: self.told_kbps,
            key_frames: camera.key_frames,
            camera_fault: camera.fault,
        };
        ways.status.send_if_modified(|status| {
            let changed = status.as_ref() != Some(&video);
            *status = Some(video);
            changed
        });
        if watching > 0 {
            let telemetry = ways.reports.borrow().to_string();
            self.reports
                .send_replace(Arc::new(Report { telemetry, driver }));
        }
    }
}

fn refuse(ways: &Ways, viewer: String, offer: &str, reason: String) {
    let sdp = peer::refusal(offer);
    if sdp.is_empty() {
        return;
    }
    let refused = Some(reason);
    say(ways, viewer, Message::Answer { sdp, refused });
}

/// Without waiting: what the channel cannot carry now, the viewer asks for again.
fn say(ways: &Ways, viewer: String, message: Message) {
    let _ = ways.outgoing.try_send(Outgoing { viewer, message });
}
