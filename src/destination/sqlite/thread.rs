//! A file of SQLite on a thread of its own: whoever asks sends the question there and awaits the
//! answer, so that no wait for a disk or a lock keeps anything else from its work.

use super::error::{is_busy, of_sqlite};
use super::file::SqliteFile;
use crate::error::{Error, ErrorKind, Result};
use rusqlite::InterruptHandle;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Between two attempts to get a lock that somebody else holds.
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// The thread has so much longer than its question, which ends its own waits.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

type FileJob = Box<dyn FnOnce(&mut SqliteFile) + Send>;

/// See the module. With its drop the thread ends, as soon as what it is at has ended.
pub(crate) struct SqliteThread {
    jobs: mpsc::Sender<FileJob>,
    interrupt: Arc<InterruptHandle>,
    /// Whether an answer did not come: what the thread is at is not known.
    is_lost: AtomicBool,
    place: String,
}

/// How long a question may wait for locks.
#[derive(Clone, Copy)]
pub(crate) struct LockWait<'a> {
    until: Instant,
    is_given_up: &'a dyn Fn() -> bool,
}

impl LockWait<'_> {
    /// Does it as often as somebody else's lock is in the way, for as long as it is wanted.
    pub(crate) fn retry<T>(
        &self,
        mut attempt: impl FnMut() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        loop {
            match attempt() {
                Err(error) if is_busy(&error) && self.goes_on() => std::thread::sleep(LOCK_PAUSE),
                done => return done,
            }
        }
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.until && !(self.is_given_up)()
    }
}

/// Stops what the thread reads when nobody awaits it any more.
struct ReadInterruption<'a>(Option<&'a InterruptHandle>);

impl Drop for ReadInterruption<'_> {
    fn drop(&mut self) {
        if let Some(interrupt) = self.0 {
            interrupt.interrupt();
        }
    }
}

impl SqliteThread {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of SQLite; `Unavailable` without an answer in this time.
    pub(crate) async fn open(path: &Path, limit: Duration) -> Result<Self> {
        let (path, place) = (path.to_owned(), path.display().to_string());
        let (jobs, queue) = mpsc::channel::<FileJob>();
        let (opened, opening) = oneshot::channel();
        let work = move || match SqliteFile::open(&path, limit) {
            Ok(mut file) => {
                let is_awaited = opened.send(Ok(file.connection.get_interrupt_handle())).is_ok();
                while let Some(job) = is_awaited.then(|| queue.recv().ok()).flatten() {
                    job(&mut file);
                }
            }
            Err(error) => drop(opened.send(Err(error))),
        };
        let thread = std::thread::Builder::new().name("sqlite".to_owned()).spawn(work);
        thread.map_err(|error| {
            Error::new(ErrorKind::Unavailable, "cannot start a thread").caused_by(&error)
        })?;
        let opened = tokio::time::timeout(limit + ANSWER_GRACE, opening).await;
        let interrupt = match opened {
            Ok(Ok(opened)) => opened?,
            Ok(Err(_)) => return Err(ended(&place)),
            Err(_) => return Err(no_answer(&place, limit)),
        };
        Ok(Self { jobs, interrupt: Arc::new(interrupt), is_lost: AtomicBool::new(false), place })
    }

    /// The path of the file.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Why nothing can be asked any more, once that is known.
    pub(crate) fn death(&self) -> Option<Error> {
        self.is_lost.load(Ordering::Acquire).then(|| {
            Error::new(ErrorKind::Unavailable, "an answer of the file was given up")
                .at(&*self.place)
        })
    }

    /// Asks a question that only reads, and may take as long as that takes; given up, it ends soon.
    ///
    /// # Errors
    /// Those of SQLite; `Unavailable` where a lock is in the way for longer than this.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        lock_max: Duration,
        question: impl Fn(&SqliteFile) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.place.clone();
        let mut interruption = ReadInterruption(Some(&self.interrupt));
        let until = Instant::now() + lock_max;
        let asking = move |file: &mut SqliteFile, wait: &LockWait<'_>| {
            let wait = LockWait { until, ..*wait };
            let answer = wait.retry(|| question(file));
            answer.map_err(|error| of_sqlite(&error, "cannot read the file").at(place))
        };
        let answer = self.ask(Duration::MAX, asking).await;
        interruption.0 = None;
        answer
    }

    /// Does something there.
    ///
    /// # Errors
    /// Those of the work; `Unavailable` without an answer in this time.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut SqliteFile, &LockWait<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if let Some(death) = self.death() {
            return Err(death);
        }
        let (reply, answer) = oneshot::channel();
        let now = Instant::now();
        let until = now.checked_add(limit).unwrap_or(now);
        let job: FileJob = Box::new(move |file| {
            let is_given_up = || reply.is_closed();
            let done = work(file, &LockWait { until, is_given_up: &is_given_up });
            drop(reply.send(done));
        });
        if self.jobs.send(job).is_err() {
            return Err(ended(&self.place));
        }
        match tokio::time::timeout(limit.saturating_add(ANSWER_GRACE), answer).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => {
                self.is_lost.store(true, Ordering::Release);
                Err(ended(&self.place))
            }
            Err(_) => {
                self.is_lost.store(true, Ordering::Release);
                Err(no_answer(&self.place, limit))
            }
        }
    }
}

fn ended(place: &str) -> Error {
    Error::new(ErrorKind::Bug, "the thread of a file of SQLite has ended").at(place)
}

fn no_answer(place: &str, limit: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, "a file of SQLite does not answer")
        .at(place)
        .because(format!("no answer for {} s", limit.as_secs_f32()))
        .fix("look whether the disk of the file answers; it is tried again")
}
