//! `GET /telemetry`: the newest of each of the caller's robots, then whatever changes, as
//! server-sent events.

use super::error::Refusal;
use crate::auth::{Caller, Now};
use crate::http::app_state::AppState;
use crate::robots::RobotState;
use crate::store::Permission;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// A proxy closes a silent connection after a minute; a phone's radio sleeps sooner.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How soon a token that has ended or was revoked ends the stream.
const RECHECK: Duration = Duration::from_secs(1);

/// One listener.
struct Listener {
    station: AppState,
    caller: Caller,
    news: Receiver<RobotState>,
    /// To be told before anything new, newest last.
    backlog: Vec<RobotState>,
}

pub(super) async fn stream(
    State(station): State<AppState>,
    caller: Caller,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    caller.must(Permission::Publish)?;
    // Listening starts before the newest are read, so that nothing falls between.
    let mut listener = Listener {
        news: station.robots.listen(),
        backlog: Vec::new(),
        station,
        caller,
    };
    listener.catch_up();
    let events = futures::stream::unfold(listener, async |mut listener| {
        let news = listener.next().await?;
        Some((Ok(event(&news)), listener))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Listener {
    /// The next thing to tell; none when the station stops or the caller is no longer let in.
    async fn next(&mut self) -> Option<RobotState> {
        loop {
            if !self.station.accounts.still(&self.caller, Now::read()) {
                return None;
            }
            if let Some(news) = self.backlog.pop() {
                return Some(news);
            }
            tokio::select! {
                news = self.news.recv() => match news {
                    Ok(news) if self.caller.drives(&news.robot) => return Some(news),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => self.catch_up(),
                    Err(RecvError::Closed) => return None,
                },
                () = tokio::time::sleep(RECHECK) => {}
                () = self.station.shutdown.cancelled() => return None,
            }
        }
    }

    fn catch_up(&mut self) {
        self.backlog = self
            .caller
            .robots(&self.station.store.directory())
            .iter()
            .rev()
            .filter_map(|robot| self.station.robots.newest(robot))
            .collect();
    }
}

fn event(news: &RobotState) -> Event {
    Event::default()
        .event("telemetry")
        .json_data(news)
        .expect("a report that was JSON still is")
}
