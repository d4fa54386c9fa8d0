//! The floors of the house and the rooms on each.

/// From the ground up. The ground is one room of several files, and so is the roof.
pub const FLOORS: &[&[&str]] = &[
    &["commands", "error", "fail", "histogram", "log", "retry", "sql", "stop"],
    &["config", "event"],
    &["postgres", "fake"],
    &["source", "destination"],
    // `load` writes events as an application does: beside replication, which never writes into a
    // source, and beside verification, which only reads.
    &["replicate", "verify", "recover", "load"],
    &["supervise"],
    &["console"],
    &["main", "cli"],
];
pub const GROUND: usize = 0;
pub const ROOF: usize = 7;

pub fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The room a module belongs to; the files of the ground are one.
pub fn room_of(module: &[String]) -> &str {
    match module.first().map(String::as_str) {
        Some(name) if floor_of(name) == Some(GROUND) => "ground",
        Some(name) => name,
        None => "",
    }
}
