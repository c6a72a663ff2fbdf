//! Keys run out and are revoked; people sign in, drive, and are sent away.

use ground_station::auth::{Principal, SESSION_SECRET, SESSION_TOKEN, TokenKey};
use ground_station::store::Store;
use serde_json::Value;
use tests::Station;
use tests::station::message;

const FORWARD: &str = r#"{"action":"forward"}"#;

async fn publish(station: &Station, key: &str) -> u16 {
    station.publish("rover", key, FORWARD).await.0
}

/// Signs in: status and answer.
async fn sign_in(station: &Station, user: &str, password: &str) -> (u16, Value) {
    let body = serde_json::json!({"user": user, "password": password}).to_string();
    station.ask("POST", "/login", &[], &body).await
}

async fn with_token(station: &Station, robot: &str, token: &str) -> (u16, Value) {
    let path = format!("/robots/{robot}/publish");
    let bearer = format!("Bearer {token}");
    station
        .ask("POST", &path, &[("authorization", &bearer)], FORWARD)
        .await
}

#[tokio::test]
async fn a_key_runs_out_for_the_day_and_a_crash_does_not_fill_it_up() {
    let mut station = Station::start().await;
    station.new_robot("rover").await;
    let command = ["new-key", "--robot", "rover", "--quota", "3"];
    let key = station.command(&command).await.trim().to_owned();
    let other = station.new_key("rover").await;
    for _ in 0..3 {
        assert_eq!(publish(&station, &key).await, 200);
    }
    let (status, answer) = station.publish("rover", &key, FORWARD).await;
    assert_eq!((status, message(&answer)), (429, "Too Many Requests"));
    assert_eq!(publish(&station, &other).await, 200);
    // Counts go to the disk every few seconds.
    let store = Store::open(&station.state().join("station.db")).unwrap();
    let today = ground_station::clock::unix_s() / 86_400;
    tests::eventually("the count is on the disk", async || {
        store.spent(today).unwrap().contains(&(1, 3)).then_some(())
    })
    .await;
    station.restart().await;
    assert_eq!(publish(&station, &key).await, 429);
    assert_eq!(publish(&station, &other).await, 200);
}

#[tokio::test]
async fn a_stopped_station_has_written_down_what_was_spent() {
    let mut station = Station::start().await;
    station.new_robot("rover").await;
    let command = ["new-key", "--robot", "rover", "--quota", "3"];
    let key = station.command(&command).await.trim().to_owned();
    assert_eq!(publish(&station, &key).await, 200);
    station.process().signal(rustix::process::Signal::TERM);
    assert!(station.process().ended().await.success());
    let store = Store::open(&station.state().join("station.db")).unwrap();
    let today = ground_station::clock::unix_s() / 86_400;
    assert_eq!(store.spent(today).unwrap(), [(1, 1)]);
}

#[tokio::test]
async fn a_burst_beyond_the_plan_is_too_many() {
    let mut station = Station::start().await;
    station.new_robot("rover").await;
    let command = [
        "new-key", "--robot", "rover", "--rate", "0.001", "--burst", "2",
    ];
    let key = station.command(&command).await.trim().to_owned();
    assert_eq!(publish(&station, &key).await, 200);
    assert_eq!(publish(&station, &key).await, 200);
    assert_eq!(publish(&station, &key).await, 429);
    let line = r#"caller="key-1" method=POST route="/robots/{name}/publish" status=429"#;
    station.process().logged(line).await;
}

#[tokio::test]
async fn a_removed_key_opens_nothing() {
    let station = Station::start().await;
    station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    assert_eq!(publish(&station, &key).await, 200);
    station.command(&["revoke", "--key", "1"]).await;
    assert_eq!(publish(&station, &key).await, 403);
}

#[tokio::test]
async fn a_user_signs_in_and_drives_their_robots_only() {
    let station = Station::start().await;
    for robot in ["rover", "scout"] {
        station.new_robot(robot).await;
    }
    let password = station
        .command(&["new-user", "ann", "--robot", "rover"])
        .await;
    let (status, answer) = sign_in(&station, "ann", password.trim()).await;
    assert_eq!(status, 200);
    assert_eq!(answer["user"], "ann");
    assert_eq!(answer["robots"], serde_json::json!(["rover"]));
    assert!(answer["expires_at"].as_u64().unwrap() > ground_station::clock::unix_s());
    let token = answer["token"].as_str().unwrap();
    let (status, answer) = with_token(&station, "rover", token).await;
    assert_eq!((status, &answer["topic"]), (200, &"rover/action".into()));
    assert_eq!(with_token(&station, "scout", token).await.0, 403);
    // A certificate is signed with a key made for it.
    let bearer = format!("Bearer {token}");
    let (status, _) = station
        .ask("POST", "/sign", &[("authorization", &bearer)], "{}")
        .await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_new_password_gives_no_further_robots() {
    let station = Station::start().await;
    for robot in ["rover", "scout"] {
        station.new_robot(robot).await;
    }
    let robots = async |arguments: &[&str]| {
        let command = [&["new-user", "ann"], arguments].concat();
        let password = station.command(&command).await;
        sign_in(&station, "ann", password.trim()).await.1["robots"].clone()
    };
    let rover = serde_json::json!(["rover"]);
    assert_eq!(robots(&["--robot", "rover"]).await, rover);
    assert_eq!(robots(&["--replace"]).await, rover);
    let both = serde_json::json!(["rover", "scout"]);
    assert_eq!(robots(&["--replace", "--all-robots"]).await, both);
    let scout = serde_json::json!(["scout"]);
    assert_eq!(robots(&["--replace", "--robot", "scout"]).await, scout);
}

#[tokio::test]
async fn wrong_passwords_are_refused_and_run_out() {
    let station = Station::start().await;
    let password = station.command(&["new-user", "ann"]).await;
    for user in ["ann", "nobody"] {
        let (status, answer) = sign_in(&station, user, "wrong").await;
        assert_eq!((status, message(&answer)), (401, "wrong name or password"));
    }
    for _ in 0..20 {
        sign_in(&station, "bob", "wrong").await;
    }
    let (status, answer) = sign_in(&station, "bob", "wrong").await;
    let words = "too many wrong passwords: wait 6 seconds";
    assert_eq!((status, message(&answer)), (429, words));
    let login = station
        .client
        .post(format!("http://{}/login", station.ready.http));
    let body = r#"{"user":"bob","password":"wrong"}"#;
    let refused = login.body(body).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "6");
    assert_eq!(sign_in(&station, "ann", password.trim()).await.0, 200);
}

#[tokio::test]
async fn wrong_passwords_from_elsewhere_keep_nobody_out() {
    // Behind a proxy that is declared, all come from its address.
    let station = Station::start_with(&["--trusted-proxy", "127.0.0.1"]).await;
    let password = station.command(&["new-user", "ann"]).await;
    let sign_in = async |from: &str, password: &str| {
        let body = serde_json::json!({"user": "ann", "password": password}).to_string();
        let from = [("x-forwarded-for", from)];
        station.ask("POST", "/login", &from, &body).await.0
    };
    for address in 0..4 {
        for _ in 0..11 {
            sign_in(&format!("192.0.2.{address}"), "wrong").await;
        }
    }
    assert_eq!(sign_in("192.0.2.1", password.trim()).await, 429);
    assert_eq!(sign_in("198.51.100.7", password.trim()).await, 200);
}

#[tokio::test]
async fn passwords_that_were_checked_hold_no_memory() {
    let mut station = Station::start().await;
    let id = station.process().id();
    let resident_mib = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line
            .and_then(|line| line.split_whitespace().nth(1))
            .unwrap();
        kib.parse::<u64>().unwrap() / 1024
    };
    let before = resident_mib();
    for round in 0..6 {
        let names = (0..8).map(|name| format!("nobody-{round}-{name}"));
        let together = names.map(|name| {
            let station = &station;
            async move { sign_in(station, &name, "wrong").await }
        });
        futures::future::join_all(together).await;
    }
    // Each takes 19 MiB while it is checked.
    let after = resident_mib();
    assert!(after < before + 40, "{before} MiB, then {after} MiB");
}

#[tokio::test]
async fn a_token_ends_with_its_time_its_user_and_its_password() {
    let station = Station::start().await;
    station.new_robot("rover").await;
    let password = station.command(&["new-user", "ann"]).await;
    let (_, answer) = sign_in(&station, "ann", password.trim()).await;
    let token = answer["token"].as_str().unwrap();
    assert_eq!(with_token(&station, "rover", token).await.0, 200);

    let store = Store::open(&station.state().join("station.db")).unwrap();
    let secret = store.setting(SESSION_SECRET).unwrap().unwrap();
    let version = store.directory().users["ann"].password_version.clone();
    let now = ground_station::clock::unix_s();
    let forge = |secret: &[u8], name: &str, expires_s| {
        let user = Principal::User(name.to_owned(), version.clone());
        TokenKey::new(secret, SESSION_TOKEN).sign(user, expires_s)
    };
    let old = forge(&secret, "ann", now);
    let (status, answer) = with_token(&station, "rover", &old).await;
    assert_eq!(status, 401);
    assert!(message(&answer).contains("expired"), "{answer}");
    let ghost = forge(&secret, "ghost", now + 60);
    assert_eq!(with_token(&station, "rover", &ghost).await.0, 401);
    let forged = forge(b"a guess", "ann", now + 60);
    assert_eq!(with_token(&station, "rover", &forged).await.0, 401);

    let fresh = station.command(&["new-user", "ann", "--replace"]).await;
    let (status, answer) = with_token(&station, "rover", token).await;
    assert_eq!(status, 401);
    assert!(message(&answer).contains("revoked"), "{answer}");
    let (_, answer) = sign_in(&station, "ann", fresh.trim()).await;
    let token = answer["token"].as_str().unwrap();
    assert_eq!(with_token(&station, "rover", token).await.0, 200);
    station.command(&["revoke", "--user", "ann"]).await;
    assert_eq!(with_token(&station, "rover", token).await.0, 401);
    assert_eq!(sign_in(&station, "ann", fresh.trim()).await.0, 401);
}
