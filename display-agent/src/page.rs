//! What a page says, and how it is drawn: pure, on any `embedded-graphics` target.
//!
//! A page is plain texts and perhaps a picture; `view` decides which page is true. Drawing composes
//! in memory (`canvas`, `text`) and sends the result in one go. Knows no clock, no network and no
//! device.

mod canvas;
mod text;

use std::sync::LazyLock;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;

use self::canvas::{BLACK, Canvas, Colour};
use self::text::{Style, TextLayer};
use crate::bitmap::{HEIGHT, Picture};

/// One whole screen.
#[derive(Clone, Debug, PartialEq)]
pub enum Page {
    /// Picture and weather.
    Weather(Weather),
    /// No picture: something to tell instead.
    Notice(Notice),
}

/// The page of a normal day. The texts are finished: units, zone and missing values are in them.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// The ground; a drawing of the planet where there is none.
    pub picture: Option<Picture>,
    /// Label and value of the two rows at the top: time and season.
    pub top: [Row; 2],
    /// Label and value of the four rows at the bottom: sol, temperature, wind, pressure.
    pub bottom: [Row; 4],
    /// What the reader must know to not be misled; `None` when all is as it should be.
    pub caution: Option<String>,
}

/// One line of the weather.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is.
    pub label: &'static str,
    /// The reading with its unit; the error holds what is said in its place.
    pub value: Result<String, &'static str>,
}

/// A page in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What is the matter, in three words.
    pub title: String,
    /// The particulars.
    pub text: String,
    /// What a person can do about it, if anything.
    pub remedy: Option<String>,
    /// A small line at the bottom.
    pub foot: String,
}

const WHITE: Colour = [255, 247, 236];
const SAND: Colour = [250, 204, 164];
const PALE: Colour = [255, 216, 180];
const DIM: Colour = [206, 184, 166];
const RUST: Colour = [214, 78, 44];
const AMBER: Colour = [255, 200, 96];

/// Capitals of 2.5 mm on a panel of 2.8 inches, 5.6 pixels a millimetre: what is read from a metre away.
const LEGIBLE: f32 = 20.5;

/// What is tried in turn where there is more to say than fits: 2.5, 2.2 and 2 mm.
const SIZES: [f32; 3] = [LEGIBLE, 18.0, 16.0];

const LABEL: Style = Style {
    size: LEGIBLE,
    bold: false,
    colour: SAND,
};
const VALUE: Style = Style {
    size: LEGIBLE,
    bold: true,
    colour: WHITE,
};
const MISSING: Style = Style {
    size: LEGIBLE,
    bold: false,
    colour: DIM,
};
const CAUTION: Style = Style {
    size: LEGIBLE,
    bold: true,
    colour: AMBER,
};
const MARK: Style = Style {
    size: 16.0,
    bold: true,
    colour: BLACK,
};
const TITLE: Style = Style {
    size: 28.0,
    bold: true,
    colour: WHITE,
};
const TEXT: Style = Style {
    size: LEGIBLE,
    bold: false,
    colour: WHITE,
};
const REMEDY: Style = Style {
    colour: PALE,
    ..TEXT
};
const FOOT: Style = Style {
    size: 16.0,
    bold: false,
    colour: DIM,
};

/// The original's margin; where the two groups of rows begin, and how far apart rows are.
const LEFT: i32 = 20;
const TOP_ROWS: i32 = 20;
const BOTTOM_ROWS: i32 = 122;
const ROW: i32 = 25;
/// Where values begin: past the longest label.
const VALUES: i32 = 126;
/// Where text ends on the right.
const RIGHT: i32 = 312;
/// The middle of the line at the bottom.
const CAUTION_ROW: i32 = 226;
/// Where its dark ground begins.
const CAUTION_TOP: u32 = 212;

/// The ground between title and foot of a notice, and the gap in it.
const NOTICE_ROWS: [i32; 2] = [64, 214];
const NOTICE_GAP: i32 = 6;

/// Mars, drawn rather than photographed: the ground of pages that have no picture.
static BACKDROP: LazyLock<Picture> = LazyLock::new(|| {
    let png = include_bytes!("../images/backdrop.png");
    image::load_from_memory_with_format(png, image::ImageFormat::Png)
        .ok()
        .and_then(|image| Picture::from_rgb(image.into_rgb8().into_raw()))
        .expect("the image is part of the program, and the tests draw with it")
});

/// Draws a page on a target of 320×240 or more.
pub fn draw<D>(page: &Page, target: &mut D) -> Result<(), D::Error>
where
    D: DrawTarget,
    D::Color: From<Rgb888>,
{
    match page {
        Page::Weather(weather) => weather.compose(),
        Page::Notice(notice) => notice.compose(),
    }
    .send(target)
}

impl Weather {
    fn compose(&self) -> Canvas {
        let mut canvas = Canvas::over(self.picture.as_ref().unwrap_or(&BACKDROP));
        let mut layer = TextLayer::new();
        canvas.shade(0, 52, (0.74, 0.64));
        canvas.shade(52, 84, (0.64, 0.0));
        canvas.shade(84, 122, (0.0, 0.6));
        canvas.shade(122, 240, (0.6, 0.78));
        for (first, rows) in [(TOP_ROWS, self.top.len()), (BOTTOM_ROWS, self.bottom.len())] {
            let bar = ROW * rows as i32 - 6;
            canvas.fill(LEFT - 9, first - ROW / 2 + 3, 3, bar, RUST);
        }
        write_rows(&mut layer, TOP_ROWS, &self.top);
        write_rows(&mut layer, BOTTOM_ROWS, &self.bottom);
        if let Some(caution) = &self.caution {
            // A picture may have a line of its own here; two on top of each other are none.
            canvas.dim(CAUTION_TOP, HEIGHT, 200);
            // Its mark says by shape what its colour says.
            let (middle, left) = (LEFT as f32 - 8.0, LEFT as f32 + 4.0);
            canvas.disc(middle, CAUTION_ROW as f32, 8.5, AMBER);
            MARK.write(&mut layer, middle - MARK.width("!") / 2.0, CAUTION_ROW, "!");
            let width = RIGHT as f32 - left;
            let sizes = SIZES.map(|size| Style { size, ..CAUTION });
            let style = sizes
                .into_iter()
                .find(|style| style.width(caution) <= width);
            let style = style.unwrap_or(sizes[SIZES.len() - 1]);
            style.write(&mut layer, left, CAUTION_ROW, &style.fit(caution, width));
        }
        layer.lay_over(&mut canvas);
        canvas
    }
}

fn write_rows(layer: &mut TextLayer, first: i32, rows: &[Row]) {
    for (row, y) in rows.iter().zip((first..).step_by(ROW as usize)) {
        LABEL.write(layer, LEFT as f32, y, row.label);
        let (style, text) = match &row.value {
            Ok(value) => (VALUE, value.as_str()),
            Err(instead) => (MISSING, *instead),
        };
        let text = style.fit(text, (RIGHT - VALUES) as f32);
        style.write(layer, VALUES as f32, y, &text);
    }
}

/// From row to row of that size of letters.
fn row_of(size: f32) -> i32 {
    (size * 1.2).round() as i32
}

impl Notice {
    /// Text and remedy in lines, as large as they all fit, and shortened where not even the smallest does.
    fn lines(&self, width: f32, height: i32) -> (f32, Vec<(Style, String)>) {
        let wrapped = |size: f32, most: usize| {
            let wrap = |style: Style, text: &str| {
                let style = Style { size, ..style };
                let lines = style.wrap(text, width, most);
                lines.into_iter().map(move |line| (style, line))
            };
            let remedy = self.remedy.as_deref().unwrap_or_default();
            let mut lines: Vec<_> = wrap(TEXT, &self.text).collect();
            lines.extend(wrap(REMEDY, remedy).filter(|(_, line)| !line.is_empty()));
            lines
        };
        let fitting = SIZES.into_iter().find_map(|size| {
            let lines = wrapped(size, usize::MAX);
            let tall = lines.len() as i32 * row_of(size) + NOTICE_GAP;
            (tall <= height).then_some((size, lines))
        });
        let least = SIZES[SIZES.len() - 1];
        fitting.unwrap_or_else(|| (least, wrapped(least, 3)))
    }

    fn compose(&self) -> Canvas {
        let mut canvas = Canvas::over(&BACKDROP);
        let mut layer = TextLayer::new();
        let width = (RIGHT - LEFT) as f32;
        canvas.fill(LEFT, 22, 28, 3, RUST);
        TITLE.write(&mut layer, LEFT as f32, 44, &TITLE.fit(&self.title, width));
        let [first, end] = NOTICE_ROWS;
        let (size, lines) = self.lines(width, end - first);
        let mut y = first + size as i32 / 2;
        let row = row_of(size);
        for (index, (style, line)) in lines.iter().enumerate() {
            if index > 0 && lines[index - 1].0.colour != style.colour {
                y += NOTICE_GAP;
            }
            style.write(&mut layer, LEFT as f32, y, line);
            y += row;
        }
        FOOT.write(
            &mut layer,
            LEFT as f32,
            CAUTION_ROW,
            &FOOT.fit(&self.foot, width),
        );
        layer.lay_over(&mut canvas);
        canvas
    }
}
