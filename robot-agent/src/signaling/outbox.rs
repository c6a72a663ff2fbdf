//! What waits to be said, and when it may be: the service takes 20 candidates and 5 answers
//! a second from one socket, and drops what is more. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::video::messages::{Message, Outgoing};

/// What the service takes in any second.
const CANDIDATES_PER_S: usize = 20;
const ANSWERS_PER_S: usize = 5;

/// A second, and a little for the network to shift it by.
const SECOND: Duration = Duration::from_millis(1_050);

/// Most that waits: a full house of viewers with all their candidates.
const MOST: usize = 256;

/// How long a message is worth saying. A viewer that got no answer by then has given up.
const WORTH: Duration = Duration::from_secs(30);

/// The messages that wait.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(Instant, Outgoing)>,
    candidates: Quota<CANDIDATES_PER_S>,
    answers: Quota<ANSWERS_PER_S>,
}

/// The last `N` times.
#[derive(Debug, Default)]
struct Quota<const N: usize> {
    times: VecDeque<Instant>,
}

impl<const N: usize> Quota<N> {
    fn due(&self) -> Option<Instant> {
        self.times
            .front()
            .filter(|_| self.times.len() == N)
            .map(|first| *first + SECOND)
    }

    fn spend(&mut self, now: Instant) {
        if self.times.len() == N {
            self.times.pop_front();
        }
        self.times.push_back(now);
    }
}

impl Outbox {
    /// False if there is no more room: then nobody has listened for long.
    pub(super) fn put(&mut self, message: Outgoing, now: Instant) -> bool {
        self.waiting
            .retain(|(put, _)| now.saturating_duration_since(*put) < WORTH);
        let fits = self.waiting.len() < MOST;
        if fits {
            self.waiting.push_back((now, message));
        }
        fits
    }

    /// When the next may be said; `None` if nothing waits. The past means now.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let (_, next) = self.waiting.front()?;
        let due = match next.message {
            Message::Candidate(_) => self.candidates.due(),
            Message::Answer { .. } => self.answers.due(),
        };
        Some(due.unwrap_or(now))
    }

    /// The next, if it may be said now. It stays until it [was said](Self::said).
    pub(super) fn next(&self, now: Instant) -> Option<&Outgoing> {
        if self.due(now)? > now {
            return None;
        }
        self.waiting.front().map(|(_, message)| message)
    }

    /// The next was said.
    pub(super) fn said(&mut self, now: Instant) {
        match self.waiting.pop_front() {
            Some((_, message)) => match message.message {
                Message::Candidate(_) => self.candidates.spend(now),
                Message::Answer { .. } => self.answers.spend(now),
            },
            None => debug_assert!(false, "only what waits is said"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::signaling::Candidate;

    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn candidate() -> Outgoing {
        Outgoing {
            viewer: "anna".to_owned(),
            message: Message::Candidate(Candidate::default()),
        }
    }

    fn answer() -> Outgoing {
        Outgoing {
            viewer: "anna".to_owned(),
            message: Message::Answer {
                sdp: String::new(),
                refused: None,
            },
        }
    }

    fn take(outbox: &mut Outbox, now: Instant) -> Option<Outgoing> {
        let next = outbox.next(now).cloned()?;
        outbox.said(now);
        Some(next)
    }

    /// When each was said, in milliseconds.
    fn said(outbox: &mut Outbox, start: Instant) -> Vec<u64> {
        let mut times = Vec::new();
        for ms in 0..10_000 {
            while take(outbox, start + Duration::from_millis(ms)).is_some() {
                times.push(ms);
            }
        }
        times
    }

    fn most_in_a_second(times: &[u64]) -> usize {
        let mut most = 0;
        for from in times {
            let second = *from..*from + 1000;
            most = most.max(times.iter().filter(|time| second.contains(*time)).count());
        }
        most
    }

    #[test]
    fn no_second_has_more_than_the_service_takes() {
        let start = start();
        for (message, count, limit) in [(candidate(), 100, 20), (answer(), 20, 5)] {
            let mut outbox = Outbox::default();
            for _ in 0..count {
                assert!(outbox.put(message.clone(), start));
            }
            let times = said(&mut outbox, start);
            assert_eq!(times.len(), count);
            assert_eq!(most_in_a_second(&times), limit);
        }
    }

    #[test]
    fn an_answer_stays_before_its_candidates() {
        let start = start();
        let mut outbox = Outbox::default();
        for _ in 0..6 {
            outbox.put(answer(), start);
        }
        outbox.put(candidate(), start);
        for _ in 0..5 {
            assert_eq!(take(&mut outbox, start), Some(answer()));
        }
        assert_eq!(take(&mut outbox, start), None);
        let later = outbox.due(start).unwrap();
        assert_eq!(take(&mut outbox, later), Some(answer()));
        assert_eq!(take(&mut outbox, later), Some(candidate()));
        assert_eq!(outbox.due(later), None);
    }

    #[test]
    fn what_nobody_listens_to_is_bounded_and_grows_stale() {
        let start = start();
        let mut outbox = Outbox::default();
        let fitted = (0..1000).filter(|_| outbox.put(candidate(), start)).count();
        assert_eq!(fitted, MOST);
        assert!(outbox.put(answer(), start + WORTH));
        assert_eq!(take(&mut outbox, start + WORTH), Some(answer()));
    }
}
