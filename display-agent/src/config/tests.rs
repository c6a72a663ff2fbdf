use serde_json::Value;

use super::*;
use crate::screen::{Device, panel};

fn checked(json: &str) -> Result<Settings, Unusable> {
    Settings::check(Document::parse(json, Path::new("/etc/outpost/config.json")).unwrap())
}

fn settings(json: &str) -> Result<Settings, String> {
    checked(json).map_err(|unusable| unusable.error.problems().join("\n"))
}

#[test]
fn an_address_is_all_it_takes() {
    let settings = settings(r#"{"display":{"url":"https://station.local:8443/mars"}}"#).unwrap();
    assert_eq!(settings.url.as_str(), "https://station.local:8443/mars");
    assert_eq!(settings.key, None);
    assert_eq!(settings.interval, Duration::from_secs(300));
    assert_eq!(settings.zone, TimeZone::UTC);
    let Device::Panel(panel) = settings.screen.device else {
        panic!("a panel is the usual screen");
    };
    assert_eq!(panel.model, panel::Model::Ili9341);
    assert_eq!((panel.dc, panel.spi_hz), (25, 32_000_000));
    assert_eq!(panel.spi, Path::new("/dev/spidev0.0"));
}

#[test]
fn the_originals_keys_are_accepted_and_the_section_wins() {
    let original = r#"{"ssid":"x","password":"y","interval_minutes":5,"timezone":"America/Phoenix",
        "mars_api_url":"https://a.execute-api.us-east-1.amazonaws.com/Prod/mars","mars_api_key":"abc"}"#;
    let settings = settings(original).unwrap();
    assert_eq!(settings.key.as_deref(), Some("abc"));
    assert_eq!(settings.zone.iana_name(), Some("America/Phoenix"));
    let both = original.replacen('{', r#"{"display":{"key":"def","interval_minutes":15},"#, 1);
    let settings = checked(&both).unwrap();
    assert_eq!(settings.key.as_deref(), Some("def"));
    assert_eq!(settings.interval, Duration::from_secs(900));
}

#[test]
fn a_robots_config_may_hold_a_display_too() {
    let json = r#"{"IOT_THINGNAME":"rover","motors":{"driver":"simulated"},
        "display":{"url":"http://h/mars","screen":{"driver":"png","path":"d.png","copy":null}}}"#;
    let settings = settings(json).unwrap();
    assert_eq!(
        settings.screen.device,
        Device::Png("/etc/outpost/d.png".into())
    );
    assert_eq!(settings.cache, Path::new("/etc/outpost/state/display"));
}

#[test]
fn every_problem_is_reported_with_its_key_its_value_and_what_would_be_right() {
    let problems = settings(
        r#"{"dispaly":{},"display":{"url":"mars","interval_minutes":"5","units":"K","timezone":"Mars/Gale",
            "intervall":1,"screen":{"driver":"lcd","dc":99,"bgr":"yes","spi_mhz":32,"rotate":45}}}"#,
    )
    .unwrap_err();
    let expected = [
        "dispaly is not a known key: did you mean display?",
        r#"display.url is "mars": it must be an address"#,
        r#"display.interval_minutes is "5": it must be a number from 0.05 to 10080"#,
        r#"display.units is "K": it must be one of C, F"#,
        r#"display.timezone is "Mars/Gale": it must be "UTC", "local" or a name"#,
        "display.intervall is not a known key: did you mean interval_minutes?",
        r#"display.screen.driver is "lcd": it must be one of panel, framebuffer, png, simulated"#,
        "display.screen.dc is 99: it must be a number from 0 to 27",
        r#"display.screen.bgr is "yes": it must be true or false"#,
        "display.screen.spi_mhz is not a known key: did you mean spi_hz?",
        "display.screen.rotate is 45: it must be one of 90, 270",
    ];
    for words in expected {
        assert!(problems.contains(words), "{words:?} is not in\n{problems}");
    }
    assert_eq!(problems.lines().count(), expected.len(), "{problems}");
}

#[test]
fn a_missing_address_still_lets_the_screen_say_so() {
    let json = r#"{"display":{"screen":{"driver":"png","path":"/x.png"}}}"#;
    let unusable = checked(json).unwrap_err();
    let problems = unusable.error.problems();
    assert!(
        problems[0].contains("display.url is missing"),
        "{problems:?}"
    );
    assert_eq!(
        unusable.screen.unwrap().device,
        Device::Png("/x.png".into())
    );
}

#[test]
fn pins_and_mounting_are_read() {
    let settings = settings(
        r#"{"display":{"url":"http://h/mars","units":"f","screen":{"model":"st7789","spi":"/dev/spidev0.1",
            "spi_hz":60000000,"dc":9,"reset":27,"backlight":13,"rotate":270,"invert":false}}}"#,
    )
    .unwrap();
    assert!(settings.fahrenheit);
    let Device::Panel(panel) = settings.screen.device else {
        panic!("a panel is the usual screen");
    };
    assert_eq!(
        (panel.dc, panel.reset, panel.backlight),
        (9, Some(27), Some(13))
    );
    let mounting = panel::Mounting {
        upside_down: true,
        mirror: false,
        bgr: false,
        invert: false,
    };
    assert_eq!(panel.mounting, mounting);
}

#[test]
fn the_shipped_example_holds_every_key_with_working_values() {
    let text = include_str!("../../../config.json.example");
    settings(text).unwrap();
    for place in ["/display", "/display/screen"] {
        let mut json: Value = serde_json::from_str(text).unwrap();
        let section = json.pointer_mut(place).unwrap().as_object_mut().unwrap();
        let shipped: Vec<_> = section.keys().cloned().collect();
        // The problem with a key like no other names all that there are.
        section.insert("\u{7f}".into(), Value::Null);
        let problem = settings(&json.to_string()).unwrap_err();
        let (_, known) = problem.split_once("known are ").unwrap();
        for key in known.split(", ") {
            assert!(shipped.iter().any(|it| it == key), "{place} lacks {key}");
        }
    }
}

#[test]
fn the_manuals_example_is_valid() {
    let manual = include_str!("../../../docs/display.md");
    let example = manual
        .split("```json")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let settings = settings(example.unwrap()).unwrap();
    assert_eq!(settings.zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(
        settings.screen.copy.as_deref(),
        Some(Path::new("/etc/outpost/state/display.png"))
    );
}
