//! The control plane: create, describe, get an endpoint, get ICE servers.
//!
//! Each call is a POST of at most a few hundred bytes, signed in its header.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use daemon::log_limit::SharedLogLimiter;
use serde::de::DeserializeOwned;
use wire::signaling::control::{
    ChannelInfo, CreateChannel, CreatedChannel, DescribeChannel, DescribedChannel,
    ERROR_TYPE_HEADER, Endpoint, Endpoints, GetEndpoint, GetIceServers, IceServers, SingleMaster,
};
use wire::signaling::is_id;

use super::authenticated::{Authenticated, Form, authenticate, not_authorized};
use crate::auth::{Grant, Role};
use crate::clock::{self, whole_s};
use crate::http::body::{self, Limits};
use crate::http::error::Refusal;
use crate::http::origin::Origin;
use crate::signaling::{Arn, Rejection, Signaling};

/// The longest body that makes sense has an ARN of 1024 bytes and two ids, and all are smaller
/// than a packet or two.
const BODY: Limits = Limits {
    bytes: 8 * 1024,
    drained_bytes: 0,
    timeout: Duration::from_secs(5),
};

/// Names what was signed for a call that is not served here: clients of AWS branch on the name.
pub(super) async fn name_unknown(request: Request, next: Next) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let signed = authorization.is_some_and(|value| value.as_bytes().starts_with(b"AWS4-"));
    let call = format!("{} {}", request.method(), request.uri().path());
    let response = next.run(request).await;
    let unknown = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
    if !signed
        || !unknown.contains(&response.status())
        || response.headers().contains_key(ERROR_TYPE_HEADER)
    {
        return response;
    }
    let words = format!("{call} is no call of Kinesis Video Streams that is served here");
    Refusal::aws(StatusCode::NOT_FOUND, "UnknownOperationException", words).into_response()
}

/// Refusals that are logged one by one: strangers may make thousands.
static REFUSED: SharedLogLimiter = SharedLogLimiter::new(20, Duration::from_secs(60));

/// A call whose caller is known and whose body was read.
struct Call<T> {
    caller: Authenticated,
    body: T,
}

/// Reads and checks a call, and counts it if it is refused.
async fn call<T: DeserializeOwned>(
    signaling: &Signaling,
    request: Request,
) -> Result<Call<T>, Refusal> {
    read(signaling, request).await.inspect_err(|refusal| {
        signaling.counters.denied.inc();
        if let Some(suppressed) = REFUSED.allow(clock::instant()) {
            tracing::warn!(%refusal, suppressed, "signaling call refused");
        }
    })
}

async fn read<T: DeserializeOwned>(
    signaling: &Signaling,
    request: Request,
) -> Result<Call<T>, Refusal> {
    let (parts, body) = request.into_parts();
    let body = body::read(body, BODY).await;
    let body = body.map_err(|error| Refusal::bad_body(&error))?;
    let caller = authenticate(signaling, &parts, &body, Form::Header)?;
    let now = clock::instant();
    let Grant { robot, role, .. } = &caller.grant;
    if !signaling.channels().may_call(robot, *role, now) {
        return Err(Rejection::LimitExceeded("Rate exceeded".to_owned()).into());
    }
    let body = serde_json::from_slice(&body)
        .map_err(|error| Refusal::aws(StatusCode::BAD_REQUEST, "SerializationException", error))?;
    Ok(Call { caller, body })
}

/// CreateSignalingChannel: every robot has its channel, so there never is one to make.
pub(super) async fn create(
    State(signaling): State<Arc<Signaling>>,
    request: Request,
) -> Result<Json<CreatedChannel>, Refusal> {
    let call: Call<CreateChannel> = call(&signaling, request).await?;
    call.caller.require_role(Role::Master)?;
    let name = call.body.channel_name;
    if name != call.caller.grant.robot {
        return Err(not_authorized(format!("channel {name:?}")));
    }
    Err(Refusal::in_use(format!(
        "the channel {name} exists already: there is one for every robot"
    )))
}

/// DescribeSignalingChannel, by name or by resource name.
pub(super) async fn describe(
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
    call.caller.require_channel(&arn, &signaling)?;
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
pub(super) async fn endpoint(
    State(signaling): State<Arc<Signaling>>,
    request: Request,
) -> Result<Json<Endpoints>, Refusal> {
    let call: Call<GetEndpoint> = call(&signaling, request).await?;
    let arn: Arn = call.body.channel_arn.parse()?;
    call.caller.require_channel(&arn, &signaling)?;
    let wanted = call.body.configuration.ok_or_else(|| {
        Refusal::invalid_argument("SingleMasterChannelEndpointConfiguration is missing")
    })?;
    match wanted.role.as_deref() {
        None | Some("MASTER") => call.caller.require_role(Role::Master)?,
        Some("VIEWER") => call.caller.require_role(Role::Viewer)?,
        Some(_) => return Err(Refusal::invalid_argument("Role must be MASTER or VIEWER")),
    }
    let origin = &call.caller.origin;
    let resource_endpoint_list = wanted
        .protocols
        .iter()
        .map(|protocol| {
            Ok(Endpoint {
                protocol: protocol.clone(),
                resource_endpoint: address(protocol, origin)?,
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

/// The address of an endpoint: plain for clients that came over plain HTTP, which only this
/// machine can.
fn address(protocol: &str, origin: &Origin) -> Result<String, Refusal> {
    match protocol {
        "WSS" => Ok(origin.websocket()),
        "HTTPS" => Ok(origin.to_string()),
        "WEBRTC" => Err(Refusal::invalid_argument(
            "WEBRTC is for channels with media storage, and this is none",
        )),
        _ => Err(Refusal::invalid_argument(
            "Protocols must be of WSS, HTTPS and WEBRTC",
        )),
    }
}

/// GetIceServerConfig: the relay, with a password that expires.
pub(super) async fn ice_servers(
    State(signaling): State<Arc<Signaling>>,
    request: Request,
) -> Result<Json<IceServers>, Refusal> {
    let call: Call<GetIceServers> = call(&signaling, request).await?;
    let arn: Arn = call.body.channel_arn.parse()?;
    call.caller.require_channel(&arn, &signaling)?;
    if call.body.service.as_deref().is_some_and(|s| s != "TURN") {
        return Err(Refusal::invalid_argument("Service must be TURN"));
    }
    if call.body.client_id.as_deref().is_some_and(|id| !is_id(id)) {
        return Err(Refusal::invalid_argument(
            "ClientId must be 1 to 256 of [a-zA-Z0-9_.-]",
        ));
    }
    let name = call.caller.grant.relay_name();
    let life = signaling.times().ice_servers;
    let https = call.caller.origin.https_port();
    let relay = &signaling.relay;
    let server = relay.server_for(&name, life, clock::unix_s(), https.as_deref());
    Ok(Json(IceServers {
        ice_server_list: vec![server],
    }))
}
