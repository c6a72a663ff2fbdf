//! The control plane: create, describe, get an endpoint, get ICE servers.
//!
//! Each call is a POST of at most a few hundred bytes, signed in its header.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use wire::signaling::control::{
    ChannelInfo, CreateChannel, CreatedChannel, DescribeChannel, DescribedChannel, Endpoint,
    Endpoints, GetEndpoint, GetIceServers, IceServers, SingleMaster,
};
use wire::signaling::is_id;

use super::authenticated::{Form, Known, identify, not_authorized};
use super::error::Refusal;
use crate::auth::Role;
use crate::clock;
use crate::signaling::{Signaling, whole_s};

/// Longest body; the longest that makes sense has an ARN of 1024 bytes and two ids.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// How long a body may take: these are smaller than a packet or two.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest resource name, as documented.
const MAX_ARN_BYTES: usize = 1024;

/// The account in our resource names; AWS' are twelve digits as well, and never all zero.
const ACCOUNT: &str = "000000000000";

/// The resource name of a robot's channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    /// The region it is in.
    pub region: String,
    /// The robot, and so the channel's name.
    pub robot: String,
    /// When it was made, in Unix milliseconds.
    pub created_ms: u64,
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            region,
            robot,
            created_ms,
        } = self;
        write!(
            f,
            "arn:aws:kinesisvideo:{region}:{ACCOUNT}:channel/{robot}/{created_ms}"
        )
    }
}

impl FromStr for Arn {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let read = || {
            let rest = text.strip_prefix("arn:aws:kinesisvideo:")?;
            let (region, rest) = rest.split_once(':')?;
            let (account, rest) = rest.split_once(':')?;
            let (robot, created) = rest.strip_prefix("channel/")?.split_once('/')?;
            let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            (digits(account) && digits(created) && is_id(robot)).then_some(())?;
            let region_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            (!region.is_empty() && region.bytes().all(region_letter)).then_some(())?;
            Some(Self {
                region: region.to_owned(),
                robot: robot.to_owned(),
                created_ms: created.parse().ok()?,
            })
        };
        (text.len() <= MAX_ARN_BYTES)
            .then(read)
            .flatten()
            .ok_or_else(|| {
                Refusal::invalid_argument(
                    "ChannelARN must be like arn:aws:kinesisvideo:us-east-1:000000000000:channel/rover/1763690000123",
                )
            })
    }
}

/// A call whose caller is known and whose body was read.
struct Call<T> {
    known: Known,
    body: T,
}

/// Reads and checks a call, and counts it if it is refused.
async fn call<T: DeserializeOwned>(
    signaling: &Arc<Signaling>,
    request: Request,
) -> Result<Call<T>, Refusal> {
    let result = read(signaling, request).await;
    if let Err(refusal) = &result {
        signaling.counters.denied.inc();
        tracing::warn!(%refusal, "signaling call refused");
    }
    result
}

async fn read<T: DeserializeOwned>(
    signaling: &Arc<Signaling>,
    request: Request,
) -> Result<Call<T>, Refusal> {
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES))
        .await
        .map_err(|_| {
            let status = StatusCode::REQUEST_TIMEOUT;
            Refusal::gate(status, "RequestTimeoutException", "the body took too long")
        })?
        .map_err(|_| {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            let words = format!("a body has at most {MAX_BODY_BYTES} bytes");
            Refusal::gate(status, "RequestEntityTooLargeException", words)
        })?;
    let known = identify(signaling, &parts, &body, Form::Header)?;
    if !signaling
        .switchboard()
        .may_call(&known.grant.robot, clock::instant())
    {
        return Err(Refusal::limit_exceeded("Rate exceeded"));
    }
    let body = serde_json::from_slice(&body).map_err(|error| {
        Refusal::gate(
            StatusCode::BAD_REQUEST,
            "SerializationException",
            error.to_string(),
        )
    })?;
    Ok(Call { known, body })
}

/// CreateSignalingChannel: every robot has its channel, so there never is one to make.
pub async fn create(
    State(signaling): State<Arc<Signaling>>,
    request: Request,
) -> Result<Json<CreatedChannel>, Refusal> {
    let call: Call<CreateChannel> = call(&signaling, request).await?;
    call.known.must_be(Role::Master)?;
    let name = call.body.channel_name;
    if name != call.known.grant.robot {
        return Err(not_authorized(&format!("channel {name:?}")));
    }
    Err(Refusal::in_use(format!(
        "the channel {name} exists already: there is one for every robot"
    )))
}

/// DescribeSignalingChannel, by name or by resource name.
pub async fn describe(
    State(signaling): State<Arc<Signaling>>,
    request: Request,
) -> Result<Json<DescribedChannel>, Refusal> {
    let call: Call<DescribeChannel> = call(&signaling, request).await?;
    let arn = match (call.body.channel_arn, call.body.channel_name) {
        (Some(arn), _) => arn.parse()?,
        (None, Some(name)) if is_id(&name) => signaling.arn(&name),
        (None, _) => {
            return Err(Refusal::invalid_argument(
                "either ChannelName or ChannelARN must say which channel",
            ));
        }
    };
    call.known.must_own(&arn, &signaling)?;
    let ttl = whole_s(signaling.times().message_ttl);
    let channel_info = ChannelInfo {
        channel_arn: arn.to_string(),
        channel_name: arn.robot.clone(),
        channel_status: "ACTIVE".to_owned(),
        channel_type: "SINGLE_MASTER".to_owned(),
        creation_time: Some(arn.created_ms as f64 / 1000.0),
        single_master_configuration: Some(SingleMaster {
            message_ttl_seconds: u32::try_from(ttl).ok(),
        }),
        version: Some("1".to_owned()),
    };
    Ok(Json(DescribedChannel { channel_info }))
}

/// GetSignalingChannelEndpoint. All is one host here: the name by which the client came.
pub async fn endpoint(
    State(signaling): State<Arc<Signaling>>,
    request: Request,
) -> Result<Json<Endpoints>, Refusal> {
    let call: Call<GetEndpoint> = call(&signaling, request).await?;
    let arn: Arn = call.body.channel_arn.parse()?;
    call.known.must_own(&arn, &signaling)?;
    let wanted = call.body.configuration.ok_or_else(|| {
        Refusal::invalid_argument("SingleMasterChannelEndpointConfiguration is missing")
    })?;
    match wanted.role.as_deref() {
        None | Some("MASTER") => call.known.must_be(Role::Master)?,
        Some("VIEWER") => call.known.must_be(Role::Viewer)?,
        Some(_) => return Err(Refusal::invalid_argument("Role must be MASTER or VIEWER")),
    }
    let resource_endpoint_list = wanted
        .protocols
        .iter()
        .map(|protocol| {
            let scheme = scheme(protocol, call.known.secure)?;
            Ok(Endpoint {
                protocol: protocol.clone(),
                resource_endpoint: format!("{scheme}://{}", call.known.host),
            })
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    if resource_endpoint_list.is_empty() {
        return Err(Refusal::invalid_argument(
            "Protocols must name one at least",
        ));
    }
    Ok(Json(Endpoints {
        resource_endpoint_list,
    }))
}

/// The scheme of an endpoint: plain for clients that came over plain HTTP, which only this
/// machine can.
fn scheme(protocol: &str, secure: bool) -> Result<&'static str, Refusal> {
    match (protocol, secure) {
        ("WSS", true) => Ok("wss"),
        ("WSS", false) => Ok("ws"),
        ("HTTPS", true) => Ok("https"),
        ("HTTPS", false) => Ok("http"),
        ("WEBRTC", _) => Err(Refusal::invalid_argument(
            "WEBRTC is for channels with media storage, and this is none",
        )),
        _ => Err(Refusal::invalid_argument(
            "Protocols must be of WSS, HTTPS and WEBRTC",
        )),
    }
}

/// GetIceServerConfig: the relay, with a password that expires.
pub async fn ice_servers(
    State(signaling): State<Arc<Signaling>>,
    request: Request,
) -> Result<Json<IceServers>, Refusal> {
    let call: Call<GetIceServers> = call(&signaling, request).await?;
    let arn: Arn = call.body.channel_arn.parse()?;
    call.known.must_own(&arn, &signaling)?;
    if call.body.service.as_deref().is_some_and(|s| s != "TURN") {
        return Err(Refusal::invalid_argument("Service must be TURN"));
    }
    if call.body.client_id.as_deref().is_some_and(|id| !is_id(id)) {
        return Err(Refusal::invalid_argument(
            "ClientId must be 1 to 256 of [a-zA-Z0-9_.-]",
        ));
    }
    let name = call.known.grant.relay_name();
    let life = signaling.times().ice_servers;
    let server = signaling.relay().server_for(&name, life, clock::unix_s());
    Ok(Json(IceServers {
        ice_server_list: vec![server],
    }))
}
