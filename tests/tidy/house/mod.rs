//! The house as its files draw it: rooms, floors, arrows, circles, names. For tools/house and for
//! the house rules.

pub mod figures;
pub mod floors;
pub mod graph;
pub mod items;
pub mod outside;
pub mod paths;
pub mod picture;
pub mod ratchet;
pub mod shape;
pub mod source;
