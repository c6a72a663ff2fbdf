//! The display against a local upstream, with every kind of picture, trouble and page.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod bad_input;
mod bitmaps;
mod daemon;
mod framebuffers;
mod golden;
mod panels;
mod pictures;
mod upstream;
