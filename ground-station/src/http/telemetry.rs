//! `GET /telemetry`: the newest of each of the caller's robots, then whatever changes, as
//! server-sent events.

use super::error::Refusal;
use crate::auth::{Caller, Now, Principal};
use crate::http::app_state::AppState;
use crate::robots::RobotState;
use crate::store::Permission;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// A proxy closes a silent connection after a minute; a phone's radio sleeps sooner.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How soon a token that has ended or was revoked ends the stream.
const RECHECK: Duration = Duration::from_secs(1);

/// Streams of one user or key at once: a class of thirty that shares a name, with some tabs each.
const MAX_STREAMS: usize = 128;

struct Subscriber {
    app: Arc<AppState>,
    caller: Caller,
    changes: Receiver<RobotState>,
    /// To be sent before any change, newest last.
    backlog: Vec<RobotState>,
    /// Held by each stream of a principal.
    _place: Arc<()>,
}

/// One more stream of `principal`, where they may have one.
fn place(app: &AppState, principal: &Principal) -> Result<Arc<()>, Refusal> {
    let mut streams = app.streams.lock().unwrap_or_else(PoisonError::into_inner);
    streams.retain(|_, one| Arc::strong_count(one) > 1);
    let of = streams.entry(principal.clone()).or_default();
    // The map holds one, too.
    if Arc::strong_count(of) > MAX_STREAMS {
        let words = format!("there are {MAX_STREAMS} streams of telemetry of this user or key");
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, words));
    }
    Ok(Arc::clone(of))
}

pub(super) async fn stream(
    State(app): State<Arc<AppState>>,
    caller: Caller,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    caller.require(Permission::Publish)?;
    let place = place(&app, &caller.principal)?;
    // The subscription starts before the newest are read, so that nothing falls between.
    let mut subscriber = Subscriber {
        changes: app.robots.subscribe(),
        backlog: Vec::new(),
        _place: place,
        app,
        caller,
    };
    subscriber.catch_up();
    let events = futures::stream::unfold(subscriber, async |mut subscriber| {
        let state = subscriber.next().await?;
        Some((Ok(event(&state)), subscriber))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Subscriber {
    /// The next event; none when the station stops or the caller is no longer let in.
    async fn next(&mut self) -> Option<RobotState> {
        loop {
            if !self.app.accounts.still(&self.caller, Now::read()) {
                return None;
            }
            if let Some(state) = self.backlog.pop() {
                return Some(state);
            }
            tokio::select! {
                state = self.changes.recv() => match state {
                    Ok(state) if self.caller.rights.may_drive(&state.robot) => return Some(state),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => self.catch_up(),
                    Err(RecvError::Closed) => return None,
                },
                () = tokio::time::sleep(RECHECK) => {}
                () = self.app.shutdown.cancelled() => return None,
            }
        }
    }

    fn catch_up(&mut self) {
        self.backlog = self
            .caller
            .rights
            .driven(&self.app.store.directory())
            .iter()
            .rev()
            .filter_map(|robot| self.app.robots.newest(robot))
            .collect();
    }
}

fn event(state: &RobotState) -> Event {
    Event::default()
        .event("telemetry")
        .json_data(state)
        .expect("a report that was JSON still is")
}
