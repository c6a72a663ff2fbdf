//! The sound that tells a room that somebody begins to watch or to listen. Pure.

use std::f64::consts::TAU;

use super::frame::RATE;

/// What it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chime {
    Watches,
    Listens,
}

/// Seconds of each of the two tones.
const TONE_S: f64 = 0.18;

/// A fourth of full scale: heard beside a voice, and no alarm.
const LEVEL: f64 = 0.25;

impl Chime {
    /// Hertz of its tones: upwards for eyes, downwards for ears.
    fn tones(self) -> [f64; 2] {
        match self {
            Self::Watches => [660.0, 880.0],
            Self::Listens => [880.0, 660.0],
        }
    }

    /// Its samples, each tone dying away.
    pub(super) fn samples(self) -> Vec<i16> {
        let rate = f64::from(RATE);
        let count = (TONE_S * rate) as u32;
        let tone = |hertz: f64| {
            (0..count).map(move |at| {
                let time = f64::from(at) / rate;
                let swell = (time / 0.005).min(1.0) * (1.0 - time / TONE_S);
                ((TAU * hertz * time).sin() * swell * LEVEL * f64::from(i16::MAX)) as i16
            })
        };
        self.tones().into_iter().flat_map(tone).collect()
    }
}
