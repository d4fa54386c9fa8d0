//! The text of a configuration file, changed key by key as a person would change it: what the new
//! text is, given the old one and what a form says. Pure; files are read and written elsewhere.

mod apply;
mod changed;
mod fields;
mod hidden;
mod lines;
mod merge;
mod place;
mod secrets;
mod values;

pub(crate) use apply::{FieldEdit, FieldProblem, add_destination, edited, remove_destination};
pub(crate) use changed::changed_keys;
pub(crate) use fields::{
    FieldInput, FieldText, FormField, FormFields, destinations_written, of_destination,
    of_settings, of_source, of_table,
};
pub(crate) use hidden::{hidden_json, hidden_toml};
pub(crate) use lines::{LineChange, changes};
pub(crate) use merge::{MergeBlock, ThreeWayMerge};
pub(crate) use place::key_of;
pub(crate) use secrets::{
    UrlPassword, is_secret_file_name, is_variable_alone, secret_file_name, without_password,
};

#[cfg(test)]
mod tests;
