//! How often and how long a measurement is made that takes turns.

/// `--runs` and `--seconds`, otherwise these; `None` where something else is given, which is told.
pub fn runs_and_seconds(name: &str, mut runs: u32, mut seconds: u64) -> Option<(u32, u64)> {
    // `cargo bench` adds a flag of its own.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--runs" => runs = value.parse().unwrap(),
            [name, value] if name == "--seconds" => seconds = value.parse().unwrap(),
            _ => {
                eprintln!("usage: tools/bench {name} [--runs N] [--seconds N]");
                return None;
            }
        }
    }
    Some((runs, seconds))
}
