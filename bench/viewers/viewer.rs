//! One viewer, in a process of its own: it says on stdout when it has done what it came for,
//! and leaves when its stdin ends, unless it is killed before.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::io::Write;
use tests::Viewer;
use tests::kvs::{Access, Client};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// What a viewer is told on stdin.
#[derive(Serialize, Deserialize)]
pub(crate) struct Task {
    /// Where the station speaks HTTP.
    pub station: String,
    pub key: String,
    pub name: String,
    pub behaviour: Behaviour,
}

/// How a viewer behaves.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Watches, and closes its connection.
    Closes,
    /// Watches, and is killed.
    IsKilled,
    /// Offers, and never answers what the robot's side of ICE asks.
    IgnoresIce,
    /// Watches, and sends garbage on every channel it has.
    SendsGarbage,
    /// Is killed as soon as it has offered.
    IsKilledAtOnce,
}

/// Said on stdout by a viewer that was let in.
pub(crate) const JOINED: &str = "joined";

/// Said by one that finds no place, which among too many is right.
pub(crate) const REFUSED: &str = "refused";

/// On the signaling socket: no JSON, half of it, a payload that is no base64, one that is cut
/// short, offers that are none, a candidate that is none.
const SIGNALING_GARBAGE: [&str; 7] = [
    "hello",
    r#"{"action":"SDP_OFFER","messagePayl"#,
    r#"{"action":"SDP_OFFER","messagePayload":"?!"}"#,
    r#"{"action":"SDP_OFFER","messagePayload":"eyJ0eXBlIjoib2Zm"}"#,
    r#"{"action":"SDP_OFFER","messagePayload":"eyJ0eXBlIjoib2ZmZXIiLCJzZHAiOiJ2PTAifQ=="}"#,
    r#"{"action":"ICE_CANDIDATE","messagePayload":"eyJjYW5kaWRhdGUiOiJub25lIn0="}"#,
    r#"{"action":"DANCE","messagePayload":"e30="}"#,
];

/// On the data channel `drive`.
const DRIVE_GARBAGE: [&[u8]; 4] = [
    b"\xff\xfe\x00",
    b"{",
    br#"{"action":"fly"}"#,
    br#"{"action":"drive","linear":1e300,"angular":null}"#,
];

/// More than any viewer needs, and fewer than it is thrown out for.
const CHANNELS: usize = 4;

pub(crate) async fn run() -> anyhow::Result<()> {
    let mut input = BufReader::new(stdin()).lines();
    let task = input.next_line().await?.context("a task on stdin")?;
    let task: Task = serde_json::from_str(&task)?;
    let client = Client::viewer(&task.station, "rover", Access::Key(&task.key)).await;
    match join(&client, &task).await {
        Ok(viewer) => {
            print(JOINED)?;
            // Nothing more is said; this is its end.
            while input.next_line().await?.is_some() {}
            viewer.leave().await;
        }
        Err(error) if is_full(&error) => print(&format!("{REFUSED}: {error:#}"))?,
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn join(client: &Client, task: &Task) -> anyhow::Result<Viewer> {
    match task.behaviour {
        Behaviour::Closes | Behaviour::IsKilled => Viewer::join(client, &task.name).await,
        Behaviour::IgnoresIce => {
            let mut viewer = Viewer::prepare(client, &task.name).await?;
            let offer = viewer.offer().await?;
            viewer.socket().negotiate(offer).await?;
            Ok(viewer)
        }
        Behaviour::IsKilledAtOnce => {
            let mut viewer = Viewer::prepare(client, &task.name).await?;
            let offer = viewer.offer().await?;
            viewer.socket().offer(offer).await?;
            Ok(viewer)
        }
        Behaviour::SendsGarbage => {
            let mut viewer = Viewer::join(client, &task.name).await?;
            for garbage in SIGNALING_GARBAGE {
                viewer.socket().send(garbage).await?;
            }
            for garbage in DRIVE_GARBAGE {
                viewer.send(garbage).await;
            }
            for _ in 0..CHANNELS {
                viewer.open_channel("garbage").await?;
            }
            Ok(viewer)
        }
    }
}

/// Whether there was no place: the robot has ten, and so has the channel.
fn is_full(error: &anyhow::Error) -> bool {
    let words = format!("{error:#}");
    words.contains("too many viewers") || words.contains("400 Bad Request")
}

fn print(line: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}
