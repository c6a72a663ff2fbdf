//! A robot is enrolled, checked and driven, and every mistake on the way is named.

use serde_json::json;
use tests::{Robot, Station};

#[tokio::test]
async fn a_certificate_of_another_authority_connects_to_nothing() {
    let station = Station::start().await;
    let other = Station::start().await;
    let key = station.new_key("rover").await;
    let ours = station.new_robot("rover").await;
    let theirs = other.new_robot("rover").await;
    for file in ["certificate.pem", "private.pem.key"] {
        let from = theirs.path().join("certs").join(file);
        std::fs::copy(from, ours.path().join("certs").join(file)).unwrap();
    }
    let (status, stdout, _) = ours.run_agent(&["check"]).await;
    assert!(!status.success());
    assert!(stdout.contains("certificate"), "{stdout}");
    station
        .publish("rover", &key, r#"{"action":"forward"}"#)
        .await;
    assert!(!ours.writes().iter().any(|w| w.moves()));
}

#[tokio::test]
async fn a_check_of_a_sound_robot_says_so_and_each_fault_is_named() {
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let (status, stdout, stderr) = folder.run_agent(&["check"]).await;
    assert!(status.success(), "{stdout}{stderr}");
    folder.configure(&json!({"IOT_CORE_ENDPOINT": "localhost:1"}));
    let (status, stdout, _) = folder.run_agent(&["check"]).await;
    assert!(!status.success());
    assert!(stdout.contains("localhost:1"), "{stdout}");
    folder.configure(&json!({"motors": {"driver": "adafruit-motor-hat"}}));
    let (status, stdout, _) = folder.run_agent(&["check"]).await;
    assert!(!status.success());
    assert!(stdout.contains("/dev/i2c-1"), "{stdout}");
}

/// A folder of a user without rights, as a service's own is; only root can make one.
fn give_away(path: &std::path::Path) -> bool {
    rustix::process::geteuid().is_root()
        && std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).is_ok()
}

#[tokio::test]
async fn root_enrols_as_the_owner_of_the_folder_wherever_their_links_lead() {
    let station = Station::start().await;
    let key = station
        .command(&[
            "new-key",
            "--robot",
            "rover",
            "--may",
            "sign",
            "--certificates",
            "2",
        ])
        .await;
    let url = format!("http://{}", station.ready.http);
    let enroll = ["enroll", "--url", &url, "--key", key.trim()];
    let folder = station.new_robot("rover").await;
    std::fs::remove_dir_all(folder.path().join("certs")).unwrap();
    for parent in folder.path().ancestors().take(2) {
        std::fs::set_permissions(parent, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    }
    let roots = station.folder().join("of-root");
    std::fs::create_dir(&roots).unwrap();
    if !give_away(folder.path()) {
        return;
    }
    std::os::unix::fs::symlink(&roots, folder.path().join("certs")).unwrap();
    let (status, stdout, _) = folder.run_agent(&enroll).await;
    assert!(!status.success(), "{stdout}");
    assert_eq!(std::fs::read_dir(&roots).unwrap().count(), 0);
    std::fs::remove_file(folder.path().join("certs")).unwrap();
    let (status, stdout, stderr) = folder.run_agent(&enroll).await;
    assert!(status.success(), "{stdout}{stderr}");
    for file in ["certs", "certs/private.pem.key", "certs/certificate.pem"] {
        let found = std::fs::metadata(folder.path().join(file)).unwrap();
        assert_eq!(
            std::os::unix::fs::MetadataExt::uid(&found),
            65_534,
            "{file}"
        );
    }
}

#[tokio::test]
async fn a_robot_enrols_with_a_key_and_then_drives() {
    let station = Station::start().await;
    let named = station.new_robot("rover").await;
    let config = std::fs::read_to_string(named.path().join("config.json")).unwrap();
    std::fs::remove_dir_all(named.path().join("certs")).unwrap();
    std::fs::write(named.path().join("config.json"), config).unwrap();
    let sign = station
        .command(&["new-key", "--robot", "rover", "--may", "sign"])
        .await;
    let url = format!("http://{}", station.ready.http);
    let (status, stdout, stderr) = named
        .run_agent(&["enroll", "--url", &url, "--key", sign.trim()])
        .await;
    assert!(status.success(), "{stdout}{stderr}");
    let again = named
        .run_agent(&["enroll", "--url", &url, "--key", sign.trim()])
        .await;
    assert!(!again.0.success(), "nothing is overwritten unasked");
    let key = station.new_key("rover").await;
    let robot = Robot::start(named);
    station.telemetry("rover", &key).await;
    station.drive_until_it_moves(&robot, &key).await;
}
