//! By what commands the daemons are started.

use crate::Station;
use crate::process::{command, output};
use crate::robot::Folder;
use crate::station::Ready;
use crate::supervisor::Recipe;
use crate::tcp_relay::TcpRelay;
use serde_json::json;
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::process::Command;

/// What the disk of the station holds: its database and lists take less than a megabyte.
const DISK: &str = "size=32m,mode=755";

/// What is different about one start of a program.
#[derive(Default)]
pub(super) struct Start {
    pub env: Vec<(&'static str, String)>,
    /// Where its log goes, if not into its file.
    pub log: Option<OwnedFd>,
}

/// The station's state on a disk of its own, where that can be had.
pub(super) async fn disk(station: &Station) -> (PathBuf, bool) {
    if !rustix::process::geteuid().is_root() {
        return (station.state().to_owned(), false);
    }
    let disk = station.folder().join("disk");
    std::fs::create_dir(&disk).expect("the folder is the test's own");
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(&disk);
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(station.state().join(".")).arg(&disk);
    for command in [mount, copy] {
        let (status, _, stderr) = output(command).await;
        assert!(status.success(), "{stderr}");
    }
    (disk, true)
}

/// Has the robot connect by the relays.
pub(super) fn configure(folder: &Folder, to_broker: &TcpRelay, to_signaling: &TcpRelay) {
    let https = format!("localhost:{}", to_signaling.address.port());
    folder.configure(&json!({
        "IOT_CORE_ENDPOINT": format!("localhost:{}", to_broker.address.port()),
        "IOT_GET_CREDENTIAL_ENDPOINT": https,
        "KVS_ENDPOINT": format!("https://{https}"),
        "video": { "source": "test", "width": 320, "height": 240, "fps": 10 },
    }));
}

pub(super) fn station_recipe(disk: &Path, ready: &Ready, logs: &Path, start: Start) -> Recipe {
    let (disk, ready) = (disk.to_owned(), ready.clone());
    let log = logs.join("ground-station.log");
    Arc::new(move || {
        let mut command = command("ground-station");
        command.arg("--state").arg(&disk).arg("run");
        command.args(["--http", &ready.http, "--https", &ready.https]);
        command.args(["--mqtt", &ready.mqtt]);
        command.stdout(Stdio::null());
        apply(&start, &mut command, &log);
        command
    })
}

pub(super) fn robot_recipe(folder: &Folder, start: Start) -> Recipe {
    let folder = folder.clone();
    Arc::new(move || {
        let mut command = folder.agent();
        command.arg("run");
        apply(&start, &mut command, &folder.path().join("robot-agent.log"));
        command
    })
}

/// What systemd runs when the robot has ended.
pub(super) fn stop_recipe(folder: &Folder) -> Recipe {
    let folder = folder.clone();
    Arc::new(move || {
        let mut command = folder.agent();
        command.arg("stop");
        command
    })
}

fn apply(start: &Start, command: &mut Command, log: &Path) {
    command.envs(start.env.iter().map(|(name, value)| (name, value)));
    match &start.log {
        Some(log) => {
            let log = log.try_clone().expect("a pipe can be shared");
            command.env("RUST_LOG", "debug").stderr(log);
        }
        None => {
            let log = OpenOptions::new().create(true).append(true).open(log);
            command.stderr(log.expect("the log is in a folder of the test's own"));
        }
    }
}
