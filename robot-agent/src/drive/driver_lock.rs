//! Who drives: one at a time, by whatever road. Pure; `docs/driving.md` states the rule in words.
//!
//! A *press* is what a sender does between two rests: a key held, a stick away from its centre.
//! The first press while nobody drives takes the lock. It is held until its driver releases it,
//! leaves, or sends nothing for [`TIMEOUT`], and until anybody else stops the robot. A press that
//! was refused, or that another's stop fell into, stays refused until its sender has let go: no
//! key that is merely still held ever starts the wheels.

use std::time::{Duration, Instant};

use wire::telemetry;

use super::source::Person;

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
    holder: Option<Driver>,
    presses: Vec<Press>,
    stopped: Option<Stopped>,
}

#[derive(Debug)]
struct Driver {
    person: Person,
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
    by: Person,
    at: Instant,
}

impl DriverLock {
    /// A motion of `sender` was heard, whatever becomes of it: they have not let go.
    pub(super) fn heard(&mut self, sender: &str, now: Instant) {
        self.presses
            .retain(|press| now.saturating_duration_since(press.heard) < LET_GO_AFTER);
        if let Some(press) = self.press(sender) {
            press.heard = now;
            return;
        }
        if self.presses.len() == MAX_PRESSES {
            self.presses.remove(0);
        }
        self.presses.push(Press {
            of: sender.to_owned(),
            heard: now,
            refused: false,
        });
    }

    /// Whether a motion that was [`heard`](Self::heard) may move the robot. Takes a lock that is
    /// free, renews their own.
    pub(super) fn admit(&mut self, person: &Person, now: Instant) -> bool {
        let other = self.holds(now).is_some_and(|holder| holder != person.id);
        let Some(press) = self.press(&person.id) else {
            return false;
        };
        press.refused |= other;
        if press.refused {
            return false;
        }
        self.renew(person, now);
        self.stopped = None;
        true
    }

    /// `person` let go. True if they drive, so that the wheels rest.
    pub(super) fn let_go(&mut self, person: &Person, now: Instant) -> bool {
        self.presses.retain(|press| press.of != person.id);
        let drives = self.holds(now) == Some(&person.id);
        if drives {
            self.renew(person, now);
        }
        drives
    }

    /// `person` stops the robot. Every other press is over, and its driver drives no more.
    pub(super) fn stop(&mut self, person: &Person, now: Instant) {
        self.let_go(person, now);
        for press in &mut self.presses {
            press.refused = true;
        }
        if self.holds(now).is_some_and(|holder| holder != person.id) {
            self.holder = None;
            self.stopped = Some(Stopped {
                by: person.clone(),
                at: now,
            });
        }
    }

    /// `sender` drives no more. True if they did.
    pub(super) fn release(&mut self, sender: &str) -> bool {
        self.holder
            .take_if(|holder| holder.person.id == sender)
            .is_some()
    }

    /// Who drives.
    pub(super) fn driver(&self, now: Instant) -> Option<telemetry::Driver> {
        let Driver { person, renewed } = self.holder(now)?;
        let age = now.saturating_duration_since(*renewed);
        Some(telemetry::Driver {
            id: person.id.clone(),
            user: person.user.clone(),
            via: person.via,
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
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

    fn renew(&mut self, person: &Person, now: Instant) {
        self.holder = Some(Driver {
            person: person.clone(),
            renewed: now,
        });
    }

    fn holder(&self, now: Instant) -> Option<&Driver> {
        self.holder
            .as_ref()
            .filter(|holder| now.saturating_duration_since(holder.renewed) < TIMEOUT)
    }

    fn holds(&self, now: Instant) -> Option<&str> {
        self.holder(now).map(|holder| holder.person.id.as_str())
    }

    fn press(&mut self, sender: &str) -> Option<&mut Press> {
        self.presses.iter_mut().find(|press| press.of == sender)
    }
}

#[cfg(test)]
mod tests;
