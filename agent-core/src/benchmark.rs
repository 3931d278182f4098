//! What this PC's graphics cards can do.

pub mod cuda;
