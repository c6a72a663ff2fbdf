//! A screen that stands on the ground and shows a picture: where it is, and what a ray meets.

use crate::color::Yuv;
use crate::rover::Obstacle;

/// Of the picture, metres; below it is the stand.
const WIDTH_M: f32 = 0.8;
const HEIGHT_M: f32 = 0.6;
const STAND_M: f32 = 0.25;
/// Around the picture.
const FRAME_M: f32 = 0.025;

/// Its middle, and the direction it looks to: beside the robot's way, towards its start.
const X: f32 = 3.2;
const Y: f32 = 1.1;
const FACES: [f32; 2] = [-0.957, -0.29];

const CASE: Yuv = Yuv::rgb(0.13, 0.12, 0.13);
const OFF: Yuv = Yuv::rgb(0.05, 0.05, 0.07);

/// The circle around it that is kept free of rocks: x, y, radius.
pub(crate) const SITE: [f32; 3] = [X, Y, 1.0];

/// A picture in rows of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    rgb: Vec<[u8; 3]>,
}

impl Picture {
    /// Of so many pixels across; none if they do not make whole rows.
    pub fn new(width: usize, rgb: Vec<[u8; 3]>) -> Option<Self> {
        (width > 0 && !rgb.is_empty() && rgb.len().is_multiple_of(width))
            .then_some(Self { width, rgb })
    }

    fn height(&self) -> usize {
        self.rgb.len() / self.width
    }
}

/// What is shown, in its own size and in halves of it for the distance.
#[derive(Clone, Default)]
pub(crate) struct Screen {
    levels: Vec<Level>,
}

#[derive(Clone)]
struct Level {
    width: usize,
    height: usize,
    pixels: Vec<Yuv>,
}

/// Where a column of the camera's picture meets the screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    /// Along the camera's axis, metres.
    pub(crate) depth: f32,
    /// 0 at the left edge of the case to 1, seen from the front.
    across: f32,
    front: bool,
}

impl Screen {
    pub(crate) fn show(&mut self, picture: &Picture) {
        let pixels = |[red, green, blue]: &[u8; 3]| {
            let [red, green, blue] = [red, green, blue].map(|part| f32::from(*part) / 255.0);
            Yuv::rgb(red, green, blue)
        };
        let mut level = Level {
            width: picture.width,
            height: picture.height(),
            pixels: picture.rgb.iter().map(pixels).collect(),
        };
        self.levels.clear();
        while level.width > 8 && level.height > 8 {
            let half = level.half();
            self.levels.push(level);
            level = half;
        }
        self.levels.push(level);
    }

    /// Circles along it.
    pub(crate) fn obstacles() -> impl Iterator<Item = Obstacle> {
        [-0.3, -0.1, 0.1, 0.3].into_iter().map(|along| Obstacle {
            x: X - FACES[1] * along,
            y: Y + FACES[0] * along,
            radius: 0.1,
        })
    }

    /// Where the ray from `from`, going `along` for each metre of depth, meets the case.
    pub(crate) fn hit(from: [f32; 2], along: [f32; 2]) -> Option<Hit> {
        let to = [X - from[0], Y - from[1]];
        let toward = along[0] * FACES[0] + along[1] * FACES[1];
        let depth = (to[0] * FACES[0] + to[1] * FACES[1]) / toward;
        // Seen from the front, its right is at the left of where it faces.
        let right = [-FACES[1], FACES[0]];
        let meets = [along[0] * depth - to[0], along[1] * depth - to[1]];
        let across = (meets[0] * right[0] + meets[1] * right[1]) / (WIDTH_M + 2.0 * FRAME_M) + 0.5;
        (depth.is_finite() && depth > 0.05 && (0.0..=1.0).contains(&across)).then_some(Hit {
            depth,
            across,
            front: toward < 0.0,
        })
    }

    /// Its upper edge over its foot, metres.
    pub(crate) const TOP_M: f32 = STAND_M + HEIGHT_M + 2.0 * FRAME_M;

    /// Where its foot stands.
    pub(crate) const FOOT: [f32; 2] = [X, Y];

    /// The colour at so many metres below the upper edge, where a pixel of the camera is as large
    /// as `pixel_m`.
    pub(crate) fn color(&self, hit: Hit, below_top: f32, pixel_m: f32) -> Yuv {
        let down = (below_top - FRAME_M) / HEIGHT_M;
        let across = (hit.across * (WIDTH_M + 2.0 * FRAME_M) - FRAME_M) / WIDTH_M;
        let inside = (0.0..1.0).contains(&down) && (0.0..1.0).contains(&across);
        if !inside || !hit.front {
            return CASE;
        }
        let Some(finest) = self.levels.first() else {
            return OFF;
        };
        let pixels = pixel_m / WIDTH_M * finest.width as f32;
        let level = (pixels.max(1.0).log2() as usize).min(self.levels.len() - 1);
        self.levels[level].at(across, down)
    }
}

impl Level {
    fn at(&self, across: f32, down: f32) -> Yuv {
        let x = ((across * self.width as f32) as usize).min(self.width - 1);
        let y = ((down * self.height as f32) as usize).min(self.height - 1);
        self.pixels[y * self.width + x]
    }

    fn half(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let at = |x: usize, y: usize| self.pixels[y * self.width + x];
        let pixels = (0..width * height)
            .map(|pixel| {
                let (x, y) = (pixel % width * 2, pixel / width * 2);
                let rows = [y, y + 1].map(|y| at(x, y).mix(at(x + 1, y), 0.5));
                rows[0].mix(rows[1], 0.5)
            })
            .collect();
        Self {
            width,
            height,
            pixels,
        }
    }
}
