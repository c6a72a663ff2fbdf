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
/// that others are not locked out by a page somebody forgot. Who sends no motion for this long has
/// let go, too; who says so (`drive` 0/0, `stop`) need not wait for it. A page that hears nothing
/// lets go of everything sooner, so no network that stands still makes a held key a new press.
const TIMEOUT: Duration = Duration::from_secs(3);

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
    until: Instant,
}

#[derive(Debug)]
struct Press {
    /// A [`Sender::key`].
    of: String,
    until: Instant,
    refused: bool,
    /// Another's stop has refused it.
    stopped: bool,
}

#[derive(Debug)]
struct Stopped {
    by: Sender,
    at: Instant,
}

impl DriverLock {
    /// A motion of `sender` was heard that would be over at `over`, whatever becomes of it: they
    /// have not let go.
    pub(super) fn heard(&mut self, sender: &Sender, now: Instant, over: Instant) {
        self.presses.retain(|press| now < press.until);
        let until = over.max(now + TIMEOUT);
        if let Some(press) = self.press(sender) {
            press.until = until;
            return;
        }
        if self.presses.len() == MAX_PRESSES {
            self.forget_one(now);
        }
        self.presses.push(Press {
            of: sender.key.clone(),
            until,
            refused: false,
            stopped: false,
        });
    }

    /// Whether a motion that was [`heard`](Self::heard) may move the robot. Takes a lock that is
    /// free, renews their own.
    pub(super) fn admit(&mut self, sender: &Sender, now: Instant, over: Instant) -> bool {
        let other = self.is_others(sender, now);
        let Some(press) = self.press(sender) else {
            return false;
        };
        press.refused |= other;
        if press.refused {
            return false;
        }
        self.renew(sender, now, over);
        self.stopped = None;
        true
    }

    /// `sender` let go. True if they drive, so that the wheels rest.
    pub(super) fn let_go(&mut self, sender: &Sender, now: Instant) -> bool {
        self.presses.retain(|press| press.of != sender.key);
        let drives = self.holds(now) == Some(&sender.key);
        if drives {
            self.renew(sender, now, now);
        }
        drives
    }

    /// `sender` talks by the robot, and moves nothing: takes a lock that is free, renews their own. A press
    /// that was refused stays refused.
    pub(super) fn talk(&mut self, sender: &Sender, now: Instant) -> bool {
        let free = !self.is_others(sender, now);
        if free {
            self.renew(sender, now, now);
        }
        free
    }

    /// `sender` stops the robot. Every other press is over, and its driver drives no more.
    pub(super) fn stop(&mut self, sender: &Sender, now: Instant) {
        self.let_go(sender, now);
        let driver = self.holder(now).map(|holder| holder.sender.key.clone());
        for press in &mut self.presses {
            press.refused = true;
            press.stopped |= driver.as_ref() == Some(&press.of);
        }
        if self.is_others(sender, now) {
            self.holder = None;
            self.stopped = Some(Stopped {
                by: sender.clone(),
                at: now,
            });
        }
    }

    /// Whether somebody drives who is not `sender`.
    pub(super) fn is_others(&self, sender: &Sender, now: Instant) -> bool {
        self.holds(now).is_some_and(|holder| holder != sender.key)
    }

    /// The sender called `id` drives no more. True if they did.
    pub(super) fn release(&mut self, id: &str) -> bool {
        self.holder
            .take_if(|holder| holder.sender.id == id)
            .is_some()
    }

    /// Who drives.
    pub(super) fn driver(&self, now: Instant) -> Option<telemetry::Driver> {
        let Holder {
            sender, renewed, ..
        } = self.holder(now)?;
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

    fn renew(&mut self, sender: &Sender, now: Instant, over: Instant) {
        self.holder = Some(Holder {
            sender: sender.clone(),
            renewed: now,
            until: over.max(now + TIMEOUT),
        });
    }

    fn holder(&self, now: Instant) -> Option<&Holder> {
        self.holder.as_ref().filter(|holder| now < holder.until)
    }

    fn holds(&self, now: Instant) -> Option<&str> {
        self.holder(now).map(|holder| holder.sender.key.as_str())
    }

    fn press(&mut self, sender: &Sender) -> Option<&mut Press> {
        self.presses.iter_mut().find(|press| press.of == sender.key)
    }

    /// Whatever made-up names it is for: neither the driver's, nor one that a stop holds.
    fn forget_one(&mut self, now: Instant) {
        let driver = self.holds(now).map(str::to_owned);
        let others = |press: &Press| !press.stopped && driver.as_ref() != Some(&press.of);
        let at = self.presses.iter().position(others).unwrap_or(0);
        self.presses.remove(at);
    }
}

#[cfg(test)]
mod tests;
