//! The control plane: what it answers, and what it refuses.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

async fn robot() -> (Bench, Credentials) {
    let bench = bench(Times::DOCUMENTED).await;
    let robot = bench.credentials(Role::Master, "rover");
    (bench, robot)
}

#[tokio::test]
async fn a_robot_finds_its_way_to_its_channel() {
    let (bench, robot) = robot().await;
    let arn = format!("arn:aws:kinesisvideo:us-east-1:000000000000:channel/rover/{CREATED_MS}");
    for body in [json!({"ChannelName": "rover"}), json!({"ChannelARN": arn})] {
        let (status, _, body) = bench.call(&robot, DESCRIBE_PATH, &body).await;
        assert_eq!(status, 200, "{body}");
        let info = &body["ChannelInfo"];
        assert_eq!(info["ChannelARN"], arn);
        assert_eq!(info["ChannelName"], "rover");
        assert_eq!(info["ChannelStatus"], "ACTIVE");
        assert_eq!(info["ChannelType"], "SINGLE_MASTER");
        assert_eq!(info["CreationTime"], 1_763_690_000.123);
        assert_eq!(info["SingleMasterConfiguration"]["MessageTtlSeconds"], 60);
    }
    let body = json!({
        "ChannelARN": arn,
        "SingleMasterChannelEndpointConfiguration": {"Protocols": ["WSS", "HTTPS"], "Role": "MASTER"},
    });
    let (_, _, body) = bench.call(&robot, ENDPOINT_PATH, &body).await;
    let host = &bench.host;
    assert_eq!(
        body,
        json!({"ResourceEndpointList": [
            {"Protocol": "WSS", "ResourceEndpoint": format!("ws://{host}")},
            {"Protocol": "HTTPS", "ResourceEndpoint": format!("http://{host}")},
        ]})
    );
    let body = json!({"ChannelARN": arn, "ClientId": "ProducerMaster", "Service": "TURN"});
    let (_, _, body) = bench.call(&robot, ICE_PATH, &body).await;
    let server = &body["IceServerList"][0];
    assert_eq!(server["Ttl"], 300);
    assert_eq!(
        server["Uris"],
        json!([
            "turn:192.0.2.7:3478?transport=udp",
            "turn:192.0.2.7:3478?transport=tcp",
        ])
    );
    let username = server["Username"].as_str().unwrap();
    let expiry: u64 = username.split(':').next().unwrap().parse().unwrap();
    assert!(
        (299..=301).contains(&(expiry - clock::unix_s())),
        "{username}"
    );
}

/// What a client hears that came over TLS to a proxy, which passes its request on.
async fn endpoint_by_proxy(trusted: &[&str]) -> (u16, Value) {
    let bench = bench_behind(trusted, Times::DOCUMENTED).await;
    let robot = bench.credentials(Role::Master, "rover");
    let body = json!({
        "ChannelARN": bench.arn("rover"),
        "SingleMasterChannelEndpointConfiguration": {"Protocols": ["WSS"], "Role": "MASTER"},
    });
    let mut request = Request::post(format!("https://outpost.example{ENDPOINT_PATH}"))
        .body(body.to_string())
        .unwrap();
    official::sign(&mut request, &robot, SCOPE, now(), Form::Header);
    *request.uri_mut() = format!("http://{}{ENDPOINT_PATH}", bench.host)
        .parse()
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("host", bench.host.parse().unwrap());
    headers.insert("x-forwarded-host", "outpost.example".parse().unwrap());
    headers.insert("x-forwarded-proto", "https".parse().unwrap());
    let (status, _, answer) = send(request).await;
    (status, answer)
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_endpoint_is_the_proxys_and_behind_another_none_is_found() {
    let (status, answer) = endpoint_by_proxy(&["127.0.0.0/8"]).await;
    let endpoint = &answer["ResourceEndpointList"][0]["ResourceEndpoint"];
    assert_eq!((status, endpoint), (200, &"wss://outpost.example".into()));
    let (status, _) = endpoint_by_proxy(&["192.0.2.1"]).await;
    assert_eq!(status, 403, "the signature is for another host");
}

#[tokio::test]
async fn a_viewer_may_ask_as_a_viewer_only() {
    let (bench, _) = robot().await;
    let viewer = bench.credentials(Role::Viewer, "rover");
    let arn = bench.arn("rover");
    let endpoint = |role: &str| {
        json!({
            "ChannelARN": arn,
            "SingleMasterChannelEndpointConfiguration": {"Protocols": ["WSS"], "Role": role},
        })
    };
    let create = json!({"ChannelName": "rover"});
    for (path, body, status) in [
        (DESCRIBE_PATH, create.clone(), 200),
        (ICE_PATH, json!({"ChannelARN": arn}), 200),
        (ENDPOINT_PATH, endpoint("VIEWER"), 200),
        (ENDPOINT_PATH, endpoint("MASTER"), 403),
        (CREATE_PATH, create, 403),
    ] {
        let (got, _, answer) = bench.call(&viewer, path, &body).await;
        assert_eq!(got, status, "{path} {body}: {answer}");
    }
}

#[tokio::test]
async fn another_channel_is_out_of_reach() {
    let (bench, robot) = robot().await;
    let ours = bench.arn("rover");
    for (arn, status, kind) in [
        (bench.arn("other"), 403, "AccessDeniedException"),
        (bench.arn("nobody"), 403, "AccessDeniedException"),
        (
            ours.replace("us-east-1", "eu-west-1"),
            403,
            "AccessDeniedException",
        ),
        (ours.replace("123", "124"), 404, "ResourceNotFoundException"),
        ("rover".into(), 400, "InvalidArgumentException"),
        (format!("{ours}/x"), 400, "InvalidArgumentException"),
        ("x".repeat(2000), 400, "InvalidArgumentException"),
    ] {
        let configuration = json!({"Protocols": ["WSS"], "Role": "MASTER"});
        let body = json!({
            "ChannelARN": arn,
            "SingleMasterChannelEndpointConfiguration": configuration,
        });
        for path in [DESCRIBE_PATH, ENDPOINT_PATH, ICE_PATH] {
            let (got, name, answer) = bench.call(&robot, path, &body).await;
            assert_eq!(
                (got, name.as_str()),
                (status, kind),
                "{path} {arn}: {answer}"
            );
            assert!(answer["Message"].is_string(), "{answer}");
        }
    }
    let other = json!({"ChannelName": "other"});
    let (status, ..) = bench.call(&robot, DESCRIBE_PATH, &other).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_channel_that_is_there_cannot_be_made() {
    let (bench, robot) = robot().await;
    let body = json!({"ChannelName": "rover", "ChannelType": "SINGLE_MASTER"});
    let (status, kind, _) = bench.call(&robot, CREATE_PATH, &body).await;
    assert_eq!((status, kind.as_str()), (400, "ResourceInUseException"));
}

#[tokio::test]
async fn media_storage_and_unknown_protocols_are_refused() {
    let (bench, robot) = robot().await;
    for protocols in [json!(["WEBRTC"]), json!(["WSS", "FTP"]), json!([])] {
        let configuration = json!({"Protocols": protocols, "Role": "MASTER"});
        let body = json!({
            "ChannelARN": bench.arn("rover"),
            "SingleMasterChannelEndpointConfiguration": configuration,
        });
        let (status, kind, _) = bench.call(&robot, ENDPOINT_PATH, &body).await;
        assert_eq!((status, kind.as_str()), (400, "InvalidArgumentException"));
    }
}

#[tokio::test]
async fn who_signs_wrong_is_told_how() {
    let (bench, robot) = robot().await;
    let body = json!({"ChannelName": "rover"}).to_string();
    let call = async |who: &Credentials, at: SystemTime| {
        let (status, kind, answer) = bench.call_at(who, DESCRIBE_PATH, body.clone(), at).await;
        assert_eq!(status, 403, "{answer}");
        (kind, answer["message"].as_str().unwrap().to_owned())
    };
    let wrong = Credentials {
        secret_access_key: "wrong".into(),
        ..robot.clone()
    };
    assert_eq!(call(&wrong, now()).await.0, "InvalidSignatureException");
    let ten_minutes = Duration::from_secs(600);
    let (kind, words) = call(&robot, now() - ten_minutes).await;
    assert_eq!(kind, "InvalidSignatureException");
    assert!(words.starts_with("Signature expired"), "{words}");
    let (_, words) = call(&robot, now() + ten_minutes).await;
    assert!(words.starts_with("Signature not yet current"), "{words}");
    let issuer = &bench.signaling.credentials;
    let expired = issuer.issue(grant(Role::Master, "rover"), clock::unix_s());
    assert_eq!(call(&expired, now()).await.0, "ExpiredTokenException");
    let foreign = Credentials {
        session_token: "foreign".into(),
        ..robot.clone()
    };
    assert_eq!(call(&foreign, now()).await.0, "UnrecognizedClientException");
    let mut no_host = TcpStream::connect(&bench.host).await.unwrap();
    let head = format!(
        "POST {DESCRIBE_PATH} HTTP/1.1\r\nhost: a/b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    no_host.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    no_host.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let name = "x-amzn-errortype: IncompleteSignatureException";
    assert!(
        answer.to_lowercase().contains(&name.to_lowercase()),
        "{answer}"
    );
    let unsigned = Request::post(format!("http://{}{DESCRIBE_PATH}", bench.host));
    let (status, kind, _) = send(unsigned.body(body.clone()).unwrap()).await;
    assert_eq!(
        (status, kind.as_str()),
        (403, "MissingAuthenticationTokenException")
    );
}

#[tokio::test]
async fn a_revoked_robot_is_denied_though_its_credentials_last() {
    let (bench, robot) = robot().await;
    let body = json!({"ChannelName": "rover"});
    assert_eq!(bench.call(&robot, DESCRIBE_PATH, &body).await.0, 200);
    bench.directory.send_modify(|directory| {
        Arc::make_mut(directory).revoked.insert("0a".into(), 1);
    });
    let (status, kind, _) = bench.call(&robot, DESCRIBE_PATH, &body).await;
    assert_eq!((status, kind.as_str()), (403, "AccessDeniedException"));
}

#[tokio::test]
async fn a_body_that_is_none_is_refused() {
    let (bench, robot) = robot().await;
    for (body, status) in [
        (String::new(), 400),
        ("{".to_owned(), 400),
        ("[]".to_owned(), 400),
        ("{}".to_owned(), 400),
        (r#"{"ChannelName":7}"#.to_owned(), 400),
        ("x".repeat(8193), 413),
    ] {
        let (got, kind, answer) = bench
            .call_at(&robot, DESCRIBE_PATH, body.clone(), now())
            .await;
        assert_eq!(got, status, "{body:.20}: {answer}");
        let too_long = kind == "RequestEntityTooLargeException";
        assert_eq!(too_long, status == 413, "{kind}");
    }
}

/// Sends the head of a call, with so much of its body as is given.
async fn start_call(bench: &Bench, length: usize, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&bench.host).await.unwrap();
    let head = format!(
        "POST {DESCRIBE_PATH} HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n\r\n{body}",
        bench.host
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn status_line(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 12];
    let read = stream.read_exact(&mut answer);
    tokio::time::timeout(TIMEOUT, read).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_its_end() {
    let (bench, _) = robot().await;
    let started = clock::instant();
    let mut long = start_call(&bench, 1024 * 1024, &"x".repeat(8193)).await;
    assert_eq!(status_line(&mut long).await, "HTTP/1.1 413");
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_slow_body_is_given_up_and_holds_up_nobody() {
    let (bench, robot) = robot().await;
    let mut slow = start_call(&bench, 100, "{\"Ch").await;
    let body = json!({"ChannelName": "rover"});
    assert_eq!(bench.call(&robot, DESCRIBE_PATH, &body).await.0, 200);
    assert_eq!(status_line(&mut slow).await, "HTTP/1.1 408");
}

#[tokio::test]
async fn calling_again_and_again_is_slowed_down() {
    let (bench, robot) = robot().await;
    let body = json!({"ChannelName": "rover"});
    // All the calls of the next minute, so that it does not matter how fast this machine is.
    let later = clock::instant() + Duration::from_secs(60);
    while bench
        .signaling
        .channels()
        .may_call("rover", Role::Master, later)
    {}
    let (status, kind, _) = bench.call(&robot, DESCRIBE_PATH, &body).await;
    assert_eq!(
        (status, kind.as_str()),
        (400, "ClientLimitExceededException")
    );
    // Neither its viewers nor other robots are.
    let viewer = bench.credentials(Role::Viewer, "rover");
    assert_eq!(bench.call(&viewer, DESCRIBE_PATH, &body).await.0, 200);
    let other = bench.credentials(Role::Master, "other");
    let body = json!({"ChannelName": "other"});
    assert_eq!(bench.call(&other, DESCRIBE_PATH, &body).await.0, 200);
}

#[tokio::test]
async fn a_session_token_that_is_not_the_signers_lets_nobody_in() {
    let (bench, robot) = robot().await;
    let other = bench.credentials(Role::Master, "other");
    let mut request = Request::post(format!("http://{}{DESCRIBE_PATH}", bench.host))
        .header("content-type", "application/json")
        .body(json!({"ChannelName": "rover"}).to_string())
        .unwrap();
    let unsigned = Credentials {
        session_token: String::new(),
        ..other
    };
    official::sign(&mut request, &unsigned, SCOPE, now(), Form::Header);
    let token = robot.session_token.parse().unwrap();
    request.headers_mut().insert("x-amz-security-token", token);
    let (status, kind, _) = send(request).await;
    assert_eq!(status, 403, "{kind}");
}

#[tokio::test]
async fn a_call_that_is_not_served_has_a_name_that_clients_know() {
    let (bench, robot) = robot().await;
    let body = json!({"ChannelName": "rover"});
    let (status, kind, words) = bench.call(&robot, "/deleteSignalingChannel", &body).await;
    assert_eq!((status, kind.as_str()), (404, "UnknownOperationException"));
    assert!(
        words["message"]
            .as_str()
            .unwrap()
            .contains("POST /deleteSignalingChannel"),
        "{words}"
    );
}
