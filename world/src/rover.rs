//! The robot's body: two wheels with inertia on ground that slips and rises, rocks that stop it,
//! and a mast that nods.

use crate::terrain::Terrain;

/// One step of the simulation, in seconds.
pub(crate) const STEP_S: f32 = 0.005;

/// Speed of a wheel at full throttle, m/s: a small hobby robot's.
const FULL_MPS: f32 = 0.8;
/// How quickly a wheel follows its throttle: geared motors reach 63 % of their speed after this.
const MOTOR_S: f32 = 0.12;
/// Between the wheels, left to right; and front to back.
const TRACK_M: f32 = 0.3;
const WHEELBASE_M: f32 = 0.3;
/// Wheels that turn on the spot scrub: of the turn that free wheels would make, so much is left.
const SCRUB: f32 = 0.6;
/// Of its speed a wheel loses so much per unit of slope upward; at 30° it only digs.
const SLIP: f32 = 1.75;
/// No body tips further than this; what rises more is a wall.
const STEEPEST: f32 = 0.45;
/// The circle that rocks cannot enter.
const BODY_M: f32 = 0.2;
/// The camera over the ground.
const MAST_M: f32 = 0.3;
/// The camera looks a little down.
const TILT: f32 = -0.08;
/// The body on its tyres: radians of nodding per m/s², and the spring's frequency (1/s) and damping.
const NOD: f32 = 0.012;
const SPRING: f32 = 28.0;
const DAMPING: f32 = 0.45;

/// Something round that stands in the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Obstacle {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) radius: f32,
}

/// Value and speed of something on a spring.
#[derive(Clone, Copy, Debug, Default)]
struct Sprung {
    value: f32,
    speed: f32,
}

impl Sprung {
    fn follow(&mut self, target: f32) {
        let force = SPRING * SPRING * (target - self.value) - 2.0 * DAMPING * SPRING * self.speed;
        self.speed += force * STEP_S;
        self.value += self.speed * STEP_S;
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rover {
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// Counter-clockwise from the x axis, radians, not wrapped.
    pub(crate) theta: f32,
    /// Speeds of the wheels, m/s.
    wheels: [f32; 2],
    pitch: Sprung,
    roll: Sprung,
}

/// Where the camera is and looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eye {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) height: f32,
    pub(crate) theta: f32,
    /// Upward.
    pub(crate) pitch: f32,
    /// Left side up.
    pub(crate) roll: f32,
}

impl Rover {
    pub(crate) fn at_start(terrain: &Terrain) -> Self {
        let mut rover = Self::default();
        [rover.pitch.value, rover.roll.value] = rover.slope(terrain);
        rover
    }

    /// Whether nothing moves any more.
    pub(crate) fn rests(&self) -> bool {
        let moving = [
            self.wheels[0],
            self.wheels[1],
            self.pitch.speed,
            self.roll.speed,
        ];
        moving.iter().all(|speed| speed.abs() < 1e-3)
    }

    /// One step with these throttles, −1 to 1 each.
    pub(crate) fn step(
        &mut self,
        throttles: [f32; 2],
        terrain: &mut Terrain,
        obstacles: &[Obstacle],
    ) {
        let before = self.wheels;
        for (speed, throttle) in self.wheels.iter_mut().zip(throttles) {
            *speed += (throttle * FULL_MPS - *speed) * (STEP_S / MOTOR_S);
        }
        let [up, across] = self.slope(terrain);
        let mean = |wheels: [f32; 2]| f32::midpoint(wheels[0], wheels[1]);
        let rolling = mean(self.wheels);
        let grip = 1.0 - SLIP * (up * rolling.signum()).clamp(-0.15, 1.0 / SLIP);
        let forward = rolling * grip;
        let turn = (self.wheels[1] - self.wheels[0]) / TRACK_M * SCRUB;
        self.theta += turn * STEP_S;
        let (sin, cos) = self.theta.sin_cos();
        self.x += forward * cos * STEP_S;
        self.y += forward * sin * STEP_S;
        self.keep_out_of(obstacles);
        let acceleration = (rolling - mean(before)) / STEP_S;
        self.pitch.follow(up + NOD * acceleration);
        self.roll.follow(across);
        if forward.abs() + turn.abs() > 0.01 {
            for side in [-0.5, 0.5] {
                let [dx, dy] = [-sin, cos].map(|axis| axis * side * TRACK_M);
                terrain.leave_track(self.x + dx, self.y + dy);
            }
        }
    }

    /// Slides along whatever stands in the way.
    fn keep_out_of(&mut self, obstacles: &[Obstacle]) {
        for obstacle in obstacles {
            let [dx, dy] = [self.x - obstacle.x, self.y - obstacle.y];
            let (distance, least) = (dx.hypot(dy), obstacle.radius + BODY_M);
            if distance < least && distance > 0.0 {
                self.x = obstacle.x + dx / distance * least;
                self.y = obstacle.y + dy / distance * least;
            }
        }
    }

    /// How the ground under the wheels rises to the front and to the left.
    fn slope(&self, terrain: &Terrain) -> [f32; 2] {
        let (sin, cos) = self.theta.sin_cos();
        let height = |ahead: f32, left: f32| {
            terrain.height(
                self.x + ahead * cos - left * sin,
                self.y + ahead * sin + left * cos,
            )
        };
        let (long, wide) = (WHEELBASE_M / 2.0, TRACK_M / 2.0);
        [
            (height(long, 0.0) - height(-long, 0.0)) / WHEELBASE_M,
            (height(0.0, wide) - height(0.0, -wide)) / TRACK_M,
        ]
        .map(|slope| slope.clamp(-STEEPEST, STEEPEST))
    }

    pub(crate) fn eye(&self, terrain: &Terrain) -> Eye {
        Eye {
            x: self.x,
            y: self.y,
            height: terrain.height(self.x, self.y) + MAST_M,
            theta: self.theta,
            pitch: TILT + self.pitch.value,
            roll: self.roll.value,
        }
    }
}
