//! The display against a local upstream, with every kind of picture, error and page.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod bad_input;
mod bitmaps;
mod controller;
mod daemon;
mod framebuffers;
mod golden;
mod panels;
mod pictures;
mod upstream;

use std::path::{Path, PathBuf};

/// The program under test: in the folder that `OUTPOST_BIN` names, or the one that was just built.
fn program() -> PathBuf {
    match std::env::var_os("OUTPOST_BIN") {
        Some(folder) => Path::new(&folder).join("display-agent"),
        None => env!("CARGO_BIN_EXE_display-agent").into(),
    }
}
