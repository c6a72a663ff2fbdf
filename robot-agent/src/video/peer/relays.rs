//! The STUN and TURN servers of one connection, as the library can use them: those it speaks to
//! by UDP, and one more over a [`RelayBridge`], for networks that let no UDP out.

use std::sync::Arc;

use tokio::sync::watch;
use webrtc::ice_transport::ice_server::RTCIceServer;
use webrtc::peer_connection::peer_connection_state::RTCPeerConnectionState;

use super::relay_bridge::RelayBridge;
use super::relay_url::{StreamRelay, is_datagram, stream_relays};
use crate::video::messages::IceServer;

/// What a connection gathers candidates by. The bridge is there for as long as this is held.
pub(super) struct Relays {
    servers: Vec<RTCIceServer>,
    bridge: Option<(RelayBridge, Vec<StreamRelay>)>,
}

impl Relays {
    /// Those of `offered` that can be used. Nothing is sent yet. `state` is the connection's.
    pub(super) async fn open(
        offered: &[IceServer],
        tls: &Arc<rustls::ClientConfig>,
        state: &watch::Receiver<RTCPeerConnectionState>,
    ) -> Self {
        let mut servers: Vec<_> = offered
            .iter()
            .map(|server| library_server(server, datagram_urls(server)))
            .filter(|server| !server.urls.is_empty())
            .collect();
        // One is enough: it is the last resort, and costs a TLS handshake.
        let over_tcp = offered
            .iter()
            .map(|server| (server, stream_relays(&server.urls)))
            .find(|(_, relays)| !relays.is_empty());
        let mut bridge = None;
        if let Some((server, relays)) = over_tcp {
            match RelayBridge::open(relays.clone(), Arc::clone(tls), state.clone()).await {
                Ok(open) => {
                    servers.push(library_server(server, vec![open.url()]));
                    bridge = Some((open, relays));
                }
                Err(error) => tracing::warn!("no bridge to a relay over TCP: {error}"),
            }
        }
        Self { servers, bridge }
    }

    pub(super) fn servers(&self) -> Vec<RTCIceServer> {
        self.servers.clone()
    }

    /// The TURN servers among them, by their own names.
    pub(super) fn urls(&self) -> Vec<String> {
        let over_tcp = self.bridge.iter().flat_map(|(_, relays)| relays);
        let bridged = self.bridge.as_ref().map(|(bridge, _)| bridge.url());
        let urls = self.servers.iter().flat_map(|server| &server.urls);
        urls.filter(|url| url.starts_with("turn:") && Some(*url) != bridged.as_ref())
            .cloned()
            .chain(over_tcp.map(StreamRelay::to_string))
            .collect()
    }

    /// Whether the library reaches a relay over TCP by its own `port`.
    pub(super) fn is_over_tcp(&self, port: u16) -> bool {
        let bridge = self.bridge.as_ref();
        bridge.is_some_and(|(bridge, _)| bridge.is_used_from(port))
    }
}

fn datagram_urls(server: &IceServer) -> Vec<String> {
    let urls = server.urls.iter();
    urls.filter(|url| is_datagram(url)).cloned().collect()
}

fn library_server(server: &IceServer, urls: Vec<String>) -> RTCIceServer {
    RTCIceServer {
        urls,
        username: server.username.clone(),
        credential: server.password.clone(),
    }
}
