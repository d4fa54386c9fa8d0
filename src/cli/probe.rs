//! `counterfoil probe`: asks the window of this machine whether the process is alive, or ready; for
//! images without a shell, and for scripts.

use super::args;
use super::begin::configurations;
use super::output::line;
use crate::console::{ProbeAnswer, ask};
use crate::error::{Error, ErrorKind, Problems};
use crate::log::escape::fit;

/// Asks; gives the exit code: 0 where it is, 1 where it is not.
///
/// # Errors
/// `Usage` where there is no window, `Unavailable` where it does not answer.
pub(crate) async fn probe(wanted: args::ProbeArguments) -> Result<u8, Problems> {
    let config = configurations(&wanted.file, &wanted.flags())?;
    let console = config.process.console;
    let Some(listen) = &console.listen else {
        return Err(Error::new(ErrorKind::Usage, "there is no window to ask")
            .at("console.listen")
            .fix("set console.listen, or name its address: counterfoil probe --console 127.0.0.1:8080")
            .into());
    };
    let path = if wanted.ready { "/readyz" } else { "/healthz" };
    let ProbeAnswer { is_well, text } = ask(listen, console.tls.is_some(), path).await?;
    line(&fit(text.trim()))?;
    Ok(u8::from(!is_well))
}
