//! A viewer's end of ICE and DTLS, as the sections of its BUNDLE group have it.

use webrtc::sdp::MediaDescription;
use webrtc::sdp::description::session::SessionDescription;

use super::refused::Refused;

/// The viewer's end of ICE and DTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::video::peer) struct Transport {
    pub ufrag: String,
    pub pwd: String,
    pub fingerprint: String,
    /// Whether the viewer insists on being the client of DTLS.
    pub is_dtls_client: bool,
    pub setup: String,
    pub lite: bool,
}

impl Transport {
    /// Each thing from the first of `sections` that says it, else from the session's.
    pub(super) fn read(
        offer: &SessionDescription,
        sections: &[&MediaDescription],
    ) -> Result<Self, Refused> {
        let find = |key: &'static str| {
            let mut own = sections
                .iter()
                .filter_map(|media| media.attribute(key).flatten());
            let found = own.next().or(offer.attribute(key).map(String::as_str));
            found.map(|value| value.trim().to_owned())
        };
        let needed = |key| find(key).ok_or(Refused::Missing(key));
        let setup = find("setup").unwrap_or_else(|| "actpass".to_owned());
        Ok(Self {
            ufrag: needed("ice-ufrag")?,
            pwd: needed("ice-pwd")?,
            fingerprint: needed("fingerprint")?,
            is_dtls_client: setup == "active",
            setup,
            lite: offer.has_attribute("ice-lite"),
        })
    }

    /// The candidates of all sections with this transport.
    pub(super) fn candidates(&self, sections: &[MediaDescription]) -> Vec<String> {
        let mut candidates = Vec::new();
        let of_this = sections.iter().filter(|media| {
            let ufrag = media.attribute("ice-ufrag").flatten();
            ufrag.is_none_or(|ufrag| ufrag.trim() == self.ufrag)
        });
        for attribute in of_this.flat_map(|media| &media.attributes) {
            let value = attribute
                .value
                .as_ref()
                .filter(|_| attribute.key == "candidate");
            if let Some(value) = value.filter(|value| !candidates.contains(*value)) {
                candidates.push(value.clone());
            }
        }
        candidates
    }
}
