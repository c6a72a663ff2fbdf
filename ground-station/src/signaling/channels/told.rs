//! What a robot-agent was told of who may watch it, and whether it acts by that. Pure.

use std::time::Instant;

use wire::signaling::permitted::LIFE;

use crate::auth::{Grant, permitted};
use crate::store::Directory;

/// What is known of the master of one channel.
#[derive(Debug, Default)]
pub(super) enum Told {
    /// None has come since the station started; one may have been told before.
    #[default]
    Unknown,
    /// It is no robot-agent, and is told nothing.
    Nothing,
    List(List),
}

/// The last list that was sent, to a master that may have left since.
#[derive(Debug)]
pub(super) struct List {
    /// Of the master.
    pub grant: Grant,
    pub sent: Instant,
    /// Up to which revision of the directory the master has said to act.
    pub acts_by: Option<u64>,
}

/// A robot that may still show itself to somebody who may no longer watch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreached {
    pub robot: String,
    /// Whether it has a socket, and so may yet answer.
    pub connected: bool,
    /// Until when at most: by then it has ended all its viewers.
    pub until: Instant,
}

impl Told {
    /// Up to which revision a master has said to act.
    pub(super) fn acts_by(&self) -> Option<u64> {
        match self {
            Self::List(list) => list.acts_by,
            Self::Unknown | Self::Nothing => None,
        }
    }

    /// Until when `robot` may act by `before` though `after` takes something away from somebody;
    /// none where nothing is taken or it is known to act by `after`.
    pub(super) fn holds_until(
        &self,
        robot: &str,
        before: &Directory,
        after: &Directory,
        started: Instant,
    ) -> Option<Instant> {
        let viewer_out = || !permitted(robot, before).is_subset(&permitted(robot, after));
        match self {
            Self::Nothing => None,
            Self::Unknown => {
                (viewer_out() || before.revoked != after.revoked).then_some(started + LIFE)
            }
            Self::List(list) => {
                let robot_out = || list.grant.holds(before) && !list.grant.holds(after);
                let acts = list.acts_by.is_some_and(|acts| acts >= after.revision);
                (!acts && (viewer_out() || robot_out())).then_some(list.sent + LIFE)
            }
        }
    }
}
