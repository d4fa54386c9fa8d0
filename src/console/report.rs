//! `run --report FILE`: what a run leaves to be read when it is over, as a page without script and
//! as JSON. Written at its end, also when it fails, each by rename: a file is whole or is not there.

use super::access::PageVisitor;
use super::frame::{DrawingRules, PageKey, WindowFrame};
use super::moment::MomentSampler;
use super::process::ProcessFacts;
use super::status::ProcessStatus;
use crate::config::ConsoleConfig;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::log::WallTime;
use crate::log::recent::RecentLines;
use crate::supervise::Roster;
use askama::Template;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
const SHEET: &str = include_str!("assets/console.css");

/// Follows a run, to write of it at its end.
pub(crate) struct RunRecorder {
    files: Vec<PathBuf>,
    roster: watch::Receiver<Roster>,
    recent: RecentLines,
    drawing: DrawingRules,
    sampler: Arc<Mutex<MomentSampler>>,
    _task: AbortOnDropHandle<()>,
}

/// A report as a page.
#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    title: String,
    ended_at: String,
    exit_code: u8,
    sheet: &'static str,
    version: String,
    parts: Vec<ReportPart>,
}

/// What it says of one replication.
struct ReportPart {
    name: String,
    fragments: Vec<(&'static str, String)>,
}

/// What a report is about, besides where it is written.
pub(crate) struct RecordedRun {
    /// The replications of the process.
    pub(crate) roster: watch::Receiver<Roster>,
    /// The latest lines of the log.
    pub(crate) recent: RecentLines,
    /// Version of the program.
    pub(crate) version: &'static str,
    /// The files it was started with.
    pub(crate) files: String,
    /// When a destination is called late.
    pub(crate) config: ConsoleConfig,
}

impl RunRecorder {
    /// Begins to follow it.
    ///
    /// # Errors
    /// `Usage` where a file could not be written there at the end.
    pub(crate) fn begin(files: Vec<PathBuf>, run: RecordedRun) -> Result<Self> {
        for file in &files {
            temporary(file)?;
        }
        let sampler = Arc::new(Mutex::new(MomentSampler::new(run.config.behind)));
        let (sampled, roster) = (Arc::clone(&sampler), run.roster.clone());
        let task = tokio::spawn(async move {
            loop {
                take(&sampled, &roster);
                tokio::time::sleep(SAMPLE_INTERVAL).await;
            }
        });
        let facts = ProcessFacts {
            version: run.version.to_owned(),
            started: Instant::now(),
            files: run.files,
        };
        Ok(Self {
            files,
            roster: run.roster,
            recent: run.recent,
            drawing: DrawingRules { config: run.config, facts },
            sampler,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// Writes every file, of a run that ended with these problems; gives those and that of each file
    /// that could not be written. A file that was written tells the exit code that follows.
    pub(crate) fn finish(self, mut problems: Problems) -> Problems {
        let exit_code = problems.exit_code();
        let (written, unwritten) = self.write(&self.files, exit_code);
        problems.extend(unwritten);
        if problems.exit_code() != exit_code {
            let (_, unwritten) = self.write(&written, problems.exit_code());
            problems.extend(unwritten);
        }
        problems
    }

    /// Gives which of these files were written, and why others were not.
    fn write(&self, files: &[PathBuf], exit_code: u8) -> (Vec<PathBuf>, Problems) {
        let moments = take(&self.sampler, &self.roster);
        let frame = WindowFrame::new(moments, self.recent.latest(), Some(exit_code));
        let (mut written, mut problems) = (Vec::new(), Problems::new());
        for file in files {
            let text = if is_json(file) { self.json(&frame) } else { self.page(&frame, exit_code) };
            if problems.note(write(file, &text)).is_some() {
                written.push(file.clone());
            }
        }
        (written, problems)
    }

    fn json(&self, frame: &WindowFrame) -> String {
        let status = ProcessStatus::of(frame, &self.drawing.facts.version);
        let text = serde_json::to_string(&status).unwrap_or_default();
        crate::log::escape::escaped_json(&text).into_owned() + "\n"
    }

    fn page(&self, frame: &WindowFrame, exit_code: u8) -> String {
        let mut parts = Vec::new();
        let mut title = "Counterfoil".to_owned();
        for (index, moment) in frame.moments.iter().enumerate() {
            let page = PageKey::Replication(moment.name.clone());
            let Some(drawn) = frame.fragments(&page, &self.drawing, &PageVisitor::Stranger) else {
                continue;
            };
            if index == 0 {
                title.clone_from(&drawn.title);
            }
            let part = |(id, html): &(&'static str, String)| (*id, apart(html, index));
            let fragments = drawn.fragments.iter().filter(|(id, _)| *id != "foot").map(part);
            let name = super::words::shown(&moment.name);
            parts.push(ReportPart { name, fragments: fragments.collect() });
        }
        let page = ReportPage {
            title,
            ended_at: super::words::moment(WallTime::now()),
            exit_code,
            sheet: SHEET,
            version: self.drawing.facts.version.clone(),
            parts,
        };
        page.render().unwrap_or_default()
    }
}

fn take(
    sampler: &Mutex<MomentSampler>,
    roster: &watch::Receiver<Roster>,
) -> Vec<Arc<super::moment::ReplicationMoment>> {
    let mut sampler = sampler.lock().unwrap_or_else(PoisonError::into_inner);
    sampler.take(&roster.borrow(), Instant::now())
}

/// Whether a file is a report that can be written.
pub(crate) fn is_report(file: &Path) -> bool {
    is_json(file)
        || file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html"))
}

fn is_json(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// A fragment whose ids are those of no other replication in the same file.
fn apart(html: &str, index: usize) -> String {
    if index == 0 {
        return html.to_owned();
    }
    let html = html.replace(" id=\"", &format!(" id=\"r{index}-"));
    html.replace("labelledby=\"", &format!("labelledby=\"r{index}-"))
}

/// A new file beside the one that is to be.
fn temporary(file: &Path) -> Result<NamedTempFile> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(|error| {
        Error::new(ErrorKind::Usage, "the report cannot be written there")
            .at(format!("--report {}", file.display()))
            .caused_by(&error)
            .fix("name a file in a folder that exists and that this user may write to")
    })
}

fn write(file: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Error::new(ErrorKind::Output, "the report could not be written")
            .at(format!("--report {}", file.display()))
            .caused_by(error)
            .fix("look at the disk and the folder; the run itself ended as the log says")
    };
    let mut temporary = temporary(file).map_err(|error| error.of_kind(ErrorKind::Output))?;
    temporary.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    let readable = std::fs::Permissions::from_mode(0o644);
    temporary.as_file().set_permissions(readable).map_err(|error| failed(&error))?;
    temporary.as_file().sync_all().map_err(|error| failed(&error))?;
    temporary.persist(file).map_err(|error| failed(&error.error))?;
    Ok(())
}
