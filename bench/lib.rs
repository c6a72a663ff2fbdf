//! What the benchmarks and the soak have in common: figures, and what a process uses.

pub mod figures;
