use super::*;
use crate::motors::{Driver, Output, StopMode};

const FILE: &str = "/etc/robot/config.json";

const FIVE_KEYS: &str = r#"{
    "IOT_THINGNAME": "sts-pi",
    "IOT_CORE_ENDPOINT": "abc-ats.iot.us-east-1.amazonaws.com",
    "IOT_GET_CREDENTIAL_ENDPOINT": "abc.credentials.iot.us-east-1.amazonaws.com",
    "ROLE_ALIAS": "robot-camera-streaming-role-alias",
    "AWS_DEFAULT_REGION": "us-east-1"
}"#;

/// The five keys and one more.
fn with(key: &str, value: &str) -> String {
    FIVE_KEYS.replacen('{', &format!("{{\"{key}\": {value},"), 1)
}

fn problems(text: &str) -> Vec<String> {
    match parse(text, Path::new(FILE)) {
        Err(error @ Error::Wrong(..)) => error.problems(),
        other => panic!("{text}: no problems but {other:?}"),
    }
}

fn parsed(text: &str) -> Config {
    parse(text, Path::new(FILE)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_samples_five_keys_are_enough() {
    let config = parsed(FIVE_KEYS);
    assert_eq!(config.robot, "sts-pi");
    assert_eq!(
        (config.mqtt.endpoint.port, config.mqtt.endpoint.alpn),
        (443, true)
    );
    assert_eq!(config.mqtt.certs, Path::new("/etc/robot/certs"));
    assert_eq!(config.motors.driver, Driver::ExplorerHat);
    assert_eq!(config.limits.pulse, Duration::from_millis(200));
    let cloud = config.aws.expect("all four keys are there");
    assert_eq!(cloud.region, "us-east-1");
    assert_eq!(cloud.kvs, None);
}

#[test]
fn the_shipped_example_holds_every_key_with_working_values() {
    let text = include_str!("../../../config.json.example");
    let file = Path::new("config.json.example");
    let config = parse(text, file).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.mqtt.certs, Path::new("certs"));
    let value: Value = serde_json::from_str(text).unwrap();
    let asked_for = asked_for(&value);
    let mut shipped = Vec::new();
    gather("", &value, &mut shipped);
    for key in &asked_for {
        assert!(shipped.contains(key), "config.json.example lacks {key}");
    }
}

#[test]
fn the_documentation_names_every_key() {
    let page = include_str!("../../../docs/configuration.md");
    let example: Value =
        serde_json::from_str(include_str!("../../../config.json.example")).unwrap();
    for key in asked_for(&example) {
        let last = key.rsplit('.').next().unwrap_or(&key);
        let named = page.contains(&format!("`{last}`")) || page.contains(&format!("\"{last}\""));
        assert!(named, "docs/configuration.md lacks {key}");
    }
}

/// Every key that the code asks for, from the error about one that it does not.
fn asked_for(value: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    for section in [
        "",
        "mqtt",
        "motors",
        "motors.left",
        "motors.right",
        "drive",
        "telemetry",
        "video",
    ] {
        let mut value = value.clone();
        let mut at = &mut value;
        for name in section.split('.').filter(|name| !name.is_empty()) {
            at = &mut at[name];
        }
        at["\u{7f}"] = Value::Null;
        let problems = problems(&value.to_string());
        let [problem] = problems.as_slice() else {
            panic!("{section}: {problems:?}")
        };
        let (_, known) = problem.split_once("known are ").expect("nothing is near");
        for key in known.split(", ").filter(|key| *key != "display") {
            let dot = if section.is_empty() { "" } else { "." };
            keys.push(format!("{section}{dot}{key}"));
        }
    }
    keys
}

fn gather(path: &str, value: &Value, keys: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{key}");
        gather(&path, value, keys);
        keys.push(path);
    }
}

#[test]
fn an_unknown_key_names_the_nearest() {
    assert_eq!(
        problems(&with("moters", "{}")),
        ["moters is not a known key: did you mean motors?"]
    );
    let nested = problems(&with("drive", r#"{"pulse": 100}"#));
    assert!(nested[0].starts_with("drive.pulse "), "{nested:?}");
    assert!(nested[0].contains("mean pulse_ms?"), "{nested:?}");
}

/// Key, value, and how the problem begins; nothing for what is not even JSON.
const WRONG: [(&str, &str, &str); 20] = [
    ("certs", "7", "certs is 7: it must be a string"),
    ("motors", "[]", "motors is []: it must be an object"),
    (
        "motors",
        r#"{"driver":"l298n"}"#,
        "motors.driver is \"l298n\": it must be \"explorer-hat\", \"adafruit-motor-hat\" or \"simulated\"",
    ),
    (
        "motors",
        r#"{"left":{"output":"M3"}}"#,
        "motors.left.output is \"M3\": it must be \"M1\" or \"M2\"",
    ),
    (
        "motors",
        r#"{"left":{"output":"M2"}}"#,
        "motors.right.output is \"M2\", and so is left.output",
    ),
    (
        "motors",
        r#"{"right":{"invert":"yes"}}"#,
        "motors.right.invert is \"yes\": it must be true or false",
    ),
    (
        "motors",
        r#"{"address":"0x70"}"#,
        "motors.address is \"0x70\"",
    ),
    ("motors", r#"{"address":300}"#, "motors.address is 300"),
    (
        "drive",
        r#"{"speed":1.5}"#,
        "drive.speed is 1.5: it must be a number above 0",
    ),
    ("drive", r#"{"speed":1e999}"#, ""),
    (
        "drive",
        r#"{"pulse_ms":-1}"#,
        "drive.pulse_ms is -1: it must be a whole number from 10 to 10000",
    ),
    (
        "drive",
        r#"{"pulse_ms":3000}"#,
        "drive.pulse_ms is 3000: it must be at most pulse_ms_max",
    ),
    (
        "mqtt",
        r#"{"keep_alive_s":2}"#,
        "mqtt.keep_alive_s is 2: it must be a whole number from 5 to 1200",
    ),
    (
        "telemetry",
        r#"{"interval_ms":1.5}"#,
        "telemetry.interval_ms is 1.5",
    ),
    (
        "video",
        r#"{"width":641}"#,
        "video.width is 641: it must be even",
    ),
    (
        "video",
        r#"{"standby":"hot"}"#,
        "video.standby is \"hot\": it must be \"warm\" or \"cold\"",
    ),
    (
        "video",
        r#"{"bitrate_kbps":100,"bitrate_kbps_min":200}"#,
        "video.bitrate_kbps_min is 200: it must be at most",
    ),
    (
        "video",
        r#"{"source":"auto","timestamp":true}"#,
        "video.timestamp is for the sources \"test\" and \"world\", and video.source is \"auto\"",
    ),
    (
        "video",
        r#"{"source":"test","world_screen":"mars.png"}"#,
        "video.world_screen is for the source \"world\", and video.source is \"test\"",
    ),
    (
        "KVS_ENDPOINT",
        "\"http://host\"",
        "KVS_ENDPOINT is \"http://host\": it must be a URL like https",
    ),
];

#[test]
fn wrong_types_and_ranges_say_what_is_there_and_what_would_be_right() {
    for (key, value, says) in WRONG {
        let text = with(key, value);
        if says.is_empty() {
            assert!(parse(&text, Path::new(FILE)).is_err(), "{value}");
            continue;
        }
        let problems = problems(&text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(says), "{problems:?}");
    }
}

#[test]
fn bad_values_of_the_samples_own_keys_are_named() {
    for (from, to, says) in [
        (
            "sts-pi",
            "my robot",
            "IOT_THINGNAME is \"my robot\": it must be a name",
        ),
        (
            "abc-ats.iot.us-east-1.amazonaws.com",
            "https://abc",
            "IOT_CORE_ENDPOINT is \"https://abc\": it must be a host name without",
        ),
        (
            "abc.credentials.iot.us-east-1.amazonaws.com",
            "host:0",
            "IOT_GET_CREDENTIAL_ENDPOINT is \"host:0\"",
        ),
        (
            "robot-camera-streaming-role-alias",
            "a/b",
            "ROLE_ALIAS is \"a/b\"",
        ),
        (
            "\"us-east-1\"",
            "\"\"",
            "AWS_DEFAULT_REGION is \"\": it must be a region",
        ),
    ] {
        let problems = problems(&FIVE_KEYS.replacen(from, to, 1));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(says), "{problems:?}");
    }
}

#[test]
fn everything_that_is_wrong_is_reported_together() {
    let text = r#"{
        "IOT_CORE_ENDPOINT": 5,
        "certz": "x",
        "motors": {"driver": "explorer", "left": {"output": 1}},
        "drive": {"speed": 0}
    }"#;
    let problems = problems(text);
    for key in [
        "IOT_THINGNAME is missing",
        "IOT_CORE_ENDPOINT is 5",
        "IOT_GET_CREDENTIAL_ENDPOINT is missing",
        "ROLE_ALIAS is missing",
        "AWS_DEFAULT_REGION is missing",
        "certz is not a known key",
        "motors.driver is \"explorer\"",
        "motors.left.output is 1",
        "drive.speed is 0",
    ] {
        assert!(
            problems.iter().any(|p| p.starts_with(key)),
            "{key}: {problems:#?}"
        );
    }
    assert_eq!(problems.len(), 9, "{problems:#?}");
}

#[test]
fn a_missing_file_is_named_with_a_way_out() {
    let error = load(Path::new("/nowhere/config.json"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("/nowhere/config.json does not exist"),
        "{error}"
    );
    assert!(error.contains("--config"), "{error}");
}

#[test]
fn what_is_not_json_is_named_with_line_and_column() {
    let error = parse("{\n  \"IOT_THINGNAME\": \"a\",\n}", Path::new(FILE))
        .unwrap_err()
        .to_string();
    assert!(error.contains("is not JSON: line 3, column 1: "), "{error}");
    let list = problems("[1]");
    assert!(list[0].contains("it must be an object"), "{list:?}");
}

#[test]
fn relative_paths_count_from_the_files_own_folder_and_absolute_ones_do_not() {
    assert_eq!(
        parsed(&with("certs", "\"keys\"")).mqtt.certs,
        Path::new("/etc/robot/keys")
    );
    assert_eq!(
        parsed(&with("certs", "\"/var/keys\"")).mqtt.certs,
        Path::new("/var/keys")
    );
    let here = parse(FIVE_KEYS, Path::new("config.json")).unwrap();
    assert_eq!(here.mqtt.certs, Path::new("certs"));
    let motors = parsed(&with("motors", r#"{"transcript":"moves.jsonl"}"#)).motors;
    assert_eq!(
        motors.transcript.as_deref(),
        Some(Path::new("/etc/robot/moves.jsonl"))
    );
}

#[test]
fn boards_bring_their_own_defaults() {
    let config = parsed(&with(
        "motors",
        r#"{"driver":"adafruit-motor-hat","address":"0x61","right":{"output":"M4","invert":true}}"#,
    ));
    assert_eq!(config.motors.stop, StopMode::Brake);
    assert_eq!(config.motors.address.get(), 0x61);
    assert_eq!(config.motors.right.output, Output::M4);
    assert!(config.motors.right.invert && !config.motors.left.invert);
    assert_eq!(config.limits.speed, Throttle::saturating(0.7));
    assert_eq!(parsed(FIVE_KEYS).motors.stop, StopMode::Coast);
}

#[test]
fn without_video_only_the_name_and_the_broker_are_needed() {
    let config = parsed(
        r#"{"IOT_THINGNAME":"rover","IOT_CORE_ENDPOINT":"localhost:8883","video":{"source":"off"}}"#,
    );
    assert_eq!(config.aws, None);
    assert!(!config.mqtt.endpoint.alpn);
}

/// What a stop makes of a file that says this.
fn stopped(text: &str) -> Result<motors::Settings, Error> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::write(&file, text).unwrap();
    load_motors(&file)
}

#[test]
fn a_stop_finds_the_board_whatever_else_is_wrong_in_the_file() {
    for text in [
        r#"{"motors": {"driver": "adafruit-motor-hat", "address": "0x61"}}"#,
        r#"{"motors": {"driver": "adafruit-motor-hat", "address": "0x61", "stop": 7,
            "left": {"output": "M9", "way": 1}, "right": [], "transcript": {}},
            "IOT_THINGNAME": "no name", "drive": {"speed": 9}, "viedo": {}}"#,
    ] {
        let motors = stopped(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(motors.driver, Driver::AdafruitMotorHat);
        assert_eq!(motors.address.get(), 0x61);
    }
}

#[test]
fn a_stop_does_not_guess_where_the_board_is() {
    for (text, says) in [
        (r#"{"motors": {"driver": "l298n"}}"#, "motors.driver"),
        (r#"{"motors": {"drivr": "simulated"}}"#, "motors.drivr"),
        (r#"{"motors": {"address": 3}}"#, "motors.address"),
        (r#"{"motors": {"gpio": "sysfs"}}"#, "motors.gpio"),
        (r#"{"motors": 1}"#, "motors is 1"),
        ("[]", "must be an object"),
        ("{", "is not JSON"),
    ] {
        let error = stopped(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    assert_eq!(stopped("{}").unwrap().driver, Driver::ExplorerHat);
}

#[test]
fn the_display_agents_section_is_left_alone() {
    parsed(&with("display", r#"{"url":"https://x","anything":1}"#));
}

use crate::drive::Throttle;
