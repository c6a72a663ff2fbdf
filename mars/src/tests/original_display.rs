//! The original display's program, step by step, and how it reads a bitmap.

use std::sync::OnceLock;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::{bitmap, photo};

/// The original's network module speaks HTTP in its plainest form: one request a connection, and
/// a body of announced length.
async fn plain_get(url: &str, headers: &[(&str, &str)]) -> (String, Vec<u8>) {
    let rest = url
        .strip_prefix("http://")
        .expect("it has no TLS for a station at home");
    let (host, path) = rest.split_once('/').expect("an address with a path");
    let mut request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut socket = TcpStream::connect(host).await.expect("the station listens");
    socket
        .write_all(request.as_bytes())
        .await
        .expect("a request");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("an answer");
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("headers");
    let head = String::from_utf8(answer[..end].to_vec())
        .expect("plain headers")
        .to_lowercase();
    let body = answer[end + 4..].to_vec();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{head}"
    );
    (head, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_original_displays_program_works() {
    let fixture = Fixture::new("good").await;
    let mut shown = None;
    for _ in 0..3 {
        let url = format!("{}/mars", fixture.address);
        let (_, body) = plain_get(&url, &[("x-api-key", "secret")]).await;
        let data: Value = serde_json::from_slice(&body).expect("JSON");
        // What it puts on the screen; a missing sensor is null there as it is here.
        let insight = data["insight"].as_object().expect("an object");
        for key in ["Last_UTC", "season", "sol", "av_at", "av_HWS", "av_PRE"] {
            assert!(insight.contains_key(key), "{key}");
        }
        assert!(insight["sol"].is_string());
        let image_url = data["image_url"].as_str().expect("a text").to_owned();
        let constant = shown.get_or_insert_with(|| image_url.clone());
        assert_eq!(
            *constant, image_url,
            "the address of the picture never changes"
        );
        let (head, file) = plain_get(&image_url, &[]).await;
        assert!(head.contains("content-type: image/bmp"), "{head}");
        let bitmap = OnDiskBitmap::open(&file);
        assert_eq!((bitmap.width, bitmap.height), (320, 240));
    }
}

/// Reads a bitmap as `displayio.OnDiskBitmap` does: fields at fixed places, a palette after the
/// header, rows from the bottom padded to four bytes; no compression but plain or bit fields.
struct OnDiskBitmap<'a> {
    file: &'a [u8],
    width: u32,
    height: u32,
    pixels_at: u32,
    palette: Vec<[u8; 3]>,
}

impl<'a> OnDiskBitmap<'a> {
    fn open(file: &'a [u8]) -> Self {
        let half = |at: usize| u16::from_le_bytes([file[at], file[at + 1]]);
        let word = |at: usize| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
        assert_eq!(&file[..2], b"BM");
        assert_eq!(word(2) as usize, file.len());
        let header = word(14);
        assert!([40, 108, 124].contains(&header), "{header}");
        assert_eq!(half(26), 1, "planes");
        assert_eq!(half(28), 8, "bits a pixel");
        assert_eq!(word(30), 0, "compression");
        let colours = if word(46) == 0 { 256 } else { word(46) };
        let palette_at = 14 + header as usize;
        let palette = file[palette_at..palette_at + colours as usize * 4]
            .chunks_exact(4)
            .map(|entry| [entry[2], entry[1], entry[0]])
            .collect();
        assert!(word(22) < 1 << 31, "bottom row first");
        Self {
            file,
            width: word(18),
            height: word(22),
            pixels_at: word(10),
            palette,
        }
    }

    fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let row = self.width.next_multiple_of(4);
        let at = self.pixels_at + (self.height - 1 - y) * row + x;
        self.palette[usize::from(self.file[at as usize])]
    }
}

/// The photograph in the screen's size, and the bitmap made of it.
fn reduced() -> &'static (image::RgbImage, Vec<u8>) {
    static REDUCED: OnceLock<(image::RgbImage, Vec<u8>)> = OnceLock::new();
    REDUCED.get_or_init(|| {
        let screen = photo::fit(&photo::decode(PHOTOGRAPH).expect("a JPEG"));
        let file = bitmap::encode(&screen);
        (screen, file)
    })
}

#[test]
fn both_ways_of_reading_the_bitmap_see_the_same() {
    let (_, file) = reduced();
    let plain = OnDiskBitmap::open(file);
    let decoded = image::load_from_memory(file)
        .expect("a sound bitmap")
        .into_rgb8();
    for (x, y, pixel) in decoded.enumerate_pixels() {
        assert_eq!(plain.pixel(x, y), pixel.0, "at {x}, {y}");
    }
}

/// Mean squared difference as decibels below full scale.
fn psnr(one: &image::RgbImage, other: &image::RgbImage) -> f64 {
    let pairs = one.as_raw().iter().zip(other.as_raw());
    let sum: f64 = pairs
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum();
    10.0 * (255.0_f64.powi(2) / (sum / one.as_raw().len() as f64)).log10()
}

/// The original reduces to the 216 colours of the web, whatever the picture.
fn with_the_webs_palette(screen: &image::RgbImage) -> image::RgbImage {
    let mut reduced = screen.clone();
    reduced
        .pixels_mut()
        .for_each(|pixel| pixel.0 = pixel.0.map(|it| (it / 51 + u8::from(it % 51 > 25)) * 51));
    reduced
}

#[test]
fn a_palette_of_its_own_shows_the_picture_far_better_than_the_webs() {
    let (screen, file) = reduced();
    let ours = image::load_from_memory(file)
        .expect("a sound bitmap")
        .into_rgb8();
    let ours = psnr(screen, &ours);
    let webs = psnr(screen, &with_the_webs_palette(screen));
    assert!(ours > 42.0, "{ours} dB");
    assert!(ours > webs + 12.0, "{ours} dB against {webs} dB");
}

/// The picture in docs/mars.md is what the code makes of the one before it.
#[test]
fn the_documented_pair_is_true() {
    let (_, file) = reduced();
    let made = image::load_from_memory(file)
        .expect("a sound bitmap")
        .into_rgb8();
    let documented = include_bytes!("../../../docs/mars/after.png");
    let documented = image::load_from_memory(documented)
        .expect("a PNG")
        .into_rgb8();
    let alike = psnr(&made, &documented);
    if alike < 38.0 {
        let actual = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/mars-after.png");
        made.save(actual).expect("the target folder is writable");
        panic!("docs/mars/after.png differs from what is made now ({alike:.1} dB): {actual}");
    }
}
