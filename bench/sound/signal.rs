//! The signal that is said and heard: a pilot that swells without an end, as encoders send nothing of what is
//! steady, by which holes are seen; and over it a burst every half second, each of six tones in turn, by which it is told
//! when it was said. Pure.
//!
//! sound.js listens for the same.

use std::f64::consts::TAU;
use std::path::Path;

/// Samples a second, mono.
pub(crate) const RATE: u32 = 48_000;

pub(crate) const PILOT_HZ: f64 = 400.0;

pub(crate) const BURSTS_HZ: [f64; 6] = [1200.0, 1600.0, 2000.0, 2400.0, 2800.0, 3200.0];

/// From burst to burst.
pub(crate) const SPACING_MS: f64 = 500.0;

/// After so long it comes again.
pub(crate) const PERIOD_MS: f64 = SPACING_MS * BURSTS_HZ.len() as f64;

/// Of full scale: the least of the pilot, how much it swells and how often, and the bursts.
pub(crate) const PILOT_LEVEL: f64 = 0.03;
const PILOT_SWELL: f64 = 0.07;
const PILOT_SWELL_HZ: f64 = 4.0;
pub(crate) const BURST_LEVEL: f64 = 0.2;

const BURST_S: f64 = 0.1;

/// In which a burst swells, so that it is a tone and no click.
const RAMP_S: f64 = 0.002;

/// So many periods of it.
fn samples(periods: u32) -> impl Iterator<Item = i16> {
    let count = f64::from(periods) * PERIOD_MS / 1000.0 * f64::from(RATE);
    (0..count as u32).map(|at| {
        let time = f64::from(at) / f64::from(RATE);
        let burst = time / (SPACING_MS / 1000.0);
        let into = burst.fract() * SPACING_MS / 1000.0;
        let hertz = BURSTS_HZ[burst as usize % BURSTS_HZ.len()];
        let swell = (into.min(BURST_S - into) / RAMP_S).clamp(0.0, 1.0);
        let tone = |hertz: f64, level: f64| (TAU * hertz * time).sin() * level;
        let pilot = PILOT_LEVEL + PILOT_SWELL * (0.5 - 0.5 * (TAU * PILOT_SWELL_HZ * time).cos());
        let both = tone(PILOT_HZ, pilot) + tone(hertz, BURST_LEVEL * swell);
        (both * f64::from(i16::MAX)) as i16
    })
}

/// Writes so many periods of it as a WAV file.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(path: &Path, periods: u32) -> std::io::Result<()> {
    let data: Vec<u8> = samples(periods).flat_map(i16::to_le_bytes).collect();
    let length = u32::try_from(data.len()).map_err(std::io::Error::other)?;
    let mut file = Vec::with_capacity(data.len() + 44);
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // PCM of one channel.
    file.extend(1_u16.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    file.extend((2 * RATE).to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(data);
    std::fs::write(path, file)
}
