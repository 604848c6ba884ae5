//! The gate files of this repository, and what is said of those that are wrong.
//!
//! `SHAKEDOWN_BLESS=1` rewrites the pages.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what it could not do")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use evidence::gatefile::{Ask, GateFile, fits};
use scenarios::{Options, gatefile};
use serde_json::Value as Json;

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml_in(folder: &str) -> Vec<PathBuf> {
    let Ok(inside) = std::fs::read_dir(crate_root().join(folder)) else { return Vec::new() };
    let mut found: Vec<_> = inside.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    found.sort();
    found
}

/// Every gate file by the name of its file.
fn gate_files() -> BTreeMap<String, GateFile> {
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, gatefile::read(&path).unwrap_or_else(|problems| panic!("{problems}")))
    };
    yaml_in("gates").into_iter().map(read).collect()
}

#[test]
fn every_gate_file_is_valid_and_named_after_its_file() {
    let files = gate_files();
    assert!(files.len() >= 20, "{}", files.len());
    for (stem, file) in files {
        assert_eq!(file.name, stem);
        assert!(file.why.len() > 20, "{stem} does not say why");
    }
}

/// The rules of decisions: which gates and words there are, their order, how outcomes combine. No run can meet or
/// break them, so that no criterion stands for them alone; the files still cite them.
const FRAMEWORK: std::ops::RangeInclusive<u32> = 1..=7;

#[test]
fn every_requirement_on_decisions_stands_in_a_gate_file() {
    let files = gate_files();
    let cites = files.values().flat_map(|file| {
        file.cites.iter().chain(file.criteria.iter().flat_map(|c| &c.cites)).cloned().collect::<Vec<_>>()
    });
    let cited: BTreeSet<String> = cites.collect();
    for id in FRAMEWORK.chain(8..=162).map(|n| format!("D{n}")) {
        assert!(cited.contains(&id), "{id} is in no gate file");
    }
}

#[test]
fn every_scenario_and_every_gate_that_a_gate_file_names_is_there() {
    let files = gate_files();
    let folders = ["smoke", "load", "chaos", "soak"];
    let scenarios: Vec<scenarios::Loaded> = folders
        .into_iter()
        .flat_map(yaml_in)
        .map(|file| scenarios::read(&file, &Options::default()).unwrap())
        .collect();
    let mut missing = BTreeSet::new();
    for file in files.values() {
        for criterion in &file.criteria {
            let runs = match &criterion.ask {
                Ask::Metric { runs, .. } | Ask::Verdict { runs, .. } => runs,
                Ask::Decision { gate } => {
                    assert!(files.contains_key(gate), "{} asks for the gate {gate}", file.name);
                    continue;
                }
                Ask::Environments { .. } | Ask::Fact { .. } => continue,
            };
            for pattern in &runs.scenarios {
                let good = |s: &scenarios::Loaded| {
                    let agents = s.plan.target.agents.map_or(0, |a| a.all());
                    let load = s.plan.phases.iter().filter(|p| p.name != "drain");
                    fits(pattern, s.scenario.name())
                        && runs.agents.is_none_or(|least| agents >= least)
                        && runs.lasting_ns.is_none_or(|least| load.map(|p| p.length_ns).sum::<u64>() >= least)
                };
                if !scenarios.iter().any(good) {
                    missing.insert(format!("{}: {}: {pattern}", file.name, criterion.id));
                }
            }
        }
    }
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn every_gate_file_validates_against_the_schema() {
    let validator = jsonschema::validator_for(&scenarios::gate_file_schema()).unwrap();
    for path in yaml_in("gates") {
        validates(&validator, &path);
    }
    let validator = jsonschema::validator_for(&scenarios::facts_file_schema()).unwrap();
    validates(&validator, &crate_root().join("gates/examples/facts.yaml"));
}

fn validates(validator: &jsonschema::Validator, path: &Path) {
    let json: Json = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
}

#[test]
fn the_example_facts_are_read_as_yaml_and_as_json() {
    let examples = crate_root().join("gates/examples");
    let yaml = gatefile::read_facts(&examples.join("facts.yaml")).unwrap();
    assert_eq!((yaml.facts.len(), yaml.runs.len()), (8, 5));
    assert!(yaml.runs[0].baseline);
    let json = gatefile::read_facts(&examples.join("facts.json")).unwrap();
    assert_eq!(json.facts[1].value, evidence::gatefile::Amount::Word("yes".into()));
}

#[test]
fn the_pages_made_from_the_format_are_current() {
    let reference = crate_root().join("../docs/reference");
    for (name, expected) in [
        ("gate-files.md", gatefile::reference()),
        ("gate-file.schema.json", format!("{:#}\n", scenarios::gate_file_schema())),
        ("facts-file.schema.json", format!("{:#}\n", scenarios::facts_file_schema())),
    ] {
        let path = reference.join(name);
        if std::env::var_os("SHAKEDOWN_BLESS").is_some() {
            std::fs::write(&path, &expected).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "{name} is not current; run the tests with SHAKEDOWN_BLESS=1");
    }
}

#[test]
fn the_gate_file_of_the_page_is_valid() {
    let page = gatefile::reference();
    let mut examples = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    gatefile::parse(examples.next().unwrap(), "page").unwrap();
    gatefile::parse_facts(examples.next().unwrap(), "page").unwrap();
}

fn refused(text: &str) -> String {
    gatefile::parse(text, "bad.yaml").unwrap_err().to_string()
}

#[test]
fn everything_that_is_wrong_with_a_gate_file_is_said_at_once() {
    insta::assert_snapshot!(refused(
        "name: Bad\nrule: loose\nword: x\ncriteria:\n\
        - { id: a, what: w, metric: delivery.rat, go: '>= 95%' }\n\
        - { id: b, what: w, metric: delivery.rate }\n\
        - { id: b, what: w, metric: delivery.rate, go: '>= 95%', conditional: '>= 99%' }\n\
        - { id: b, what: w, metric: delivery.rate, go: '>= 95' }\n\
        - { id: c, what: w, metric: messages.lost, go: '== 0', band: 80% }\n\
        - { id: d, what: w, metric: fault.lost, go: '== 0' }\n\
        - { id: e, what: w, metric: round.time.p50, go: '< 1s', fact: speed }\n\
        - { id: f, what: w }\n\
        - { id: g, what: w, fact: coverage, go: '> yes' }\n\
        - { id: h, what: w, fact: coverage, go: '>= 80%', runs: { agents: 3 } }\n\
        - { id: i, what: w, fact: coverage, go: '>= 80%', conditional: '>= 70' }\n\
        - { id: j, what: w, verdict: NO-GO, go: '> 1' }\n\
        - { id: k, what: w, metric: round.time.p50, go: '< 1s', runs: { lasting: 1ms, take: any } }\n\
        - { id: l, what: w, decision: gate-1, go: GO }\n"
    ), @r##"
    error: bad.yaml is not a valid gate file: 20 problems
      bad.yaml:1:1   the gate file has no "why"
        Which question it decides.
      bad.yaml:1:7   name is "Bad"
        it takes lower-case letters, digits and dashes, at most 80
      bad.yaml:2:7   rule is "loose"
        it takes strict or conditional
      bad.yaml:3:1   unknown key "word" in the gate file
        did you mean "words"?
      bad.yaml:5:3   no metric is called delivery.rat
        did you mean "delivery.rate"?
      bad.yaml:6:3   criteria.1.go is missing
        it says from where on this is GO
      bad.yaml:7:71   the gate on delivery.rate can never be conditional
        ">= 99%" must allow all that ">= 95%" allows, and more
      bad.yaml:8:3   the gate on delivery.rate compares with "95", which has no unit
        write 95%
      bad.yaml:9:62   a band of this target allows nothing more
        a band is a share of a target that is not zero and is compared with < or >; use conditional
      bad.yaml:10:3   fault.lost does not say of which fault
        write fault[1].lost
      bad.yaml:11:57   criteria.6 has both "metric" and "fact"
        keep one of them
      bad.yaml:12:3   criteria.7 has none of "metric", "verdict", "environments", "fact", "decision"
        it needs one of them
      bad.yaml:13:41   "> yes" compares the word "yes" by size
        words are compared with == or !=
      bad.yaml:14:51   criteria.9.runs has no meaning here
        a fact belongs to no run
      bad.yaml:15:64   this can never be conditional
        it must have the same unit and allow more than go
      bad.yaml:16:30   criteria.11.verdict is "NO-GO"
        it takes GO or CONDITIONAL
      bad.yaml:16:37   criteria.11.go has no meaning here
        a verdict has no limit: its own gates have
      bad.yaml:17:74   criteria.12.runs.lasting is "1ms"
        the least is 1s
      bad.yaml:17:85   criteria.12.runs.take is "any"
        it takes worst or best
      bad.yaml:18:39   criteria.13.go has no meaning here
        an earlier decision is as good as it was
    "##);
}

#[test]
fn environments_name_criteria_on_runs() {
    insta::assert_snapshot!(refused(
        "name: bad\nwhy: w\nrule: conditional\ncriteria:\n\
        - { id: a, what: w, fact: coverage, go: '>= 80%' }\n\
        - { id: b, what: w, environments: { hold: [a, c] }, go: '>= 3', conditional: '>= 5' }\n\
        - { id: d, what: w, environments: { hold: [a, c] }, go: '>= 3' }\n\
        - { id: d, what: w, verdict: GO }\n"
    ), @r##"
    error: bad.yaml is not a valid gate file: 3 problems
      bad.yaml:6:78   this can never be conditional
        it must allow more than go
      bad.yaml:7:3   environments.hold names "a", which is no criterion on runs
        it takes the ids of criteria with metric or verdict in this file
      bad.yaml:8:3   two criteria have the id "d"
        give one of them another id
    "##);
}

#[test]
fn a_strict_gate_file_has_nothing_conditional() {
    insta::assert_snapshot!(refused(
        "name: bad\nwhy: w\nrule: strict\ncriteria:\n\
        - { id: a, what: w, metric: delivery.rate, go: '>= 95%', conditional: '>= 90%' }\n\
        - { id: b, what: w, metric: delivery.rate, go: '>= 95%', band: 80%, minor: true }\n"
    ), @r##"
    error: bad.yaml is not a valid gate file: 3 problems
      bad.yaml:5:58   criteria.0.conditional has no meaning here
        rule is strict: a criterion holds or it does not; with rule: conditional it may stand
      bad.yaml:6:58   criteria.1.band has no meaning here
        rule is strict: a criterion holds or it does not; with rule: conditional it may stand
      bad.yaml:6:69   criteria.1.minor has no meaning here
        rule is strict: a criterion holds or it does not; with rule: conditional it may stand
    "##);
}

#[test]
fn everything_that_is_wrong_with_a_facts_file_is_said_at_once() {
    let refused = |text: &str| gatefile::parse_facts(text, "bad.yaml").unwrap_err().to_string();
    insta::assert_snapshot!(refused(
        "facts:\n\
        - { fact: a, value: 82%, source: s, date: 2026-02-30 }\n\
        - { fact: a, value: 82%, source: s, date: 2026-02-03 }\n\
        - { fact: a, value: 82%, source: s, date: 2026-02-03 }\n\
        - { fact: b, value: 4 parsecs, source: s, date: 2026-02-03 }\n\
        - { fact: c, value: 1 }\n\
        runs:\n\
        - { run: r, environment: My Laptop }\n\
        - { environment: docker, baseline: perhaps }\n"
    ), @r##"
    error: bad.yaml is not a valid facts file: 9 problems
      bad.yaml:2:43   facts.0.date is "2026-02-30"
        it takes a day such as 2026-11-24
      bad.yaml:3:3   the fact "a" stands here twice
        keep one of them
      bad.yaml:4:3   the fact "a" stands here twice
        keep one of them
      bad.yaml:5:21   facts.3.value is "4 parsecs", which has the unknown unit "parsecs"
        units of time are ns, us, ms, s, m, h, d, w
      bad.yaml:6:3   facts.4 has no "date"
        Since when: `2026-11-24`.
      bad.yaml:6:3   facts.4 has no "source"
        Who or what says so: a report, a page, a command.
      bad.yaml:8:26   runs.0.environment is "My Laptop"
        it takes lower-case letters, digits and dashes, at most 80
      bad.yaml:9:3   runs.1 has no "run"
        The id of a run, as its manifest has it; `*` stands for any letters.
      bad.yaml:9:36   runs.1.baseline is "perhaps"
        it takes true or false
    "##);
    insta::assert_snapshot!(refused(""), @r##"
    error: bad.yaml is not a valid facts file: 1 problem
      bad.yaml   holds no facts file: it is empty
        keys here: facts, runs
    "##);
}
