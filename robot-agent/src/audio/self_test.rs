//! Plays a tone and listens for it: what the microphone hears of the speaker, in words, for `check --sound`.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use super::device::Device;
use super::frame::RATE;
use super::microphone::{self, Recording};
use super::shared::{AudioConfig, Shared};
use super::speaker;
use crate::clock::now;

/// Where small loudspeakers and microphones are good, and hardly anything hums.
const TONE_HZ: f64 = 1000.0;

/// How long it is played: longer than a speaker needs to wake up.
const TONE: Duration = Duration::from_secs(1);

/// Of full scale.
const TONE_LEVEL: f64 = 0.25;

/// How long the room is listened to before and after it; on its way is a tone for less.
const BEFORE: Duration = Duration::from_millis(500);
const AFTER: Duration = Duration::from_millis(700);

/// Samples that are judged at once: 50 ms.
const WINDOW: usize = RATE as usize / 20;

/// Louder by this than the room at the same frequency, it is the tone; less is an accident.
const HEARD_DB: f64 = 10.0;

/// Nearer to full scale than this, it is cut off.
const FULL_DB: f64 = -1.0;

/// What was found: well, or a fault, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is neither microphone nor speaker.
    Off,
    Well(String),
    Fault(String, &'static str),
}

/// Blocks for some seconds, and for up to `limit` more until a device gives sound or takes it.
pub(crate) fn run(config: &AudioConfig, limit: Duration) -> Found {
    let speaks = config.speaker != Device::Off;
    let hears = config.microphone != Device::Off && !config.muted;
    if !speaks && config.microphone == Device::Off {
        return Found::Off;
    }
    match played_and_recorded(config, speaks, hears, limit) {
        Ok(samples) => judge(config, speaks, hears, samples),
        Err(fault) => Found::Fault(fault, "the lines microphone and speaker say more"),
    }
}

/// What was recorded, and how many samples of it are of before the tone; none without a microphone.
fn played_and_recorded(
    config: &AudioConfig,
    speaks: bool,
    hears: bool,
    limit: Duration,
) -> Result<Option<(Vec<i16>, usize)>, String> {
    gstreamer::init().map_err(|error| format!("GStreamer does not start: {error}"))?;
    let shared = Arc::new(Shared::new(config.clone()));
    let recording = hears.then(|| microphone::record(&shared)).transpose()?;
    std::thread::scope(|scope| {
        if speaks {
            shared.speaker.set_wanted(true);
            scope.spawn(|| speaker::run(&shared));
        }
        let heard = play(&shared, recording.as_ref(), speaks, limit);
        shared.speaker.stop();
        heard
    })
}

fn play(
    shared: &Shared,
    recording: Option<&Recording>,
    speaks: bool,
    limit: Duration,
) -> Result<Option<(Vec<i16>, usize)>, String> {
    let until = now() + limit;
    let works = |recording: &Recording| recording.len() > 0;
    while (speaks && shared.speaker.running().is_none()) || !recording.is_none_or(works) {
        if let Some(fault) = shared.speaker.fault().or_else(|| shared.microphone.fault()) {
            return Err(fault);
        }
        // What ends a recording has its words here.
        shared.microphone.set_wanted(true);
        shared
            .microphone
            .wait(Some(now() + Duration::from_millis(20)))?;
        if now() > until {
            return Err(format!("no sound within {limit:?}"));
        }
    }
    std::thread::sleep(BEFORE);
    let before = recording.map_or(0, Recording::len);
    if speaks {
        shared.voice.play(tone());
    }
    std::thread::sleep(TONE + AFTER);
    Ok(recording.map(|recording| (recording.samples(), before)))
}

fn tone() -> Vec<i16> {
    let count = (TONE.as_secs_f64() * f64::from(RATE)) as u32;
    let sample = |at: u32| {
        let time = f64::from(at) / f64::from(RATE);
        let swell = (f64::from(at.min(count - at)) / 480.0).min(1.0);
        ((TAU * TONE_HZ * time).sin() * TONE_LEVEL * swell * f64::from(i16::MAX)) as i16
    };
    (0..count).map(sample).collect()
}

fn judge(
    config: &AudioConfig,
    speaks: bool,
    hears: bool,
    recorded: Option<(Vec<i16>, usize)>,
) -> Found {
    let Some((samples, before)) = recorded.filter(|_| hears) else {
        let why = if config.muted { "muted" } else { "off" };
        return Found::Well(format!(
            "played {TONE_HZ} Hz for {TONE:?}; did you hear it? The microphone is {why}"
        ));
    };
    let (room, during) = samples.split_at(before.min(samples.len()));
    let loudest = db(peak(&samples));
    if samples.iter().all(|sample| *sample == 0) {
        return Found::Fault(
            "the microphone gives nothing but digital silence".to_owned(),
            "is it muted in the mixer (alsamixer, F4) or by a switch?",
        );
    }
    if !speaks {
        return Found::Well(format!(
            "the microphone hears the room at {:.0} dB of full scale; there is no speaker to play a tone",
            db(rms(room))
        ));
    }
    let quiet = levels(room).into_iter().fold(0.0, f64::max);
    let heard = levels(during);
    let loud = db(heard.iter().copied().fold(0.0, f64::max));
    let above = loud - db(quiet);
    if above < HEARD_DB {
        return Found::Fault(
            format!(
                "played {TONE_HZ} Hz for {TONE:?}, and the microphone heard nothing of it: {loud:.0} dB, \
                 the room alone {:.0} dB",
                db(quiet)
            ),
            "is the speaker's volume up (alsamixer, audio.volume), and does the microphone hear the room? Where \
             a speakerphone takes out its own sound, that is as it should be: then listen yourself",
        );
    }
    let begins = heard.iter().position(|level| db(*level) > loud - 6.0);
    let after = begins.unwrap_or_default() * WINDOW * 1000 / RATE as usize;
    if loudest > FULL_DB {
        return Found::Fault(
            format!(
                "the microphone hears the speaker's tone cut off, at {loudest:.0} dB of full scale"
            ),
            "lower audio.volume or the microphone's gain (alsamixer, F4)",
        );
    }
    Found::Well(format!(
        "played {TONE_HZ} Hz for {TONE:?} and heard it some {after} ms later at {loud:.0} dB of full scale, \
         {above:.0} dB above the room"
    ))
}

/// Of the tone, window by window, as parts of full scale.
fn levels(samples: &[i16]) -> Vec<f64> {
    let omega = TAU * TONE_HZ / f64::from(RATE);
    let level = |window: &[i16]| {
        let (mut s1, mut s2) = (0.0, 0.0);
        for sample in window {
            (s2, s1) = (s1, f64::from(*sample) + 2.0 * omega.cos() * s1 - s2);
        }
        let power: f64 = s1 * s1 + s2 * s2 - 2.0 * omega.cos() * s1 * s2;
        2.0 * power.max(0.0).sqrt() / window.len() as f64 / f64::from(i16::MAX)
    };
    samples.chunks_exact(WINDOW).map(level).collect()
}

fn peak(samples: &[i16]) -> f64 {
    let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max();
    f64::from(loudest.unwrap_or_default()) / f64::from(i16::MAX)
}

fn rms(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (power / samples.len().max(1) as f64).sqrt() / f64::from(i16::MAX)
}

/// Of full scale; what is nothing is at -96 dB, as is the smallest sample.
fn db(level: f64) -> f64 {
    (20.0 * level.log10()).max(-96.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: AudioConfig = AudioConfig {
        microphone: Device::Test,
        speaker: Device::Test,
        ..AudioConfig::OFF
    };

    /// Half a second of a quiet room, and what comes after it.
    fn heard(factor: f64) -> Found {
        let noise = |at: usize| ((at * 7919) % 64) as i16 - 32;
        let room: Vec<i16> = (0..24_000).map(noise).collect();
        let tone = tone().into_iter().enumerate();
        let during = tone.map(|(at, sample)| (f64::from(sample) * factor) as i16 + noise(at));
        let mut all = room.clone();
        all.extend(room.iter().take(4800));
        all.extend(during);
        judge(&BOTH, true, true, Some((all, room.len())))
    }

    #[test]
    fn a_tone_that_comes_back_is_heard_with_its_delay_and_level() {
        let Found::Well(words) = heard(0.1) else {
            panic!("{:?}", heard(0.1))
        };
        assert!(words.contains("100 ms later at -32 dB"), "{words}");
    }

    #[test]
    fn a_tone_that_does_not_come_back_or_is_cut_off_is_a_fault() {
        let fault = |found: Found| match found {
            Found::Fault(words, _) => words,
            other => panic!("{other:?}"),
        };
        assert!(fault(heard(0.0)).contains("heard nothing of it"));
        assert!(fault(heard(3.9)).contains("cut off"));
        let zeros = judge(&BOTH, true, true, Some((vec![0; 96_000], 24_000)));
        assert!(fault(zeros).contains("digital silence"));
    }

    #[test]
    fn a_microphone_that_is_muted_stays_closed() {
        let muted = AudioConfig {
            muted: true,
            ..BOTH
        };
        let Found::Well(words) = run(&muted, Duration::from_secs(20)) else {
            panic!("no speaker")
        };
        assert!(words.contains("The microphone is muted"), "{words}");
        assert_eq!(run(&AudioConfig::OFF, Duration::ZERO), Found::Off);
    }

    #[test]
    fn real_devices_are_played_to_and_listened_to() {
        // The test tone is of another frequency, and nothing comes back from the speaker.
        let Found::Fault(words, _) = run(&BOTH, Duration::from_secs(20)) else {
            panic!("it was heard")
        };
        assert!(words.contains("heard nothing of it"), "{words}");
        let nowhere = AudioConfig {
            speaker: Device::File("/nowhere/speaker.wav".into()),
            ..BOTH
        };
        let Found::Fault(words, _) = run(&nowhere, Duration::from_secs(20)) else {
            panic!("it was heard")
        };
        assert!(words.contains("speaker: "), "{words}");
    }
}
