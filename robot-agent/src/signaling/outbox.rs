//! Messages to viewers that wait, and when they may be sent: the service takes 20 candidates and 5 answers
//! a second from one socket, and drops what is more. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::video::messages::{Message, Outgoing};

/// What the service takes in any second.
const CANDIDATES_PER_S: usize = 20;
const ANSWERS_PER_S: usize = 5;

/// A second, and a little for the network to shift it by.
const SECOND: Duration = Duration::from_millis(1_050);

/// Most that waits: all the viewers there may be with all their candidates.
const MAX_WAITING: usize = 256;

/// How long a message is worth sending. A viewer that got no answer by then has given up.
const MAX_AGE: Duration = Duration::from_secs(30);

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

    fn record(&mut self, now: Instant) {
        if self.times.len() == N {
            self.times.pop_front();
        }
        self.times.push_back(now);
    }
}

impl Outbox {
    /// False if there is no more room: then the service was away for long.
    pub(super) fn push(&mut self, message: Outgoing, now: Instant) -> bool {
        self.waiting
            .retain(|(pushed, _)| now.saturating_duration_since(*pushed) < MAX_AGE);
        let fits = self.waiting.len() < MAX_WAITING;
        if fits {
            self.waiting.push_back((now, message));
        }
        fits
    }

    /// When the next may be sent; `None` if nothing waits. The past means now.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let (_, next) = self.waiting.front()?;
        let due = match next.message {
            Message::Candidate(_) => self.candidates.due(),
            Message::Answer { .. } => self.answers.due(),
        };
        Some(due.unwrap_or(now))
    }

    /// The next, if it may be sent now. It stays until it [was sent](Self::sent).
    pub(super) fn next(&self, now: Instant) -> Option<&Outgoing> {
        if self.due(now)? > now {
            return None;
        }
        self.waiting.front().map(|(_, message)| message)
    }

    /// The next was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        match self.waiting.pop_front() {
            Some((_, message)) => match message.message {
                Message::Candidate(_) => self.candidates.record(now),
                Message::Answer { .. } => self.answers.record(now),
            },
            None => debug_assert!(false, "only what waits is sent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use wire::signaling::Candidate;

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

    fn pop(outbox: &mut Outbox, now: Instant) -> Option<Outgoing> {
        let next = outbox.next(now).cloned()?;
        outbox.sent(now);
        Some(next)
    }

    /// When each was sent, in milliseconds.
    fn sent_at(outbox: &mut Outbox, start: Instant) -> Vec<u64> {
        let mut times = Vec::new();
        for ms in 0..10_000 {
            while pop(outbox, start + Duration::from_millis(ms)).is_some() {
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
        let start = now();
        for (message, count, limit) in [(candidate(), 100, 20), (answer(), 20, 5)] {
            let mut outbox = Outbox::default();
            for _ in 0..count {
                assert!(outbox.push(message.clone(), start));
            }
            let times = sent_at(&mut outbox, start);
            assert_eq!(times.len(), count);
            assert_eq!(most_in_a_second(&times), limit);
        }
    }

    #[test]
    fn an_answer_stays_before_its_candidates() {
        let start = now();
        let mut outbox = Outbox::default();
        for _ in 0..6 {
            outbox.push(answer(), start);
        }
        outbox.push(candidate(), start);
        for _ in 0..5 {
            assert_eq!(pop(&mut outbox, start), Some(answer()));
        }
        assert_eq!(pop(&mut outbox, start), None);
        let later = outbox.due(start).unwrap();
        assert_eq!(pop(&mut outbox, later), Some(answer()));
        assert_eq!(pop(&mut outbox, later), Some(candidate()));
        assert_eq!(outbox.due(later), None);
    }

    #[test]
    fn what_is_not_sent_is_bounded_and_grows_stale() {
        let start = now();
        let mut outbox = Outbox::default();
        let fitted = (0..1000)
            .filter(|_| outbox.push(candidate(), start))
            .count();
        assert_eq!(fitted, MAX_WAITING);
        assert!(outbox.push(answer(), start + MAX_AGE));
        assert_eq!(pop(&mut outbox, start + MAX_AGE), Some(answer()));
    }
}
