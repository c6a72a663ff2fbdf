//! Enrolment against a ground station's `/sign`, a Lambda's, and servers that answer wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use robot_agent::certificates::{self, CA_FILE, CERTIFICATE_FILE, KEY_FILE, Severity};
use robot_agent::config;
use robot_agent::enroll::{self, Request};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::in_time;

use crate::pki::{Ca, now};
use crate::web::{Answer, Web, serve};

struct Fixture {
    ca: Arc<Ca>,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self {
            ca: Arc::new(Ca::new("Test CA")),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn config_file(&self) -> PathBuf {
        self.folder.path().join("config.json")
    }

    fn certs(&self) -> PathBuf {
        self.folder.path().join("certs")
    }

    fn cert(&self, name: &str) -> String {
        fs::read_to_string(self.certs().join(name)).unwrap()
    }

    fn request(&self, web: &Web) -> Request {
        Request {
            url: format!("http://127.0.0.1:{}", web.port).parse().unwrap(),
            key: Some("the-key".into()),
            ca: None,
            name: Some("rover".into()),
            force: false,
        }
    }

    async fn enroll(&self, request: &Request) -> Result<Vec<String>, String> {
        in_time(enroll::run(&self.config_file(), request, now()))
            .await
            .map_err(|error| format!("{error:#}"))
    }

    /// As a ground station answers.
    fn station(&self) -> Answer {
        let ca = self.ca.clone();
        Arc::new(move |body| {
            let answer = json!({
                "crt_text": "Certificate:",
                "crt_pem": signed(&ca, body),
                "ca_pem": ca.pem,
                "config": {
                    "IOT_THINGNAME": "rover",
                    "IOT_CORE_ENDPOINT": "station:8883",
                    "IOT_GET_CREDENTIAL_ENDPOINT": "station:8443",
                    "ROLE_ALIAS": "outpost-robot",
                    "AWS_DEFAULT_REGION": "us-east-1",
                    "KVS_ENDPOINT": "https://station:8443",
                },
            });
            (200, answer.to_string())
        })
    }

    /// As a Lambda of the original's contract answers.
    fn lambda(&self) -> Answer {
        let ca = self.ca.clone();
        Arc::new(move |body| {
            let answer = json!({ "crt_text": "Certificate:", "crt_pem": signed(&ca, body) });
            (200, answer.to_string())
        })
    }

    fn nothing_is_written(&self) {
        let left: Vec<_> = files_below(self.folder.path());
        assert!(left.is_empty(), "{left:?}");
    }
}

fn signed(ca: &Ca, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    ca.sign_request(body["description"].as_str().unwrap())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[tokio::test]
async fn a_ground_station_gives_everything_that_a_robot_needs() {
    let fixture = Fixture::new();
    let mut web = serve(None, fixture.station()).await;
    fixture.enroll(&fixture.request(&web)).await.unwrap();

    let asked = in_time(web.asked.recv()).await.unwrap();
    assert!(
        asked.head.starts_with("post /sign http/1.1"),
        "{}",
        asked.head
    );
    assert!(asked.head.contains("x-api-key: the-key"), "{}", asked.head);
    assert!(!asked.body.contains("PRIVATE KEY"), "the key stays here");

    let (certificates, findings) = certificates::read(&fixture.certs(), false, now());
    assert_eq!(findings, []);
    assert_eq!(certificates.unwrap().common_name.as_deref(), Some("rover"));
    let mode = |name| {
        let file = fixture.certs().join(name);
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(KEY_FILE), mode(CERTIFICATE_FILE)), (0o600, 0o644));
    let config = config::load(&fixture.config_file()).unwrap();
    assert_eq!(config.mqtt.certs, fixture.certs());
    assert_eq!(files_below(fixture.folder.path()).len(), 4);
}

#[tokio::test]
async fn a_lambda_before_aws_gives_a_certificate_and_the_ca_is_given_by_hand() {
    let fixture = Fixture::new();
    let mut web = serve(None, fixture.lambda()).await;
    let roots = fixture.folder.path().join("roots.pem");
    fs::write(&roots, Ca::of("Amazon Root CA 1", "Amazon").pem).unwrap();
    let mut request = fixture.request(&web);
    request.url.set_path("/Prod/sign");
    request.ca = Some(roots.clone());
    let done = fixture.enroll(&request).await.unwrap();
    let asked = in_time(web.asked.recv()).await.unwrap();
    assert!(asked.head.starts_with("post /prod/sign "), "{}", asked.head);
    assert_eq!(fixture.cert(CA_FILE), fs::read_to_string(&roots).unwrap());
    assert!(!fixture.config_file().exists());
    let (_, findings) = certificates::read(&fixture.certs(), false, now());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].severity, Severity::Note, "{done:?}");
}

#[tokio::test]
async fn https_needs_the_servers_ca() {
    let fixture = Fixture::new();
    let tls = fixture.ca.public_server_config();
    let web = serve(Some(tls), fixture.station()).await;
    let mut request = fixture.request(&web);
    request.url = format!("https://localhost:{}", web.port).parse().unwrap();
    let error = fixture.enroll(&request).await.unwrap_err();
    assert!(error.contains("give it with --ca"), "{error}");
    fixture.nothing_is_written();

    let file = fixture.folder.path().join("station-ca.pem");
    fs::write(&file, &fixture.ca.pem).unwrap();
    request.ca = Some(file);
    fixture.enroll(&request).await.unwrap();
    assert_eq!(fixture.cert(CA_FILE), fixture.ca.pem);
}

#[tokio::test]
async fn nothing_is_replaced_without_force() {
    let fixture = Fixture::new();
    let mut web = serve(None, fixture.station()).await;
    let mut request = fixture.request(&web);
    fixture.enroll(&request).await.unwrap();
    let key = fixture.cert(KEY_FILE);
    in_time(web.asked.recv()).await.unwrap();

    let error = fixture.enroll(&request).await.unwrap_err();
    assert!(
        error.contains("private.pem.key is already there"),
        "{error}"
    );
    assert!(error.contains("--force"), "{error}");
    assert!(
        web.asked.try_recv().is_err(),
        "no certificate was asked for"
    );
    assert_eq!(fixture.cert(KEY_FILE), key);

    request.force = true;
    fixture.enroll(&request).await.unwrap();
    assert_ne!(fixture.cert(KEY_FILE), key);
    let (certificates, findings) = certificates::read(&fixture.certs(), false, now());
    assert!(
        certificates.is_some() && findings.is_empty(),
        "{findings:?}"
    );
}

#[tokio::test]
async fn another_ca_is_not_replaced_without_force_either() {
    let fixture = Fixture::new();
    let web = serve(None, fixture.station()).await;
    fs::create_dir(fixture.certs()).unwrap();
    fs::write(fixture.certs().join(CA_FILE), Ca::new("Mine").pem).unwrap();
    let error = fixture.enroll(&fixture.request(&web)).await.unwrap_err();
    assert!(
        error.contains("cacert.pem is already there and differs"),
        "{error}"
    );
    assert_eq!(files_below(&fixture.certs()).len(), 1);
}

#[tokio::test]
async fn refusals_are_passed_on_and_leave_nothing_behind() {
    for (status, body, says) in [
        (
            403,
            r#"{"message":"Forbidden"}"#,
            "Forbidden; is the key right",
        ),
        (404, "<html>", "is the URL right?"),
        (
            429,
            r#"{"message":"Too Many Requests"}"#,
            "Too Many Requests",
        ),
        (200, "{}", "does not answer with a certificate"),
        (200, r#"{"crt_pem":"hello"}"#, "is not PEM"),
    ] {
        let fixture = Fixture::new();
        let answer: Answer = Arc::new(move |_| (status, body.to_owned()));
        let web = serve(None, answer).await;
        let file = fixture.folder.path().join("ca.pem");
        let mut request = fixture.request(&web);
        request.ca = Some(file.clone());
        fs::write(&file, &fixture.ca.pem).unwrap();
        let error = fixture.enroll(&request).await.unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
        fs::remove_file(file).unwrap();
        fixture.nothing_is_written();
    }
}

#[tokio::test]
async fn a_certificate_for_another_key_or_name_is_refused() {
    let fixture = Fixture::new();
    let foreign =
        json!({ "crt_pem": fixture.ca.sign("rover").certificate, "ca_pem": fixture.ca.pem });
    let answer: Answer = Arc::new(move |_| (200, foreign.to_string()));
    let web = serve(None, answer).await;
    let error = fixture.enroll(&fixture.request(&web)).await.unwrap_err();
    assert!(error.contains("does not match"), "{error}");
    fixture.nothing_is_written();

    let web = serve(None, renamed(fixture.station(), fixture.ca.clone())).await;
    let error = fixture.enroll(&fixture.request(&web)).await.unwrap_err();
    assert!(error.contains("\"digger\", not for \"rover\""), "{error}");
    fixture.nothing_is_written();
}

/// A station whose key belongs to another robot.
fn renamed(station: Answer, ca: Arc<Ca>) -> Answer {
    Arc::new(move |body| {
        let (status, answer) = station(body);
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let request = body["description"].as_str().unwrap();
        answer["crt_pem"] = ca.sign_request_as(request, "digger").into();
        (status, answer.to_string())
    })
}

#[tokio::test]
async fn the_configurations_name_and_folder_are_used() {
    let fixture = Fixture::new();
    let text = r#"{"IOT_THINGNAME":"rover","IOT_CORE_ENDPOINT":"h:1","certs":"keys","video":{"source":"off"}}"#;
    fs::write(fixture.config_file(), text).unwrap();
    let web = serve(None, fixture.station()).await;
    let mut request = fixture.request(&web);
    request.name = Some("digger".into());
    let error = fixture.enroll(&request).await.unwrap_err();
    assert!(error.contains("they must agree"), "{error}");
    request.name = None;
    fixture.enroll(&request).await.unwrap();
    assert!(fixture.folder.path().join("keys").join(KEY_FILE).exists());
    assert_eq!(fs::read_to_string(fixture.config_file()).unwrap(), text);
}
