//! Every kind of bitmap the backends ever produced, and every kind that must be refused.

use display_agent::bitmap::{PICTURE_BYTES, Picture, Unusable};

use crate::pictures::{self, HEIGHT, KINDS, Kind, WIDTH, encode, palette};

/// A colour for a place: an index where there is a palette.
fn pixel(kind: Kind) -> impl Fn(usize, usize) -> u32 {
    move |x, y| match kind.colours() {
        0 => (((x % 256) << 16) | (y << 8) | ((x + y) % 256)) as u32,
        colours => ((x / 3 + y / 2) % colours) as u32,
    }
}

fn colour(kind: Kind, value: u32) -> [u8; 3] {
    match kind.colours() {
        0 => [(value >> 16) as u8, (value >> 8) as u8, value as u8],
        _ => palette(kind, value as usize),
    }
}

fn at(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
    let at = (y * WIDTH + x) * 3;
    picture.rgb()[at..at + 3].try_into().unwrap()
}

#[test]
fn every_kind_is_decoded_to_the_pixel() {
    for kind in KINDS {
        let picture = Picture::from_bmp(&encode(kind, WIDTH, HEIGHT, pixel(kind)));
        let picture = picture.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        for (x, y) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y))) {
            assert_eq!(
                at(&picture, x, y),
                colour(kind, pixel(kind)(x, y)),
                "{kind:?} at {x},{y}"
            );
        }
    }
}

#[test]
fn other_sizes_are_scaled_without_distortion_and_centred_on_black() {
    let green = |width, height| encode(Kind::TwentyFour, width, height, |_, _| 0x0000_ff00);
    // Width, height, and a place just inside and just outside the picture.
    let cases = [
        ((640, 480), (0, 0), None),
        ((160, 120), (319, 239), None),
        ((640, 240), (160, 62), Some((160, 55))),
        ((240, 320), (72, 120), Some((65, 120))),
        ((1, 1), (42, 0), Some((36, 120))),
        ((1280, 800), (160, 22), Some((160, 18))),
        ((1000, 1), (160, 119), Some((160, 122))),
    ];
    for ((width, height), inside, outside) in cases {
        let picture = Picture::from_bmp(&green(width, height)).unwrap();
        assert_eq!(
            at(&picture, inside.0, inside.1),
            [0, 255, 0],
            "{width}×{height}"
        );
        if let Some((x, y)) = outside {
            assert_eq!(at(&picture, x, y), [0, 0, 0], "{width}×{height}");
        }
    }
}

#[test]
fn a_bitmap_cut_anywhere_is_refused() {
    for kind in KINDS {
        let whole = encode(kind, WIDTH, HEIGHT, pixel(kind));
        let cuts = [
            0,
            1,
            2,
            13,
            14,
            20,
            40,
            53,
            60,
            whole.len() / 2,
            whole.len() - 5,
            whole.len() - 1,
        ];
        for length in cuts {
            assert!(
                Picture::from_bmp(&whole[..length]).is_err(),
                "{kind:?} cut at {length}"
            );
        }
    }
}

#[test]
fn lying_headers_are_refused_in_words() {
    let honest = pictures::plain(1, 2, 3);
    let lie = |at: usize, bytes: &[u8]| {
        let mut bmp = honest.clone();
        bmp[at..at + bytes.len()].copy_from_slice(bytes);
        Picture::from_bmp(&bmp)
            .expect_err("the header lies")
            .to_string()
    };
    // 8000×5000: forty million pixels, in a file of 230 kB.
    let mut forty = honest.clone();
    forty[18..22].copy_from_slice(&8000_u32.to_le_bytes());
    forty[22..26].copy_from_slice(&5000_u32.to_le_bytes());
    assert_eq!(
        Picture::from_bmp(&forty),
        Err(Unusable::TooLarge(8000, 5000))
    );
    assert!(lie(18, &0_u32.to_le_bytes()).contains("damaged"));
    assert!(lie(22, &0_u32.to_le_bytes()).contains("damaged"));
    assert!(lie(18, &(-320_i32).to_le_bytes()).contains("damaged"));
    assert!(lie(22, &i32::MIN.to_le_bytes()).contains("damaged"));
    assert!(lie(18, &640_u32.to_le_bytes()).contains("cut short"));
    assert!(lie(10, &200_000_u32.to_le_bytes()).contains("cut short"));
    assert!(lie(10, &0_u32.to_le_bytes()).contains("begin at byte 0"));
    assert!(lie(28, &7_u16.to_le_bytes()).contains("damaged"));
    assert!(lie(30, &99_u32.to_le_bytes()).contains("damaged"));
    assert!(lie(14, &3_u32.to_le_bytes()).contains("damaged"));
}

#[test]
fn a_palette_index_past_the_palette_does_no_harm() {
    let few = Kind::Eight {
        colours: 16,
        counted: true,
    };
    let bmp = encode(few, WIDTH, HEIGHT, |x, _| (x % 256) as u32);
    assert_eq!(Picture::from_bmp(&bmp).unwrap().rgb().len(), PICTURE_BYTES);
}

#[test]
fn run_lengths_past_the_edge_do_no_harm() {
    for kind in [Kind::Rle8, Kind::Rle4] {
        let mut bmp = encode(kind, WIDTH, HEIGHT, |_, _| 1);
        let data = 54 + 4 * kind.colours();
        for at in (data..bmp.len() - 1).step_by(2) {
            bmp[at] = 255;
        }
        // Accepted or refused, but whole either way.
        if let Ok(picture) = Picture::from_bmp(&bmp) {
            assert_eq!(picture.rgb().len(), PICTURE_BYTES);
        }
    }
}

#[test]
fn other_things_are_called_by_their_name() {
    let cases: [(&[u8], &str); 7] = [
        (b"", "an empty body"),
        (
            b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
            "an XML message",
        ),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"{\"message\":\"Forbidden\"}", "JSON"),
        (b"\x89PNG\r\n\x1a\n", "a PNG"),
        (b"\xff\xd8\xff\xe0", "a JPEG"),
        (b"hello", "something else"),
    ];
    for (bytes, name) in cases {
        assert_eq!(Picture::from_bmp(bytes), Err(Unusable::NotABitmap(name)));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn no_damage_makes_it_panic(kind in 0..KINDS.len(), wounds in proptest::collection::vec((0_usize..2000, proptest::prelude::any::<u8>()), 1..8)) {
        let mut bmp = encode(KINDS[kind], 32, 24, |x, y| (x + y) as u32 % 16);
        for (place, byte) in wounds {
            let place = place % bmp.len();
            bmp[place] = byte;
        }
        if let Ok(picture) = Picture::from_bmp(&bmp) {
            proptest::prop_assert_eq!(picture.rgb().len(), PICTURE_BYTES);
        }
    }
}
