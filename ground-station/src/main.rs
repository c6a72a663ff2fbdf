//! The command `ground-station`.
fn main() {}
