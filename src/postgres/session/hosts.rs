//! The way to a server: hosts in order, their addresses, `target_session_attrs`, and a fair share
//! of the time for each.

use crate::config::libpq::{Conninfo, Host, HostAt, SslMode, TargetSession};
use crate::error::{Error, ErrorKind, Result};
use crate::log::escape::escaped;
use crate::postgres::session::dial::{DialSettings, RawConnection};
use crate::postgres::session::password::{self, COMMAND_WAIT_MAX};
use crate::postgres::session::pins::{PinnedSettings, get_to_know};
use crate::postgres::session::purpose::{SessionPurpose, SettingsPermission};
use crate::postgres::session::server::{ServerFacts, major_version};
use crate::postgres::session::tls::TlsSettings;
use rand::seq::SliceRandom;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// One connection to be made.
pub(super) struct HostSearch<'a> {
    conninfo: &'a Conninfo,
    purpose: SessionPurpose,
    timeout: Duration,
    touch: SettingsPermission,
}

/// A fresh connection to a server of the wanted kind.
pub(super) struct ServerConnection {
    pub line: RawConnection,
    pub host: Host,
    /// Host, port and database.
    pub place: Arc<str>,
    pub server: ServerFacts,
    pub pins: PinnedSettings,
    /// See [`Session::notes`](super::Session::notes).
    pub notes: Vec<String>,
}

/// One address that did not lead to a session.
struct FailedAddress {
    address: String,
    error: Error,
}

/// Whether the next address is tried.
enum AddressStep {
    GoOn,
    /// The server itself refused: other hosts would, too, and more tries could lock the account.
    Stop,
}

impl<'a> HostSearch<'a> {
    pub fn new(
        conninfo: &'a Conninfo,
        purpose: SessionPurpose,
        timeout: Duration,
        touch: SettingsPermission,
    ) -> Self {
        Self { conninfo, purpose, timeout, touch }
    }

    /// Tries until a server of the wanted kind answers, with all settings pinned in the same round
    /// trip.
    pub async fn connect(&self) -> Result<ServerConnection> {
        let deadline = Instant::now() + self.timeout;
        let (mut dial, note) = self.dial()?;
        if let Some(command) = &self.conninfo.password.command {
            let limit = self.timeout.min(COMMAND_WAIT_MAX);
            let printed = password::printed_by(command, limit).await;
            dial.commanded = Some(printed.map_err(|error| error.at(self.conninfo.describe()))?);
        }
        let turns = self.turns();
        let mut misses = Vec::new();
        for (done, (wanted, host)) in turns.iter().enumerate() {
            let until = share_end(deadline, turns.len() - done);
            match self.try_host(&dial, host, *wanted, until, &mut misses).await {
                Ok(mut connected) => {
                    connected.notes.extend(note);
                    return Ok(connected);
                }
                Err(AddressStep::GoOn) => {}
                Err(AddressStep::Stop) => break,
            }
        }
        Err(self.failure(misses))
    }

    /// TLS that cannot be set up is no obstacle where the mode does not ask for it, as in libpq; it
    /// is told.
    fn dial(&self) -> Result<(DialSettings<'a>, Option<String>)> {
        let has_tcp = self.conninfo.hosts.iter().any(|host| matches!(host.at, HostAt::Tcp { .. }));
        let tls = if has_tcp { TlsSettings::of(self.conninfo) } else { Ok(None) };
        let is_optional = matches!(self.conninfo.sslmode, SslMode::Allow | SslMode::Prefer);
        let (tls, note) = match tls {
            Ok(tls) => (tls, None),
            Err(error) if is_optional && error.kind() == ErrorKind::Access => {
                (None, Some(format!("connected without TLS: {error}")))
            }
            Err(error) => return Err(error),
        };
        let dial = DialSettings {
            conninfo: self.conninfo,
            application_name: self.purpose.application_name(),
            side: self.purpose.side,
            commanded: None,
            tls,
        };
        Ok((dial, note))
    }

    /// Who is asked, in order, and for what: `prefer-standby` goes round twice.
    fn turns(&self) -> Vec<(TargetSession, &'a Host)> {
        let mut hosts: Vec<&Host> = self.conninfo.hosts.iter().collect();
        if self.conninfo.load_balance {
            hosts.shuffle(&mut rand::rng());
        }
        let rounds = match self.conninfo.target_session_attrs {
            TargetSession::PreferStandby => vec![TargetSession::Standby, TargetSession::Any],
            wanted => vec![wanted],
        };
        rounds
            .into_iter()
            .flat_map(|wanted| hosts.iter().map(move |host| (wanted, *host)))
            .collect()
    }

    async fn try_host(
        &self,
        dial: &DialSettings<'_>,
        host: &Host,
        wanted: TargetSession,
        until: Instant,
        misses: &mut Vec<FailedAddress>,
    ) -> std::result::Result<ServerConnection, AddressStep> {
        let addresses = match tokio::time::timeout_at(until, addresses(host)).await {
            Ok(Ok(found)) => self.in_order(found),
            Ok(Err(error)) => return Err(miss(misses, host.to_string(), error)),
            Err(_) => {
                return Err(miss(
                    misses,
                    host.to_string(),
                    timed_out("its address was not found in time"),
                ));
            }
        };
        for (done, address) in addresses.iter().enumerate() {
            let mut end = share_end(until, addresses.len() - done);
            if let Some(limit) = self.conninfo.connect_timeout {
                end = end.min(Instant::now() + limit);
            }
            let error =
                match tokio::time::timeout_at(end, self.try_address(dial, host, *address, wanted))
                    .await
                {
                    Ok(Ok(connected)) => return Ok(connected),
                    Ok(Err(error)) => error,
                    Err(_) => timed_out("timed out"),
                };
            let step = miss(misses, name(host, *address), error);
            if matches!(step, AddressStep::Stop) {
                return Err(step);
            }
        }
        Err(AddressStep::GoOn)
    }

    async fn try_address(
        &self,
        dial: &DialSettings<'_>,
        host: &Host,
        address: Option<IpAddr>,
        wanted: TargetSession,
    ) -> Result<ServerConnection> {
        let line = dial.connect(host, address).await?;
        let place = self.place(host);
        let side = self.purpose.side;
        let pins =
            PinnedSettings::of(side, major_version(&line.announced_version).unwrap_or_default());
        let server =
            get_to_know(&line, &pins, side, self.touch).await.map_err(|error| error.at(&*place))?;
        let notes = line.tls.iter().filter_map(|tls| tls.note()).collect();
        match mismatch(&server, wanted) {
            None => Ok(ServerConnection { line, host: host.clone(), place, server, pins, notes }),
            Some(why) => {
                Err(Error::new(ErrorKind::Unavailable, "cannot connect").because(why).fix(
                    "wait until a server of the wanted kind is there, add its host, or change \
                     target_session_attrs",
                ))
            }
        }
    }

    fn in_order(&self, mut addresses: Vec<Option<IpAddr>>) -> Vec<Option<IpAddr>> {
        if self.conninfo.load_balance {
            addresses.shuffle(&mut rand::rng());
        }
        addresses
    }

    fn place(&self, host: &Host) -> Arc<str> {
        escaped(&format!("{host}/{}", self.conninfo.database)).into()
    }

    /// One miss is told as it is; of several, each with its address, and the gravest decides what
    /// follows.
    fn failure(&self, mut misses: Vec<FailedAddress>) -> Error {
        let place = self.conninfo.describe();
        let gravest =
            misses.iter().position(|miss| miss.error.kind() != ErrorKind::Unavailable).unwrap_or(0);
        if misses.len() == 1 {
            return misses.remove(0).error.at(place);
        }
        let Some(grave) = misses.get(gravest) else {
            return timed_out("no host was given").at(place);
        };
        let mut error = Error::new(grave.error.kind(), "cannot connect").at(place);
        if let Some(sqlstate) = grave.error.sqlstate() {
            error = error.with_sqlstate(sqlstate);
        }
        if let Some(fix) = grave.error.remedy() {
            error = error.fix(fix);
        }
        misses.iter().fold(error, |error, miss| {
            let what = Some(miss.error.what()).filter(|what| *what != "cannot connect");
            let why: Vec<&str> =
                what.into_iter().chain(miss.error.causes().iter().map(String::as_str)).collect();
            error.because(format!("{}: {}", miss.address, why.join(": ")))
        })
    }
}

fn miss(misses: &mut Vec<FailedAddress>, address: String, error: Error) -> AddressStep {
    let is_final = error.kind() == ErrorKind::Unsuitable
        || (error.kind() == ErrorKind::Access && error.sqlstate().is_some());
    misses.push(FailedAddress { address, error });
    if is_final { AddressStep::Stop } else { AddressStep::GoOn }
}

fn timed_out(why: &str) -> Error {
    Error::new(ErrorKind::Unavailable, "cannot connect")
        .because(why)
        .fix("check that host and port are right and reachable from this machine")
}

/// When the first of `left` equal shares of the time until `deadline` is over.
fn share_end(deadline: Instant, left: usize) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / u32::try_from(left.max(1)).unwrap_or(u32::MAX)
}

/// The addresses of a host; a socket has none.
async fn addresses(host: &Host) -> Result<Vec<Option<IpAddr>>> {
    let name = match &host.at {
        HostAt::Unix(_) => return Ok(vec![None]),
        HostAt::Tcp { addr: Some(addr), .. } => return Ok(vec![Some(*addr)]),
        HostAt::Tcp { host: name, .. } => name,
    };
    let unknown = |why: String| {
        Error::new(ErrorKind::Unavailable, "cannot connect")
            .because(format!("cannot find the address of host {name:?}"))
            .because(why)
            .fix("check the name of the host and this machine's name service")
    };
    let found = tokio::net::lookup_host((name.as_str(), host.port))
        .await
        .map_err(|error| unknown(error.to_string()))?;
    let mut addresses: Vec<Option<IpAddr>> = Vec::new();
    for address in found {
        if !addresses.contains(&Some(address.ip())) {
            addresses.push(Some(address.ip()));
        }
    }
    if addresses.is_empty() { Err(unknown("it has none".to_owned())) } else { Ok(addresses) }
}

/// `host:port`, with the address where it says more than the name.
fn name(host: &Host, address: Option<IpAddr>) -> String {
    match (&host.at, address) {
        (HostAt::Tcp { host: name, .. }, Some(address)) if address.to_string() != *name => {
            format!("{host} ({address})")
        }
        _ => host.to_string(),
    }
}

/// Why a server is not of the wanted kind (PostgreSQL manual, "target_session_attrs").
fn mismatch(server: &ServerFacts, wanted: TargetSession) -> Option<&'static str> {
    let (is_standby, is_read_only) = (server.is_in_recovery(), server.is_read_only);
    match wanted {
        TargetSession::ReadWrite if is_standby => {
            Some("the server is a standby, and one that takes writes was asked for")
        }
        TargetSession::ReadWrite if is_read_only => Some(
            "the session is read-only (default_transaction_read_only), and one that takes writes \
             was asked for",
        ),
        TargetSession::ReadOnly if !is_read_only => {
            Some("the server takes writes, and a read-only one was asked for")
        }
        TargetSession::Primary if is_standby => {
            Some("the server is a standby, and the primary was asked for")
        }
        TargetSession::Standby if !is_standby => {
            Some("the server is not a standby, and one was asked for")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_an_equal_share_of_what_is_left() {
        let now = Instant::now();
        let share = share_end(now + Duration::from_secs(80), 4) - now;
        assert!(share > Duration::from_secs(19) && share < Duration::from_secs(30), "{share:?}");
        assert!(share_end(now, 0) >= now);
    }
}
