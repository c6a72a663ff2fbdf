//! The world of a robot without hardware: its simulated wheels move a [`World`], and the camera's
//! thread draws it. Shown where `video.source` is "world".
//!
//! Whoever tells it about wheels never waits for a picture that is being drawn: changes queue up
//! with their times, and are played by whoever holds the world next.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use tokio::sync::watch;
use wire::telemetry::Pose;
use world::{Frame, Picture, World};

use crate::clock::now;
use crate::motors::Motors;

/// Everybody's Mars is the same, so that whoever asks about a place means the same place.
const SEED: u32 = 7;

/// How often the picture on the world's screen is looked for.
const SCREEN_EVERY: Duration = Duration::from_secs(2);

/// Larger pictures are not for a screen of 80 cm.
const MAX_SCREEN_PIXELS: u32 = 1920 * 1080;

pub(crate) struct Simulation {
    /// Not yet played.
    changes: Mutex<Vec<Change>>,
    /// None until the ground is computed.
    world: Mutex<Option<Running>>,
    pose: watch::Sender<Option<Pose>>,
}

/// What the board was told, and when.
struct Change {
    at: Instant,
    throttles: [f64; 2],
}

struct Running {
    world: World,
    throttles: [f64; 2],
    /// Until when it is played.
    at: Instant,
}

/// Computes the ground, then follows the wheels for ever. `screen` is a PNG file that the screen
/// near the start shows.
pub(crate) async fn run(simulation: Arc<Simulation>, motors: Motors, screen: Option<PathBuf>) {
    match tokio::task::spawn_blocking(|| World::new(SEED)).await {
        Ok(world) => simulation.begin(world, now()),
        // The picture stays black, and the robot can be driven all the same.
        Err(panic) => {
            tracing::error!("the simulated world cannot be computed: {panic}");
            return std::future::pending().await;
        }
    }
    let mut changed = motors.changed();
    let mut look = tokio::time::interval(SCREEN_EVERY);
    let mut shown = Shown::default();
    loop {
        let wheels = motors.state().wheels;
        simulation.turn([wheels.left.get(), wheels.right.get()], now());
        tokio::select! {
            Ok(()) = changed.changed() => {}
            _ = look.tick() => if let Some(screen) = &screen {
                shown.refresh(&simulation, screen).await;
            }
        }
    }
}

impl Simulation {
    pub(crate) fn new() -> Self {
        Self {
            changes: Mutex::default(),
            world: Mutex::default(),
            pose: watch::Sender::new(None),
        }
    }

    /// Where the robot stands, once there is ground to stand on.
    pub(crate) fn pose(&self) -> watch::Receiver<Option<Pose>> {
        self.pose.subscribe()
    }

    /// Draws what the camera sees now; nothing before there is ground.
    pub(crate) fn draw(&self, frame: &mut Frame) {
        let mut world = lock(&self.world);
        if let Some(running) = world.as_mut() {
            self.play(running, now());
            running.world.draw(frame);
        }
    }

    fn begin(&self, world: World, now: Instant) {
        lock(&self.changes).clear();
        let running = Running {
            world,
            throttles: [0.0, 0.0],
            at: now,
        };
        self.play(lock(&self.world).insert(running), now);
    }

    /// The board holds these throttles from `at` on.
    fn turn(&self, throttles: [f64; 2], at: Instant) {
        lock(&self.changes).push(Change { at, throttles });
        // Where a picture is being drawn, the next one plays it.
        if let Ok(mut world) = self.world.try_lock()
            && let Some(running) = world.as_mut()
        {
            self.play(running, at);
        }
    }

    /// Plays what has happened until `now`.
    fn play(&self, running: &mut Running, now: Instant) {
        for change in std::mem::take(&mut *lock(&self.changes)) {
            running.advance(change.at);
            running.throttles = change.throttles;
        }
        running.advance(now);
        let world::Pose { x, y, theta } = running.world.pose();
        let pose = Pose { x, y, theta };
        self.pose
            .send_if_modified(|last| last.replace(pose) != Some(pose));
    }

    fn show(&self, picture: &Picture) {
        if let Some(running) = lock(&self.world).as_mut() {
            running.world.show(picture);
        }
    }
}

impl Running {
    fn advance(&mut self, until: Instant) {
        let by = until.saturating_duration_since(self.at);
        self.at += by;
        self.world.advance(self.throttles, by);
    }
}

/// Nothing is left half-changed under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which picture the screen shows.
#[derive(Default)]
struct Shown {
    modified: Option<SystemTime>,
    /// What was wrong with the last one.
    error: Option<String>,
}

impl Shown {
    /// Shows the file if it is another than before; what is wrong with it is logged once.
    async fn refresh(&mut self, simulation: &Arc<Simulation>, file: &Path) {
        let modified = tokio::fs::metadata(file)
            .await
            .and_then(|file| file.modified());
        if modified.as_ref().ok() == self.modified.as_ref() {
            return;
        }
        self.modified = modified.ok();
        let (to, path) = (Arc::clone(simulation), file.to_owned());
        let shown =
            tokio::task::spawn_blocking(move || read_png(&path).map(|picture| to.show(&picture)));
        let error = match shown.await.unwrap_or_else(|panic| Err(panic.into())) {
            Ok(()) => None,
            Err(error) => Some(format!("{error:#}")),
        };
        if let Some(error) = error
            .as_ref()
            .filter(|error| self.error.as_ref() != Some(error))
        {
            tracing::warn!("the screen in the simulated world shows no picture: {error}");
        }
        self.error = error;
    }
}

fn read_png(path: &Path) -> anyhow::Result<Picture> {
    let name = || path.display().to_string();
    let mut decoder = png::Decoder::new(BufReader::new(File::open(path).with_context(name)?));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().with_context(name)?;
    let (width, height) = (reader.info().width, reader.info().height);
    ensure!(
        u64::from(width) * u64::from(height) <= u64::from(MAX_SCREEN_PIXELS),
        "{}: {width}x{height} is too large, at most 1920x1080 are shown",
        name()
    );
    let size = reader.output_buffer_size().with_context(name)?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).with_context(name)?;
    let pixels = bytes[..info.buffer_size()].chunks_exact(info.color_type.samples());
    let rgb = pixels.map(|samples| match samples {
        [red, green, blue, ..] => [*red, *green, *blue],
        _ => [samples[0]; 3],
    });
    Picture::new(width as usize, rgb.collect())
        .with_context(|| format!("{}: no whole rows", name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At a time after the simulation began.
    struct Begun {
        simulation: Simulation,
        at: Instant,
    }

    impl Begun {
        fn new() -> Self {
            let (simulation, at) = (Simulation::new(), now());
            simulation.begin(World::new(SEED), at);
            Self { simulation, at }
        }

        fn turn(&self, throttle: f64, after_ms: u64) {
            let at = self.at + Duration::from_millis(after_ms);
            self.simulation.turn([throttle; 2], at);
        }

        fn x(&self) -> f64 {
            self.simulation.pose().borrow().unwrap().x
        }
    }

    #[test]
    fn the_robot_moves_for_as_long_as_its_wheels_were_told_to() {
        let begun = Begun::new();
        assert!(begun.x().abs() < 1e-9);
        begun.turn(0.5, 1000);
        begun.turn(0.0, 2000);
        assert!((0.3..0.5).contains(&begun.x()), "one second: {}", begun.x());
        begun.turn(0.0, 60_000);
        assert!(
            (0.3..0.5).contains(&begun.x()),
            "and no longer: {}",
            begun.x()
        );
    }

    #[test]
    fn whoever_turns_the_wheels_does_not_wait_for_a_picture() {
        let begun = Begun::new();
        let drawing = lock(&begun.simulation.world);
        begun.turn(0.5, 1000);
        begun.turn(0.0, 2000);
        assert!(begun.x().abs() < 1e-9, "not yet played");
        drop(drawing);
        begun.turn(0.0, 3000);
        assert!(
            (0.3..0.5).contains(&begun.x()),
            "in its own time: {}",
            begun.x()
        );
    }

    #[test]
    fn a_picture_for_the_screen_is_read_and_one_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.png");
        let write = |color, pixels: &[u8]| {
            let mut encoder = png::Encoder::new(File::create(&path).unwrap(), 2, 1);
            encoder.set_color(color);
            encoder
                .write_header()
                .unwrap()
                .write_image_data(pixels)
                .unwrap();
        };
        write(png::ColorType::Rgb, &[1, 2, 3, 4, 5, 6]);
        let expected = Picture::new(2, vec![[1, 2, 3], [4, 5, 6]]);
        assert_eq!(read_png(&path).ok(), expected);
        write(png::ColorType::GrayscaleAlpha, &[7, 255, 9, 0]);
        assert_eq!(read_png(&path).ok(), Picture::new(2, vec![[7; 3], [9; 3]]));
        for broken in [&b""[..], b"GIF89a", b"\x89PNG\r\n\x1a\n\0\0"] {
            std::fs::write(&path, broken).unwrap();
            let error = format!("{:#}", read_png(&path).unwrap_err());
            assert!(error.contains("screen.png: "), "{error}");
        }
    }
}
