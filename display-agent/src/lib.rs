//! The Mars display: from a rover's picture to the pixels on a desk.
//!
//! Reading order is the way of the data: [`config`], [`mars`] (asks, decodes with [`bitmap`], keeps),
//! [`view`] (what is true now), [`page`] (how it looks), [`screen`] (the device), and [`run()`],
//! which joins them. [`clock`] is the only reader of clocks; [`check`] and [`render`] are the other
//! two commands; [`arguments`] is the command line.

pub mod arguments;
pub mod bitmap;
pub mod check;
pub mod clock;
pub mod config;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod mars;
pub mod page;
pub mod render;
mod run;
pub mod screen;
pub mod view;

pub use run::{Events, Stopper, run};

/// Says on the screen that the config is unusable, if the part about the screen is not.
pub fn show_bad_config(unusable: &config::Unusable) -> Result<(), screen::Fault> {
    let Some(settings) = &unusable.screen else {
        return Ok(());
    };
    let page = page::Page::Notice(view::words::bad_config(&unusable.error.problems()));
    settings.device.open()?.show(&run::drawn(&page))
}
