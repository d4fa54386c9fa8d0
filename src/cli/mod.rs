//! The roof: flags, configuration, wiring, run, exit code. Only here is anything printed.

mod args;
mod begin;
mod capture;
mod choice;
pub mod completions;
mod config_file;
mod consent;
mod demo;
mod duration;
pub mod events_diff;
mod hash_password;
mod help;
mod init;
pub mod load_fake_data;
mod named_ids;
mod output;
mod parsing;
mod probe;
pub mod program;
mod progress;
mod progress_bar;
mod recovery;
mod reflect;
mod repair;
mod restore;
mod run;
mod service;
mod signals;
mod status;
mod version;
mod wait;

use crate::error::{Error, ErrorKind, Problems};
use crate::supervise::panicked::panicked;
use args::{Arguments, Command};
use output::told;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::process::ExitCode;

/// Runs the command of the process's arguments; gives its exit code.
fn counterfoil() -> ExitCode {
    allow_many_files();
    let arguments: Arguments = match parsing::parsed() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match arguments.command {
        Command::Init(init) => block_on(code(async { init::init(init).await.map(|()| 0) })),
        Command::Capture(wanted) => block_on(code(capture::capture(wanted))),
        Command::Reflect(wanted) => block_on(code(reflect::reflect(wanted))),
        Command::Run(run) => match run::RunRequest::read(run) {
            Ok(wanted) if wanted.suits_one_thread() => block_on_one_thread(code(run::run(wanted))),
            Ok(wanted) => block_on(code(run::run(wanted))),
            Err(problems) => ExitCode::from(told(&problems)),
        },
        Command::Status(status) => block_on(code(status::status(status))),
        Command::Wait(wait) => block_on(code(wait::wait(wait))),
        Command::Repair(repair) => block_on(code(repair::repair(repair))),
        Command::Restore(restore) => block_on(code(restore::restore(restore))),
        Command::Demo(demo) => block_on(code(demo::demo(demo))),
        Command::Probe(wanted) => block_on_one_thread(code(probe::probe(wanted))),
        Command::HashPassword => ExitCode::from(
            hash_password::hash_password().map_or_else(|error| told(&error.into()), |()| 0),
        ),
        Command::Completions(wanted) => ExitCode::from(
            completions::completions(&wanted).map_or_else(|error| told(&error.into()), |()| 0),
        ),
    }
}

/// Many destinations are many sockets: as many as the system allows without being asked, not the
/// smaller number that shells give out for the sake of select(2). Where that is refused,
/// connections beyond it fail and say so.
fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Runs a program to its exit code, on several threads.
fn block_on(program: impl Future<Output = u8> + Send + 'static) -> ExitCode {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    run_on(threads.worker_threads(worker_threads()), async {
        // On a thread of theirs: what it starts and awaits need not wake another one.
        tokio::spawn(program).await.unwrap_or_else(|_| told(&panicked().into()))
    })
}

/// Runs a program to its exit code, on this thread alone: where rows pass through a few sessions,
/// waking another thread for each piece of them costs more than all the rest.
fn block_on_one_thread(program: impl Future<Output = u8>) -> ExitCode {
    run_on(&mut tokio::runtime::Builder::new_current_thread(), program)
}

fn run_on(threads: &mut tokio::runtime::Builder, program: impl Future<Output = u8>) -> ExitCode {
    let code = match threads.enable_all().build() {
        Ok(runtime) => {
            let program = std::panic::AssertUnwindSafe(program);
            let run = std::panic::AssertUnwindSafe(|| runtime.block_on(program.0));
            // What panics has said where; a server that answers nonsense can bring it about, and a
            // script knows the code.
            let code = std::panic::catch_unwind(run).unwrap_or_else(|_| told(&panicked().into()));
            runtime.shutdown_timeout(std::time::Duration::from_millis(100));
            code
        }
        Err(error) => told(&Error::new(ErrorKind::Bug, "cannot start").caused_by(&error).into()),
    };
    ExitCode::from(code)
}

/// The exit code of a command, whose problems are told.
async fn code(command: impl Future<Output = Result<u8, Problems>>) -> u8 {
    command.await.unwrap_or_else(|problems| told(&problems))
}

/// Few threads are enough: the work is passing bytes on.
fn worker_threads() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8))
}
