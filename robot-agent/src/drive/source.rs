//! Where an action came from, and in whose name.

use std::fmt;
use std::sync::Arc;

use wire::Action;
use wire::action::MAX_NAME_BYTES;
use wire::telemetry::Via;

/// Where an action came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The topic `<robot>/action`.
    Mqtt,
    /// The data channel of the viewer with this id.
    Viewer(Arc<str>),
}

/// Who acts, and by which road.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    /// Tells them from all others: whoever takes somebody else's id is not that user.
    pub key: String,
    pub id: String,
    pub user: Option<String>,
    pub via: Via,
}

impl Source {
    /// Who has this connection, in the name of `user`.
    pub(super) fn viewer(id: &str, user: Option<&str>) -> Sender {
        // The station shortens names of users to what an action may have; signaling does not.
        let known_as = user.map(|user| user.get(..MAX_NAME_BYTES).unwrap_or(user));
        Sender {
            key: format!("{known_as:?} {id}"),
            id: id.to_owned(),
            user: user.map(str::to_owned),
            via: Via::DataChannel,
        }
    }

    /// Who sent `action`. A viewer is who signaling says it is, and so is its user; by MQTT it is
    /// who it says it is, else the station's user, and those of whom nothing is known are one.
    pub(super) fn sender(&self, action: &Action) -> Sender {
        match self {
            Self::Mqtt => {
                let user = action.user.as_deref();
                let id = action.sender.as_deref().or(user).unwrap_or("mqtt");
                Sender {
                    via: Via::Mqtt,
                    ..Self::viewer(id, user)
                }
            }
            Self::Viewer(id) => Self::viewer(id, action.user.as_deref()),
        }
    }
}

impl fmt::Display for Source {
    /// `mqtt`, or the viewer's id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mqtt => f.write_str("mqtt"),
            Self::Viewer(id) => f.write_str(id),
        }
    }
}
