//! The screen: one frame in memory, and the device that shows it.
//!
//! Owns the frame's format, what counts as unchanged, and what happens when a device is missing or
//! goes away: it is said once, and tried again ever more patiently. One file per kind of device.
//! Knows nothing of what is drawn.

pub mod framebuffer;
pub mod panel;
pub mod png;
pub mod simulated;

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use embedded_graphics::pixelcolor::{Rgb565, Rgb888};
use embedded_graphics::prelude::*;
use tracing::{info, warn};

use crate::bitmap::{HEIGHT, WIDTH};

/// The first wait before a lost device is tried again; doubled up to [`REOPEN_MAX`].
const REOPEN: Duration = Duration::from_secs(2);
/// A panel that is plugged back in is noticed within half a minute.
const REOPEN_MAX: Duration = Duration::from_secs(30);

/// 320×240 pixels as panels want them: five bits red, six green, five blue.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    pixels: Box<[Rgb565]>,
}

/// Where a frame goes.
pub trait Sink: Send {
    /// Shows the whole frame.
    fn show(&mut self, frame: &Frame) -> Result<(), Fault>;
}

/// What is wrong with a device, and what a person can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({remedy})")]
pub struct Fault {
    /// What was found, or not.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// Which device, and how it is connected.
#[derive(Clone, Debug, PartialEq)]
pub enum Device {
    /// A panel on the SPI bus.
    Panel(panel::Settings),
    /// A framebuffer of the kernel.
    Framebuffer(framebuffer::Settings),
    /// A PNG file.
    Png(PathBuf),
    /// A panel that exists only in memory; what its glass would show goes to a PNG file.
    Simulated(panel::Model, PathBuf),
}

/// What the config says about the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The device.
    pub device: Device,
    /// A PNG file that always holds what the screen shows, for a console.
    pub copy: Option<PathBuf>,
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The device has it.
    Sent,
    /// The device had it already.
    Unchanged,
    /// The device is not there; the fault says why.
    Dark(Fault),
}

/// The device, opened when it can be.
pub struct Screen {
    open: Box<dyn FnMut() -> Result<Box<dyn Sink>, Fault> + Send>,
    sink: Option<Box<dyn Sink>>,
    shown: Option<Frame>,
    fault: Option<(Fault, Instant)>,
    wait: Duration,
}

impl Device {
    /// Opens it.
    pub fn open(&self) -> Result<Box<dyn Sink>, Fault> {
        Ok(match self {
            Device::Panel(settings) => panel::open(settings)?,
            Device::Framebuffer(settings) => Box::new(framebuffer::Framebuffer::open(settings)?),
            Device::Png(path) => Box::new(png::PngFile::new(path)),
            Device::Simulated(model, path) => simulated::open(*model, path)?,
        })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Panel(panel) => write!(f, "{:?} on {}", panel.model, panel.spi.display()),
            Device::Framebuffer(settings) => {
                write!(
                    f,
                    "framebuffer {}",
                    settings.device.as_deref().unwrap_or("of the panel")
                )
            }
            Device::Png(path) => write!(f, "{}", path.display()),
            Device::Simulated(model, path) => {
                write!(f, "a simulated {model:?}, seen in {}", path.display())
            }
        }
    }
}

impl Screen {
    /// The screen of the config, not yet opened.
    pub fn new(device: Device) -> Self {
        Self::over(move || device.open())
    }

    /// A screen on whatever `open` gives.
    pub fn over(open: impl FnMut() -> Result<Box<dyn Sink>, Fault> + Send + 'static) -> Self {
        Self {
            open: Box::new(open),
            sink: None,
            shown: None,
            fault: None,
            wait: REOPEN,
        }
    }

    /// Shows a frame, unless it is already there. A device that failed is opened anew once its wait
    /// is over, and gets the frame even if it is the same.
    pub fn show(&mut self, frame: &Frame, now: Instant) -> Shown {
        if let Some((fault, since)) = &self.fault
            && now < *since + self.wait
        {
            return Shown::Dark(fault.clone());
        }
        if self.fault.is_none() && self.shown.as_ref() == Some(frame) {
            return Shown::Unchanged;
        }
        match self.send(frame) {
            Ok(()) => {
                if self.fault.take().is_some() {
                    info!("the screen is back");
                }
                self.wait = REOPEN;
                self.shown = Some(frame.clone());
                Shown::Sent
            }
            Err(fault) => self.lose(fault, now),
        }
    }

    /// When a lost device should be tried again.
    pub fn retry_at(&self) -> Option<Instant> {
        self.fault.as_ref().map(|(_, since)| *since + self.wait)
    }

    fn send(&mut self, frame: &Frame) -> Result<(), Fault> {
        if self.sink.is_none() {
            self.sink = Some((self.open)()?);
        }
        self.sink.as_mut().map_or(Ok(()), |sink| sink.show(frame))
    }

    fn lose(&mut self, fault: Fault, now: Instant) -> Shown {
        (self.sink, self.shown) = (None, None);
        match &self.fault {
            Some((before, _)) => {
                self.wait = (self.wait * 2).min(REOPEN_MAX);
                if before != &fault {
                    warn!(%fault, "the screen is still dark");
                }
            }
            None => warn!(%fault, "the screen is dark"),
        }
        self.fault = Some((fault.clone(), now));
        Shown::Dark(fault)
    }
}

impl Frame {
    /// All black.
    pub fn black() -> Self {
        Self {
            pixels: vec![Rgb565::BLACK; (WIDTH * HEIGHT) as usize].into(),
        }
    }

    /// Row by row from the top.
    pub fn pixels(&self) -> &[Rgb565] {
        &self.pixels
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({WIDTH}×{HEIGHT})")
    }
}

impl OriginDimensions for Frame {
    fn size(&self) -> Size {
        Size::new(WIDTH, HEIGHT)
    }
}

/// Pages are drawn in true colour; the frame rounds each pixel up or down in a fixed pattern, so that
/// skies and shades do not fall into bands.
impl DrawTarget for Frame {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(Point { x, y }, colour) in pixels {
            if (0..WIDTH as i32).contains(&x) && (0..HEIGHT as i32).contains(&y) {
                self.pixels[(y * WIDTH as i32 + x) as usize] = dithered(x, y, colour);
            }
        }
        Ok(())
    }
}

/// Bayer's 4×4 matrix.
const BAYER: [[u32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// A colour the panel has must come out as itself, though its true-colour form was rounded by half a
/// unit in 255: the thresholds stay that far (in 256ths of a step) clear of both ends.
fn dithered(x: i32, y: i32, colour: Rgb888) -> Rgb565 {
    let place = BAYER[(y & 3) as usize][(x & 3) as usize];
    let fewer = |channel: u8, most: u32, clear: u32| {
        let threshold = clear + place * ((256 - 2 * clear) / 15);
        ((u32::from(channel) * most * 256 + threshold * 255) / (255 * 256)) as u8
    };
    Rgb565::new(
        fewer(colour.r(), 31, 17),
        fewer(colour.g(), 63, 33),
        fewer(colour.b(), 31, 17),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A device that counts, and fails while told to.
    #[derive(Clone, Default)]
    struct Bench {
        frames: Arc<AtomicUsize>,
        opened: Arc<AtomicUsize>,
        fault: Arc<Mutex<Option<Fault>>>,
    }

    impl Bench {
        fn screen(&self) -> Screen {
            let bench = self.clone();
            Screen::over(move || {
                bench.opened.fetch_add(1, Ordering::Relaxed);
                Ok(Box::new(bench.clone()))
            })
        }

        fn fail(&self, what: Option<&str>) {
            let fault = |what: &str| Fault {
                what: what.into(),
                remedy: "plug it in".into(),
            };
            *self.fault.lock().unwrap() = what.map(fault);
        }
    }

    impl Sink for Bench {
        fn show(&mut self, _: &Frame) -> Result<(), Fault> {
            match self.fault.lock().unwrap().clone() {
                Some(fault) => Err(fault),
                None => {
                    self.frames.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
            }
        }
    }

    fn white() -> Frame {
        let mut frame = Frame::black();
        frame.clear(Rgb888::WHITE).unwrap();
        frame
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "any moment will do to count from"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn an_unchanged_frame_is_not_sent() {
        let (bench, now) = (Bench::default(), start());
        let mut screen = bench.screen();
        assert_eq!(screen.show(&white(), now), Shown::Sent);
        assert_eq!(screen.show(&white(), now), Shown::Unchanged);
        assert_eq!(screen.show(&Frame::black(), now), Shown::Sent);
        assert_eq!(bench.frames.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_panel_that_goes_away_and_comes_back_gets_the_frame_again() {
        let (bench, mut now) = (Bench::default(), start());
        let mut screen = bench.screen();
        screen.show(&white(), now);
        bench.fail(Some("gone"));
        assert!(matches!(screen.show(&Frame::black(), now), Shown::Dark(_)));
        bench.fail(None);
        assert!(
            matches!(screen.show(&Frame::black(), now), Shown::Dark(_)),
            "not before its time"
        );
        now = screen.retry_at().unwrap();
        assert_eq!(screen.show(&Frame::black(), now), Shown::Sent);
        assert_eq!(screen.retry_at(), None);
        assert_eq!(bench.opened.load(Ordering::Relaxed), 2, "opened anew");
        bench.fail(Some("gone"));
        screen.show(&white(), now);
        bench.fail(None);
        now = screen.retry_at().unwrap();
        assert_eq!(
            screen.show(&Frame::black(), now),
            Shown::Sent,
            "the panel forgot what it showed"
        );
    }

    #[test]
    fn a_missing_panel_is_tried_ever_more_patiently() {
        let (bench, mut now) = (Bench::default(), start());
        let mut screen = bench.screen();
        bench.fail(Some("missing"));
        let waits: Vec<_> = (0..7)
            .map(|_| {
                screen.show(&white(), now);
                let wait = screen.retry_at().unwrap() - now;
                now += wait;
                wait.as_secs()
            })
            .collect();
        assert_eq!(waits, [2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn a_colour_of_the_panel_stays_itself_and_others_are_right_on_average() {
        let mut frame = Frame::black();
        for green in 0..64 {
            let colour = Rgb565::new(green / 2, green, 31 - green / 2);
            frame.clear(Rgb888::from(colour)).unwrap();
            assert!(
                frame.pixels().iter().all(|pixel| *pixel == colour),
                "{colour:?}"
            );
        }
        assert!(white().pixels().iter().all(|p| *p == Rgb565::WHITE));
        frame.clear(Rgb888::new(100, 100, 100)).unwrap();
        let square = (0..4).flat_map(|y| &frame.pixels()[y * 320..y * 320 + 4]);
        let sixteen: u32 = square.map(|pixel| u32::from(pixel.r())).sum();
        // Within an eighth of the panel's step.
        assert!(
            (sixteen * 255).abs_diff(100 * 31 * 16) <= 2 * 255,
            "{sixteen}"
        );
    }
}
