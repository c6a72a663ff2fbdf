//! The pages that a maker follows say what is so: their commands are understood by the
//! programs, their JSON is JSON, their links lead somewhere, and every message that is
//! explained is one that a program says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tests::process::program;

const DAEMONS: [&str; 3] = ["robot-agent", "display-agent", "ground-station"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every page of the folder and its text.
fn pages() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join("docs")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.ends_with(".md"))
        .map(|name| (name.clone(), page(&name)))
        .collect()
}

/// Every Markdown file of the project itself.
fn markdown() -> Vec<PathBuf> {
    let folders = [".", "docs", "docs/decisions", "tests"].map(|folder| root().join(folder));
    folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// What a page names in backticks, below a folder that there is.
#[test]
fn every_file_that_a_page_names_exists() {
    let mut seen = 0;
    for page in markdown() {
        let text = fs::read_to_string(&page).unwrap();
        for named in text
            .lines()
            .flat_map(|line| line.split('`').skip(1).step_by(2))
        {
            let path = named.split_whitespace().next().unwrap_or_default();
            let folder = path.split_once('/').map_or("", |(folder, _)| folder);
            let is_path = !folder.is_empty() && !path.contains(['{', '<', '*', '$', ':', '=', '…']);
            if is_path && folder != "target" && root().join(folder).is_dir() {
                assert!(root().join(path).exists(), "{}: {path}", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "only {seen} paths were looked at");
}

/// The fenced blocks of a language; none is fenced without one.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let (mut fenced, mut wanted) = (false, false);
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(named) => {
                fenced = !fenced;
                wanted = fenced && named == language;
                if wanted {
                    blocks.push(String::new());
                }
            }
            None if wanted => {
                let block = blocks.last_mut().expect("a wanted block was begun");
                block.push_str(line);
                block.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// The arguments of a daemon in a line of shell, without who runs it and what comes after.
fn command(line: &str) -> Option<(&'static str, Vec<String>)> {
    let line = line.split(" # ").next()?.trim_end_matches(" &");
    let words: Vec<&str> = line.split_whitespace().collect();
    let skipped = match words.as_slice() {
        ["sudo", "-u", _, ..] => 3,
        ["sudo", ..] => 1,
        _ => 0,
    };
    let (first, rest) = words[skipped..].split_first()?;
    let daemon = DAEMONS.into_iter().find(|daemon| daemon == first)?;
    Some((daemon, rest.iter().map(|word| (*word).to_owned()).collect()))
}

/// With `--help` at the end a command does nothing, but everything before is understood first.
#[test]
fn every_command_is_understood_by_its_program() {
    let mut seen = 0;
    for (name, text) in pages() {
        let all = [blocks(&text, "sh"), blocks(&text, "")].concat();
        for line in all.iter().flat_map(|block| block.lines()) {
            let Some((daemon, mut words)) = command(line) else {
                continue;
            };
            words.push("--help".into());
            let output = Command::new(program(daemon)).args(&words).output().unwrap();
            let says = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {line}\n{says}");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} commands were found");
}

#[test]
fn what_looks_like_json_is_json() {
    for name in ["robot.md", "display.md", "aws.md"] {
        let text = page(name);
        let blocks = blocks(&text, "json");
        assert!(!blocks.is_empty(), "{name}");
        for block in blocks {
            serde_json::from_str::<Value>(&block)
                .unwrap_or_else(|error| panic!("{name}: {error} in\n{block}"));
        }
    }
}

#[test]
fn every_config_for_a_robot_or_a_display_is_a_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let mut seen = 0;
    for name in ["robot.md", "display.md", "aws.md"] {
        let text = page(name);
        for block in blocks(&text, "json") {
            let daemon = if block.contains("\"display\"") {
                "display-agent"
            } else if block.contains("\"IOT_THINGNAME\"") {
                "robot-agent"
            } else {
                continue;
            };
            fs::write(&file, &block).unwrap();
            let says = refusal(daemon, &file);
            assert_eq!(says, None, "{name}:\n{block}");
            seen += 1;
        }
    }
    assert!(seen >= 3, "only {seen} were found");
}

#[test]
fn the_configs_that_the_packages_bring_are_good_ones() {
    for daemon in ["robot-agent", "display-agent"] {
        let file = root().join("packaging").join(daemon).join("config.json");
        assert_eq!(refusal(daemon, &file), None, "{daemon}");
    }
}

/// What a daemon has against a configuration; `stop` and `check` would touch a board or the
/// network, so each is asked in the way that only reads the file.
fn refusal(daemon: &str, config: &Path) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("page.png");
    let mut command = Command::new(program(daemon));
    command.arg("--config").arg(config);
    match daemon {
        "display-agent" => command
            .args(["render", "--from", "/nonexistent.json", "--out"])
            .arg(out),
        // Nothing is enrolled without `--url`'s answer, and nobody answers there.
        _ => command.args(["enroll", "--url", "http://127.0.0.1:1", "--key", "none"]),
    };
    let output = command.output().unwrap();
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(78) => Some(says),
        Some(1) => None,
        other => panic!("{daemon} ends with {other:?}: {says}"),
    }
}

#[test]
fn every_key_of_a_display_is_in_its_table() {
    let table = page("display.md");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    for (section, config) in [
        ("", json!({"display": {"url": "http://x", "\u{7f}": 1}})),
        (
            "screen.",
            json!({"display": {"url": "http://x", "screen": {"\u{7f}": 1}}}),
        ),
    ] {
        fs::write(&file, config.to_string()).unwrap();
        let says = refusal("display-agent", &file).expect("an unknown key is refused");
        let (_, known) = says.split_once("known are ").expect("nothing is near");
        for key in known.trim().split(", ").filter(|key| *key != "screen") {
            let named = [format!("`{section}{key}`"), format!("`{key}`")];
            assert!(
                named.iter().any(|name| table.contains(name)),
                "docs/display.md lacks {section}{key}"
            );
        }
    }
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let mut seen = 0;
    for (name, text) in pages() {
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let path = match file {
                "" => root().join("docs").join(&name),
                _ => root().join("docs").join(file),
            };
            assert!(path.exists(), "{name}: {link}");
            let target = heading.is_empty() || headings(&path).contains(&heading.to_owned());
            assert!(target, "{name}: {link}");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} links were found");
}

/// The headings of a page, as links name them.
fn headings(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_message_that_is_explained_is_one_that_a_program_says() {
    let mut code = String::new();
    for member in fs::read_dir(root()).unwrap() {
        let sources = member.unwrap().path().join("src");
        if sources.is_dir() {
            gather(&sources, &mut code);
        }
    }
    let page = page("troubleshooting.md");
    let messages: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .collect();
    assert!(messages.len() > 20, "{messages:?}");
    for message in messages {
        assert!(code.contains(message), "nobody says {message:?}");
    }
}

/// Sources with the strings that are broken over lines put together again.
fn gather(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, code);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for (n, part) in text.split("\\\n").enumerate() {
                code.push_str(if n == 0 { part } else { part.trim_start() });
            }
        }
    }
}

/// What can run anywhere is run.
#[test]
fn the_key_and_the_request_for_aws_are_made_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let page = page("aws.md");
    let blocks = blocks(&page, "sh");
    let lines: Vec<&str> = blocks
        .iter()
        .flat_map(|block| block.lines())
        .filter(|line| line.starts_with("openssl "))
        .collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        let mut words = line.split_whitespace();
        let output = Command::new(words.next().unwrap())
            .args(words)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    }
    let request = fs::read_to_string(folder.path().join("rover.csr")).unwrap();
    assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
}
