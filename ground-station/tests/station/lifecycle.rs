//! Starting, stopping, and what is wrong with a set-up, in words and exit codes.

use ground_station::ca::{Ca, Purpose};
use ground_station::state_dir::{self, StateDir};
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tests::mqtt::{Client, options};
use tests::process::{self, Process};
use tests::station::run_command;
use tests::tls::{self, Identity};
use tests::{NotifySocket, Station, eventually};

/// `ground-station` with these arguments: exit code, stdout, stderr.
async fn command(state: &Path, arguments: &[&str]) -> (i32, String, String) {
    let (status, stdout, stderr) = run_command(state, arguments).await;
    (status.code().unwrap(), stdout, stderr)
}

const ANY: [&str; 7] = [
    "run",
    "--http",
    "127.0.0.1:0",
    "--https",
    "127.0.0.1:0",
    "--mqtt",
    "127.0.0.1:0",
];

#[tokio::test]
async fn asked_to_stop_it_ends_with_zero_and_takes_the_broker_with_it() {
    let mut station = Station::start().await;
    station.process().signal(rustix::process::Signal::INT);
    assert!(station.process().ended().await.success());
    TcpListener::bind(&station.ready.mqtt).unwrap();
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_is_64_and_help_is_0() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    for arguments in [
        &[][..],
        &["dance"],
        &["run", "--http", "8080"],
        &["run", "--external-broker", "nowhere"],
        &["new-robot", "a b", "--out", "x"],
        &["new-robot", "a"],
        &["new-robot", "a", "--out", "x", "--host", "https://a"],
        &["new-key", "--rate", "-1"],
        &["new-key", "--may", "fly"],
        &["revoke"],
        &["revoke", "a", "--user", "b"],
    ] {
        let (code, _, stderr) = command(&state, arguments).await;
        assert_eq!(code, 64, "{arguments:?}: {stderr}");
        assert!(!stderr.is_empty());
    }
    assert!(!state.exists());
    for arguments in ["--help", "--version"] {
        let (code, stdout, _) = command(&state, &[arguments]).await;
        assert_eq!(code, 0);
        assert!(stdout.contains("ground-station"));
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    for what in ["--http", "--https", "--mqtt"] {
        let mut arguments = ANY.map(str::to_owned);
        let at = arguments.iter().position(|argument| argument == what);
        arguments[at.unwrap() + 1] = address.clone();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, stdout, stderr) = command(&dir.path().join("state"), &arguments).await;
        assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
        let port = taken.local_addr().unwrap().port().to_string();
        assert!(
            stderr.contains(&port) && stderr.contains("taken"),
            "{stderr}"
        );
        assert!(stderr.contains(what), "{stderr}");
    }
}

#[tokio::test]
async fn a_set_up_that_no_restart_cures_is_78() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("home");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("diary"), "dear").unwrap();
    let (code, _, stderr) = command(&foreign, &ANY).await;
    assert_eq!(code, 78, "{stderr}");
    assert!(stderr.contains("not empty"), "{stderr}");

    let halved = dir.path().join("halved");
    assert_eq!(command(&halved, &["new-key"]).await.0, 0);
    std::fs::remove_file(halved.join("ca.key")).unwrap();
    let (code, _, stderr) = command(&halved, &ANY).await;
    assert_eq!(code, 78, "{stderr}");
    assert!(stderr.contains("ca.key"), "{stderr}");
}

/// A copy of the state folder of a station that knows a robot, of which it has revoked one.
async fn state_with_a_revoked_robot(folder: &Path) {
    let out = folder.with_extension("robot");
    let out = out.to_str().unwrap();
    assert_eq!(
        command(folder, &["new-robot", "rover", "--out", out])
            .await
            .0,
        0
    );
    assert_eq!(command(folder, &["revoke", "rover"]).await.0, 0);
}

fn damage(state: &Path, how: usize) {
    let file = |name: &str| state.join(name);
    match how {
        0 => std::fs::remove_file(file("station.db")).unwrap(),
        1 => std::fs::write(file("station.db"), "").unwrap(),
        2 => std::fs::write(file("station.db"), [b'x'; 8192]).unwrap(),
        3 => {
            let database = std::fs::read(file("station.db")).unwrap();
            std::fs::write(file("station.db"), &database[..database.len() / 2]).unwrap();
        }
        _ => {
            std::fs::remove_file(file("ca.pem")).unwrap();
            std::fs::remove_file(file("ca.key")).unwrap();
        }
    }
}

#[tokio::test]
async fn a_state_folder_of_which_a_part_was_lost_is_78_for_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let words = [
        "no station.db",
        "station.db is empty",
        "station.db is damaged",
        "station.db is damaged",
        "ca.pem is gone",
    ];
    for (n, words) in words.into_iter().enumerate() {
        let state = dir.path().join(n.to_string());
        state_with_a_revoked_robot(&state).await;
        damage(&state, n);
        for arguments in [&ANY[..], &["new-key"]] {
            let (code, _, stderr) = command(&state, arguments).await;
            assert_eq!(code, 78, "{n}: {stderr}");
            for words in [words, "backup", "enrol again"] {
                assert!(stderr.contains(words), "{n}: {stderr}");
            }
        }
    }
}

#[tokio::test]
async fn without_mosquitto_it_says_what_to_install() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("mosquitto");
    let arguments = [&ANY[..], &["--mosquitto", nowhere.to_str().unwrap()]].concat();
    let (code, _, stderr) = command(&dir.path().join("state"), &arguments).await;
    assert_eq!(code, 78, "{stderr}");
    assert!(stderr.contains("apt install mosquitto"), "{stderr}");
}

#[tokio::test]
async fn a_second_station_on_the_same_state_is_refused() {
    let station = Station::start().await;
    let (code, _, stderr) = command(station.state(), &ANY).await;
    assert_eq!(code, 1);
    assert!(stderr.contains("another ground-station runs"), "{stderr}");
}

#[tokio::test]
async fn nobody_but_its_owner_can_look_into_the_state() {
    let station = Station::start().await;
    let robot = station.new_robot("rover").await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(station.state()), 0o700);
    for file in ["ca.key", "server.key", "station.db"] {
        assert_eq!(mode(&station.state().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&robot.path().join("certs/private.pem.key")), 0o600);
}

#[tokio::test]
async fn new_robot_overwrites_nothing_unasked() {
    let station = Station::start().await;
    let robot = station.new_robot("rover").await;
    let key = robot.path().join("certs/private.pem.key");
    let before = std::fs::read(&key).unwrap();
    let out = robot.path().to_str().unwrap();
    let arguments = ["new-robot", "rover", "--out", out];
    let (code, _, stderr) = command(station.state(), &arguments).await;
    assert_eq!(code, 1);
    assert!(stderr.contains("--force"), "{stderr}");
    let elsewhere = station.state().with_file_name("elsewhere");
    let arguments = ["new-robot", "rover", "--out", elsewhere.to_str().unwrap()];
    let (code, _, stderr) = command(station.state(), &arguments).await;
    assert_eq!(code, 1);
    assert!(stderr.contains("has a valid certificate"), "{stderr}");
    assert_eq!(std::fs::read(&key).unwrap(), before);
    let (code, _, stderr) =
        command(station.state(), &["new-operator", "rover", "--out", out]).await;
    assert_eq!(code, 1, "{stderr}");
}

#[tokio::test]
async fn an_expired_server_certificate_is_renewed_at_the_start() {
    let mut station = Station::start().await;
    let certs = station.new_robot("rover").await.certs();
    let state = StateDir::open(station.state()).unwrap();
    let now = ground_station::clock::utc();
    let ca = Ca::open(&state, now).unwrap();
    let key = KeyPair::generate().unwrap();
    let hosts = Purpose::Server(ground_station::ca::hosts::own().into_iter().collect());
    let expired = ca
        .issue("localhost", &key, &hosts, -time::Duration::HOUR, now)
        .unwrap();
    state_dir::write(&state.server_key(), key.serialize_pem().as_bytes(), 0o600).unwrap();
    state_dir::write(&state.server_certificate(), expired.pem.as_bytes(), 0o644).unwrap();
    station.restart().await;
    Client::connect(&station, &certs).await;
    let renewed = CertificateDer::from_pem_file(state.server_certificate()).unwrap();
    let (_, renewed) = x509_parser::parse_x509_certificate(&renewed).unwrap();
    assert!(renewed.validity().is_valid());
}

#[tokio::test]
async fn a_server_certificate_is_renewed_as_soon_as_the_clock_says_so() {
    let mut station = Station::start().await;
    let certs = station.new_robot("rover").await.certs();
    let state = StateDir::open(station.state()).unwrap();
    let now = ground_station::clock::utc();
    let ca = Ca::open(&state, now).unwrap();
    let key = KeyPair::generate().unwrap();
    let hosts = Purpose::Server(ground_station::ca::hosts::own().into_iter().collect());
    // A month ahead it is renewed: that is a few seconds after the start.
    let lifetime = time::Duration::days(30) + time::Duration::seconds(8);
    let old = ca.issue("localhost", &key, &hosts, lifetime, now).unwrap();
    station.process().kill().await;
    state_dir::write(&state.server_key(), key.serialize_pem().as_bytes(), 0o600).unwrap();
    state_dir::write(&state.server_certificate(), old.pem.as_bytes(), 0o644).unwrap();
    station.restart().await;
    let shown = || std::fs::read_to_string(state.server_certificate()).unwrap();
    eventually("it is renewed", async || (shown() != old.pem).then_some(())).await;
    station.process().logged("server certificate renewed").await;
    Client::connect(&station, &certs).await;
}

#[tokio::test]
async fn a_new_host_name_gets_into_the_certificate_while_the_station_runs() {
    let station = Station::start().await;
    let out = station.state().with_file_name("rover");
    let out = out.to_str().unwrap();
    let command = [
        "new-robot",
        "rover",
        "--out",
        out,
        "--host",
        "outpost.example",
    ];
    station.command(&command).await;
    let ca = station.state().join("ca.pem");
    let ca = reqwest::Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .resolve("outpost.example", station.ready.https.parse().unwrap())
        .build()
        .unwrap();
    let (_, port) = station.ready.https.rsplit_once(':').unwrap();
    let url = format!("https://outpost.example:{port}/healthz");
    assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    // The broker shows the same one.
    let tls = tls::client(&Path::new(out).join("certs"), Identity::Shown);
    let robot = options(&station, &tls, "rover");
    Client::try_connect(robot).await.unwrap();
}

#[tokio::test]
async fn systemd_is_told_of_readiness_life_and_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut systemd = NotifySocket::new(dir.path());
    let mut run = process::command("ground-station");
    run.arg("--state").arg(dir.path().join("state")).args(ANY);
    systemd.watch(&mut run, 400_000);
    let mut process = Process::start(run, &dir.path().join("log"));
    systemd.wait_for("READY=1", 1).await;
    systemd.wait_for("WATCHDOG=1", 2).await;
    process.signal(rustix::process::Signal::TERM);
    systemd.wait_for("STOPPING=1", 1).await;
    assert!(process.ended().await.success());
    process.logged("SIGTERM").await;
}

#[tokio::test]
async fn a_broker_that_cannot_start_is_explained_and_the_station_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let confined = dir.path().join("mosquitto");
    let script =
        "#!/bin/sh\necho '1795266262: Error: Unable to open config file '$2. >&2\nexit 1\n";
    std::fs::write(&confined, script).unwrap();
    std::fs::set_permissions(&confined, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut station = Station::start_with(&["--mosquitto", confined.to_str().unwrap()]).await;
    station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    let (status, answer) = station.publish("rover", &key, r#"{"action":"stop"}"#).await;
    assert_eq!(status, 503, "{answer}");
    let log = station.process().logged("the broker ended").await;
    assert!(log.contains("AppArmor"), "{log}");
}
