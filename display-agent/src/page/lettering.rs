//! Letters: Barlow Condensed in two weights, drawn with smooth edges.
//!
//! Knows sizes, kerning, fitting and wrapping. A character the font does not have becomes "?".

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

use super::canvas::{Colour, Ink};

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

/// How something is written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// The em, in pixels.
    pub(super) size: f32,
    /// Semi-bold rather than medium.
    pub(super) bold: bool,
    /// The letters' colour.
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
    pub(super) fn write(&self, ink: &mut Ink, x: f32, y: i32, text: &str) {
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
                ink.mark(x, y, coverage, self.colour);
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
