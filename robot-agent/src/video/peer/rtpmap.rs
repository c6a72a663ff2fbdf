//! What a media section says of its payload types (RFC 8866, section 6.6 and 6.15). Pure.

use webrtc::sdp::MediaDescription;

/// The payload types of `media` that carry this encoding of video, in its order.
pub(super) fn payload_types<'a>(
    media: &'a MediaDescription,
    encoding: &'a str,
) -> impl Iterator<Item = &'a str> {
    let formats = media.media_name.formats.iter().map(String::as_str);
    formats.filter(move |number| {
        let mapped = attribute(media, "rtpmap", number).unwrap_or_default();
        let mut words = mapped.split('/');
        let is_encoding = |name: &str| name.eq_ignore_ascii_case(encoding);
        words.next().is_some_and(is_encoding) && words.next() == Some("90000")
    })
}

/// What `a=key:` says of the payload type `number`.
pub(super) fn attribute<'a>(
    media: &'a MediaDescription,
    key: &str,
    number: &str,
) -> Option<&'a str> {
    (media
        .attributes
        .iter()
        .filter(|attribute| attribute.key == key))
    .filter_map(|attribute| attribute.value.as_deref()?.split_once(' '))
    .find(|(of, _)| *of == number)
    .map(|(_, value)| value.trim())
}
