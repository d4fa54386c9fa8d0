//! The races: who runs, in which order, and what is printed.

use crate::Result;
use crate::figures::{Figures, Spread, timed, watch};
use crate::stage::{DESTINATIONS, Stage, url};
use std::fs::File;
use std::process::{Child, Command, Stdio};

const COPY_OUT: &str = "copy events to stdout (format binary)";
const COPY_IN: &str = "copy events from stdin (format binary)";

/// Counterfoil with each of the settings and the raw pipe, in turn, into one destination.
pub fn catch_up(stage: &Stage, runs: usize, settings: &[String]) -> Result<()> {
    let mut pipe = Vec::new();
    let mut ours = vec![Vec::new(); settings.len()];
    for run in 0..runs {
        if run % 2 == 0 {
            pipe.push(raw_pipes(stage, &DESTINATIONS[..1])?);
        }
        for (settings, figures) in settings.iter().zip(&mut ours) {
            figures.push(counterfoil(stage, &DESTINATIONS[..1], settings)?);
        }
        if run % 2 == 1 {
            pipe.push(raw_pipes(stage, &DESTINATIONS[..1])?);
        }
        println!(
            "run {} of {runs}: raw pipe {:.2} s, counterfoil {}",
            run + 1,
            pipe[run].seconds,
            seconds(&ours, run)
        );
    }
    heading();
    line("raw pipe", &pipe, &pipe);
    for (settings, figures) in settings.iter().zip(&ours) {
        line(settings, figures, &pipe);
    }
    Ok(())
}

/// Counterfoil into several destinations, and as many raw pipes at the same time.
pub fn fan_out(stage: &Stage, runs: usize, destinations: &[usize]) -> Result<()> {
    stage.ask_source("alter database source set log_statement = 'all'")?;
    for count in destinations {
        let targets = DESTINATIONS.get(..*count).ok_or("so many destinations are not there")?;
        let (mut pipes, mut ours, mut copies) = (Vec::new(), Vec::new(), Vec::new());
        for run in 0..runs {
            if run % 2 == 0 {
                pipes.push(raw_pipes(stage, targets)?);
            }
            let logged = stage.source.log().len();
            ours.push(counterfoil(stage, targets, "writers = 1")?);
            copies.push(stage.source.log()[logged..].matches("copy (select").count() as f64);
            if run % 2 == 1 {
                pipes.push(raw_pipes(stage, targets)?);
            }
        }
        println!(
            "\n1 to {count}; COPY statements of counterfoil at the source: {}",
            Spread::of(copies)
        );
        heading();
        line(&format!("{count} raw pipes at a time"), &pipes, &pipes);
        line("counterfoil", &ours, &pipes);
    }
    Ok(())
}

fn heading() {
    println!(
        "{:<48} {:>24} {:>24} {:>24} {:>8} {:>8} {:>8} {:>8}",
        "", "seconds", "ratio", "ratio of cpu", "peak MiB", "cpu own", "source", "dest"
    );
}

/// Medians, each with the lowest and highest; a ratio is that of two neighbours in time.
fn line(name: &str, figures: &[Figures], of: &[Figures]) {
    let median = |of: fn(&Figures) -> f64| Spread::of(figures.iter().map(of)).median;
    let ratios = |of_one: fn(&Figures) -> f64| Spread::of(figures.iter().zip(of).map(|(ours, theirs)| of_one(ours) / of_one(theirs)));
    let peak = figures.iter().map(|figures| figures.peak_kib).max().unwrap_or(0) as f64 / 1024.0;
    println!(
        "{name:<48} {:>24} {:>24} {:>24} {peak:>8.1} {:>8.2} {:>8.2} {:>8.2}",
        Spread::of(figures.iter().map(|figures| figures.seconds)).to_string(),
        ratios(|figures| figures.seconds).to_string(),
        ratios(Figures::cpu).to_string(),
        median(|figures| figures.own_cpu),
        median(|figures| figures.source_cpu),
        median(|figures| figures.destination_cpu),
    );
}

fn seconds(figures: &[Vec<Figures>], run: usize) -> String {
    let seconds: Vec<String> = figures.iter().map(|figures| format!("{:.2} s", figures[run].seconds)).collect();
    seconds.join(", ")
}

/// `counterfoil run --until-caught-up` into empty destinations.
fn counterfoil(stage: &Stage, targets: &[&str], settings: &str) -> Result<Figures> {
    prepare(stage, targets)?;
    let (file, log) = (stage.scratch().join("config.toml"), stage.scratch().join("run.log"));
    let settings = settings.replace(", ", "\n");
    let mut config = format!(
        "[source]\nurl = \"{}\"\n[replication]\n{}\n",
        url(&stage.source, "source"),
        stage.replication
    );
    for target in targets {
        let url = url(&stage.destination, target);
        config.push_str(&format!("[[destinations]]\nname = \"{target}\"\nurl = \"{url}\"\n{settings}\n"));
    }
    std::fs::write(&file, config)?;
    let figures = timed(&stage.source, &stage.destination, |figures| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        run.args(["run", "--until-caught-up", "--config"])
            .arg(&file)
            .stdout(File::create(&log)?);
        if watch(&mut [run.spawn()?], figures)? {
            return Ok(());
        }
        Err(format!("counterfoil failed; its log:\n{}", std::fs::read_to_string(&log)?).into())
    });
    confirmed(stage, targets, figures)
}

/// One pipe of two psql for each destination, all at the same time.
fn raw_pipes(stage: &Stage, targets: &[&str]) -> Result<Figures> {
    prepare(stage, targets)?;
    let figures = timed(&stage.source, &stage.destination, |figures| {
        let pipes = targets.iter().map(|target| raw_pipe(stage, target)).collect::<Result<Vec<_>>>()?;
        let mut ends: Vec<Child> = pipes.into_iter().flatten().collect();
        if watch(&mut ends, figures)? {
            Ok(())
        } else {
            Err("the raw pipe failed".into())
        }
    });
    confirmed(stage, targets, figures)
}

fn raw_pipe(stage: &Stage, target: &str) -> Result<[Child; 2]> {
    let mut out = stage
        .psql
        .command(&stage.source, "source", COPY_OUT)
        .stdout(Stdio::piped())
        .spawn()?;
    let rows = out.stdout.take().ok_or("psql has no output")?;
    let into = stage.psql.command(&stage.destination, target, COPY_IN).stdin(rows).spawn()?;
    Ok([out, into])
}

fn prepare(stage: &Stage, targets: &[&str]) -> Result<()> {
    targets.iter().try_for_each(|target| stage.clear(target))
}

fn confirmed(stage: &Stage, targets: &[&str], figures: Result<Figures>) -> Result<Figures> {
    let figures = figures?;
    targets.iter().try_for_each(|target| stage.compare(target))?;
    Ok(figures)
}
