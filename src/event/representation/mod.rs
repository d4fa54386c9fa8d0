//! Values that are written otherwise and mean the same, or have lost digits on their way.

pub mod number;
pub mod slate;
pub mod timestamp;
