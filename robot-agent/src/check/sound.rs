//! Whether the microphone and the speaker are there.

use std::time::Duration;

use daemon::check::Line;

use crate::audio::self_test::{self, Found};
use crate::audio::{AudioConfig, probe};

/// How long a device of sound may take to give or take some.
const LIMIT: Duration = Duration::from_secs(10);

/// Opens both, as the robot would; one that runs has them, so then nobody asks. A drive works without.
pub(super) async fn lines(config: &AudioConfig, running: bool) -> [Line; 2] {
    let of = |name, probe: fn(&AudioConfig, Duration) -> _| {
        let config = config.clone();
        async move {
            if running {
                return Line::skipped(name, "a robot-agent that runs here has it");
            }
            let found = tokio::task::spawn_blocking(move || probe(&config, LIMIT)).await;
            let found = found.unwrap_or_else(|_| Some(Err("looking at it panicked".to_owned())));
            line(name, found)
        }
    };
    [
        of("microphone", probe::microphone).await,
        of("speaker", probe::speaker).await,
    ]
}

/// Plays a tone and listens for it.
pub(super) async fn played(config: &AudioConfig, running: bool) -> Line {
    const NAME: &str = "sound";
    if running {
        return Line::skipped(
            NAME,
            "a robot-agent that runs here has it: stop that for the moment",
        );
    }
    let config = config.clone();
    let found = tokio::task::spawn_blocking(move || self_test::run(&config, LIMIT)).await;
    match found {
        Ok(Found::Off) => Line::skipped(NAME, "audio.microphone and audio.speaker are off"),
        Ok(Found::Well(words)) => Line::ok(NAME, words),
        Ok(Found::Fault(why, what_to_do)) => Line::warning(NAME, why, what_to_do),
        Err(_) => Line::warning(NAME, "listening panicked", ""),
    }
}

fn line(name: &'static str, found: Option<Result<String, String>>) -> Line {
    match found {
        None => Line::skipped(name, format!("audio.{name} is off")),
        Some(Ok(words)) => Line::ok(name, words),
        Some(Err(why)) => Line::warning(
            name,
            why,
            format!("the robot drives without; audio.{name} says which it is"),
        ),
    }
}
