//! The channel against a service that behaves as badly as the test wants.

mod service;
mod socket;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use wire::signaling::{Content, encode_payload};

use super::*;
use crate::aws::AwsConfig;
use crate::endpoint::Endpoint;
use crate::video::messages::{IceServer, Incoming, Message, Outgoing, Permitted};
use service::{Service, State, TIME_LIMIT};

const CREDENTIALS: &str = "/role-aliases/outpost-robot/credentials";
const DESCRIBE: &str = "/describeSignalingChannel";
const ENDPOINT: &str = "/getSignalingChannelEndpoint";
const ICE: &str = "/v1/get-ice-server-config";
const CONNECT: &str = "/";

fn config(service: &Service) -> ChannelConfig {
    let endpoint = format!("https://localhost:{}", service.port);
    ChannelConfig {
        robot: "rover".to_owned(),
        aws: AwsConfig {
            credentials: Endpoint {
                host: "localhost".to_owned(),
                port: service.port,
                alpn: false,
            },
            role_alias: "outpost-robot".to_owned(),
            region: "us-east-1".to_owned(),
            kvs: Some(endpoint.parse().unwrap()),
        },
        tls: Arc::clone(&service.trust),
    }
}

/// A robot on the channel.
struct Robot {
    incoming: mpsc::Receiver<Incoming>,
    permitted: mpsc::Receiver<Permitted>,
    outgoing: mpsc::Sender<Outgoing>,
    servers: watch::Receiver<Vec<IceServer>>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Robot {
    fn start(service: &Service, timing: SocketTiming) -> Self {
        let (incoming_to, incoming) = mpsc::channel(64);
        let (permitted_to, permitted) = mpsc::channel(1);
        let (outgoing, outgoing_from) = mpsc::channel(64);
        let (servers_to, servers) = watch::channel(Vec::new());
        let mut io = SignalingIo {
            incoming: incoming_to,
            permitted: permitted_to,
            outgoing: outgoing_from,
            ice_servers: servers_to,
        };
        let channel = Channel::new(config(service)).unwrap();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        #[expect(clippy::disallowed_methods, reason = "awaited in `stop`")]
        let task = tokio::spawn(async move {
            let master = Master::new(Arc::new(channel), &mut io, timing);
            master.run(&stop).await;
        });
        Self {
            incoming,
            permitted,
            outgoing,
            servers,
            shutdown,
            task,
        }
    }

    async fn receives_offer_of(&mut self, name: &str) {
        let received = tokio::time::timeout(TIME_LIMIT, self.incoming.recv()).await;
        match received.expect("in time").expect("a message") {
            Incoming::Offer { viewer, sdp, .. } => assert_eq!((&*viewer, &*sdp), (name, "v=0")),
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
        tokio::time::timeout(TIME_LIMIT, self.task)
            .await
            .expect("stops in time")
            .unwrap();
    }
}

fn offer(viewer: &str) -> String {
    let payload = encode_payload(&serde_json::json!({"type": "offer", "sdp": "v=0"}));
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
        tokio::time::timeout(TIME_LIMIT, waiting).await.is_ok(),
        "never {what}"
    );
}

#[tokio::test]
async fn an_offer_comes_in_and_its_answer_goes_out() {
    let mut service = Service::start().await;
    let mut robot = Robot::start(&service, SocketTiming::default());
    let mut socket = service.next().await;
    socket.send_text(&offer("anna")).await;
    robot.receives_offer_of("anna").await;
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
    let robot = Robot::start(&service, SocketTiming::default());
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
            let mut robot = Robot::start(&service, SocketTiming::default());
            let mut socket = service.next().await;
            socket.send_text(&offer("anna")).await;
            robot.receives_offer_of("anna").await;
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
            let robot = Robot::start(&service, SocketTiming::default());
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
    let robot = Robot::start(&service, SocketTiming::default());
    service.next().await;
    assert_eq!(service.calls("/createSignalingChannel"), 1);
    robot.stop().await;
}

#[tokio::test]
async fn refused_credentials_are_fetched_again() {
    let mut service = Service::start().await;
    let body = "{\"message\":\"The security token included in the request is expired\"}";
    let failing = [(CONNECT.to_owned(), (1, 403, body))].into();
    service.state.lock().unwrap().failing = failing;
    let robot = Robot::start(&service, SocketTiming::default());
    service.next().await;
    assert_eq!(service.calls(CREDENTIALS), 2);
    robot.stop().await;
}

#[tokio::test]
async fn a_clock_ten_minutes_off_signs_with_the_services_time() {
    for ahead_s in [600, -600] {
        let mut service = Service::start().await;
        service.state.lock().unwrap().ahead_s = ahead_s;
        let robot = Robot::start(&service, SocketTiming::default());
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
    let channel = Channel::new(ChannelConfig {
        tls: Arc::clone(&other.trust),
        ..config(&service)
    });
    let error = channel.unwrap().ice_servers().await.unwrap_err();
    assert!(error.to_string().contains("cacert.pem"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_named() {
    let service = Service::start().await;
    let mut config = config(&service);
    config.aws.credentials = "no-such-host.invalid".parse().unwrap();
    let channel = Channel::new(config).unwrap();
    let error = channel.ice_servers().await.unwrap_err().to_string();
    assert!(error.contains("credentials provider"), "{error}");
    assert!(error.contains("its name cannot be found"), "{error}");
}
