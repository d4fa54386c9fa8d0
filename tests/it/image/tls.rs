//! TLS from inside the image: with an authority of one's own, and with those of the system, which
//! the image brings along.

use super::{Trial, by_tcp, pair};
use crate::certificates::{Authority, tls_server};
use crate::harness::fresh_database_on;
use crate::support::events::{equal, init_destination};
use crate::support::replicator::Setup;
use counterfoil::postgres::server::ServerSettings;

/// `verify-full`, both ways.
pub async fn is_verified_with_an_own_authority_and_with_those_of_the_system(trial: &mut Trial) {
    let (source, _) = pair(10).await;
    let authority = Authority::new("ours");
    let server =
        tls_server(&authority.issue_for(&["127.0.0.1"]), None, ServerSettings::new()).await;
    let destination = fresh_database_on(&server).await;
    init_destination(&destination).await;
    let verified = |root: &str| {
        let tls = format!("sslmode=verify-full sslrootcert={root}");
        by_tcp(&destination).replace("sslmode=disable", &tls)
    };
    let root = trial.file("root.crt", &authority.pem, 0o644);
    let place = "/run/secrets/counterfoil/root.crt";
    let setup = Setup::from_url(&by_tcp(&source)).and_url("copy", &verified(place));
    let end = trial.job_with(trial.config(&setup), vec![(root, place)]).await;
    assert_eq!(end.code, 0, "{end:?}");
    equal(&source, &destination).await;
    trial.saw("a job copies by verify-full with an authority of its own, and ends with 0");
    let setup = Setup::from_url(&by_tcp(&source)).and_url("copy", &verified("system"));
    let end = trial.job(&setup).await;
    let message = end.termination_message();
    let reasons = ["CN=ours", "no certificate in sslrootcert has signed it", "    fix: "];
    assert!(end.code == 3 && reasons.iter().all(|reason| message.contains(reason)), "{end:?}");
    trial.saw(
        "sslrootcert=system finds its authorities and refuses another one with 3 and a reason",
    );
}
