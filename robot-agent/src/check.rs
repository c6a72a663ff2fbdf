//! `robot-agent check`: is everything there that a drive needs? One line for each thing,
//! and what to do about what is wrong.
//!
//! It really connects and subscribes. Under the robot's own name that would throw out a
//! robot-agent that runs with the same certificate, so where one runs on this computer the
//! broker is only greeted. A robot on another computer cannot be seen from here.

use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;

use crate::certificates::{self, Certificates, Severity};
use crate::config::{self, Config, Source};
use crate::video::camera;
use crate::{lock, motors};

mod broker;
mod clock;
mod credentials;
mod page;

pub use page::{Page, json, text};

/// How long one thing may take to answer; the connection to the broker has its own limit,
/// which is shorter.
const PATIENCE: Duration = Duration::from_secs(15);

/// One thing that a drive needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it, where something is to be done.
    pub advice: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, but should be looked at.
    Warning,
    /// A drive will not work.
    Fault,
    /// Not needed, or not to be had while something else is wrong.
    Skipped,
}

/// What `check` found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The robot's name, once it is known.
    pub robot: Option<String>,
    /// In the order in which things depend on each other.
    pub lines: Vec<Line>,
}

impl Report {
    /// Whether a drive would work.
    pub fn would_drive(&self) -> bool {
        self.lines.iter().all(|line| line.verdict != Verdict::Fault)
    }
}

impl Line {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, found, None)
    }

    fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self::new(name, Verdict::Skipped, why, None)
    }

    fn warning(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, Verdict::Warning, found, Some(advice.into()))
    }

    fn fault(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, Verdict::Fault, found, Some(advice.into()))
    }

    fn new(
        name: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            name,
            verdict,
            found: found.into(),
            advice: advice.filter(|advice| !advice.is_empty()),
        }
    }
}

/// Looks at everything that a drive with the configuration in `file` needs.
pub async fn run(file: &Path, now: OffsetDateTime) -> Report {
    match config::load(file) {
        Ok(config) => Report {
            robot: Some(config.robot.clone()),
            lines: look(&config, now).await,
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
    ];
    let rest = rest.map(|name| Line::skipped(name, "needs a configuration"));
    std::iter::once(first).chain(rest).collect()
}

async fn look(config: &Config, now: OffsetDateTime) -> Vec<Line> {
    let mqtt = &config.mqtt;
    let (certificates, findings) = certificates::read(&mqtt.certs, mqtt.endpoint.is_aws(), now);
    let running = lock::take(&mqtt.certs).is_err();
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
    lines.push(clock::line(
        config,
        certificates.as_ref(),
        server_ahead,
        now,
    ));
    lines.extend(session);
    lines.push(credentials);
    lines.push(board(config));
    lines.push(camera(config, running).await);
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
    if settings.source == Source::Off {
        return Line::skipped(NAME, "video is off");
    }
    if running {
        return Line::skipped(NAME, "a robot-agent that runs here has it");
    }
    let source = settings.source;
    let probe = move || camera::probe(&settings, PATIENCE);
    let found = tokio::task::spawn_blocking(probe)
        .await
        .unwrap_or_else(|_| Err("looking at it panicked".into()));
    match found {
        Ok(found) => Line::ok(NAME, found),
        // Chosen by nobody, so perhaps not meant to be there.
        Err(why) if source == Source::Auto => Line::warning(
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
