//! Who drives: one at a time, by whatever road. Pure; `docs/driving.md` states the rule in words.
//!
//! A *press* is what a sender does between two rests: a key held, a stick away from its centre.
//! The first press while nobody drives takes the lock. It is held until its driver releases it,
//! leaves, or sends nothing for [`TIMEOUT`], and until anybody else stops the robot. A press that
//! was refused, or that another's stop fell into, stays refused until its sender has let go: no
//! key that is merely still held ever starts the wheels.

use std::time::{Duration, Instant};

use wire::telemetry;

use super::robot_clock::millis;
use super::source::Sender;

/// How long a driver may send nothing. Long enough to release a key and think, short enough
/// that others are not locked out by a page somebody forgot.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Who sends no motion for this long has let go. A held key sends ten a second, so this is ten
/// lost in a row; who lets go in words (`drive` 0/0, `stop`) need not wait for it.
const LET_GO_AFTER: Duration = Duration::from_secs(1);

/// How long it is news that somebody was stopped.
const STOP_IS_NEWS: Duration = Duration::from_secs(10);

/// As many as [`super::sequence`] remembers.
const MAX_PRESSES: usize = 16;

#[derive(Debug, Default)]
pub(super) struct DriverLock {
    holder: Option<Holder>,
    presses: Vec<Press>,
    stopped: Option<Stopped>,
}

#[derive(Debug)]
struct Holder {
    sender: Sender,
    renewed: Instant,
}

#[derive(Debug)]
struct Press {
    of: String,
    heard: Instant,
    refused: bool,
}

#[derive(Debug)]
struct Stopped {
    by: Sender,
    at: Instant,
}

impl DriverLock {
    /// A motion of the sender called `id` was heard, whatever becomes of it: they have not let go.
    pub(super) fn heard(&mut self, id: &str, now: Instant) {
        self.presses
            .retain(|press| now.saturating_duration_since(press.heard) < LET_GO_AFTER);
        if let Some(press) = self.press(id) {
            press.heard = now;
            return;
        }
        if self.presses.len() == MAX_PRESSES {
            self.presses.remove(0);
        }
        self.presses.push(Press {
            of: id.to_owned(),
            heard: now,
            refused: false,
        });
    }

    /// Whether a motion that was [`heard`](Self::heard) may move the robot. Takes a lock that is
    /// free, renews their own.
    pub(super) fn admit(&mut self, sender: &Sender, now: Instant) -> bool {
        let other = self.holds(now).is_some_and(|holder| holder != sender.id);
        let Some(press) = self.press(&sender.id) else {
            return false;
        };
        press.refused |= other;
        if press.refused {
            return false;
        }
        self.renew(sender, now);
        self.stopped = None;
        true
    }

    /// `sender` let go. True if they drive, so that the wheels rest.
    pub(super) fn let_go(&mut self, sender: &Sender, now: Instant) -> bool {
        self.presses.retain(|press| press.of != sender.id);
        let drives = self.holds(now) == Some(&sender.id);
        if drives {
            self.renew(sender, now);
        }
        drives
    }

    /// `sender` stops the robot. Every other press is over, and its driver drives no more.
    pub(super) fn stop(&mut self, sender: &Sender, now: Instant) {
        self.let_go(sender, now);
        for press in &mut self.presses {
            press.refused = true;
        }
        if self.holds(now).is_some_and(|holder| holder != sender.id) {
            self.holder = None;
            self.stopped = Some(Stopped {
                by: sender.clone(),
                at: now,
            });
        }
    }

    /// The sender called `id` drives no more. True if they did.
    pub(super) fn release(&mut self, id: &str) -> bool {
        self.holder
            .take_if(|holder| holder.sender.id == id)
            .is_some()
    }

    /// Who drives.
    pub(super) fn driver(&self, now: Instant) -> Option<telemetry::Driver> {
        let Holder { sender, renewed } = self.holder(now)?;
        let age = now.saturating_duration_since(*renewed);
        Some(telemetry::Driver {
            id: sender.id.clone(),
            user: sender.user.clone(),
            via: sender.via,
            age_ms: millis(age),
        })
    }

    /// Who stopped the last driver, while that is news.
    pub(super) fn stopped_by(&self, now: Instant) -> Option<telemetry::StoppedBy> {
        let stopped = self.stopped.as_ref()?;
        let is_news = now.saturating_duration_since(stopped.at) < STOP_IS_NEWS;
        is_news.then(|| telemetry::StoppedBy {
            id: stopped.by.id.clone(),
            user: stopped.by.user.clone(),
            via: stopped.by.via,
        })
    }

    fn renew(&mut self, sender: &Sender, now: Instant) {
        self.holder = Some(Holder {
            sender: sender.clone(),
            renewed: now,
        });
    }

    fn holder(&self, now: Instant) -> Option<&Holder> {
        self.holder
            .as_ref()
            .filter(|holder| now.saturating_duration_since(holder.renewed) < TIMEOUT)
    }

    fn holds(&self, now: Instant) -> Option<&str> {
        self.holder(now).map(|holder| holder.sender.id.as_str())
    }

    fn press(&mut self, id: &str) -> Option<&mut Press> {
        self.presses.iter_mut().find(|press| press.of == id)
    }
}

#[cfg(test)]
mod tests;
