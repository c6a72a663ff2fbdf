//! Sound against the real GStreamer of this machine, with files and a test tone.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::path::Path;

use gstreamer::prelude::*;

use super::frame::FRAME;
use super::*;
use crate::clock::now;
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::broadcast;

const TIMEOUT: Duration = Duration::from_secs(20);

fn config() -> AudioConfig {
    AudioConfig {
        microphone: Device::Test,
        ..AudioConfig::OFF
    }
}

/// The share of the samples' power that is at `hertz`, by Goertzel's algorithm.
fn purity(samples: &[i16], hertz: f64) -> f64 {
    let omega = TAU * hertz / f64::from(RATE);
    let (mut s1, mut s2, mut power) = (0.0, 0.0, 0.0);
    for sample in samples {
        let sample = f64::from(*sample);
        let s0 = sample + 2.0 * omega.cos() * s1 - s2;
        (s2, s1) = (s1, s0);
        power += sample * sample;
    }
    let at = s1 * s1 + s2 * s2 - 2.0 * omega.cos() * s1 * s2;
    at * 2.0 / samples.len() as f64 / power.max(1.0)
}

fn rms(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (power / samples.len().max(1) as f64).sqrt()
}

/// The loudest 50 ms.
fn loudest(samples: &[i16]) -> &[i16] {
    let pieces = samples.chunks_exact(2400);
    pieces.max_by(|a, b| rms(a).total_cmp(&rms(b))).unwrap()
}

fn next(packets: &mut broadcast::Receiver<Arc<SoundPacket>>) -> Arc<SoundPacket> {
    let limit = now() + TIMEOUT;
    loop {
        match packets.try_recv() {
            Ok(packet) => return packet,
            Err(error) => assert!(now() < limit, "no packet: {error}"),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What a decoder makes of a second of the packets.
fn decoded(packets: &mut broadcast::Receiver<Arc<SoundPacket>>, count: usize) -> Vec<i16> {
    let mut decoder = decoder::Decoder::new().unwrap();
    let mut samples = VecDeque::new();
    for _ in 0..count {
        assert!(decoder.decode(next(packets).payload.clone(), &mut samples));
    }
    samples.into()
}

#[test]
fn a_microphone_is_open_only_while_somebody_listens_and_its_tone_is_heard() {
    let (audio, _threads) = start(config());
    let mut packets = audio.packets();
    std::thread::sleep(Duration::from_millis(200));
    assert!(packets.try_recv().is_err(), "nobody listens");
    audio.set_audience(1, 1);
    let first = next(&mut packets);
    assert!(first.begins);
    let samples = decoded(&mut packets, 30);
    assert!(tonal(&samples, 440.0) >= 3, "{}", tonal(&samples, 440.0));
    let sent = 0.3 * f64::from(i16::MAX) / 2_f64.sqrt();
    let level = rms(loudest(&samples)) / sent;
    assert!((0.8..1.2).contains(&level), "{level}");
    assert_eq!(audio.status(now()).unwrap().listeners, 1);
    audio.set_audience(1, 0);
    let limit = now() + TIMEOUT;
    while audio.shared.microphone.running().is_some() {
        assert!(now() < limit, "never closed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The sample at that time of a tone.
fn tone(hertz: f64) -> impl Fn(f64) -> f64 {
    move |time| (TAU * hertz * time).sin() * 8000.0
}

/// Like a voice, as the encoder sees it: harmonics that swell four times a second.
fn speech(time: f64) -> f64 {
    let harmonics = (1..=10).map(|n| (TAU * 140.0 * f64::from(n) * time).sin() / f64::from(n));
    harmonics.sum::<f64>() * (0.6 + 0.4 * (TAU * 4.0 * time).sin()) * 6000.0
}

/// So many seconds of it, as packets.
fn encoded(seconds: u32, signal: impl Fn(f64) -> f64) -> Vec<Bytes> {
    gstreamer::init().unwrap();
    let description = format!(
        "appsrc name=in format=time caps=audio/x-raw,format=S16LE,rate={RATE},channels=1,layout=interleaved \
         ! opusenc audio-type=voice inband-fec=true packet-loss-percentage=10 bitrate=32000 ! appsink name=out sync=false"
    );
    let pipeline = gstreamer::parse::launch(&description).unwrap();
    let pipeline = pipeline.downcast::<gstreamer::Pipeline>().unwrap();
    let to = pipeline.by_name("in").unwrap();
    let to = to.downcast::<gstreamer_app::AppSrc>().unwrap();
    let from = pipeline.by_name("out").unwrap();
    let from = from.downcast::<gstreamer_app::AppSink>().unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    for second in 0..seconds {
        let sample = |at: u32| {
            let time = f64::from(second) + f64::from(at) / f64::from(RATE);
            (signal(time) as i16).to_le_bytes()
        };
        let samples: Vec<u8> = (0..RATE).flat_map(sample).collect();
        let mut buffer = gstreamer::Buffer::from_mut_slice(samples);
        let start = gstreamer::ClockTime::from_seconds(second.into());
        buffer.get_mut().unwrap().set_pts(start);
        to.push_buffer(buffer).unwrap();
    }
    to.end_of_stream().unwrap();
    let mut packets = Vec::new();
    while let Ok(sample) = from.pull_sample() {
        let map = sample.buffer().unwrap().map_readable().unwrap();
        packets.push(Bytes::copy_from_slice(&map));
    }
    pipeline.set_state(gstreamer::State::Null).unwrap();
    packets
}

/// What a speaker has written, without the header.
fn recorded(file: &Path) -> Vec<i16> {
    let bytes = std::fs::read(file).unwrap_or_default();
    let samples = bytes.get(44..).unwrap_or_default().chunks_exact(2);
    samples
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// A robot whose speaker is a file, while `during` is done.
fn speaks(config: AudioConfig, during: impl FnOnce(&Audio)) -> Vec<i16> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("speaker.wav");
    let speaker = Device::File(file.clone());
    let (audio, threads) = start(AudioConfig { speaker, ..config });
    audio.set_audience(1, 0);
    let limit = now() + TIMEOUT;
    while recorded(&file).is_empty() {
        assert!(
            now() < limit,
            "the speaker never starts: {:?}",
            audio.status(now())
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    during(&audio);
    drop(threads);
    recorded(&file)
}

fn say(audio: &Audio, ssrc: u32, packets: &[Bytes], lost: impl Fn(usize) -> bool) {
    let talker = Arc::from("anna");
    let begun = now();
    for (number, payload) in packets.iter().enumerate() {
        let due = begun + FRAME * number as u32;
        std::thread::sleep(due.saturating_duration_since(now()));
        let packet = VoicePacket {
            ssrc,
            sequence_number: number as u16,
            timestamp: number as u32 * 960,
            payload: payload.clone(),
        };
        if !lost(number) {
            audio.speak(&talker, packet, now());
        }
    }
    std::thread::sleep(Duration::from_millis(300));
}

/// How many pieces of 50 ms are loud and of this tone.
fn tonal(samples: &[i16], hertz: f64) -> usize {
    let pieces = samples.chunks_exact(2400);
    let of_tone = pieces.filter(|piece| rms(piece) > 1000.0 && purity(piece, hertz) > 0.8);
    of_tone.count()
}

#[test]
fn what_is_said_is_heard_at_its_level() {
    let packets = encoded(2, tone(600.0));
    let heard = speaks(AudioConfig::OFF, |audio| {
        say(audio, 1, &packets, |_| false);
        let status = audio.status(now()).unwrap();
        assert_eq!(status.talker.as_deref(), Some("anna"));
    });
    let pieces = tonal(&heard, 600.0);
    assert!((34..=42).contains(&pieces), "{pieces} of 40");
    let level = rms(loudest(&heard)) * 2_f64.sqrt() / 8000.0;
    assert!((0.8..1.4).contains(&level), "{level}");
}

#[test]
fn a_lost_packet_is_made_up_from_the_next() {
    let packets = encoded(3, speech);
    let decode = |lost: &dyn Fn(usize) -> bool| {
        let mut decoder = decoder::Decoder::new().unwrap();
        let mut samples = VecDeque::new();
        for (number, packet) in packets.iter().enumerate() {
            if lost(number) {
                decoder.conceal(&mut samples);
            } else {
                assert!(decoder.decode(packet.clone(), &mut samples));
            }
        }
        Vec::from(samples)
    };
    let is_lost = |number: usize| number % 12 == 7;
    let (whole, lossy) = (decode(&|_| false), decode(&is_lost));
    assert_eq!(whole.len(), lossy.len());
    let pieces = |samples: &[i16]| samples.chunks_exact(960).map(rms).collect::<Vec<_>>();
    let (whole, lossy) = (pieces(&whole), pieces(&lossy));
    let lost: Vec<_> = (0..whole.len()).filter(|number| is_lost(*number)).collect();
    let made_up = lost
        .iter()
        .filter(|at| (0.5..2.0).contains(&(lossy[**at] / whole[**at])));
    let made_up = made_up.count();
    assert!(
        made_up * 10 >= lost.len() * 8,
        "{made_up} of {}",
        lost.len()
    );
}

#[test]
fn garbage_is_not_heard_and_what_follows_it_is() {
    let packets = encoded(2, tone(600.0));
    let heard = speaks(AudioConfig::OFF, |audio| {
        let garbage: Vec<_> = (0..100_u8)
            .map(|n| {
                let packet = [n.wrapping_mul(37), n, !n, 255];
                Bytes::from(packet.repeat(usize::from(n % 9)))
            })
            .collect();
        say(audio, 1, &garbage, |_| false);
        say(audio, 2, &packets, |_| false);
    });
    let pieces = tonal(&heard, 600.0);
    assert!(pieces >= 30, "{pieces} of 40");
}

#[test]
fn the_microphone_is_lowered_while_somebody_speaks() {
    let packets = encoded(3, tone(600.0));
    let folder = tempfile::tempdir().unwrap();
    let both = AudioConfig {
        microphone: Device::Test,
        speaker: Device::File(folder.path().join("speaker.wav")),
        ..AudioConfig::OFF
    };
    let (audio, _threads) = start(both);
    let mut heard = audio.packets();
    audio.set_audience(1, 1);
    assert!(rms(loudest(&decoded(&mut heard, 15))) > 1000.0);
    let speaking = {
        let audio = audio.clone();
        std::thread::spawn(move || say(&audio, 1, &packets, |_| false))
    };
    let limit = now() + TIMEOUT;
    while !audio.shared.voice.is_audible(now()) {
        assert!(now() < limit, "never heard");
        std::thread::sleep(Duration::from_millis(5));
    }
    // What was heard before is on its way yet.
    std::thread::sleep(Duration::from_millis(200));
    while heard.try_recv().is_ok() || !heard.is_empty() {}
    // The test tone comes once a second.
    std::thread::sleep(Duration::from_millis(1500));
    let mut meanwhile = Vec::new();
    while let Ok(packet) = heard.try_recv() {
        meanwhile.push(packet);
    }
    let mut decoder = decoder::Decoder::new().unwrap();
    let mut samples = VecDeque::new();
    for packet in &meanwhile {
        assert!(decoder.decode(packet.payload.clone(), &mut samples));
    }
    let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max();
    assert!(loudest.unwrap_or_default() < 30, "{loudest:?}");
    speaking.join().unwrap();
}

#[test]
fn a_room_hears_that_somebody_watches() {
    let config = AudioConfig {
        chime: true,
        ..AudioConfig::OFF
    };
    let heard = speaks(config, |_| std::thread::sleep(Duration::from_millis(600)));
    assert!(purity(loudest(&heard), 660.0) > 0.8 || purity(loudest(&heard), 880.0) > 0.8);
}

#[test]
fn a_device_that_is_not_there_is_said_in_words_and_asked_for_again() {
    let config = AudioConfig {
        microphone: Device::Alsa("plughw:CARD=none".to_owned()),
        speaker: Device::File("/nowhere/speaker.wav".into()),
        ..AudioConfig::OFF
    };
    let (audio, threads) = start(config);
    audio.set_audience(1, 1);
    let limit = now() + TIMEOUT;
    loop {
        let status = audio.status(now()).unwrap();
        if let (Some(microphone), Some(speaker)) = (status.microphone_fault, status.speaker_fault) {
            assert!(microphone.starts_with("microphone: "), "{microphone}");
            assert!(speaker.starts_with("speaker: "), "{speaker}");
            break;
        }
        assert!(now() < limit, "never said");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(threads);
}
