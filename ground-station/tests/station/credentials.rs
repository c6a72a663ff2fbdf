//! Who gets temporary credentials, and who does not.

use ground_station::clock;
use serde_json::{Value, json};
use std::path::Path;
use tests::Station;
use tests::kvs::{Access, CREDENTIALS_PATH, Client, robot_credentials};
use tests::station::json_answer;
use tests::tls::{Identity, http_client};

/// A client that shows the certificate in `certs`.
fn shown(certs: &Path) -> reqwest::Client {
    http_client(certs, Identity::Shown)
}

/// Asks for credentials under `alias`: status, error name and body.
async fn ask(
    station: &Station,
    client: reqwest::Client,
    alias: &str,
    thing: Option<&str>,
) -> (u16, String, Value) {
    let url = format!(
        "https://{}/role-aliases/{alias}/credentials",
        station.secure_host()
    );
    let mut request = client.get(url);
    if let Some(thing) = thing {
        request = request.header("x-amzn-iot-thingname", thing);
    }
    json_answer(request).await
}

#[tokio::test]
async fn a_robot_gets_credentials_with_its_certificate() {
    let station = Station::start_with(&["--role-alias", "theirs"]).await;
    let rover = station.new_robot("rover").await;
    for alias in ["outpost-robot", "theirs"] {
        for thing in [None, Some("rover")] {
            let (status, _, body) = ask(&station, shown(&rover.certs()), alias, thing).await;
            assert_eq!(status, 200, "{body}");
            let fields = body["credentials"].as_object().unwrap();
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            assert_eq!(
                names,
                [
                    "accessKeyId",
                    "expiration",
                    "secretAccessKey",
                    "sessionToken"
                ]
            );
        }
    }
    station.command(&["revoke", "rover"]).await;
    let (status, _, body) = ask(&station, shown(&rover.certs()), "outpost-robot", None).await;
    assert_eq!(status, 403, "{body}");
    assert_eq!(body["message"], "Certificate is invalid on this endpoint");
}

#[tokio::test]
async fn nobody_else_does_and_each_is_told_in_the_providers_words() {
    let aliases = ["--role-alias", "no-role=none", "--role-alias", "long=43201"];
    let station = Station::start_with(&aliases).await;
    let rover = station.new_robot("rover").await;
    let desk = station.new_operator("desk").await;
    let (ours, denied, bad) = (
        "outpost-robot",
        "AccessDeniedException",
        "InvalidRequestException",
    );
    let nobody = (
        http_client(&rover.certs(), Identity::Hidden),
        ours,
        Some("rover"),
    );
    let other = (shown(&rover.certs()), ours, Some("other"));
    let operator = (shown(&desk), ours, Some("desk"));
    let robot = |alias| (shown(&rover.certs()), alias, Some("rover"));
    for ((client, alias, thing), status, kind, message) in [
        (
            nobody,
            403,
            denied,
            "Certificate is invalid on this endpoint",
        ),
        (other, 403, denied, "Invalid thing name passed"),
        (operator, 403, denied, "Access Denied"),
        (
            robot("no"),
            404,
            "ResourceNotFoundException",
            "Role alias does not exist",
        ),
        (
            robot("no-role"),
            400,
            bad,
            "Unable to assume the role, or the role to assume does not exist",
        ),
        (
            robot("long"),
            400,
            bad,
            "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role",
        ),
    ] {
        let (got, name, body) = ask(&station, client, alias, thing).await;
        assert_eq!((got, name.as_str()), (status, kind), "{body}");
        assert_eq!(body, json!({ "message": message }));
    }
}

#[tokio::test]
async fn a_certificate_of_another_station_is_not_even_heard() {
    let (ours, theirs) = (Station::start().await, Station::start().await);
    let foreign = theirs.new_robot("rover").await;
    let own = ours.new_robot("rover").await;
    std::fs::copy(
        own.certs().join("cacert.pem"),
        foreign.certs().join("cacert.pem"),
    )
    .unwrap();
    let url = format!("https://{}{CREDENTIALS_PATH}", ours.secure_host());
    assert!(shown(&foreign.certs()).get(url).send().await.is_err());
}

#[tokio::test]
async fn who_may_drive_a_robot_may_watch_it_and_nobody_else() {
    let station = Station::start().await;
    let rover = station.new_robot("rover").await;
    station.new_robot("other").await;
    let token = station.new_token(&["--robot", "rover"]).await;
    let access = Access::Token(&token);
    let viewer = Client::viewer(&station.ready.http, "rover", access).await;
    assert_eq!(viewer.endpoint, format!("http://{}", station.ready.http));
    let viewer = Client::secure_viewer(&station, "rover", access, &rover.certs()).await;
    assert_eq!(
        viewer.endpoint,
        format!("https://{}", station.secure_host())
    );
    let expiry = time::OffsetDateTime::parse(
        &viewer.credentials.expiration,
        &time::format_description::well_known::Rfc3339,
    );
    let life = expiry.unwrap().unix_timestamp() - clock::unix_s() as i64;
    assert!((3590..=3600).contains(&life), "{life}");
    let post = |robot: &str| station.request("POST", &format!("/robots/{robot}/viewer"));
    for (request, status) in [
        (post("rover"), 403),
        (post("rover").bearer_auth("nonsense"), 401),
        (post("other").bearer_auth(&token), 403),
        (post("nobody").bearer_auth(&token), 403),
    ] {
        let (got, _, body) = json_answer(request).await;
        assert_eq!(got, status, "{body}");
    }
    let key = station.new_key("rover").await;
    let (status, _, body) = json_answer(post("rover").header("x-api-key", &key)).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn credentials_expire() {
    // An hour becomes two seconds.
    let station = Station::start_with(&["--time-scale", "0.0006"]).await;
    let rover = station.new_robot("rover").await;
    let robot = Client::master(&station, &rover).await;
    let body = json!({"ChannelName": "rover"});
    let path = wire::signaling::control::DESCRIBE_PATH;
    tests::eventually("the credentials expire", async || {
        let (status, kind, _) = robot.call(path, &body).await;
        (status == 403 && kind == "ExpiredTokenException").then_some(())
    })
    .await;
    let fresh = robot_credentials(&station, &rover).await;
    assert_ne!(fresh.session_token, robot.credentials.session_token);
}
