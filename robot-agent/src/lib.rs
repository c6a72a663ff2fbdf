//! robot-agent: obeys actions, drives two motors, shows a camera.

pub mod drive;
pub mod motors;
