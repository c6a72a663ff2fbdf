//! `config.json` → [`Config`], checked once: all problems come out together, and after
//! that nobody checks again.
//!
//! The five keys in capitals are those of the AWS sample, and a file with only them is
//! enough. Every module owns the settings that are filled in here and never sees JSON.

use std::path::{Path, PathBuf};
use std::time::Duration;

use daemon::config::{self, Document, Section};
use serde_json::Value;
use url::Url;
use wire::topic;

use crate::audio::AudioConfig;
use crate::aws::AwsConfig;
use crate::drive::Limits;
use crate::endpoint::Endpoint;
use crate::motors;
use crate::mqtt::MqttConfig;
use crate::telemetry::TelemetryConfig;
use crate::video::VideoConfig;

mod sections;

pub(crate) use crate::video::camera::VideoSource;
pub use daemon::config::Error;

/// Where the configuration is looked for when nobody says.
pub const DEFAULT_FILE: &str = "config.json";

/// AWS closes a connection that asks for more; below, a weak network alone would end it.
const KEEP_ALIVE_S: (u64, u64) = (5, 1200);

/// A broker that went to another address does not say so, and whoever drives waits meanwhile. AWS
/// waits for half a minute at least, whatever it is told, and takes pings as often as they come.
const KEEP_ALIVE_USUAL_S: u64 = 5;

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
    pub video: VideoConfig,
    /// What the robot hears and says.
    pub audio: AudioConfig,
}

/// Reads and checks a configuration.
///
/// # Errors
/// [`Error`] with everything that is wrong.
pub fn load(file: &Path) -> Result<Config, Error> {
    check(Document::load(file)?, file)
}

/// Checks the text of a configuration that came from `file`.
///
/// # Errors
/// [`Error`] with everything that is wrong.
pub fn parse(text: &str, file: &Path) -> Result<Config, Error> {
    check(Document::parse(text, file)?, file)
}

/// Reads where the motors hang, and nothing else: a stop must not fail because the owner has
/// since made a mistake elsewhere in the file.
///
/// # Errors
/// [`Error`] if the board cannot be found by what is there.
pub fn load_motors(file: &Path) -> Result<motors::Settings, Error> {
    let document = Document::load(file)?;
    let motors = sections::motors(&mut document.top().section("motors"), document.folder());
    document.finish(Some(motors), |problem| {
        sections::hides_the_board(&problem.key)
    })
}

fn check(document: Document, file: &Path) -> Result<Config, Error> {
    let config = read(document.top(), file, document.folder());
    document.finish(config, |_| true)
}

/// None only where a required key is missing, which is noted then.
fn read(mut top: Section<'_>, file: &Path, folder: &Path) -> Option<Config> {
    let robot = top.required(
        "IOT_THINGNAME",
        "a name of 1 to 128 letters, digits, '-' or '_', not beginning with '-'",
        |value| {
            let name = config::text(value)?;
            topic::check_robot_name(&name).is_ok().then_some(name)
        },
    );
    let endpoint = endpoint(&mut top, "IOT_CORE_ENDPOINT", true);
    let video = sections::video(&mut top.section("video"), folder);
    let audio = sections::audio(&mut top.section("audio"), folder, video.camera.source);
    let aws = aws(&mut top, video.camera.source != VideoSource::Off);
    let certs = top.text("certs").unwrap_or_else(|| "certs".into());
    let (min, max) = KEEP_ALIVE_S;
    let keep_alive_s = top
        .section("mqtt")
        .integer("keep_alive_s", min, max, KEEP_ALIVE_USUAL_S);
    let motors = sections::motors(&mut top.section("motors"), folder);
    let limits = sections::drive(&mut top.section("drive"), motors.driver);
    let telemetry = sections::telemetry(&mut top.section("telemetry"));
    // One file may serve both agents.
    top.ignore(&["display"]);
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
        audio,
    })
}

/// The four keys of video, all needed unless video is off.
fn aws(top: &mut Section<'_>, needed: bool) -> Option<AwsConfig> {
    let credentials = endpoint(top, "IOT_GET_CREDENTIAL_ENDPOINT", needed);
    let mut word = |key, expected: &str, also: &[u8]| {
        let read = |value: &Value| {
            config::text(value).filter(|text| {
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
        top.required(key, expected, config::text)
    } else {
        top.optional(key, expected, config::text)
    }?;
    text.parse()
        .map_err(|error| top.problem(key, format!("is \"{text}\": it must be {error}")))
        .ok()
}

#[cfg(test)]
mod tests;
