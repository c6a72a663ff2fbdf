//! Whether the robot serves: an order by some road moves it.

use crate::faults::hands::{DRIVER, HELD_EVERY, PULSE};
use crate::faults::kind::PATH;
use crate::faults::road::Road;
use crate::faults::scene::Scene;
use crate::kvs::{Access, Client};
use crate::{Viewer, unix_ns};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::sleep;

/// How many orders a driver gives that may be in vain.
const TRY: u32 = 5;

/// And for how long it then lets go, so that the next ones count.
const LET_GO: Duration = Duration::from_millis(3100);

/// How long a viewer may take to join.
const JOIN: Duration = Duration::from_secs(8);

impl Scene {
    /// Gives orders until one moves the wheels, and how long that took.
    ///
    /// # Errors
    /// When none does within `within`.
    pub(super) async fn serves(
        &mut self,
        road: Road,
        within: Duration,
    ) -> Result<Duration, String> {
        let began = unix_ns();
        loop {
            if road == Road::DataChannel && !self.hands.watches().await {
                self.join().await;
            }
            let first = self.hands.ledger.next();
            for _ in 0..TRY {
                self.hands.order(road, PULSE, false).await;
                sleep(HELD_EVERY).await;
            }
            let (writes, _) = self.since(began);
            let served = writes.iter().find(|write| {
                let order = self.hands.ledger.find(write.left);
                order.is_some_and(|order| order.number >= first)
            });
            if let Some(write) = served {
                return Ok(Duration::from_nanos(write.t_ns - began));
            }
            let passed = Duration::from_nanos(unix_ns() - began);
            if passed > within {
                return Err(format!(
                    "no order by {road} moved the robot in {passed:.1?}"
                ));
            }
            sleep(LET_GO).await;
        }
    }

    /// Watches anew.
    async fn join(&mut self) {
        self.hands.set_viewer(None).await;
        let host = self.ready.http.clone();
        let key = self.keys.first().map(|key| key.text.clone());
        let key = key.unwrap_or_default();
        let joining = async {
            let client = Client::viewer(&host, "rover", Access::Key(&key)).await;
            Viewer::join_by_relay(&client, DRIVER).await
        };
        // The harness' client panics where a page would try again.
        let joining = AssertUnwindSafe(joining).catch_unwind();
        match tokio::time::timeout(JOIN, joining).await {
            Ok(Ok(Ok((viewer, relay)))) => {
                relay.set(PATH);
                self.hands.set_viewer(Some((viewer, relay))).await;
                self.note("the viewer watches");
            }
            Ok(Ok(Err(error))) => self.note(format!("the viewer may not join: {error:#}")),
            Ok(Err(_)) => self.note("the viewer cannot join"),
            Err(_) => self.note(format!("the viewer has not joined in {JOIN:?}")),
        }
    }
}
