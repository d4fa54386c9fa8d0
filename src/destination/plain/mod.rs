//! What plain tables of other engines have in common: how a value of PostgreSQL is kept in a column
//! that knows integers, numbers, texts and bytes, and the row that it came in made again from it.
//!
//! Rows travel in text form: what the output functions of PostgreSQL write under our pinned
//! settings is all of a value, and what both sides are compared by. So each value is kept in a form
//! that gives exactly this text again, which is tried before it is stored; a value of which that is
//! not so is refused, and nothing of its batch is written.

pub(crate) mod form;
pub(crate) mod rows;
pub(crate) mod shape;
