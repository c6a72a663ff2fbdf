//! What the broker is told: `mosquitto.conf`, the access list, the revocation list.

use crate::ca::Ca;
use crate::clock;
use crate::state_dir::{self, PUBLIC, SECRET};
use crate::store::Directory;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// The station's own name at the broker. The dot keeps robots and operators from having it.
pub(crate) const OWN_NAME: &str = "ground.station";

/// Largest MQTT packet. AWS IoT takes 128 KiB; an action has at most 1 KiB and a telemetry
/// report about 2, so this is generous and still keeps a runaway sender's memory small.
pub(crate) const MAX_PACKET_BYTES: u32 = 16 * 1024;

/// Actions on their way to one robot that it has not acknowledged yet. All of them are in its
/// connection, in order: none waits in the broker for an acknowledgement of those before, which
/// would make it older than the path does, and the stop behind it. So many take ten seconds of
/// a held key, and no robot stays with a dead connection for so long; one that is left takes
/// what is in it along, because no session outlives its connection.
const MAX_INFLIGHT_MESSAGES: u32 = 100;

/// Messages waiting for one slow client: those beyond [`MAX_INFLIGHT_MESSAGES`], and, in
/// newer versions of Mosquitto, packets of any kind that its socket does not take. Much fewer,
/// and a busy moment would cost acknowledgements and telemetry; the robot drops what has become
/// old.
const MAX_QUEUED_MESSAGES: u32 = 100;

/// Bytes waiting for one slow client; the rest is dropped.
const MAX_QUEUED_BYTES: u32 = 256 * 1024;

/// Connections at once: more than `front` lets in.
const MAX_CONNECTIONS: u32 = 4096;

/// Where the files are that the configuration names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files<'a> {
    pub ca: &'a Path,
    /// Of the broker itself.
    pub certificate: &'a Path,
    pub key: &'a Path,
    /// Revocation list.
    pub revoked: &'a Path,
    /// Access control list.
    pub access: &'a Path,
}

/// `mosquitto.conf` of a broker that listens on `address`. `as_root` keeps a broker that is
/// started by root from changing to a user who cannot read the private state folder.
pub(crate) fn mosquitto_conf(address: SocketAddr, files: Files<'_>, as_root: bool) -> String {
    let user = if as_root { "user root\n" } else { "" };
    format!(
        "# Written by ground-station at every start; changes here are lost.
{user}per_listener_settings false
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
connection_messages true

# Nothing survives a restart: an action from before it must not move a robot after it.
persistence false
sys_interval 0
max_packet_size {MAX_PACKET_BYTES}
max_inflight_messages {MAX_INFLIGHT_MESSAGES}
max_queued_messages {MAX_QUEUED_MESSAGES}
max_queued_bytes {MAX_QUEUED_BYTES}
set_tcp_nodelay true
allow_anonymous false
acl_file {access}

listener {port} {host}
max_connections {MAX_CONNECTIONS}
cafile {ca}
certfile {certificate}
keyfile {key}
crlfile {revoked}
tls_version tlsv1.2
require_certificate true
# Who a client is stands in its certificate; what it calls itself counts for nothing.
use_identity_as_username true
use_username_as_clientid true
",
        port = address.port(),
        host = address.ip(),
        ca = files.ca.display(),
        certificate = files.certificate.display(),
        key = files.key.display(),
        revoked = files.revoked.display(),
        access = files.access.display(),
    )
}

/// The access list: what is not named here is denied.
fn access_list(operators: &BTreeSet<String>) -> String {
    let mut text = String::from(
        "# Written by ground-station; changes here are lost.

# A robot: whoever has a certificate, under the name in it.
pattern read %u/action
pattern write %u/telemetry

# The ground station itself.
",
    );
    for name in std::iter::once(OWN_NAME).chain(operators.iter().map(String::as_str)) {
        if name != OWN_NAME {
            text.push_str("\n# An operator.\n");
        }
        text.push_str(&format!(
            "user {name}\ntopic write +/action\ntopic read +/telemetry\n"
        ));
    }
    text
}

/// Writes the access list and the list of revoked certificates, where they are not as they must be.
pub(crate) fn write_lists(
    ca: &Ca,
    directory: &Directory,
    access: &Path,
    revoked: &Path,
) -> anyhow::Result<()> {
    // Mosquitto 2.0.18 warns of an access list that others may read.
    let list = access_list(&directory.operators);
    state_dir::write_changed(access, list.as_bytes(), SECRET)?;
    let (now, old) = (clock::utc(), fs::read(revoked).unwrap_or_default());
    if !ca.is_revocation_list(&old, &directory.revoked, now) {
        let list = ca.revocation_list(&directory.revoked, now)?;
        state_dir::write(revoked, list.as_bytes(), PUBLIC)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_list_names_every_operator_and_ourselves() {
        let text = access_list(&["ann".to_owned(), "bob".to_owned()].into());
        let lines: Vec<_> = text.lines().filter(|l| l.starts_with("user ")).collect();
        assert_eq!(lines, ["user ground.station", "user ann", "user bob"]);
        assert!(wire::topic::check_robot_name(OWN_NAME).is_err());
    }

    #[test]
    fn root_stays_root_and_others_are_not_asked_to_change() {
        let path = Path::new("/x");
        let files = Files {
            ca: path,
            certificate: path,
            key: path,
            revoked: path,
            access: path,
        };
        let address = "0.0.0.0:8883".parse().unwrap();
        assert!(mosquitto_conf(address, files, true).contains("user root\n"));
        let conf = mosquitto_conf(address, files, false);
        assert!(!conf.contains("user root"));
        assert!(conf.contains("listener 8883 0.0.0.0\n"));
    }
}
