//! The reference page of scenario files, from the tables of the format.

use std::fmt::Write;

use evidence::unit::Unit;

use crate::format::{self, Presence, Scalar, Table, Value};
use crate::plan::Live;

/// What stands above the tables.
const HEAD: &str = "\
# Scenario files

A scenario is one YAML file: what to launch, how to load it, what to break, what must hold. `shakedown check FILE`
says everything that is wrong with it at once; `shakedown plan FILE` shows what it would do. Editors complete and
check it with [`scenario.schema.json`](scenario.schema.json), which is also what `shakedown schema` prints:

```yaml
# yaml-language-server: $schema=../../docs/reference/scenario.schema.json
name: two-coordinators
why: One of two coordinators dies; twenty agents must carry on.
target:
  swarm: { shape: hybrid, coordinators: 2, workers: 17 }
workload:
  rounds: { every: 200ms }
phases: { hold: 10s }
faults:
  - kill: { role: coordinator }
    at: 5s
    expect: { recovers_within: 5s, lost: 0 }
gates:
  - delivery.rate >= 95%
  - { metric: round.time.p99, go: \"< 1s\", conditional: \"< 5s\", during: hold, cites: X4 }
```

## Values

| kind | written | units |
|---|---|---|
| duration | `30s`, `500ms`, `1h30m` | `ns` `us` `ms` `s` `m` `h` `d` `w` |
| size | `256B`, `64MiB` | `B` `KiB` `MiB` `GiB` `TiB`, `kB` `MB` `GB` `TB` |
| rate | `50/s` | `/s` `/m` `/h` |
| share | `95%` | `%` |
| over time | `10%/h`, `64KiB/min`, `1/week` | a share, size or count, then `/min` `/h` `/d` `/week` |
| offset | `1h`, `-5m` | those of a duration |
| time of day | `09:00` | hours and minutes since the run's day began |
| count | `1000` | none |

A quantity without its unit is refused: `timeout: 100` says neither seconds nor milliseconds.

`${NAME}` in a value is replaced by a variable of the environment and `${NAME:-default}` by the default where it is
not set; `$$` is a plain `$`. Anchors and aliases work, up to 20,000 values in all; tags and several documents in one
file do not. `--set phases.hold=30s` and `--set faults.0.at=5s` change one value for one run, `--seed N` the seed.

## Gates

A gate is a text, `metric op value [during phase]`, or a table with `metric` and `go`. The metric is one of
[the metrics](metrics.md), narrowed by brackets where it can be: `memory.private.max[worker]` speaks of one role,
`fault[three].lost` of one fault. Between braces a name with brackets is quoted, because YAML takes them for a list. The
comparison is `<`, `<=`, `>`, `>=`, `==` or `!=`, the value has the
metric's unit, and the phase is `warm_up`, `hold` or `drain`. A gate on a metric that nothing in the scenario produces
is refused, and so is one that no run can pass: a load longer than the phases, more faults or rounds than are planned, a share
above 100%, a count below 0.

## Faults

A fault says what is done ([one key of many](#fault)), to whom, when, and by which rules:

```yaml
faults:
  - kill: { role: coordinator, count: 3 }         # to whom: count, percent, all, except, or same: ID
    at: 20s                                       # when: at, every, random, days, or when: phase hold
    when: round in flight                         # ... and not before a round is open
    keep: majority                                # rules: overlap, keep, up
    expect: { recovers_within: 5s, lost: 0 }      # gates on this fault alone
  - id: full
    disk_full: { leave: 0B, for: 2s }             # needs target.swarm.bus: files, or target.bus_dir
    random: { times: 3, from: 10s, until: 50s }
chaos:
  quiet: [{ from: 30s, until: 35s }]
  overlap: queue
```

Victims are places among the members of a role, and they and the drawn times come from the seed alone: the same file and
seed break the same agents at the same moments, and every occurrence draws for itself. `every: 1w` is weekly, `days: [3, 7,
10]` are days of the run.

Every fault has an end: with `for` it is undone when that time is over, also where the harness has died. It counts as
injected only where the evidence that it requires was read back from every victim; `require` asks for more or less.
Faults on the bus, partitions and clocks are done by the target itself: the bundled runtime can, another program says
in its `hello` whether it can ([control protocol](control-protocol.md)). What needs privileges is told by `shakedown plan`.

Two faults that change the same thing of the same agents at the same time are refused where that is certain; otherwise
`overlap` says what is done.

## Load over days

The number of workers in a round, and how single tasks come, can change with the time of day. A day of the run is 24
hours and the first begins at the moment at which the target is ready, whatever the clock on the wall says, so that the same file
does the same whenever it is started:

```yaml
workload:
  rounds:
    every: 10s
    daily: [{ from: 00:00, workers: 100 }, { from: 09:00, workers: 100% }, { from: 18:00, workers: 50% }]
  arrivals:
    daily: [{ from: 00:00, poisson: 2/m }, { from: 09:00, rate: 1/s }]
    work:
      mix:
        - { weight: 3, work: { exec: [sh, -c, \"echo 'int main(void) { return 0; }'\"] } }
        - { weight: 1, work: { sleep: 20ms } }
```

Faults on a number or a share of a role choose among all of it, whoever takes part; that somebody who takes no part has
recovered is seen only once they do. A mixture is drawn from the seed: for each
round once, for each single task by itself.

## Long runs

A run of hours to weeks says under `soak` how it survives, what it watches, and when it may end before its time:

```yaml
soak:
  on_harness_death: keep            # the target goes on until the run is resumed; `stop` is the default
  horizon: 30d                      # what a shorter run is to certify
  quiesce: { every: 6h, within: 30s }
  disk: 1GiB
  end_early: { looks: 10 }
  alerts:
    - memory.growth > 10%/h for 30m
    - descriptors[worker] > 900 for 1m
    - delivery.rate < 95%
  notify: { command: [logger, -t, shakedown], webhook: \"http://127.0.0.1:9000/soak\" }
```

An alert is a text, `metric[role] op value [for duration]`, and says when there is something to alert of: the metric has been
so for that long, at every reading. It is over when that no longer holds. One on a metric that nothing in the scenario
produces is refused, and so is a webhook on any other host. What can be watched while a run goes on:

ALERTS

Gates on drift and on incidents take rates: `memory.growth < 10%/h`, `memory.growth.bytes < 64KiB/min`, `incidents.rate <
1/week`. The time behind the slash is `min`, `h`, `d` or `week`.

## Time

Zero is the moment at which the target is ready. Warm-up and hold follow without a gap, load is due from zero to the
end of the hold phase, and faults are due from zero to there. `--rehearse 3m` compresses phases, fault times, quiet times,
points of rest, alerts and sampling so that the whole takes that long, and faults that last longer than five seconds to no
less than these, points of rest to no less than ten seconds apart, or half of the hold phase where that is shorter;
rates, time-outs and up to half of the time for the drain stay as they are, because they belong to the work. Levels of
the day are compressed like phases. Rounds come often enough for two at each level and two after each fault, before the next
one or a point of rest, but no more of them than the whole timeline has and none closer than 250 ms to the next; a rehearsal
too short for a fault that waits for a round is refused, with the shortest that is not. An alert of growth lets as
much grow in all as it would in the whole soak. Gates may ask for the time that was written. A rehearsal never ends early, and
is never GO.
";

/// The page, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.replace("ALERTS\n", &alerts());
    page += "\n## Keys\n";
    for table in format::all() {
        section(table, &mut page);
    }
    page
}

/// What alerts can be on.
fn alerts() -> String {
    let mut table = "| metric | unit | of a role | what |\n|---|---|---|---|\n".to_owned();
    for live in Live::ALL {
        let role = if live.has_roles() { "yes" } else { "no" };
        let _ =
            writeln!(table, "| `{}` | {} | {role} | {} |", live.name(), written(live.unit()), live.help());
    }
    table
}

/// How a value of this unit is written.
fn written(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::Seconds => "duration",
        Unit::Bytes => "size",
        Unit::Ratio => "share",
        Unit::PerSecond => "rate",
        Unit::PerHour => "count over time",
        Unit::BytesPerHour => "size over time",
        Unit::RatioPerHour => "share over time",
    }
}

/// The keys of one table.
pub(crate) fn section(table: &Table, page: &mut String) {
    let _ = write!(page, "\n### {}\n\n{}\n\n", table.title, table.help);
    *page += "| key | value | without it | meaning |\n|---|---|---|---|\n";
    for field in table.fields {
        let without = match field.presence {
            Presence::Required => "refused".to_owned(),
            Presence::Default(text) => format!("`{text}`"),
            Presence::Otherwise(sentence) => sentence.to_owned(),
            Presence::Optional => "–".to_owned(),
        };
        let value = value(&field.value).replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {value} | {without} | {} |", field.key, field.help);
    }
    for choice in table.choices {
        let keys: Vec<_> = choice.keys.iter().map(|key| format!("`{key}`")).collect();
        let how = if choice.required { "Exactly" } else { "At most" };
        let _ = writeln!(page, "\n{how} one of {}.", keys.join(", "));
    }
}

fn value(of: &Value) -> String {
    match of {
        Value::Scalar(scalar) => single(*scalar),
        Value::Table(table) => format!("[{0}](#{0})", table.title),
        Value::List(of) => format!("list of {}", value(of)),
        Value::Either(values) => values.iter().map(value).collect::<Vec<_>>().join(" or "),
        Value::Json => "any keys".to_owned(),
    }
}

fn single(scalar: Scalar) -> String {
    let between = |kind: &str, least: u64, most: u64| match most {
        u64::MAX => format!("{kind} from {}", scalar.written(least)),
        most => format!("{kind}, {} to {}", scalar.written(least), scalar.written(most)),
    };
    match scalar {
        Scalar::Name => "name".to_owned(),
        Scalar::Text => "text".to_owned(),
        Scalar::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Scalar::Flag => "`true`, `false`".to_owned(),
        Scalar::Count { least, most } => between("count", least, most),
        Scalar::Duration { least, most } => between("duration", least, most),
        Scalar::Size { least, most } => between("size", least, most),
        Scalar::Share { least, most } => between("share", least, most),
        Scalar::Offset { most } => {
            format!("offset, -{0} to {0}", scalar.written(most))
        }
        Scalar::Rate { zero: true } => "rate".to_owned(),
        Scalar::Rate { zero: false } => "rate above 0".to_owned(),
        Scalar::Gate => "[gate text](#gates)".to_owned(),
        Scalar::Limit => "comparison and value".to_owned(),
        Scalar::TimeOfDay => "time of day".to_owned(),
        Scalar::Alert => "[alert text](#long-runs)".to_owned(),
    }
}
