//! Starts the poller on its thread, shows what is true, and ends when told to.
//!
//! Two threads: one asks the network and may wait for it, this one owns the screen and never waits
//! for anything but events and deadlines. A poller that dies ends the program, one that hangs is no
//! longer reported as alive; systemd starts anew in both cases.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use daemon::systemd;
use tracing::{info, warn};

use crate::clock::{Clock, Now};
use crate::config::Settings;
use crate::mars::cache::Cache;
use crate::mars::fetch::Fetcher;
use crate::mars::{Client, Error, PollSchedule, Polled};
use crate::page;
use crate::page::Page;
use crate::screen::{Device, Frame, Screen, Shown};
use crate::view::{View, words};

/// How long a poll may be overdue before it counts as hung, beyond the two limits of its requests.
const POLL_SLACK: Duration = Duration::from_secs(60);
/// How long the end waits for a poller that is in the middle of a request. It can be left there: what
/// it saves, it saves whole.
const POLLER_GRACE: Duration = Duration::from_millis(500);

/// What the loop waits for.
enum Event {
    Polled(Box<Polled>, Poll),
    PollerEnded,
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
    let client = open_client(settings)?;
    let wording = settings.wording();
    let view = View::new(
        wording,
        settings.interval,
        client.snapshot(),
        clock.now().steady,
    );
    let copy = settings
        .screen
        .copy
        .clone()
        .map(|path| Screen::new(Device::Png(path)));
    let mut display = Display {
        view,
        screen,
        copy,
        drawn: None,
    };
    info!(api = %settings.url, interval = ?settings.interval, cache = %settings.cache.display(), "asking for Mars");
    display.show(clock.now());
    systemd::ready();

    let (stop_poller, poller_stopped) = mpsc::channel::<()>();
    let interval = settings.interval;
    let thread = thread::Builder::new().name("poller".into());
    thread
        .spawn(move || {
            let _notice = EndNotice(sender.clone());
            poll_until(&poller_stopped, client, interval, clock, &sender);
        })
        .context("cannot start the poller's thread")?;
    let result = display.watch(&receiver, clock, settings.limit);

    systemd::stopping();
    drop(stop_poller);
    display.view.stop(clock.now());
    display.show(clock.now());
    wait_for_poller(&receiver, clock);
    result
}

fn open_client(settings: &Settings) -> anyhow::Result<Client> {
    let ca = settings.ca.as_deref();
    let fetcher = Fetcher::new(&settings.url, settings.key.as_deref(), ca, settings.limit);
    let fetcher = fetcher.with_context(|| {
        let path = ca
            .map(|path| path.display().to_string())
            .unwrap_or_default();
        format!("cannot read certificate authorities from display.ca {path:?}")
    })?;
    Ok(Client::new(
        settings.url.clone(),
        fetcher,
        Some(Cache::new(&settings.cache)),
    ))
}

/// Says that the poller's thread is over, also when it panicked.
struct EndNotice(Sender<Event>);

impl Drop for EndNotice {
    fn drop(&mut self) {
        let _ = self.0.send(Event::PollerEnded);
    }
}

fn poll_until(
    stopped: &Receiver<()>,
    mut client: Client,
    interval: Duration,
    clock: Clock,
    events: &Sender<Event>,
) {
    let mut schedule = PollSchedule::new(interval);
    let mut before: Option<Error> = None;
    loop {
        let now = clock.now();
        let polled = client.poll(now.unix);
        let next_in = schedule.after(polled.error.as_ref(), rand::random());
        report(&mut before, polled.error.as_ref(), next_in);
        let poll = Poll {
            asked: now.steady,
            lasting: schedule.is_lasting(),
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
fn report(before: &mut Option<Error>, error: Option<&Error>, next_in: Duration) {
    match (before.as_ref(), error) {
        (Some(before), Some(error)) if before.kind == error.kind && before.part == error.part => {}
        (_, Some(error)) => {
            warn!(%error, next_try_s = next_in.as_secs(), "no news from Mars");
            systemd::status(&error.to_string());
        }
        (Some(_), None) => {
            info!("Mars answers again");
            systemd::status("up to date");
        }
        (None, None) => systemd::status("up to date"),
    }
    *before = error.cloned();
}

/// After the end: the poller's last result, or half a second.
fn wait_for_poller(receiver: &Receiver<Event>, clock: Clock) {
    let give_up = clock.now().steady + POLLER_GRACE;
    loop {
        let left = give_up.saturating_duration_since(clock.now().steady);
        match receiver.recv_timeout(left) {
            Ok(Event::Polled(..) | Event::Stop) => {}
            Ok(Event::PollerEnded) | Err(_) => return,
        }
    }
}

/// The screen and what is on it.
struct Display {
    view: View,
    screen: Screen,
    copy: Option<Screen>,
    drawn: Option<(Page, Frame)>,
}

impl Display {
    fn watch(
        &mut self,
        events: &Receiver<Event>,
        clock: Clock,
        limit: Duration,
    ) -> anyhow::Result<()> {
        let period = systemd::watchdog_interval();
        let overdue = limit * 2 + POLL_SLACK;
        let mut poll_due = clock.now().steady + overdue;
        loop {
            let now = clock.now();
            self.show(now);
            if now.steady < poll_due {
                systemd::feed_watchdog();
            }
            match next_event(events, clock, self.next_wake(now.steady), period) {
                Ok(Event::Polled(polled, poll)) => {
                    poll_due = clock.now().steady + poll.next_in + overdue;
                    self.view.polled(*polled, poll.asked, poll.lasting);
                }
                Ok(Event::Stop) => return Ok(()),
                Ok(Event::PollerEnded) => bail!("the poller's thread ended unasked"),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("no sender of events is left"),
            }
        }
    }

    fn next_wake(&self, now: Instant) -> Option<Instant> {
        let copy = self.copy.as_ref().and_then(Screen::retry_at);
        let all = [self.view.next_change(now), self.screen.retry_at(), copy];
        all.into_iter().flatten().min()
    }

    fn show(&mut self, now: Now) {
        let page = self.view.page(now);
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
