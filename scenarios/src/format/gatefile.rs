//! The tables of gate files and of facts files.

use super::Presence::{Default, Optional, Otherwise, Required};
use super::Scalar::{Count, Duration, Flag, Name, Share, Text, Word};
use super::tables::{MOST_AGENTS, PHASES};
use super::{Choice, Field, Presence, Scalar, Table, Value};

const LONGEST: u64 = 400 * 86_400_000_000_000;

pub(crate) const WORDS: &[&str] = &["GO/CONDITIONAL/NO-GO", "GO/PIVOT/NO-GO", "PASS/CONDITIONAL PASS/FAIL"];

const fn scalar(key: &'static str, scalar: Scalar, presence: Presence, help: &'static str) -> Field {
    Field { key, value: Value::Scalar(scalar), presence, help }
}

const fn texts(key: &'static str, presence: Presence, help: &'static str) -> Field {
    const ONE_OR_MORE: &[Value] = &[Value::Scalar(Text), Value::List(&Value::Scalar(Text))];
    Field { key, value: Value::Either(ONE_OR_MORE), presence, help }
}

const fn table(key: &'static str, of: &'static Table, presence: Presence, help: &'static str) -> Field {
    Field { key, value: Value::Table(of), presence, help }
}

pub(crate) static GATE_FILE: Table = Table {
    title: "gate file",
    help: "A decision over several runs and outside facts.",
    fields: &[
        scalar("name", Name, Required, "Its name, by which its decisions are kept."),
        scalar("why", Text, Required, "Which question it decides."),
        scalar("words", Word(WORDS), Default(WORDS[0]), "How its outcomes are called."),
        scalar(
            "rule",
            Word(&["strict", "conditional"]),
            Required,
            "`strict`: a criterion holds or it does not, and `conditional`, `band` and `minor` are refused. \
             `conditional`: a criterion may hold conditionally.",
        ),
        scalar(
            "approve",
            Share { least: 500_000, most: 1_000_000 },
            Default("90%"),
            "The confidence from which on a GO needs nobody's approval.",
        ),
        texts("cites", Optional, "The rules that the file as a whole stands for."),
        table("then", &THEN, Optional, "What follows from the decision."),
        texts("pivots", Optional, "Ways out, where the decision is NO-GO."),
        Field {
            key: "criteria",
            value: Value::List(&Value::Table(&CRITERION)),
            presence: Required,
            help: "What must hold; at least one.",
        },
    ],
    choices: &[],
};

pub(crate) static THEN: Table = Table {
    title: "then",
    help: "What follows from each outcome.",
    fields: &[
        scalar("go", Text, Optional, "After GO."),
        scalar("conditional", Text, Optional, "After CONDITIONAL."),
        scalar("no_go", Text, Optional, "After NO-GO."),
    ],
    choices: &[],
};

pub(crate) static CRITERION: Table = Table {
    title: "criterion",
    help: "One thing that must hold.",
    fields: &[
        scalar("id", Name, Required, "Its name in the decision."),
        scalar("what", Text, Required, "What is asked, in words."),
        texts("cites", Optional, "The requirements that it stands for."),
        scalar("metric", Text, Optional, "A number of runs: one of the metrics, narrowed or not."),
        scalar("during", Word(PHASES), Otherwise("the whole run counts"), "Only this phase counts."),
        scalar(
            "than",
            Word(&["baseline"]),
            Optional,
            "The limits are shares of the same number in the runs that the facts file labels `baseline`.",
        ),
        scalar(
            "verdict",
            Word(&["GO", "CONDITIONAL"]),
            Optional,
            "The verdict of runs by the gates of their own scenarios, which must be no worse.",
        ),
        table("environments", &ENVIRONMENTS, Optional, "In how many environments other criteria hold."),
        scalar("fact", Text, Optional, "Something that no run can show, by its name in the facts file."),
        scalar("decision", Name, Optional, "An earlier decision, by the name of its gate file."),
        scalar(
            "go",
            Text,
            Optional,
            "Inside this limit is GO: `< 30s`; of a fact also `== yes`. For `metric`, `environments` and `fact`.",
        ),
        scalar("conditional", Text, Optional, "Outside `go` but inside this limit is CONDITIONAL."),
        scalar(
            "band",
            Share { least: 100_000, most: 990_000 },
            Optional,
            "The same as a share of the target: at 80% a target of >= 95% is conditional from 76% on, one of \
             < 20s up to 25s.",
        ),
        table("runs", &RUNS, Otherwise("every run that is given"), "On which runs."),
        scalar("minor", Flag, Default("false"), "Its failure makes the decision conditional, not NO-GO."),
        scalar("if_failed", Text, Optional, "The prescribed response to its failure."),
        scalar("if_conditional", Text, Optional, "The prescribed response where it holds conditionally."),
    ],
    choices: &[
        Choice { keys: &["metric", "verdict", "environments", "fact", "decision"], required: true },
        Choice { keys: &["conditional", "band"], required: false },
    ],
};

pub(crate) static ENVIRONMENTS: Table = Table {
    title: "environments",
    help: "Environments are labels that the facts file gives to runs. One counts if these criteria hold on all its runs.",
    fields: &[Field {
        key: "hold",
        value: Value::List(&Value::Scalar(Name)),
        presence: Required,
        help: "The ids of criteria on `metric` or `verdict` in this file.",
    }],
    choices: &[],
};

pub(crate) static RUNS: Table = Table {
    title: "runs",
    help: "Runs must fit everything that stands here.",
    fields: &[
        texts("scenario", Otherwise("any"), "Names of scenarios; `*` stands for any letters."),
        scalar("agents", Count { least: 1, most: MOST_AGENTS }, Otherwise("any"), "The fewest agents."),
        scalar(
            "lasting",
            Duration { least: 1_000_000_000, most: LONGEST },
            Otherwise("any"),
            "The shortest load (warm-up and hold) by plan; of a rehearsal, by the plan before it was compressed.",
        ),
        texts("environment", Otherwise("any"), "Labels of environments, from the facts file."),
        scalar("least", Count { least: 1, most: 1_000 }, Default("1"), "The fewest runs."),
        scalar(
            "take",
            Word(&["worst", "best"]),
            Default("worst"),
            "`worst`: it must hold on each of them. `best`: one is enough.",
        ),
    ],
    choices: &[],
};

pub(crate) static FACTS_FILE: Table = Table {
    title: "facts file",
    help: "What no run can show, with who says so, and in which environments runs were made.",
    fields: &[
        Field {
            key: "facts",
            value: Value::List(&Value::Table(&FACT)),
            presence: Otherwise("there are none"),
            help: "The facts.",
        },
        Field {
            key: "runs",
            value: Value::List(&Value::Table(&LABEL)),
            presence: Otherwise("runs have no label"),
            help: "Labels of runs; the first that fits counts.",
        },
    ],
    choices: &[],
};

pub(crate) static FACT: Table = Table {
    title: "fact",
    help: "Something known from elsewhere.",
    fields: &[
        scalar("fact", Text, Required, "Its name, by which gate files ask for it: `coverage.unit`."),
        Field {
            key: "value",
            value: Value::Either(&[
                Value::Scalar(Text),
                Value::Scalar(Count { least: 0, most: u64::MAX }),
                Value::Scalar(Flag),
            ]),
            presence: Required,
            help: "`96%`, `0`, `4m`, `yes`, `no`, or a word.",
        },
        scalar("source", Text, Required, "Who or what says so: a report, a page, a command."),
        scalar("date", Text, Required, "Since when: `2026-11-24`."),
    ],
    choices: &[],
};

pub(crate) static LABEL: Table = Table {
    title: "label",
    help: "What is known of a run beyond its evidence.",
    fields: &[
        scalar("run", Text, Required, "The id of a run, as its manifest has it; `*` stands for any letters."),
        scalar(
            "environment",
            Name,
            Optional,
            "The environment in which it was made: `docker`, `kubernetes`.",
        ),
        scalar(
            "baseline",
            Flag,
            Default("false"),
            "Others are compared with it, and no other criterion looks at it.",
        ),
    ],
    choices: &[],
};
