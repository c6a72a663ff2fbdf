//! Whether the wheels did what they may. Pure.

use crate::faults::ledger::Order;
use crate::robot::Write;
use std::fmt;
use std::time::Duration;

/// An order is worth nothing later than this after it was given: `drive.stale_ms`, and what a
/// machine that is busy may need.
pub const LATEST: Duration = Duration::from_millis(1000 + 250);

/// By how much wheels may turn longer than the order says.
pub const OVERRUN: Duration = Duration::from_millis(250);

/// For how long the wheels of a robot that does not run may turn on: `WatchdogSec`,
/// `TimeoutAbortSec`, and a stop of the board.
pub const UNATTENDED: Duration = Duration::from_millis(2000 + 1000 + 500);

/// When the robot did not run: frozen, or over and its board not yet stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// From when, in nanoseconds of Unix time.
    pub from_ns: u64,
    /// Until when.
    pub until_ns: u64,
}

/// What is known of one round.
pub struct Evidence<'a> {
    /// What the wheels did, oldest first.
    pub writes: &'a [Write],
    /// Whose throttle it is.
    pub order: &'a dyn Fn(f64) -> Option<Order>,
    /// When the robot did not run.
    pub absences: &'a [Absence],
    /// When orders were given by somebody whose right to had ended, in nanoseconds of Unix time.
    pub forbidden: Option<(u64, u64)>,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq)]
pub enum Broken {
    /// The wheels turn, and nobody has asked for it.
    NoOrder(Write),
    /// They turn on an order that is too old.
    Late(Order, Duration),
    /// They turn on an order whose sender was told that it is not obeyed.
    Refused(Order, Duration),
    /// They turn on an order that nobody had the right to give.
    Forbidden(Order),
    /// They turn for so much longer than the order says.
    Overrun(Order, Duration),
    /// They turn still.
    NotAtRest(Write),
    /// The robot does not serve again.
    NotBack(String),
    /// Something that was acknowledged is gone.
    Lost(String),
}

/// The figures of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// The oldest order that turned a wheel: how old it was.
    pub latest: Duration,
    /// By how much wheels turned longer than their order says, while the robot ran.
    pub overrun: Duration,
    /// The longest that wheels turned on while the robot did not run.
    pub unattended: Duration,
}

/// Judges a round that is over.
pub fn judge(evidence: &Evidence) -> (Figures, Vec<Broken>) {
    let mut figures = Figures::default();
    let mut broken = Vec::new();
    for (at, write) in evidence.writes.iter().enumerate() {
        if !write.moves() {
            continue;
        }
        let Some(order) = (evidence.order)(write.left).filter(|_| write.left == write.right) else {
            broken.push(Broken::NoOrder(*write));
            continue;
        };
        if let Some((from, until)) = evidence.forbidden
            && (from..until).contains(&order.given_ns)
        {
            broken.push(Broken::Forbidden(order));
        }
        let age = since(order.given_ns, write.t_ns);
        figures.latest = figures.latest.max(age);
        if age > LATEST {
            broken.push(Broken::Late(order, age));
        }
        if let Some(refused) = order.refused_ns {
            let after = since(refused, write.t_ns);
            if after > OVERRUN {
                broken.push(Broken::Refused(order, after));
            }
        }
        match evidence.writes.get(at + 1) {
            Some(next) => overrun(evidence, &order, write, next, &mut figures, &mut broken),
            None => broken.push(Broken::NotAtRest(*write)),
        }
    }
    (figures, broken)
}

/// How much too long the wheels turned between two writes.
fn overrun(
    evidence: &Evidence,
    order: &Order,
    write: &Write,
    next: &Write,
    figures: &mut Figures,
    broken: &mut Vec<Broken>,
) {
    let due = write.t_ns + nanos(order.duration);
    let absent = evidence
        .absences
        .iter()
        .filter(|absence| absence.from_ns <= due + nanos(OVERRUN) && write.t_ns < absence.until_ns)
        .max_by_key(|absence| absence.until_ns);
    let over = since(due, next.t_ns);
    match absent {
        // Of a robot that runs again it counts from then.
        Some(absence) => {
            let unattended = since(absence.from_ns.max(due), next.t_ns.min(absence.until_ns));
            let over = since(due.max(absence.until_ns), next.t_ns);
            figures.unattended = figures.unattended.max(unattended);
            if unattended > UNATTENDED || over > OVERRUN {
                broken.push(Broken::Overrun(*order, unattended + over));
            }
        }
        None => {
            figures.overrun = figures.overrun.max(over);
            if over > OVERRUN {
                broken.push(Broken::Overrun(*order, over));
            }
        }
    }
}

fn since(from_ns: u64, to_ns: u64) -> Duration {
    Duration::from_nanos(to_ns.saturating_sub(from_ns))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = |order: &Order| format!("order {} by {}", order.number, order.road);
        match self {
            Self::NoOrder(write) => write!(
                f,
                "wheels at {}, {}: no order says so",
                write.left, write.right
            ),
            Self::Late(late, age) => write!(
                f,
                "{} moved the wheels {age:?} after it was given",
                order(late)
            ),
            Self::Refused(refused, after) => write!(
                f,
                "{} moved the wheels {after:?} after its refusal",
                order(refused)
            ),
            Self::Forbidden(forbidden) => write!(
                f,
                "{} moved the wheels after the right to give it had ended",
                order(forbidden)
            ),
            Self::Overrun(overrun, by) => write!(
                f,
                "{} turned the wheels for {by:?} too long",
                order(overrun)
            ),
            Self::NotAtRest(write) => write!(f, "the wheels still turn at {}", write.left),
            Self::NotBack(what) | Self::Lost(what) => f.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::road::Road;

    const MS: u64 = 1_000_000;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn order() -> Order {
        Order {
            number: 7,
            road: Road::Mqtt,
            given_ns: 1000 * MS,
            duration: ms(200),
            refused_ns: None,
        }
    }

    fn write(at_ms: u64, throttle: f64) -> Write {
        Write {
            t_ns: at_ms * MS,
            left: throttle,
            right: throttle,
            stop: throttle == 0.0,
        }
    }

    fn judged(order: Order, writes: &[Write], absences: &[Absence]) -> (Figures, Vec<Broken>) {
        judge(&Evidence {
            writes,
            order: &|throttle| (throttle == 0.5).then_some(order),
            absences,
            forbidden: Some((1500 * MS, 1600 * MS)),
        })
    }

    #[test]
    fn an_order_that_is_fresh_and_ends_in_time_is_well() {
        let (figures, broken) = judged(order(), &[write(1040, 0.5), write(1300, 0.0)], &[]);
        assert_eq!(broken, []);
        assert_eq!((figures.latest, figures.overrun), (ms(40), ms(60)));
    }

    #[test]
    fn each_promise_is_seen_to_be_broken() {
        let rest = |at_ms| write(at_ms, 0.0);
        let refused = Order {
            refused_ns: Some(1010 * MS),
            ..order()
        };
        let forbidden = Order {
            given_ns: 1500 * MS,
            ..order()
        };
        for (order, writes, expected) in [
            (
                order(),
                [write(1100, 0.4), rest(1200)],
                Broken::NoOrder(write(1100, 0.4)),
            ),
            (
                order(),
                [write(2251, 0.5), rest(2400)],
                Broken::Late(order(), ms(1251)),
            ),
            (
                refused,
                [write(1261, 0.5), rest(1400)],
                Broken::Refused(refused, ms(251)),
            ),
            (
                forbidden,
                [write(1510, 0.5), rest(1600)],
                Broken::Forbidden(forbidden),
            ),
            (
                order(),
                [write(1100, 0.5), rest(1551)],
                Broken::Overrun(order(), ms(251)),
            ),
        ] {
            assert_eq!(judged(order, &writes, &[]).1, [expected]);
        }
        let turns = [write(1100, 0.5)];
        assert_eq!(
            judged(order(), &turns, &[]).1,
            [Broken::NotAtRest(turns[0])]
        );
    }

    #[test]
    fn a_robot_that_did_not_run_is_stopped_by_its_watchdog_or_stops_at_once_when_it_runs_again() {
        let writes = [write(1100, 0.5), write(3500, 0.0)];
        let until = |until_ms| Absence {
            from_ns: 1200 * MS,
            until_ns: until_ms * MS,
        };
        let (figures, broken) = judged(order(), &writes, &[until(3400)]);
        assert_eq!(broken, []);
        assert_eq!((figures.unattended, figures.overrun), (ms(2100), ms(0)));
        for until_ms in [1900, 3200] {
            let broken = judged(order(), &writes, &[until(until_ms)]).1;
            assert!(matches!(broken[..], [Broken::Overrun(..)]), "{until_ms}");
        }
        let writes = [write(1100, 0.5), write(4900, 0.0)];
        let broken = judged(order(), &writes, &[until(4900)]).1;
        assert!(matches!(broken[..], [Broken::Overrun(..)]));
    }
}
