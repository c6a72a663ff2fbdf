//! The channel against a service that behaves as badly as the test wants.

mod service;

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::protocol::Message as Frame;
use wire::signaling::{Content, seal};

use super::*;
use service::{PATIENCE, Service, State};

const CREDENTIALS: &str = "/role-aliases/outpost-robot/credentials";
const DESCRIBE: &str = "/describeSignalingChannel";
const ENDPOINT: &str = "/getSignalingChannelEndpoint";
const ICE: &str = "/v1/get-ice-server-config";
const CONNECT: &str = "/";

fn settings(service: &Service) -> Settings {
    Settings {
        robot: "rover".to_owned(),
        credentials: ("localhost".to_owned(), service.port),
        role_alias: "outpost-robot".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(
            format!("https://localhost:{}", service.port)
                .parse()
                .unwrap(),
        ),
        tls: Arc::clone(&service.trust),
    }
}

/// A robot on the channel.
struct Robot {
    incoming: mpsc::Receiver<Incoming>,
    outgoing: mpsc::Sender<Outgoing>,
    servers: watch::Receiver<Vec<IceServer>>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Robot {
    fn start(service: &Service, pace: Pace) -> Self {
        let (incoming_to, incoming) = mpsc::channel(64);
        let (outgoing, outgoing_from) = mpsc::channel(64);
        let (servers_to, servers) = watch::channel(Vec::new());
        let mut ends = Ends {
            incoming: incoming_to,
            outgoing: outgoing_from,
            ice_servers: servers_to,
        };
        let channel = Channel::new(settings(service)).unwrap();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        #[expect(clippy::disallowed_methods, reason = "awaited in `stop`")]
        let task = tokio::spawn(async move {
            let master = Master::new(Arc::new(channel), &mut ends, pace);
            master.work(&stop).await;
        });
        Self {
            incoming,
            outgoing,
            servers,
            shutdown,
            task,
        }
    }

    async fn hears_offer_of(&mut self, name: &str) {
        let heard = tokio::time::timeout(PATIENCE, self.incoming.recv()).await;
        match heard.expect("heard in time").expect("heard") {
            Incoming::Offer { viewer, sdp } => assert_eq!((&*viewer, &*sdp), (name, "v=0")),
            other => panic!("{other:?}"),
        }
    }

    async fn answers(&self, viewer: &str) {
        let message = Message::Answer {
            sdp: "v=0 answer".to_owned(),
            refused: None,
        };
        let viewer = viewer.to_owned();
        self.outgoing
            .send(Outgoing { viewer, message })
            .await
            .unwrap();
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("stops in time")
            .unwrap();
    }
}

fn offer(viewer: &str) -> String {
    let payload = seal(&serde_json::json!({"type": "offer", "sdp": "v=0"}));
    format!(
        "{{\"messageType\":\"SDP_OFFER\",\"senderClientId\":\"{viewer}\",\
         \"messagePayload\":\"{payload}\"}}"
    )
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
        "never {what}"
    );
}

#[tokio::test]
async fn an_offer_comes_in_and_its_answer_goes_out() {
    let mut service = Service::start().await;
    let mut robot = Robot::start(&service, Pace::default());
    let mut socket = service.next().await;
    socket.says(&offer("anna")).await;
    robot.hears_offer_of("anna").await;
    robot.answers("anna").await;
    let (content, viewer, payload) = socket.next().await;
    assert_eq!((content, &*viewer), (Content::SdpAnswer, "anna"));
    assert_eq!(payload["type"], "answer");
    assert_eq!(payload["sdp"], "v=0 answer");
    let servers = robot.servers.borrow().clone();
    assert_eq!(servers[0].urls, ["turn:127.0.0.1:3478?transport=udp"]);
    assert_eq!(servers[0].password, "p+/=");
    assert_eq!(servers[1].urls, ["stun:127.0.0.1:3478"]);
    robot.stop().await;
    socket.closed().await;
}

#[tokio::test]
async fn the_calls_carry_who_asks() {
    let mut service = Service::start().await;
    let robot = Robot::start(&service, Pace::default());
    let _socket = service.next().await;
    let heads = service.state.lock().unwrap().heads.clone();
    let head = |path: &str| heads[path].to_ascii_lowercase();
    assert!(head(CREDENTIALS).contains("x-amzn-iot-thingname: rover"));
    assert!(head(DESCRIBE).contains("credential=akia/"));
    assert!(head(DESCRIBE).contains("x-amz-security-token: t/+="));
    let connect = &heads[CONNECT];
    let arn = "X-Amz-ChannelARN=arn%3Aaws%3Akinesisvideo%3Aus-east-1%3A123456789012%3Achannel\
               %2Frover%2F1";
    for part in [
        arn,
        "X-Amz-Expires=299",
        "X-Amz-Security-Token=t%2F%2B%3D",
        "&X-Amz-Signature=",
    ] {
        assert!(connect.contains(part), "{part}: {connect}");
    }
    assert!(!connect.contains("X-Amz-ClientId"));
    robot.stop().await;
}

#[tokio::test]
async fn every_call_may_fail_in_every_way_and_is_tried_again() {
    let page = "<html>an error page</html>";
    let bodies = ["", "{\"message\":\"no\"}", "{\"Message\":\"no\"}", page];
    for path in [CREDENTIALS, DESCRIBE, ENDPOINT, ICE, CONNECT] {
        for (status, body) in [403, 404, 429, 500].into_iter().zip(bodies) {
            let mut service = Service::start().await;
            let failing = (2, status, body);
            let failing = [(path.to_owned(), failing)].into();
            service.state.lock().unwrap().failing = failing;
            let mut robot = Robot::start(&service, Pace::default());
            let mut socket = service.next().await;
            socket.says(&offer("anna")).await;
            robot.hears_offer_of("anna").await;
            // A channel that is not found is made, not asked for again.
            let least = if (path, status) == (DESCRIBE, 404) {
                1
            } else {
                2
            };
            until("tried again", || service.calls(path) >= least).await;
            robot.stop().await;
        }
    }
}

#[tokio::test]
async fn answers_that_are_nonsense_are_survived() {
    for path in [CREDENTIALS, DESCRIBE, ENDPOINT, ICE] {
        for body in ["", "{", "[]", "null", "{\"credentials\":{}}"] {
            let mut service = Service::start().await;
            let failing = [(path.to_owned(), (1, 200, body))].into();
            service.state.lock().unwrap().failing = failing;
            let robot = Robot::start(&service, Pace::default());
            service.next().await;
            robot.stop().await;
        }
    }
}

#[tokio::test]
async fn a_channel_that_is_not_there_is_made() {
    let mut service = Service::start().await;
    let body = "{\"__type\":\"ResourceNotFoundException\",\"message\":\"no\"}";
    let failing = [(DESCRIBE.to_owned(), (1, 404, body))].into();
    service.state.lock().unwrap().failing = failing;
    let robot = Robot::start(&service, Pace::default());
    service.next().await;
    assert_eq!(service.calls("/createSignalingChannel"), 1);
    robot.stop().await;
}

#[tokio::test]
async fn refused_credentials_are_fetched_anew() {
    let mut service = Service::start().await;
    let body = "{\"message\":\"The security token included in the request is expired\"}";
    let failing = [(CONNECT.to_owned(), (1, 403, body))].into();
    service.state.lock().unwrap().failing = failing;
    let robot = Robot::start(&service, Pace::default());
    service.next().await;
    assert_eq!(service.calls(CREDENTIALS), 2);
    robot.stop().await;
}

#[tokio::test]
async fn after_go_away_the_new_socket_is_there_before_the_old_is_left() {
    let mut service = Service::start().await;
    let mut robot = Robot::start(&service, Pace::default());
    let mut old = service.next().await;
    let held_up = (1, 500, "");
    let failing = [(CONNECT.to_owned(), held_up)].into();
    service.state.lock().unwrap().failing = failing;
    old.says(r#"{"messageType":"GO_AWAY"}"#).await;
    old.says(&offer("anna")).await;
    robot.hears_offer_of("anna").await;
    let mut new = service.next().await;
    new.says(&offer("bert")).await;
    robot.hears_offer_of("bert").await;
    old.closed().await;
    robot.stop().await;
}

#[tokio::test]
async fn what_is_said_while_the_socket_is_away_is_said_on_the_next() {
    let mut service = Service::start().await;
    let robot = Robot::start(&service, Pace::default());
    let held_up = (3, 500, "");
    let failing = [(CONNECT.to_owned(), held_up)].into();
    let socket = service.next().await;
    service.state.lock().unwrap().failing = failing;
    drop(socket);
    until("noticed", || service.calls(CONNECT) >= 2).await;
    robot.answers("anna").await;
    let (_, viewer, _) = service.next().await.next().await;
    assert_eq!(viewer, "anna");
    robot.stop().await;
}

#[tokio::test]
async fn an_old_socket_is_replaced_and_a_silent_one_is_given_up() {
    let mut service = Service::start().await;
    let young = Pace {
        oldest: Duration::from_millis(300),
        ping_every: Duration::from_millis(50),
        ..Pace::default()
    };
    let robot = Robot::start(&service, young);
    let mut first = service.next().await;
    let _second = service.next().await;
    first.closed().await;
    robot.stop().await;

    let impatient = Pace {
        ping_every: Duration::from_millis(50),
        dead_after: Duration::from_millis(300),
        ..Pace::default()
    };
    let robot = Robot::start(&service, impatient);
    while service.sockets.try_recv().is_ok() {}
    let _never_read = service.next_raw().await;
    let _next = service.next_raw().await;
    robot.stop().await;
}

#[tokio::test]
async fn garbage_on_the_socket_is_ignored() {
    let mut service = Service::start().await;
    let mut robot = Robot::start(&service, Pace::default());
    let mut socket = service.next().await;
    for garbage in [
        "",
        " ",
        "{",
        "garbage",
        "{\"messageType\":\"SDP_OFFER\",\"senderClientId\":\"x\",\"messagePayload\":\"e30\"}",
        "{\"messageType\":\"SDP_OFFER\",\"senderClientId\":\"x\",\"messagePayload\":\"eyJ0eXB\"}",
        "{\"messageType\":\"STATUS_RESPONSE\",\"statusResponse\":{\"statusCode\":\"400\"}}",
        "{\"messageType\":\"WHAT\"}",
    ] {
        socket.says(garbage).await;
    }
    socket.send(Frame::binary(vec![0u8; 100])).await;
    socket.says(&offer("anna")).await;
    robot.hears_offer_of("anna").await;
    robot.stop().await;
}

#[tokio::test]
async fn a_frame_that_is_broken_or_too_long_or_never_ends_costs_only_the_socket() {
    let mut service = Service::start().await;
    let impatient = Pace {
        ping_every: Duration::from_millis(100),
        dead_after: Duration::from_millis(500),
        ..Pace::default()
    };
    let mut robot = Robot::start(&service, impatient);
    // A reserved opcode; half a frame, and then the end; a frame of a megabyte.
    for bad in [
        &[0x83u8, 0x00][..],
        &[0x81, 0x7e, 0x01],
        &[0x81, 0x7f, 0, 0, 0, 0, 0, 16, 0, 0],
    ] {
        let mut raw = service.next_raw().await;
        raw.write_all(bad).await.unwrap();
        raw.flush().await.unwrap();
        let _ = raw.shutdown().await;
    }
    // One byte at a time, and never all of them.
    let mut raw = service.next_raw().await;
    raw.write_all(&[0x81, 0x7e, 0x10, 0x00]).await.unwrap();
    let mut next = loop {
        if raw.write_all(b"x").await.is_err() {
            break service.next().await;
        }
        let _ = raw.flush().await;
        let pause = tokio::time::timeout(Duration::from_millis(50), service.sockets.recv());
        if let Ok(Some(raw)) = pause.await {
            break service::Master::new(raw).await;
        }
    };
    next.says(&offer("anna")).await;
    robot.hears_offer_of("anna").await;
    robot.stop().await;
}

#[tokio::test]
async fn servers_are_fetched_again_before_they_expire_and_when_told_to() {
    let mut service = Service::start().await;
    service.state.lock().unwrap().ice_ttl_s = 2;
    let robot = Robot::start(&service, Pace::default());
    let mut socket = service.next().await;
    until("refreshed twice", || service.calls(ICE) >= 3).await;
    service.state.lock().unwrap().ice_ttl_s = 300;
    let before = service.calls(ICE);
    until("refreshed for long", || service.calls(ICE) > before).await;
    let before = service.calls(ICE);
    socket
        .says(r#"{"messageType":"RECONNECT_ICE_SERVER"}"#)
        .await;
    until("refreshed at once", || service.calls(ICE) > before).await;
    robot.stop().await;
}

#[tokio::test]
async fn credentials_are_renewed_before_they_expire() {
    let mut service = Service::start().await;
    {
        let mut state = service.state.lock().unwrap();
        (state.credentials_life_s, state.ice_ttl_s) = (4, 2);
    }
    let robot = Robot::start(&service, Pace::default());
    let _socket = service.next().await;
    until("renewed", || service.calls(CREDENTIALS) >= 3).await;
    robot.stop().await;
}

#[tokio::test]
async fn a_clock_ten_minutes_off_signs_with_the_services_time() {
    for ahead_s in [600, -600] {
        let mut service = Service::start().await;
        service.state.lock().unwrap().ahead_s = ahead_s;
        let robot = Robot::start(&service, Pace::default());
        let _socket = service.next().await;
        let signed_at = |state: &State| {
            let head = &state.heads[CONNECT];
            let at = head.find("X-Amz-Date=").unwrap() + "X-Amz-Date=".len();
            let format =
                ::time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
            ::time::PrimitiveDateTime::parse(&head[at..at + 16], &format)
                .unwrap()
                .assume_utc()
        };
        let off = signed_at(&service.state.lock().unwrap()) - ::time::OffsetDateTime::now_utc();
        assert!((off.whole_seconds() - ahead_s).abs() < 60, "{off}");
        robot.stop().await;
    }
}

#[tokio::test]
async fn a_server_of_another_ca_is_named() {
    let service = Service::start().await;
    let other = Service::start().await;
    let channel = Channel::new(Settings {
        tls: Arc::clone(&other.trust),
        ..settings(&service)
    });
    let fault = channel.unwrap().servers().await.unwrap_err().to_string();
    assert!(fault.contains("cacert.pem"), "{fault}");
}

#[tokio::test]
async fn nobody_there_is_named() {
    let service = Service::start().await;
    let mut settings = settings(&service);
    settings.credentials = ("no-such-host.invalid".to_owned(), 443);
    let channel = Channel::new(settings).unwrap();
    let fault = channel.servers().await.unwrap_err().to_string();
    assert!(fault.contains("credentials provider"), "{fault}");
}
