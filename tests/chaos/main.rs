//! Chaos: loaders, replicators and servers, while everything fails at random; a checker that never
//! sees anything but prefixes; and in the end the comparison of every byte. See `--help`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod checker;
mod faults;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/harness.rs"]
mod harness;
mod history;
mod loader;
mod plan;
mod points;
mod replicators;
mod scene;
mod strange;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/support/mod.rs"]
mod support;

use clap::Parser;
use faults::Hand;
use history::History;
use loader::Loader;
use plan::Act;
use replicators::Replicators;
use rustix::process::Signal;
use scene::{Scene, Servers};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// By this variable a process is given its orders; only a build with fail points knows it.
pub const ORDERS: &str = "COUNTERFOIL_FAIL_POINTS";
/// Loaders of an act.
const LOADERS: u64 = 5;
/// In so many acts every point must have been reached.
const LONG_ACTS: usize = 6;
/// When everything is well again, all destinations are level within this time, without a hand.
const CALM_MAX: Duration = Duration::from_secs(60);

/// Lets a source, three destinations and their replicators fail at random, and finds out whether
/// anything was lost, doubled or reordered.
///
/// Everything that happens is drawn from the seed; the machine decides how far the others have come
/// by then, so the same seed is the same plan, and not the same run to the microsecond. Ends with 1
/// when a promise was broken.
#[derive(Parser)]
#[command(name = "tools/chaos", bin_name = "tools/chaos")]
struct Flags {
    /// How long things fail, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The plan; default: by chance
    #[arg(long)]
    seed: Option<u64>,
    /// Where what happens is written down, one JSON object a line
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/chaos.jsonl"))]
    history: PathBuf,
    /// A directory for the logs of all replicators; default: they are thrown away
    #[arg(long)]
    logs: Option<PathBuf>,
    /// Prints the plan, and does nothing
    #[arg(long)]
    plan: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let seed = flags.seed.unwrap_or_else(|| rand::random_range(1..1_000_000_000));
    let acts = plan::acts(seed, flags.seconds);
    if flags.plan {
        println!("{acts:#?}");
        return ExitCode::SUCCESS;
    }
    println!("chaos: seed {seed}, {} s, history in {}", flags.seconds, flags.history.display());
    let history = Arc::new(History::new(&flags.history, flags.logs.as_deref()).unwrap());
    let mut interrupt =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).unwrap();
    let mut terminate =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    let is_whole = tokio::select! {
        () = run(&acts, &history) => true,
        _ = interrupt.recv() => false,
        _ = terminate.recv() => false,
    };
    for (figure, count) in history.figures().iter() {
        println!("{count:>12}  {figure}");
    }
    match history.violation() {
        Some(violation) => {
            eprintln!(
                "chaos: a promise was broken, with seed {seed}; the history is in {}\n{violation}",
                flags.history.display()
            );
            ExitCode::FAILURE
        }
        None if !is_whole => ExitCode::from(130),
        None => {
            println!("chaos: nothing was lost, doubled or reordered, with seed {seed}");
            ExitCode::SUCCESS
        }
    }
}

async fn run(acts: &[Act], history: &Arc<History>) {
    let scratch = tempfile::tempdir().unwrap();
    // Another build may replace the program meanwhile, or has done so already.
    let program = scratch.path().join("counterfoil");
    std::fs::copy(env!("CARGO_BIN_EXE_counterfoil"), &program).unwrap();
    let has_points = String::from_utf8_lossy(&std::fs::read(&program).unwrap()).contains(ORDERS);
    assert!(
        has_points,
        "this build of counterfoil has no fail points: run tools/chaos, which builds it"
    );
    let points = points::all();
    let servers = Servers::start().await;
    for act in acts {
        let scene = Arc::new(servers.scene(act).await);
        history.note("act", format!("{:?}, groups whole: {}", act.kind, act.is_grouped));
        let replicators = Replicators::new(act, &scene, history, &program, scratch.path(), &points);
        // A violation ends everything where it stands.
        tokio::select! {
            () = play(act, &scene, &replicators, history) => {}
            () = history.broken() => return replicators.keep_logs().await,
        }
        drop(replicators);
        if let Ok(scene) = Arc::try_unwrap(scene)
            .map_err(|_| history.note("bug", "somebody still looks at the scene"))
        {
            scene.leave().await;
        }
        history.count("acts", 1);
    }
    for name in &points {
        if acts.len() >= LONG_ACTS
            && !history.figures().contains_key(&format!("point {name}: hits"))
        {
            history.violated(format!("the point {name} was never reached"));
        }
    }
}

async fn play(
    act: &Act,
    scene: &Arc<Scene>,
    replicators: &Arc<Replicators>,
    history: &Arc<History>,
) {
    let (is_loaded, is_checked) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (mut loaders, mut checkers, mut keepers, mut faults) =
        (JoinSet::new(), JoinSet::new(), JoinSet::new(), JoinSet::new());
    for loader in 0..LOADERS {
        let loader =
            Loader::new(format!("loader{loader}"), act.kind, act.loader_seed.wrapping_add(loader));
        loaders.spawn(loader.load(Arc::clone(scene), Arc::clone(&is_loaded), Arc::clone(history)));
    }
    for destination in 1..plan::SERVERS {
        checkers.spawn(checker::watch(
            destination,
            Arc::clone(scene),
            act.is_grouped,
            Arc::clone(&is_checked),
            Arc::clone(history),
        ));
    }
    for slot in 0..2 {
        keepers.spawn(Arc::clone(replicators).keep(slot));
    }
    let hand = Hand {
        scene: Arc::clone(scene),
        replicators: Arc::clone(replicators),
        history: Arc::clone(history),
    };
    let began = Instant::now();
    for (at, fault) in &act.faults {
        tokio::time::sleep_until((began + *at).into()).await;
        faults.spawn(hand.clone().inflict(*fault));
    }
    drop(hand);
    while let Some(undone) = faults.join_next().await {
        undone.unwrap();
    }
    is_loaded.store(true, Ordering::Relaxed);
    let ledgers = loaders.join_all().await;
    calm(scene, replicators, history).await;
    while let Some(ended) = keepers.join_next().await {
        ended.unwrap();
    }
    catch_up(replicators, history).await;
    is_checked.store(true, Ordering::Relaxed);
    checkers.join_all().await;
    checker::conclude(scene, &ledgers, history).await;
}

/// Everything is well again: the replicator that is there comes level by itself, and stops when
/// asked.
async fn calm(scene: &Scene, replicators: &Replicators, history: &History) {
    history.note("calm", "");
    replicators.is_calm.store(true, Ordering::Relaxed);
    scene.links.iter().for_each(|link| link.heal());
    end_prepared(scene).await;
    let began = Instant::now();
    replicators.signal(1, Signal::KILL).await;
    if let Err(behind) = checker::level(scene, CALM_MAX).await {
        let log = replicators.log(0).await;
        history.violated(format!(
            "not level {CALM_MAX:?} after everything was well again: {behind}\n{log}"
        ));
    }
    history.note(
        "level",
        format!("{} ms after everything was well again", began.elapsed().as_millis()),
    );
    replicators.is_over.store(true, Ordering::Relaxed);
}

/// Nobody will end what was left prepared.
async fn end_prepared(scene: &Scene) {
    let client = scene.client(0).await.unwrap();
    let left = "select gid from pg_prepared_xacts where database = current_database()";
    for row in client.query(left, &[]).await.unwrap() {
        let gid: String = row.get(0);
        client.batch_execute(&format!("rollback prepared '{gid}'")).await.unwrap();
    }
}

/// A last run that ends by itself.
async fn catch_up(replicators: &Replicators, history: &History) {
    let start = plan::Starts::new(0, 0).next();
    let end = replicators.setup(&start).start(&["--until-caught-up"]).ends().await;
    if end.code != Some(0) {
        history.violated(format!("the last run ended with {:?}: {}", end.code, end.report));
    }
}
