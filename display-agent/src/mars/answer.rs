//! Reads the Mars API's answer, however carelessly it was written.
//!
//! Anything that can be shown truthfully is kept: numbers in quotes are numbers, `null`, `"--"` and
//! the like are readings that were not taken. What cannot be shown is named, so that the page can
//! say so. Without a picture's address the answer is refused.

use serde_json::{Map, Value};
use wire::mars::Weather;

/// Characters of a text worth keeping: the longest of a real feed ("2020-10-20T19:11:55.123Z")
/// has fewer, and a row of the page holds no more.
const TEXT_MAX: usize = 48;

/// The original's words and the JSON names of the three measurements, and what is believable.
const MEASUREMENTS: [(&str, std::ops::RangeInclusive<f64>); 3] = [
    // °C: the surface of Mars has been between -153 and +35.
    ("av_at", -180.0..=100.0),
    // m/s: the strongest dust devils reach about 50.
    ("av_HWS", 0.0..=200.0),
    // Pa: between 400 and 1,200 over the planet and the year.
    ("av_PRE", 0.0..=5000.0),
];

/// An answer worth showing.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Where the picture is, as written: it may be relative.
    pub image_url: String,
    /// What could be read of the weather.
    pub weather: Weather,
    /// JSON names of values that are there and make no sense.
    pub unreadable: Vec<&'static str>,
    /// The server's own word on whether its sources have fallen silent, if it says anything.
    pub stale: Option<bool>,
    /// Whether the picture is drawn, because the server has no photograph.
    pub drawn: bool,
}

/// Reads an answer; the error says in words what is wrong with it.
pub fn read(body: &[u8]) -> Result<Answer, String> {
    // A broken character in a text nobody shows must not cost the picture.
    let text = String::from_utf8_lossy(body);
    let value: Value = serde_json::from_str(&text).map_err(|error| not_json(&text, &error))?;
    let Value::Object(answer) = value else {
        return Err(format!("the answer is {}, not an object", kind(&value)));
    };
    let image_url = match answer.get("image_url") {
        Some(Value::String(url)) if !url.trim().is_empty() => url.trim().to_owned(),
        None | Some(Value::Null | Value::String(_)) => return Err(without_picture(&answer)),
        Some(other) => return Err(format!("image_url is {}, not a text", kind(other))),
    };
    let insight = match answer.get("insight") {
        Some(Value::Object(insight)) => insight,
        None | Some(Value::Null) => &Map::new(),
        Some(other) => return Err(format!("insight is {}, not an object", kind(other))),
    };
    let mut reading = Reading {
        insight,
        unreadable: Vec::new(),
    };
    let weather = Weather {
        sol: reading.text("sol"),
        av_at: reading.number(0),
        av_hws: reading.number(1),
        av_pre: reading.number(2),
        first_utc: reading.text("First_UTC"),
        last_utc: reading.text("Last_UTC"),
        season: reading.text("season"),
    };
    Ok(Answer {
        image_url,
        weather,
        unreadable: reading.unreadable,
        drawn: is_drawn(&answer),
        stale: answer.get("stale").and_then(Value::as_bool),
    })
}

fn not_json(text: &str, error: &serde_json::Error) -> String {
    match text.trim_start() {
        "" => "the answer is empty".into(),
        page if page.starts_with('<') => "the answer is a web page, not JSON".into(),
        _ => format!("the answer is not JSON: {error}"),
    }
}

/// API Gateway and its imitators put the reason into `message`.
fn without_picture(answer: &Map<String, Value>) -> String {
    match answer.get("message").and_then(Value::as_str) {
        Some(message) => format!("the answer is only a message: {}", tidy(message)),
        None => "the answer has no image_url".into(),
    }
}

/// A ground station without any photograph says so beside the address of its drawing.
fn is_drawn(answer: &Map<String, Value>) -> bool {
    let placeholder = answer
        .get("image")
        .and_then(|image| image.get("placeholder"));
    placeholder.and_then(Value::as_bool).unwrap_or(false)
}

struct Reading<'a> {
    insight: &'a Map<String, Value>,
    unreadable: Vec<&'static str>,
}

impl Reading<'_> {
    fn number(&mut self, measurement: usize) -> Option<f64> {
        let (name, believable) = &MEASUREMENTS[measurement];
        let number = match self.insight.get(*name)? {
            Value::Null => return None,
            Value::Number(number) => number.as_f64(),
            Value::String(text) if absent(text) => return None,
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| believable.contains(number));
        if number.is_none() {
            self.unreadable.push(name);
        }
        number
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        match self.insight.get(name)? {
            Value::Null => None,
            Value::String(text) if absent(text) => None,
            Value::String(text) => Some(tidy(text)),
            // A sol is a number by nature, and a text only because it was a key.
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.unreadable.push(name);
                None
            }
        }
    }
}

/// The ways in which feeds write that there is no reading.
fn absent(text: &str) -> bool {
    let text = text.trim();
    let words = ["", "-", "--", "nan", "null", "none", "n/a"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn tidy(text: &str) -> String {
    let visible = text.chars().filter(|c| !c.is_control());
    visible.take(TEXT_MAX).collect::<String>().trim().to_owned()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weather(insight: &str) -> Answer {
        read(format!(r#"{{"image_url":"http://x/y.bmp","insight":{insight}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn the_original_answer_is_read_whole() {
        let answer = weather(
            r#"{"sol":"675","av_at":-62.314,"av_HWS":7.233,"av_PRE":750.563,
                "Last_UTC":"2020-10-20T19:11:55Z","First_UTC":"2020-10-19T18:32:20Z","season":"fall"}"#,
        );
        assert_eq!(answer.image_url, "http://x/y.bmp");
        assert_eq!(answer.weather.sol.as_deref(), Some("675"));
        assert_eq!(answer.weather.av_at, Some(-62.314));
        assert_eq!(answer.weather.av_hws, Some(7.233));
        assert_eq!(answer.weather.av_pre, Some(750.563));
        assert_eq!(
            answer.weather.last_utc.as_deref(),
            Some("2020-10-20T19:11:55Z")
        );
        assert_eq!(answer.weather.season.as_deref(), Some("fall"));
        assert!(answer.unreadable.is_empty());
    }

    #[test]
    fn readings_that_were_not_taken_are_absent_and_no_fault() {
        for absent in [
            "null", r#""--""#, r#""NaN""#, r#""""#, r#"" - ""#, r#""N/A""#,
        ] {
            let answer = weather(&format!(r#"{{"av_at":{absent},"season":{absent}}}"#));
            assert_eq!(answer.weather.av_at, None, "{absent}");
            assert_eq!(answer.weather.season, None, "{absent}");
            assert!(answer.unreadable.is_empty(), "{absent}");
        }
        assert_eq!(weather("{}").weather, Weather::default());
        assert_eq!(weather("null").weather, Weather::default());
    }

    #[test]
    fn numbers_in_quotes_are_numbers_and_a_bare_sol_is_a_text() {
        let answer = weather(r#"{"av_at":"-62.3","av_PRE":" 750 ","sol":4995}"#);
        assert_eq!(answer.weather.av_at, Some(-62.3));
        assert_eq!(answer.weather.av_pre, Some(750.0));
        assert_eq!(answer.weather.sol.as_deref(), Some("4995"));
    }

    #[test]
    fn values_without_sense_are_named_and_not_shown() {
        let answer = weather(r#"{"av_at":"warm","av_HWS":[1],"av_PRE":1e300,"season":{"x":1}}"#);
        assert_eq!(answer.weather, Weather::default());
        assert_eq!(answer.unreadable, ["av_at", "av_HWS", "av_PRE", "season"]);
        assert_eq!(weather(r#"{"av_at":"inf"}"#).unreadable, ["av_at"]);
    }

    #[test]
    fn a_server_may_say_that_it_is_stale_or_has_only_a_drawing() {
        let stale = |json: &str| read(json.as_bytes()).unwrap().stale;
        assert_eq!(stale(r#"{"image_url":"x","stale":true}"#), Some(true));
        assert_eq!(stale(r#"{"image_url":"x"}"#), None);
        assert_eq!(stale(r#"{"image_url":"x","stale":"yes"}"#), None);
        let drawn = |json: &str| read(json.as_bytes()).unwrap().drawn;
        assert!(drawn(r#"{"image_url":"x","image":{"placeholder":true}}"#));
        assert!(!drawn(r#"{"image_url":"x","image":7}"#));
    }

    #[test]
    fn wrong_shapes_are_refused_in_words() {
        let cases: [(&[u8], &str); 9] = [
            (b"", "the answer is empty"),
            (b"<html><body>502</body></html>", "a web page, not JSON"),
            (b"[1,2]", "the answer is a list, not an object"),
            (b"{}", "no image_url"),
            (br#"{"image_url":null}"#, "no image_url"),
            (br#"{"image_url":7}"#, "image_url is a number"),
            (
                br#"{"message":"Internal server error"}"#,
                "only a message: Internal server error",
            ),
            (br#"{"image_url":"x","insight":[]}"#, "insight is a list"),
            (br#"{"image_url":"x","insight":{"av_at":NaN}}"#, "not JSON"),
        ];
        for (body, words) in cases {
            let error = read(body).unwrap_err();
            assert!(error.contains(words), "{error:?} should say {words:?}");
        }
    }

    #[test]
    fn broken_characters_and_endless_texts_do_no_harm() {
        let body =
            b"{\"image_url\":\"u\",\"insight\":{\"season\":\"oto\xf1o\\u0007\",\"sol\":\"1\"}}";
        assert_eq!(
            read(body).unwrap().weather.season.as_deref(),
            Some("oto\u{fffd}o")
        );
        let long = weather(&format!(r#"{{"season":"{}"}}"#, "m".repeat(5000)));
        assert_eq!(long.weather.season.unwrap().len(), TEXT_MAX);
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>) {
            let _ = read(&body);
        }
    }
}
