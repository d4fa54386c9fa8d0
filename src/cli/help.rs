//! What stands at the end of `--help`: examples that work, exit codes, and where to read more.

pub(super) const COUNTERFOIL: &str = "Examples:
  counterfoil demo
  counterfoil run --config copy.toml --dry-run
  counterfoil status --config copy.toml

Exit codes:
  0  done, or stopped by a signal after finishing or rolling back the batch in hand
  1  a bug or an unforeseen failure, or the result could not be written
  2  wrong usage or configuration
  3  unsuitable: a check refused
  4  contents disagree between source and destination
  5  another replicator feeds this destination
  6  the order of ids is broken at the source
  7  a destination rejected the data
  8  not done within the time allowed
  130  left at once by a second signal
Where the output is a pipe that its reader has closed, the command goes on to its end and says
nothing of it; its exit code stays what it would have been.

Read more: README.md, docs/operating.md and docs/configuration.md of the source, and
config/minimal.toml, the least configuration.";

pub(super) const INIT: &str = "Examples:
  counterfoil init source --url postgres://owner@db1/orders
  counterfoil init destination --config copy.toml --dry-run

Read more: docs/operating.md of the source; the least privileges: docs/security.md.";

pub(super) const INIT_SOURCE: &str = "Examples:
  counterfoil init source --url postgres://owner@db1/orders --dry-run
  counterfoil init source --url postgres://owner@db1/orders --ids sequence --table audit.events

Exit codes: 0 all is there; 3 something of the same name stands in the way, or the server refused;
8 it could not be reached; otherwise as in `counterfoil --help`.

Read more: docs/operating.md of the source; the least privileges: docs/security.md.";

pub(super) const INIT_DESTINATION: &str = "Examples:
  counterfoil init destination --config copy.toml --dry-run
  counterfoil init destination --config copy.toml --with-indexes
  counterfoil init destination --url postgres://owner@db2/orders --create-database --guard

Exit codes: 0 all is there; 3 something of the same name stands in the way, or the server refused;
8 it could not be reached; otherwise as in `counterfoil --help`.

Read more: docs/operating.md of the source; the least privileges: docs/security.md.";

pub(super) const REFLECT: &str = "Examples:
  counterfoil reflect verify --config shop.toml
  counterfoil reflect load --config shop.toml --destination reporting --reflection public.orders

Read more: docs/reflections.md.";

pub(super) const REFLECT_LOAD: &str = "Examples:
  counterfoil reflect load --config shop.toml --destination reporting
  counterfoil reflect load --config shop.toml --destination reporting --reflection public.orders --yes

Exit codes: 0 it was asked for; 3 nothing was computed yet; otherwise as in `counterfoil --help`.

Read more: docs/reflections.md.";

pub(super) const REFLECT_VERIFY: &str = "Examples:
  counterfoil reflect verify --config shop.toml
  counterfoil reflect verify --config shop.toml --destination reporting --max-diffs 100 --format jsonl

Exit codes: 0 equal; 1 different; 2 could not be compared; 3 inconclusive: some table is being
loaded, or is not meant to be equal.

Read more: docs/reflections.md.";

pub(super) const CAPTURE: &str = "Examples:
  counterfoil capture install --url postgres://owner@db1/shop --table orders --table customers
  counterfoil capture status --url postgres://owner@db1/shop

Read more: docs/capture.md.";

pub(super) const CAPTURE_INSTALL: &str = "Examples:
  counterfoil capture install --url postgres://owner@db1/shop --table public.orders --dry-run
  counterfoil capture install --url postgres://owner@db1/shop --table users --omit password_hash

Exit codes: 0 all is captured; 3 a table cannot be captured, or something stands in the way; 8 a
table was not to be had for a moment, or the server not to be reached; otherwise as in
`counterfoil --help`.

Read more: docs/capture.md.";

pub(super) const CAPTURE_STATUS: &str = "Examples:
  counterfoil capture status --url postgres://owner@db1/shop
  counterfoil capture status --url postgres://owner@db1/shop --json

Exit codes: 0 all is as it was made; 4 a table has changed, or is not captured as it should be;
otherwise as in `counterfoil --help`.

Read more: docs/capture.md.";

pub(super) const CAPTURE_REFRESH: &str = "Examples:
  counterfoil capture refresh --url postgres://owner@db1/shop
  counterfoil capture refresh --url postgres://owner@db1/shop --table public.orders

Exit codes: 0 all is captured; 3 a table cannot be captured; 8 a table was not to be had for a
moment; otherwise as in `counterfoil --help`.

Read more: docs/capture.md.";

pub(super) const CAPTURE_REMOVE: &str = "Examples:
  counterfoil capture remove --url postgres://owner@db1/shop --table public.orders
  counterfoil capture remove --url postgres://owner@db1/shop --all --drop-log

Exit codes: 0 nothing of it is left; 3 something is; 8 a table was not to be had for a moment;
otherwise as in `counterfoil --help`.

Read more: docs/capture.md.";

pub(super) const CAPTURE_PRUNE: &str = "Examples:
  counterfoil capture prune --url postgres://owner@db1/shop --dry-run
  counterfoil capture prune --url postgres://owner@db1/shop --keep 30d --yes
  counterfoil capture prune --url postgres://owner@db1/shop --forget old_reports

Exit codes: 0 what may go is gone, or nothing may; 3 no reader is known, or one keeps all; 8
transactions are open that may still add events; otherwise as in `counterfoil --help`.

Read more: docs/capture.md.";

pub(super) const RUN: &str = "Examples:
  counterfoil run --config copy.toml --dry-run
  counterfoil run --config copy.toml --until-caught-up
  counterfoil run --config replications/ --destination reporting

Exit codes: 0 stopped by a signal, with --until-caught-up only once everything is copied; 2 wrong
usage or configuration; 3 a check refused; 4 contents disagree; 5 another replicator feeds the
destination (with --until-caught-up); 6 the order of ids is broken; 7 a destination rejected the
data; 8 not done in time, or stopped before its end; 1 anything else; 130 a second signal. Of
several the first of 4, 6, 7, 3, 5, 8.

Read more: docs/operating.md (as a service), docs/configuration.md and docs/faults.md of the source.";

pub(super) const STATUS: &str = "Examples:
  counterfoil status --config copy.toml
  counterfoil status --config copy.toml --json --max-lag 10000
  counterfoil status --config copy.toml --quick

Exit codes: 0 told; 4 contents disagree; 3 a table is missing, unlike, or may not be read; 8 the
source could not be asked, or with --max-lag a destination is further behind, unreachable or fed by
no replicator; 2 wrong usage or configuration; 1 anything else.

Read more: docs/operating.md of the source, \"Watch it\".";

pub(super) const WAIT: &str =
    "A destination holds everything when no transaction at the source may \
still insert at or below the id, and first event, last event and count are the source's.

Exit codes: 0 they hold it; 8 not within the time, with who lacks it; 4 contents disagree; 2 and 3 \
as in `counterfoil --help`.

Examples:
  counterfoil wait --config copy.toml
  counterfoil wait --config copy.toml --through 4711 --destination reporting
  counterfoil wait --config copy.toml --any 1 --timeout 5m

Read more: docs/operating.md of the source.";

pub(super) const REPAIR: &str = "Examples:
  counterfoil repair --config copy.toml --destination reporting --insert-missing
  counterfoil repair --config copy.toml --destination reporting --rewind-to 120000 --yes
  counterfoil repair --config copy.toml --destination reporting --replace 4711,4712

Exit codes: 0 repaired and verified, nothing to do, or not agreed to; 2 wrong usage, or with
--replace an id above the destination's highest; 3 a check refused; 4 something else differs (with
--replace what is named is replaced nevertheless); 5 a replicator feeds the destination: stop it
first; otherwise as in `counterfoil --help`.

Read more: docs/repair.md of the source.";

pub(super) const RESTORE: &str = "Examples:
  counterfoil restore --config copy.toml --from reporting
  counterfoil restore --config copy.toml --from reporting --yes

Exit codes: 0 restored and verified, nothing to do, or not agreed to; 3 a check refused; 4 contents
disagree; 8 a configured destination cannot be reached; otherwise as in `counterfoil --help`.

Read more: docs/repair.md of the source.";

pub(super) const DEMO: &str = "Examples:
  counterfoil demo
  counterfoil demo --events 100000 --keep
  counterfoil demo --console 127.0.0.1:8080

Exit codes: 0 proved equal; 130 interrupted before the proof; otherwise as in `counterfoil --help`.

Read more: README.md of the source.";

pub(super) const PROBE: &str = "Examples:
  counterfoil probe --config copy.toml
  counterfoil probe --config copy.toml --ready
  counterfoil probe --config copy.toml --console 127.0.0.1:8080

Exit codes: 0 it is; 1 it is not, and why is printed; 2 wrong usage or configuration; 8 the window
does not answer.

Read more: docs/window.md of the source.";

pub(super) const HASH_PASSWORD: &str = "Examples:
  counterfoil hash-password > console.hash
  counterfoil hash-password

Exit codes: 0 printed; 2 there is no password, or the two that were typed differ; 1 anything else.

Read more: docs/window.md of the source.";

pub(super) const COMPLETIONS: &str = "Examples:
  counterfoil completions bash > /etc/bash_completion.d/counterfoil
  counterfoil completions zsh --program events-diff > ~/.zfunc/_events-diff
  counterfoil completions fish > ~/.config/fish/completions/counterfoil.fish

Read more: docs/operating.md of the source.";
