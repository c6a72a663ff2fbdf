//! Starts the feed on its thread, shows what is true, and ends when told to.
//!
//! Two threads: one asks the network and may wait for it, this one owns the screen and never waits
//! for anything but events and deadlines. A feed that dies ends the program, a feed that hangs is no
//! longer reported as alive; systemd starts anew in both cases.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tracing::{info, warn};

use crate::clock::{Clock, Now};
use crate::config::Settings;
use crate::feed::cache::Cache;
use crate::feed::fetch::Fetcher;
use crate::feed::ladder::Ladder;
use crate::feed::trouble::Trouble;
use crate::feed::{Feed, Polled};
use crate::page::story::Story;
use crate::page::{Page, words};
use crate::screen::{Device, Frame, Screen, Shown};
use crate::{page, watchdog};

/// How long a feed may be overdue before it counts as hung, beyond the two limits of its requests.
const FEED_SLACK: Duration = Duration::from_secs(60);
/// How long the end waits for a feed that is in the middle of a request. It can be left there: what
/// it saves, it saves whole.
const FEED_GRACE: Duration = Duration::from_millis(500);

/// What the loop waits for.
enum Event {
    Polled(Box<Polled>, Poll),
    FeedEnded,
    Stop,
}

/// The circumstances of a poll.
#[derive(Clone, Copy)]
struct Poll {
    asked: Instant,
    lasting: bool,
    next_in: Duration,
}

/// The loop's mailbox.
pub struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
}

/// Ends the loop from elsewhere.
#[derive(Clone)]
pub struct Stopper(Sender<Event>);

impl Events {
    /// An empty mailbox.
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { sender, receiver }
    }

    /// A way to end the loop.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.sender.clone())
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl Stopper {
    /// Asks the loop to end.
    pub fn stop(&self) {
        // A loop that is gone needs no telling.
        let _ = self.0.send(Event::Stop);
    }
}

/// Runs until stopped. `screen` is the device of the config, or whatever a test looks at.
pub fn run(
    settings: &Settings,
    clock: Clock,
    screen: Screen,
    events: Events,
) -> anyhow::Result<()> {
    let Events { sender, receiver } = events;
    let feed = open_feed(settings)?;
    let manner = settings.manner();
    let story = Story::new(manner, settings.interval, feed.known(), clock.now().steady);
    let copy = settings
        .screen
        .copy
        .clone()
        .map(|path| Screen::new(Device::Png(path)));
    let mut desk = Desk {
        story,
        screen,
        copy,
        drawn: None,
    };
    info!(api = %settings.url, interval = ?settings.interval, cache = %settings.cache.display(), "asking for Mars");
    desk.show(clock.now());
    watchdog::ready();

    let (stop_feed, feed_stopped) = mpsc::channel::<()>();
    let interval = settings.interval;
    let thread = thread::Builder::new().name("feed".into());
    thread
        .spawn(move || {
            let _told = TellEnd(sender.clone());
            poll_until(&feed_stopped, feed, interval, clock, &sender);
        })
        .context("cannot start the feed's thread")?;
    let result = desk.watch(&receiver, clock, settings.limit);

    watchdog::stopping();
    drop(stop_feed);
    desk.story.stop(clock.now());
    desk.show(clock.now());
    wait_for_feed(&receiver, clock);
    result
}

fn open_feed(settings: &Settings) -> anyhow::Result<Feed> {
    let ca = settings.ca.as_deref();
    let fetcher = Fetcher::new(&settings.url, settings.key.as_deref(), ca, settings.limit);
    let fetcher = fetcher.with_context(|| {
        let path = ca
            .map(|path| path.display().to_string())
            .unwrap_or_default();
        format!("cannot read certificate authorities from display.ca {path:?}")
    })?;
    Ok(Feed::new(
        settings.url.clone(),
        fetcher,
        Some(Cache::new(&settings.cache)),
    ))
}

/// Says that the feed's thread is over, also when it panicked.
struct TellEnd(Sender<Event>);

impl Drop for TellEnd {
    fn drop(&mut self) {
        let _ = self.0.send(Event::FeedEnded);
    }
}

fn poll_until(
    stopped: &Receiver<()>,
    mut feed: Feed,
    interval: Duration,
    clock: Clock,
    events: &Sender<Event>,
) {
    let mut ladder = Ladder::new(interval);
    let mut before: Option<Trouble> = None;
    loop {
        let now = clock.now();
        let polled = feed.poll(now.unix);
        let next_in = ladder.after(polled.trouble.as_ref(), rand::random());
        report(&mut before, polled.trouble.as_ref(), next_in);
        let poll = Poll {
            asked: now.steady,
            lasting: ladder.is_lasting(),
            next_in,
        };
        if events.send(Event::Polled(Box::new(polled), poll)).is_err() {
            return;
        }
        match stopped.recv_timeout(clock.real_wait(next_in)) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return,
        }
    }
}

/// A failure is said when it is new, and so is its end.
fn report(before: &mut Option<Trouble>, trouble: Option<&Trouble>, next_in: Duration) {
    match (before.as_ref(), trouble) {
        (Some(before), Some(trouble))
            if before.kind == trouble.kind && before.part == trouble.part => {}
        (_, Some(trouble)) => {
            warn!(%trouble, next_try_s = next_in.as_secs(), "no news from Mars");
            watchdog::status(&trouble.to_string());
        }
        (Some(_), None) => {
            info!("Mars answers again");
            watchdog::status("up to date");
        }
        (None, None) => watchdog::status("up to date"),
    }
    *before = trouble.cloned();
}

/// After the end: the feed's last words, or half a second.
fn wait_for_feed(receiver: &Receiver<Event>, clock: Clock) {
    let give_up = clock.now().steady + FEED_GRACE;
    loop {
        let left = give_up.saturating_duration_since(clock.now().steady);
        match receiver.recv_timeout(left) {
            Ok(Event::Polled(..) | Event::Stop) => {}
            Ok(Event::FeedEnded) | Err(_) => return,
        }
    }
}

/// The screen and what is on it.
struct Desk {
    story: Story,
    screen: Screen,
    copy: Option<Screen>,
    drawn: Option<(Page, Frame)>,
}

impl Desk {
    fn watch(
        &mut self,
        events: &Receiver<Event>,
        clock: Clock,
        limit: Duration,
    ) -> anyhow::Result<()> {
        let period = watchdog::period();
        let patience = limit * 2 + FEED_SLACK;
        let mut feed_due = clock.now().steady + patience;
        loop {
            let now = clock.now();
            self.show(now);
            if now.steady < feed_due {
                watchdog::alive();
            }
            match next_event(events, clock, self.next_wake(now.steady), period) {
                Ok(Event::Polled(polled, poll)) => {
                    feed_due = clock.now().steady + poll.next_in + patience;
                    self.story.polled(*polled, poll.asked, poll.lasting);
                }
                Ok(Event::Stop) => return Ok(()),
                Ok(Event::FeedEnded) => bail!("the feed's thread ended unasked"),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("nobody is left to tell of anything"),
            }
        }
    }

    fn next_wake(&self, now: Instant) -> Option<Instant> {
        let copy = self.copy.as_ref().and_then(Screen::retry_at);
        let all = [self.story.next_change(now), self.screen.retry_at(), copy];
        all.into_iter().flatten().min()
    }

    fn show(&mut self, now: Now) {
        let page = self.story.page(now);
        let frame = match self.drawn.take() {
            Some((before, frame)) if before == page => frame,
            _ => drawn(&page),
        };
        let shown = self.screen.show(&frame, now.steady);
        if let Some(copy) = &mut self.copy {
            match &shown {
                Shown::Dark(fault) => {
                    let page = Page::Notice(words::no_panel(&fault.what, &fault.remedy));
                    copy.show(&drawn(&page), now.steady);
                }
                Shown::Sent | Shown::Unchanged => {
                    copy.show(&frame, now.steady);
                }
            }
        }
        self.drawn = Some((page, frame));
    }
}

/// A page as the frame of a screen.
pub(crate) fn drawn(page: &Page) -> Frame {
    let mut frame = Frame::black();
    let Ok(()) = page::draw(page, &mut frame);
    frame
}

fn next_event(
    events: &Receiver<Event>,
    clock: Clock,
    wake: Option<Instant>,
    period: Option<Duration>,
) -> Result<Event, RecvTimeoutError> {
    let wake = wake.map(|wake| clock.real_wait(wake.saturating_duration_since(clock.now().steady)));
    match wake.into_iter().chain(period).min() {
        Some(wait) => events.recv_timeout(wait),
        None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}
