//! The systemd units: what systemd itself says of them, and what no edit may lose.

use std::path::{Path, PathBuf};
use std::process::Command;

/// systemd's scale goes from 0, fully confined, to 10. All that is left open at this level is
/// the network and the devices that each daemon is for.
const EXPOSURE_MAX: f64 = 2.5;

const UNITS: [&str; 3] = ["robot-agent", "display-agent", "ground-station"];

fn file(unit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../systemd/{unit}.service"))
}

fn text(unit: &str) -> String {
    std::fs::read_to_string(file(unit)).expect("the unit is in the repository")
}

/// Standard output, and what went wrong.
fn analyze(arguments: &[&str]) -> (String, String) {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .output()
        .expect("systemd-analyze starts: scripts/setup --tests installs it");
    let errors = String::from_utf8_lossy(&output.stderr);
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        format!("{}: {errors}", output.status),
    )
}

#[test]
fn systemd_rates_every_unit_as_well_confined() {
    for unit in UNITS {
        let path = file(unit);
        let path = path.to_str().expect("paths are UTF-8");
        let (report, errors) = analyze(&["security", "--offline=yes", path]);
        let level: f64 = report
            .lines()
            .find_map(|line| line.split_once("exposure level for")?.1.split(": ").nth(1))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap_or_else(|| panic!("{unit}: no level in {report}\n{errors}"));
        assert!(level <= EXPOSURE_MAX, "{unit}: {level}\n{report}");
    }
}

/// Its only complaint about these files may be that the daemons are not installed here, so a
/// program that is stands in for them.
#[test]
fn systemd_understands_every_line_of_every_unit() {
    let folder = tempfile::tempdir().expect("a folder");
    for unit in UNITS {
        let mut installed = text(unit);
        for daemon in UNITS {
            installed = installed.replace(&format!("/usr/bin/{daemon}"), "/bin/true");
        }
        let path = folder.path().join(format!("{unit}.service"));
        std::fs::write(&path, installed).expect("a unit");
        let path = path.to_str().expect("paths are UTF-8");
        let (_, said) = analyze(&["verify", "--man=no", path]);
        assert_eq!(said, "exit status: 0: ", "{unit}");
    }
}

#[test]
fn every_unit_is_watched_and_comes_back_but_not_with_a_bad_config() {
    for unit in UNITS {
        let text = text(unit);
        let has = |line: &str| text.lines().any(|it| it.starts_with(line));
        for line in [
            "Type=notify",
            "WatchdogSec=",
            "Restart=on-failure",
            "RestartPreventExitStatus=78",
            "StartLimitIntervalSec=0",
            "DevicePolicy=closed",
            "StateDirectory=",
            "CapabilityBoundingSet=",
        ] {
            assert!(has(line), "{unit} lacks {line}");
        }
        assert!(has(&format!("User={unit}")), "{unit} is a user of its own");
    }
}

#[test]
fn the_user_of_every_unit_is_made_by_its_package() {
    for unit in UNITS {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let read = |file: String| std::fs::read_to_string(root.join(file)).expect("it is there");
        let sysusers = format!("packaging/{unit}/{unit}.sysusers");
        let package = read(format!("{unit}/Cargo.toml"));
        assert!(package.contains(&format!(
            "[\"../{sysusers}\", \"usr/lib/sysusers.d/{unit}.conf\""
        )));
        assert!(read(sysusers).contains(&format!("\nu {unit} ")));
    }
}

/// Only for that thread: a process that is in real time as a whole would take its encoder with it.
#[test]
fn the_motor_thread_may_come_before_everything_and_the_rest_of_the_robot_before_most() {
    let text = text("robot-agent");
    let lines: Vec<&str> = text.lines().collect();
    for line in [
        "Nice=-10",
        "CPUWeight=1000",
        "LimitRTPRIO=1",
        "LimitRTTIME=500ms",
    ] {
        assert!(lines.contains(&line), "{line}");
    }
    let allowed = "SystemCallFilter=sched_setscheduler";
    let last = lines.iter().rfind(|it| it.starts_with("SystemCallFilter="));
    assert_eq!(last, Some(&allowed), "after those that are taken away");
    for line in ["RestrictRealtime=yes", "CPUSchedulingPolicy="] {
        assert!(!text.contains(line), "{line}");
    }
}

/// The board must be turned off by the configuration that it was driven with: the owner may
/// have changed the file since, or broken it.
#[test]
fn a_robot_that_died_is_stopped_by_the_config_it_ran_with() {
    let text = text("robot-agent");
    let copy = "%t/robot-agent/config.json";
    let stop = format!("/usr/bin/robot-agent --config {copy} stop");
    let order = [
        format!("ExecStartPre=-/bin/cp --force /etc/robot-agent/config.json {copy}"),
        format!("ExecStartPre=-{stop}"),
        "ExecStart=/usr/bin/robot-agent --config /etc/robot-agent/config.json run".to_owned(),
        format!("ExecStopPost={stop}"),
    ];
    let commands: Vec<&str> = text.lines().filter(|it| it.starts_with("Exec")).collect();
    assert_eq!(commands, order);
}
