//! What the feeds may send, for the fuzzer: each function takes any bytes, and panics where a promise is broken.

use crate::{Feeds, Rover, photo_feed, weather_feed};

const ROVERS: [Rover; 2] = [Rover::Curiosity, Rover::Perseverance];

/// Either rover's weather.
pub fn weather(data: &[u8]) {
    for rover in ROVERS {
        let _ = weather_feed::read(rover, &mut data.to_vec());
    }
}

/// Either rover's list of pictures: none leads away from its feed.
pub fn photos(data: &[u8]) {
    let feeds = Feeds::default();
    for (rover, feed) in ROVERS
        .into_iter()
        .zip([&feeds.curiosity, &feeds.perseverance])
    {
        let Ok(page) = photo_feed::read(rover, feed, &mut data.to_vec()) else {
            continue;
        };
        for photo in page.photos {
            assert!(
                matches!(photo.source.scheme(), "https" | "http"),
                "{}",
                photo.source
            );
        }
    }
}

/// A picture.
pub fn picture(data: &[u8]) {
    if let Ok(picture) = crate::photo::decode(data) {
        assert!(picture.width() > 0 && picture.height() > 0);
    }
}

#[cfg(test)]
mod tests {
    use fuzz_inputs::short;

    #[test]
    fn no_input_breaks_a_promise() {
        short("weather", super::weather);
        short("photos", super::photos);
        short("picture", super::picture);
    }
}
