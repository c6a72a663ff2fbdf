//! `/sign`: a robot that made its own key gets a certificate, and nobody else's.

use serde_json::{Value, json};
use std::path::Path;
use tests::Station;
use tests::mqtt::Client;
use tests::station::message;

async fn key(station: &Station) -> String {
    let command = ["new-key", "--robot", "rover", "--may", "sign"];
    station.command(&command).await.trim().to_owned()
}

async fn sign(station: &Station, key: &str, csr: &str) -> (u16, Value) {
    let body = json!({ "description": csr }).to_string();
    station
        .ask("POST", "/sign", &[("x-api-key", key)], &body)
        .await
}

#[tokio::test]
async fn a_signed_request_makes_a_robot() {
    let station = Station::start().await;
    let key = key(&station).await;
    let certs = tempfile::tempdir().unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut nameless = rcgen::CertificateParams::default();
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    let csr = nameless.serialize_request(&pair).unwrap();
    let (status, answer) = sign(&station, &key, &csr.pem().unwrap()).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["crt_text"].as_str().unwrap().contains("CN=rover"));
    assert_eq!(answer["config"]["IOT_THINGNAME"], "rover");
    assert_eq!(
        answer["config"]["IOT_CORE_ENDPOINT"],
        format!("127.0.0.1:{}", station.mqtt_port())
    );
    let write = |file: &str, text: &str| std::fs::write(certs.path().join(file), text).unwrap();
    write("certificate.pem", answer["crt_pem"].as_str().unwrap());
    write("cacert.pem", answer["ca_pem"].as_str().unwrap());
    write("private.pem.key", &pair.serialize_pem());
    let mut robot = Client::connect(&station, certs.path()).await;
    robot.subscribe("rover/action").await;
    let publisher = station.new_key("rover").await;
    let body = r#"{"action":"forward"}"#;
    assert_eq!(station.publish("rover", &publisher, body).await.0, 200);
    assert_eq!(
        robot.message().await.1,
        r#"{"action":"forward","user":"key-2"}"#
    );
    // And it can be revoked like any other.
    station.command(&["revoke", "rover"]).await;
    robot.disconnected().await;
}

#[tokio::test]
async fn a_request_made_with_openssl_is_signed_and_a_bad_one_is_not() {
    let station = Station::start().await;
    let key = key(&station).await;
    let requests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requests");
    let csr = |name: &str| std::fs::read_to_string(requests.join(name)).unwrap();
    let (status, answer) = sign(&station, &key, &csr("rsa-2048.csr")).await;
    assert_eq!(status, 200, "{answer}");
    assert!(
        answer["crt_text"]
            .as_str()
            .unwrap()
            .contains("RSA, 2048 bit")
    );
    for (name, said) in [
        ("rsa-1024.csr", "1024"),
        ("other-name.csr", "\"scout\""),
        ("p-521.csr", "1.3.132.0.35"),
    ] {
        let (status, answer) = sign(&station, &key, &csr(name)).await;
        assert_eq!(status, 400, "{name}");
        assert!(message(&answer).contains(said), "{answer}");
    }
    let (status, answer) = sign(&station, &key, "hello").await;
    assert_eq!(status, 400, "{answer}");
    let headers = [("x-api-key", key.as_str())];
    let (status, answer) = station.ask("POST", "/sign", &headers, "{}").await;
    assert_eq!(status, 400);
    assert!(message(&answer).contains("description"), "{answer}");
}

#[tokio::test]
async fn a_key_is_for_one_certificate_and_ends_with_its_robot() {
    let station = Station::start().await;
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut nameless = rcgen::CertificateParams::default();
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    let csr = nameless.serialize_request(&pair).unwrap().pem().unwrap();
    let first = key(&station).await;
    assert_eq!(sign(&station, &first, &csr).await.0, 200);
    let (status, answer) = sign(&station, &first, &csr).await;
    assert_eq!(status, 403);
    assert!(
        message(&answer).contains("new-key --robot rover"),
        "{answer}"
    );
    let command = [
        "new-key",
        "--robot",
        "rover",
        "--may",
        "sign",
        "--certificates",
        "3",
    ];
    let three = station.command(&command).await;
    assert_eq!(sign(&station, three.trim(), &csr).await.0, 200);
    station.command(&["revoke", "rover"]).await;
    assert_eq!(sign(&station, three.trim(), &csr).await.0, 403);
    let fresh = key(&station).await;
    assert_eq!(sign(&station, &fresh, &csr).await.0, 200);
}

#[tokio::test]
async fn only_a_key_that_may_sign_gets_a_certificate() {
    let station = Station::start().await;
    station.new_robot("rover").await;
    let publisher = station.new_key("rover").await;
    for key in [publisher.as_str(), "wrong"] {
        let (status, answer) = sign(&station, key, "hello").await;
        assert_eq!((status, message(&answer)), (403, "Forbidden"));
    }
}

#[tokio::test]
async fn the_form_is_a_page() {
    let station = Station::start().await;
    let page = station.request("GET", "/sign").send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("<form"));
}
