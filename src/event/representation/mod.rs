//! Values that are written otherwise and mean the same.

pub mod slate;
