//! What the benchmarks and the soak have in common.

pub mod figures;
pub mod line_process;
