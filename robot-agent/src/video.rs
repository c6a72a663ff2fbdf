//! The camera; its viewers come next.

pub mod camera;
