//! The screen: one frame in memory, and the device that shows it.
//!
//! Owns what counts as unchanged, and what happens when a device is missing or goes away: it is
//! said once, and tried again with growing waits. One file per kind of device. Knows nothing of
//! what is drawn.

mod device;
mod frame;
pub mod framebuffer;
pub mod panel;
pub mod png;
mod sink;

use std::time::{Duration, Instant};

use daemon::backoff::Backoff;
use tracing::{info, warn};

pub use self::device::{Device, Settings};
pub use self::frame::Frame;
pub use self::sink::{Fault, Sink};

/// The first wait before a lost device is tried again; doubled up to [`REOPEN_MAX`].
const REOPEN: Duration = Duration::from_secs(2);
/// A panel that is plugged back in is noticed within half a minute.
const REOPEN_MAX: Duration = Duration::from_secs(30);

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
    /// What is wrong, and when to try again.
    fault: Option<(Fault, Instant)>,
    backoff: Backoff,
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
            backoff: Backoff::new(REOPEN, REOPEN_MAX),
        }
    }

    /// Shows a frame, unless it is already there. A device that failed is opened anew once its wait
    /// is over, and gets the frame even if it is the same.
    pub fn show(&mut self, frame: &Frame, now: Instant) -> Shown {
        if let Some((fault, retry_at)) = &self.fault
            && now < *retry_at
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
                self.backoff.reset();
                self.shown = Some(frame.clone());
                Shown::Sent
            }
            Err(fault) => self.lose(fault, now),
        }
    }

    /// When a lost device should be tried again.
    pub fn retry_at(&self) -> Option<Instant> {
        self.fault.as_ref().map(|(_, retry_at)| *retry_at)
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
            Some((before, _)) if before == &fault => {}
            Some(_) => warn!(%fault, "the screen is still dark"),
            None => warn!(%fault, "the screen is dark"),
        }
        // Nobody else waits for the same panel, so there is no jitter.
        let wait = self.backoff.next_wait(0.0);
        self.fault = Some((fault.clone(), now + wait));
        Shown::Dark(fault)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use embedded_graphics::pixelcolor::Rgb888;
    use embedded_graphics::prelude::*;

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
}
