//! One viewer, in a process of its own: it says on stdout when it has done what it came for,
//! and leaves when its stdin ends, unless it is killed before.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::io::Write;
use tests::{Pass, Receiver};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// What a viewer is told on stdin.
#[derive(Serialize, Deserialize)]
pub(crate) struct Errand {
    /// Where the station speaks HTTP.
    pub station: String,
    pub key: String,
    pub name: String,
    pub manner: Manner,
}

/// How a viewer behaves.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Watches, and says goodbye.
    Polite,
    /// Watches, and is killed.
    Killed,
    /// Offers, and never answers what the robot's side of ICE asks.
    Deaf,
    /// Watches, and talks nonsense on every channel it has.
    Babbles,
    /// Is killed as soon as it has offered.
    Hasty,
}

/// Said on stdout by whoever was let in.
pub(crate) const DONE: &str = "done";

/// Said by whoever finds no place, which in a full house is right.
pub(crate) const REFUSED: &str = "refused";

/// On the signaling socket: no JSON, half of it, a payload that is no base64, one that is cut
/// short, offers that are none, a candidate that is none.
const NONSENSE: [&str; 7] = [
    "hello",
    r#"{"action":"SDP_OFFER","messagePayl"#,
    r#"{"action":"SDP_OFFER","messagePayload":"?!"}"#,
    r#"{"action":"SDP_OFFER","messagePayload":"eyJ0eXBlIjoib2Zm"}"#,
    r#"{"action":"SDP_OFFER","messagePayload":"eyJ0eXBlIjoib2ZmZXIiLCJzZHAiOiJ2PTAifQ=="}"#,
    r#"{"action":"ICE_CANDIDATE","messagePayload":"eyJjYW5kaWRhdGUiOiJub25lIn0="}"#,
    r#"{"action":"DANCE","messagePayload":"e30="}"#,
];

/// On the data channel for orders.
const NO_ORDERS: [&[u8]; 4] = [
    b"\xff\xfe\x00",
    b"{",
    br#"{"action":"fly"}"#,
    br#"{"action":"drive","linear":1e300,"angular":null}"#,
];

/// More than any viewer needs, and fewer than it is thrown out for.
const CHANNELS: usize = 4;

pub(crate) async fn visit() -> anyhow::Result<()> {
    let mut input = BufReader::new(stdin()).lines();
    let errand = input.next_line().await?.context("an errand on stdin")?;
    let errand: Errand = serde_json::from_str(&errand)?;
    let pass = Pass::at(&errand.station, "rover", &errand.key).await?;
    match watch(&pass, &errand).await {
        Ok(receiver) => {
            tell(DONE)?;
            // Nothing more is said; this is its end.
            while input.next_line().await?.is_some() {}
            receiver.leave().await;
        }
        Err(error) if is_full(&error) => tell(&format!("{REFUSED}: {error:#}"))?,
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn watch(pass: &Pass, errand: &Errand) -> anyhow::Result<Receiver> {
    match errand.manner {
        Manner::Polite | Manner::Killed => Receiver::join(pass, &errand.name).await,
        Manner::Deaf => {
            let mut receiver = Receiver::call(pass, &errand.name).await?;
            let offer = receiver.offer().await?;
            receiver.socket().meet(offer).await?;
            Ok(receiver)
        }
        Manner::Hasty => {
            let mut receiver = Receiver::call(pass, &errand.name).await?;
            let offer = receiver.offer().await?;
            receiver.socket().offer(offer).await?;
            Ok(receiver)
        }
        Manner::Babbles => {
            let mut receiver = Receiver::join(pass, &errand.name).await?;
            for nonsense in NONSENSE {
                receiver.socket().say(nonsense).await?;
            }
            for order in NO_ORDERS {
                receiver.say(order).await?;
            }
            for _ in 0..CHANNELS {
                receiver.open("nonsense").await?;
            }
            Ok(receiver)
        }
    }
}

/// Whether there was no place: the robot has ten, and so has the channel.
fn is_full(error: &anyhow::Error) -> bool {
    let words = format!("{error:#}");
    words.contains("the house is full") || words.contains("400 Bad Request")
}

fn tell(line: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}
