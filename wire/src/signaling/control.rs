//! The calls that lead to a signaling socket, in the shapes of their public documentation:
//! temporary credentials for a role alias, then the control plane of Kinesis Video Streams.
//!
//! Every control call is a POST of JSON with PascalCase names, signed with SigV4.

use serde::{Deserialize, Serialize};

/// Path of CreateSignalingChannel.
pub const CREATE_PATH: &str = "/createSignalingChannel";
/// Path of DescribeSignalingChannel.
pub const DESCRIBE_PATH: &str = "/describeSignalingChannel";
/// Path of GetSignalingChannelEndpoint.
pub const ENDPOINT_PATH: &str = "/getSignalingChannelEndpoint";
/// Path of GetIceServerConfig, on the HTTPS endpoint of the channel.
pub const ICE_PATH: &str = "/v1/get-ice-server-config";
/// The header that names an error.
pub const ERROR_TYPE_HEADER: &str = "x-amzn-errortype";
/// The header that tells the credentials provider which thing asks.
pub const THING_NAME_HEADER: &str = "x-amzn-iot-thingname";

/// Answer of the credentials provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAliasCredentials {
    /// The answer's only field.
    pub credentials: Credentials,
}

/// Temporary credentials; all four are secrets but the last.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The key's public id, a part of every signature.
    pub access_key_id: String,
    /// The key that signs.
    pub secret_access_key: String,
    /// Proof that the key is still good.
    pub session_token: String,
    /// RFC 3339 in UTC, such as `2023-02-06T05:54:46Z`.
    pub expiration: String,
}

impl std::fmt::Debug for Credentials {
    /// Without the secrets: credentials end up in logs by way of whatever holds them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("expiration", &self.expiration)
            .finish_non_exhaustive()
    }
}

/// Body of an error. Services differ in its casing and in where they put its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// For people.
    #[serde(default, alias = "Message")]
    pub message: Option<String>,
    /// The name, where the header does not give it.
    #[serde(
        default,
        rename = "__type",
        alias = "code",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
}

/// The bare name of an error out of `x-amzn-ErrorType` or `__type`: without the namespace
/// that may stand before a `#` and the address that may follow a `:`.
pub fn error_name(raw: &str) -> &str {
    let name = raw.split(':').next().unwrap_or(raw);
    name.rsplit('#').next().unwrap_or(name).trim()
}

/// Body of CreateSignalingChannel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateChannel {
    /// 1 to 256 of `[a-zA-Z0-9_.-]`.
    pub channel_name: String,
    /// `SINGLE_MASTER` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_type: Option<String>,
    /// How it behaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_master_configuration: Option<SingleMaster>,
}

/// Answer of CreateSignalingChannel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedChannel {
    /// The new channel's resource name.
    #[serde(rename = "ChannelARN")]
    pub channel_arn: String,
}

/// Body of DescribeSignalingChannel: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeChannel {
    /// By name.
    #[serde(
        default,
        rename = "ChannelName",
        skip_serializing_if = "Option::is_none"
    )]
    pub channel_name: Option<String>,
    /// By resource name.
    #[serde(
        default,
        rename = "ChannelARN",
        skip_serializing_if = "Option::is_none"
    )]
    pub channel_arn: Option<String>,
}

/// Answer of DescribeSignalingChannel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedChannel {
    /// The answer's only field.
    pub channel_info: ChannelInfo,
}

/// A signaling channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChannelInfo {
    /// Its resource name.
    #[serde(rename = "ChannelARN")]
    pub channel_arn: String,
    /// Its name.
    #[serde(default)]
    pub channel_name: String,
    /// `CREATING`, `ACTIVE`, `UPDATING` or `DELETING`.
    #[serde(default)]
    pub channel_status: String,
    /// `SINGLE_MASTER` or `FULL_MESH`.
    #[serde(default)]
    pub channel_type: String,
    /// Unix seconds, with a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<f64>,
    /// How it behaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_master_configuration: Option<SingleMaster>,
    /// Changes with every update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How a channel with one master behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SingleMaster {
    /// How long a message that cannot be delivered is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_ttl_seconds: Option<u32>,
}

/// Body of GetSignalingChannelEndpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetEndpoint {
    /// The channel's resource name.
    #[serde(rename = "ChannelARN")]
    pub channel_arn: String,
    /// Which endpoints, and for which role.
    #[serde(
        default,
        rename = "SingleMasterChannelEndpointConfiguration",
        skip_serializing_if = "Option::is_none"
    )]
    pub configuration: Option<EndpointConfiguration>,
}

/// Which endpoints, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointConfiguration {
    /// Of `WSS`, `HTTPS` and `WEBRTC`.
    #[serde(default)]
    pub protocols: Vec<String>,
    /// `MASTER` or `VIEWER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Answer of GetSignalingChannelEndpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Endpoints {
    /// One for each protocol asked for.
    pub resource_endpoint_list: Vec<Endpoint>,
}

impl Endpoints {
    /// The endpoint for `protocol`, if there is one.
    pub fn of(&self, protocol: &str) -> Option<&str> {
        let found = self
            .resource_endpoint_list
            .iter()
            .find(|e| e.protocol == protocol)?;
        Some(&found.resource_endpoint)
    }
}

/// Where a channel is reached by one protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Endpoint {
    /// `WSS` or `HTTPS`.
    pub protocol: String,
    /// A URL without a path.
    pub resource_endpoint: String,
}

/// Body of GetIceServerConfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetIceServers {
    /// The channel's resource name.
    #[serde(rename = "ChannelARN")]
    pub channel_arn: String,
    /// The viewer's client id; absent from a master.
    #[serde(default, rename = "ClientId", skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `TURN`, the only one there is.
    #[serde(default, rename = "Service", skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// A name to be worked into the credentials.
    #[serde(default, rename = "Username", skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// Answer of GetIceServerConfig.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IceServers {
    /// The relays; STUN is not among them.
    #[serde(default)]
    pub ice_server_list: Vec<IceServer>,
}

/// A relay, and how to sign in there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IceServer {
    /// Standard base64 with `+`, `/` and `=`, whatever the documented pattern says.
    #[serde(default)]
    pub password: String,
    /// Seconds until the password expires; 300 at AWS.
    #[serde(default)]
    pub ttl: u64,
    /// `turn:` over UDP, and `turns:` that not every client can use.
    #[serde(default)]
    pub uris: Vec<String>,
    /// `<unix expiry>:<who>`.
    #[serde(default)]
    pub username: String,
}

impl std::fmt::Debug for IceServer {
    /// Without the password, as for [`Credentials`].
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer")
            .field("ttl", &self.ttl)
            .field("uris", &self.uris)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
