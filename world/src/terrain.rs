//! The ground: a crater with dunes, rocks, their shadows, and the tracks of wheels. Made once of a
//! seed; only tracks change it.
//!
//! Lengths are metres, x and y as in ROS (REP 103), the crater's middle at 0, 0.

mod rocks;

use crate::noise::{fractal, mix, smooth, value};

pub(crate) use rocks::Rock;

/// Edge of a cell: a wheel's track is two of them wide.
const CELL_M: f32 = 0.04;
const CELLS_PER_M: f32 = 1.0 / CELL_M;
/// Cells along one edge of the ground: 82 m.
const CELLS: usize = 2048;
const HALF_M: f32 = CELL_M * CELLS as f32 / 2.0;

/// Heights are kept in steps of this.
const STEP_M: f32 = 0.001;

/// Where the crater's wall begins to rise, and where it is highest.
const WALL_FROM_M: f32 = 27.0;
const WALL_TO_M: f32 = 38.0;
const WALL_HEIGHT_M: f32 = 5.5;

/// Around the start it is flat.
const START_FLAT_M: f32 = 5.0;

/// Where the sun stands: to the left and a little before the robot at its start, low enough for
/// shadows that show the ground's shape.
pub(crate) const SUN: [f32; 3] = [0.42, 0.74, 0.525];

/// Light in a shadow, from the sky alone.
const AMBIENT: f32 = 0.34;
/// How far below its caster's edge a shadow is complete.
const PENUMBRA_M: f32 = 0.03;

/// What a wheel leaves of the light: pressed dust is darker.
const TRACK: f32 = 0.72;

/// How one square of the ground looks.
#[derive(Clone, Copy, Default)]
struct Look {
    /// Of 255, shadows included.
    light: u8,
    /// How much of it is rock, of 254; the lowest bit says that a wheel was here.
    rock: u8,
}

const TRACKED: u8 = 1;

/// A point of the ground: between which cells, and how far from the first of them.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    cell: usize,
    right: f32,
    down: f32,
}

/// How a point looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Light {
    /// 0 to 1.
    pub(crate) light: f32,
    /// 0 is sand, 1 is rock.
    pub(crate) rock: f32,
}

#[derive(Clone)]
pub(crate) struct Terrain {
    /// In steps of [`STEP_M`]. Apart from the looks, as most of what is asked is hidden.
    heights: Vec<i16>,
    looks: Vec<Look>,
    rocks: Vec<Rock>,
}

impl Terrain {
    /// `kept_free` are circles without rocks: x, y, radius.
    pub(crate) fn new(seed: u32, kept_free: &[[f32; 3]]) -> Self {
        let mut heights: Vec<f32> = Vec::with_capacity(CELLS * CELLS);
        for j in 0..CELLS {
            heights.extend((0..CELLS).map(|i| dunes(seed, metres(i), metres(j))));
        }
        let rocks = rocks::scatter(seed, kept_free);
        let mut rock = vec![0.0; CELLS * CELLS];
        for stone in &rocks {
            stone.place(&mut heights, &mut rock);
        }
        let shade = shadows(&heights);
        let mut looks = vec![Look::default(); CELLS * CELLS];
        for j in 1..CELLS - 1 {
            for i in 1..CELLS - 1 {
                let at = j * CELLS + i;
                let slope = [
                    (heights[at + 1] - heights[at - 1]) / (2.0 * CELL_M),
                    (heights[at + CELLS] - heights[at - CELLS]) / (2.0 * CELL_M),
                ];
                let albedo = 1.0 + 0.16 * fractal(seed + 90, metres(i) * 0.7, metres(j) * 0.7, 4);
                looks[at] = Look {
                    light: (light(slope, shade[at]) * albedo * 255.0) as u8,
                    rock: (rock[at] * 255.0) as u8 & !TRACKED,
                };
            }
        }
        let heights = heights
            .iter()
            .map(|metres| (metres / STEP_M) as i16)
            .collect();
        Self {
            heights,
            looks,
            rocks,
        }
    }

    pub(crate) fn rocks(&self) -> &[Rock] {
        &self.rocks
    }

    /// Finds the four cells around a point; beyond the edge it is as at the edge.
    pub(crate) fn place(&self, x: f32, y: f32) -> Place {
        const LAST: f32 = (CELLS - 2) as f32;
        let (x, y) = (cells(x).clamp(1.0, LAST), cells(y).clamp(1.0, LAST));
        let (i, j) = (x as u16, y as u16);
        Place {
            cell: usize::from(j) * CELLS + usize::from(i),
            right: x - f32::from(i),
            down: y - f32::from(j),
        }
    }

    /// Metres.
    pub(crate) fn height_at(&self, place: Place) -> f32 {
        between(&self.heights, place, |steps| f32::from(*steps)) * STEP_M
    }

    pub(crate) fn light_at(&self, place: Place) -> Light {
        const PART: f32 = 1.0 / 255.0;
        Light {
            light: between(&self.looks, place, |look| f32::from(look.light)) * PART,
            rock: between(&self.looks, place, |look| f32::from(look.rock)) * PART,
        }
    }

    pub(crate) fn height(&self, x: f32, y: f32) -> f32 {
        self.height_at(self.place(x, y))
    }

    /// A wheel, two cells wide, rolls over a point; sand keeps its track.
    pub(crate) fn leave_track(&mut self, x: f32, y: f32) {
        let (i, j) = (cells(x) as usize, cells(y) as usize);
        if i.max(j) >= CELLS - 1 {
            return;
        }
        let at = j * CELLS + i;
        for at in [at, at + 1, at + CELLS, at + CELLS + 1] {
            let cell = &mut self.looks[at];
            if cell.rock == 0 {
                cell.rock |= TRACKED;
                cell.light = (f32::from(cell.light) * TRACK) as u8;
            }
        }
    }
}

/// Between the four cells around a place.
fn between<T>(cells: &[T], place: Place, of: fn(&T) -> f32) -> f32 {
    let row = |at: usize| {
        let [left, right] = [&cells[at], &cells[at + 1]];
        mix(of(left), of(right), place.right)
    };
    mix(row(place.cell), row(place.cell + CELLS), place.down)
}

/// Where a cell lies.
fn metres(cell: usize) -> f32 {
    cell as f32 * CELL_M - HALF_M
}

/// Which cell, with its fraction, a place lies in.
fn cells(metres: f32) -> f32 {
    (metres + HALF_M) * CELLS_PER_M
}

/// The ground without rocks.
fn dunes(seed: u32, x: f32, y: f32) -> f32 {
    let from_start = x.hypot(y);
    let rough = mix(0.15, 1.0, smooth(from_start / START_FLAT_M - 0.3));
    let hills = 0.5 * fractal(seed, x / 11.0, y / 11.0, 4);
    let winding = x * 0.8 + y * 0.45 + 0.9 * value(seed + 7, x * 0.6, y * 0.6);
    let ripples = 0.007 * (winding * 17.0).sin() * smooth(value(seed + 8, x * 0.3, y * 0.3) + 0.6);
    let azimuth = [x, y].map(|axis| axis / from_start.max(1.0));
    let broken = value(seed + 9, azimuth[0] * 5.0, azimuth[1] * 5.0);
    let wall = smooth((from_start - WALL_FROM_M) / (WALL_TO_M - WALL_FROM_M));
    let ledges = 0.35 * fractal(seed + 10, x / 2.5, y / 2.5, 3);
    rough * hills + ripples + wall * (WALL_HEIGHT_M * (1.0 + 0.35 * broken) + ledges)
}

/// Lambert's law for a slope, with so much of the sun.
fn light([dx, dy]: [f32; 2], sun: f32) -> f32 {
    let length = (dx * dx + dy * dy + 1.0).sqrt();
    let lambert = (SUN[2] - dx * SUN[0] - dy * SUN[1]) / length;
    AMBIENT + (1.0 - AMBIENT) * (lambert.max(0.0) * sun)
}

/// How much of the sun each cell sees, 0 to 1: the edge of the shadow is carried from row to row,
/// away from the sun.
fn shadows(heights: &[f32]) -> Vec<f32> {
    let mut edge: Vec<f32> = heights.to_vec();
    let mut seen = vec![1.0; heights.len()];
    // One row away from the sun, the light has come this far to the side and down.
    let aside = SUN[0] / SUN[1];
    let down = SUN[2] / SUN[1] * CELL_M;
    for j in (1..CELLS - 1).rev() {
        for i in 1..CELLS - 2 {
            let source = i as f32 + aside;
            let (left, share) = (source as usize, source.fract());
            let above = (j + 1) * CELLS + left.min(CELLS - 2);
            let shadow = mix(edge[above], edge[above + 1], share) - down;
            let at = j * CELLS + i;
            edge[at] = heights[at].max(shadow);
            seen[at] = 1.0 - smooth((shadow - heights[at]) / PENUMBRA_M);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_ground_and_another_another() {
        let ground = |seed| {
            let rock = rocks::scatter(seed, &[])[17];
            [dunes(seed, 12.3, -4.5), rock.x, rock.y].map(f32::to_bits)
        };
        assert_eq!(ground(1), ground(1));
        assert_ne!(ground(1), ground(2));
    }

    #[test]
    fn the_wall_closes_the_crater() {
        for degrees in (0..360).step_by(5) {
            let (sin, cos) = (degrees as f32).to_radians().sin_cos();
            let rise = dunes(7, 38.0 * cos, 38.0 * sin) - dunes(7, 26.0 * cos, 26.0 * sin);
            assert!(rise > 2.0, "{rise} m at {degrees} degrees");
        }
    }

    #[test]
    fn a_track_darkens_sand_once_and_a_place_outside_is_left_alone() {
        let mut terrain = crate::tests::world().terrain;
        let light = |terrain: &Terrain| terrain.light_at(terrain.place(0.51, 0.51)).light;
        let before = light(&terrain);
        terrain.leave_track(0.51, 0.51);
        let after = light(&terrain);
        assert!(after < before * 0.8, "{before} → {after}");
        terrain.leave_track(0.51, 0.51);
        assert!((light(&terrain) - after).abs() < 1e-6);
        for far in [f32::NAN, f32::INFINITY, -1e9, 41.0] {
            terrain.leave_track(far, 0.0);
            terrain.leave_track(0.0, far);
        }
    }

    #[test]
    fn behind_a_rock_there_is_shadow() {
        let terrain = crate::tests::world().terrain;
        let tallest = |a: &&Rock, b: &&Rock| a.height.total_cmp(&b.height);
        let rock = terrain.rocks().iter().max_by(tallest).unwrap();
        let behind = rock.radius + rock.height * 0.5;
        let place = terrain.place(rock.x - SUN[0] * behind, rock.y - SUN[1] * behind);
        let seen = terrain.light_at(place);
        assert!(seen.light < 0.5, "{seen:?}");
    }
}
