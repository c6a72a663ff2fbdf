//! A page calls the robot.

use anyhow::Context;
use serde_json::Value;
use tests::kvs::Client;
use tests::sdp;
use tests::udp_relay::UdpRelay;

use crate::peer::Peer;

/// Calls the robot from the page; with `far`, through a path that can be made bad.
/// Gives how long the first frame took, in milliseconds, too.
///
/// # Errors
/// When no connection comes about.
pub async fn call(
    viewer: &Client,
    browser: &mut Peer,
    far: bool,
) -> anyhow::Result<(f64, Option<UdpRelay>)> {
    let mut socket = viewer.connect(Some("page")).await?;
    let offer = browser.ask("offer").await?;
    let mut answer = socket.negotiate(offer).await?;
    let mut path = None;
    if far {
        let robot = sdp::host(&answer).context("the robot tells an address")?;
        let relay = UdpRelay::to(robot).await?;
        answer = sdp::through(&answer, relay.port).context("the robot tells an address")?;
        path = Some(relay);
    }
    browser.call::<Value>("answer", answer.into()).await?;
    Ok((browser.ask("firstFrame").await?, path))
}
