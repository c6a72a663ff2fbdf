//! Text: Barlow Condensed in two weights, drawn with smooth edges and a soft shadow.
//!
//! Knows sizes, kerning, fitting and wrapping. A character the font does not have becomes "?".

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

use super::canvas::{BLACK, Canvas, Colour, mix, place};
use crate::bitmap::{HEIGHT, WIDTH};

static MEDIUM: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../fonts/BarlowCondensed-Medium.ttf"))
        .expect("the font is part of the program, and the tests draw with it")
});
static SEMI_BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../fonts/BarlowCondensed-SemiBold.ttf"))
        .expect("the font is part of the program, and the tests draw with it")
});

/// A capital's height as a part of the size, from the font's OS/2 table.
const CAPITAL: f32 = 0.7;

/// How dark the shadow is around a full letter, from right under it to three pixels away.
const SHADOW: [u16; 4] = [255, 230, 140, 51];
/// How dark the darkest shadow is.
const SHADOW_MOST: u16 = 204;

/// How something is written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// The em, in pixels.
    pub(super) size: f32,
    /// Semi-bold rather than medium.
    pub(super) bold: bool,
    pub(super) colour: Colour,
}

impl Style {
    fn font(&self) -> &'static FontRef<'static> {
        if self.bold { &SEMI_BOLD } else { &MEDIUM }
    }

    /// `ab_glyph` measures a font by the distance between its ascent and descent, not by its em.
    fn scale(&self) -> PxScale {
        let font = self.font();
        let em = font.units_per_em().unwrap_or(1000.0);
        PxScale::from(self.size * font.height_unscaled() / em)
    }

    /// The glyphs of a line that begins at zero, and how long it is.
    fn set(&self, text: &str) -> (Vec<Glyph>, f32) {
        let font = self.font().as_scaled(self.scale());
        let (mut glyphs, mut end, mut before) = (Vec::new(), 0.0, None);
        for letter in text.chars() {
            let id = match font.glyph_id(letter) {
                none if none.0 == 0 => font.glyph_id('?'),
                id => id,
            };
            end += before.map_or(0.0, |before| font.kern(before, id));
            glyphs.push(id.with_scale_and_position(self.scale(), point(end, 0.0)));
            end += font.h_advance(id);
            before = Some(id);
        }
        (glyphs, end)
    }

    /// How long a line is, in pixels.
    pub(super) fn width(&self, text: &str) -> f32 {
        self.set(text).1
    }

    /// Writes one line from `x`, its capitals centred on `y`.
    pub(super) fn write(&self, layer: &mut TextLayer, x: f32, y: i32, text: &str) {
        let baseline = (y as f32 + self.size * CAPITAL / 2.0).round();
        for mut glyph in self.set(text).0 {
            glyph.position = point(x + glyph.position.x, baseline);
            let Some(outline) = self.font().outline_glyph(glyph) else {
                continue;
            };
            let corner = outline.px_bounds().min;
            outline.draw(|column, row, coverage| {
                let (x, y) = (
                    corner.x as i32 + column as i32,
                    corner.y as i32 + row as i32,
                );
                layer.mark(x, y, coverage, self.colour);
            });
        }
    }

    /// The text, or as much of it as fits into `width`, ending in "…".
    pub(super) fn fit(&self, text: &str, width: f32) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let letters: Vec<char> = text.chars().collect();
        let shorter = |count: usize| {
            letters[..count]
                .iter()
                .collect::<String>()
                .trim_end()
                .to_owned()
                + "…"
        };
        let fits = (0..letters.len())
            .rev()
            .map(shorter)
            .find(|text| self.width(text) <= width);
        fits.unwrap_or_else(|| "…".to_owned())
    }

    /// Lines of at most `width`, at most `count` of them, the last one ending in "…" if need be.
    pub(super) fn wrap(&self, text: &str, width: f32, count: usize) -> Vec<String> {
        let mut lines: Vec<String> = vec![String::new()];
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let last = lines.len() == count;
            let line = lines.last_mut().expect("there is one to begin with");
            let longer = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if line.is_empty() || self.width(&longer) <= width {
                *line = longer;
            } else if last {
                let rest: Vec<_> = words.collect();
                *line = format!("{longer} {}", rest.join(" "));
                break;
            } else {
                lines.push(word.to_owned());
            }
        }
        lines.iter().map(|line| self.fit(line, width)).collect()
    }
}

/// Letters of a page, before they are laid on it: how much of each pixel they cover, and in what colour.
pub(super) struct TextLayer {
    marks: Vec<(u8, Colour)>,
}

impl TextLayer {
    pub(super) fn new() -> Self {
        Self {
            marks: vec![(0, BLACK); (WIDTH * HEIGHT) as usize],
        }
    }

    /// Lays the letters over everything, each with a soft shadow that holds them off any ground.
    pub(super) fn lay_over(&self, canvas: &mut Canvas) {
        for (pixel, shadow) in canvas.pixels.iter_mut().zip(self.shadow()) {
            *pixel = mix(*pixel, BLACK, shadow);
        }
        for (pixel, (coverage, colour)) in canvas.pixels.iter_mut().zip(&self.marks) {
            *pixel = mix(*pixel, *colour, *coverage);
        }
    }

    /// One pixel of a letter; where two letters meet, the stronger one wins.
    fn mark(&mut self, x: i32, y: i32, coverage: f32, colour: Colour) {
        let coverage = (coverage.clamp(0.0, 1.0) * 255.0).round() as u8;
        if let Some(at) = place(x, y)
            && coverage > self.marks[at].0
        {
            self.marks[at] = (coverage, colour);
        }
    }

    /// The letters' coverage, spread to both sides, then up and down.
    fn shadow(&self) -> Vec<u8> {
        let width = WIDTH as usize;
        let letters: Vec<u8> = self
            .marks
            .iter()
            .map(|(coverage, _)| scaled(*coverage, SHADOW_MOST))
            .collect();
        let mut wide = vec![0; letters.len()];
        for (from, to) in letters
            .chunks_exact(width)
            .zip(wide.chunks_exact_mut(width))
        {
            for (x, coverage) in from
                .iter()
                .enumerate()
                .filter(|(_, coverage)| **coverage > 0)
            {
                for near in x.saturating_sub(3)..(x + 4).min(width) {
                    to[near] = to[near].max(scaled(*coverage, SHADOW[x.abs_diff(near)]));
                }
            }
        }
        let mut tall = vec![0; letters.len()];
        for (y, from) in wide.chunks_exact(width).enumerate() {
            for near in y.saturating_sub(3)..(y + 4).min(HEIGHT as usize) {
                let to = &mut tall[near * width..][..width];
                let weight = SHADOW[y.abs_diff(near)];
                to.iter_mut()
                    .zip(from)
                    .for_each(|(to, from)| *to = (*to).max(scaled(*from, weight)));
            }
        }
        tall
    }
}

/// A part of a whole of 255.
fn scaled(value: u8, part: u16) -> u8 {
    ((u16::from(value) * part + 127) / 255) as u8
}
