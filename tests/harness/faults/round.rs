//! One round: somebody drives, something breaks and is mended, and the robot is judged.

use crate::faults::hands::{HELD_EVERY, PULSE};
use crate::faults::ledger::Order;
use crate::faults::plan::Round;
use crate::faults::scene::{Event, Scene};
use crate::faults::verdict::{Absence, Broken, Evidence, Figures, judge};
use crate::robot::Write;
use crate::unix_ns;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// After the last order: the longest one is over, and what waits anywhere has arrived.
const SETTLE: Duration = Duration::from_millis(2500);

/// How long a scene may take to be ready for the next round.
const READY: Duration = Duration::from_secs(30);

/// What became of one round.
pub struct Outcome {
    /// What was planned.
    pub round: Round,
    /// From when to when something was broken, in nanoseconds of Unix time.
    pub fault_ns: (u64, u64),
    /// How long after its end the robot served again.
    pub back: Option<Duration>,
    /// How old orders were, and how long wheels turned.
    pub figures: Figures,
    /// Promises that were broken; none, if all is well.
    pub broken: Vec<Broken>,
    /// What the wheels did.
    pub writes: Vec<Write>,
    /// What was ordered.
    pub orders: Vec<Order>,
    /// When the robot did not run.
    pub absences: Vec<Absence>,
    /// What happened.
    pub events: Vec<Event>,
}

/// Runs one round.
pub async fn run(scene: &mut Scene, round: Round) -> Outcome {
    let mut broken = Vec::new();
    let began = unix_ns();
    scene.begin_round(began);
    scene.prepare(&round.kind.fault);
    if let Err(error) = scene.new_key().await {
        broken.push(Broken::NotBack(format!("no key is made: {error:#}")));
    }
    if let Err(error) = scene.serves(round.road, READY).await {
        broken.push(Broken::NotBack(format!("before anything broke: {error}")));
    }
    let first = scene.hands.ledger.next();
    let fault_ns = scene.drive_through(&round, &mut broken).await;
    let last = unix_ns();
    sleep(SETTLE.saturating_sub(Duration::from_nanos(unix_ns() - last))).await;
    let served = scene.serves(round.road, round.kind.back_within).await;
    let back = match served {
        // It was not looked for while all that waits was let come.
        Ok(_) => scene.served_after(fault_ns.1, first),
        Err(error) => {
            broken.push(Broken::NotBack(error));
            None
        }
    };
    broken.extend(scene.lost_keys().await.into_iter().map(Broken::Lost));
    sleep(PULSE + HELD_EVERY).await;
    scene.outcome(round, began, fault_ns, back, broken)
}

impl Scene {
    fn begin_round(&mut self, began: u64) {
        self.events.clear();
        self.forbidden = None;
        self.gone
            .retain(|(_, back)| back.is_some_and(|back| back > began));
        self.held = JoinSet::new();
        self.distrust_clock(false);
    }

    /// Holds the key, breaks something meanwhile, and mends it. Gives from when to when it was
    /// broken.
    async fn drive_through(&mut self, round: &Round, broken: &mut Vec<Broken>) -> (u64, u64) {
        let hands = Arc::clone(&self.hands);
        let (road, press, stamped) = (round.road, round.press, round.stamped);
        let mut hand = JoinSet::new();
        hand.spawn(async move { hands.press(road, press, stamped).await });
        sleep(round.begins).await;
        let from = unix_ns();
        self.note(format!("{} begins", round.kind.name));
        let let_go = async {
            sleep(round.let_go).await;
            hand.abort_all();
            unix_ns()
        };
        let break_and_mend = async {
            if let Err(error) = self.begin(&round.kind.fault).await {
                broken.push(Broken::NotBack(format!("cannot be broken: {error:#}")));
            }
            sleep(
                round
                    .lasts
                    .saturating_sub(Duration::from_nanos(unix_ns() - from)),
            )
            .await;
            if let Err(error) = self.heal(&round.kind.fault).await {
                broken.push(Broken::NotBack(format!("cannot be mended: {error:#}")));
            }
            let until = unix_ns();
            self.note("mended");
            until
        };
        let (released, until) = tokio::join!(let_go, break_and_mend);
        self.events.push(Event {
            at_ns: released,
            what: "key released".to_owned(),
        });
        (from, until)
    }

    /// How long after `mended` an order given after it moved the wheels.
    fn served_after(&self, mended: u64, first: u32) -> Option<Duration> {
        let (writes, _) = self.since(mended);
        let orders = self.hands.ledger.since(first);
        let served = writes.iter().find(|write| {
            let order = self.hands.ledger.find(write.left);
            write.moves() && order.is_some_and(|order| order.given_ns > mended)
        });
        // What was asked for before anybody asked does not count.
        let asked = orders.iter().find(|order| order.given_ns > mended)?;
        served.map(|write| Duration::from_nanos(write.t_ns.saturating_sub(asked.given_ns)))
    }

    fn outcome(
        &self,
        round: Round,
        began: u64,
        fault_ns: (u64, u64),
        back: Option<Duration>,
        mut broken: Vec<Broken>,
    ) -> Outcome {
        let (writes, absences) = self.since(began);
        let (figures, more) = judge(&Evidence {
            writes: &writes,
            order: &|throttle| self.hands.ledger.find(throttle),
            absences: &absences,
            forbidden: self.forbidden,
        });
        broken.extend(more);
        let orders = self.hands.ledger.since(0);
        Outcome {
            round,
            fault_ns,
            back,
            figures,
            broken,
            writes,
            orders: orders
                .into_iter()
                .filter(|order| order.given_ns >= began)
                .collect(),
            absences,
            events: self.events.clone(),
        }
    }
}
