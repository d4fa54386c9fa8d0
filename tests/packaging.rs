//! What runs us in a cluster is true: the chart renders what Kubernetes takes, and knows our exit
//! codes.
#![allow(clippy::unwrap_used)]

use counterfoil::error::ErrorKind;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The chart, and what it is given for each of its modes; each is a manifest in
/// packaging/kubernetes.
const CHART: &str = "packaging/helm/counterfoil";
const MODES: [&str; 3] = ["job", "cronjob", "deployment"];
/// The oldest version of Kubernetes that the chart takes, those at which it renders something else,
/// and the newest one whose schemas there are.
const KUBERNETES: [&str; 6] = ["1.25", "1.26", "1.28", "1.29", "1.34", "1.37"];
/// The exit code of a bug, after which a job is tried again: it may be one of chance.
const BUG: u8 = 1;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The directory of what tools/kubernetes fetched once; `None` where it cannot be had, which is
/// said, and which fails the test where COUNTERFOIL_TEST_KUBERNETES=required.
fn fetched(what: &'static str) -> Option<&'static Path> {
    static HELM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    static SCHEMAS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let kept = if what == "helm" { &HELM } else { &SCHEMAS };
    let fetch = || {
        let mut script = Command::new(root().join("tools/kubernetes"));
        let (code, out, err) = told(&script.arg(what).stdin(Stdio::null()).output().unwrap());
        (code == Some(0)).then(|| PathBuf::from(out.trim())).ok_or(err)
    };
    match kept.get_or_init(fetch) {
        Ok(dir) => Some(dir),
        Err(reason) => {
            let is_required =
                std::env::var_os("COUNTERFOIL_TEST_KUBERNETES").is_some_and(|is| is == "required");
            assert!(!is_required, "COUNTERFOIL_TEST_KUBERNETES=required: {reason}");
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test of the chart");
            let reason = reason.trim().replace('\n', " | ");
            // Past the capture of tests.
            drop(writeln!(std::io::stderr(), "skipped: {test}: {reason}"));
            None
        }
    }
}

/// Exit code, stdout, stderr.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// helm, which keeps nothing of its own here.
fn helm(arguments: &[&str]) -> Option<(Option<i32>, String, String)> {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(fetched("helm")?.join("helm"));
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    for kind in ["CACHE", "CONFIG", "DATA"] {
        command.env(format!("HELM_{kind}_HOME"), home.path());
    }
    Some(told(&command.env("KUBECONFIG", "/dev/null").output().unwrap()))
}

/// What the chart renders for this mode, with more flags; it must succeed.
fn rendered(mode: &str, flags: &[&str]) -> Option<String> {
    let values = format!("packaging/helm/examples/{mode}.yaml");
    let arguments = [&["template", "counterfoil", CHART, "--values", &values], flags].concat();
    let (code, out, err) = helm(&arguments)?;
    assert_eq!(code, Some(0), "{arguments:?}: {err}");
    Some(out)
}

/// The manifest of a mode: what the chart renders, without what only helm has to do with.
fn manifest(mode: &str) -> Option<String> {
    let is_helms = |line: &&str| {
        let line = line.trim_start();
        ["# Source: ", "helm.sh/chart: ", "app.kubernetes.io/managed-by: "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let rendered = rendered(mode, &[])?;
    let lines = rendered.lines().filter(|line| !is_helms(line)).map(|line| format!("{line}\n"));
    Some(format!(
        "# Rendered by the chart in {CHART} with packaging/helm/examples/{mode}.yaml;\n# \
         COUNTERFOIL_RECORD=1 cargo test --test packaging renews it.\n{}",
        lines.collect::<String>()
    ))
}

/// The exit codes after which this text lets a job fail for good.
fn final_codes(path: &str) -> BTreeSet<u8> {
    let text = read(path);
    let rule = text.split_once("onExitCodes: ").unwrap_or_else(|| panic!("{path}: no rule")).1;
    assert!(rule.starts_with("{containerName: counterfoil, operator: In, values: ["), "{path}");
    let values = rule.split(['[', ']']).nth(1).unwrap();
    values.split(", ").map(|code| code.parse().unwrap()).collect()
}

/// Every kind of error: one that is added does not compile here.
fn kinds() -> Vec<ErrorKind> {
    use ErrorKind::{
        Access, Bug, Contents, Fed, Order, Output, Rejected, Stopped, Unavailable, Unsuitable,
        Upstream, Usage,
    };
    let of_all = [
        Bug,
        Usage,
        Unsuitable,
        Access,
        Contents,
        Fed,
        Order,
        Rejected,
        Unavailable,
        Upstream,
        Output,
        Stopped,
    ];
    for kind in of_all {
        match kind {
            Bug | Usage | Unsuitable | Access | Contents | Fed | Order | Rejected | Unavailable
            | Upstream | Output | Stopped => {}
        }
    }
    of_all.to_vec()
}

#[test]
fn a_job_fails_for_good_after_just_the_exit_codes_that_refuse_a_start() {
    let code = |kind: &ErrorKind| kind.consequence().exit_code;
    let (refusals, others): (Vec<ErrorKind>, Vec<ErrorKind>) = kinds()
        .into_iter()
        .partition(|kind| kind.consequence().refuses_at_start && code(kind) != BUG);
    let refusals: BTreeSet<u8> = refusals.iter().map(code).collect();
    let others: BTreeSet<u8> = others.iter().map(code).collect();
    assert!(refusals.is_disjoint(&others), "{refusals:?} {others:?}");
    let chart = format!("{CHART}/templates/_job.tpl");
    for path in [&chart, "packaging/kubernetes/job.yaml", "packaging/kubernetes/cronjob.yaml"] {
        assert_eq!(final_codes(path), refusals, "{path}");
    }
    let guide = read("docs/kubernetes.md");
    let rows = guide.lines().filter(|line| line.ends_with(" for good |"));
    let codes = rows.map(|row| row.split(['|', ' ']).nth(2).unwrap().parse().unwrap());
    assert_eq!(codes.collect::<BTreeSet<u8>>(), refusals, "docs/kubernetes.md");
}

#[test]
fn the_manifests_are_what_the_chart_renders() {
    for mode in MODES {
        let Some(manifest) = manifest(mode) else { return };
        let path = root().join(format!("packaging/kubernetes/{mode}.yaml"));
        if std::env::var_os("COUNTERFOIL_RECORD").is_some() {
            std::fs::write(&path, &manifest).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        let cure = "COUNTERFOIL_RECORD=1 cargo test --test packaging, and look at the difference";
        assert!(kept == manifest, "{} is not what the chart renders: {cure}", path.display());
    }
}

#[test]
fn helm_finds_nothing_to_blame_in_the_chart() {
    for mode in MODES {
        let values = format!("packaging/helm/examples/{mode}.yaml");
        let Some((code, out, err)) = helm(&["lint", "--strict", CHART, "--values", &values]) else {
            return;
        };
        assert_eq!(code, Some(0), "{mode}: {out}{err}");
        assert!(out.contains("0 chart(s) failed") && !out.contains("[WARNING]"), "{mode}: {out}");
    }
}

/// Whether each object in these files is as this version of Kubernetes wants it; with complaints.
fn fits(version: &str, files: &[PathBuf]) -> Option<(bool, String)> {
    let mut command = Command::new("python3");
    command.args(["-m", "kubernetes_validate", "--strict", "-k", version]).args(files);
    command.env("PYTHONPATH", fetched("schemas")?).env("PYTHONDONTWRITEBYTECODE", "1");
    let (code, out, err) = told(&command.stdin(Stdio::null()).output().unwrap());
    Some((code == Some(0), format!("{out}{err}")))
}

#[test]
fn what_the_chart_renders_fits_the_schemas_of_kubernetes_from_1_25_to_1_37() {
    let dir = tempfile::tempdir().unwrap();
    for version in KUBERNETES {
        let mut files = Vec::new();
        for mode in MODES {
            let Some(text) = rendered(mode, &["--kube-version", version]) else { return };
            let has_policy = text.contains("podFailurePolicy:");
            let may_have = mode != "deployment" && !["1.25", "1.26", "1.28"].contains(&version);
            assert_eq!(has_policy, may_have, "{mode} {version}");
            files.push(dir.path().join(format!("{mode}.yaml")));
            std::fs::write(files.last().unwrap(), text).unwrap();
        }
        let Some((is_fit, complaint)) = fits(version, &files) else { return };
        assert!(is_fit, "{version}: {complaint}");
    }
    // The check can fail.
    let wrong = read("packaging/kubernetes/job.yaml").replace("backoffLimit: 3", "backoffLimit: x");
    let file = dir.path().join("wrong.yaml");
    std::fs::write(&file, wrong).unwrap();
    let (is_fit, complaint) = fits("1.34", &[file]).unwrap();
    assert!(!is_fit && complaint.contains("spec.backoffLimit"), "{complaint}");
}

#[test]
fn hadolint_finds_nothing_to_blame_in_the_dockerfile() {
    let Some(dir) = fetched("schemas") else { return };
    let judged =
        |file: &Path| told(&Command::new(dir.join("bin/hadolint")).arg(file).output().unwrap());
    assert_eq!(judged(&root().join("Dockerfile")), (Some(0), String::new(), String::new()));
    let wrong = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wrong.path(), "FROM rust\n").unwrap();
    let (code, out, _) = judged(wrong.path());
    assert!(code == Some(1) && out.contains("DL3006"), "{out}");
}

#[test]
fn values_that_cannot_be_meant_are_refused_with_their_name() {
    for (flag, reason) in [
        ("mode=daemon", "/mode"),
        ("image.digest=sha256:1", "/image/digest"),
        ("imagePullPolicy=Always", "imagePullPolicy"),
        ("config.existingSecret=a", "config: give one of existingSecret, existingConfigMap"),
        ("config.inline=", "config: give one of existingSecret, existingConfigMap"),
        ("config.key=copy", "/config/key"),
        ("console.port=80", "/console/port"),
        ("job.backoffLimit=-1", "/job/backoffLimit"),
        ("deployment.replicas=4", "/deployment/replicas"),
        ("terminationGracePeriodSeconds=5", "/terminationGracePeriodSeconds"),
        ("secrets[0].nome=x", "/secrets/0"),
        ("podMonitor.enabled=true", "podMonitor: the metrics are a part of the window"),
    ] {
        let values = "packaging/helm/examples/job.yaml";
        let arguments = ["template", "counterfoil", CHART, "--values", values, "--set", flag];
        let Some((code, _, err)) = helm(&arguments) else { return };
        assert!(code == Some(1) && err.contains(reason), "{flag}: {code:?} {err}");
    }
}

#[test]
fn each_choice_of_the_chart_reaches_the_object_that_it_is_about() {
    for (mode, flags, expected) in [
        ("job", "image.repository=r/c,image.digest=", "image: r/c:"),
        ("job", "image.tag=v7", "image: counterfoil:v7"),
        (
            "job",
            "args={--destination,a b}",
            "- --until-caught-up\n            - \"--destination\"\n            - \"a b\"",
        ),
        ("job", "job.ttlSecondsAfterFinished=0", "ttlSecondsAfterFinished: 0"),
        ("job", "job.activeDeadlineSeconds=60", "activeDeadlineSeconds: 60"),
        ("job", "console.enabled=true", "livenessProbe:"),
        ("job", "serviceAccount.create=false", "serviceAccountName: default"),
        ("cronjob", "cronjob.suspend=true", "suspend: true"),
        ("cronjob", "cronjob.timeZone=Europe/Paris", "timeZone: \"Europe/Paris\""),
        ("deployment", "console.port=9000", "containerPort: 9000"),
        ("deployment", "podMonitor.enabled=true", "kind: PodMonitor"),
        ("deployment", "podMonitor.enabled=true,podMonitor.labels.a=b", "    a: b\nspec:"),
        ("deployment", "prometheusRule.enabled=true", "- alert: "),
        ("deployment", "priorityClassName=high", "priorityClassName: high"),
        ("deployment", "nodeSelector.disk=ssd", "nodeSelector:\n        disk: ssd"),
        ("deployment", "networkPolicy.ports={5432,6432}", "- {port: 6432, protocol: TCP}"),
    ] {
        let Some(text) = rendered(mode, &["--set", flags]) else { return };
        assert!(text.contains(expected), "{mode} {flags} does not have {expected}:\n{text}");
    }
    for (mode, flags, absent) in [
        ("job", "console.enabled=true", "readinessProbe:"),
        ("job", "job.ttlSecondsAfterFinished=null", "ttlSecondsAfterFinished"),
        ("cronjob", "image.tag=v1", "ttlSecondsAfterFinished"),
        ("deployment", "deployment.replicas=1", "PodDisruptionBudget"),
        ("deployment", "console.enabled=false", "kind: Service\n"),
        ("deployment", "networkPolicy.enabled=false", "NetworkPolicy"),
    ] {
        let text = rendered(mode, &["--set", flags]).unwrap();
        assert!(!text.contains(absent), "{mode} {flags} has {absent}:\n{text}");
    }
}

#[test]
fn the_chart_has_the_version_of_the_program_and_describes_each_of_its_values() {
    let chart = read(&format!("{CHART}/Chart.yaml"));
    let version = env!("CARGO_PKG_VERSION");
    for line in [format!("version: {version}"), format!("appVersion: \"{version}\"")] {
        assert!(chart.lines().any(|is| is == line), "Chart.yaml lacks {line}");
    }
    let schema = read(&format!("{CHART}/values.schema.json"));
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let described = schema["properties"].as_object().unwrap().keys().map(String::as_str);
    // helm itself gives "global" to every chart.
    let described: BTreeSet<&str> = described.filter(|key| *key != "global").collect();
    let values = read(&format!("{CHART}/values.yaml"));
    let is_key = |line: &&str| line.starts_with(|first: char| first.is_ascii_lowercase());
    let keys = values.lines().filter(is_key).map(|line| line.split(':').next().unwrap());
    assert_eq!(keys.collect::<BTreeSet<&str>>(), described);
}

/// A person copies it: it must be one that is read.
#[test]
fn the_configuration_within_the_manifest_of_a_job_can_be_read() {
    let manifest = read("packaging/kubernetes/job.yaml");
    let text = manifest.split_once("replication.toml: |\n").unwrap().1;
    let lines = text.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let config: String = lines.map(|line| format!("{}\n", line.trim_start())).collect();
    assert!(config.contains("[source]") && config.contains("[[destinations]]"), "{config}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("replication.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    command.args(["run", "--dry-run", "--config"]).arg(file);
    let (code, out, err) = told(&command.output().unwrap());
    // The files of the Secret are not here, nor is the server.
    assert!(code == Some(3) || code == Some(8), "{code:?} {out}{err}");
}
