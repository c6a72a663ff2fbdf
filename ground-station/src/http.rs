//! What is served over HTTP: [`router`] says which routes there are and what holds for all of
//! them, one file each answers them, [`listener`] serves them. Knows everything below it;
//! nothing below knows HTTP.

mod access_log;
pub mod app_state;
pub mod aws;
pub mod body;
mod caller;
pub mod channel;
mod console;
mod display;
pub mod error;
pub mod listener;
mod login;
mod mars;
mod publish;
mod robots;
pub mod router;
mod sign;
mod status;
mod telemetry;
