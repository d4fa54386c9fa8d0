//! A service: it follows within its bounds, with no right it does not need, and stops when told.

use super::engine::{Container, IMAGE};
use super::{CONFIG, Trial, by_tcp, copying, pair, root};
use crate::support::events::{arrives, equal, highest, insert};
use crate::support::replicator::Setup;
use crate::support::until;
use std::time::Duration;

/// How long a stop may take: longer than the five seconds that a batch in hand may take.
const STOP_MAX: Duration = Duration::from_secs(10);
const LIMIT_BYTES: &str = "67108864";

/// Starts it, looks at its rights from outside, stops it; gives how long that took.
pub async fn follows_and_stops(trial: &mut Trial) -> String {
    let (source, destination) = pair(5000).await;
    let container = Container {
        mounts: vec![(trial.config(&copying(&source, &destination)), CONFIG)],
        arguments: vec!["run", "--config", CONFIG],
        ..Container::default()
    };
    trial.engine.follow("follower", &container).await;
    arrives(&destination, 5000).await;
    insert(&source, 20_000).await;
    equal(&source, &destination).await;
    trial.saw("a follower copies what is inserted while it runs");
    let pid = trial.engine.told(&["inspect", "follower", "--format", "{{.State.Pid}}"]).await;
    let peak = rights(trial, &pid);
    let (code, took) = trial.engine.stop("follower").await;
    assert!(code == "0" && took < STOP_MAX, "{code} after {took:?}");
    trial.saw("a follower that is told to stop ends with 0");
    trial.engine.told(&["rm", "follower"]).await;
    format!("{peak} kB of memory at most, stopped after {} ms", took.as_millis())
}

/// A node that is drained stops its pods: what a job is then must be known.
pub async fn a_job_is_stopped_before_its_end(trial: &mut Trial) {
    let (source, destination) = pair(10).await;
    let writer = source.client().await;
    writer
        .batch_execute("begin; insert into events (ts, event) values (now(), '{}')")
        .await
        .unwrap();
    insert(&source, 10).await;
    let waiting = Setup::from_url(&by_tcp(&source)).and_url("copy", &by_tcp(&destination));
    let waiting = &waiting.key("retry_for_ms = 60000");
    let container = Container {
        mounts: vec![(trial.config(waiting), CONFIG)],
        arguments: vec!["run", "--config", CONFIG, "--until-caught-up"],
        ..Container::default()
    };
    trial.engine.follow("job", &container).await;
    let sessions = "select 1 from pg_stat_activity where application_name like 'counterfoil/%' and \
                    datname = current_database()";
    until("the job has connected", async || !source.query(sessions).await.is_empty()).await;
    let (code, _) = trial.engine.stop("job").await;
    assert_eq!((code.as_str(), highest(&destination).await), ("8", 0));
    trial.saw("a job that is stopped before its end ends with 8, so that it is started again");
    trial.engine.told(&["rm", "job"]).await;
}

/// What the kernel says of its first process; gives the most memory it has had.
fn rights(trial: &mut Trial, pid: &str) -> u64 {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
    let status = read("status");
    let value = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{key}:"))).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(value(set), ["0000000000000000"], "{set}");
    }
    assert_eq!(value("NoNewPrivs"), ["1"]);
    assert!(read("mountinfo").lines().any(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        words[4] == "/" && words[5].split(',').any(|option| option == "ro")
    }));
    trial.saw("it has no capability, can gain none, and its root is read-only");
    let groups = read("cgroup");
    let group = |line: &str| {
        let mut words = line.splitn(3, ':').skip(1);
        let (controllers, path) =
            (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        match controllers.as_str() {
            "memory" => Some(format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes")),
            "" => Some(format!("/sys/fs/cgroup{path}/memory.max")),
            _ => None,
        }
    };
    let limits: Vec<String> = groups
        .lines()
        .filter_map(group)
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .map(|limit| limit.trim().to_owned())
        .collect();
    assert!(limits.iter().any(|limit| limit == LIMIT_BYTES), "{limits:?} {groups}");
    trial.saw("it runs within 64 MB");
    value("VmHWM")[0].parse().unwrap()
}

/// The pod of the chart's job, as it stands in packaging/kubernetes, run by podman: with its
/// configuration from a ConfigMap, its user, its rights and its resources.
pub async fn runs_as_the_pod_of_the_chart(trial: &mut Trial) {
    let manifest = root().join("packaging/kubernetes/job.yaml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let (source, destination) = pair(100).await;
    let config = copying(&source, &destination).text();
    let config: String = config.lines().map(|line| format!("    {line}\n")).collect();
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: counterfoil\ndata:\n  \
         replication.toml: |\n{config}"
    );
    let passwords = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: orders-passwords\ndata:\n  \
                     source: unused\n";
    let all = format!("{map}---\n{passwords}---\n{}", pod(&manifest));
    let file = trial.file("pod.yaml", &all, 0o644);
    let arguments = ["play", "kube", "--network", "host", "--log-driver", "k8s-file"];
    trial.engine.told(&[&arguments[..], &[file.to_str().unwrap()]].concat()).await;
    let name = "counterfoil-job-counterfoil";
    let inspected =
        async |what: &str| trial.engine.told(&["inspect", name, "--format", what]).await;
    until("the pod ends", async || inspected("{{.State.Status}}").await == "exited").await;
    let facts = inspected(
        "{{.State.ExitCode}} {{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.EffectiveCaps}} \
         {{.HostConfig.Memory}}",
    );
    let expected = "0 65532:65532 true [] 268435456";
    assert_eq!(facts.await, expected);
    equal(&source, &destination).await;
    trial.saw("the pod of the chart copies everything and ends with 0");
}

/// The pod within the template of a job: its lines, four to the left, with a name and an image that
/// is here, and the configuration in a ConfigMap, since podman 4.3 cannot mount a Secret.
fn pod(manifest: &str) -> String {
    let template = manifest.lines().skip_while(|line| *line != "  template:").skip(1);
    let lines = template.take_while(|line| line.starts_with("    "));
    let mut pod = "apiVersion: v1\nkind: Pod\n".to_owned();
    for line in lines.map(|line| &line[4..]) {
        let line = match line {
            "metadata:" => "metadata:\n  name: counterfoil-job".to_owned(),
            line if line.trim_start().starts_with("image:") => format!("      image: {IMAGE}"),
            line if line.trim_start().starts_with("secretName:") => {
                line.replace("secretName:", "name:")
            }
            "      secret:" => "      configMap:".to_owned(),
            line => line.to_owned(),
        };
        pod.push_str(&line);
        pod.push('\n');
    }
    pod
}
