//! Batched INSERT, as scripts do it: a page of 10,000 rows in the order of ids, one statement of
//! text for it in a transaction, and the next page.

use crate::Result;
use crate::figures::{Figures, cpu, timed};
use crate::session::Session;
use crate::stage::Stage;

const PAGE: &str =
    "select id, ts::text, event::text from events where id > $1 order by id limit 10000";

pub fn copy(stage: &Stage, target: &str) -> Result<Figures> {
    let own_before = cpu(std::process::id(), false);
    let mut figures = timed(&stage.source, &stage.destination, |_| {
        let source = Session::open(&stage.source, "source")?;
        let destination = Session::open(&stage.destination, target)?;
        let asked = source.prepare(PAGE)?;
        let mut last = i64::MIN;
        loop {
            let rows = source.rows(&asked, &[&last])?;
            let Some(newest) = rows.last() else { return Ok(()) };
            last = newest.try_get(0)?;
            let mut values = Vec::with_capacity(rows.len());
            for row in &rows {
                let (id, ts, event): (i64, &str, &str) =
                    (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                values.push(format!("({id}, '{ts}', '{}')", event.replace('\'', "''")));
            }
            destination.run("begin")?;
            destination
                .run(&format!("insert into events (id, ts, event) values {}", values.join(", ")))?;
            destination.run("commit")?;
        }
    })?;
    figures.own_cpu = cpu(std::process::id(), false) - own_before;
    Ok(figures)
}
