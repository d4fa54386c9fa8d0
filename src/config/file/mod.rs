//! A configuration file as written: its tree, its places, and what is taken out of it.

pub(crate) mod document;
mod foreign;
mod json;
pub(crate) mod reader;
pub(crate) mod tree;
