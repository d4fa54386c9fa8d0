//! Sessions that write by plain SQL, for stores whose interface is that.

use crate::harness::Database;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// So many sessions write for so many seconds: each transaction is the statements that are given
/// for its number. One that fails is rolled back.
pub async fn write(
    database: &Database,
    sessions: u32,
    seconds: f64,
    statements: impl Fn(u32) -> String + Clone + Send + 'static,
) {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut writers = JoinSet::new();
    for session in 0..sessions {
        let (client, statements) = (database.client().await, statements.clone());
        writers.spawn(async move {
            let mut committed = 0;
            for n in (session..).step_by(sessions as usize).take_while(|_| Instant::now() < end) {
                match client.batch_execute(&statements(n)).await {
                    Ok(()) => committed += 1,
                    Err(_) => client.batch_execute("rollback").await.unwrap(),
                }
            }
            committed
        });
    }
    let committed: u32 = writers.join_all().await.iter().sum();
    assert!(committed > 0, "no transaction succeeded");
}
