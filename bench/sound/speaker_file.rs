//! The robot's speaker, which is a file: read while it is written, so that each sample has its time.

use std::f64::consts::TAU;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use tests::unix_ms;
use tokio::task::JoinHandle;

use crate::heard::Heard;
use crate::signal::{BURST_LEVEL, BURSTS_HZ, PILOT_HZ, PILOT_LEVEL, RATE};

/// How often to look whether more is written: 20 ms are written at a time.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Of a WAV file.
const HEADER: usize = 44;

/// Samples in which each of the tones has whole periods.
const BLOCK: usize = 120;

/// A burst is a new one after so much silence, and none before it has lasted for so many blocks: a click is
/// none.
const APART_MS: f64 = 300.0;
const LASTS: u32 = 4;

/// Pieces by which it is judged when one of them was played: one of them is always read late.
const NEIGHBOURS: usize = 25;

/// A piece that was written: when it was seen, and how many samples there were before it.
type Piece = (f64, usize);

/// Reads the file until it is stopped.
pub(crate) struct SpeakerFile {
    stop: Arc<AtomicBool>,
    reading: JoinHandle<anyhow::Result<(Vec<i16>, Vec<Piece>)>>,
}

impl SpeakerFile {
    /// From what is written to it from now on.
    pub(crate) fn watch(path: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (path, stopped) = (path.to_owned(), Arc::clone(&stop));
        let reading = tokio::task::spawn_blocking(move || read(&path, &stopped));
        Self { stop, reading }
    }

    /// What was heard there.
    pub(crate) async fn heard(self) -> anyhow::Result<Heard> {
        self.stop.store(true, Ordering::Relaxed);
        let (samples, pieces) = self.reading.await.context("reading panicked")??;
        Ok(listen(&samples, &pieces))
    }
}

fn read(path: &Path, stop: &AtomicBool) -> anyhow::Result<(Vec<i16>, Vec<Piece>)> {
    let mut file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let skipped = bytes.len().max(HEADER);
    let (mut samples, mut pieces) = (Vec::new(), Vec::new());
    let mut taken = skipped;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK_EVERY);
        let before = bytes.len();
        file.read_to_end(&mut bytes)?;
        if bytes.len() > before && bytes.len() > taken + 1 {
            pieces.push((unix_ms(), samples.len()));
            let whole = taken + (bytes.len() - taken) / 2 * 2;
            let pairs = bytes[taken..whole].chunks_exact(2);
            samples.extend(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
            taken = whole;
        }
    }
    Ok((samples, pieces))
}

/// When a piece was played: as its neighbours were, but for those that were seen late.
fn begun(pieces: &[Piece], at: usize) -> f64 {
    let near = &pieces[at.saturating_sub(NEIGHBOURS)..(at + NEIGHBOURS).min(pieces.len())];
    let offset = |(seen, before): &Piece| seen - *before as f64 * 1000.0 / f64::from(RATE);
    let mut offsets: Vec<_> = near.iter().map(offset).collect();
    offsets.sort_by(f64::total_cmp);
    offsets[offsets.len() / 2] + pieces[at].1 as f64 * 1000.0 / f64::from(RATE)
}

fn listen(samples: &[i16], pieces: &[Piece]) -> Heard {
    let mut heard = Heard::default();
    let mut last = [f64::NEG_INFINITY; BURSTS_HZ.len()];
    let mut loud = [0; BURSTS_HZ.len()];
    let (mut levels, mut hole, mut piece) = (Vec::new(), None::<f64>, 0);
    for (number, block) in samples.chunks_exact(BLOCK).enumerate() {
        let index = number * BLOCK;
        while pieces
            .get(piece + 1)
            .is_some_and(|(_, before)| *before <= index)
        {
            piece += 1;
        }
        let into = (index - pieces[piece].1) as f64 * 1000.0 / f64::from(RATE);
        let at = begun(pieces, piece) + into;
        for (tone, hertz) in BURSTS_HZ.iter().enumerate() {
            let level = amplitude(block, *hertz);
            loud[tone] = if level < BURST_LEVEL / 2.0 {
                0
            } else {
                loud[tone] + 1
            };
            if loud[tone] >= LASTS {
                if at - last[tone] > APART_MS {
                    let lasted = f64::from(LASTS - 1) * BLOCK as f64 * 1000.0 / f64::from(RATE);
                    heard.bursts.push((tone, at - lasted));
                }
                last[tone] = at;
                levels.push(level);
            }
        }
        if amplitude(block, PILOT_HZ) < PILOT_LEVEL / 2.0 {
            hole.get_or_insert(at);
        } else if let Some(from) = hole.take() {
            heard.holes.push((from, at - from));
        }
    }
    levels.sort_by(f64::total_cmp);
    heard.level = levels.get(levels.len() / 2).copied().unwrap_or_default();
    heard
}

/// Of a tone, as a part of full scale, by Goertzel's algorithm.
fn amplitude(block: &[i16], hertz: f64) -> f64 {
    let omega = TAU * hertz / f64::from(RATE);
    let twice = 2.0 * omega.cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for sample in block {
        (s2, s1) = (
            s1,
            f64::from(*sample) / f64::from(i16::MAX) + twice * s1 - s2,
        );
    }
    let power: f64 = s1 * s1 + s2 * s2 - twice * s1 * s2;
    2.0 * power.max(0.0).sqrt() / block.len() as f64
}
