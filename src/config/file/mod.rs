//! A configuration file as written: its tree, its places, and what is taken out of it.

pub(crate) mod document;
mod json;
pub(crate) mod reader;
pub(crate) mod tree;
