//! The track of one peer connection: where packets go in, once SSRC, payload type and header
//! extensions are negotiated.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use webrtc::Error;
use webrtc::rtp_transceiver::rtp_codec::{RTCRtpCodecParameters, RTPCodecType};
use webrtc::track::track_local::{TrackLocal, TrackLocalContext, TrackLocalWriter};

use super::header_extensions::HeaderExtensions;

/// The name of the source, in the answer and in reports.
pub(super) const CNAME: &str = "robot";

pub(super) struct Bound {
    pub writer: Arc<dyn TrackLocalWriter + Send + Sync>,
    pub ssrc: u32,
    pub payload_type: u8,
    pub header_extensions: HeaderExtensions,
}

pub(super) struct Track {
    kind: RTPCodecType,
    bound: OnceLock<Bound>,
}

impl Track {
    pub(super) fn of(kind: RTPCodecType) -> Self {
        Self {
            kind,
            bound: OnceLock::new(),
        }
    }

    /// Where packets go in; `None` before the answer is made.
    pub(super) fn bound(&self) -> Option<&Bound> {
        self.bound.get()
    }
}

#[async_trait]
impl TrackLocal for Track {
    async fn bind(&self, t: &TrackLocalContext) -> webrtc::error::Result<RTCRtpCodecParameters> {
        // The library is told of one codec for each kind, that of the viewer's session.
        let codec = t.codec_parameters().first().cloned();
        let codec = codec.ok_or(Error::ErrUnsupportedCodec)?;
        self.bound
            .set(Bound {
                writer: t.write_stream(),
                ssrc: t.ssrc(),
                payload_type: codec.payload_type,
                header_extensions: HeaderExtensions::new(t.header_extensions()),
            })
            .map_err(|_| Error::ErrRTPSenderTrackRemoved)?;
        Ok(codec)
    }

    async fn unbind(&self, _t: &TrackLocalContext) -> webrtc::error::Result<()> {
        Ok(())
    }

    fn id(&self) -> &str {
        match self.kind {
            RTPCodecType::Audio => "audio",
            _ => "video",
        }
    }

    fn rid(&self) -> Option<&str> {
        None
    }

    fn stream_id(&self) -> &str {
        CNAME
    }

    fn kind(&self) -> RTPCodecType {
        self.kind
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
