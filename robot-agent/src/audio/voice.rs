//! Who speaks by the robot, and what the room is told: shared by those who bring packets, the speaker's
//! thread, and the microphone's, which is lowered meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::chime::Chime;
use super::jitter_buffer::{Counts, JitterBuffer, Step, VoicePacket};

/// A talker of whom nothing came for so long has ended: longer than the silence between two words, as
/// senders leave it out but for a packet every 400 ms.
const TALK_ENDS: Duration = Duration::from_millis(600);

/// How long the microphone stays lowered after the last that was heard: what a room echoes.
const ECHO: Duration = Duration::from_millis(250);

/// Chimes that wait, and other clips. More at once tell nobody anything.
const MAX_CHIMES: usize = 2;
const MAX_CLIPS: usize = 2;

#[derive(Default)]
pub(super) struct Voice {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    talk: Option<Talk>,
    /// Of the talks, so that each has a decoder of its own.
    talks: u64,
    audible: Option<Instant>,
    viewers: usize,
    listeners: usize,
    chimes: VecDeque<Chime>,
    clips: VecDeque<Vec<i16>>,
}

struct Talk {
    talker: Arc<str>,
    last: Instant,
    jitter: JitterBuffer,
}

impl Voice {
    /// A packet of who may speak. Whoever spoke before speaks no more.
    pub(super) fn receive(&self, talker: &Arc<str>, packet: VoicePacket, now: Instant) {
        let mut state = self.lock();
        if state
            .talk
            .as_ref()
            .is_none_or(|talk| talk.talker != *talker)
        {
            state.end_talk();
            tracing::info!(viewer = %talker, "speaks");
            state.talks += 1;
            state.talk = Some(Talk {
                talker: Arc::clone(talker),
                last: now,
                jitter: JitterBuffer::default(),
            });
        }
        if let Some(talk) = &mut state.talk {
            talk.last = now;
            talk.jitter.receive(packet, now);
        }
    }

    /// What the speaker plays next, and of which talk it is.
    pub(super) fn next(&self, now: Instant) -> (u64, Step) {
        let mut state = self.lock();
        let step = state.talk.as_mut().map(|talk| talk.jitter.next(now));
        let ended = |talk: &Talk| now.saturating_duration_since(talk.last) > TALK_ENDS;
        if state.talk.as_ref().is_some_and(ended) {
            state.end_talk();
        }
        (state.talks, step.unwrap_or(Step::Silence))
    }

    /// Who speaks.
    pub(super) fn talker(&self, now: Instant) -> Option<Arc<str>> {
        let state = self.lock();
        let talk = state.talk.as_ref()?;
        let speaks = now.saturating_duration_since(talk.last) <= TALK_ENDS;
        speaks.then(|| Arc::clone(&talk.talker))
    }

    /// The speaker plays something that can be heard.
    pub(super) fn set_audible(&self, now: Instant) {
        self.lock().audible = Some(now);
    }

    /// Whether the microphone would hear the speaker.
    pub(super) fn is_audible(&self, now: Instant) -> bool {
        let audible = self.lock().audible;
        audible.is_some_and(|at| now.saturating_duration_since(at) < ECHO)
    }

    /// How many watch, and how many of them listen; the room is told of more, if it is to `chime`.
    pub(super) fn set_audience(&self, viewers: usize, listeners: usize, chime: bool) {
        let mut state = self.lock();
        let news = if listeners > state.listeners {
            Some(Chime::Listens)
        } else {
            (viewers > state.viewers).then_some(Chime::Watches)
        };
        if let Some(news) = news.filter(|_| chime && state.chimes.len() < MAX_CHIMES) {
            state.chimes.push_back(news);
        }
        (state.viewers, state.listeners) = (viewers, listeners);
    }

    pub(super) fn listeners(&self) -> u32 {
        u32::try_from(self.lock().listeners).unwrap_or(u32::MAX)
    }

    /// Samples that are played as soon as what waits has been. False if too much waits.
    pub(super) fn play(&self, clip: Vec<i16>) -> bool {
        let mut state = self.lock();
        let has_room = state.clips.len() < MAX_CLIPS;
        if has_room {
            state.clips.push_back(clip);
        }
        has_room
    }

    /// What is played next beside who speaks.
    pub(super) fn take_clip(&self) -> Option<Vec<i16>> {
        let mut state = self.lock();
        let chime = state.chimes.pop_front().map(Chime::samples);
        chime.or_else(|| state.clips.pop_front())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_talk(&mut self) {
        let Some(talk) = self.talk.take() else { return };
        let Counts {
            played,
            concealed,
            late,
            skipped,
            duplicate,
            malformed,
        } = talk.jitter.counts;
        let delay_ms = talk.jitter.delay().as_millis();
        tracing::info!(
            viewer = %talk.talker, played, concealed, late, skipped, duplicate, malformed, delay_ms, "has spoken"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use bytes::Bytes;

    fn packet(number: u16) -> VoicePacket {
        VoicePacket {
            ssrc: 1,
            sequence_number: number,
            timestamp: u32::from(number) * 960,
            payload: Bytes::from_static(&[0xf8, 1]),
        }
    }

    #[test]
    fn one_speaks_at_a_time_and_their_talk_ends_with_their_packets() {
        let (anna, bert) = (Arc::from("anna"), Arc::from("bert"));
        let (voice, start) = (Voice::default(), now());
        assert_eq!(voice.talker(start), None);
        voice.receive(&anna, packet(0), start);
        let (first, _) = voice.next(start);
        voice.receive(&bert, packet(7), start);
        assert_eq!(voice.talker(start), Some(bert));
        let (second, _) = voice.next(start);
        assert_ne!(first, second, "another talk has another decoder");
        assert_eq!(voice.talker(start + TALK_ENDS * 2), None);
        voice.next(start + TALK_ENDS * 2);
        assert_eq!(voice.talker(start), None, "it is over");
    }

    #[test]
    fn the_microphone_is_lowered_until_the_echo_is_gone() {
        let (voice, start) = (Voice::default(), now());
        assert!(!voice.is_audible(start));
        voice.set_audible(start);
        assert!(voice.is_audible(start + ECHO / 2));
        assert!(!voice.is_audible(start + ECHO));
    }

    #[test]
    fn clips_are_played_in_turn_and_too_many_are_not() {
        let voice = Voice::default();
        let played: Vec<_> = (0..4).map(|n| voice.play(vec![n])).collect();
        assert_eq!(played, [true, true, false, false]);
        assert_eq!(voice.take_clip(), Some(vec![0]));
        assert!(voice.play(vec![9]));
    }

    #[test]
    fn the_room_is_told_of_more_but_not_of_fewer() {
        let voice = Voice::default();
        voice.set_audience(1, 0, true);
        assert_eq!(voice.take_clip(), Some(Chime::Watches.samples()));
        voice.set_audience(1, 1, true);
        assert_eq!(voice.take_clip(), Some(Chime::Listens.samples()));
        assert_eq!(voice.listeners(), 1);
        voice.set_audience(0, 0, true);
        assert_eq!(voice.take_clip(), None);
        voice.set_audience(5, 5, false);
        assert_eq!(voice.take_clip(), None);
    }
}
