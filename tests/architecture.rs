//! Who may import whom, read from the sources: modules lie in layers, imports go down, nothing
//! goes round in a circle, and a foreign crate is named only where it belongs.

mod source;

use source::{Source, circles};
use std::fs;
use std::path::{Path, PathBuf};

/// The rules of one crate.
struct Rules {
    folder: &'static str,
    /// Top-level modules from the top down; each may import those below it and, without a
    /// circle, those beside it. `lib` is what lies in lib.rs itself.
    layers: &'static [&'static [&'static str]],
    /// Modules neither of which imports the other.
    apart: &'static [(&'static str, &'static str)],
    /// A word, and the only modules in which it may stand.
    only_in: &'static [(&'static str, &'static [&'static str])],
    /// A module, and words that may not stand in it.
    never_in: &'static [(&'static str, &'static [&'static str])],
}

const GROUND_STATION: Rules = Rules {
    folder: "ground-station",
    layers: &[
        &["fuzzing", "main"],
        &["cli"],
        &["lib"],
        &["config", "maintenance", "ready", "video"],
        &["http"],
        &["signaling", "turn", "auth"],
        &["broker", "robots", "robot_config"],
        &["ca"],
        &["store"],
        &["applied_revision"],
        &["state_dir"],
        &[
            "clock",
            "connections",
            "hex",
            "metrics",
            "network",
            "placed",
            "tcp_port",
        ],
    ],
    apart: &[
        ("auth", "broker"),
        ("signaling", "broker"),
        ("robots", "broker"),
    ],
    only_in: &[
        ("axum::", &["http"]),
        ("clap::", &["cli", "config"]),
        ("mars::", &["config", "http", "lib"]),
        ("rumqttc::", &["broker::client"]),
        ("rusqlite::", &["store"]),
    ],
    never_in: &[],
};

const ROBOT_AGENT: Rules = Rules {
    folder: "robot-agent",
    layers: &[
        &["fuzzing", "main"],
        &["arguments"],
        &["lib", "check", "enroll"],
        &["config"],
        &["signaling", "telemetry", "watchdog"],
        &["simulation"],
        &["aws", "motors", "mqtt", "video"],
        &["audio"],
        &["lock", "connect_error"],
        &["certificates"],
        &[
            "address",
            "clock",
            "drive",
            "endpoint",
            "happy_eyeballs",
            "shutdown",
        ],
    ],
    apart: &[
        ("motors", "mqtt"),
        ("motors", "video"),
        ("mqtt", "video"),
        ("mqtt", "signaling"),
        ("drive", "clock"),
        ("audio", "motors"),
    ],
    only_in: &[
        ("gstreamer", &["video::camera", "audio"]),
        ("webrtc::", &["video::peer"]),
        ("rumqttc::", &["mqtt", "check::broker"]),
        ("topic::action(", &["mqtt"]),
        ("topic::telemetry(", &["mqtt"]),
        ("wire::topic::action", &["mqtt"]),
        ("wire::topic::telemetry", &["mqtt"]),
        ("embedded_hal", &["motors"]),
        ("gpio_cdev::", &["motors"]),
        (
            "std::thread",
            &["motors", "video::camera", "audio", "enroll::owner"],
        ),
        ("clap::", &["arguments", "enroll"]),
    ],
    never_in: &[(
        "drive",
        &["tokio", "std::thread", "Instant::now", "SystemTime"],
    )],
};

const DISPLAY_AGENT: Rules = Rules {
    folder: "display-agent",
    layers: &[
        &["fuzzing", "main"],
        &["arguments"],
        &["lib", "check", "render", "run"],
        &["config"],
        &["view"],
        &["mars", "page", "screen"],
        &["bitmap", "clock"],
    ],
    apart: &[("page", "screen"), ("page", "mars"), ("mars", "screen")],
    only_in: &[
        ("embedded_hal", &["screen"]),
        ("mipidsi::", &["screen::panel"]),
    ],
    never_in: &[],
};

const WIRE: Rules = Rules {
    folder: "wire",
    layers: &[],
    apart: &[],
    only_in: &[],
    never_in: &[(
        "",
        &[
            "tokio",
            "std::net",
            "std::fs",
            "std::io",
            "Instant",
            "SystemTime",
        ],
    )],
};

const MARS: Rules = Rules {
    folder: "mars",
    layers: &[],
    apart: &[],
    only_in: &[
        ("reqwest::", &["http_client"]),
        (
            "HttpClient",
            &["http_client", "photo_feed", "weather_feed", "state"],
        ),
        ("axum::", &["report", "response"]),
    ],
    never_in: &[],
};

const DAEMON: Rules = Rules {
    folder: "daemon",
    layers: &[],
    apart: &[],
    only_in: &[],
    never_in: &[("", &["wire::", "crate::"])],
};

#[test]
fn ground_station_keeps_its_rules() {
    GROUND_STATION.check();
}

#[test]
fn robot_agent_keeps_its_rules() {
    ROBOT_AGENT.check();
}

#[test]
fn display_agent_keeps_its_rules() {
    DISPLAY_AGENT.check();
}

#[test]
fn the_shared_crates_keep_their_rules() {
    for rules in [WIRE, MARS, DAEMON] {
        rules.check();
    }
}

#[test]
fn no_agent_depends_on_the_station() {
    for agent in ["robot-agent", "display-agent", "wire", "daemon", "mars"] {
        let manifest = root().join(agent).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap();
        assert!(!dependencies.contains("ground-station"), "{agent}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Rules {
    fn check(&self) {
        let sources = Source::all(&root().join(self.folder).join("src"));
        let complaints = [
            self.against_layers(&sources),
            self.against_apart(&sources),
            self.against_words(&sources),
            circles(&sources),
        ]
        .concat();
        assert!(
            complaints.is_empty(),
            "{}:\n{}",
            self.folder,
            complaints.join("\n")
        );
    }

    fn layer(&self, module: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.contains(&module))
    }

    fn against_layers(&self, sources: &[Source]) -> Vec<String> {
        let mut complaints = Vec::new();
        let layered = sources.iter().filter(|_| !self.layers.is_empty());
        for source in layered {
            let from = source.top();
            let Some(upper) = self.layer(from) else {
                complaints.push(format!("{from} lies in no layer"));
                continue;
            };
            for import in source.imports(sources) {
                let to = import.top();
                if from != to && self.layer(to).is_some_and(|lower| lower < upper) {
                    let (name, import) = (source.name(), import.name());
                    complaints.push(format!("{name} imports {import}, which lies above it"));
                }
            }
        }
        complaints
    }

    fn against_apart(&self, sources: &[Source]) -> Vec<String> {
        let mut complaints = Vec::new();
        for source in sources {
            for import in source.imports(sources) {
                let pair = (source.top(), import.top());
                if self.apart.contains(&pair) || self.apart.contains(&(pair.1, pair.0)) {
                    let (name, import) = (source.name(), import.name());
                    complaints.push(format!("{name} imports {import}: they are to be apart"));
                }
            }
        }
        complaints
    }

    fn against_words(&self, sources: &[Source]) -> Vec<String> {
        let mut complaints = Vec::new();
        for source in sources {
            let name = source.name();
            for (word, places) in self.only_in {
                if source.says(word) && !places.iter().any(|place| source.is_in(place)) {
                    complaints.push(format!("{name} says {word}, which only {places:?} may"));
                }
            }
            for (place, words) in self.never_in {
                for word in words.iter().filter(|word| source.says(word)) {
                    if source.is_in(place) {
                        complaints.push(format!("{name} says {word}, which it may not"));
                    }
                }
            }
        }
        complaints
    }
}

#[test]
fn what_breaks_a_rule_is_named() {
    const RULES: Rules = Rules {
        folder: "",
        layers: &[&["upper"], &["lower", "beside"]],
        apart: &[("lower", "beside")],
        only_in: &[("axum::", &["upper"])],
        never_in: &[],
    };
    let sources = [
        ("upper", "use crate::lower::Thing;"),
        (
            "lower",
            "use crate::{\n    beside::{self, Other},\n    upper,\n};",
        ),
        ("beside", "fn f() { axum::serve(crate::lower::thing()) }"),
    ]
    .map(|(name, code)| Source::new(&[name], code));
    assert_eq!(
        RULES.against_layers(&sources),
        ["lower imports upper, which lies above it"]
    );
    assert_eq!(RULES.against_apart(&sources).len(), 2);
    assert_eq!(
        RULES.against_words(&sources),
        ["beside says axum::, which only [\"upper\"] may"]
    );
    assert_eq!(
        circles(&sources),
        ["a circle: beside -> lower, lower -> beside, lower -> upper, upper -> lower"]
    );
}

#[test]
fn what_follows_a_tests_item_is_read() {
    const RULES: Rules = Rules {
        folder: "",
        layers: &[],
        apart: &[],
        only_in: &[("topic::action(", &["mqtt"]), ("std::fs", &["mqtt"])],
        never_in: &[],
    };
    let sources = [
        (
            "early",
            "#[cfg(test)]\nmod tests;\n#[cfg(test)] mod more;\nuse crate::seen::Thing;\n",
        ),
        (
            "inside",
            "impl A {\n    #[cfg(test)]\n    fn f() {\n        crate::seen::g(\"}\");\n    }\n\
             \n    fn g() { wire::topic::action(robot) }\n}\n\
             #[cfg(test)]\nmod tests {\n    use crate::early;\n}\nuse std::{fs, io};\n",
        ),
        ("seen", "use my::std::fs;"),
    ]
    .map(|(name, code)| Source::new(&[name], code));
    let imports = sources.each_ref().map(|source| {
        let imports = source.imports(&sources);
        imports
            .iter()
            .map(|import| import.name())
            .collect::<Vec<_>>()
    });
    assert_eq!(imports, [vec!["seen".to_owned()], vec![], vec![]]);
    assert_eq!(
        RULES.against_words(&sources),
        [
            "inside says topic::action(, which only [\"mqtt\"] may",
            "inside says std::fs, which only [\"mqtt\"] may",
        ]
    );
}
