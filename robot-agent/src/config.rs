//! `config.json` → [`Config`], checked once: all problems come out together, and after
//! that nobody checks again.
//!
//! The five keys in capitals are those of the AWS sample, and a file with only them is
//! enough. Every room owns the settings that are filled in here and never sees JSON.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use url::Url;
use wire::topic;

use crate::aws::AwsConfig;
use crate::drive::Limits;
use crate::endpoint::Endpoint;
use crate::mqtt::MqttConfig;
use crate::telemetry::TelemetryConfig;
use crate::{motors, video};

pub mod reader;
mod sections;

pub use crate::video::camera::Source;

use reader::{Problem, Problems, Section};

/// Where the configuration is looked for when nobody says.
pub const DEFAULT_FILE: &str = "config.json";

/// AWS closes a connection that asks for more; below, a weak network alone would end it.
const KEEP_ALIVE_S: (u64, u64) = (5, 1200);

/// Everything that the owner decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// The robot's name.
    pub robot: String,
    /// The MQTT session.
    pub mqtt: MqttConfig,
    /// The motor board.
    pub motors: motors::Settings,
    /// What actions may do.
    pub limits: Limits,
    /// What the robot says about itself.
    pub telemetry: TelemetryConfig,
    /// Where video is signalled; none if that is not configured, which needs video off.
    pub aws: Option<AwsConfig>,
    /// The camera and who may watch.
    pub video: video::Settings,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{} {}", .0.display(), unreadable(.1))]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is not JSON.
    #[error("{} is not JSON: line {}, column {}: {}", .file.display(), .error.line(), .error.column(), without_place(.error))]
    NotJson {
        /// The file.
        file: PathBuf,
        /// Where and what.
        #[source]
        error: serde_json::Error,
    },
    /// Values are wrong or missing.
    #[error("{} has {}:{}", .file.display(), count(.problems), list(.problems))]
    Wrong {
        /// The file.
        file: PathBuf,
        /// All that is wrong.
        problems: Vec<Problem>,
    },
}

/// Reads and checks a configuration.
///
/// # Errors
/// [`Error`] with everything that is wrong.
pub fn load(file: &Path) -> Result<Config, Error> {
    parse(&text(file)?, file)
}

/// Reads where the motors hang, and nothing else: a stop must not fail because the owner has
/// since made a mistake elsewhere in the file.
///
/// # Errors
/// [`Error`] if the board cannot be found by what is there.
pub fn load_motors(file: &Path) -> Result<motors::Settings, Error> {
    let value = json(&text(file)?, file)?;
    let problems = Problems::default();
    let mut top = Section::document(&value, &problems);
    let motors = sections::motors(&mut top.section("motors"), folder(file));
    drop(top);
    let mut problems = problems.into_inner();
    problems.retain(|problem| sections::hides_the_board(&problem.key));
    if problems.is_empty() {
        return Ok(motors);
    }
    Err(Error::Wrong {
        file: file.to_owned(),
        problems,
    })
}

/// Checks the text of a configuration that came from `file`.
///
/// # Errors
/// [`Error`] with everything that is wrong.
pub fn parse(text: &str, file: &Path) -> Result<Config, Error> {
    let value = json(text, file)?;
    let problems = Problems::default();
    let config = read(&value, file, &problems);
    let problems = problems.into_inner();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(Error::Wrong {
            file: file.to_owned(),
            problems,
        }),
    }
}

/// None only where a required key is missing, which is noted then.
fn read(value: &Value, file: &Path, problems: &Problems) -> Option<Config> {
    let folder = folder(file);
    let mut top = Section::document(value, problems);
    let robot = top.required(
        "IOT_THINGNAME",
        "a name of 1 to 128 letters, digits, '-' or '_'",
        |value| {
            let name = reader::text(value)?;
            topic::check_robot_name(&name).is_ok().then_some(name)
        },
    );
    let endpoint = endpoint(&mut top, "IOT_CORE_ENDPOINT", true);
    let video = sections::video(&mut top.section("video"));
    let aws = aws(&mut top, video.camera.source != Source::Off);
    let certs = top.text("certs").unwrap_or_else(|| "certs".into());
    let (min, max) = KEEP_ALIVE_S;
    let keep_alive_s = top.section("mqtt").integer("keep_alive_s", min, max, 30);
    let motors = sections::motors(&mut top.section("motors"), folder);
    let limits = sections::drive(&mut top.section("drive"), motors.driver);
    let telemetry = sections::telemetry(&mut top.section("telemetry"));
    // One file may serve both agents.
    top.ignore("display");
    drop(top);
    let robot = robot?;
    Some(Config {
        file: file.to_owned(),
        mqtt: MqttConfig {
            robot: robot.clone(),
            endpoint: endpoint?,
            keep_alive: Duration::from_secs(keep_alive_s),
            certs: folder.join(certs),
        },
        robot,
        motors,
        limits,
        telemetry,
        aws,
        video,
    })
}

/// The four keys of video, all needed unless video is off.
fn aws(top: &mut Section<'_>, needed: bool) -> Option<AwsConfig> {
    let credentials = endpoint(top, "IOT_GET_CREDENTIAL_ENDPOINT", needed);
    let mut word = |key, expected: &str, also: &[u8]| {
        let read = |value: &Value| {
            reader::text(value).filter(|text| {
                text.len() <= 128
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
            })
        };
        if needed {
            top.required(key, expected, read)
        } else {
            top.optional(key, expected, read)
        }
    };
    let role_alias = word("ROLE_ALIAS", "the name of a role alias", b"_=,@-");
    let region = word("AWS_DEFAULT_REGION", "a region like us-east-1", b"-");
    let kvs = top.optional("KVS_ENDPOINT", "a URL like https://host:8443", |value| {
        let url = Url::parse(value.as_str()?).ok()?;
        (url.scheme() == "https" && url.has_host()).then_some(url)
    });
    Some(AwsConfig {
        credentials: credentials?,
        role_alias: role_alias?,
        region: region?,
        kvs,
    })
}

fn endpoint(top: &mut Section<'_>, key: &'static str, needed: bool) -> Option<Endpoint> {
    let expected = "a host name, or host:port";
    let text = if needed {
        top.required(key, expected, reader::text)
    } else {
        top.optional(key, expected, reader::text)
    }?;
    text.parse()
        .map_err(|error| top.problem(key, format!("is \"{text}\": it must be {error}")))
        .ok()
}

fn text(file: &Path) -> Result<String, Error> {
    fs::read_to_string(file).map_err(|error| Error::Unreadable(file.to_owned(), error))
}

fn json(text: &str, file: &Path) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| Error::NotJson {
        file: file.to_owned(),
        error,
    })
}

/// The folder against which relative paths count.
pub fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "does not exist: give its path with --config, or begin with config.json.example".into()
        }
        io::ErrorKind::InvalidData => "is not text in UTF-8".into(),
        _ => format!("cannot be read: {error}"),
    }
}

/// serde_json repeats the place at the end of its text.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn count(problems: &[Problem]) -> String {
    match problems.len() {
        1 => "a problem".into(),
        n => format!("{n} problems"),
    }
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect()
}

#[cfg(test)]
mod tests;
