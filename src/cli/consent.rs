//! Asks a person before something is written: the plan, then yes or no.

use crate::cli::output::{OutputReader, line, put_to_reader};
use crate::error::{Error, ErrorKind, Result};
use crate::log::escape::fit_lines;
use crate::stop::Stop;
use std::fmt::Display;
use std::io::IsTerminal;

/// Shows the plan, and gives whether it was agreed to: by `--yes`, or on the terminal.
///
/// # Errors
/// `Usage` without a terminal to ask on; those of the output.
pub(crate) async fn agreed(plan: &impl Display, is_yes: bool, stop: &Stop) -> Result<bool> {
    line(&fit_lines(&plan.to_string()))?;
    if is_yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(
            ErrorKind::Usage,
            "cannot ask whether to proceed: there is no terminal",
        )
        .fix("give --yes if this is what you want; nothing was written"));
    }
    if put_to_reader("proceed? [y/N] ")? == OutputReader::Gone {
        return Err(Error::new(
            ErrorKind::Usage,
            "cannot ask whether to proceed: no program reads the output",
        )
        .fix("give --yes if this is what you want; nothing was written"));
    }
    let answer = stop.or(tokio::task::spawn_blocking(read_line)).await;
    let is_agreed = match answer {
        Some(Ok(line)) => is_yes_in_words(&line.map_err(|error| unasked(&error))?),
        Some(Err(error)) => return Err(unasked(&error)),
        None => false,
    };
    if !is_agreed {
        line("nothing was changed")?;
    }
    Ok(is_agreed)
}

fn read_line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line)
}

fn is_yes_in_words(line: &str) -> bool {
    ["y", "yes"].contains(&line.trim().to_lowercase().as_str())
}

fn unasked(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::new(ErrorKind::Usage, "cannot ask whether to proceed")
        .caused_by(error)
        .fix("give --yes if this is what you want; nothing was written")
}

#[cfg(test)]
mod tests {
    use super::is_yes_in_words;

    #[test]
    fn only_yes_is_yes() {
        for (line, is_yes) in [
            ("y\n", true),
            ("Yes\n", true),
            ("\n", false),
            ("", false),
            ("n\n", false),
            ("yy", false),
        ] {
            assert_eq!(is_yes_in_words(line), is_yes, "{line:?}");
        }
    }
}
