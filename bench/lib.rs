//! What the benchmarks and the soak have in common.

pub mod call;
pub mod figures;
pub mod line_process;
pub mod orders;
pub mod peer;
