//! What `repair` and `restore` share: limits from the configuration, places, and the words for what was done.

use crate::audit::batch::Limits;
use crate::audit::pair::Place;
use crate::audit::repair::Done;
use crate::config::Config;
use crate::config::libpq::Conninfo;
use crate::sql::TableName;

/// Of a transaction.
pub fn limits(config: &Config) -> Limits {
    Limits {
        events_max: config.replication.max_events_per_write,
        bytes_max: config.replication.max_bytes_per_write,
    }
}

/// How a table is reached.
pub fn place<'a>(config: &'a Config, what: &'static str, conninfo: &'a Conninfo, table: &'a TableName) -> Place<'a> {
    Place {
        conninfo,
        table,
        id_column: &config.source.id_column,
        what,
        timeout: config.replication.connect_timeout,
    }
}

/// Says how many events were written or deleted, and whether that was all.
pub fn tell(done: &Done, what: &str) {
    match done.events {
        1 => println!("1 event was {what}"),
        events => println!("{events} events were {what}"),
    }
    if done.is_stopped {
        println!("stopped before the end: run it again for the rest");
    }
}

/// Says that a stop came before anything was written.
pub fn tell_unchanged() {
    println!("nothing was changed");
}
