//! The page of one replication and the overview of several, whole and by fragments.

use super::flow::{FlowView, flow};
use super::moment::ReplicationMoment;
use super::numbers::{NumberView, numbers};
use super::plot::{PlotView, plots};
use super::process::ProcessFacts;
use super::proof::{CheckView, NewsView, ProofView, checks, news, proof};
use super::verdict::{ReplicationVerdict, verdict};
use super::words::{count, encoded, shown};
use crate::log::recent::RecentLine;
use askama::Template;

/// How to draw: for whom, beside what.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageContext<'a> {
    pub(super) process: &'a ProcessFacts,
    /// Whether the reader may act.
    pub(super) is_signed_in: bool,
    /// Whether there is a sign-in at all.
    pub(super) has_login: bool,
    /// Whether the process has several replications.
    pub(super) is_several: bool,
    /// Whether the configuration can be changed here.
    pub(super) is_edit: bool,
    /// Why it is not ready, where it is not.
    pub(super) unready: Option<&'a str>,
    pub(super) news: &'a [RecentLine],
}

impl PageContext<'_> {
    /// The line at the foot of each page.
    fn foot(&self) -> Vec<String> {
        let mut parts = self.process.foot();
        // Who looks for the buttons that the documents tell of learns why there are none.
        if !self.has_login {
            parts.push("read only: no password is set (console.password_hash_file)".to_owned());
        }
        parts
    }
}

/// All that the page of a replication shows.
#[derive(Debug)]
pub(super) struct PageView<'a> {
    context: PageContext<'a>,
    name: String,
    /// As it is configured.
    raw_name: String,
    /// Its name as a part of an address.
    path: String,
    title: String,
    place: String,
    aim: String,
    verdict: ReplicationVerdict,
    numbers: Vec<NumberView>,
    flow: FlowView,
    plots_title: &'static str,
    plots: Vec<PlotView>,
    proof: ProofView,
    checks: Vec<CheckView>,
    news: Vec<NewsView>,
    foot: Vec<String>,
    live: LiveState,
}

/// What the mark of the page's news says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LiveState {
    Live,
    Ended,
}

impl LiveState {
    fn class(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
        }
    }
}

/// One of several replications, on the overview.
#[derive(Debug)]
struct OverviewEntry {
    name: String,
    path: String,
    place: String,
    aim: String,
    verdict: ReplicationVerdict,
}

macro_rules! fragments {
    ($($name:ident $block:literal),* $(,)?) => {
        $(
            #[derive(Template)]
            #[template(path = "window.html", block = $block)]
            struct $name<'a> {
                v: &'a PageView<'a>,
            }
        )*
    };
}

#[derive(Template)]
#[template(path = "window.html")]
struct WholePage<'a> {
    v: &'a PageView<'a>,
}

fragments! {
    VerdictFragment "verdict",
    NumbersFragment "numbers",
    FlowFragment "flow",
    PlotsFragment "plots",
    ProofFragment "proof",
    ChecksFragment "checks",
    NewsFragment "news",
    FootFragment "foot",
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage<'a> {
    v: &'a OverviewView<'a>,
}

#[derive(Template)]
#[template(path = "overview.html", block = "overview")]
struct OverviewFragment<'a> {
    v: &'a OverviewView<'a>,
}

/// All that the overview shows.
#[derive(Debug)]
pub(super) struct OverviewView<'a> {
    context: PageContext<'a>,
    title: String,
    entries: Vec<OverviewEntry>,
    foot: Vec<String>,
}

/// A fragment of a page: the id of its element, and its text.
pub(super) type PageFragment = (&'static str, String);

impl<'a> PageView<'a> {
    /// Of a replication at one moment.
    pub(super) fn of(moment: &'a ReplicationMoment, context: PageContext<'a>) -> Self {
        let verdict = verdict(moment);
        let name = shown(&moment.name);
        let source = &moment.snapshot.source;
        Self {
            title: format!("{} {} · {name}", verdict.sign(), verdict.short),
            path: encoded(&moment.name),
            place: format!("{}, {}", shown(&source.database), shown(&source.table)),
            aim: aim(moment),
            numbers: numbers(moment),
            flow: flow(moment, context.is_signed_in),
            plots_title: if moment.is_job() { "Since the start" } else { "The last hour" },
            plots: plots(moment),
            proof: proof(moment),
            checks: checks(moment),
            news: news(context.news, context.is_several.then_some(&*moment.name)),
            foot: context.foot(),
            live: if moment.end.is_some() { LiveState::Ended } else { LiveState::Live },
            raw_name: moment.name.clone(),
            name,
            verdict,
            context,
        }
    }

    /// What a form has to name, where there are several.
    fn replication(&self) -> Option<&str> {
        self.context.is_several.then_some(&self.raw_name)
    }

    /// What a tab is called.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// The whole page.
    pub(super) fn whole(&self) -> String {
        drawn(&WholePage { v: self })
    }

    /// Every part of it that changes.
    pub(super) fn fragments(&self) -> Vec<PageFragment> {
        vec![
            ("verdict", drawn(&VerdictFragment { v: self })),
            ("numbers", drawn(&NumbersFragment { v: self })),
            ("flow", drawn(&FlowFragment { v: self })),
            ("plots", drawn(&PlotsFragment { v: self })),
            ("proof", drawn(&ProofFragment { v: self })),
            ("checks", drawn(&ChecksFragment { v: self })),
            ("news", drawn(&NewsFragment { v: self })),
            ("foot", drawn(&FootFragment { v: self })),
        ]
    }
}

impl<'a> OverviewView<'a> {
    /// Of all replications at one moment.
    pub(super) fn of(
        moments: &'a [std::sync::Arc<ReplicationMoment>],
        context: PageContext<'a>,
    ) -> Self {
        let mut entries: Vec<OverviewEntry> = moments
            .iter()
            .map(|moment| OverviewEntry {
                name: shown(&moment.name),
                path: path_of(&moment.name),
                place: format!(
                    "{}, {}",
                    shown(&moment.snapshot.source.database),
                    shown(&moment.snapshot.source.table)
                ),
                aim: aim(moment),
                verdict: verdict(moment),
            })
            .collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.verdict.severity));
        let worst = entries.first().map(|worst| &worst.verdict);
        let bad = entries
            .iter()
            .filter(|entry| entry.verdict.severity == super::lane_word::NoteSeverity::Bad);
        let bad = bad.count();
        let sign = worst.map_or("○", |worst| worst.sign());
        let title = match bad {
            0 if entries.is_empty() => format!("{sign} no replication yet"),
            0 => format!("{sign} {} replications", entries.len()),
            bad => format!("{sign} {bad} of {} replications", entries.len()),
        };
        Self { context, title, entries, foot: context.foot() }
    }

    /// What a tab is called.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// The whole page.
    pub(super) fn whole(&self) -> String {
        drawn(&OverviewPage { v: self })
    }

    /// Every part of it that changes.
    pub(super) fn fragments(&self) -> Vec<PageFragment> {
        vec![("overview", drawn(&OverviewFragment { v: self }))]
    }
}

/// `→ 3 destinations`.
fn aim(moment: &ReplicationMoment) -> String {
    let lanes = moment.lanes.len();
    let job = if moment.is_job() { " · a job" } else { "" };
    match lanes {
        1 => format!("1 destination{job}"),
        _ => format!("{} destinations{job}", count(lanes as u64)),
    }
}

/// Where the page of a replication is.
pub(super) fn path_of(name: &str) -> String {
    format!("/replications/{}", encoded(name))
}

/// A template writes to a text, which cannot fail.
fn drawn(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
