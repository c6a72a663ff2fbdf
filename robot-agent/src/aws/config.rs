//! What AWS, or a ground station in its place, is called in this robot's configuration.

use url::Url;

use crate::endpoint::Endpoint;

/// Where the robot gets credentials and finds its signaling channel.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsConfig {
    /// The credentials provider of AWS IoT, or a ground station.
    pub credentials: Endpoint,
    /// The role alias that it is asked for.
    pub role_alias: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The control plane of Kinesis Video Streams, if it is not AWS' own in the region.
    pub kvs: Option<Url>,
}
