//! A simulated robot on a simulated Mars, for demonstrations and measurements without hardware.
//!
//! [`World`] takes the throttles that a robot's board got, moves the robot as two wheels on dusty
//! ground would, and draws what its camera sees. Pure: no clock, no files, no threads; the same
//! seed and the same throttles give the same pictures.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixels and cells are clamped to small ranges"
)]

mod camera;
mod color;
mod noise;
mod rover;
mod screen;
mod terrain;

use std::time::Duration;

pub use camera::{Frame, Plane};
pub use screen::Picture;

use camera::Camera;
use rover::{Obstacle, Rover, STEP_S};
use screen::Screen;
use terrain::Terrain;

/// Around the start no rock lies: x, y, radius in metres.
const START: [f32; 3] = [0.0, 0.0, 1.3];

/// Rocks lower than this are driven over.
const CLEARANCE_M: f32 = 0.07;

const STEP: Duration = Duration::from_nanos((STEP_S * 1e9) as u64);

/// Where the robot stands, as in ROS (REP 103): the start is 0, 0, looking along x.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Metres, forward of the start.
    pub x: f64,
    /// Metres, left of the start.
    pub y: f64,
    /// Radians, counter-clockwise, −π to π.
    pub theta: f64,
}

/// The ground, the robot on it and its camera.
#[derive(Clone)]
pub struct World {
    terrain: Terrain,
    obstacles: Vec<Obstacle>,
    rover: Rover,
    camera: Camera,
    screen: Screen,
    /// Time that has passed and is not yet simulated; less than a step.
    pending: Duration,
}

impl World {
    /// Takes a moment: the ground is computed.
    pub fn new(seed: u32) -> Self {
        let terrain = Terrain::new(seed, &[START, screen::SITE]);
        let rocks = terrain
            .rocks()
            .iter()
            .filter(|rock| rock.height > CLEARANCE_M);
        let obstacles = rocks
            .map(|rock| Obstacle {
                x: rock.x,
                y: rock.y,
                radius: rock.radius * 1.05,
            })
            .chain(Screen::obstacles())
            .collect();
        Self {
            rover: Rover::at_start(&terrain),
            camera: Camera::new(seed),
            screen: Screen::default(),
            pending: Duration::ZERO,
            terrain,
            obstacles,
        }
    }

    /// Lets time pass while the board holds these throttles: left and right, −1 to 1, forward
    /// positive.
    pub fn advance(&mut self, throttles: [f64; 2], by: Duration) {
        let throttles = throttles.map(|throttle| throttle as f32);
        self.pending += by;
        while self.pending >= STEP {
            if throttles == [0.0, 0.0] && self.rover.rests() {
                self.pending = Duration::ZERO;
                return;
            }
            self.pending -= STEP;
            self.rover
                .step(throttles, &mut self.terrain, &self.obstacles);
        }
    }

    /// Where the robot stands.
    pub fn pose(&self) -> Pose {
        let theta = f64::from(self.rover.theta);
        Pose {
            x: self.rover.x.into(),
            y: self.rover.y.into(),
            theta: theta.sin().atan2(theta.cos()),
        }
    }

    /// What the screen that stands near the start shows from now on.
    pub fn show(&mut self, picture: &Picture) {
        self.screen.show(picture);
    }

    /// Draws what the robot's camera sees. A frame whose planes are too small is left alone.
    pub fn draw(&self, frame: &mut Frame) {
        let eye = self.rover.eye(&self.terrain);
        self.camera.draw(&self.terrain, &self.screen, eye, frame);
    }
}

#[cfg(test)]
mod tests;
