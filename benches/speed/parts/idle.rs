//! What a follower costs while nothing happens.

use super::{Part, turns};
use crate::Result;
use crate::arguments::Wanted;
use crate::contestants::Follower;
use crate::figures::{Spread, cpu, server_cpu};
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, spread};
use crate::stage::{DESTINATIONS, Stage};
use counterfoil::postgres::server::PrivateServer;
use std::time::{Duration, Instant};

const TARGET: &str = DESTINATIONS[0];
/// What belongs to a start is over by then.
const SETTLE: Duration = Duration::from_secs(3);
const CASES: [Option<Follower>; 3] = [None, Some(Follower::Counterfoil), Some(Follower::Native)];

/// A run: processor time in per cent of a core, and statements a second.
#[derive(Clone, Copy)]
struct Idle {
    own_cpu: f64,
    source_cpu: f64,
    destination_cpu: f64,
    source_statements: f64,
    destination_statements: f64,
}

pub fn measure(wanted: &Wanted) -> Result<Section> {
    let size = wanted.size(Part::Idle);
    let stage = Stage::new(Psql::find()?, size.events, 100, &wanted.replication())?;
    stage.ask_source("alter database source set log_statement = 'all'")?;
    stage.ask_destination(TARGET, &format!("alter database {TARGET} set log_statement = 'all'"))?;
    let mut found: [Vec<Idle>; 3] = Default::default();
    for round in 0..size.runs {
        for case in turns(round, CASES.len()) {
            let idle = run(&stage, CASES[case], size.seconds)?;
            println!(
                "round {} of {}: {}, {:.2} % of a core, {:.2} and {:.2} statements/s",
                round + 1,
                size.runs,
                name(CASES[case]),
                idle.own_cpu,
                idle.source_statements,
                idle.destination_statements
            );
            found[case].push(idle);
        }
    }
    Ok(section(&stage, size.seconds, &found))
}

fn name(case: Option<Follower>) -> &'static str {
    case.map_or("nobody", Follower::name)
}

fn run(stage: &Stage, case: Option<Follower>, seconds: u64) -> Result<Idle> {
    let following = case.map(|follower| follower.start(stage, TARGET)).transpose()?;
    let pid = following.as_ref().and_then(|following| following.pid());
    std::thread::sleep(SETTLE);
    let servers = [&stage.source, &stage.destination];
    let look = || {
        let statements = servers.map(|server| statements(server) as f64);
        (pid.map_or(0.0, |pid| cpu(pid, false)), servers.map(server_cpu), statements)
    };
    let begun = Instant::now();
    let before = look();
    std::thread::sleep(Duration::from_secs(seconds));
    let after = look();
    let elapsed = begun.elapsed().as_secs_f64();
    if let Some(following) = following {
        following.stop()?;
        stage.compare(TARGET)?;
    }
    let percent = |before: f64, after: f64| (after - before) / elapsed * 100.0;
    Ok(Idle {
        own_cpu: percent(before.0, after.0),
        source_cpu: percent(before.1[0], after.1[0]),
        destination_cpu: percent(before.1[1], after.1[1]),
        source_statements: (after.2[0] - before.2[0]) / elapsed,
        destination_statements: (after.2[1] - before.2[1]) / elapsed,
    })
}

/// Statements in the log of a server: simple ones, and executions of prepared ones.
fn statements(server: &PrivateServer) -> usize {
    let is_statement =
        |line: &&str| line.contains("LOG:  statement: ") || line.contains("LOG:  execute ");
    server.log().lines().filter(is_statement).count()
}

fn section(stage: &Stage, seconds: u64, found: &[Vec<Idle>; 3]) -> Section {
    let cpu = "% of a core: between";
    let heads = [
        "who follows",
        cpu,
        "source's server",
        "destination's server",
        "statements/s at the source",
        "at the destination",
    ];
    let mut table = Table::new("One destination, no events", &heads);
    let mut bars = Vec::new();
    for (case, runs) in CASES.iter().zip(found) {
        let of = |of: fn(&Idle) -> f64| Spread::of(runs.iter().map(of));
        table.rows.push(vec![
            name(*case).to_owned(),
            spread(of(|idle| idle.own_cpu), 2),
            spread(of(|idle| idle.source_cpu), 2),
            spread(of(|idle| idle.destination_cpu), 2),
            spread(of(|idle| idle.source_statements), 2),
            spread(of(|idle| idle.destination_statements), 2),
        ]);
        let all = of(|idle| idle.own_cpu + idle.source_cpu + idle.destination_cpu);
        bars.push(Bar::new(name(*case), all));
    }
    Section {
        part: Part::Idle,
        method: format!(
            "A follower has caught up, and nothing happens for {seconds} s. Processor time of both \
             servers holds what they do by themselves, which is the first row; statements are \
             counted in the logs of the servers."
        ),
        postgres: stage.version(),
        tables: vec![table],
        chart: Chart::new(
            Part::Idle.title(),
            "processor time of both servers and of what is between them, in % of a core; shorter \
             is better",
            Group::alone(bars),
        ),
    }
}
