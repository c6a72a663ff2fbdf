//! `robot-agent check`: is everything there that a drive needs? One line for each thing,
//! and what to do about what is wrong.
//!
//! It really connects and subscribes. Under the robot's own name that would throw out a
//! robot-agent that runs with the same certificate, so where one runs on this computer the
//! broker is only greeted. A robot on another computer cannot be seen from here.

use std::path::Path;
use std::time::Duration;

use daemon::check::{Line, Table, is_ready, json};
use daemon::exit_code;
use time::OffsetDateTime;

use crate::certificates::{self, Certificates, Severity};
use crate::config::{self, Config, VideoSource};
use crate::video::camera;
use crate::{lock, motors};

mod broker;
mod clock;
mod credentials;
mod sound;

/// How long the camera may take to give a picture.
const CAMERA_LIMIT: Duration = Duration::from_secs(15);

/// What `check` found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The robot's name, once it is known.
    robot: Option<String>,
    /// In the order in which things depend on each other.
    lines: Vec<Line>,
}

impl Report {
    /// For a person.
    pub fn text(&self) -> String {
        let robot = self.robot.as_deref().unwrap_or("an unnamed robot");
        let title = format!("robot-agent {}: {robot}", env!("CARGO_PKG_VERSION"));
        Table::for_stdout(&title, "Ready to drive", "A drive would not work").text(&self.lines)
    }

    /// For machines.
    pub fn json(&self) -> String {
        let report = serde_json::json!({
            "ok": is_ready(&self.lines),
            "version": env!("CARGO_PKG_VERSION"),
            "robot": self.robot,
            "checks": json(&self.lines),
        });
        format!("{report:#}\n")
    }

    /// Of the whole command.
    pub fn exit_code(&self) -> u8 {
        match (is_ready(&self.lines), &self.robot) {
            (true, _) => 0,
            (false, Some(_)) => 1,
            (false, None) => exit_code::CONFIG,
        }
    }
}

/// Looks at everything that a drive with the configuration in `file` needs; where `sound` is to be heard, too,
/// plays a tone.
pub async fn run(file: &Path, sound: bool, now: OffsetDateTime) -> Report {
    match config::load(file) {
        Ok(config) => Report {
            robot: Some(config.robot.clone()),
            lines: check(&config, sound, now).await,
        },
        Err(error) => Report {
            robot: None,
            lines: without_config(&error),
        },
    }
}

fn without_config(error: &config::Error) -> Vec<Line> {
    let first = Line::fault("config", error.to_string(), "");
    let rest = [
        "certificates",
        "clock",
        "broker",
        "subscription",
        "credentials",
        "board",
        "camera",
        "microphone",
        "speaker",
    ];
    let rest = rest.map(|name| Line::skipped(name, "needs a configuration"));
    std::iter::once(first).chain(rest).collect()
}

async fn check(config: &Config, sound: bool, now: OffsetDateTime) -> Vec<Line> {
    let mqtt = &config.mqtt;
    let (certificates, findings) = certificates::read(&mqtt.certs, mqtt.endpoint.is_aws(), now);
    let running = lock::acquire(&mqtt.certs).is_err();
    let mut lines = vec![
        Line::ok("config", format!("{} is complete", config.file.display())),
        certificate_line(certificates.as_ref(), &findings, &mqtt.certs),
    ];
    let (session, (credentials, server_ahead)) = match &certificates {
        Some(certificates) => {
            tokio::join!(
                broker::lines(config, certificates, running),
                credentials::line(config, certificates),
            )
        }
        None => {
            let skipped = |name| Line::skipped(name, "needs the certificates");
            (
                [skipped("broker"), skipped("subscription")],
                (skipped("credentials"), None),
            )
        }
    };
    lines.push(clock::line(certificates.as_ref(), server_ahead, now));
    lines.extend(session);
    lines.push(credentials);
    lines.push(board(config));
    lines.push(camera(config, running).await);
    lines.extend(sound::lines(&config.audio, running).await);
    if sound {
        lines.push(sound::played(&config.audio, running).await);
    }
    lines
}

fn certificate_line(
    certificates: Option<&Certificates>,
    findings: &[certificates::Finding],
    folder: &Path,
) -> Line {
    let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
    let all = all.join("\n");
    match (
        findings.iter().map(|finding| finding.severity).max(),
        certificates,
    ) {
        (None | Some(Severity::Note), Some(certificates)) => {
            let name = certificates.common_name.as_deref().unwrap_or("no name");
            let until = certificates.not_after.date();
            Line::ok("certificates", format!("{name}, valid until {until}"))
        }
        (Some(Severity::Note | Severity::Warning), _) => Line::warning("certificates", all, ""),
        _ => Line::fault(
            "certificates",
            all,
            format!("the files are in {}", folder.display()),
        ),
    }
}

fn board(config: &Config) -> Line {
    match motors::probe(&config.motors) {
        Ok(found) => Line::ok("board", format!("{}: {found}", config.motors.driver)),
        Err(error) => Line::fault(
            "board",
            format!("{}: {}", config.motors.driver, error.words()),
            "is the board seated, its bus switched on (raspi-config), and is this user in the \
             groups gpio and i2c? motors.driver says which board it is",
        ),
    }
}

/// Takes a picture, as the robot would; one that runs has the camera, so then nobody asks.
async fn camera(config: &Config, running: bool) -> Line {
    const NAME: &str = "camera";
    let settings = config.video.camera.clone();
    if settings.source == VideoSource::Off {
        return Line::skipped(NAME, "video is off");
    }
    if running {
        return Line::skipped(NAME, "a robot-agent that runs here has it");
    }
    let source = settings.source;
    let probe = move || camera::probe(&settings, CAMERA_LIMIT);
    let found = tokio::task::spawn_blocking(probe)
        .await
        .unwrap_or_else(|_| Err("looking at it panicked".into()));
    match found {
        Ok(found) => Line::ok(NAME, found),
        // Chosen by nobody, so perhaps not meant to be there.
        Err(why) if source == VideoSource::Auto => Line::warning(
            NAME,
            why,
            "the robot drives without; plug one in, or set video.source to \"off\"",
        ),
        Err(why) => Line::fault(
            NAME,
            why,
            "is the camera plugged in, is its cable seated, and is this user in the group \
             video? video.source and video.device say which camera it is",
        ),
    }
}
