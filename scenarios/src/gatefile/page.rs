//! The reference page of gate files and facts files.

use crate::format::{self, gatefile};
use crate::reference::section;

/// What stands above the tables.
const HEAD: &str = r#"# Gate files

A scenario has gates for one run. A gate file decides over several runs and over what no run can show: whether a
stage, a phase or a release may begin.

```
shakedown judge --gates scenarios/gates/gate-1.yaml RUN... [DECISION...] [--facts FILE] [--out DIR]
```

It prints the decision and writes `decision.html`, `decision.md` and `decision.json` below `decisions/NAME/TIME`, or
into `--out DIR`, never into a run. The exit code is that of a verdict: 0 GO, 10 CONDITIONAL, 20 INCONCLUSIVE, 30
NO-GO. Ready-made files are in `scenarios/gates/`; editors check them with
[`gate-file.schema.json`](gate-file.schema.json), and facts files with
[`facts-file.schema.json`](facts-file.schema.json).

```yaml
name: night
why: May the nightly build be given to others?
words: PASS/CONDITIONAL PASS/FAIL
rule: conditional
then: { no_go: Keep the build of yesterday. }
criteria:
  - id: memory
    what: Memory grows by less than 10 % an hour
    cites: D14
    metric: memory.growth
    go: "< 10%/h"
    conditional: "< 20%/h"
    runs: { scenario: "soak-*", lasting: 1h, least: 2 }
    if_failed: Look for what is not released.
  - id: speed
    what: A round takes at most a tenth longer than in the baseline
    metric: round.time.p50
    than: baseline
    go: "<= 110%"
    runs: { scenario: load-100 }
  - id: chaos
    what: The chaos scenarios hold their own gates
    verdict: GO
    runs: { scenario: [three-at-once, everything] }
  - id: environments
    what: It holds in three environments
    environments: { hold: [memory, chaos] }
    go: ">= 3"
    conditional: ">= 1"
  - id: coverage
    what: Tests cover 80 %
    fact: coverage.combined
    go: ">= 80%"
    minor: true
  - id: before
    what: Stage 1 has passed
    decision: stage-1
```

## What a criterion asks

Exactly one of five. `metric` asks runs for one of [the metrics](metrics.md), by the rules of gates: an interval
wholly inside the limit is GO, wholly outside NO-GO, anything else INCONCLUSIVE. `verdict` asks for the verdicts of
runs by the gates of their own scenarios. `environments` counts labelled environments in which other criteria hold.
`fact` asks the facts file. `decision` asks the `decision.json` of an earlier decision, whose directory is given
beside the runs.

What stands against a whole run (it crashed, it was interrupted, it ended early, a fault was not proven) stands
against every criterion that rests on it. A criterion without evidence is INCONCLUSIVE and says what was not given.

With `than: baseline` the limits are shares of the same number in the runs that the facts file labels `baseline:
true`; only runs of the same scenario are compared, and the interval of the quotient goes from the least over the
greatest to the greatest over the least. What a machine makes (times, rates, memory) is compared on one class of host only,
unless the facts file labels the two as different environments: a regression of another machine is none.

## Which runs

`runs` chooses by the names of scenarios, the number of agents, the planned length, the environment. The *planned*
length counts, so that a run that was to last eight hours and crashed after three is looked at and not passed over;
ask for `run.length` to have it last. A criterion must hold on every run that fits (`take: worst`), unless one is
enough (`take: best`), and on at least `least` of them. A run that no criterion looks at is named in the decision.
The same run given twice counts once.

## How outcomes combine

The decision is the gravest outcome of its criteria, in the order GO, CONDITIONAL, INCONCLUSIVE, NO-GO, in the words
of the file. A criterion that is `minor` makes it CONDITIONAL where it fails. With `rule: strict` nothing can be
conditional, and the reader refuses `conditional`, `band` and `minor`. `band: 80%` is the rule that from 80 % of a
target on it is met conditionally: what must be at least T may be 0.8 T, what must be below T may be T / 0.8. What
lies between 90 % and the target is conditional too: it is not the target.

A rehearsed run is judged, and the decision shows what it would be; but it says REHEARSAL, is never GO, and ends
with 20.

## Confidence

A rehearsal decides nothing, so that its pages show no confidence; `decision.json` keeps the figure that the same
outcomes would have had.

The confidence says how sure the evidence makes the decision, from 0 to 1. For GO and CONDITIONAL, and for
INCONCLUSIVE as far as it goes, it is

    confidence = decided / all criteria  x  poorest coverage  x  max(0, 1 - sum of (1 - s) over decided criteria)

where *s* is how sure one criterion is. An exact number and a fact are sure, s = 1. A number with an interval is on
its side of the limit with the probability that a normal law gives whose bound at 95 % is that of the interval: s =
0.95 where the bound touches the limit, and more where it stays away. Subtracting the sum bounds the chance of any
mistake without assuming that criteria are independent (Boole's inequality). The coverage of a run is the least of
`samples.coverage`, `monitoring.coverage` and 1 - `samples.gaps`, and the poorest run counts. A missing criterion
lowers the first factor; without evidence all of it is 0. For NO-GO one true red criterion is enough, so its
confidence is the greatest s times coverage among the red ones.

A GO with a confidence of at least `approve` (90 % unless the file says otherwise) needs nobody's approval; below
it, the decision asks for a person's.

## What is written

`decision.md` and `decision.html` hold the recommendation with its reasons, the prescribed responses of failed
criteria, ways out for a NO-GO, every criterion with what it rests on, the list of risks, the runs, the comparison
of environments, and the stability of each run. `decision.json` ([schema](decision.schema.json)) holds the same for
scripts; the same runs, facts and gate file give the same bytes.

## Facts files

A fact has a value, a source and a date. A number is compared in its unit: `82%`, `4m`, `0`, `8000/s`; `yes` and
`true` are one word, and so are `no` and `false`. YAML and JSON both work; [an
example](../../scenarios/gates/examples/facts.yaml).

```yaml
facts:
  - { fact: coverage.combined, value: 84%, source: "coverage service, build 4711", date: 2026-11-20 }
runs:
  - { run: "20261109T08*", environment: wsl, baseline: true }
  - { run: "20261109T09*", environment: docker }
```

A run without a label belongs to no environment: it is shown by its host in the comparison, and no environment is
counted for it. A baseline is compared with and looked at by nothing else.
"#;

/// `docs/reference/gate-files.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    page += "\n## Keys of a gate file\n";
    format::below(&gatefile::GATE_FILE).into_iter().for_each(|table| section(table, &mut page));
    page += "\n## Keys of a facts file\n";
    format::below(&gatefile::FACTS_FILE).into_iter().for_each(|table| section(table, &mut page));
    page
}
