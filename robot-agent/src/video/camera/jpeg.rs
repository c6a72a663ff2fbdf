//! Pictures of a camera of JPEG that ended before they began: the decoder takes those for an error of the
//! whole stream.

use gstreamer as gst;
use gstreamer::prelude::*;

/// Passes on, through the element `jpeg`, only pictures whose headers are there; damage after them
/// costs the decoder no more than the picture.
pub(super) fn drop_headless(jpeg: &gst::Element) {
    if let Some(pad) = jpeg.static_pad("src") {
        pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
            let map = info.buffer().and_then(|buffer| buffer.map_readable().ok());
            if map.is_some_and(|bytes| ends_in_headers(&bytes)) {
                gst::PadProbeReturn::Drop
            } else {
                gst::PadProbeReturn::Ok
            }
        });
    }
}

/// Whether it ends among the segments before its scan (ISO/IEC 10918-1, annex B). What looks otherwise is
/// for the decoder to judge.
fn ends_in_headers(jpeg: &[u8]) -> bool {
    const START_OF_IMAGE: [u8; 2] = [0xff, 0xd8];
    const START_OF_SCAN: u8 = 0xda;
    let Some(mut rest) = jpeg.strip_prefix(&START_OF_IMAGE) else {
        return jpeg.len() < START_OF_IMAGE.len();
    };
    loop {
        rest = match *rest {
            [0xff, START_OF_SCAN, ..] => return false,
            [0xff, 0xff, ..] => &rest[1..],
            [0xff, _, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                match rest.get(2 + length..) {
                    Some(next) => next,
                    None => return true,
                }
            }
            [] | [0xff, ..] => return true,
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_ends_in_its_headers_is_none() {
        let mut jpeg = vec![0xff, 0xd8];
        jpeg.extend([0xff, 0xdb, 0, 4, 1, 2]);
        // Filled up, as encoders may.
        jpeg.extend([0xff, 0xff, 0xff, 0xc0, 0, 3, 8]);
        let scan = jpeg.len() + 2;
        jpeg.extend([0xff, 0xda, 0, 2, 9, 9]);
        for end in 0..jpeg.len() {
            assert_eq!(ends_in_headers(&jpeg[..end]), end < scan, "{end}");
        }
        for for_the_decoder in [[0; 100], [7; 100]] {
            assert!(!ends_in_headers(&for_the_decoder));
        }
        assert!(ends_in_headers(&[0xff; 1]));
    }
}
