//! What replication costs those who write: transactions a second of sixteen writers, with and
//! without a follower and its doorbell.

use super::{Part, turns};
use crate::Result;
use crate::arguments::{Size, Wanted};
use crate::contestants::{Follower, wait_until_level};
use crate::figures::Spread;
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, ratios, spread};
use crate::session::Session;
use crate::stage::{DESTINATIONS, Stage};
use std::process::{Command, Stdio};

const TARGET: &str = DESTINATIONS[0];

/// What is there beside the writers.
struct Case {
    name: &'static str,
    has_doorbell: bool,
    is_followed: bool,
}

/// The last is what the others are compared with.
const CASES: [Case; 4] = [
    Case { name: "counterfoil follows, doorbell", has_doorbell: true, is_followed: true },
    Case { name: "counterfoil follows, polling", has_doorbell: false, is_followed: true },
    Case { name: "nobody follows, doorbell", has_doorbell: true, is_followed: false },
    Case { name: "nobody follows, no trigger", has_doorbell: false, is_followed: false },
];
const POLLING: usize = 1;
const BARE: usize = 3;

pub fn measure(wanted: &Wanted) -> Result<Section> {
    let size = wanted.size(Part::Writers);
    let stage = Stage::empty(Psql::find()?, &wanted.replication())?;
    std::fs::write(
        stage.scratch().join("insert.pgbench"),
        include_str!("../sql/insert_one.pgbench"),
    )?;
    let mut found: [Vec<f64>; 4] = Default::default();
    for round in 0..size.runs {
        for case in turns(round, CASES.len()) {
            let rate = run(&stage, &CASES[case], size)?;
            println!(
                "round {} of {}: {} {rate:.0} transactions/s",
                round + 1,
                size.runs,
                CASES[case].name
            );
            found[case].push(rate);
        }
    }
    Ok(section(&stage, size, &found))
}

fn run(stage: &Stage, case: &Case, size: Size) -> Result<f64> {
    stage.clear_source()?;
    if case.has_doorbell {
        stage.init_source()?;
    } else {
        // Through a session: psql would tell that there is none.
        Session::open(&stage.source, "source")?
            .run("drop trigger if exists counterfoil_doorbell on events")?;
    }
    let doorbells = stage
        .ask_source("select count(*) from pg_trigger where tgname = 'counterfoil_doorbell'")?;
    if doorbells != u8::from(case.has_doorbell).to_string() {
        return Err(format!("{}: there are {doorbells} doorbells", case.name).into());
    }
    if !case.is_followed {
        return write(stage, size);
    }
    let following = Follower::Counterfoil.start(stage, TARGET)?;
    let rate = write(stage, size)?;
    wait_until_level(stage, TARGET)?;
    following.stop()?;
    stage.digest_source()?;
    stage.compare(TARGET)?;
    Ok(rate)
}

/// pgbench for a time; gives its transactions a second.
fn write(stage: &Stage, size: Size) -> Result<f64> {
    let mut pgbench = Command::new(stage.source.bin_dir().join("pgbench"));
    pgbench.args([
        "--no-vacuum",
        "--protocol=prepared",
        "--client=16",
        "--jobs=2",
        "--username=postgres",
    ]);
    pgbench.arg(format!("--time={}", size.seconds));
    pgbench.arg("--file").arg(stage.scratch().join("insert.pgbench"));
    pgbench.arg("--host").arg(stage.source.socket_dir());
    pgbench.arg(format!("--port={}", stage.source.port())).arg("source");
    let output = pgbench.stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rate =
        said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    match rate {
        Some(rate) if output.status.success() => Ok(rate),
        _ => {
            Err(format!("pgbench failed: {said}{}", String::from_utf8_lossy(&output.stderr)).into())
        }
    }
}

fn section(stage: &Stage, size: Size, found: &[Vec<f64>; 4]) -> Section {
    let heads = ["", "transactions/s", "÷ nobody, no trigger", "÷ polling"];
    let mut table = Table::new(
        "Sixteen writers, one event of about 400 bytes in each transaction, fsync on",
        &heads,
    );
    let mut bars = Vec::new();
    for (case, rates) in CASES.iter().zip(found) {
        let rate = Spread::of(rates.iter().copied());
        table.rows.push(vec![
            case.name.to_owned(),
            spread(rate, 0),
            spread(ratios(rates, &found[BARE], |rate| *rate), 3),
            spread(ratios(rates, &found[POLLING], |rate| *rate), 3),
        ]);
        bars.push(Bar::new(case.name, rate));
    }
    Section {
        part: Part::Writers,
        method: format!(
            "pgbench with 16 clients and 2 threads inserts one event in each transaction for {} s, \
             with Counterfoil following by its doorbell, by polling without the trigger, and with \
             nobody following, in turn. Everything runs on the same cores, so what the follower \
             and the destination's server take is missing to the writers.",
            size.seconds
        ),
        postgres: stage.version(),
        tables: vec![table],
        chart: Chart::new(
            Part::Writers.title(),
            "transactions a second, median of the rounds with lowest and highest; longer is better",
            Group::alone(bars),
        ),
    }
}
