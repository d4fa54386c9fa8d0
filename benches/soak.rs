//! Hours of following, verified all the while, with a page that is looked at: whether memory stays
//! flat, the lag bounded, and what is verified keeps up.
//!
//! `tools/bench soak [--seconds N] [--rate N] [--picture FILE]`. One source, two destinations and a
//! loader on private servers; every ten seconds the window's own figures and the process's memory
//! and processor time are noted. It ends with the figures, a picture, and the comparison of every
//! row. No test depends on it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person")]
#![allow(clippy::unwrap_used, reason = "it ends where anything goes wrong")]

#[path = "shared/processor.rs"]
mod processor;

use counterfoil::postgres::server::{
    ClusterTemplate, PrivateServer, ServerBinaries, ServerSettings,
};
use processor::cpu;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use svg::Document;
use svg::node::element::{Line, Polyline, Rectangle, Text};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(10);

/// What is asked for.
struct Wanted {
    seconds: u64,
    rate: u32,
    picture: Option<PathBuf>,
}

/// A figure of a sample.
type PlottedFigure = fn(&Sample) -> f64;

/// What was seen at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: f64,
    memory_mb: f64,
    lag_ms: f64,
    /// Ids at the source that are not verified at a destination.
    unverified: f64,
    /// Events that were copied so far, to both.
    copied: f64,
    cpu_seconds: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut wanted = Wanted { seconds: 7200, rate: 200, picture: None };
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--seconds" => wanted.seconds = value.parse().unwrap(),
            [name, value] if name == "--rate" => wanted.rate = value.parse().unwrap(),
            [name, value] if name == "--picture" => wanted.picture = Some(value.into()),
            _ => {
                eprintln!("usage: tools/bench soak [--seconds N] [--rate N] [--picture FILE]");
                return ExitCode::from(2);
            }
        }
    }
    soak(&wanted);
    ExitCode::SUCCESS
}

fn soak(wanted: &Wanted) {
    let given = std::env::var_os("COUNTERFOIL_POSTGRES_BIN");
    let binaries = ServerBinaries::find(given.as_deref().map(Path::new)).unwrap();
    let template = ClusterTemplate::new(&binaries, &[]).unwrap();
    let server = || PrivateServer::new(&template, &ServerSettings::new().durable()).unwrap();
    let (source, copies) = (server(), [server(), server()]);
    let scratch = tempfile::tempdir().unwrap();
    let file = configure(scratch.path(), &source, &copies);
    let mut run = program(
        env!("CARGO_BIN_EXE_counterfoil"),
        &["run", "--config", &file],
        scratch.path(),
        "log",
    );
    let address = address(&scratch.path().join("log"));
    let rate = wanted.rate.to_string();
    let loading = ["--config", &file, "--fillers", "1000000000", "--rate", &rate];
    let mut loader =
        program(env!("CARGO_BIN_EXE_load-fake-data"), &loading, scratch.path(), "loader");
    let samples = follow(wanted, &address, run.id());
    loader.kill().unwrap();
    loader.wait().unwrap();
    std::thread::sleep(Duration::from_secs(5));
    let equal = Command::new(env!("CARGO_BIN_EXE_events-diff"))
        .args(["--config", &file, "--summary"])
        .output()
        .unwrap();
    print!("{}", String::from_utf8_lossy(&equal.stdout));
    run.kill().unwrap();
    run.wait().unwrap();
    tell(&samples, wanted.rate);
    if let Some(picture) = &wanted.picture {
        std::fs::write(picture, drawn(&samples, wanted.rate)).unwrap();
    }
    assert!(equal.status.success(), "the copies are not equal");
}

/// Makes the tables; gives the configuration.
fn configure(dir: &Path, source: &PrivateServer, copies: &[PrivateServer; 2]) -> String {
    let url = |server: &PrivateServer| {
        format!(
            "host={} port={} user=postgres dbname=postgres",
            server.socket_dir().display(),
            server.port()
        )
    };
    let file = dir.join("soak.toml");
    let text = format!(
        "[source]\nurl = '{}'\n[[destinations]]\nname = \"reporting\"\nurl = '{}'\n\
         [[destinations]]\nname = \"archive\"\nurl = '{}'\n[console]\nlisten = \"127.0.0.1:0\"\n\
         [verify]\nevery = \"10m\"\n[log]\nformat = \"json\"\n",
        url(source),
        url(&copies[0]),
        url(&copies[1])
    );
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    for arguments in [
        vec!["init", "source", "--url", &url(source), "--ids", "sequence"],
        vec!["init", "destination", "--config", &file],
    ] {
        let mut init = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        assert!(init.args(arguments).stdout(Stdio::null()).status().unwrap().success());
    }
    file
}

fn program(path: &str, arguments: &[&str], dir: &Path, log: &str) -> Child {
    let log = std::fs::File::create(dir.join(log)).unwrap();
    Command::new(path).args(arguments).stdout(log).stderr(Stdio::null()).spawn().unwrap()
}

/// Where the window is, once it is open.
fn address(log: &Path) -> String {
    loop {
        let text = std::fs::read_to_string(log).unwrap();
        if let Some(line) = text.lines().find(|line| line.contains("the window is open")) {
            let line: Value = serde_json::from_str(line).unwrap();
            return line["address"].as_str().unwrap().to_owned();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Looks again and again, while a page is open.
fn follow(wanted: &Wanted, address: &str, pid: u32) -> Vec<Sample> {
    let mut page = TcpStream::connect(address).unwrap();
    write!(page, "GET /live?page=soak HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    std::thread::spawn(move || std::io::copy(&mut page, &mut std::io::sink()));
    let begun = Instant::now();
    let mut samples = Vec::new();
    while begun.elapsed() < Duration::from_secs(wanted.seconds) {
        std::thread::sleep(LOOK);
        let sample = look(address, pid, begun.elapsed().as_secs_f64());
        samples.push(sample);
        if samples.len() % 30 == 0 {
            println!("{sample:?}");
        }
    }
    samples
}

fn look(address: &str, pid: u32, at: f64) -> Sample {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /status.json HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let run = &status["replications"][0];
    let lanes = run["destinations"].as_array().unwrap();
    let highest = run["source"]["highest_id"].as_f64().unwrap_or(0.0);
    let verified = lanes.iter().map(|lane| lane["verified_through"].as_f64().unwrap_or(0.0));
    let lag = lanes.iter().map(|lane| lane["lag_seconds"].as_f64().unwrap_or(f64::NAN));
    Sample {
        at,
        memory_mb: memory_mb(pid),
        lag_ms: lag.fold(0.0, f64::max) * 1000.0,
        unverified: highest - verified.fold(f64::INFINITY, f64::min),
        copied: lanes.iter().map(|lane| lane["events"].as_f64().unwrap_or(0.0)).sum(),
        cpu_seconds: cpu(pid, false),
    }
}

fn memory_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1000.0
}

fn tell(samples: &[Sample], rate: u32) {
    let spread = |of: fn(&Sample) -> f64| {
        let mut values: Vec<f64> =
            samples.iter().map(of).filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let at = |part: f64| values[((values.len() - 1) as f64 * part) as usize];
        format!(
            "least {:.1}, median {:.1}, 99 % {:.1}, most {:.1}",
            at(0.0),
            at(0.5),
            at(0.99),
            at(1.0)
        )
    };
    let last = samples.last().unwrap();
    println!(
        "{:.0} s at {rate} events/s, {} looks, {:.0} events copied to two destinations",
        last.at,
        samples.len(),
        last.copied
    );
    println!("memory, MB: {}", spread(|sample| sample.memory_mb));
    println!("furthest behind, ms: {}", spread(|sample| sample.lag_ms));
    println!("ids not verified yet: {}", spread(|sample| sample.unverified));
    println!("processor time: {:.2} % of a core", last.cpu_seconds / last.at * 100.0);
}

const WIDTH: f64 = 860.0;
/// Of one plot.
const HEIGHT: f64 = 150.0;
const TOP: f64 = 50.0;

/// Three plots one below the other, over the same time.
fn drawn(samples: &[Sample], rate: u32) -> String {
    let minutes = samples.last().unwrap().at / 60.0;
    let plots: [(&str, PlottedFigure); 3] = [
        ("memory of the process, MB", |sample| sample.memory_mb),
        ("furthest behind, ms", |sample| sample.lag_ms),
        ("ids not verified yet", |sample| sample.unverified),
    ];
    let height = TOP + HEIGHT * plots.len() as f64;
    let title = format!(
        "{minutes:.0} minutes at {rate} events/s, two destinations, verified, one open page"
    );
    let mut document = Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, height))
        .set("width", WIDTH)
        .set("height", height)
        .set("font-family", "sans-serif")
        .set("role", "img")
        .add(Rectangle::new().set("width", WIDTH).set("height", height).set("fill", "#ffffff"))
        .add(words(20.0, 28.0, &title, 16));
    for (index, (title, of)) in plots.into_iter().enumerate() {
        document = with_plot(document, TOP + HEIGHT * index as f64, title, of, samples);
    }
    format!("{document}\n")
}

fn with_plot(
    document: Document,
    top: f64,
    title: &str,
    of: PlottedFigure,
    samples: &[Sample],
) -> Document {
    let last = samples.last().unwrap().at;
    let known = || {
        samples.iter().map(|sample| (sample.at, of(sample))).filter(|(_, value)| value.is_finite())
    };
    let most = known().map(|(_, value)| value).fold(1.0, f64::max);
    let x = |at: f64| 70.0 + at / last * (WIDTH - 90.0);
    let y = |value: f64| top + HEIGHT - 26.0 - value / most * (HEIGHT - 60.0);
    let points: Vec<String> =
        known().map(|(at, value)| format!("{:.1},{:.1}", x(at), y(value))).collect();
    let base = Line::new().set("x1", x(0.0)).set("x2", x(last)).set("y1", y(0.0)).set("y2", y(0.0));
    let line = Polyline::new().set("points", points.join(" ")).set("fill", "none");
    document
        .add(words(20.0, top + 14.0, title, 13))
        .add(base.set("stroke", "#6e7781"))
        .add(line.set("stroke", "#2f81b7").set("stroke-width", 1.5))
        .add(words(20.0, y(0.0) + 4.0, "0", 12))
        .add(words(20.0, y(most) + 4.0, &format!("{most:.0}"), 12))
        .add(words(x(last) - 50.0, y(0.0) + 18.0, &format!("{:.0} min", last / 60.0), 12))
}

fn words(x: f64, y: f64, text: &str, size: u32) -> Text {
    Text::new(text).set("x", x).set("y", y).set("fill", "#24292f").set("font-size", size)
}
