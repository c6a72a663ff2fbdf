//! Everything between a hand and the wheels goes wrong, one thing after the other, in an order that a
//! number (the seed) decides, while somebody drives. After each: the wheels rested in time,
//! nothing late moved them, nothing that was acknowledged is lost, and the robot serves again.
//!
//! [`kind`] lists what goes wrong, `plan` decides when, [`scene`] has the processes and the links,
//! `apply` (with `disk` and `strangers`) breaks and mends them, [`road`] gives orders, [`verdict`] judges, and
//! [`report`] shows it.

mod apply;
mod disk;
mod hands;
pub mod kind;
mod launch;
pub mod ledger;
pub mod plan;
mod recovery;
pub mod report;
pub mod road;
pub mod round;
mod scene;
mod strangers;
mod transcript;
pub mod verdict;

pub use kind::KINDS;
pub use plan::Plan;
pub use round::{Outcome, run};
pub use scene::Scene;
