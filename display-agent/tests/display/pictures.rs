//! Bitmaps made by hand, of every kind the backends ever produced, and some that lie.

pub(crate) const WIDTH: usize = 320;
pub(crate) const HEIGHT: usize = 240;

/// How the pixels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Palette with so many entries; the flag tells whether the header counts them.
    Eight {
        colours: usize,
        counted: bool,
    },
    Grey,
    Four,
    Rle8,
    Rle4,
    TwentyFour,
    ThirtyTwo,
    ThirtyTwoTopDown,
}

pub(crate) const KINDS: [Kind; 11] = [
    Kind::Eight {
        colours: 16,
        counted: true,
    },
    Kind::Eight {
        colours: 226,
        counted: true,
    },
    Kind::Eight {
        colours: 256,
        counted: true,
    },
    Kind::Eight {
        colours: 256,
        counted: false,
    },
    Kind::Grey,
    Kind::Four,
    Kind::Rle8,
    Kind::Rle4,
    Kind::TwentyFour,
    Kind::ThirtyTwo,
    Kind::ThirtyTwoTopDown,
];

impl Kind {
    pub(crate) fn colours(self) -> usize {
        match self {
            Kind::Eight { colours, .. } => colours,
            Kind::Grey | Kind::Rle8 => 256,
            Kind::Four | Kind::Rle4 => 16,
            Kind::TwentyFour | Kind::ThirtyTwo | Kind::ThirtyTwoTopDown => 0,
        }
    }

    fn bits(self) -> u16 {
        match self {
            Kind::Eight { .. } | Kind::Grey | Kind::Rle8 => 8,
            Kind::Four | Kind::Rle4 => 4,
            Kind::TwentyFour => 24,
            Kind::ThirtyTwo | Kind::ThirtyTwoTopDown => 32,
        }
    }
}

/// The colour of a palette's entry.
pub(crate) fn palette(kind: Kind, index: usize) -> [u8; 3] {
    if kind == Kind::Grey {
        return [index as u8; 3];
    }
    let (i, most) = (index as u32, kind.colours().max(2) as u32 - 1);
    [
        (255 * i / most) as u8,
        (i * 53 % 256) as u8,
        (i * 97 % 256) as u8,
    ]
}

/// Encodes `pixel(x, y)` from the top left: an index into the palette, or a colour as 0xRRGGBB.
pub(crate) fn encode(
    kind: Kind,
    width: usize,
    height: usize,
    pixel: impl Fn(usize, usize) -> u32,
) -> Vec<u8> {
    let top_down = kind == Kind::ThirtyTwoTopDown;
    let rows = (0..height).map(|row| if top_down { row } else { height - 1 - row });
    let data: Vec<u8> = match kind {
        Kind::Rle8 | Kind::Rle4 => rle(kind, width, rows, &pixel),
        _ => rows
            .flat_map(|y| plain_row(kind, width, |x| pixel(x, y)))
            .collect(),
    };
    let height = if top_down {
        -(height as i32)
    } else {
        height as i32
    };
    let compression = match kind {
        Kind::Rle8 => 1,
        Kind::Rle4 => 2,
        _ => 0,
    };
    let counted = !matches!(kind, Kind::Eight { counted: false, .. });
    let colours = kind.colours();
    let at = 54 + 4 * colours;
    let mut bmp = b"BM".to_vec();
    bmp.extend(((at + data.len()) as u32).to_le_bytes());
    bmp.extend([0; 4]);
    bmp.extend((at as u32).to_le_bytes());
    bmp.extend(40_u32.to_le_bytes());
    bmp.extend((width as i32).to_le_bytes());
    bmp.extend(height.to_le_bytes());
    bmp.extend(1_u16.to_le_bytes());
    bmp.extend(kind.bits().to_le_bytes());
    bmp.extend((compression as u32).to_le_bytes());
    bmp.extend((data.len() as u32).to_le_bytes());
    bmp.extend([0; 8]);
    bmp.extend((if counted { colours as u32 } else { 0 }).to_le_bytes());
    bmp.extend([0; 4]);
    for index in 0..colours {
        let [r, g, b] = palette(kind, index);
        bmp.extend([b, g, r, 0]);
    }
    bmp.extend(data);
    bmp
}

fn plain_row(kind: Kind, width: usize, pixel: impl Fn(usize) -> u32) -> Vec<u8> {
    let mut row = Vec::new();
    match kind {
        Kind::Four => row.extend((0..width).step_by(2).map(|x| {
            let right = if x + 1 < width { pixel(x + 1) } else { 0 };
            (pixel(x) << 4 | right) as u8
        })),
        Kind::TwentyFour => (0..width).for_each(|x| row.extend(&pixel(x).to_le_bytes()[..3])),
        Kind::ThirtyTwo | Kind::ThirtyTwoTopDown => {
            (0..width).for_each(|x| row.extend(pixel(x).to_le_bytes()));
        }
        _ => row.extend((0..width).map(|x| pixel(x) as u8)),
    }
    row.resize(row.len().div_ceil(4) * 4, 0);
    row
}

/// Runs of equal pixels; every row ends with 0 0, the last with 0 1.
fn rle(
    kind: Kind,
    width: usize,
    rows: impl Iterator<Item = usize>,
    pixel: &impl Fn(usize, usize) -> u32,
) -> Vec<u8> {
    let mut data = Vec::new();
    for y in rows {
        let mut x = 0;
        while x < width {
            let colour = pixel(x, y);
            let run = (x..width.min(x + 255))
                .take_while(|x| pixel(*x, y) == colour)
                .count();
            let both = if kind == Kind::Rle4 {
                colour << 4 | colour
            } else {
                colour
            };
            data.extend([run as u8, both as u8]);
            x += run;
        }
        data.extend([0, 0]);
    }
    let end = data.len() - 1;
    data[end] = 1;
    data
}

/// One colour all over, in 8 bits: a small body for tests about something else.
pub(crate) fn plain(red: u8, green: u8, blue: u8) -> Vec<u8> {
    let colour = u32::from_be_bytes([0, red, green, blue]);
    encode(Kind::TwentyFour, WIDTH, HEIGHT, |_, _| colour)
}

/// Dunes under a hazy sky, drawn: a stand-in for a photograph, light and dark and busy.
pub(crate) fn dunes(x: usize, y: usize) -> u32 {
    let (x, y) = (x as f32, y as f32);
    let horizon = 96.0 + 9.0 * (x / 41.0).sin() + 4.0 * (x / 13.0 + 1.0).sin();
    let [r, g, b] = if y < horizon {
        let haze = (y / horizon).powi(2);
        [
            188.0 + 50.0 * haze,
            138.0 + 52.0 * haze,
            104.0 + 46.0 * haze,
        ]
    } else {
        let depth = (y - horizon) / (240.0 - horizon);
        let ripple = ((y * (0.9 - 0.5 * depth) + 7.0 * (x / 37.0).sin()) * 0.8).sin();
        let grain = ((x * 12.9898 + y * 78.233).sin() * 43_758.547)
            .fract()
            .abs();
        let light = 0.62 + 0.22 * ripple * depth + 0.12 * grain - 0.16 * depth;
        [214.0 * light, 128.0 * light, 82.0 * light]
    };
    u32::from_be_bytes([0, r as u8, g as u8, b as u8])
}
