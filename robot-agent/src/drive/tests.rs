//! Tables and properties of `drive`; time is an argument throughout.
