//! Configuration in the browser: plain forms over the table of keys. The file is the only truth; what
//! is entered is a draft in memory until it is saved.

pub(super) mod desk;
mod destination_step;
mod draft;
mod files_page;
mod forms;
mod look_step;
mod pages;
pub(super) mod routes;
mod save;
mod source_step;
mod store;
mod table_step;
mod tries;
mod views;
