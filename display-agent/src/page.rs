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

use self::canvas::{Canvas, Colour};
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

const LABEL: Style = Style {
    size: 15.0,
    bold: false,
    colour: SAND,
};
const VALUE: Style = Style {
    size: 18.0,
    bold: true,
    colour: WHITE,
};
const MISSING: Style = Style {
    size: 15.0,
    bold: false,
    colour: DIM,
};
const CAUTION: Style = Style {
    size: 14.0,
    bold: true,
    colour: AMBER,
};
const TITLE: Style = Style {
    size: 28.0,
    bold: true,
    colour: WHITE,
};
const TEXT: Style = Style {
    size: 16.0,
    bold: false,
    colour: WHITE,
};
const REMEDY: Style = Style {
    size: 16.0,
    bold: false,
    colour: PALE,
};
const FOOT: Style = Style {
    size: 13.0,
    bold: false,
    colour: DIM,
};

/// The original's margin, and where its two groups of rows begin and how far apart rows are.
const LEFT: i32 = 20;
const TOP_ROWS: i32 = 20;
const BOTTOM_ROWS: i32 = 140;
const ROW: i32 = 20;
/// Where values begin: past the longest label.
const VALUES: i32 = 122;
/// Where text ends on the right.
const RIGHT: i32 = 308;
/// The middle of the line at the bottom.
const CAUTION_ROW: i32 = 226;
/// Where its dark ground begins.
const CAUTION_TOP: u32 = 214;

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
        canvas.shade(0, 44, (0.74, 0.64));
        canvas.shade(44, 82, (0.64, 0.0));
        canvas.shade(100, 150, (0.0, 0.6));
        canvas.shade(150, 240, (0.6, 0.78));
        let bar = ROW * self.bottom.len() as i32 - 4;
        canvas.fill(LEFT - 9, BOTTOM_ROWS - ROW / 2 + 2, 3, bar, RUST);
        canvas.fill(LEFT - 9, TOP_ROWS - ROW / 2 + 2, 3, ROW * 2 - 4, RUST);
        write_rows(&mut layer, TOP_ROWS, &self.top);
        write_rows(&mut layer, BOTTOM_ROWS, &self.bottom);
        if let Some(caution) = &self.caution {
            // A picture may have a line of its own here; two on top of each other are none.
            canvas.dim(CAUTION_TOP, HEIGHT, 200);
            canvas.disc(LEFT as f32 - 7.5, CAUTION_ROW as f32, 3.5, AMBER);
            let text = CAUTION.fit(caution, (RIGHT - LEFT) as f32);
            CAUTION.write(&mut layer, LEFT as f32, CAUTION_ROW, &text);
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

impl Notice {
    fn compose(&self) -> Canvas {
        let mut canvas = Canvas::over(&BACKDROP);
        let mut layer = TextLayer::new();
        let width = (RIGHT - LEFT) as f32;
        canvas.fill(LEFT, 22, 28, 3, RUST);
        TITLE.write(&mut layer, LEFT as f32, 44, &TITLE.fit(&self.title, width));
        let mut y = 76;
        for line in TEXT.wrap(&self.text, width, 3) {
            TEXT.write(&mut layer, LEFT as f32, y, &line);
            y += ROW;
        }
        y += 10;
        for line in self
            .remedy
            .iter()
            .flat_map(|remedy| REMEDY.wrap(remedy, width, 4))
        {
            REMEDY.write(&mut layer, LEFT as f32, y, &line);
            y += ROW;
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
