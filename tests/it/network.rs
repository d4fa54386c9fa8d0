//! Every way in which a network breaks, between the replicator and a destination or the source:
//! nothing is lost or doubled, and nothing needs a hand.

use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{arrives, equal, init_destination, init_source, insert, prefix};
use crate::support::proxy::{Break, Network, Proxy, Way};
use crate::support::replicator::Setup;
use crate::support::{counting_process, hold_up_counts, is_full, through, until};
use rustix::process::Signal;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Events of a copy that is cut.
const EVENTS: u32 = 1200;
/// At how many places it is cut, each way.
const CUTS: u64 = 8;
const CUTS_FULL: u64 = 120;
const BOTH_WAYS: [Way; 2] = [Way::ToServer, Way::ToClient];

async fn sides(events: u32) -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, events).await;
    (source, destination)
}

/// A replicator whose way to the destination leads through the network, and which does not wait for
/// long.
fn by(proxy: &Proxy, source: &Database, destination: &Database) -> Setup {
    impatient(Setup::from(source).and_url("copy", &proxy.url(&destination.conninfo.database)))
}

fn impatient(setup: Setup) -> Setup {
    setup
        .key("append_timeout_ms = 700")
        .key("connect_timeout_ms = 1500")
        .key("retry_wait_max_ms = 50")
        .key("max_events_per_write = 200")
}

/// Where to cut: from the first byte to the last of a whole run, the first bytes closer together.
fn places(whole: u64, cuts: u64) -> impl Iterator<Item = u64> {
    (0..cuts).map(move |at| whole * at * at / (cuts * cuts) + at)
}

/// Cuts one connection after so many bytes, from the first to the last of a whole run, each time of
/// an empty destination.
async fn sweep(setup: &Setup, proxy: &Proxy, source: &Database, destination: &Database) {
    let cuts = if is_full() { CUTS_FULL } else { CUTS };
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    let whole = BOTH_WAYS.map(|way| proxy.carried(way));
    for way in BOTH_WAYS {
        for (at, bytes) in places(whole[way as usize], cuts).enumerate() {
            destination
                .execute(
                    "alter table events disable trigger all; truncate events; alter table events \
                     enable trigger all",
                )
                .await;
            proxy.break_after(
                way,
                bytes,
                [Break::Reset, Break::Close, Break::ClientForgotten][at % 3],
            );
            let end = setup.start(&["--until-caught-up"]).ends().await;
            assert_eq!(end.code, Some(0), "{way:?} {bytes}: {end:?}");
            assert!(proxy.has_broken(), "{way:?}: a run carries more than {bytes} bytes");
            equal(source, destination).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_the_destination_that_is_cut_after_any_number_of_bytes_leaves_equal_copies()
{
    let (source, destination) = sides(EVENTS).await;
    let proxy = through(&destination, Network::default()).await;
    sweep(&by(&proxy, &source, &destination), &proxy, &source, &destination).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_the_source_that_is_cut_after_any_number_of_bytes_leaves_equal_copies() {
    let (source, destination) = sides(EVENTS).await;
    let proxy = through(&source, Network::default()).await;
    let setup =
        impatient(Setup::from_url(&proxy.url(&source.conninfo.database)).to("copy", &destination));
    sweep(&setup, &proxy, &source, &destination).await;
}

/// The last check asks over connections of its own; one that breaks then is no reason to fail, as
/// long as time is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_lost_during_the_last_check_is_checked_again() {
    let (source, destination) = sides(5).await;
    let proxy = through(&destination, Network::default()).await;
    let setup = by(&proxy, &source, &destination);
    let run = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(run.code, Some(0));
    // The same run once more, with nothing to copy: its last bytes are those of the last check.
    let before = proxy.carried(Way::ToClient);
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    let whole = proxy.carried(Way::ToClient) - before;
    proxy.break_after(Way::ToClient, whole - 200, Break::Reset);
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert!(proxy.has_broken());
    assert_eq!(end.code, Some(0), "{end:?}");
}

/// Lets a break happen in the middle of a COPY of a replicator that follows; it must come level,
/// and go on.
async fn survives_in_the_middle_of_a_copy(
    what: &str,
    inflict: impl Fn(&Proxy),
    undo: impl Fn(&Proxy),
) {
    let (source, destination) = sides(10).await;
    let proxy = through(&destination, Network::default()).await;
    let mut replicator = by(&proxy, &source, &destination).start(&[]);
    arrives(&destination, 10).await;
    inflict(&proxy);
    insert(&source, EVENTS).await;
    replicator.says(&["the destination was lost", "trying again"]).await;
    prefix(&source, &destination).await;
    undo(&proxy);
    equal(&source, &destination).await;
    assert!(replicator.is_running(), "{what}");
    replicator.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_or_an_end_in_the_middle_of_a_copy_is_survived() {
    for how in [Break::Reset, Break::Close] {
        survives_in_the_middle_of_a_copy(
            "broken",
            |proxy| proxy.break_after(Way::ToServer, 5_000, how),
            |_| {},
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_is_survived_whichever_way_it_swallows() {
    for ways in [&[Way::ToServer][..], &[Way::ToClient], &BOTH_WAYS] {
        survives_in_the_middle_of_a_copy(
            "swallowed",
            |proxy| proxy.swallow(ways),
            |proxy| proxy.swallow(&[]),
        )
        .await;
    }
}

/// New connections pass, and nobody tells the client that its old one is dead: only its own clock
/// can.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_never_told_that_its_connection_is_dead_gives_it_up_by_itself() {
    survives_in_the_middle_of_a_copy(
        "half-open",
        |proxy| proxy.break_after(Way::ToServer, 5_000, Break::ClientForgotten),
        |_| {},
    )
    .await;
}

/// One destination counts for long, and another is lost behind a network that tells nobody: the
/// count goes on, and nothing is begun anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_lost_while_another_is_compared_ends_nothing_but_its_own_comparison()
{
    let (source, slow) = sides(10).await;
    let lost = fresh_destination().await;
    init_destination(&lost).await;
    let proxy = through(&lost, Network::default()).await;
    let locker = hold_up_counts(&slow).await;
    let setup = by(&proxy, &source, &lost).to("slow", &slow);
    let mut replicator = setup.start(&["--until-caught-up"]);
    let mut counting = Vec::new();
    until("one destination is compared", async || {
        counting = counting_process(&slow).await;
        counting != ["0"]
    })
    .await;
    let idle = "select count(*) from pg_stat_activity where datname = current_database() and \
                application_name = 'counterfoil/append' and state = 'idle'";
    until("the other was compared", async || lost.query(idle).await != ["0"]).await;
    // It counts on, and does not wait for a lock any more.
    let process = rustix::process::Pid::from_raw(counting[0].parse().unwrap()).unwrap();
    rustix::process::kill_process(process, Signal::STOP).unwrap();
    locker.batch_execute("rollback").await.unwrap();
    proxy.break_all(Break::ClientForgotten);
    // Longer than it takes to look twice.
    tokio::time::sleep(Duration::from_secs(7)).await;
    rustix::process::kill_process(process, Signal::CONT).unwrap();
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(!end.log.contains("the source cannot be reached"), "{}", end.log);
    let mut losses = end.log.lines().filter(|line| line.contains("the destination was lost"));
    assert!(losses.all(|line| line.contains("\"copy\"")), "{}", end.log);
    equal(&source, &slow).await;
    equal(&source, &lost).await;
}

/// The server keeps the session of a client that is gone, and with it the lock: the client waits
/// for its own ghost, and takes over when it goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_never_told_that_its_client_is_gone_is_fed_again_when_it_is() {
    let (source, destination) = sides(10).await;
    let proxy = through(&destination, Network::default()).await;
    let mut replicator = by(&proxy, &source, &destination).start(&[]);
    arrives(&destination, 10).await;
    proxy.break_after(Way::ToServer, 5_000, Break::ServerForgotten);
    insert(&source, EVENTS).await;
    replicator.says(&["our own earlier session still holds destination"]).await;
    assert_eq!(replicator.lines(&["standby"]), 0);
    prefix(&source, &destination).await;
    proxy.tell();
    equal(&source, &destination).await;
    replicator.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_reads_slowly_and_a_source_that_is_read_slowly_end_with_equal_copies() {
    let slow = Network {
        bytes_per_s: Some(200_000),
        bytes_per_s_back: Some(200_000),
        delay: Duration::from_millis(5),
    };
    let (source, destination) = sides(EVENTS).await;
    let (from, to) = (through(&source, slow).await, through(&destination, slow).await);
    let setup = Setup::from_url(&from.url(&source.conninfo.database))
        .and_url("copy", &to.url(&destination.conninfo.database));
    let began = Instant::now();
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let bytes = from.carried(Way::ToClient);
    let least = Duration::from_secs_f64(bytes as f64 / 200_000.0);
    assert!(began.elapsed() > least / 2, "{bytes} bytes in {:?}: it was not slow", began.elapsed());
    equal(&source, &destination).await;
}

/// A client and a server of one byte after the other, without PostgreSQL: what the network does to
/// it.
struct Line {
    client: TcpStream,
    server: tokio::net::UnixStream,
    proxy: Proxy,
    _dir: tempfile::TempDir,
}

async fn line() -> Line {
    let dir = tempfile::tempdir().unwrap();
    let listener = tokio::net::UnixListener::bind(dir.path().join(".s.PGSQL.1")).unwrap();
    let proxy = Proxy::new(dir.path(), 1, Network::default()).await;
    let client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    Line { client, server, proxy, _dir: dir }
}

impl Line {
    /// What arrives at the server when the client sends this.
    async fn up(&mut self, bytes: &[u8], arriving: usize) -> Vec<u8> {
        self.client.write_all(bytes).await.unwrap();
        let mut arrived = vec![0; arriving];
        self.server.read_exact(&mut arrived).await.unwrap();
        arrived
    }
}

#[tokio::test]
async fn a_cut_lets_exactly_so_many_bytes_pass() {
    for bytes in [0, 1, 7] {
        let mut line = line().await;
        assert_eq!(line.up(b"first", 5).await, b"first");
        line.proxy.break_after(Way::ToServer, bytes, Break::Reset);
        assert_eq!(line.up(b"12345678", bytes as usize).await, b"12345678"[..bytes as usize]);
        let mut rest = Vec::new();
        line.server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
        let told = line.client.read(&mut [0]).await.unwrap_err();
        assert_eq!(told.kind(), std::io::ErrorKind::ConnectionReset);
        assert!(line.proxy.has_broken());
    }
}

#[tokio::test]
async fn a_black_hole_holds_back_its_way_alone_and_loses_nothing() {
    let mut line = line().await;
    line.proxy.swallow(&[Way::ToServer]);
    line.client.write_all(b"held back").await.unwrap();
    line.server.write_all(b"back").await.unwrap();
    let mut back = [0; 4];
    line.client.read_exact(&mut back).await.unwrap();
    assert_eq!((&back, line.proxy.carried(Way::ToServer)), (b"back", 0));
    line.proxy.swallow(&[]);
    assert_eq!(line.up(b"", 9).await, b"held back");
}

#[tokio::test]
async fn of_a_half_open_connection_one_side_sees_the_end_and_the_other_only_when_it_is_told() {
    let mut forgotten = line().await;
    forgotten.proxy.break_all(Break::ClientForgotten);
    assert_eq!(forgotten.server.read(&mut [0]).await.unwrap(), 0);
    forgotten.client.write_all(b"into nothing").await.unwrap();
    let mut byte = [0];
    let silence =
        tokio::time::timeout(Duration::from_millis(100), forgotten.client.read(&mut byte)).await;
    assert!(silence.is_err(), "the client was told: {silence:?}");
    forgotten.proxy.tell();
    until("the client is told", async || {
        matches!(forgotten.client.read(&mut [0]).await, Ok(0) | Err(_))
    })
    .await;

    let mut kept = line().await;
    kept.proxy.break_all(Break::ServerForgotten);
    assert!(kept.client.read(&mut [0]).await.is_err());
    kept.server.write_all(b"into nothing").await.unwrap();
    let silence =
        tokio::time::timeout(Duration::from_millis(100), kept.server.read(&mut byte)).await;
    assert!(silence.is_err(), "the server was told: {silence:?}");
    kept.proxy.tell();
    until("the server is told", async || {
        matches!(kept.server.read(&mut [0]).await, Ok(0) | Err(_))
    })
    .await;
}

#[tokio::test]
async fn a_network_can_change_while_connections_last() {
    let mut line = line().await;
    let delay = Duration::from_millis(60);
    let time = async |line: &mut Line| {
        let began = Instant::now();
        line.up(b"x", 1).await;
        began.elapsed()
    };
    time(&mut line).await;
    line.proxy.set(Network { delay, ..Network::default() });
    assert!(time(&mut line).await >= delay);
    line.proxy.heal();
    line.proxy.set(Network { bytes_per_s: Some(100), ..Network::default() });
    let began = Instant::now();
    line.up(&[b'x'; 20], 20).await;
    assert!(began.elapsed() >= Duration::from_millis(200));
}
