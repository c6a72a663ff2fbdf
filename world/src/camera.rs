//! What the robot's camera sees, drawn from near to far, as a height field's surface can only hide what
//! lies behind it: two columns at a time, which share their chroma in I420 and their edges here.

mod detail;
mod sky;
mod strip;

use crate::color::Yuv;
use crate::rover::Eye;
use crate::screen::{Hit, Screen};
use crate::terrain::{Light, Place, Terrain};
use detail::{Detail, Line};
use sky::Sky;
use strip::{STRIP, Strip};

/// Half of the field of view across, as a tangent: 35°, a Raspberry Pi camera's with some to spare.
const HALF_VIEW: f32 = 0.7;

/// Along the camera's axis, metres: the first sample and the last.
const NEAR_M: f32 = 0.22;
const FAR_M: f32 = 75.0;
/// From one sample to the next: never finer than the ground, and coarser with the distance.
const STEP_M: f32 = 0.025;
const STEP: f32 = 0.02;
const FAR_STEP: f32 = 0.03;
const FAR_STEP_FROM_M: f32 = 12.0;

/// Of the ground that a pixel covers along the view, so much decides how fine the grain is drawn:
/// less is sharper and flickers more.
const SHARPNESS: f32 = 0.4;

/// A face that rises by more than this for each metre of depth has one colour from foot to top.
const STEEP: f32 = 1.0;

/// Dust takes so much of the contrast every so many metres.
const HAZE_M: f32 = 90.0;

const SAND: Yuv = Yuv::rgb(0.93, 0.60, 0.39);
const ROCK: Yuv = Yuv::rgb(0.66, 0.48, 0.40);

/// Sand and rock do not mix: a face whose chroma differs by more from what lies before it has its own
/// colour from foot to top.
const OTHER_CHROMA: f32 = 4.0;

/// One plane of a picture: its bytes, and how many of them a line takes.
pub type Plane<'a> = (&'a mut [u8], usize);

/// A picture to be drawn, as I420: luma, and both chroma of half its size.
pub struct Frame<'a> {
    /// Pixels across; even.
    pub width: usize,
    /// Pixels down; even.
    pub height: usize,
    /// Luma, U and V.
    pub planes: [Plane<'a>; 3],
}

/// What the renderer knows before it sees the world.
#[derive(Clone)]
pub(crate) struct Camera {
    depths: Vec<Depth>,
    detail: Detail,
    sky: Sky,
}

/// One distance along the camera's axis.
#[derive(Clone, Copy)]
struct Depth {
    metres: f32,
    /// One divided by them.
    per_metre: f32,
    haze: f32,
}

/// A point of the ground in a column.
struct Point {
    /// In the picture, from the top.
    row: f32,
    depth: Depth,
    place: Place,
    /// x, y and height, metres.
    at: [f32; 3],
}

/// A point of the ground as it is drawn.
#[derive(Clone, Copy)]
struct Surface {
    /// In the picture, from the top.
    row: f32,
    color: Yuv,
    /// Along the camera's axis, and over the terrain's zero; metres.
    depth: f32,
    height: f32,
    /// Where its grain is taken from.
    grain: [f32; 2],
}

/// What stays the same for a picture.
struct View<'a> {
    camera: &'a Camera,
    terrain: &'a Terrain,
    screen: &'a Screen,
    eye: Eye,
    /// Pixels across.
    width: usize,
    /// Sine and cosine of where it looks.
    heading: (f32, f32),
    /// Pixels for a tangent of one.
    focal: f32,
    /// Where the screen stands.
    foot: f32,
}

impl Camera {
    pub(crate) fn new(seed: u32) -> Self {
        let haze = |metres: f32| 1.0 - (-metres / HAZE_M).exp();
        let next = |metres: &f32| {
            let share = if *metres < FAR_STEP_FROM_M {
                STEP
            } else {
                FAR_STEP
            };
            Some(metres + (metres * share).max(STEP_M))
        };
        let depths = std::iter::successors(Some(NEAR_M), next)
            .take_while(|metres| *metres < FAR_M)
            .map(|metres| Depth {
                metres,
                per_metre: 1.0 / metres,
                haze: haze(metres),
            })
            .collect();
        Self {
            depths,
            detail: Detail::new(seed),
            sky: Sky::new(seed),
        }
    }

    /// Draws what is seen from `eye`. Planes that are too small for the size are left alone.
    pub(crate) fn draw(&self, terrain: &Terrain, screen: &Screen, eye: Eye, frame: &mut Frame) {
        let (width, height) = (frame.width, frame.height);
        let fits = |(plane, stride): &Plane, part: usize| {
            *stride >= width / part && plane.len() >= stride * (height / part)
        };
        let [luma, u, v] = &frame.planes;
        if width < 2 || height < 2 || !(fits(luma, 1) && fits(u, 2) && fits(v, 2)) {
            return;
        }
        let [x, y] = Screen::FOOT;
        let view = View {
            camera: self,
            terrain,
            screen,
            eye,
            width,
            heading: eye.theta.sin_cos(),
            focal: width as f32 / 2.0 / HALF_VIEW,
            foot: terrain.height(x, y),
        };
        let mut strip = Strip::new(height);
        for left in (0..width / 2).step_by(STRIP) {
            let pairs = STRIP.min(width / 2 - left);
            for pair in 0..pairs {
                view.columns(left + pair, &mut strip.columns(pair));
            }
            strip.put(left, pairs, frame);
        }
    }
}

/// Two columns of pixels, from the top, and which of them are not yet drawn.
struct Columns<'a> {
    /// The left pixel's luma and the right one's.
    luma: &'a mut [[u8; 2]],
    /// U and V of every second row.
    chroma: &'a mut [[u8; 2]],
    /// Everything from here down is drawn.
    drawn: usize,
}

impl Columns<'_> {
    /// Draws from `top` down to what is drawn already: each row by `color`, which says the luma of
    /// both pixels, and their chroma.
    fn fill(&mut self, top: usize, mut color: impl FnMut(usize) -> ([u8; 2], [u8; 2])) {
        for row in top..self.drawn {
            let (luma, chroma) = color(row);
            self.luma[row] = luma;
            if row & 1 == 0 {
                self.chroma[row / 2] = chroma;
            }
        }
        self.drawn = self.drawn.min(top);
    }
}

impl View<'_> {
    /// Draws a pair of columns, counted from the left.
    fn columns(&self, pair: usize, out: &mut Columns) {
        let right = (pair as f32 * 2.0 + 1.0 - self.width as f32 / 2.0) / self.focal;
        let along = self.along(right);
        let level =
            out.luma.len() as f32 / 2.0 + self.focal * (self.eye.pitch + self.eye.roll * right);
        // Letters on the screen are as sharp as the picture.
        let mut screen = [-0.5, 0.5].map(|aside| {
            let along = self.along(right + aside / self.focal);
            Screen::hit([self.eye.x, self.eye.y], along)
        });
        let mut drawn: Option<Surface> = None;
        let mut before = None;
        for depth in &self.camera.depths {
            if let [Some(left), Some(right)] = screen
                && left.depth < depth.metres
            {
                self.draw_screen(out, [left, right], level);
                screen = [None; 2];
            }
            let point = self.point(depth, along, level);
            let hidden = point.row as usize >= out.drawn;
            if hidden {
                // Not yet a row higher, or behind a crest.
                drawn = drawn.filter(|drawn| point.row < drawn.row);
            } else {
                let start = drawn.or_else(|| before.as_ref().map(|before| self.surface(before)));
                let surface = self.surface(&point);
                self.draw_ground(out, &start.unwrap_or(surface), &surface);
                if out.drawn == 0 {
                    return;
                }
                drawn = Some(surface);
            }
            before = Some(point);
        }
        let sky = self.camera.sky.column(self.eye.theta - right.atan());
        out.fill(0, |row| {
            let [y, u, v] = sky.color((level - row as f32) / self.focal);
            ([y, y], [u, v])
        });
    }

    /// Where a ray goes for each metre of depth that is so far to the right, as a tangent.
    fn along(&self, right: f32) -> [f32; 2] {
        let (sin, cos) = self.heading;
        [cos + sin * right, sin - cos * right]
    }

    /// The ground at that depth.
    fn point(&self, depth: &Depth, along: [f32; 2], level: f32) -> Point {
        let [x, y] = [
            self.eye.x + along[0] * depth.metres,
            self.eye.y + along[1] * depth.metres,
        ];
        let place = self.terrain.place(x, y);
        let height = self.terrain.height_at(place);
        Point {
            row: (level + self.focal * (self.eye.height - height) * depth.per_metre).max(0.0),
            place,
            depth: *depth,
            at: [x, y, height],
        }
    }

    /// How it looks there.
    fn surface(&self, point: &Point) -> Surface {
        let Light { light, rock } = self.terrain.light_at(point.place);
        let [x, y, height] = point.at;
        Surface {
            row: point.row,
            color: SAND
                .mix(ROCK, rock)
                .lit(light)
                .mix(sky::HAZE, point.depth.haze),
            depth: point.depth.metres,
            height,
            // Steep faces get their grain from their height.
            grain: [x + 0.7 * height, y - 0.7 * height],
        }
    }

    /// The ground from one sample to the next.
    fn draw_ground(&self, out: &mut Columns, before: &Surface, surface: &Surface) {
        let steep = surface.height - before.height > STEEP * (surface.depth - before.depth);
        let other = (surface.color.u - before.color.u).abs() > OTHER_CHROMA;
        let start = if steep || other {
            Surface {
                color: surface.color,
                ..*before
            }
        } else {
            *before
        };
        let rows = (start.row - surface.row).max(1e-3);
        let per_row = [
            (surface.color.y - start.color.y) / rows,
            (surface.grain[0] - start.grain[0]) / rows,
            (surface.grain[1] - start.grain[1]) / rows,
        ];
        let pixel_m = (per_row[1].abs() + per_row[2].abs()) * SHARPNESS;
        let detail = self
            .camera
            .detail
            .level(pixel_m.max(surface.depth / self.focal));
        let chroma = [surface.color.u as u8, surface.color.v as u8];
        let pixel = surface.depth / self.focal;
        let aside = [self.heading.0 * pixel, -self.heading.1 * pixel];
        // Rows count down the picture, the ground goes up it.
        let top = surface.row as usize;
        let up = (start.row - top as f32).clamp(0.0, rows);
        let light = start.color.y + per_row[0] * up;
        let from = [
            start.grain[0] + per_row[1] * up,
            start.grain[1] + per_row[2] * up,
        ];
        let step = [-per_row[1], -per_row[2]];
        let left = detail.line(from, step);
        let right = detail.line([from[0] + aside[0], from[1] + aside[1]], step);
        out.fill(top, |row| {
            let row = (row - top) as u32;
            let light = (light - per_row[0] * row as f32) as u32;
            let luma = |line: &Line| ((light * line.at(row)) >> 7).min(255) as u8;
            ([luma(&left), luma(&right)], chroma)
        });
    }

    fn draw_screen(&self, out: &mut Columns, hits: [Hit; 2], level: f32) {
        let per_metre = self.focal / hits[0].depth;
        let top = level + per_metre * (self.eye.height - self.foot - Screen::TOP_M);
        let pixel_m = 1.0 / per_metre;
        out.fill(top.max(0.0) as usize, |row| {
            let below = (row as f32 - top) * pixel_m;
            let [left, right] = hits.map(|hit| self.screen.color(hit, below, pixel_m).bytes());
            ([left[0], right[0]], [left[1], left[2]])
        });
    }
}
