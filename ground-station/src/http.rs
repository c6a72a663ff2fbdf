//! What is served over HTTP: [`router`] says which routes there are and what holds for all of
//! them, one file each answers them, [`listener`] serves them. Knows everything below it;
//! nothing below knows HTTP.

mod access_log;
pub(crate) mod app_state;
pub(crate) mod arrival;
pub(crate) mod aws;
pub(crate) mod body;
mod caller;
pub(crate) mod channel;
mod console;
mod display;
mod drive_log;
pub(crate) mod error;
mod forwarded;
pub(crate) mod listener;
mod login;
mod mars;
pub(crate) mod origin;
mod prompt;
mod publish;
mod robots;
pub(crate) mod router;
mod security_headers;
mod sign;
mod status;
mod telemetry;
pub(crate) mod trusted_proxy;
mod whep;
