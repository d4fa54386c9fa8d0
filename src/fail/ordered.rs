//! What happens at a point: it is counted, and the process ends or stops itself there if that was
//! ordered.
//!
//! `COUNTERFOIL_FAIL_POINTS` names a file of orders, one a line: the name of a point, at which of
//! its hits, and `kill` or `stop`. Beside it, with `.hits` after its name, stands how often each
//! point was reached, a line of [`RECORD_BYTES`] each, written before anything happens.

use rustix::process::{Signal, getpid, kill_process};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::Poll;

const ORDERS: &str = "COUNTERFOIL_FAIL_POINTS";
const RECORD_BYTES: usize = 64;
/// How often a future is let go before its question counts as sent.
const TURNS: usize = 2;

#[derive(Debug)]
struct FailOrder {
    name: String,
    hit: u64,
    signal: Signal,
}

#[derive(Debug)]
struct FailOrders {
    orders: Vec<FailOrder>,
    hits: File,
    /// Where each point stands in the file, and how often it was reached.
    reached: Mutex<BTreeMap<&'static str, (u64, u64)>>,
}

/// Counts a hit, and does what was ordered.
pub(crate) fn reach(name: &'static str) {
    static GIVEN: OnceLock<Option<FailOrders>> = OnceLock::new();
    let given = GIVEN.get_or_init(|| {
        std::env::var_os(ORDERS).and_then(|path| FailOrders::read(Path::new(&path)))
    });
    let Some(orders) = given else { return };
    let hit = orders.count(name);
    for order in orders.orders.iter().filter(|order| order.name == name && order.hit == hit) {
        let _ = kill_process(getpid(), order.signal);
        if order.signal == Signal::KILL {
            loop {
                std::thread::park();
            }
        }
    }
}

/// Lets a future send its question, and then reaches the point. Whether the server has seen the
/// question is left to chance.
pub async fn midway<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    for _ in 0..TURNS {
        if let Poll::Ready(done) = futures::poll!(work.as_mut()) {
            return done;
        }
        tokio::task::yield_now().await;
    }
    reach(name);
    work.await
}

impl FailOrders {
    fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".hits");
        Some(Self {
            orders: text.lines().filter_map(order).collect(),
            hits: File::create(beside).ok()?,
            reached: Mutex::default(),
        })
    }

    fn count(&self, name: &'static str) -> u64 {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let next = reached.len() as u64;
        let (place, hits) = reached.entry(name).or_insert((next, 0));
        *hits += 1;
        let record = format!("{:<width$}\n", format!("{name} {hits}"), width = RECORD_BYTES - 1);
        let _ = self.hits.write_all_at(record.as_bytes(), *place * RECORD_BYTES as u64);
        *hits
    }
}

fn order(line: &str) -> Option<FailOrder> {
    let mut words = line.split(' ');
    Some(FailOrder {
        name: words.next()?.to_owned(),
        hit: words.next()?.parse().ok()?,
        signal: if words.next()? == "stop" { Signal::STOP } else { Signal::KILL },
    })
}
