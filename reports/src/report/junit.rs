//! `junit.xml`: one test case a gate, and one for each condition of coverage, for a build server.
//!
//! NO-GO is a failure. INCONCLUSIVE is an error, JUnit's word for a test that could not be carried out, so
//! that no build server takes it for a pass. CONDITIONAL passes, with its reason as output.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::verdict::{Outcome, Verdict};

/// The document. It holds no time of rendering.
pub(super) fn junit(verdict: &Verdict) -> String {
    let about = &verdict.about;
    let mut suite = TestSuite::new(about.scenario.as_str());
    suite.set_time(std::time::Duration::from_secs_f64(about.duration_s.max(0.0)));
    for (name, value) in [
        ("verdict", verdict.word().to_owned()),
        ("why", verdict.why.clone()),
        ("run", about.run.clone()),
        ("seed", about.seed.to_string()),
        ("rehearsal", about.rehearsal.is_some().to_string()),
    ] {
        suite.add_property(Property::new(name, value));
    }
    for gate in &verdict.gates {
        suite.add_test_case(case(&gate.id, &format!("{}.gates", about.scenario), gate.outcome, &gate.why));
    }
    for condition in &verdict.coverage {
        let class = format!("{}.coverage", about.scenario);
        suite.add_test_case(case(condition.id, &class, condition.outcome, &condition.why));
    }
    if verdict.gates.is_empty() {
        suite.add_test_case(case(
            "gates",
            &format!("{}.gates", about.scenario),
            verdict.outcome,
            &verdict.why,
        ));
    }
    let mut report = Report::new("shakedown");
    report.add_test_suite(suite);
    report.to_string().expect("a report in memory can always be written")
}

fn case(name: &str, class: &str, outcome: Outcome, why: &str) -> TestCase {
    let mut status = match outcome {
        Outcome::Go | Outcome::Conditional => TestCaseStatus::success(),
        Outcome::NoGo => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if outcome >= Outcome::Inconclusive {
        status.set_type(outcome.name()).set_message(why);
    }
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    if outcome <= Outcome::Conditional {
        case.set_system_out(format!("{outcome}: {why}"));
    }
    case
}
