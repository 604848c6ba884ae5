//! Several runs and outside facts in, one decision out.

use std::collections::BTreeMap;
use std::path::Path;

use evidence::end::How;
use evidence::gate::{Limit, Op};
use evidence::gatefile::{Amount, Ask, Criterion, Expected, Fact, Facts, GateFile, Label, Runs};
use evidence::metric;
use reports::{Decision, Earlier, Interval, Name, Outcome, Run, decide, decision_terminal};

use crate::fixture::{Fixture, gate};

/// A run directory of the fixture, read back, under another name.
pub(crate) fn run(fixture: &mut Fixture, id: &str, scenario: &str) -> Run {
    fixture.manifest.run = id.to_owned();
    fixture.manifest.scenario = scenario.to_owned();
    Run::read(fixture.write().path()).unwrap()
}

pub(crate) fn gates(text: &str) -> GateFile {
    scenarios::gatefile::parse(text, "gates.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

pub(crate) fn facts(text: &str) -> Facts {
    scenarios::gatefile::parse_facts(text, "facts.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

/// How many values a number rests on that was put.
const PUT: u64 = 1_000_000;

/// Where a number is put to a criterion's limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Green,
    Amber,
    Red,
    Absent,
}

/// A number that this limit holds for, or does not.
fn value(limit: Limit, inside: bool) -> f64 {
    let step = if limit.value == 0.0 { 1.0 } else { limit.value.abs() * 0.5 };
    let (below, above) = (limit.value - step, limit.value + step);
    match (limit.op, inside) {
        (Op::Less, true) | (Op::Greater | Op::GreaterOrEqual, false) => below,
        (Op::Less | Op::LessOrEqual, false) | (Op::Greater, true) | (Op::NotEqual, true) => above,
        (Op::Equal, false) => above,
        (Op::LessOrEqual | Op::GreaterOrEqual | Op::Equal, true) | (Op::NotEqual, false) => limit.value,
    }
}

/// A number at this place: between the two limits where it is amber.
fn number(go: Limit, conditional: Option<Limit>, place: Place) -> f64 {
    match (place, conditional) {
        (Place::Amber, Some(second)) => f64::midpoint(go.value, second.value),
        (Place::Red, second) => value(second.unwrap_or(go), false),
        _ => value(go, true),
    }
}

/// The environments of a world, beside that of the baseline, which is a measure and is not counted.
pub(crate) const PLACES: [&str; 4] = ["docker", "kubernetes", "cloud", "metal"];

/// A world in which every criterion of a file stands where it is put, all others being green.
pub(crate) struct World<'a> {
    pub(crate) base: &'a Run,
    pub(crate) odd: &'a str,
    pub(crate) place: Place,
}

impl World<'_> {
    fn place(&self, criterion: &Criterion) -> Place {
        if criterion.id == self.odd { self.place } else { Place::Green }
    }

    /// Runs of its own for each criterion that asks for runs: where several ask for the same, each finds its number
    /// in all of them, so the odd one's number is in all.
    fn decide(&self, gates: &GateFile) -> Decision {
        self.decide_changed(gates, |_| {})
    }

    /// The same, once every run was changed like this.
    pub(crate) fn decide_changed(&self, gates: &GateFile, change: impl Fn(&mut Run)) -> Decision {
        let mut runs: BTreeMap<String, Run> = BTreeMap::new();
        let mut labels = Vec::new();
        let (mut facts, mut earlier) = (Vec::new(), Vec::new());
        for criterion in &gates.criteria {
            match &criterion.ask {
                Ask::Metric { runs: asked, .. } | Ask::Verdict { runs: asked, .. } => {
                    self.add(asked, &mut runs, &mut labels);
                }
                Ask::Fact { name, go, conditional } => {
                    facts.extend(fact(name, go, conditional.as_ref(), self.place(criterion)));
                }
                Ask::Decision { gate } => earlier.extend(decided(gate, self.place(criterion))),
                Ask::Environments { .. } => {}
            }
        }
        let mut runs: Vec<Run> = runs.into_values().collect();
        // The odd one comes last: what it puts stays.
        let (odd, others): (Vec<_>, Vec<_>) = gates.criteria.iter().partition(|c| c.id == self.odd);
        for criterion in others.into_iter().chain(odd) {
            for run in &mut runs {
                self.put(criterion, run);
            }
        }
        for criterion in &gates.criteria {
            self.put_baseline(criterion, &mut runs);
        }
        runs.iter_mut().for_each(change);
        decide(gates, runs, &earlier, &Facts { facts, runs: labels })
    }

    /// As many runs as are asked for, in four environments, and a baseline.
    fn add(&self, asked: &Runs, runs: &mut BTreeMap<String, Run>, labels: &mut Vec<Label>) {
        let patterns =
            if asked.scenarios.is_empty() { vec!["any".to_owned()] } else { asked.scenarios.clone() };
        for pattern in patterns {
            let scenario = pattern.replace('*', "x");
            for environment in std::iter::once("base").chain(PLACES) {
                let id = format!("{scenario}-{}-{environment}", asked.lasting_ns.unwrap_or(0));
                let run = Run {
                    id: id.clone(),
                    scenario: scenario.clone(),
                    agents: Some(2000),
                    lasting_ns: asked.lasting_ns.unwrap_or(0),
                    ..self.base.clone()
                };
                runs.insert(id.clone(), run);
                let label = Label {
                    run: id,
                    environment: Some(environment.to_owned()),
                    baseline: environment == "base",
                };
                labels.push(label);
            }
        }
    }

    /// Puts the number of a criterion into a run that it looks at.
    fn put(&self, criterion: &Criterion, run: &mut Run) {
        let place = self.place(criterion);
        match &criterion.ask {
            Ask::Metric { gate, baseline: false, runs: asked, .. } if fits(asked, run) => {
                let at = number(gate.go, gate.conditional, place);
                let known = run.analysis.findings.get(&finding_name(gate)).map(|f| (f.n, f.value));
                // Of two that ask for the same, what holds for the stricter holds for both.
                let holds = known.is_some_and(|(n, now)| n == PUT && gate.go.holds(now));
                if place == Place::Absent {
                    run.analysis.findings.remove(&finding_name(gate));
                } else if !(place == Place::Green && holds) {
                    self.insert(gate, run, at);
                }
            }
            Ask::Verdict { runs: asked, .. } if fits(asked, run) => {
                let outcome = match place {
                    Place::Green => Outcome::Go,
                    Place::Amber => Outcome::Conditional,
                    Place::Red => Outcome::NoGo,
                    Place::Absent => Outcome::Inconclusive,
                };
                if place != Place::Green {
                    run.verdict.gates[0].outcome = outcome;
                }
            }
            _ => {}
        }
    }
}

impl World<'_> {
    fn insert(&self, gate: &evidence::gate::Gate, run: &mut Run, value: f64) {
        let mut found = self.base.analysis.findings.values().next().unwrap().clone();
        found.metric = metric::find(&gate.metric.name).unwrap();
        (found.value, found.interval, found.needs, found.n) = (value, Interval::exact(value), None, PUT);
        run.analysis.findings.insert(finding_name(gate), found);
    }

    /// Puts the baseline so that what the runs have is the wanted share of it.
    fn put_baseline(&self, criterion: &Criterion, runs: &mut [Run]) {
        let Ask::Metric { gate, baseline: true, runs: asked, .. } = &criterion.ask else { return };
        let place = self.place(criterion);
        let name = finding_name(gate);
        // What is divided and multiplied again is not exactly what it was.
        let margin = match (place, gate.go.op) {
            (Place::Green, Op::LessOrEqual | Op::Less) => 0.99,
            (Place::Green, _) => 1.01,
            _ => 1.0,
        };
        for run in runs.iter_mut().filter(|run| fits(asked, run)) {
            let now = run.analysis.findings.get(&name).map(|f| f.value);
            let is_base = run.id.ends_with("-base");
            if now.is_none() && self.place == Place::Absent && !is_base {
                continue;
            }
            let now = now.unwrap_or(1.0);
            let share = margin * number(gate.go, gate.conditional, place);
            self.insert(gate, run, if is_base { now / share } else { now });
            if place == Place::Absent && is_base {
                run.analysis.findings.remove(&name);
            }
        }
    }
}

fn finding_name(gate: &evidence::gate::Gate) -> Name {
    Name { metric: gate.metric.clone(), phase: gate.phase.clone() }
}

fn fits(asked: &Runs, run: &Run) -> bool {
    let scenario = &run.scenario;
    (asked.scenarios.is_empty() || asked.scenarios.iter().any(|s| evidence::gatefile::fits(s, scenario)))
        && asked.lasting_ns.is_none_or(|least| run.lasting_ns >= least)
}

fn fact(name: &str, go: &Expected, conditional: Option<&Expected>, place: Place) -> Option<Fact> {
    let value = match (go, conditional) {
        _ if place == Place::Absent => return None,
        (Expected::Number { limit, unit }, second) => {
            let second = second.map(|second| match second {
                Expected::Number { limit, .. } => *limit,
                Expected::Word { .. } => unreachable!("a number's second limit is a number"),
            });
            Amount::Number { value: number(*limit, second, place), unit: *unit }
        }
        (Expected::Word { is, word }, _) => {
            Amount::Word(if (place == Place::Green) == *is { word.clone() } else { "other".to_owned() })
        }
    };
    let (source, date) = ("a page".to_owned(), "2026-11-24".to_owned());
    Some(Fact { name: name.to_owned(), value, source, date })
}

fn decided(gate: &str, place: Place) -> Option<Earlier> {
    let outcome = match place {
        Place::Green => Outcome::Go,
        Place::Amber => Outcome::Conditional,
        Place::Red => Outcome::NoGo,
        Place::Absent => return None,
    };
    Some(Earlier {
        gate: gate.to_owned(),
        source: format!("decisions/{gate}"),
        outcome,
        word: outcome.to_string(),
        rehearsal: false,
        confidence: 1.0,
    })
}

pub(crate) fn bundled() -> Vec<GateFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/gates");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files.iter().map(|file| scenarios::gatefile::read(file).unwrap()).collect()
}

/// A run whose evidence is whole and of which hardly a number is known yet, so that it is cheap to copy.
pub(crate) fn calm() -> Run {
    let mut run = run(&mut Fixture::calm(), "base", "any");
    let first = run.analysis.findings.keys().next().unwrap().clone();
    run.analysis.findings.retain(|name, _| *name == first);
    run.verdict.findings.clear();
    run.verdict.faults.clear();
    run.analysis.faults.clear();
    run
}

#[test]
fn every_gate_file_is_go_where_all_its_criteria_hold() {
    let base = calm();
    for file in bundled() {
        let decision = World { base: &base, odd: "", place: Place::Green }.decide(&file);
        assert_eq!(decision.outcome, Outcome::Go, "{}: {}", file.name, decision.why);
        assert!(decision.approved, "{}: {}", file.name, decision.confidence);
    }
}

/// The outcome of a criterion, once it stands where it is put.
fn expected(criterion: &Criterion, place: Place) -> Outcome {
    match place {
        Place::Green => Outcome::Go,
        Place::Absent => Outcome::Inconclusive,
        Place::Amber => Outcome::Conditional,
        Place::Red if criterion.minor => Outcome::Conditional,
        Place::Red => Outcome::NoGo,
    }
}

#[test]
fn every_criterion_of_every_gate_file_turns_its_decision_red_and_is_missed_by_name() {
    let base = calm();
    for file in bundled() {
        for criterion in file.criteria.iter().filter(|c| !matches!(c.ask, Ask::Environments { .. })) {
            for place in [Place::Red, Place::Absent] {
                let decision = World { base: &base, odd: &criterion.id, place }.decide(&file);
                let label = format!("{}: {} {place:?}: {}", file.name, criterion.id, decision.why);
                let found = decision.criteria.iter().find(|c| c.criterion.id == criterion.id).unwrap();
                assert_eq!(found.outcome, expected(criterion, place), "{label}");
                assert!(decision.outcome >= found.outcome, "{label}");
                assert!(!decision.approved, "{label}");
                if place == Place::Absent {
                    assert!(
                        decision.recommendation.iter().any(|line| line.contains(&criterion.id)),
                        "{label}"
                    );
                    assert!(decision.confidence < 1.0, "{label}");
                } else {
                    assert_eq!(found.response, criterion.if_failed, "{label}");
                }
            }
        }
    }
}

#[test]
fn every_second_limit_of_every_gate_file_makes_its_decision_conditional() {
    let base = calm();
    let mut tried = 0;
    for file in bundled() {
        for criterion in &file.criteria {
            let second = match &criterion.ask {
                Ask::Metric { gate, .. } => gate.conditional.is_some(),
                Ask::Fact { conditional, .. } => conditional.is_some(),
                Ask::Decision { .. } => true,
                Ask::Verdict { .. } | Ask::Environments { .. } => false,
            };
            if second {
                tried += 1;
                let decision = World { base: &base, odd: &criterion.id, place: Place::Amber }.decide(&file);
                let found = decision.criteria.iter().find(|c| c.criterion.id == criterion.id).unwrap();
                let label = format!("{}: {}: {}", file.name, criterion.id, found.why);
                assert_eq!(found.outcome, Outcome::Conditional, "{label}");
            }
        }
    }
    assert!(tried > 50, "{tried}");
}

const NIGHT: &str = "
name: night
why: May the nightly build be given to others?
words: PASS/CONDITIONAL PASS/FAIL
rule: conditional
then: { go: Give it to others., conditional: Say what is limited., no_go: Keep the build of yesterday. }
pivots: [Give the build of yesterday., Give none.]
criteria:
  - { id: delivery, what: Almost all is delivered, cites: [D17, D24], metric: delivery.rate, go: '>= 99.9%', conditional: '>= 99.5%', runs: { scenario: 'load-*' }, if_failed: Look at the bus. }
  - { id: response, what: Responses are fast, metric: response.time.p99, go: '< 3ms', conditional: '< 50ms', runs: { scenario: 'load-*' }, if_conditional: Watch it. }
  - { id: environments, what: It delivers in two environments, environments: { hold: [delivery] }, go: '>= 2', conditional: '>= 1' }
  - { id: coverage, what: Tests cover 80 %, cites: D59, fact: coverage, go: '>= 80%', minor: true, if_failed: Extend the test sprint. }
  - { id: slower, what: Rounds are no slower than the baseline's, metric: round.time.p50, than: baseline, go: '<= 110%', runs: { scenario: 'load-*' } }
";

const FACTS: &str = "
facts:
  - { fact: coverage, value: 74%, source: the build server, date: 2026-11-24 }
  - { fact: weather, value: fair, source: the window, date: 2026-11-24 }
runs:
  - { run: base, environment: wsl, baseline: true }
  - { run: good, environment: docker }
  - { run: bad, environment: kubernetes }
";

fn night() -> Decision {
    let runs = vec![
        run(&mut Fixture::calm(), "good", "load-20"),
        run(&mut Fixture::troubled(), "bad", "load-20"),
        run(&mut Fixture::calm(), "base", "load-20"),
        run(&mut Fixture::calm(), "good", "load-20"),
        run(&mut Fixture::calm(), "elsewhere", "chaos"),
    ];
    decide(&gates(NIGHT), runs, &[], &facts(FACTS))
}

#[test]
fn the_terminal_shows_the_decision_its_criteria_and_what_to_do() {
    insta::assert_snapshot!(decision_terminal(&night(), None), @r##"
    FAIL  night  1 of 5 criteria, confidence 100 %
    delivery: 99.1 % is not >= 99.9 %

      outcome           criterion     cites    measured  limit                     rests on
      FAIL              delivery      D17 D24    99.1 %  >= 99.9 % / >= 99.5 %     2 of these
      CONDITIONAL PASS  response                3.98 ms  < 3 ms / < 50 ms          2 of these
      CONDITIONAL PASS  environments                  1  >= 2 / >= 1               2 of these
      CONDITIONAL PASS  coverage      D59          74 %  >= 80 %                   the build server, 2026-11-24
      PASS              slower                    100 %  <= 110 % of the baseline  2 of these

    runs
      verdict  run        scenario  environment
      GO       base       load-20   wsl          baseline
      GO       good       load-20   docker
      NO-GO    bad        load-20   kubernetes
      GO       elsewhere  chaos     –            not asked for

    risks: 4 of weight, 6 in all; see decision.md

    what to do
      Keep the build of yesterday.
      FAIL because of delivery.

    prescribed
      delivery: Look at the bus.
      response: Watch it.
      coverage: Extend the test sprint.

    ways out
      Give the build of yesterday.
      Give none.

    notes
      the run good was given twice and counts once
      no criterion looked at the run elsewhere of chaos
      no criterion asked for these facts: weather
    "##);
}

#[test]
fn the_consolidated_report_compares_environments_and_lists_risks() {
    let out = tempfile::tempdir().unwrap();
    let files = reports::write_decision(&night(), out.path()).unwrap();
    assert_eq!(files.len(), 3);
    let report = std::fs::read_to_string(out.path().join("decision.md")).unwrap();
    let (decision, stability) = report.split_once("## Stability\n").unwrap();
    insta::assert_snapshot!(decision);
    for row in ["### bad of load-20", "| delivery | 99.1 % | exact | delivery.rate |", "| lost | 3 | exact |"]
    {
        assert!(stability.contains(row), "{row}: {stability}");
    }
    let page = std::fs::read_to_string(out.path().join("decision.html")).unwrap();
    for part in ["FAIL", "Environments compared", "Stability", "Risks", "Look at the bus."] {
        assert!(page.contains(part), "{part}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.path().join("decision.json")).unwrap()).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/decision.schema.json");
    let schema: serde_json::Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(std::fs::read(out.path().join("decision.json")).unwrap(), reports::decision_json(&night()));
}

#[test]
fn an_earlier_decision_is_read_back() {
    let out = tempfile::tempdir().unwrap();
    reports::write_decision(&night(), out.path()).unwrap();
    assert!(Earlier::is_in(out.path()));
    let earlier = Earlier::read(out.path()).unwrap();
    assert_eq!((earlier.gate.as_str(), earlier.outcome), ("night", Outcome::NoGo));
    let next = gates(
        "name: next\nwhy: w\nrule: conditional\ncriteria: [{ id: before, what: w, decision: night }]\n",
    );
    let decision = decide(&next, Vec::new(), &[earlier], &Facts::default());
    assert_eq!(decision.outcome, Outcome::NoGo, "{}", decision.why);
}

fn one(criterion: &str) -> GateFile {
    gates(&format!(
        "name: one\nwhy: w\nrule: conditional\ncriteria:\n  - {{ id: c, what: w, {criterion} }}\n"
    ))
}

#[test]
fn what_was_to_last_longer_and_crashed_is_looked_at() {
    let mut crashed = Fixture::unhurt();
    crashed.end = None;
    let asked = one("metric: round.time.max, go: '< 1s', runs: { lasting: 10s }");
    let decision = decide(&asked, vec![run(&mut crashed, "a", "b")], &[], &Facts::default());
    assert_eq!(decision.outcome, Outcome::Inconclusive, "{}", decision.why);
    assert!(decision.why.contains("crashed"), "{}", decision.why);
    // Planned for longer than it was to be: not the run that was asked for.
    let asked = one("metric: delivery.rate, go: '>= 95%', runs: { lasting: 8h, scenario: soak }");
    let decision = decide(&asked, vec![run(&mut crashed, "a", "b")], &[], &Facts::default());
    assert!(decision.why.contains("no run of soak planned for at least 8 h"), "{}", decision.why);
    assert!(decision.confidence <= 0.0, "{}", decision.confidence);
    assert!(decision.notes.iter().any(|note| note.contains("no criterion looked at the run a of b")));
}

#[test]
fn an_interrupted_run_decides_nothing_and_a_counted_fact_stays_red() {
    let mut interrupted = Fixture::unhurt();
    interrupted.end().how = How::Interrupted;
    let asked = one("metric: delivery.rate, go: '>= 95%'");
    let decision = decide(&asked, vec![run(&mut interrupted, "a", "b")], &[], &Facts::default());
    assert_eq!(decision.outcome, Outcome::Inconclusive, "{}", decision.why);
    interrupted.end().ledger.lost = 3;
    let asked = one("metric: messages.lost, go: '== 0'");
    let decision = decide(&asked, vec![run(&mut interrupted, "a", "b")], &[], &Facts::default());
    assert_eq!(decision.outcome, Outcome::NoGo, "{}", decision.why);
    assert!(decision.confidence > 0.9, "{}", decision.confidence);
}

#[test]
fn a_rehearsed_run_is_judged_and_never_go() {
    let mut fixture = Fixture::unhurt();
    fixture.manifest.rehearsal = Some(2880.0);
    let asked = one("metric: delivery.rate, go: '>= 95%', runs: { lasting: 8h }");
    let decision = decide(&asked, vec![run(&mut fixture, "a", "b")], &[], &Facts::default());
    assert_eq!((decision.outcome, decision.would_be), (Outcome::Inconclusive, Outcome::Go));
    assert_eq!(decision.word(), "REHEARSAL");
    assert!(!decision.approved);
    let text = decision_terminal(&decision, None);
    assert!(text.starts_with("REHEARSAL  one"));
    assert!(
        text.contains("confidence none: a rehearsal decides nothing") && !text.contains("confidence of"),
        "{text}"
    );
}

#[test]
fn two_runs_under_one_gate_are_the_worse_of_them_unless_the_best_is_asked_for() {
    let both = || vec![run(&mut Fixture::calm(), "a", "s"), run(&mut Fixture::troubled(), "b", "s")];
    for (asked, expected) in [
        ("metric: messages.lost, go: '== 0'", Outcome::NoGo),
        ("metric: messages.lost, go: '== 0', runs: { take: best }", Outcome::Go),
        ("metric: messages.lost, go: '== 0', runs: { take: best, least: 3 }", Outcome::Inconclusive),
        ("metric: messages.lost, go: '== 0', minor: true", Outcome::Conditional),
        ("verdict: GO", Outcome::NoGo),
    ] {
        let decision = decide(&one(asked), both(), &[], &Facts::default());
        assert_eq!(decision.outcome, expected, "{asked}: {}", decision.why);
    }
}

#[test]
fn a_number_is_compared_with_the_baseline_of_the_same_scenario_only() {
    let mut slow = Fixture::calm();
    for round in &mut slow.rounds {
        round.ended_ns = round.ended_ns.map(|ns| ns + 8_000_000);
    }
    let asked = one("metric: round.time.max, than: baseline, go: '<= 110%', conditional: '<= 300%'");
    let labelled = facts("runs: [{ run: base, baseline: true }]");
    for (scenario, fixture, expected) in [
        ("s", &mut Fixture::calm(), Outcome::Go),
        ("s", &mut slow, Outcome::Conditional),
        ("t", &mut Fixture::calm(), Outcome::Inconclusive),
    ] {
        let runs = vec![run(&mut Fixture::calm(), "base", "s"), run(fixture, "new", scenario)];
        let decision = decide(&asked, runs, &[], &labelled);
        assert_eq!(decision.outcome, expected, "{scenario}: {}", decision.why);
    }
    let elsewhere = |labels: &str| {
        let mut runs = vec![run(&mut Fixture::calm(), "base", "s"), run(&mut Fixture::calm(), "new", "s")];
        runs[0].host = "another".to_owned();
        decide(&asked, runs, &[], &facts(labels))
    };
    let unsaid = elsewhere("runs: [{ run: base, baseline: true }]");
    assert_eq!(unsaid.outcome, Outcome::Inconclusive);
    assert!(unsaid.why.contains("measured on another class of host (another, this is "), "{}", unsaid.why);
    let said = elsewhere("runs: [{ run: base, environment: wsl, baseline: true }]");
    assert_eq!(said.outcome, Outcome::Go, "{}", said.why);
    let decision = decide(&asked, vec![run(&mut Fixture::calm(), "new", "s")], &[], &Facts::default());
    assert!(decision.why.contains("no run is labelled as the baseline"), "{}", decision.why);
}

#[test]
fn a_fact_of_another_unit_decides_nothing() {
    let asked = one("fact: speed, go: '< 5s'");
    let decision = decide(
        &asked,
        Vec::new(),
        &[],
        &facts("facts: [{ fact: speed, value: 3, source: s, date: 2026-11-24 }]"),
    );
    assert_eq!(decision.outcome, Outcome::Inconclusive);
    assert!(decision.why.contains("cannot be compared"), "{}", decision.why);
}

#[test]
fn a_run_with_the_gates_of_a_file_says_the_same_as_the_decision() {
    let mut fixture = Fixture::troubled();
    fixture.manifest.gates = vec![gate("messages.lost == 0", Op::Equal, 0.0)];
    let own = fixture.judged().gates[0].why.clone();
    let asked = one("metric: messages.lost, go: '== 0'");
    let decision = decide(&asked, vec![run(&mut fixture, "a", "b")], &[], &Facts::default());
    assert_eq!(decision.criteria[0].why, own);
    assert_eq!(decision.criteria[0].rests[0].on, "a");
}
