//! The Mars API: `GET /mars` with the contract's JSON, and the bitmap it points to.
//!
//! Requests are answered at once from what was fetched before; what has become old is fetched
//! again behind them, one fetch at a time, and when NASA cannot be reached the last good answer is
//! served with its age. Before there is any, the picture is a drawn landscape.
//!
//! Reading order: [`Settings`]; `report` (what requests get), `state` (what is known and what is
//! due), `refresh` (the only part that asks NASA), `photo_feed` and `weather_feed`, `photo`,
//! `crop` and `bitmap` (the pixels), `cache` (what survives a restart).
//!
//! Knows no accounts: whoever mounts it has checked the key.

mod bitmap;
mod cache;
mod clock;
mod crop;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod http_client;
mod lenient_json;
mod photo;
mod photo_feed;
mod picture;
mod refresh;
mod refresh_state;
mod report;
mod response;
mod selection;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod weather_feed;

pub use report::PICTURE_PATH;
pub use selection::{Camera, Rover, RoverChoice, Selection};
pub use settings::{Feeds, Settings};
pub use state::Mars;
